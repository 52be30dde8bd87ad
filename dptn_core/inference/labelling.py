"""Which move fills which part of a hole: alpha expansion by graph cuts.

After Pritch, Kav-Venaki, Peleg ("Shift-Map Image Editing", ICCV 2009) and Boykov, Veksler, Zabih ("Fast Approximate
Energy Minimization via Graph Cuts", PAMI 2001). Costs are sums of absolute
differences, not of squares, so that every step is exact.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import breadth_first_order, maximum_flow
from torch import Tensor
from torch.nn import functional

from .alignment import aligned_moves
from .smooth import smooth_fill

_CELL: Final = 4  # pixels a side of what moves as one at first; more in large holes
_MOST: Final = 1500  # cells
_ADDED: Final = 40  # moves for cells that have none, at most
_TRIED: Final = 32  # moves tried for each of them
_BAND: Final = 4  # pixels on both sides of a seam in which it is led anew
_REACH: Final = 0.75  # of a cell's side: known pixels so near say how well a move fits
_SEAM: Final = 0.06  # cost of a seam for each pixel of its length, whatever it looks like
_UNKNOWN: Final = 0.7  # distance between a colour and nothing
_FORBIDDEN: Final = 1e4
_SCALE: Final = 500.0  # costs to whole numbers
_DOWN: Final = 0.2  # cost of moving a pixel by the image's longer side, up or down
_ACROSS: Final = 0.04
_GUESS: Final = 0.35  # weight of what a smooth fill would be
_BLUR: Final = 4  # pixels around, that are compared with the smooth fill
_GRADIENT: Final = 1.0  # weight of differences between neighbouring pixels, against colours


class _Cells:
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


def labelled(image: Tensor, known: Tensor, sources: Tensor, moves: Tensor, generator: torch.Generator) -> Tensor | None:
    """For each pixel of the hole the move it is copied by, so that seams are seen least.

    Args:
        image: (h, w, 3) on the CPU.
        known: (h, w), False in the hole.
        sources: (h, w), places that may be copied from.
        moves: (K, 2) y, x.
        generator: On the CPU.

    Returns:
        (N, 2) y, x for each pixel of the hole, in rows. They lead to sources or to pixels beside one. None where there
        is too little to copy from.
    """
    places = (~known).nonzero()
    side = max(_CELL, round((len(places) / _MOST) ** 0.5))
    cells = _Cells(~known, side)
    enough = _enough(cells, moves, sources, generator)
    if enough is None:
        return None
    moves, allowed = enough
    look = _Look(image, known)
    coarse = _Expansion(look, cells, moves, allowed)
    coarse.sweep(torch.randperm(len(moves), generator=generator))
    coarse.sweep(coarse.labels.unique())
    rough = moves[coarse.labels[cells.of(places)]]
    exact = aligned_moves(image.permute(2, 0, 1), known, rough, 1, 1)
    moves, labels = exact.unique(dim=0, return_inverse=True)
    return moves[_led_anew(look, known, sources, moves, labels)]


def _led_anew(look: _Look, known: Tensor, sources: Tensor, moves: Tensor, labels: Tensor) -> Tensor:
    """Labels (N,) of the hole's pixels, each pixel near a seam free to take another."""
    places = (~known).nonzero()
    map_ = torch.full(known.shape, -1)
    map_[~known] = labels
    seam = torch.zeros_like(known)
    seam[:, 1:] |= (map_[:, 1:] != map_[:, :-1]) & (map_[:, 1:] >= 0) & (map_[:, :-1] >= 0)
    seam[1:] |= (map_[1:] != map_[:-1]) & (map_[1:] >= 0) & (map_[:-1] >= 0)
    if not seam.any():
        return labels
    free = _grown(seam, _BAND) & ~known
    cells = _Cells(_grown(free, 1) & ~known, 1)  # the outermost keep their labels
    here = cells.places[:, 0]
    own = map_[here[:, 0], here[:, 1]]
    fixed = ~free[here[:, 0], here[:, 1]]
    allowed = _allowed(cells, moves, sources) & ~fixed & _close(map_, here, len(moves))
    allowed[own, torch.arange(len(own))] = True
    fine = _Expansion(look, cells, moves, allowed, own)
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


