"""Which move fills which part of a hole: alpha expansion by graph cuts.

After Pritch, Kav-Venaki, Peleg ("Shift-Map Image Editing", ICCV 2009) and Boykov, Veksler, Zabih ("Fast Approximate
Energy Minimization via Graph Cuts", PAMI 2001). Costs are distances, not squared ones, so that every step is exact.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import breadth_first_order, maximum_flow
from torch import Tensor
from torch.nn import functional

CELL: Final = 4  # pixels a side of what moves as one
_REACH: Final = 3  # pixels around a cell whose known ones say how well a move fits
_RIM: Final = 1.0  # weight of known pixels against seams
_SEAM: Final = 0.25  # cost of a seam between two cells, whatever it looks like
_UNKNOWN: Final = 0.7  # distance between a colour and nothing
_FORBIDDEN: Final = 1e4
_SCALE: Final = 500.0  # costs to whole numbers
_DOWN: Final = 3.0  # cost of moving a cell by the image's longer side, up or down
_ACROSS: Final = 0.7
_SWEEPS: Final = 2
_GRADIENT: Final = 1.0  # weight of differences between neighbouring pixels, against colours


class Cells:
    """A hole's cells.

    Attributes:
        places: (N, CELL * CELL, 2) y, x of their pixels.
        inside: (N, CELL * CELL) whether a pixel is in the hole.
        grid: (rows, columns) number of the cell, -1 where the hole is not.
        pairs: (P, 2) cells side by side.
    """

    def __init__(self, known: Tensor) -> None:
        """Of a hole where `known` (h, w) is False."""
        height, width = known.shape
        pad = (0, -width % CELL, 0, -height % CELL)
        hole = functional.pad(~known, pad)
        rows, columns = hole.shape[0] // CELL, hole.shape[1] // CELL
        blocks = hole.view(rows, CELL, columns, CELL).transpose(1, 2).reshape(rows, columns, -1)
        used = blocks.any(dim=2)
        self.inside = blocks[used]
        corners = used.nonzero() * CELL
        steps = torch.arange(CELL)
        self.places = corners[:, None] + torch.cartesian_prod(steps, steps)
        self.grid = torch.full((rows, columns), -1)
        self.grid[used] = torch.arange(len(corners))
        pairs = [
            torch.stack([self.grid[:, :-1].flatten(), self.grid[:, 1:].flatten()], dim=1),
            torch.stack([self.grid[:-1].flatten(), self.grid[1:].flatten()], dim=1),
        ]
        both = torch.cat(pairs)
        self.pairs = both[(both >= 0).all(dim=1)]


def labelled(image: Tensor, known: Tensor, sources: Tensor, moves: Tensor, generator: torch.Generator) -> Tensor:
    """For each pixel of the hole the move it is copied by, so that seams are seen least.

    Args:
        image: (h, w, 3) on the CPU.
        known: (h, w), False in the hole.
        sources: (h, w), places that may be copied from; at least one.
        moves: (K, 2) y, x.
        generator: On the CPU.

    Returns:
        (N, 2) y, x for each pixel of the hole, in rows. All of them lead to sources.
    """
    cells = Cells(known)
    moves, allowed = _enough(cells, moves, sources)
    looks = _looks(image, known)
    problem = _Expansion(cells, _copies(looks, cells, moves), _own_costs(looks, known, cells, moves, allowed))
    for sweep in range(_SWEEPS):
        order = torch.randperm(len(moves), generator=generator) if sweep == 0 else problem.labels.unique()
        for label in order.tolist():
            problem.expand(label)
    hole = (~known).nonzero()
    return moves[problem.labels[cells.grid[hole[:, 0] // CELL, hole[:, 1] // CELL]]]


def _enough(cells: Cells, moves: Tensor, sources: Tensor) -> tuple[Tensor, Tensor]:
    """Moves with some added so that every cell has one, and (K, N) whether a move may be used in a cell."""
    allowed = _allowed(cells, moves, sources)
    bare = ~allowed.any(dim=0)
    places = sources.nonzero()
    corners = cells.places[:, 0]
    # a whole cell has to fit: its corner's source is one whose square is clear
    clear = functional.max_pool2d((~sources).float()[None, None], CELL, stride=1)[0, 0] == 0
    whole = clear.nonzero()
    whole = whole if len(whole) else places
    while bare.any():
        first = bare.nonzero()[:, 0]
        cell = corners[first[len(first) // 2]]
        away = (whole - cell).float() * torch.tensor([2.0, 1.0])
        move = (whole[away.square().sum(dim=1).argmin()] - cell)[None]
        now = _allowed(cells, move, sources)
        now[0, first[len(first) // 2]] = True
        moves, allowed = torch.cat([moves, move]), torch.cat([allowed, now])
        bare &= ~now[0]
    return moves, allowed


def _allowed(cells: Cells, moves: Tensor, sources: Tensor) -> Tensor:
    """(K, N) whether all pixels of a cell that are in the hole may be copied by a move."""
    there = _index(cells.places + moves[:, None, None], sources.shape)
    fine = (there >= 0) & sources.flatten()[there.clamp(min=0)]
    return (fine | ~cells.inside).all(dim=2)


def _index(places: Tensor, size: torch.Size) -> Tensor:
    """y * w + x of places (..., 2), -1 outside an image of a size (h, w)."""
    y, x = places[..., 0], places[..., 1]
    outside = (y < 0) | (y >= size[0]) | (x < 0) | (x >= size[1])
    return (y * size[1] + x).masked_fill(outside, -1)


def _looks(image: Tensor, known: Tensor) -> Tensor:
    """(h, w, 6) what is compared: colours, differences to the right and down, whether it is known."""
    grey = image.mean(dim=2)
    across = functional.pad(grey[:, 1:] - grey[:, :-1], (0, 1))
    down = functional.pad(grey[1:] - grey[:-1], (0, 0, 0, 1))
    solid = known & functional.pad(known[:, 1:], (0, 1)) & functional.pad(known[1:], (0, 0, 0, 1))
    slopes = torch.stack([across, down], dim=2) * solid[..., None] * _GRADIENT
    return torch.cat([image * known[..., None], slopes, known[..., None] * _UNKNOWN], dim=2)


def _copies(looks: Tensor, cells: Cells, moves: Tensor) -> Tensor:
    """(K, N, CELL * CELL, 6) what each cell would show by each move; zeros for nothing and outside the hole."""
    flat = torch.cat([looks.flatten(0, 1), looks.new_zeros(1, looks.shape[2])])
    copies = flat[_index(cells.places + moves[:, None, None], looks.shape[:2])]
    return copies * cells.inside[..., None]


def _own_costs(looks: Tensor, known: Tensor, cells: Cells, moves: Tensor, allowed: Tensor) -> Tensor:
    """(K, N) what a move costs in a cell by itself: how it would go on what is known around, and how far it goes."""
    height, width = known.shape
    near = functional.max_pool2d((~known).float()[None, None], 2 * _REACH + 1, stride=1, padding=_REACH)[0, 0] > 0
    rim = (near & known).nonzero()
    flat = torch.cat([looks.flatten(0, 1), looks.new_zeros(1, looks.shape[2])])
    there = flat[_index(rim + moves[:, None], known.shape)]  # (K, R, 6)
    apart = (there - looks[rim[:, 0], rim[:, 1]]).norm(dim=2)
    rows, columns = cells.grid.shape
    dense = looks.new_zeros(len(moves), 1, rows * CELL, columns * CELL)
    dense[:, 0, rim[:, 0], rim[:, 1]] = apart
    side = CELL + 2 * _REACH
    around = functional.avg_pool2d(dense, side, stride=CELL, padding=_REACH)[:, 0] * side**2
    own = around[:, cells.grid >= 0] * _RIM
    far = moves.abs().float() / max(height, width) * torch.tensor([_DOWN, _ACROSS])
    own = own + far.sum(dim=1)[:, None]
    return own.masked_fill(~allowed, _FORBIDDEN)


class _Expansion:
    """Labels of cells, and steps in which any number of cells takes one label at once."""

    def __init__(self, cells: Cells, copies: Tensor, own: Tensor) -> None:
        self.copies, self.own = copies, own
        self.first, self.second = cells.pairs.T
        self.labels = own.argmin(dim=0)
        self.number = torch.arange(len(self.labels))
        self._refresh()

    def _refresh(self) -> None:
        """What the present labels show, here and beyond each pair's border."""
        self.shown = self.copies[self.labels, self.number]  # (N, CELL^2, 6)
        first, second = self.first, self.second
        self.second_in_first = self.copies[self.labels[second], first]  # (P, CELL^2, 6)
        self.first_in_second = self.copies[self.labels[first], second]
        seam = (self.labels[first] != self.labels[second]).float() * _SEAM
        self.between = (
            _apart(self.shown[first], self.second_in_first) + _apart(self.shown[second], self.first_in_second) + seam
        )

    def expand(self, label: int) -> None:
        """The best step in which cells keep their label or take `label`."""
        first, second = self.first, self.second
        new = self.copies[label]
        change = _apart(self.shown, new)  # (N,)
        taken = _SEAM * (self.labels != label).float()
        first_takes = _apart(new[first], self.second_in_first) + change[second] + taken[second]
        second_takes = _apart(new[second], self.first_in_second) + change[first] + taken[first]
        cost = self.own[label] - self.own[self.labels, self.number]
        cost = cost.index_add(0, first, first_takes - self.between).index_add(0, second, -first_takes)
        links = (first_takes + second_takes - self.between).clamp(min=0)
        takes = _cut(cost, first, second, links)
        takes &= self.labels != label
        if takes.any():
            self.labels = torch.where(takes, label, self.labels)
            self._refresh()


