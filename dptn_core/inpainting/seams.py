"""Copies laid side by side, whose colours are made to flow across seams.

After Perez, Gangnet, Blake ("Poisson Image Editing", SIGGRAPH 2003).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

_SIDES: Final = ((0, 1), (1, 0), (0, -1), (-1, 0))
_FADING: Final = 0.003  # how fast a correction fades with the distance from its cause, squared, in 1/pixels
_LIMIT: Final = 0.1  # beyond it a difference of colours is an edge, not light
_STEPS: Final = 60  # of conjugate gradients


def corrected(image: Tensor, known: Tensor, moves: Tensor) -> Tensor:
    """What to add to the colours of copies, that they go over into each other and into what surrounds them.

    Args:
        image: (h, w, 3).
        known: (h, w), False in the hole.
        moves: (N, 2) y, x for each pixel of the hole, in rows: where it is copied from.

    Returns:
        (N, 3).
    """
    places = (~known).nonzero()
    size = torch.tensor(known.shape)
    number = torch.full(known.shape, -1)
    number[~known] = torch.arange(len(places))

    def colours(there: Tensor) -> Tensor:
        y, x = torch.minimum(there.clamp(min=0), size - 1).T
        return image[y, x]

    own = colours(places + moves)
    wanted = torch.zeros_like(own)
    degree = torch.full_like(own[:, :1], _FADING)
    links = []
    for side in torch.tensor(_SIDES):
        beside = places + side
        inside = ((beside >= 0) & (beside < size)).all(dim=1)
        y, x = torch.where(inside[:, None], beside, 0).T
        neighbour = torch.where(inside, number[y, x], -1)
        known_there, copied_there = (inside & (neighbour < 0))[:, None], (neighbour >= 0)[:, None]
        other = moves[neighbour.clamp(min=0)]
        mine = colours(beside + moves)
        across = colours(beside) - mine
        between = 0.5 * (colours(places + other) - own + colours(beside + other) - mine)
        step = torch.where(known_there, across, torch.where(copied_there, between, 0.0))
        wanted += step.clamp(-_LIMIT, _LIMIT)
        degree += known_there | copied_there
        links.append(torch.where(neighbour >= 0, neighbour, len(places)))
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
