"""What one training step sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from ..checkpoint import Framing
from ..data.figures import TEST_SEED, FigurePairs, draw_pairs, pair_seeds
from ..network import AttentionTarget
from ..pose.heatmaps import keypoint_heatmaps
from .config import DataConfig
from .losses import attention_target

_PIXELS_AHEAD = 160 * 64 * 48  # ten small batches; more would not be drawn faster, and cost memory
PAPER_HEIGHT = 256  # the height at which the paper's heat maps have their sigma of 6 pixels


@dataclass(frozen=True)
class Batch:
    """Pictures in [-1, 1] and everything the losses compare them with."""

    source: Tensor  # (B, 3, H, W)
    target: Tensor  # (B, 3, H, W)
    source_heatmaps: Tensor  # (B, 18, H, W)
    target_heatmaps: Tensor  # (B, 18, H, W)
    source_mask: Tensor | None  # (B, H, W) bool, the person; None where all pixels count the same
    target_mask: Tensor | None  # (B, H, W) bool
    attention: AttentionTarget | None = None  # of the T target tokens; None where nobody knows
    attention_weight: Tensor | None = None  # (B, T)


class BatchSource(Protocol):
    """Where training gets its pairs: endless, numbered, the same number always the same pair.

    Attributes:
        steps_ahead: How many steps' batches it wants to hear of before they are asked for.
        framing: How a model trained on these pictures cuts out people.
        description: What they are, for the model's provenance.
        skipped: Pictures that could not be read so far, with the reason.
    """

    steps_ahead: int
    framing: Framing
    description: str
    skipped: dict[str, str]

    def batch(
        self,
        first: int,
        count: int,
        size: tuple[int, int],
        stride: int,
        foreground: float,
        upcoming: Sequence[int] = (),
    ) -> Batch:
        """Pairs number `first` to `first + count - 1` at (H, W); see `make_batch` for stride and foreground.

        `upcoming` are the `first` of the batches that will be asked for next, for those who read ahead.
        """

    def check_size(self, size: tuple[int, int]) -> None:
        """Raise a ConfigError if these pictures cannot be had at (H, W)."""

    def fixed(self, count: int, size: tuple[int, int], stride: int) -> Batch:
        """Pairs that training never sees, always the same ones, to look at; fewer where there are no more."""


def sigma_at(data: DataConfig, height: int) -> float:
    """Sigma in pixels of the heat maps for pictures `height` pixels high."""
    return data.heatmap_sigma * height / PAPER_HEIGHT


def make_batch(pairs: FigurePairs, sigma: float, stride: int, foreground: float) -> Batch:
    """Heat maps and attention targets of drawn pairs, on their device.

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


class PairSource:
    """Drawn pairs by number, drawn some batches ahead: small pictures cost more to set up than to draw."""

    steps_ahead = 16
    framing: Framing = "fit"

    def __init__(self, data: DataConfig, device: torch.device | str) -> None:
        """Draw from set `data.seed` on `device`."""
        self._data, self._device = data, device
        self.description = f"figures, seed {data.seed}"
        self.skipped: dict[str, str] = {}
        self._ahead: dict[tuple[int, int, tuple[int, int]], FigurePairs] = {}  # by first pair, count and size

    def pairs(self, first: int, count: int, size: tuple[int, int], upcoming: Sequence[int] = ()) -> FigurePairs:
        """Pairs number `first` to `first + count - 1`; the same numbers always give the same pairs."""
        if (first, count, size) not in self._ahead:
            batches = max(1, _PIXELS_AHEAD // (count * size[0] * size[1]))
            firsts = [first, *upcoming][:batches]
            seeds = torch.cat([pair_seeds(self._data.seed, start, count, self._device) for start in firsts])
            drawn = draw_pairs(seeds, size)
            self._ahead = {
                (start, count, size): drawn[number * count : (number + 1) * count]
                for number, start in enumerate(firsts)
            }
        return self._ahead.pop((first, count, size))

    def batch(
        self,
        first: int,
        count: int,
        size: tuple[int, int],
        stride: int,
        foreground: float,
        upcoming: Sequence[int] = (),
    ) -> Batch:
        """See BatchSource."""
        return make_batch(self.pairs(first, count, size, upcoming), sigma_at(self._data, size[0]), stride, foreground)

    def check_size(self, size: tuple[int, int]) -> None:
        """Figures are drawn at any size."""

    def fixed(self, count: int, size: tuple[int, int], stride: int) -> Batch:
        """See BatchSource."""
        pairs = draw_pairs(pair_seeds(TEST_SEED, 0, count, self._device), size)
        return make_batch(pairs, sigma_at(self._data, size[0]), stride, 1.0)
