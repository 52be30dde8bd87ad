"""Hair: streaks along the strands, light across them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .atlas import STRAND_NOISE, Atlas
from .geometry import unit
from .person import Person, column
from .raster import Samples
from .warp_launch import bilinear

Filled = tuple[Tensor, Tensor, float | Tensor, float | Tensor, float | Tensor]


def hair_material(atlas: Atlas, people: Sequence[Person], samples: Samples, at: Tensor) -> Filled:
    """Albedo, normal, wrap, exponent and gloss of the samples `at` (N,)."""
    u, v = samples.uv[at].unbind(-1)
    strands = torch.full_like(at, STRAND_NOISE)
    locks = bilinear(atlas.noise, strands, u * 9, v * 1.4)[:, 0]
    single = bilinear(atlas.noise, strands, u * 26 + 0.3, v * 2.6 + locks * 0.02)[:, 0]
    large = bilinear(atlas.noise, torch.zeros_like(at), u * 3, v * 1.5)[:, 0]
    colour = column(people, "face.hair", at.device)[samples.image[at] % len(people)]
    colour = colour * torch.exp(0.20 * locks + 0.20 * single + 0.15 * large)[:, None]
    bend = (locks * 0.22 + single * 0.26)[:, None]
    normal = unit(samples.normal[at] + bend * samples.tangents[0][at])
    return colour.clamp(0.002, 0.9), normal, 0.15, 18.0, 0.55
