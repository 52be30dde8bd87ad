"""What surfaces are made of at each visible sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .atlas import Atlas
from .cloth import cloth_material
from .garment_template import CAP, CLOTH, EYE, LONG, SKIN, Template
from .hair import hair_material
from .person import Person
from .raster import Samples
from .scene import Scene
from .skin import eye_material, skin_material

_BLED = (1.08, 0.97, 0.93)  # light that came through the skin is redder


@dataclass(frozen=True)
class Material:
    """N samples."""

    albedo: Tensor  # (N, 3) linear
    normal: Tensor  # (N, 3)
    wrap: Tensor  # (N,) how far light creeps around
    exponent: Tensor  # (N,) of the highlight
    gloss: Tensor  # (N,)


def materials(
    template: Template, atlas: Atlas, people: Sequence[Person], scenes: Sequence[Scene], samples: Samples
) -> Material:
    """Materials of the samples of B people's images."""
    count, device = len(samples.layer), samples.layer.device
    out = Material(
        albedo=torch.zeros(count, 3, device=device),
        normal=samples.normal.clone(),
        wrap=torch.zeros(count, device=device),
        exponent=torch.full((count,), 10.0, device=device),
        gloss=torch.full((count,), 0.25, device=device),
    )
    layer = samples.layer
    is_cloth = torch.zeros_like(layer, dtype=torch.bool)
    for name in CLOTH:
        is_cloth |= layer == name
    for chosen, fill in (
        (layer == SKIN, lambda at: skin_material(template, atlas, people, samples, at)),
        (layer == EYE, lambda at: eye_material(template, people, samples, at)),
        ((layer == CAP) | (layer == LONG), lambda at: hair_material(atlas, people, samples, at)),
        (is_cloth, lambda at: cloth_material(template, atlas, people, scenes, samples, at)),
    ):
        at = chosen.nonzero()[:, 0]
        if len(at):
            out.albedo[at], out.normal[at], out.wrap[at], out.exponent[at], out.gloss[at] = fill(at)
    bare = (layer == SKIN) & (samples.edge > 0)
    out.albedo[bare] *= out.albedo.new_tensor(_BLED)
    return out
