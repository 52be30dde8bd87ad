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

_TYPICAL: Final = 20  # moves taken from the statistics
_SPOTS: Final = 32  # places along the rim that add a move each
_RADIUS: Final = 4  # of patches, in pixels
_COMPONENTS: Final = 16  # numbers that stand for a patch
_QUERIES: Final = 500  # patches whose likes are looked for
_SAMPLES: Final = 1000  # patches from which the components are found
_SMOOTHING: Final = 1.0  # pixels over which moves count as one
_APART: Final = 2  # pixels between two typical moves, at least
_DOWN: Final = 2.0  # cost of a move by the image's longer side, up or down; patches differ by about 1
_ACROSS: Final = 0.7


def likely_moves(image: Tensor, known: Tensor, free: Tensor, generator: torch.Generator) -> Tensor:
    """Moves under which what surrounds a hole resembles other places.

    Args:
        image: (h, w, 3) on the CPU.
        known: (h, w), False in the hole.
        free: (h, w), False in the hole and where nothing is to be copied from.
        generator: On the CPU.

    Returns:
        (K, 2) y, x in pixels, to add to a place in the hole for the one it is copied from; no two alike.
    """
    image = _halved(image.permute(2, 0, 1)).permute(1, 2, 0)
    known, free = (_halved(mask[None].float())[0] == 1 for mask in (known, free))
    side = 2 * _RADIUS + 1
    if min(known.shape) < side:
        return torch.zeros(0, 2, dtype=torch.long)
    entire = functional.max_pool2d((~free).float()[None, None], side, stride=1)[0, 0] == 0
    if not entire.any():
        return torch.zeros(0, 2, dtype=torch.long)
    patches = image.unfold(0, side, 1).unfold(1, side, 1)  # (h', w', 3, side, side)
    typical = _typical(image, known, free, patches, entire, generator)
    return (2 * torch.cat([typical, _from_the_rim(image, known, patches, entire)])).unique(dim=0)


def _halved(planes: Tensor) -> Tensor:
    """(C, h, w) at half the size; what stands over is cut off."""
    return functional.avg_pool2d(planes[None], 2)[0] if min(planes.shape[1:]) > 1 else planes[:, :0, :0]


def _typical(
    image: Tensor, known: Tensor, free: Tensor, patches: Tensor, entire: Tensor, generator: torch.Generator
) -> Tensor:
    """(K, 2) the moves under which most patches around the hole resemble others, that lead from it to what is free."""
    height, width = known.shape
    found = _likes(image, known, patches, entire, generator)
    votes = torch.zeros(2 * height - 1, 2 * width - 1)
    votes.index_put_((found[:, 0] + height - 1, found[:, 1] + width - 1), torch.ones(len(found)), accumulate=True)
    votes = votes + votes.flip(0, 1)  # what resembles a place resembles it
    votes = torch.from_numpy(gaussian_filter(votes.numpy(), _SMOOTHING, mode="constant"))
    peaks = functional.max_pool2d(votes[None, None], 2 * _APART + 1, 1, _APART)[0, 0] == votes
    moves = (peaks & (votes > 0)).nonzero()
    strength = votes[moves[:, 0], moves[:, 1]]
    moves = moves - torch.tensor([height - 1, width - 1])
    useful = strength * _covered(moves, (~known).nonzero(), free)
    best = useful.argsort(descending=True, stable=True)[:_TYPICAL]
    return moves[best][useful[best] > 0]


def _covered(moves: Tensor, places: Tensor, free: Tensor) -> Tensor:
    """(K,) the share of places (N, 2), judged by a few, that may be copied by each move."""
    places = places[:: max(1, len(places) // 200)]
    there = places + moves[:, None]
    inside = ((there >= 0) & (there < torch.tensor(free.shape))).all(dim=2)
    there = torch.where(inside[..., None], there, 0)
    return (inside & free[there[..., 0], there[..., 1]]).float().mean(dim=1)


def _likes(image: Tensor, known: Tensor, patches: Tensor, entire: Tensor, generator: torch.Generator) -> Tensor:
    """(M, 2) moves from known patches around the hole to those most like them, near ones and far ones."""
    places = entire.nonzero()
    rows = _descriptors(image, patches, entire)
    hole = (~known).nonzero()
    low, high = hole.min(dim=0).values, hole.max(dim=0).values
    reach = (high - low) // 2 + 4
    near = ((places >= low - reach - _RADIUS) & (places <= high + reach - _RADIUS)).all(dim=1).nonzero()[:, 0]
    queries = near[torch.randperm(len(near), generator=generator)[:_QUERIES]]
    at, there = places[queries].float(), places.float()
    away = at.square().sum(dim=1)[:, None] + there.square().sum(dim=1) - 2 * at @ there.T
    cost = 0.5 * rows.square().sum(dim=1) - rows[queries] @ rows.T
    found = []
    for least in (max(4.0, max(known.shape) / 16), 0.6 * float((high - low).min())):  # the second leads out of the hole
        allowed = away >= least**2
        nearest = torch.where(allowed, cost, torch.inf).argmin(dim=1)
        good = allowed.gather(1, nearest[:, None])[:, 0]
        found.append((places[nearest] - places[queries])[good])
    return torch.cat(found)


def _descriptors(image: Tensor, patches: Tensor, entire: Tensor) -> Tensor:
    """Rows (P, D) of the patches that are free entirely, near where patches are alike and close together."""
    corners = entire.nonzero()
    some = corners[:: max(1, len(corners) // _SAMPLES)]
    sample = patches[some[:, 0], some[:, 1]].flatten(1)
    sample = sample - sample.mean(dim=0)
    _, vectors = torch.linalg.eigh((sample.T @ sample).double())
    filters = vectors[:, -_COMPONENTS:].T.float().unflatten(1, patches.shape[2:])
    colours = functional.conv2d(image.permute(2, 0, 1)[None], filters)[0][:, entire].T
    weights = torch.tensor([_DOWN, _ACROSS]) / max(image.shape)
    return torch.cat([colours, corners * weights], dim=1)


def _from_the_rim(image: Tensor, known: Tensor, patches: Tensor, entire: Tensor) -> Tensor:
    """(K, 2) moves from places along the rim to the patches most like what is known of theirs."""
    hole = ~known
    rim = hole & (functional.max_pool2d(known.float()[None, None], 3, 1, 1)[0, 0] > 0)
    inner = torch.zeros_like(known)
    inner[_RADIUS:-_RADIUS, _RADIUS:-_RADIUS] = True
    spots = (rim & inner).nonzero()
    spots = spots[torch.linspace(0, len(spots) - 1, min(_SPOTS, len(spots))).long()] - _RADIUS
    if not len(spots):
        return spots
    masks = known.unfold(0, 2 * _RADIUS + 1, 1).unfold(1, 2 * _RADIUS + 1, 1)[spots[:, 0], spots[:, 1]].float()
    masks = masks[:, None]  # (S, 1, side, side)
    wanted = patches[spots[:, 0], spots[:, 1]] * masks
    planes = image.permute(2, 0, 1)[None]
    cost = functional.conv2d(planes.square().sum(dim=1, keepdim=True), masks) - 2 * functional.conv2d(planes, wanted)
    corners = entire.nonzero()
    away = (corners - spots[:, None]) * (torch.tensor([_DOWN, _ACROSS]) / max(known.shape))
    total = cost[0][:, entire] + away.square().sum(dim=2)
    return corners[total.argmin(dim=1)] - spots
