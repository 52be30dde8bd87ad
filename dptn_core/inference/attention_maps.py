"""All attention of one generated image, small enough for a browser, which asks it without the network."""

from __future__ import annotations

import gzip
from dataclasses import dataclass

import numpy as np
import safetensors.numpy
import torch
from torch import Tensor
from torch.nn import functional

from . import attention
from .transfer import EncodedSource, Generated

MAX_CELLS = 1024  # of the target, and as many of the source
MAX_VALUES = 1 << 24  # bytes of all layers and heads together
_LEVELS = 255
_FAST = 1  # of gzip: values between 0 and 255 with hardly a pattern, little is gained by searching longer


@dataclass(frozen=True, eq=False)
class AttentionMaps:
    """Where every place of a target attended, by layer and head.

    L Texture Transfer Blocks, N heads, C cells; a cell is a square of `block` x `block` tokens (fewer at the right and
    lower edge of the grid), target and source have the same cells, rows first.
    """

    values: np.ndarray  # (L, N, C, C) uint8, target cell x source cell: round(255 * sqrt(p / highest of that row))
    highest: np.ndarray  # (L, N, C) float32: the largest p of each row
    grid: tuple[int, int]  # tokens (rows, columns)
    block: int  # tokens along the side of a cell

    def probabilities(self) -> np.ndarray:
        """What the bytes stand for, (L, N, C, C) float32: fractions of a target cell's attention, one a source cell.

        Off by at most 0.4 % of the largest fraction in the row.
        """
        return (self.values.astype(np.float32) / _LEVELS) ** 2 * self.highest[..., None]

    def packed(self) -> bytes:
        """As a gzipped safetensors file with the tensors `values` and `highest`; grid and block are its metadata."""
        rows, columns = self.grid
        metadata = {"version": "1", "rows": str(rows), "columns": str(columns), "block": str(self.block)}
        tensors = {"values": self.values, "highest": self.highest}
        return gzip.compress(safetensors.numpy.save(tensors, metadata), compresslevel=_FAST)


def attention_maps(generated: Generated) -> AttentionMaps:
    """Every layer's and head's attention of one image, pooled to at most `MAX_CELLS` cells on either side.

    A cell of the target is the mean of its tokens' attention, a cell of the source the sum over its tokens: every row
    still sums to 1. The whole matrix of all tokens is never held, only `attention.ROWS_AT_ONCE` of its rows.
    """
    config = generated.source.model.config
    grid = generated.source.features.grid
    block = _block(grid, config.texture_blocks * config.heads)
    values, highest = [], []
    for layer, queries in enumerate(generated.queries):
        pooled = _pooled(generated.source, queries[0], layer, block)  # heads, cells, cells
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
        if cells <= MAX_CELLS and maps * cells**2 <= max(MAX_VALUES, maps):
            return block
        block += 1


def _pooled(source: EncodedSource, queries: Tensor, layer: int, block: int) -> Tensor:
    """(heads, C, C) fp32 attention of one layer for its (heads, T, d) queries; see `attention_maps`."""
    generator, features = source.model.generator, source.features
    cell = _cell_of_tokens(features.grid, block).to(queries.device)  # T
    weight = 1 / cell.bincount().float()[cell]  # T: of a token in its cell
    by_cell = cell.argsort(stable=True)  # so that a portion belongs to few cells
    found = torch.zeros(len(queries), int(cell.max()) + 1, int(cell.max()) + 1, device=queries.device)
    with torch.inference_mode():
        for some in by_cell.split(attention.ROWS_AT_ONCE):
            seen = generator.attention_of(features, queries[None, :, some], layer, average_heads=False)[0]
            cells, its_cell = cell[some].unique_consecutive(return_inverse=True)
            # over the target: heads, R, T -> heads, cells of this portion, T
            mean = torch.zeros(len(cells), len(some), device=seen.device)
            mean[its_cell, torch.arange(len(some), device=seen.device)] = weight[some]
            seen = mean @ seen
            # over the source: heads, cells of this portion, T -> heads, cells of this portion, C
            found[:, cells] += _summed(seen.unflatten(-1, features.grid), block).flatten(2)
    return found


def _cell_of_tokens(grid: tuple[int, int], block: int) -> Tensor:
    """Index of the cell that each of the T tokens belongs to."""
    row, column = (torch.arange(tokens) // block for tokens in grid)
    return (row[:, None] * -(-grid[1] // block) + column).flatten()


def _summed(maps: Tensor, block: int) -> Tensor:
    """(..., h, w) summed over squares of `block`; those at the right and lower edge may be smaller."""
    height, width = maps.shape[-2:]
    padded = functional.pad(maps, (0, -width % block, 0, -height % block))
    return padded.unflatten(-1, (-1, block)).unflatten(-3, (-1, block)).sum((-3, -1))