def _grown(mask: Tensor, radius: int) -> Tensor:
    return functional.max_pool2d(mask.float()[None, None], 2 * radius + 1, 1, radius)[0, 0] > 0


def _enough(cells: _Cells, moves: Tensor, sources: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor] | None:
    """Moves with some added so that every cell has one, and (K, N) whether a move may be used in a cell.

    None where there is too little to copy from.
    """
    allowed = _allowed(cells, moves, sources)
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
        fits = _allowed(cells, tried, sources)
        best = int((fits & bare).sum(dim=1).argmax())
        moves, allowed = torch.cat([moves, tried[best : best + 1]]), torch.cat([allowed, fits[best : best + 1]])
        bare &= ~fits[best]
    return None if bare.any() else (moves, allowed)


def _allowed(cells: _Cells, moves: Tensor, sources: Tensor) -> Tensor:
    """(K, N) whether all pixels of a cell that are in the hole may be copied by a move."""
    there = _index(cells.places + moves[:, None, None], sources.shape)
    fine = (there >= 0) & sources.flatten()[there.clamp(min=0)]
    return (fine | ~cells.inside).all(dim=2)


def _index(places: Tensor, size: torch.Size) -> Tensor:
    """Numbers y * w + x of places (..., 2), -1 outside an image of a size (h, w)."""
    y, x = places[..., 0], places[..., 1]
    outside = (y < 0) | (y >= size[0]) | (x < 0) | (x >= size[1])
    return (y * size[1] + x).masked_fill(outside, -1)