def _apart(a: Tensor, b: Tensor) -> Tensor:
    """(n,) the distances between what cells show, (n, CELL^2, 6) each, summed over their pixels."""
    return (a - b).norm(dim=2).sum(dim=1)


def _cut(cost: Tensor, first: Tensor, second: Tensor, links: Tensor) -> Tensor:
    """(N,) which cells are chosen.

    Args:
        cost: (N,) of choosing a cell.
        first: (P,) cells, and `second` the ones beside.
        second: See `first`.
        links: (P,) cost of choosing the second without the first.
    """
    count = len(cost)
    whole = (cost * _SCALE).round().clamp(-1e8, 1e8).int().numpy()
    capacity = (links * _SCALE).round().clamp(max=1e8).int().numpy()
    number = np.arange(count)
    source, sink = np.full(count, count), np.full(count, count + 1)
    graph = csr_matrix(
        (
            np.concatenate([capacity, np.maximum(whole, 0), np.maximum(-whole, 0)]),
            (
                np.concatenate([first.numpy(), source, number]),
                np.concatenate([second.numpy(), number, sink]),
            ),
        ),
        (count + 2, count + 2),
    )
    rest = graph - maximum_flow(graph, count, count + 1).flow
    rest.eliminate_zeros()
    kept = breadth_first_order(rest, count, return_predecessors=False)
    chosen = torch.ones(count + 2, dtype=torch.bool)
    chosen[torch.from_numpy(kept.astype(np.int64))] = False
    return chosen[:count]
