"""Which moves take an image onto itself: they are what a hole can be filled by.

After He, Sun ("Statistics of Patch Offsets for Image Completion", ECCV 2012): patches resemble others that lie a few
typical moves away, and these few are enough to copy from.
"""

from __future__ import annotations

from typing import Final

import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor
from torch.nn import functional

from .patches import COST, RADIUS, SIDE, Patches, distances

_TYPICAL: Final = 20  # moves taken from the statistics
_SPOTS: Final = 32  # places along the rim that add a move each
_QUERIES: Final = 500  # patches whose likes are looked for
_SMOOTHING: Final = 1.0  # pixels over which moves count as one
_APART: Final = 2  # pixels between two typical moves, at least


def likely_moves(patches: Patches, generator: torch.Generator) -> Tensor:
    """Moves under which what surrounds a hole resembles other places.

    Args:
        patches: Of the image at half its size.
        generator: On the CPU.

    Returns:
        (K, 2) y, x in pixels of the full size, to add to a place in the hole for the one it is copied from; no two
        alike.
    """
    return (2 * torch.cat([_typical(patches, generator), _from_the_rim(patches)])).unique(dim=0)


def _typical(patches: Patches, generator: torch.Generator) -> Tensor:
    """(K, 2) the moves under which most patches around the hole resemble others, that lead from it to what is free."""
    height, width = patches.known.shape
    found = _likes(patches, generator)
    votes = torch.zeros(2 * height - 1, 2 * width - 1)
    votes.index_put_((found[:, 0] + height - 1, found[:, 1] + width - 1), torch.ones(len(found)), accumulate=True)
    votes = votes + votes.flip(0, 1)  # what resembles a place resembles it
    votes = torch.from_numpy(gaussian_filter(votes.numpy(), _SMOOTHING, mode="constant"))
    peaks = functional.max_pool2d(votes[None, None], 2 * _APART + 1, 1, _APART)[0, 0] == votes
    moves = (peaks & (votes > 0)).nonzero()
    strength = votes[moves[:, 0], moves[:, 1]]
    moves = moves - torch.tensor([height - 1, width - 1])
    useful = strength * _covered(moves, (~patches.known).nonzero(), patches.free)
    best = useful.argsort(descending=True, stable=True)[:_TYPICAL]
    return moves[best][useful[best] > 0]


def _covered(moves: Tensor, places: Tensor, free: Tensor) -> Tensor:
    """(K,) the share of places (N, 2), judged by a few, that may be copied by each move."""
    places = places[:: max(1, len(places) // 200)]
    there = places + moves[:, None]
    inside = ((there >= 0) & (there < torch.tensor(free.shape))).all(dim=2)
    there = torch.where(inside[..., None], there, 0)
    return (inside & free[there[..., 0], there[..., 1]]).float().mean(dim=1)


def _likes(patches: Patches, generator: torch.Generator) -> Tensor:
    """(M, 2) moves from patches around the hole to those most like them, near ones and far ones."""
    corners = patches.corners
    hole = (~patches.known).nonzero() - RADIUS
    low, high = hole.min(dim=0).values, hole.max(dim=0).values
    reach = (high - low) // 2 + 4
    near = ((corners >= low - reach) & (corners <= high + reach)).all(dim=1).nonzero()[:, 0]
    queries = near[torch.randperm(len(near), generator=generator)[:_QUERIES]]
    away = distances(corners[queries].float(), corners.float())
    rows = torch.cat([patches.rows, _cost_of_place(patches, corners)], dim=1)
    cost = distances(rows[queries], rows)
    found = []
    for least in (patches.nearest(), 0.6 * float((high - low).min())):  # the second leads out of the hole
        allowed = away >= least**2
        nearest = torch.where(allowed, cost, torch.inf).argmin(dim=1)
        good = allowed.gather(1, nearest[:, None])[:, 0]
        found.append((corners[nearest] - corners[queries])[good])
    return torch.cat(found)


def _cost_of_place(patches: Patches, places: Tensor) -> Tensor:
    """(..., 2) for places (..., 2): their squared distance is what moving from one to the other costs."""
    return places * (torch.tensor(COST) / max(patches.known.shape))


def _from_the_rim(patches: Patches) -> Tensor:
    """(K, 2) moves from places along the rim to the patches most like what is known of theirs."""
    known = patches.known
    rim = ~known & (functional.max_pool2d(known.float()[None, None], 3, 1, 1)[0, 0] > 0)
    spots = rim[RADIUS:-RADIUS, RADIUS:-RADIUS].nonzero()  # corners of the patches around
    spots = spots[torch.linspace(0, len(spots) - 1, min(_SPOTS, len(spots))).long()]
    if not len(spots):
        return spots
    masks = known.unfold(0, SIDE, 1).unfold(1, SIDE, 1)[spots[:, 0], spots[:, 1]].float()[:, None]  # (S, 1, side, side)
    wanted = patches.windows[spots[:, 0], spots[:, 1]] * masks
    planes = patches.image.permute(2, 0, 1)[None]
    cost = functional.conv2d(planes.square().sum(dim=1, keepdim=True), masks) - 2 * functional.conv2d(planes, wanted)
    away = _cost_of_place(patches, patches.corners - spots[:, None])
    total = cost[0][:, patches.entire] + away.square().sum(dim=2)
    return patches.corners[total.argmin(dim=1)] - spots