class _Look:
    """What is compared of an image.

    Attributes:
        known: (h, w).
        flat: (h * w + 1, 6) colours, differences to the right and down, whether it is known; the last row is nothing.
        blurred: (h * w + 1, 3) colours of what is known around.
        guess: (h, w, 3) the image with its hole filled smoothly.
    """

    def __init__(self, image: Tensor, known: Tensor) -> None:
        grey = image.mean(dim=2)
        across = functional.pad(grey[:, 1:] - grey[:, :-1], (0, 1))
        down = functional.pad(grey[1:] - grey[:-1], (0, 0, 0, 1))
        solid = known & functional.pad(known[:, 1:], (0, 1)) & functional.pad(known[1:], (0, 0, 0, 1))
        slopes = torch.stack([across, down], dim=2) * solid[..., None] * _GRADIENT
        looks = torch.cat([image * known[..., None], slopes, known[..., None] * _UNKNOWN], dim=2)
        self.known = known
        self.flat = functional.pad(looks.flatten(0, 1), (0, 0, 0, 1))
        planes = image.permute(2, 0, 1)
        colours, share = (
            functional.avg_pool2d(plane[None], 2 * _BLUR + 1, 1, _BLUR)[0]
            for plane in (planes * known, known[None] * 1.0)
        )
        blurred = (colours / share.clamp(min=1e-6)).flatten(1).T
        self.blurred = functional.pad(blurred, (0, 0, 0, 1))
        self.guess = smooth_fill(planes, known).permute(1, 2, 0)

    def copies(self, cells: _Cells, moves: Tensor) -> Tensor:
        """(K, N, side^2, 6) what each cell would show by each move; zeros for nothing and outside the hole."""
        return self.flat[_index(cells.places + moves[:, None, None], self.known.shape)] * cells.inside[..., None]

    def costs(self, cells: _Cells, moves: Tensor, allowed: Tensor) -> Tensor:
        """(K, N) what a move costs in a cell by itself.

        That is how it would go on what is known around, how far it goes, and how unlike the smooth fill it is.
        """
        height, width = self.known.shape
        reach = max(1, round(_REACH * cells.side))
        rim = (_grown(~self.known, reach) & self.known).nonzero()
        there = self.flat[_index(rim + moves[:, None], self.known.shape)]  # (K, R, 6)
        rows, columns = cells.grid.shape
        apart = there.new_zeros(len(moves), 1, rows * cells.side, columns * cells.side)
        apart[:, 0, rim[:, 0], rim[:, 1]] = (there - self.flat[_index(rim, self.known.shape)]).abs().sum(dim=2)
        window = cells.side + 2 * reach
        around = functional.avg_pool2d(apart, window, stride=cells.side, padding=reach)[:, 0] * window**2
        far = (moves.abs().float() / max(height, width) * torch.tensor([_DOWN, _ACROSS])).sum(dim=1)
        middle = cells.places[:, cells.places.shape[1] // 2].clamp(max=torch.tensor([height - 1, width - 1]))
        guess = self.guess[middle[:, 0], middle[:, 1]]
        unlike = (self.blurred[_index(middle + moves[:, None], self.known.shape)] - guess).abs().sum(dim=2)  # (K, N)
        alone = (far[:, None] + _GUESS * unlike) * cells.inside.sum(dim=1)
        return (around[:, cells.grid >= 0] + alone).masked_fill(~allowed, _FORBIDDEN)


class _Expansion:
    """Labels of cells, and steps in which any number of cells takes one label at once."""

    def __init__(
        self, look: _Look, cells: _Cells, moves: Tensor, allowed: Tensor, labels: Tensor | None = None
    ) -> None:
        """Labels are numbers of moves; by default they begin as what each cell prefers by itself."""
        self.copies, self.own = look.copies(cells, moves), look.costs(cells, moves, allowed)
        self.seam = _SEAM * cells.side
        self.first, self.second = cells.pairs.T
        self.labels = self.own.argmin(dim=0) if labels is None else labels
        self.number = torch.arange(len(self.labels))
        self._refresh()

    def _refresh(self) -> None:
        """What the present labels show, here and beyond each pair's border."""
        self.shown = self.copies[self.labels, self.number]  # (N, side^2, 6)
        first, second = self.first, self.second
        self.second_in_first = self.copies[self.labels[second], first]  # (P, side^2, 6)
        self.first_in_second = self.copies[self.labels[first], second]
        seam = (self.labels[first] != self.labels[second]).float() * self.seam
        self.between = (
            _apart(self.shown[first], self.second_in_first) + _apart(self.shown[second], self.first_in_second) + seam
        )

    def sweep(self, labels: Tensor) -> None:
        """One step for each label."""
        for label in labels.tolist():
            self.expand(label)

    def expand(self, label: int) -> None:
        """The best step in which cells keep their label or take `label`."""
        free = (self.own[label] < _FORBIDDEN) & (self.labels != label)
        number = torch.cumsum(free, dim=0) - 1
        some = (free[self.first] | free[self.second]).nonzero()[:, 0]
        first, second = self.first[some], self.second[some]
        new = self.copies[label]
        change = _apart(self.shown, new)  # (N,)
        taken = self.seam * (self.labels != label).float()
        between = self.between[some]
        first_takes = _apart(new[first], self.second_in_first[some]) + change[second] + taken[second]
        second_takes = _apart(new[second], self.first_in_second[some]) + change[first] + taken[first]
        both = free[first] & free[second]
        alone = second_takes.masked_fill(both, 0) - between.masked_fill(both, 0)
        cost = self.own[label] - self.own[self.labels, self.number]
        cost = cost.index_add(0, first, first_takes - between)
        cost = cost.index_add(0, second, torch.where(both, -first_takes, alone))
        links = (first_takes + second_takes - between)[both].clamp(min=0)
        takes = torch.zeros_like(free)
        takes[free] = _cut(cost[free], number[first[both]], number[second[both]], links)
        if takes.any():
            self.labels = torch.where(takes, label, self.labels)
            self._refresh()


def _apart(a: Tensor, b: Tensor) -> Tensor:
    """(n,) the distances between what cells show, (n, side^2, 6) each, summed over their pixels."""
    return (a - b).abs().flatten(1).sum(dim=1)


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
