"""Which move fills which part of a hole, so that seams are seen least.

After Pritch, Kav-Venaki, Peleg ("Shift-Map Image Editing", ICCV 2009).
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from .alignment import aligned_moves
from .cells import Cells, allowed_moves, grown
from .expansion import Expansion
from .look import Look

_CELL: Final = 4  # pixels a side of what moves as one at first; more in large holes
_MAX_CELLS: Final = 1500  # cells
_ADDED: Final = 40  # moves for cells that have none, at most
_TRIED: Final = 32  # moves tried for each of them
_BAND: Final = 4  # pixels on both sides of a seam in which it is led anew


def labelled(look: Look, image: Tensor, sources: Tensor, moves: Tensor, generator: torch.Generator) -> Tensor | None:
    """For each pixel of the hole the move it is copied by, so that seams are seen least.

    Args:
        look: Of the image.
        image: (h, w, 3) on the CPU.
        sources: (h, w), places that may be copied from.
        moves: (K, 2) y, x.
        generator: On the CPU.

    Returns:
        (N, 2) y, x for each pixel of the hole, in rows. They lead to sources or to pixels beside one. None where there
        is too little to copy from.
    """
    known = look.known
    places = (~known).nonzero()
    side = max(_CELL, round((len(places) / _MAX_CELLS) ** 0.5))
    cells = Cells(~known, side)
    enough = _enough(cells, moves, sources, generator)
    if enough is None:
        return None
    moves, allowed = enough
    coarse = Expansion(look, cells, moves, allowed)
    coarse.sweep(torch.randperm(len(moves), generator=generator))
    coarse.sweep(coarse.labels.unique())
    rough = moves[coarse.labels[cells.of(places)]]
    exact = aligned_moves(image.permute(2, 0, 1), known, rough, 1, 1)
    moves, labels = exact.unique(dim=0, return_inverse=True)
    return moves[_led_anew(look, sources, moves, labels)]


def _led_anew(look: Look, sources: Tensor, moves: Tensor, labels: Tensor) -> Tensor:
    """Labels (N,) of the hole's pixels, each pixel near a seam free to take another."""
    known = look.known
    places = (~known).nonzero()
    map_ = torch.full(known.shape, -1)
    map_[~known] = labels
    seam = torch.zeros_like(known)
    seam[:, 1:] |= (map_[:, 1:] != map_[:, :-1]) & (map_[:, 1:] >= 0) & (map_[:, :-1] >= 0)
    seam[1:] |= (map_[1:] != map_[:-1]) & (map_[1:] >= 0) & (map_[:-1] >= 0)
    if not seam.any():
        return labels
    free = grown(seam, _BAND) & ~known
    cells = Cells(grown(free, 1) & ~known, 1)  # the outermost keep their labels
    here = cells.places[:, 0]
    own = map_[here[:, 0], here[:, 1]]
    fixed = ~free[here[:, 0], here[:, 1]]
    allowed = allowed_moves(cells, moves, sources) & ~fixed & _close(map_, here, len(moves))
    allowed[own, torch.arange(len(own))] = True
    fine = Expansion(look, cells, moves, allowed, own)
    fine.sweep(own.unique())
    map_[here[:, 0], here[:, 1]] = fine.labels
    return map_[places[:, 0], places[:, 1]]


def _close(labels: Tensor, places: Tensor, count: int) -> Tensor:
    """(K, n) which labels of a map (h, w), -1 for none, occur near places (n, 2): in their square or one beside it."""
    side = 2 * _BAND
    there = (labels >= 0).nonzero()
    rows, columns = (-(-length // side) for length in labels.shape)
    present = torch.zeros(count, rows, columns)
    present[labels[labels >= 0], there[:, 0] // side, there[:, 1] // side] = 1
    present = functional.max_pool2d(present[None], 3, 1, 1)[0] > 0
    return present[:, places[:, 0] // side, places[:, 1] // side]


def _enough(cells: Cells, moves: Tensor, sources: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor] | None:
    """Moves with some added so that every cell has one, and (K, N) whether a move may be used in a cell.

    None where there is too little to copy from.
    """
    allowed = allowed_moves(cells, moves, sources)
    bare = ~allowed.any(dim=0)
    square = [min(cells.side, length) for length in sources.shape]
    clear = sources.unfold(0, square[0], 1).unfold(1, square[1], 1).all(dim=3).all(dim=2)
    corners = clear.nonzero()  # of squares that may be copied whole
    for _ in range(_ADDED):
        if not bare.any() or not len(corners):
            break
        first = bare.nonzero()[:, 0]
        cell = cells.places[first[len(first) // 2], 0]
        tried = corners[torch.randint(len(corners), (_TRIED,), generator=generator)] - cell
        fits = allowed_moves(cells, tried, sources)
        best = int((fits & bare).sum(dim=1).argmax())
        moves, allowed = torch.cat([moves, tried[best : best + 1]]), torch.cat([allowed, fits[best : best + 1]])
        bare &= ~fits[best]
    return None if bare.any() else (moves, allowed)
