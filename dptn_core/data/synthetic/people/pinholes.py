"""Slits thinner than a pixel, between cloth and what lies under it: seen as single pixels of background."""

from __future__ import annotations

import torch
from torch import Tensor

from .garment_template import Template
from .raster import TRIANGLES
from .warp_launch import EMPTY


def close_pinholes(template: Template, depth: Tensor, scale: int) -> None:
    """Let single pixels of background that one part of the body encloses show the nearest surface, in place.

    Args:
        template: tells which part of the body a triangle belongs to.
        depth: (P, H * scale, W * scale) from `rasterise`.
        scale: samples a pixel and direction.
    """
    image, row, column = _enclosed(depth, scale).nonzero(as_tuple=True)
    span = torch.arange(3 * scale, device=depth.device)
    rows, columns = ((place * scale)[:, None] + span for place in (row, column))
    around = depth[image[:, None, None], rows[:, :, None], columns[:, None, :]]  # (N, 3 * scale, 3 * scale)

    nearest = around.view(-1, 3, scale, 3, scale).amin((2, 4)).flatten(1)
    part = template.face_part[nearest & TRIANGLES]
    part = torch.cat([part[:, :4], part[:, 5:]], 1)
    within = (part == part[:, :1]).all(1)
    image, row, column, around = image[within], row[within], column[within], around[within].flatten(1)

    place = torch.cartesian_prod(span, span)
    middle = place[((place >= scale) & (place < 2 * scale)).all(1)]
    apart = (middle[:, None] - place).square().sum(-1).float()  # (scale * scale, 9 * scale * scale)
    apart = apart.masked_fill((around == EMPTY)[:, None], torch.inf)  # what is covered keeps its own: nothing is nearer
    filled = around.gather(1, apart.argmin(-1))
    depth[image[:, None], (row * scale)[:, None] + middle[:, 0], (column * scale)[:, None] + middle[:, 1]] = filled


def _enclosed(depth: Tensor, scale: int) -> Tensor:
    """Which pixels are background among eight that are a person's, (P, H - 2, W - 2); the outermost never are."""
    images, height, width = depth.shape
    samples = (depth < EMPTY).view(images, height // scale, scale, width // scale, scale)
    inside = samples.sum((2, 4)) * 2 >= scale * scale
    three = inside[:, :-2] & inside[:, 1:-1] & inside[:, 2:]
    above, here, below = (inside[:, k : k + three.shape[1], 1:-1] for k in range(3))
    return ~here & three[..., :-2] & three[..., 2:] & above & below
