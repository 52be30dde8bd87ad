"""Light from a few directions, each with a depth map of the person, so that shadows and occlusion are true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .garment_template import EYE, Template
from .geometry import unit
from .raster import Posed
from .scene import LIGHTS, Scene

_MAP_SIDE = 128  # cells
_EXTENT = 2.5  # metres across a depth map


@dataclass(frozen=True)
class Lit:
    """Lights of P images and how far each reaches."""

    directions: Tensor  # (P, LIGHTS, 3)
    colours: Tensor  # (P, LIGHTS, 3)
    frames: Tensor  # (P, LIGHTS, 3, 3): a light's view
    centre: Tensor  # (P, 3)
    depth: Tensor  # (P, LIGHTS, _MAP_SIDE, _MAP_SIDE) int64
    softness: Tensor  # (P,)


def cast_shadows(template: Template, posed: Posed, scenes: Sequence[Scene], centre: Tensor) -> Lit:
    """Depth maps of B scenes' lights around their people's centres (2B, 3)."""
    import warp as wp

    from .kernels import shadow_kernel
    from .warp_launch import EMPTY, launch, vec, vec3

    device, images = posed.world.device, len(posed.world)

    def twice(values: list[np.ndarray[tuple[int, ...], np.dtype[np.float64]]]) -> Tensor:
        return torch.from_numpy(np.stack(values * 2)).to(device).float()

    directions = twice([scene.light.directions for scene in scenes])
    colours = twice([scene.light.colours for scene in scenes])
    steep = directions[..., 1:2].abs() > 0.9
    helper = torch.where(steep, directions.new_tensor([1.0, 0, 0]), directions.new_tensor([0, 1.0, 0]))
    right = unit(torch.cross(helper, directions, dim=-1))
    frames = torch.stack([right, torch.cross(directions, right, dim=-1), -directions], -2)
    depth = torch.full((images, LIGHTS, _MAP_SIDE, _MAP_SIDE), EMPTY, dtype=torch.int64, device=device)
    casts = ((posed.cut > 0) & (template.vertex_layer != EYE)).nonzero()
    casts = torch.cat([casts, casts + casts.new_tensor([len(posed.cut), 0])]).int()
    arguments = [
        vec(casts, wp.int32),
        vec3(posed.world),
        vec(frames, wp.mat33),
        vec3(centre),
        vec(torch.full((images,), _EXTENT, device=device), wp.float32),
        wp.from_torch(depth),
    ]
    launch(shadow_kernel, len(casts), arguments, device)
    softness = torch.tensor([scene.light.softness for scene in scenes] * 2, device=device)
    return Lit(directions, colours, frames, centre, depth, softness)


def shine_on(
    lit: Lit,
    place: Tensor,
    normal: Tensor,
    flat_normal: Tensor,
    view: Tensor,
    image: Tensor,
    grain: Tensor,
    wrap: Tensor,
    exponent: Tensor,
) -> tuple[Tensor, Tensor]:
    """Diffuse and mirrored light at N places.

    Args:
        lit: the lights.
        place, normal, flat_normal, view: (N, 3), see `Samples`.
        image: (N,) which of the images.
        grain: (N,) int32, decides how shadows are jittered.
        wrap: (N,) how far light creeps around the surface, 0 to 1.
        exponent: (N,) of the highlight; larger is sharper.

    Returns:
        Two (N, 3) tensors of linear light.
    """
    import warp as wp

    from .kernels import light_kernel
    from .warp_launch import launch, vec, vec3

    diffuse, mirrored = torch.zeros_like(place), torch.zeros_like(place)
    arguments = [
        *(vec3(values) for values in (place, normal, flat_normal, view)),
        vec(image.int(), wp.int32),
        vec(grain.int(), wp.int32),
        vec(wrap, wp.float32),
        vec(exponent, wp.float32),
        vec3(lit.directions),
        vec3(lit.colours),
        vec(lit.frames, wp.mat33),
        vec3(lit.centre),
        wp.from_torch(lit.depth),
        vec(torch.full((len(lit.centre),), _EXTENT, device=place.device), wp.float32),
        vec(lit.softness, wp.float32),
        vec3(diffuse),
        vec3(mirrored),
    ]
    launch(light_kernel, len(place), arguments, place.device)
    return diffuse, mirrored
