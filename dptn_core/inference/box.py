"""A box of a canvas, and pixels in and out of it at a cost of canvas and network, however far the box reaches beyond.

A person who is 16 pixels high and 6000 wide has a box of 60 million pixels, of which the canvas has a hundred thousand.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..image_io import interpolated

_BAND = 2**20  # pixels that are resampled at once


@dataclass(frozen=True)
class Box:
    """Whole pixels of a canvas; may reach beyond it."""

    left: int
    top: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """First column beyond the box."""
        return self.left + self.width

    @property
    def bottom(self) -> int:
        """First row beyond the box."""
        return self.top + self.height


def cut_box(image: Tensor, box: Box, size: tuple[int, int]) -> Tensor:
    """A box of a (C, H, W) canvas as (C, *size); beyond the canvas its edge goes on.

    First the canvas' own rows are resampled along x, band by band, then all rows of the box along y.
    """
    height, width = image.shape[1:]
    columns = torch.arange(box.left, box.right, device=image.device).clamp(0, width - 1)
    rows = torch.arange(box.top, box.bottom, device=image.device).clamp(0, height - 1)
    first, last = int(rows[0]), int(rows[-1]) + 1
    step = max(1, _BAND // box.width)
    narrow = image.new_empty(len(image), last - first, size[1], dtype=torch.float32)
    for start in range(first, last, step):
        band = image[:, start : min(start + step, last)][:, :, columns]
        narrow[:, start - first : start - first + step] = interpolated(band, (band.shape[1], size[1]))
    return interpolated(narrow[:, rows - first], size).clamp(0, 1)


def spread_box(image: Tensor, box: Box, size: tuple[int, int]) -> Tensor:
    """The opposite: (C, h, w) put back where its box is in a canvas (C, *size); its edge goes on outwards.

    First along x, of which the canvas' columns are kept, then along y in bands of columns.
    """
    rows = (torch.arange(size[0], device=image.device) - box.top).clamp(0, box.height - 1)
    columns = (torch.arange(size[1], device=image.device) - box.left).clamp(0, box.width - 1)
    wide = interpolated(image, (image.shape[1], box.width))[:, :, columns]
    spread = wide.new_empty(len(image), *size)
    step = max(1, _BAND // box.height)
    for start in range(0, size[1], step):
        band = wide[:, :, start : start + step]
        spread[:, :, start : start + step] = interpolated(band, (box.height, band.shape[2]))[:, rows]
    return spread.clamp_(0, 1)
