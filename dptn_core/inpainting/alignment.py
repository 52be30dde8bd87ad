"""Moves found in a small image made exact in the large one."""

from __future__ import annotations

from typing import Final

import torch
from scipy.ndimage import distance_transform_edt
from torch import Tensor
from torch.nn import functional

_MAX_PIXELS: Final = 40_000  # pixels that are compared


def aligned_moves(image: Tensor, known: Tensor, moves: Tensor, factor: int, step: int) -> Tensor:
    """Moves in pixels of the large image under which the copies go on best what is known along the hole's rim.

    All pixels of the hole with one move keep one move: copies are shifted, not torn.

    Args:
        image: (3, H, W) the large image, on any device.
        known: (h, w) of squares of `factor` pixels of it, False in the hole; on the CPU.
        moves: (N, 2) y, x in squares for each that is not known; around where they lead enough is known.
        factor: Of the sizes.
        step: Pixels by which moves are changed at first; then half as many, and so on.

    Returns:
        (N, 2) y, x in pixels, on the CPU, less than twice `step` from `moves`.
    """
    distinct, labels = moves.unique(dim=0, return_inverse=True)
    exact = distinct * factor
    places, owners = _rim(known, labels, factor, image.shape[1:])
    if not len(places):
        return exact[labels]
    places = places.to(image.device)
    shown = _colours(image, places)
    side = torch.arange(-1, 2)
    around = torch.cartesian_prod(side, side)
    around = around[around.abs().sum(dim=1).argsort(stable=True)]  # where nothing tells, nothing changes
    while step >= 1:
        costs = []
        for change in around * step:
            there = places + (exact + change)[owners].to(image.device)
            apart = (_colours(image, there) - shown).abs().sum(dim=0).double().cpu()
            costs.append(torch.zeros(len(exact), dtype=torch.float64).index_add_(0, owners, apart))
        exact = exact + around[torch.stack(costs).argmin(dim=0)] * step
        step //= 2
    return exact[labels]


def _rim(known: Tensor, labels: Tensor, factor: int, size: torch.Size) -> tuple[Tensor, Tensor]:
    """Known pixels (M, 2) of the large image beside the hole, a part of them, and the label of the hole beside each."""
    near = functional.max_pool2d((~known).float()[None, None], 3, stride=1, padding=1)[0, 0] > 0
    squares = (near & known).nonzero()
    _, nearest = distance_transform_edt(known.numpy(), return_indices=True)
    beside = torch.from_numpy(nearest).long()[:, squares[:, 0], squares[:, 1]]
    number = torch.zeros(known.shape, dtype=torch.long)
    number[~known] = labels
    steps = torch.arange(factor)
    places = (squares[:, None] * factor + torch.cartesian_prod(steps, steps)).flatten(0, 1)
    owners = number[beside[0], beside[1]].repeat_interleave(factor**2)
    inside = (places < torch.tensor(size)).all(dim=1)
    places, owners = places[inside], owners[inside]
    stride = max(1, len(places) // _MAX_PIXELS)
    return places[::stride], owners[::stride]


def _colours(image: Tensor, places: Tensor) -> Tensor:
    """(3, M) of the image at places (M, 2), or at its border beside them."""
    height, width = image.shape[1:]
    return image[:, places[:, 0].clamp(0, height - 1), places[:, 1].clamp(0, width - 1)]
