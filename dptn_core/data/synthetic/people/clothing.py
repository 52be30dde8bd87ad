"""Dressing a body: what each layer covers, and how it hangs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .garment_template import BOTTOM, CAP, EYE, LONG, OUTER, SHOE, SKIN, SKIRT, TOP, Template
from .geometry import smooth, unit
from .person import Person, column

_FAR = 9.0  # metres: a cut that is nowhere near
GONE = -_FAR  # the cut of skin that is not there at all, not even under cloth
_COVERED = 0.03  # metres below an edge of cloth, from where on skin counts as covered
_OVERLAP = 0.015  # metres that trousers go on under a top that hangs over them; wide skirts less
_ANGLES, _HEIGHTS = 32, 28  # cells around and along the trunk, to find what is widest above
_LOWEST, _HIGHEST = 0.6, 1.44


@dataclass(frozen=True)
class Dressed:
    """B dressed people at rest."""

    vertices: Tensor  # (B, V, 3)
    cut: Tensor  # (B, V): below 0 a layer is cut away; of the skin: it lies under cloth, or is `GONE`
    loose: Tensor  # (B, 1)


@dataclass(frozen=True)
class _Wear:
    """People's numbers as columns (B, 1), and the template's as rows (1, V)."""

    template: Template
    people: Sequence[Person]

    def __call__(self, name: str) -> Tensor:
        return column(self.people, f"outfit.{name}", self.template.rest.device)

    def face(self, name: str) -> Tensor:
        return column(self.people, f"face.{name}", self.template.rest.device)

    @property
    def tucked(self) -> Tensor:
        return self("tucked") > 0

    @property
    def skirt(self) -> Tensor:
        return self("skirt") > 0


def dress(template: Template, people: Sequence[Person], source: Tensor, heads: Tensor) -> Dressed:
    """Put clothes and hair on bodies.

    Args:
        template: the layers.
        people: B of them.
        source: (B, S, 3), see `rest_bodies`.
        heads: (B, J, 3) of the bones at rest.
    """
    wear = _Wear(template, people)
    hair = _hair_field(wear)
    cut = _cuts(wear, hair)
    vertices = source[:, template.vertices]
    # along the template's normals: some millimetres leave no difference to see, and a body's own take long
    vertices = vertices + template.rest_normals * _stand_off(wear, cut, hair)[..., None]
    for layer, extra in ((TOP, 0.0), (OUTER, 0.15)):
        vertices = _hang(wear, vertices, heads, layer, extra)
    for side, sign in (("L", 1.0), ("R", -1.0)):
        for layer in (TOP, OUTER, BOTTOM):
            vertices = _widen_limb(wear, vertices, heads, layer, side, sign)
    vertices = _flare(wear, vertices, heads)
    shoe = template.layer_vertices[SHOE]
    soles = vertices[:, shoe].clone()
    soles[..., 1] += wear("sole") * smooth((0.03 - template.height[shoe]) / 0.02)
    return Dressed(_replaced(vertices, shoe, soles), cut, wear("loose"))


def _replaced(vertices: Tensor, run: slice, values: Tensor) -> Tensor:
    return torch.cat([vertices[:, : run.start], values, vertices[:, run.stop :]], 1)


def _cuts(wear: _Wear, hair: Tensor) -> Tensor:
    """Distance from each layer's edge in metres, positive inside, (B, V)."""
    t = wear.template
    height, along, arm = t.height[None], t.along_arm[None], t.arm[None]
    x, z = t.rest[:, 0], t.rest[:, 2]
    nowhere = torch.full((), _FAR, device=x.device)
    gone = torch.full((), -1.0, device=x.device)
    off_arms = 10 * ((arm - 0.3) * 5).clamp(0, 1)
    front = z > 0.0
    from_neck = (t.rest - t.rest.new_tensor([0.0, t.floor - 1.45, 0.02])).norm(dim=-1)[None]
    neck = torch.minimum(from_neck - wear("neck_radius"), 1.455 - height)
    neck = torch.where(wear("neck_radius") < 0, 1.485 - height, neck)
    tip = wear("neck_v")
    vee = torch.where(front & (t.height > 1.0), x.abs(), nowhere)[None]
    vee = torch.where(tip < 1.5, vee - 0.075 * (height - tip) / (1.42 - tip).clamp(min=0.02), nowhere)
    sleeve = torch.where(along > -0.5, wear("sleeve") - along, nowhere)
    top = torch.minimum(torch.minimum(height - wear("top_hem") + off_arms, sleeve), torch.minimum(neck, vee))
    waist = torch.where(wear.skirt, wear("waist").clamp(max=0.96), wear("waist"))
    bottom = torch.minimum(waist - height, height - wear("leg_hem")) - off_arms
    skirt = torch.where(wear.skirt, torch.minimum(height - wear("skirt_hem"), 1.04 - height) - off_arms, gone)
    outer = _outer_cut(wear, from_neck, off_arms)
    shoe = wear("shoe_top") - height
    top = torch.where(wear.tucked & ~wear.skirt, torch.minimum(top, height - wear("waist") + 0.05 + off_arms), top)
    top = torch.where(wear.tucked & wear.skirt, torch.minimum(top, height - 0.93 + off_arms), top)
    covered = torch.maximum(torch.maximum(top, bottom), torch.maximum(shoe - 0.01, torch.minimum(outer, outer - 0.02)))
    covered = torch.maximum(covered, torch.minimum(skirt, height - 0.8))  # hips; thighs show when a skirt swings
    azimuth, above_eyes = _head_place(t)
    long = torch.where(above_eyes < 0.085, (azimuth - wear.face("parting")) * 0.1, 0.05)
    long = torch.where(wear.face("long_hair") > 0, torch.minimum(height - wear.face("hair_length"), long), gone)
    fields = {
        SKIN: torch.where(_ears(t)[None] & (wear.face("long_hair") > 0), GONE, _COVERED - covered),
        EYE: torch.ones_like(covered),
        BOTTOM: torch.where(wear.tucked, bottom, torch.minimum(bottom, _OVERLAP - top)),
        TOP: torch.minimum(top, 0.04 - outer),
        OUTER: outer,
        SKIRT: torch.minimum(
            torch.where(wear.tucked, skirt, torch.minimum(skirt, 0.2 * _OVERLAP - top)), _OVERLAP - outer
        ),
        SHOE: shoe,
        CAP: torch.where(wear.face("bald") > 0, gone, hair),
        LONG: long,
    }
    fields[BOTTOM] = torch.minimum(fields[BOTTOM], 0.032 - shoe)  # boots over trousers
    cut = torch.ones(len(wear.people), t.rest.shape[0], device=x.device)
    for layer, values in fields.items():
        run = t.layer_vertices[layer]
        cut[:, run] = values.expand(len(cut), -1)[:, run]
    return cut


