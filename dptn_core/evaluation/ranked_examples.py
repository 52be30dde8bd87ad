"""The best and worst pairs of an evaluation, kept with their images while it runs."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass

from PIL import Image
from torch import Tensor

from ..image_io import to_bytes
from ..pose import People, draw_skeleton
from .cases import Case
from .metrics import BY_NAME, Metric

COUNT = 8  # best and as many worst
_HEIGHT = 256  # pixels; larger images are scaled down
_QUALITY = 88


@dataclass(frozen=True)
class Ranking:
    """By which metric pairs are ranked, and how many are kept at either end."""

    metric: Metric = BY_NAME["ssim"]
    count: int = COUNT


@dataclass(frozen=True)
class ShownPair:
    """A pair worth looking at.

    Attributes:
        number: Of the pair.
        value: Of the ranking's metric.
        source, target: Names of the images.
        scores: All of the pair's.
        images: Label, JPEG, width and height of each image, in the order they are shown.
    """

    number: int
    value: float
    source: str
    target: str
    scores: Mapping[str, float]
    images: tuple[tuple[str, bytes, int, int], ...]


class Shown:
    """Keeps the pairs at both ends of a ranking, best first in `best` and worst first in `worst`."""

    def __init__(self, ranking: Ranking) -> None:
        """Start with no pairs."""
        self.ranking = ranking
        self.best: list[ShownPair] = []
        self.worst: list[ShownPair] = []

    def offer(self, scores: Mapping[str, float], number: int, case: Case, generated: Tensor) -> None:
        """Keep the pair if it belongs to either end; pairs without the metric never do.

        Args:
            scores: of the pair.
            number: of the pair.
            case: what its images are.
            generated: (3, H, W) in [0, 1], the generated image as it was compared.
        """
        value = scores.get(self.ranking.metric.name)
        if value is None:
            return
        key = self._key(value, number)
        full = len(self.best) == self.ranking.count and len(self.worst) == self.ranking.count
        if full and self._of(self.best[-1]) <= key <= self._of(self.worst[-1]):
            return
        pair = ShownPair(number, value, case.source, case.target, dict(scores), _images(case, generated))
        self._keep([*self.best, pair], [*self.worst, pair])

    def merged(self, other: Shown) -> Shown:
        """Both ends of the two together."""
        both = Shown(self.ranking)
        both._keep([*self.best, *other.best], [*self.worst, *other.worst])
        return both

    def ends(self) -> tuple[list[ShownPair], list[ShownPair]]:
        """Best and worst, no pair in both: where there are few, each end has half of them."""
        every = sorted({pair.number: pair for pair in (*self.best, *self.worst)}.values(), key=self._of)
        half = min(self.ranking.count, (len(every) + 1) // 2)
        return every[:half], every[half:][::-1][: self.ranking.count]

    def _keep(self, best: list[ShownPair], worst: list[ShownPair]) -> None:
        self.best = sorted(best, key=self._of)[: self.ranking.count]
        self.worst = sorted(worst, key=self._of, reverse=True)[: self.ranking.count]

    def _of(self, pair: ShownPair) -> tuple[float, int]:
        return self._key(pair.value, pair.number)

    def _key(self, value: float, number: int) -> tuple[float, int]:
        return (-value if self.ranking.metric.higher_is_better else value, number)


def _images(case: Case, generated: Tensor) -> tuple[tuple[str, bytes, int, int], ...]:
    height, width = case.ground_truth.shape[1:]
    found: list[tuple[str, Image.Image]] = []
    if case.source_image is not None:
        found.append(("source", Image.fromarray(to_bytes(case.source_image))))
    if case.pose is not None:
        skeleton = draw_skeleton(People((case.pose,), case.pose.canvas), (int(height), int(width)))
        found.append(("target pose", Image.fromarray(skeleton)))
    found.append(("generated", _in_proportions(generated, int(height), int(width))))
    found.append(("target", Image.fromarray(to_bytes(case.ground_truth))))
    return tuple((label, *_encoded(image)) for label, image in found)


def _in_proportions(generated: Tensor, height: int, width: int) -> Image.Image:
    """The generated image in the proportions of the ground truth: some protocols stretch it."""
    image = Image.fromarray(to_bytes(generated))
    return image if image.size == (width, height) else image.resize((width, height), Image.Resampling.BICUBIC)


def _encoded(image: Image.Image) -> tuple[bytes, int, int]:
    if image.height > _HEIGHT:
        wide = max(1, round(image.width * _HEIGHT / image.height))
        image = image.resize((wide, _HEIGHT), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    image.save(file, "jpeg", quality=_QUALITY, subsampling=0)
    return file.getvalue(), image.width, image.height
