"""Scores of images composed from the source's own pixels, on `people-500`, where every pixel's origin is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from ..checkpoint import DPTNModel
from ..data.synthetic.pair_heatmaps import pair_heatmaps
from ..data.synthetic.people import TEST_PAIRS, TEST_SEED, check_size, open_studio, render_pairs
from ..data.synthetic.synthetic_pairs import PeoplePairs, SyntheticPairs, pair_seeds
from ..inference.box import Box
from ..inference.framing import Frame
from ..inference.source_texture import SourceTexture, encode_texture
from ..inference.texture import Decision, compose_texture, decide
from ..inference.transfer import Composed, EncodedSource, Generated
from ..network.carrier import Carrier, look_up, places
from ..pose import Canvas
from ..segmentation import BlazePoseSegmenter, can_be_masked, person_mask
from .cases import Case
from .generation import known_pose
from .people_scores import mean_gradient, scaled, shrunk
from .protocols import PROTOCOLS
from .scoring import Networks, Row, score_case
from .summary import means

COPY, CORE, WARPED, BOUND = "copying the source", "network alone", "with its texture", "bound"
_NEAR: Final = 0.02  # of the height


@dataclass(frozen=True)
class Composition:
    """One pair composed, with everything on the way."""

    generated: Generated
    texture: SourceTexture
    decision: Decision
    composed: Composed


def compose_pair(
    model: DPTNModel, carrier: Carrier, segmenter: BlazePoseSegmenter | None, pairs: SyntheticPairs, index: int
) -> Composition:
    """One pair of a batch as the product would make it, at the pairs' own size; its frame is the whole image."""
    height, width = pairs.source.shape[-2:]
    canvas = Canvas(width, height)
    frame = Frame(Box(0, 0, width, height), canvas, model.training_size)
    one = pairs[index : index + 1]
    small = shrunk(one, model.training_size)
    maps = pair_heatmaps(model, small)
    with torch.inference_mode():
        features = model.generator.encode_source(small.source.to(model.dtype), maps[0])
        generated_image, queries = model.generator.transfer_with_queries(features, maps[1])
    source_image = (one.source[0] + 1) / 2
    source_pose = known_pose(one, 0, source=True)
    source = EncodedSource(model, features, source_image, source_pose, frame, "fit")
    generated = Generated(
        source, known_pose(one, 0), frame, frame, ((generated_image[0].float() + 1) / 2).clamp(0, 1), queries
    )
    mask = person_mask(segmenter, source_image, source_pose) if segmenter and can_be_masked(source_pose) else None
    texture = encode_texture(carrier, source, mask)
    decision = decide(carrier, texture, generated)
    return Composition(generated, texture, decision, compose_texture(decision, texture, (height, width)))


def composing(carrier: Carrier, segmenter: BlazePoseSegmenter | None) -> Callable[[DPTNModel, SyntheticPairs], Tensor]:
    """What `draw_figures` takes to score the source's warped pixels instead of the model's own images."""

    def compose(model: DPTNModel, pairs: SyntheticPairs) -> Tensor:
        made = [compose_pair(model, carrier, segmenter, pairs, number) for number in range(len(pairs))]
        return torch.stack([one.composed.image for one in made])

    return compose


