"""Patches of an image with a hole, at half its size: what is like what."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

RADIUS: Final = 4  # of patches, in pixels
SIDE: Final = 2 * RADIUS + 1
COST: Final = (2.0, 0.7)  # of a move by the image's longer side, down and across; patches differ by about 1
_COMPONENTS: Final = 16  # numbers that stand for a patch
_SAMPLES: Final = 1000  # patches from which the components are found
_QUERIES: Final = 300  # patches with which all are compared
_APART: Final = 1 / 16  # of the longer side: nearer patches are alike anyway


class Patches:
    """The patches of an image at half its size.

    Attributes:
        image: (h, w, 3), h and w at least SIDE.
        known: (h, w), False in the hole.
        free: (h, w), False in the hole and where nothing is to be copied from.
        entire: (h - 2 * RADIUS, w - 2 * RADIUS) whether all of a patch is free, by its upper left corner.
        corners: (P, 2) y, x of those that are.
        windows: (h - 2 * RADIUS, w - 2 * RADIUS, 3, SIDE, SIDE) all patches.
        rows: (P, D) one for each corner; near where patches are alike.
    """

    def __init__(self, image: Tensor, known: Tensor, free: Tensor) -> None:
        """Of an image that `can_be_made_of` accepts; the arguments as there."""
        self.image = _halved(image.permute(2, 0, 1)).permute(1, 2, 0)
        self.known, self.free = _halved_mask(known), _halved_mask(free)
        self.entire = _entire(self.free)
        self.corners = self.entire.nonzero()
        self.windows = self.image.unfold(0, SIDE, 1).unfold(1, SIDE, 1)
        self.rows = self._rows()

    @staticmethod
    def can_be_made_of(free: Tensor) -> bool:
        """Whether at least one patch is free, (h, w) at full size."""
        return min(free.shape) >= 2 * SIDE and bool(_entire(_halved_mask(free)).any())

    def _rows(self) -> Tensor:
        some = self.corners[:: max(1, len(self.corners) // _SAMPLES)]
        sample = self.windows[some[:, 0], some[:, 1]].flatten(1)
        sample = sample - sample.mean(dim=0)
        _, vectors = torch.linalg.eigh((sample.T @ sample).double())
        filters = vectors[:, -_COMPONENTS:].T.float().unflatten(1, (3, SIDE, SIDE))
        return functional.conv2d(self.image.permute(2, 0, 1)[None], filters)[0][:, self.entire].T.contiguous()

    def rarity(self, size: torch.Size, generator: torch.Generator) -> Tensor:
        """(H, W) at a full size: how unlike all others far from it the patch at a place is; about 1, more is rarer."""
        some = torch.randperm(len(self.corners), generator=generator)[:_QUERIES]
        far = distances(self.corners.float(), self.corners[some].float()) >= self.nearest() ** 2
        apart = torch.where(far, distances(self.rows, self.rows[some]), torch.inf).amin(dim=1).clamp(0, 100).sqrt()
        there = torch.zeros(self.entire.shape)
        there[self.entire] = apart
        wide = functional.pad(there[None, None], (RADIUS,) * 4, mode="replicate")
        return functional.interpolate(wide, size, mode="bilinear", align_corners=False)[0, 0]

    def nearest(self) -> float:
        """How many pixels apart patches are that are compared, at least."""
        return max(4.0, _APART * max(self.known.shape))


def distances(a: Tensor, b: Tensor) -> Tensor:
    """(n, m) squared distances between the rows of (n, D) and (m, D)."""
    return torch.addmm(a.square().sum(dim=1)[:, None] + b.square().sum(dim=1), a, b.T, alpha=-2)


def _halved(planes: Tensor) -> Tensor:
    """(C, h, w) at half the size; what stands over is cut off."""
    return functional.avg_pool2d(planes[None], 2)[0]


def _halved_mask(mask: Tensor) -> Tensor:
    """(h, w) at half the size, True where all of it is."""
    return _halved(mask[None].float())[0] == 1


def _entire(free: Tensor) -> Tensor:
    return functional.max_pool2d((~free).float()[None, None], SIDE, stride=1)[0, 0] == 0
