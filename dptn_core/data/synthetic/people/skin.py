"""Skin, faces and eyes: everything as a function of the place on the template."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .atlas import Atlas
from .garment_template import BOTTOM, TOP, Template
from .geometry import smooth, unit
from .person import Person, column
from .raster import Samples
from .warp_launch import bilinear

Filled = tuple[Tensor, Tensor, float | Tensor, float | Tensor, float | Tensor]


@dataclass(frozen=True)
class _OnFace:
    """Places relative to the nearer eye, metres: outwards, up, towards the viewer; all (N,)."""

    out: Tensor
    up: Tensor
    ahead: Tensor
    front: Tensor  # 1 on the front of the head, 0 behind
    across: Tensor  # from the middle of the face


def _on_face(template: Template, rest: Tensor) -> _OnFace:
    eyes = template.eyes
    left = rest[:, 0] > 0
    near = torch.where(left[:, None], eyes[0], eyes[1])
    return _OnFace(
        out=(rest[:, 0] - near[:, 0]) * torch.where(left, 1.0, -1.0),
        up=near[:, 1] - rest[:, 1],
        ahead=rest[:, 2] - near[:, 2],
        front=smooth((rest[:, 2] - eyes[0, 2] + 0.035) / 0.02),
        across=rest[:, 0],
    )


def _spot(x: Tensor, y: Tensor, width: float, height: float) -> Tensor:
    return torch.exp(-((x / width) ** 2 + (y / height) ** 2))


def _towards(colour: Tensor, other: Tensor, share: Tensor) -> Tensor:
    return colour + (other - colour) * share[:, None]


def skin_material(template: Template, atlas: Atlas, people: Sequence[Person], samples: Samples, at: Tensor) -> Filled:
    """Albedo, normal, wrap, exponent and gloss of the samples `at` (N,); skin under cloth is that cloth's lining."""
    person = samples.image[at] % len(people)
    device = at.device

    def of(name: str) -> Tensor:
        values = column(people, name, device)[person]
        return values[:, 0] if values.shape[1] == 1 else values

    (u, v), rest = samples.uv[at].unbind(-1), samples.rest[at]
    zero = torch.zeros_like(at)
    coarse = bilinear(atlas.noise, zero, u * 5, v * 5)[:, 0]
    fine = bilinear(atlas.noise, zero + 1, u * 7, v * 7)[:, 0]
    hairs = bilinear(atlas.noise, zero + 2, rest[:, 0] * 14 + rest[:, 1] * 6, rest[:, 1] * 14)[:, 0]
    lips, ears, nails = (bilinear(template.masks, zero + k, u, 1 - v)[:, 0] for k in range(3))
    lips = smooth(lips * 1.5 - 0.2)
    face = _on_face(template, rest)
    tone, hair = of("face.skin"), of("face.hair")
    colour = tone * (1 + 0.05 * coarse + 0.03 * fine)[:, None]
    cheek = _spot(face.out - 0.006, face.up + 0.034, 0.02, 0.016) * face.front
    nose = _spot(face.across, face.up + 0.036, 0.014, 0.014) * face.front
    red = (cheek * of("face.blush") + 0.35 * nose).clamp(0, 1)[:, None]
    colour = colour * (1 - red + red * colour.new_tensor([1.02, 0.80, 0.78]))
    colour = colour * (1 - 0.22 * _spot(face.out, face.up + 0.002, 0.02, 0.011) * face.front)[:, None]
    colour = _towards(colour, of("face.lips") * (1 + 0.08 * fine)[:, None], lips * 0.85)
    colour = colour * (1 + ears[:, None] * (colour.new_tensor([1.0, 0.88, 0.86]) - 1)) * (1 + nails * 0.15)[:, None]
    colour = _towards(colour, of("face.brow"), _brow(face, of("face.brow_width"), hairs) * 0.88)
    # lashes: the rim of the lids, close to the ball of the eye
    ball = torch.stack([face.out, face.up, face.ahead], -1).norm(dim=-1)
    lash = smooth((0.0172 - ball) / 0.002) * smooth((face.ahead - 0.002) / 0.006)
    lash = lash * of("face.liner") * torch.where(face.up > -0.003, 1.0, 0.5)
    colour = colour * (1 - lash * 0.85)[:, None]
    colour = _towards(colour, hair * 0.8 + 0.05 * tone, _beard(template, face, rest, lips, hairs) * of("face.beard"))
    scalp = smooth((face.up - 0.075) / 0.02) * (1 - of("face.bald"))
    colour = _towards(colour, hair, scalp * 0.8)
    # what shows between clothes is their inside
    upper = (template.floor - rest[:, 1] > 0.97) | (samples.arm[at] > 0.5)
    linings = [
        torch.tensor([person.outfit.fabrics[layer].palette[0].tolist() for person in people], device=device)
        for layer in (TOP, BOTTOM)
    ]
    lining = torch.where(upper[:, None], linings[0][person], linings[1][person]) * 0.45
    covered = samples.edge[at] < 0
    colour = torch.where(covered[:, None], lining, colour)
    gloss = torch.where(covered, 0.05, 0.55 + 0.4 * lips)
    return colour.clamp(0.003, 0.9), samples.normal[at], 0.22, 22.0, gloss


def _brow(face: _OnFace, width: Tensor, hairs: Tensor) -> Tensor:
    """An arc above each eye, tapering outwards, broken into hairs; 0 to 1."""
    along = ((face.out + 0.017) / 0.047).clamp(-0.5, 1.5)
    arc = 0.0185 + 0.0060 * torch.sin((along * 0.82).clamp(0, 1) * math.pi * 0.9) - 0.004 * (along - 0.6).clamp(min=0)
    width = width * (1.15 - 0.75 * along.clamp(0, 1))
    inside = smooth((width + 0.0005 * hairs - (face.up - arc).abs()) / 0.0016)
    return inside * smooth(along / 0.08) * smooth((1 - along) / 0.12) * face.front


def _beard(template: Template, face: _OnFace, rest: Tensor, lips: Tensor, hairs: Tensor) -> Tensor:
    """Where a beard grows, 0 to 1."""
    ahead = rest[:, 2] - template.eyes[0, 2]
    jaw = smooth((-0.045 - face.up) / 0.012) * smooth((ahead + 0.085) / 0.03) * smooth((face.up + 0.15) / 0.03)
    mouth = _spot(face.across, face.up + 0.073, 0.022, 0.007)
    return (jaw * (1 - lips) * (1 - 0.5 * mouth) * (0.85 + 0.25 * hairs)).clamp(0, 1)


def eye_material(template: Template, people: Sequence[Person], samples: Samples, at: Tensor) -> Filled:
    """As `skin_material`, of eyes: white, iris and pupil by the angle from straight ahead."""
    rest, person = samples.rest[at], samples.image[at] % len(people)
    direction = unit(rest - template.eyes[(rest[:, 0] < 0).long()])
    angle = torch.rad2deg(torch.acos(direction[:, 2].clamp(-1, 1)))
    iris = column(people, "face.iris", at.device)[person]
    iris = iris * (1 + 0.25 * torch.sin(torch.atan2(direction[:, 0], direction[:, 1]) * 23))[:, None]
    colour = _towards(iris.new_tensor([0.62, 0.58, 0.55]).expand_as(iris), iris, smooth((27 - angle) / 3))
    colour = colour * (1 - 0.6 * torch.exp(-(((angle - 26) / 2.5) ** 2)))[:, None]
    colour = colour * (1 - 0.97 * smooth((12 - angle) / 3))[:, None]
    return colour, samples.normal[at], 0.1, 250.0, 1.4
