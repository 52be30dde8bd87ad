"""Sheets of drawn pairs to look at."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from .synthetic_pairs import SyntheticPairs

_UNSEEN = (1.0, -1.0, 1.0)


def warped_source(pairs: SyntheticPairs) -> Tensor:
    """The source's pixels moved along the true correspondence, magenta where unseen, (B, 3, H, W) in [-1, 1]."""
    _, _, height, width = pairs.source.shape
    place = pairs.correspondence / pairs.correspondence.new_tensor([width, height]) * 2 - 1
    moved = torch.nn.functional.grid_sample(pairs.source, place, padding_mode="border", align_corners=False)
    return torch.where(pairs.seen[:, None], moved, moved.new_tensor(_UNSEEN)[None, :, None, None])


def pair_sheet(pairs: SyntheticPairs, columns: int) -> np.ndarray:
    """Source, target and warped source of each pair, `columns` pairs a line, (H, W, 3) uint8."""
    return tile([pairs.source, pairs.target, warped_source(pairs)], columns)


def tile(rows: list[Tensor], columns: int) -> np.ndarray:
    """Images (B, 3, H, W) in [-1, 1] side by side, one strip a batch element, as uint8 (H', W', 3).

    The last line is filled up with white.
    """
    strips = torch.cat(rows, dim=3)
    missing = -len(strips) % columns
    strips = torch.cat([strips, strips.new_ones(missing, *strips.shape[1:])])
    strips = ((strips.clamp(-1, 1) + 1) * 127.5).round().byte().cpu()
    lines = strips.unflatten(0, (-1, columns)).permute(0, 3, 1, 4, 2).flatten(2, 3).flatten(0, 1)
    array: np.ndarray = lines.numpy()
    return array