def _outer_cut(wear: _Wear, from_neck: Tensor, off_arms: Tensor) -> Tensor:
    """A jacket's edge: open in front, wider above the lapel and below the hips."""
    t = wear.template
    height, along = t.height[None], t.along_arm[None]
    nowhere = torch.full((), _FAR, device=height.device)
    gap = (
        wear("outer_gap")
        + 0.05 * ((height - wear("lapel")) / 0.2).clamp(0, 1)
        + 0.04 * ((1.0 - height) / 0.4).clamp(0, 1)
    )
    opening = torch.where((t.rest[:, 2] > 0) & (t.arm < 0.4), t.rest[:, 0].abs(), nowhere)[None] - gap
    neck = torch.minimum(from_neck - 0.078, 1.47 - height)
    sleeve = torch.where(along > -0.5, 0.5 - along, nowhere)
    outer = torch.minimum(torch.minimum(height - wear("outer_hem") + off_arms, sleeve), torch.minimum(opening, neck))
    return torch.where(wear("outer") > 0, outer, torch.full_like(outer, -1.0))


def _head_place(t: Template) -> tuple[Tensor, Tensor]:
    """Azimuth from the front (radians) around the head, and metres above the eyes, (V,) each."""
    eyes = t.eyes[0]
    azimuth = torch.atan2(t.rest[:, 0].abs(), t.rest[:, 2] + 0.01 - eyes[2] + 0.075)
    return azimuth, t.height - (t.floor - eyes[1])


def _ears(t: Template) -> Tensor:
    azimuth, above = _head_place(t)
    return (azimuth > 1.15) & (azimuth < 2.1) & (t.rest[:, 0].abs() > 0.066) & ((above + 0.012).abs() < 0.05)