def score_texture(
    model: DPTNModel,
    carrier: Carrier,
    segmenter: BlazePoseSegmenter | None,
    networks: Networks,
    size: tuple[int, int] = (512, 384),
    *,
    pairs: int = TEST_PAIRS,
    progress: Callable[[int], None] | None = None,
) -> dict[str, dict[str, float]]:
    """Score a model with its carrier on the first `pairs` pairs of the test set, under the protocol `exact`.

    Args:
        model: the generator.
        carrier: on the same device.
        segmenter: finds the source person, as in use; None: nobody does.
        networks: of the learned metrics.
        size: (H, W) at which everything is rendered, composed and compared.
        pairs: how many.
        progress: called with the number of pairs done.

    Returns:
        Means of copying the source, of the model alone, with its texture, and of the bound: every pixel that the source
        shows warped from its ground-truth place, the model's elsewhere. Beside the metrics of `METRICS`, with texture:
        flow_2, the fraction of what the source shows that is taken from within 2 % of the height; seen_auc of the
        invented mask against the ground truth; target_iou and source_iou of the mattes.

    Raises:
        ModuleNotFoundError: rendering people needs packages of the extra `train`.
        ValueError: the size is too small.
    """
    check_size(size)
    studio = open_studio()
    rows: dict[str, list[Row]] = {name: [] for name in (COPY, CORE, WARPED, BOUND)}
    found: list[Tensor] = []
    for number in range(pairs):
        pair = render_pairs(studio, pair_seeds(TEST_SEED, number, 1), size, split="test", faults=False)
        made = compose_pair(model, carrier, segmenter, pair, 0)
        alone = scaled(made.generated.image[None] * 2 - 1, size)
        bound = torch.where(pair.seen[:, None], look_up(pair.source, pair.correspondence / size[0]), alone)
        images = {COPY: pair.source, CORE: alone, WARPED: made.composed.image[None] * 2 - 1, BOUND: bound}
        for name, image in images.items():
            row, *_ = score_case(_case(number, image, pair), PROTOCOLS["exact"], networks)
            rows[name].append(row)
        found.append(_found(made, pair, size))
        if progress is not None:
            progress(number + 1)
    table = {name: means(some)[0] for name, some in rows.items()}
    decisions = torch.stack(found).nanmean(0).tolist()
    table[WARPED] |= dict(zip(("flow_2", "seen_auc", "target_iou", "source_iou"), decisions, strict=True))
    return table


def _case(number: int, image: Tensor, pair: PeoplePairs) -> Case:
    """An image (1, 3, H, W) in [-1, 1] beside the target of the one pair."""
    sharpness = mean_gradient(image, pair.target_mask) / mean_gradient(pair.target, pair.target_mask)
    return Case(
        number,
        "",
        f"person {number}",
        generated=(image[0] + 1) / 2,
        ground_truth=(pair.target[0] + 1) / 2,
        mask=pair.target_mask[0],
        more={"sharpness": float(sharpness)},
    )


def _found(made: Composition, pair: PeoplePairs, size: tuple[int, int]) -> Tensor:
    """Flow, AUC of what is seen, IoU of both mattes, (4,) double; NaN where a pair has no answer."""
    person, seen = pair.target_mask[0], pair.seen[0]
    correspondence = made.decision.correspondence(made.texture).permute(2, 0, 1)[None]
    at = places(size)[None]
    flow = look_up(correspondence, at)[0].permute(1, 2, 0)
    off = (flow - pair.correspondence[0]).norm(dim=-1) / size[0]
    near = (off[seen] < _NEAR).double().mean() if seen.any() else torch.tensor(torch.nan)
    unseen = made.composed.invented[person]
    return torch.stack(
        [
            near.double(),
            _auc(1 - unseen, seen[person]),
            _iou(made.composed.matte > 0.5, person),
            _iou(made.texture.matte > 0.5, pair.source_mask[0]),
        ]
    )


def _auc(score: Tensor, label: Tensor) -> Tensor:
    """Chance that a pixel with the label scores higher than one without."""
    from scipy.stats import rankdata

    positive = int(label.sum())
    negative = len(label) - positive
    if not positive or not negative:
        return torch.tensor(torch.nan, dtype=torch.double)
    ranks = torch.from_numpy(rankdata(score.numpy()))
    return (ranks[label].sum() - positive * (positive + 1) / 2) / (positive * negative)


def _iou(mask: Tensor, ground_truth: Tensor) -> Tensor:
    return (mask & ground_truth).sum().double() / (mask | ground_truth).sum().clamp(min=1)
