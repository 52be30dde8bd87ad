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

COUNT: Final = 40  # moves that are proposed
_RADIUS: Final = 4  # of patches, in pixels
_COMPONENTS: Final = 16  # numbers that stand for a patch
_QUERIES: Final = 600  # patches whose likes are looked for
_SAMPLES: Final = 1500  # patches from which the components are found
_SMOOTHING: Final = 1.4  # pixels over which moves count as one
_APART: Final = 2  # pixels between two moves, at least
_DOWN: Final = 2.0  # cost of a move by the image's longer side, up or down; patches differ by about 1
_ACROSS: Final = 0.7


def typical_moves(image: Tensor, known: Tensor, sources: Tensor, generator: torch.Generator) -> Tensor:
    """Moves under which what surrounds a hole resembles other places, the most useful first.

    Args:
        image: (h, w, C) on the CPU.
        known: (h, w), False in the hole.
        sources: (h, w), places that may be copied from.
        generator: On the CPU.

    Returns:
        (K, 2) y, x in pixels, to add to a place in the hole for the one it is copied from; K is at most `COUNT`.
    """
    height, width = known.shape
    votes = torch.zeros(2 * height - 1, 2 * width - 1)
    found = _likes(image, known, generator)
    votes.index_put_((found[:, 0] + height - 1, found[:, 1] + width - 1), torch.ones(len(found)), accumulate=True)
    votes = votes + votes.flip(0, 1)
    votes = torch.from_numpy(gaussian_filter(votes.numpy(), _SMOOTHING, mode="constant"))
    peaks = (functional.max_pool2d(votes[None, None], 2 * _APART + 1, 1, _APART)[0, 0] == votes) & (votes > 0)
    moves = peaks.nonzero()
    strength = votes[moves[:, 0], moves[:, 1]]
    moves = moves - torch.tensor([height - 1, width - 1])
    best = strength.argsort(descending=True, stable=True)[: 8 * COUNT]
    moves, strength = moves[best], strength[best]
    covered = _covered(moves, (~known).nonzero(), sources).mean(dim=1)
    best = (strength * covered).argsort(descending=True, stable=True)[:COUNT]
    return moves[best][covered[best] > 0]


def _covered(moves: Tensor, places: Tensor, sources: Tensor) -> Tensor:
    """(K, n) whether places (N, 2), a few of them, may be copied by each move."""
    places = places[:: max(1, len(places) // 500)]
    there = places + moves[:, None]
    inside = ((there >= 0) & (there < torch.tensor(sources.shape))).all(dim=2)
    there = torch.where(inside[..., None], there, 0)
    return (inside & sources[there[..., 0], there[..., 1]]).float()


def _likes(image: Tensor, known: Tensor, generator: torch.Generator) -> Tensor:
    """(M, 2) moves from known patches around the hole to those most like them, near ones and far ones."""
    rows, places = _descriptors(image, known)
    if not len(places):
        return torch.zeros(0, 2, dtype=torch.long)
    hole = (~known).nonzero()
    low, high = hole.min(dim=0).values, hole.max(dim=0).values
    reach = (high - low) // 2 + 8
    near = ((places >= low - reach) & (places <= high + reach)).all(dim=1).nonzero()[:, 0]
    queries = near[torch.randperm(len(near), generator=generator)[:_QUERIES]]
    others = (places.sum(dim=1) % 2 == 0).nonzero()[:, 0]
    if not len(queries) or not len(others):
        return torch.zeros(0, 2, dtype=torch.long)
    at, there = places[queries].float(), places[others].float()
    away = at.square().sum(dim=1)[:, None] + there.square().sum(dim=1) - 2 * at @ there.T
    cost = 0.5 * rows[others].square().sum(dim=1) - rows[queries] @ rows[others].T
    longer = max(known.shape)
    clear = float(torch.minimum(high - low, torch.tensor(longer)).min()) * 0.6  # what takes a place out of the hole
    found = []
    for least in (max(8.0, longer / 16), clear):
        allowed = away >= least**2
        nearest = torch.where(allowed, cost, torch.inf).argmin(dim=1)
        good = allowed.gather(1, nearest[:, None])[:, 0]
        found.append((places[others[nearest]] - places[queries])[good])
    return torch.cat(found)


def _descriptors(image: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """Rows (P, D) of all patches that are known entirely, near where patches are alike, and their middles (P, 2)."""
    side = 2 * _RADIUS + 1
    height, width, channels = image.shape
    if min(height, width) < side:
        return image.new_zeros(0, 1), torch.zeros(0, 2, dtype=torch.long)
    entire = functional.max_pool2d((~known).float()[None, None], side, stride=1)[0, 0] == 0
    corners = entire.nonzero()
    if not len(corners):
        return image.new_zeros(0, 1), torch.zeros(0, 2, dtype=torch.long)
    windows = image.unfold(0, side, 1).unfold(1, side, 1)  # (h', w', C, side, side)
    some = corners[:: max(1, len(corners) // _SAMPLES)]
    sample = windows[some[:, 0], some[:, 1]].flatten(1)
    sample = sample - sample.mean(dim=0)
    _, vectors = torch.linalg.eigh((sample.T @ sample).double())
    filters = vectors[:, -_COMPONENTS:].T.float().reshape(-1, channels, side, side)
    colours = functional.conv2d(image.permute(2, 0, 1)[None], filters)[0][:, entire].T
    weights = torch.tensor([_DOWN, _ACROSS]) / max(height, width)
    return torch.cat([colours, corners * weights], dim=1).contiguous(), corners + _RADIUS