def _hair_field(wear: _Wear) -> Tensor:
    """Metres above the hairline, whose height depends on the direction from the middle of the head, (B, V)."""
    t = wear.template
    azimuth, above = _head_place(t)
    knots = torch.tensor([0, 35, 55, 72, 84, 108, 128, 150, 180], device=above.device) * (math.pi / 180)
    levels = torch.tensor([0.071, 0.068, 0.050, 0.012, -0.02, 0.018, -0.03, -0.055, -0.062], device=above.device)
    i = torch.bucketize(azimuth, knots).clamp(1, len(knots) - 1)
    share = (azimuth - knots[i - 1]) / (knots[i] - knots[i - 1])
    line = (levels[i - 1] + (levels[i] - levels[i - 1]) * share)[None] + wear.face("hairline")
    line = line - wear.face("over_ears") * ((azimuth > 1.2) & (azimuth < 2.2))
    hair = above - line
    return torch.where(_ears(t), hair.clamp(max=-0.02), hair)


def _stand_off(wear: _Wear, cut: Tensor, hair: Tensor) -> Tensor:
    """How far each layer lies off the body along its normals, metres (B, V); covered skin lies below itself."""
    t = wear.template
    loose, tucked_in = wear("loose"), wear.tucked & ~wear.skirt
    push = torch.zeros_like(cut)

    def put(layer: int, value: Tensor) -> None:
        run = t.layer_vertices[layer]
        push[:, run] = value.expand(-1, cut.shape[1])[:, run] if value.shape[1] > 1 else value

    height = t.height[None]
    edge = smooth((0.04 - cut) / 0.03) * (t.height > 1.3)  # collars stand off the neck
    put(SKIN, -0.011 * smooth((-cut) / 0.02))
    put(BOTTOM, 0.003 + 0.006 * tucked_in + torch.where(tucked_in, 0.008 * smooth((height - 0.8) / 0.15), 0.0))
    put(TOP, 0.005 + 0.004 * loose + wear("collar") * edge)
    put(OUTER, 0.012 + 0.004 * loose + 0.006 * smooth((0.05 - cut) / 0.04))
    put(SKIRT, torch.full_like(loose, 0.012))
    put(SHOE, torch.full_like(loose, 0.006))
    # long hair lies on the clothes, not under them
    over = 0.012 + 0.004 * loose + 0.016 * (wear("outer") > 0)
    put(LONG, 0.004 + over * smooth((1.47 - height) / 0.06))
    x, y, z = t.rest.unbind(-1)
    curls = 1 + 0.25 * torch.sin(60 * x + 3) * torch.sin(50 * z + 1) * torch.sin(40 * y)
    _, above = _head_place(t)
    volume = wear.face("hair_volume") * (0.65 + 0.35 * smooth(above / 0.12)) + 0.001
    put(CAP, volume * smooth(hair / 0.03) * curls)
    return push


def _hang(wear: _Wear, vertices: Tensor, heads: Tensor, layer: int, extra: float) -> Tensor:
    """Trunks of tops and jackets hang from what is widest above, the more the looser they are."""
    t, run, loose = wear.template, wear.template.layer_vertices[layer], wear("loose")
    q, height, arm = vertices[:, run], t.height[None, run], t.arm[None, run]
    trunk = smooth((0.55 - arm) / 0.3) * smooth((1.36 - height) / 0.08)
    middle = heads[:, t.bone["spine02"], 2:3] + 0.02
    radius = torch.hypot(q[..., 0], q[..., 2] - middle)
    angle = torch.atan2(t.rest[run, 0], t.rest[run, 2] + 0.01) / (2 * math.pi) % 1 * _ANGLES
    level = ((height[0] - _LOWEST) / (_HIGHEST - _LOWEST) * (_HEIGHTS - 1)).clamp(0, _HEIGHTS - 1.001)
    grid = _hanging_radii(torch.where(trunk > 0.5, radius, 0.0), angle, level, loose, extra)
    row, left = level.floor().long(), angle.floor().long() % _ANGLES
    right, across = (left + 1) % _ANGLES, (angle - angle.floor())[None]
    low, high = (grid[:, r, left] * (1 - across) + grid[:, r, right] * across for r in (row, row + 1))
    wanted = low + (high - low) * (level - level.floor())[None]
    # cinched where it is tucked in
    keep = torch.where(wear.tucked, smooth((height - wear("waist") - 0.01) / 0.1), 1.0) if layer == TOP else 1.0
    grown = torch.maximum(wanted, radius) / radius.clamp(min=1e-3) - 1
    ratio = (1 + grown * trunk * keep * (0.35 + 0.65 * (loose + extra).clamp(max=1))).clamp(max=1.9)
    q = torch.stack([q[..., 0] * ratio, q[..., 1], (q[..., 2] - middle) * ratio + middle], -1)
    return _replaced(vertices, run, q)


