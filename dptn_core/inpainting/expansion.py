"""Labels of cells changed step by step: alpha expansion by graph cuts.

After Boykov, Veksler, Zabih ("Fast Approximate
Energy Minimization via Graph Cuts", PAMI 2001). Costs are sums
of absolute differences, not of squares, so that every step is exact.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import breadth_first_order, maximum_flow
from torch import Tensor

from .cells import Cells
from .look import FORBIDDEN, Look

_SEAM: Final = 0.06  # cost of a seam for each pixel of its length, whatever it looks like
_SCALE: Final = 500.0  # costs to whole numbers


class Expansion:
    """Labels of cells, and steps in which any number of cells takes one label at once."""

    def __init__(self, look: Look, cells: Cells, moves: Tensor, allowed: Tensor, labels: Tensor | None = None) -> None:
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
        free = (self.own[label] < FORBIDDEN) & (self.labels != label)
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
