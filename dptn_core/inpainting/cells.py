"""A hole cut into cells, each of which is copied by one move."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


class Cells:
    """What gets one label each: squares of pixels.

    Attributes:
        side: Of a square, in pixels.
        places: (N, side * side, 2) y, x of their pixels.
        inside: (N, side * side) whether a pixel is in the hole.
        grid: (rows, columns) number of the cell, -1 where there is none.
        pairs: (P, 2) cells side by side.
    """

    def __init__(self, hole: Tensor, side: int) -> None:
        """Of squares of `side` pixels that have some of the hole (h, w)."""
        hole = functional.pad(hole, (0, -hole.shape[1] % side, 0, -hole.shape[0] % side))
        rows, columns = hole.shape[0] // side, hole.shape[1] // side
        blocks = hole.view(rows, side, columns, side).transpose(1, 2).reshape(rows, columns, -1)
        used = blocks.any(dim=2)
        self.side, self.inside = side, blocks[used]
        steps = torch.arange(side)
        self.places = (used.nonzero() * side)[:, None] + torch.cartesian_prod(steps, steps)
        self.grid = torch.full((rows, columns), -1)
        self.grid[used] = torch.arange(len(self.places))
        across = torch.stack([self.grid[:, :-1].flatten(), self.grid[:, 1:].flatten()], dim=1)
        down = torch.stack([self.grid[:-1].flatten(), self.grid[1:].flatten()], dim=1)
        both = torch.cat([across, down])
        self.pairs = both[(both >= 0).all(dim=1)]

    def of(self, places: Tensor) -> Tensor:
        """(n,) the cell of each place (n, 2), -1 for none."""
        return self.grid[places[:, 0] // self.side, places[:, 1] // self.side]


def allowed_moves(cells: Cells, moves: Tensor, sources: Tensor) -> Tensor:
    """(K, N) whether all pixels of a cell that are in the hole may be copied by a move."""
    there = flat_index(cells.places + moves[:, None, None], sources.shape)
    fine = (there >= 0) & sources.flatten()[there.clamp(min=0)]
    return (fine | ~cells.inside).all(dim=2)


def flat_index(places: Tensor, size: torch.Size) -> Tensor:
    """Numbers y * w + x of places (..., 2), -1 outside an image of a size (h, w)."""
    y, x = places[..., 0], places[..., 1]
    outside = (y < 0) | (y >= size[0]) | (x < 0) | (x >= size[1])
    return (y * size[1] + x).masked_fill(outside, -1)


def grown(mask: Tensor, radius: int) -> Tensor:
    """A mask (h, w) made wider by `radius` pixels on each side."""
    return functional.max_pool2d(mask.float()[None, None], 2 * radius + 1, 1, radius)[0, 0] > 0
