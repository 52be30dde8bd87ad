"""All attention of one drawn picture, small enough to be sent to a browser and asked there without the network."""

from __future__ import annotations

import gzip
from dataclasses import dataclass

import numpy as np
import safetensors.numpy
import torch
from torch import Tensor
from torch.nn import functional

from . import attention
from .transfer import Transfer

MOST_CELLS = 1024  # of the target, and as many of the source
MOST_VALUES = 1 << 24  # bytes of all layers and heads together
_LEVELS = 255
_FAST = 1  # of gzip: values between 0 and 255 with hardly a pattern, little is gained by searching longer


@dataclass(frozen=True, eq=False)
class AttentionMaps:
    """Where every place of a target looked, by layer and head.

    L Texture Transfer Blocks, N heads, C cells; a cell is a square of `block` x `block` tokens (fewer at the right and
    lower edge of the grid), target and source have the same cells, rows first.
    """

    values: np.ndarray  # (L, N, C, C) uint8, target cell x source cell: round(255 * sqrt(p / highest of that row))
    highest: np.ndarray  # (L, N, C) float32: the largest p of each row
    grid: tuple[int, int]  # tokens (rows, columns)
    block: int  # tokens along the side of a cell

    def probabilities(self) -> np.ndarray:
        """What the bytes stand for, (L, N, C, C) float32: shares of one target cell's attention that source cells got.

        Off by at most 0.4 % of the largest share in the row.
        """
        return (self.values.astype(np.float32) / _LEVELS) ** 2 * self.highest[..., None]

    def packed(self) -> bytes:
        """As a gzipped safetensors file with the tensors `values` and `highest`; grid and block are its metadata."""
        rows, columns = self.grid
        metadata = {"version": "1", "rows": str(rows), "columns": str(columns), "block": str(self.block)}
        tensors = {"values": self.values, "highest": self.highest}
        return gzip.compress(safetensors.numpy.save(tensors, metadata), compresslevel=_FAST)


def attention_maps(transfer: Transfer, index: int) -> AttentionMaps:
    """Every layer's and head's attention of one picture, pooled to at most `MOST_CELLS` cells on either side.

    A cell of the target is the mean of its tokens' attention, a cell of the source the sum over its tokens: every row
    still sums to 1. The whole matrix of all tokens is never held, only `attention.ROWS_AT_ONCE` of its rows.

    Args:
        transfer: the result to ask about.
        index: which of its pictures.

    Raises:
        IndexError: no such picture.
    """
    count = len(transfer.poses)
    if not -count <= index < count:
        raise IndexError(f"picture {index} was asked for; the transfer has {count}")
    source = transfer.source
    config = source.model.config
    grid = source.features.grid
    block = _block(grid, config.texture_blocks * config.heads)
    values, highest = [], []
    for layer in range(config.texture_blocks):
        pooled = _pooled(transfer, index, layer, block)  # heads, cells, cells
        top = pooled.amax(-1)
        levels = (pooled / top.clamp(min=torch.finfo(top.dtype).tiny)[..., None]).sqrt() * _LEVELS
        values.append(levels.round().byte().cpu().numpy())
        highest.append(top.cpu().numpy())
    return AttentionMaps(np.stack(values), np.stack(highest), grid, block)


def _block(grid: tuple[int, int], maps: int) -> int:
    """The smallest side of a cell that keeps cells and bytes within their limits."""
    block = 1
    while True:
        cells = -(-grid[0] // block) * -(-grid[1] // block)
        if cells <= MOST_CELLS and maps * cells**2 <= max(MOST_VALUES, maps):
            return block
        block += 1


def _pooled(transfer: Transfer, index: int, layer: int, block: int) -> Tensor:
    """(heads, C, C) fp32 attention of one layer; see `attention_maps`."""
    generator, features = transfer.source.model.generator, transfer.source.features
    rows, columns = features.grid
    with torch.inference_mode():
        queries = generator.attention_queries(features, transfer.heatmaps(index), layer)  # 1, heads, T, d
        queries = queries.unflatten(2, (rows, columns))
        some = max(1, attention.ROWS_AT_ONCE // (block * columns)) * block  # whole cells, or there would be seams
        parts = []
        for part in queries.split(some, dim=2):
            seen = generator.attention_of(features, part.flatten(2, 3), layer, average_heads=False)[0]
            # over the source: heads, R, T -> heads, R, C
            seen = _summed(seen.unflatten(-1, (rows, columns)), block).flatten(2)
            # over the target: heads, R, C -> heads, C, R -> heads, C, cells of this part
            seen = seen.transpose(1, 2).unflatten(-1, (part.shape[2], columns))
            tokens = _summed(torch.ones_like(seen[0, 0]), block)
            parts.append((_summed(seen, block) / tokens).flatten(2).transpose(1, 2))
        return torch.cat(parts, dim=1)


def _summed(maps: Tensor, block: int) -> Tensor:
    """(..., h, w) summed over squares of `block`; those at the right and lower edge may be smaller."""
    height, width = maps.shape[-2:]
    padded = functional.pad(maps, (0, -width % block, 0, -height % block))
    return padded.unflatten(-1, (-1, block)).unflatten(-3, (-1, block)).sum((-3, -1))
