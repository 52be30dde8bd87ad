"""Sample sheets: the same pairs after every so many steps, to look at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..atomic import written_beside
from ..data.figures import TEST_SEED, draw_pairs, pair_seeds
from ..network import Generator
from .batches import make_batch, sigma_at
from .config import TrainingConfig

_PAIRS = 12


def save_sheet(path: Path, generator: Generator, config: TrainingConfig, device: torch.device) -> None:
    """Write a sheet with rows of source, drawn target, true target, attended source and self-reconstruction.

    Args:
        path: of the PNG.
        generator: the averaged weights, in eval mode.
        config: gives the size of the last stage, so that sheets of all stages can be compared.
        device: to run on.
    """
    stage = config.stages[-1]
    size = (stage.height, stage.width)
    pairs = draw_pairs(pair_seeds(TEST_SEED, 0, _PAIRS, device), size)
    batch = make_batch(pairs, sigma_at(config.data, stage.height), generator.config.stride, 1.0)
    with torch.no_grad():
        target, source, attention = generator.forward_with_attention(
            batch.source, batch.source_heatmaps, batch.target_heatmaps, (-1,)
        )
    rows = [batch.source, target, batch.target, attended(batch.source, attention[0], generator.config.stride), source]
    save_picture(path, tile(rows, columns=2))


def attended(source: Tensor, attention: Tensor, stride: int) -> Tensor:
    """The source's patches carried to where each target token looked hardest, (B, 3, H, W).

    Args:
        source: (B, 3, H, W).
        attention: (B, T, T).
        stride: pixels a token.
    """
    patches = torch.nn.functional.unfold(source, stride, stride=stride)  # (B, 3 * stride^2, T)
    peak = attention.argmax(-1)[:, None].expand(-1, patches.shape[1], -1)
    size = (source.shape[2], source.shape[3])
    return torch.nn.functional.fold(patches.gather(2, peak), size, stride, stride=stride)


def tile(rows: list[Tensor], columns: int) -> np.ndarray:
    """Pictures (B, 3, H, W) in [-1, 1] side by side, one strip a batch element, as uint8 (H', W', 3)."""
    strips = torch.cat(rows, dim=3)
    strips = ((strips.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu()
    lines = [torch.cat(list(strips[start : start + columns]), 1) for start in range(0, len(strips), columns)]
    return torch.cat([line for line in lines if line.shape == lines[0].shape]).numpy()


def save_picture(path: Path, picture: np.ndarray) -> None:
    """Write (H, W, 3) uint8 as a PNG, whole or not at all."""
    with written_beside(path) as beside:
        Image.fromarray(picture).save(beside)
