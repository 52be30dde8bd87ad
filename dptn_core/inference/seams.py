"""Copies laid side by side: seams led pixel by pixel to where they are seen least, and colours that flow across them.

After Pritch, Kav-Venaki, Peleg ("Shift-Map Image Editing", ICCV 2009) for where seams go and Perez, Gangnet, Blake
("Poisson Image Editing", SIGGRAPH 2003) for the colours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

_SIDES: Final = ((0, 1), (1, 0), (0, -1), (-1, 0))
_SEAM: Final = 0.02  # cost of a seam between two pixels, as a distance of colours
_SWEEPS: Final = 3
_FADING: Final = 0.003  # how fast a colour correction fades with the distance from its cause, squared, in 1/pixels
_LIMIT: Final = 0.08  # beyond it a difference of colours is an edge, not light
_STEPS: Final = 60  # of conjugate gradients


class Copies:
    """The pixels of a hole, each copied from somewhere else.

    Attributes:
        places: (N, 2) y, x of the hole's pixels, in rows.
        moves: (N, 2) y, x to add for the place each is copied from.
    """

    def __init__(self, image: Tensor, known: Tensor, moves: Tensor) -> None:
        """Args: image (h, w, 3), known (h, w), False in the hole, and the moves."""
        self.known, self.moves = known, moves
        self.height, self.width = known.shape
        self.image = image.flatten(0, 1)
        self.places = (~known).nonzero()
        self.number = torch.full(known.shape, -1)
        self.number[~known] = torch.arange(len(moves))
        self.neighbours = [self._beside(torch.tensor(side)) for side in _SIDES]

    def _beside(self, side: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The step to a side, the number of the pixel there (N,), -1 if it is none of the hole's, whether known."""
        there = self.places + side
        inside = ((there >= 0) & (there < torch.tensor(self.known.shape))).all(dim=1)
        there = torch.where(inside[:, None], there, 0)
        number = torch.where(inside, self.number[there[:, 0], there[:, 1]], -1)
        return side, number, inside & (number < 0)

    def colours(self, places: Tensor) -> Tensor:
        """(n, 3) of the image at places (n, 2)."""
        y = places[:, 0].clamp(0, self.height - 1)
        x = places[:, 1].clamp(0, self.width - 1)
        return self.image[y * self.width + x]

    def lead_seams(self, sources: Tensor) -> None:
        """Let pixels move as one beside them does, where that makes seams less visible; sources (h, w) may be used."""
        parity = self.places.sum(dim=1) % 2
        for _ in range(_SWEEPS):
            for side, neighbour, _ in self.neighbours:
                for turn in (0, 1):  # no two pixels side by side at once
                    moves = self.moves[neighbour.clamp(min=0)]
                    differs = (neighbour >= 0) & (parity == turn) & (moves != self.moves).any(dim=1)
                    some = differs.nonzero()[:, 0]
                    goals = self.places[some] + moves[some]
                    fine = ((goals >= 0) & (goals < torch.tensor(self.known.shape))).all(dim=1)
                    goals = torch.where(fine[:, None], goals, 0)
                    some = some[fine & sources[goals[:, 0], goals[:, 1]]]
                    better = self._visible(some, moves[some]) < self._visible(some, self.moves[some])
                    self.moves[some[better]] = moves[some[better]]

    def _visible(self, some: Tensor, moves: Tensor) -> Tensor:
        """How visible the seams around some pixels (n,) are if they moved by `moves` (n, 2), the others as they do."""
        total = self.image.new_zeros(len(some))
        places = self.places[some]
        own = self.colours(places + moves)
        for side, neighbours, knowns in self.neighbours:
            neighbour, known = neighbours[some], knowns[some]
            beside = places + side
            other = self.moves[neighbour.clamp(min=0)]
            theirs = self.colours(torch.where(known[:, None], beside, beside + other))
            there = (self.colours(beside + moves) - theirs).norm(dim=1)
            here = (own - self.colours(places + other)).norm(dim=1)
            cost = torch.where(known, 2 * there, there + here + _SEAM)
            nothing = (neighbour >= 0) & (other == moves).all(dim=1) | (neighbour < 0) & ~known
            total += cost.masked_fill(nothing, 0.0)
        return total

    def corrections(self) -> Tensor:
        """(N, 3) to add to the colours of the copies, that they go over into each other and into their surroundings."""
        own = self.colours(self.places + self.moves)
        wanted = torch.zeros_like(own)
        degree = torch.full_like(own[:, :1], _FADING)
        links = []
        for side, neighbour, known in self.neighbours:
            beside = self.places + side
            other = self.moves[neighbour.clamp(min=0)]
            there = self.colours(beside + self.moves)
            across = self.colours(beside) - there
            between = 0.5 * (self.colours(self.places + other) - own + self.colours(beside + other) - there)
            step = torch.where(known[:, None], across, torch.where((neighbour >= 0)[:, None], between, 0.0))
            wanted += step.clamp(-_LIMIT, _LIMIT)
            degree += ((neighbour >= 0) | known)[:, None]
            links.append(torch.where(neighbour >= 0, neighbour, len(own)))
        table = torch.stack(links, dim=1)  # (N, 4), N where there is none

        def applied(x: Tensor) -> Tensor:
            return degree * x - torch.cat([x, x.new_zeros(1, 3)])[table].sum(dim=1)

        return _solved(applied, wanted, degree)


def _solved(applied: Callable[[Tensor], Tensor], wanted: Tensor, diagonal: Tensor) -> Tensor:
    """The x (N, 3) with applied(x) = wanted, by conjugate gradients."""
    x = torch.zeros_like(wanted)
    rest = wanted.clone()
    direction = rest / diagonal
    old = (rest * direction).sum(dim=0)
    for _ in range(_STEPS):
        answer = applied(direction)
        step = old / (direction * answer).sum(dim=0).clamp(min=1e-12)
        x += step * direction
        rest -= step * answer
        scaled = rest / diagonal
        new = (rest * scaled).sum(dim=0)
        direction = scaled + new / old.clamp(min=1e-12) * direction
        old = new
    return x