def _hanging_radii(radius: Tensor, angle: Tensor, level: Tensor, loose: Tensor, extra: float) -> Tensor:
    """Radius of the hanging cloth in cells of height and angle, (B, _HEIGHTS, _ANGLES)."""
    batch = len(radius)
    cell = level.round().long() * _ANGLES + angle.floor().long() % _ANGLES
    grid = torch.zeros(batch, _HEIGHTS * _ANGLES, device=radius.device)
    grid = grid.scatter_reduce(1, cell.expand(batch, -1), radius, "amax").view(batch, _HEIGHTS, _ANGLES)
    grid = torch.where(grid > 0, grid, torch.maximum(grid.roll(1, 2), grid.roll(-1, 2)))
    slope = (0.55 * (1 - loose - extra).clamp(min=0) + 0.02).clamp(max=0.6) * (0.84 / _HEIGHTS)
    rows = [grid[:, -1]]
    for row in range(_HEIGHTS - 2, -1, -1):
        rows.append(torch.maximum(grid[:, row], rows[-1] - slope))
    hung = torch.stack(rows[::-1], 1)
    return 0.25 * hung.roll(1, 2) + 0.5 * hung + 0.25 * hung.roll(-1, 2)


def _widen_limb(wear: _Wear, vertices: Tensor, heads: Tensor, layer: int, side: str, sign: float) -> Tensor:
    """Sleeves and trouser legs as wide tubes around the bones."""
    t, run, loose = wear.template, wear.template.layer_vertices[layer], wear("loose")
    names = ("upperleg01", "lowerleg01", "foot") if layer == BOTTOM else ("upperarm01", "lowerarm01", "wrist")
    a, b, c = (heads[:, t.bone[f"{name}.{side}"]][:, None] for name in names)
    q = vertices[:, run]
    first, second = unit(b - a), unit(c - b)
    lower = ((q - b) * second).sum(-1, keepdim=True) > 0
    axis, origin = torch.where(lower, second, first), torch.where(lower, b, a)
    along = ((q - origin) * axis).sum(-1, keepdim=True)
    radial = q - origin - along * axis
    radius = radial.norm(dim=-1, keepdim=True).clamp(min=1e-4)
    limb = t.leg if layer == BOTTOM else t.arm
    mine = (limb[None, run] * (sign * t.rest[run, 0] > 0))[..., None]
    upper = (b - a).norm(dim=-1, keepdim=True)
    reached = along + torch.where(lower, upper, torch.zeros_like(along))
    if layer == BOTTOM:
        share = reached / (upper + (c - b).norm(dim=-1, keepdim=True))
        knee, hem = wear("knee_radius")[..., None], wear("hem_radius")[..., None]
        wanted = (knee + (hem - knee) * ((share - 0.5) * 2).clamp(0, 1)) * smooth((share - 0.1) / 0.35)
    else:
        wanted = (0.046 + 0.03 * loose + (0.008 if layer == OUTER else 0))[..., None] * smooth((reached - 0.03) / 0.12)
        wanted = wanted * (1 - 0.35 * smooth((reached - 0.40) / 0.1))
    grown = torch.maximum(radius, 0.75 * wanted + 0.25 * torch.maximum(wanted, radius))
    q = q + radial / radius * (grown - radius) * smooth((mine - 0.3) / 0.5)
    return _replaced(vertices, run, q)


def _flare(wear: _Wear, vertices: Tensor, heads: Tensor) -> Tensor:
    """Skirts widen towards the hem, some in pleats."""
    t, run = wear.template, wear.template.layer_vertices[SKIRT]
    q, pleats = vertices[:, run], wear("pleats")
    fall = ((1.03 - t.height[None, run]) / 0.9).clamp(0, 1)
    middle = heads[:, t.bone["root"], 2:3]
    angle = torch.atan2(t.rest[run, 0], t.rest[run, 2])[None]
    widen = 1 + wear("flare") * fall**1.1 + 0.05 * fall * torch.sin((pleats * angle).double()).float() * (pleats > 0)
    q = torch.stack([q[..., 0] * widen, q[..., 1], (q[..., 2] - middle) * widen + middle], -1)
    return _replaced(vertices, run, q)
