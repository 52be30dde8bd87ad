"""What examples are made of: rendered people and drawn figures, with everything about them known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from ...checkpoint import DPTNModel
from ...data.synthetic.figures import TEST_SEED, draw_pairs
from ...data.synthetic.kept import KeptSet, read_pairs
from ...data.synthetic.synthetic_pairs import pair_seeds
from ...segmentation import BlazePoseSegmenter
from ..synthetic_batches import open_kept_people, refuse_test_seed
from ..toml_tables import ConfigError
from .carrier_config import CarrierConfig
from .examples import Examples, joined, make_examples
from .store import SHARD

_EACH_SHOWN: Final = 6  # drawn figures and rendered people on sample grids
_SAME_SHAPE: Final = 0.02  # fraction by which proportions may differ
_GOLDEN: Final = 0.6180339887498949  # multiples of it, modulo 1, fill the unit interval evenly


@dataclass(frozen=True)
class NamedModel:
    """A generator whose work the examples show."""

    model: DPTNModel
    name: str  # of its file, and the beginning of that file's SHA-256


class Maker(Protocol):
    """Makes examples by number; the same number always gives the same example.

    Attributes:
        made_of: What determines the examples, for metadata.
    """

    made_of: dict[str, str]

    def examples(self, shard: int, inside: range) -> Examples:
        """The examples of a shard whose numbers in it are `inside`, within range(SHARD)."""

    def shown(self) -> Examples:
        """Examples for sample grids, which training does not see where there are enough."""


class SyntheticMaker:
    """Rendered people of a kept set and drawn figures; a shard is of the one or the other, and of one generator."""

    def __init__(self, config: CarrierConfig, models: Sequence[NamedModel], segmenter: BlazePoseSegmenter) -> None:
        """Open the set.

        Raises:
            ConfigError: it is none, is wanted and not named, a model is of other proportions, or the figures are the
                test set's.
        """
        check_proportions(config, models)
        if config.data.figures:
            refuse_test_seed(config.data.seed)
        self._data, self._size, self._models, self._segmenter = config.data, config.size, models, segmenter
        self._kept = _open(config)
        people = "" if self._kept is None else f", people of {self._kept.manifest.stamp} ({len(self._kept)} pairs)"
        self.made_of = {
            "data": f"{self._data.figures:.0%} drawn figures{people}",
            "seed": str(self._data.seed),
            "generators": "; ".join(model.name for model in models),
        }

    def examples(self, shard: int, inside: range) -> Examples:
        """See Maker."""
        dice = np.random.default_rng((self._data.seed, shard))
        model = self._models[int(dice.integers(len(self._models)))].model
        if self._kept is None or self._is_figures(shard):
            seeds = pair_seeds(self._data.seed, shard * SHARD + inside.start, len(inside))
            return make_examples(draw_pairs(seeds, self._size), model, self._segmenter)
        first = sum(not self._is_figures(earlier) for earlier in range(shard)) * SHARD
        uses = [_use(first + number, len(self._kept)) for number in inside]
        again = self._data.seed if max(uses) >= len(self._kept) else None  # changed when it comes again
        return make_examples(read_pairs(self._kept, uses, again, size=self._size), model, self._segmenter)

    def shown(self) -> Examples:
        """See Maker."""
        model = self._models[0].model
        figures = draw_pairs(pair_seeds(TEST_SEED, 0, _EACH_SHOWN), self._size)
        parts = [make_examples(figures, model, self._segmenter)]
        if self._kept is not None:
            last = range(len(self._kept) - min(_EACH_SHOWN, len(self._kept)), len(self._kept))
            parts.append(make_examples(read_pairs(self._kept, last, size=self._size), model, self._segmenter))
        return joined(parts)

    def _is_figures(self, shard: int) -> bool:
        return self._data.figures > 0 and (shard * _GOLDEN) % 1 < self._data.figures


def check_proportions(config: CarrierConfig, models: Sequence[NamedModel]) -> None:
    """See that generators see the examples undistorted.

    Raises:
        ConfigError: one does not.
    """
    height, width = config.size
    for each in models:
        rows, columns = each.model.training_size
        if abs(columns * height / (rows * width) - 1) > _SAME_SHAPE:
            raise ConfigError(
                f"{each.name} was trained at {columns}x{rows}, but stage is {width}x{height}: its images would be "
                "stretched. Change the stage's width, or name another model with --from"
            )


def _open(config: CarrierConfig) -> KeptSet | None:
    if config.data.figures == 1:
        return None
    if not config.data.root:
        raise ConfigError(
            "data.root is empty; name a set that 'dptn figures --kind people --keep' made, there or with --data, or "
            "set data.figures = 1"
        )
    kept = open_kept_people(config.data.root, "data.root")
    if kept.manifest.height < config.size[0]:
        raise ConfigError(
            f"data.root: images of {config.data.root} are {kept.manifest.width}x{kept.manifest.height}, smaller than "
            f"the {config.size[1]}x{config.size[0]} of stage; keep a set with --size 192x256"
        )
    return kept


def _use(number: int, length: int) -> int:
    """The use of a kept set, round by round, that leaves the last pairs to the sample grids."""
    rounds, place = divmod(number, max(1, length - _EACH_SHOWN))
    return rounds * length + place
