"""Sample grids: the same pairs after every so many steps, to see what a run learns."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from ..data.synthetic.pair_sheet import tile
from ..image_io import write_image
from ..network import Generator
from .batches import Batch

PAIRS_SHOWN = 12


def save_sample_grid(path: Path, generator: Generator, batch: Batch) -> None:
    """Write a grid with rows of source, generated target, true target, attended source and self-reconstruction.

    Args:
        path: of the PNG.
        generator: the averaged weights, in eval mode.
        batch: the pairs to show, always the same ones.
    """
    with torch.no_grad():
        target, source, attention = generator.forward_with_attention(
            batch.source, batch.source_heatmaps, batch.target_heatmaps, (-1,)
        )
    rows = [batch.source, target, batch.target, attended(batch.source, attention[0], generator.config.stride), source]
    write_image(path, tile(rows, columns=2))


def attended(source: Tensor, attention: Tensor, stride: int) -> Tensor:
    """The source's patches warped to the target tokens that attend to them most, (B, 3, H, W).

    Args:
        source: (B, 3, H, W).
        attention: (B, T, T).
        stride: pixels a token.
    """
    patches = torch.nn.functional.unfold(source, stride, stride=stride)  # (B, 3 * stride^2, T)
    peak = attention.argmax(-1)[:, None].expand(-1, patches.shape[1], -1)
    size = (source.shape[2], source.shape[3])
    return torch.nn.functional.fold(patches.gather(2, peak), size, stride, stride=stride)
