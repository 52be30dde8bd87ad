"""What one training step sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from ..checkpoint import Framing
from ..data.synthetic.synthetic_pairs import SyntheticPairs
from ..network import AttentionTarget
from ..pose.heatmaps import keypoint_heatmaps
from .losses import attention_target
from .training_config import DataConfig

PAPER_HEIGHT = 256  # the height at which the paper's heat maps have their sigma of 6 pixels


@dataclass(frozen=True)
class Batch:
    """Images in [-1, 1] and everything the losses compare them with."""

    source: Tensor  # (B, 3, H, W)
    target: Tensor  # (B, 3, H, W)
    source_heatmaps: Tensor  # (B, 18, H, W)
    target_heatmaps: Tensor  # (B, 18, H, W)
    source_mask: Tensor | None  # (B, H, W) bool, the person; None where all pixels count the same
    target_mask: Tensor | None  # (B, H, W) bool
    attention: AttentionTarget | None = None  # of the T target tokens; None where nobody knows
    attention_weight: Tensor | None = None  # (B, T)


@dataclass(frozen=True)
class BatchRequest:
    """Which pairs a batch holds, and in what form."""

    first: int  # number of the first pair
    count: int
    size: tuple[int, int]  # (H, W)
    stride: int  # pixels a token
    foreground: float  # how much more the figure counts than the background, see `make_batch`
    upcoming: Sequence[int] = ()  # `first` of the batches that come next, for sources that read ahead


class BatchSource(Protocol):
    """Where training gets its pairs: endless, numbered, the same number always the same pair.

    Attributes:
        steps_ahead: How many steps' batches it wants to hear of before they are asked for.
        framing: How a model trained on these images cuts out people.
        description: What they are, for the model's provenance.
        skipped: Images that could not be read so far, with the reason.
    """

    steps_ahead: int
    framing: Framing
    description: str
    skipped: dict[str, str]

    def batch(self, wanted: BatchRequest) -> Batch:
        """The pairs that are wanted."""

    def check_size(self, size: tuple[int, int]) -> None:
        """Raise a ConfigError if these images cannot be had at (H, W)."""

    def fixed(self, count: int, size: tuple[int, int], stride: int) -> Batch:
        """Pairs that training never sees, always the same ones, to look at; fewer where there are no more."""


def sigma_at(data: DataConfig, height: int) -> float:
    """Sigma in pixels of the heat maps for images `height` pixels high."""
    return data.heatmap_sigma * height / PAPER_HEIGHT


def make_batch(pairs: SyntheticPairs, sigma: float, stride: int, foreground: float) -> Batch:
    """Heat maps and attention targets of synthetic pairs, on their device.

    Args:
        pairs: B pairs at H x W.
        sigma: of the heat maps, pixels.
        stride: pixels a token.
        foreground: how much more a token of the figure counts in the attention's loss than one of the background.
    """
    size = (pairs.source.shape[2], pairs.source.shape[3])
    attention, known = attention_target(pairs.correspondence, pairs.seen, stride)
    figure = torch.nn.functional.avg_pool2d(pairs.target_mask[:, None].float(), stride).flatten(1)
    return Batch(
        source=pairs.source,
        target=pairs.target,
        source_heatmaps=keypoint_heatmaps(pairs.source_keypoints, pairs.source_present, size, sigma),
        target_heatmaps=keypoint_heatmaps(pairs.target_keypoints, pairs.target_present, size, sigma),
        source_mask=pairs.source_mask,
        target_mask=pairs.target_mask,
        attention=attention,
        attention_weight=known * (1 + (foreground - 1) * figure),
    )
