"""Colours of a cast picture: cloth, light, outlines and what stands behind the figure."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.nn import functional

from .draws import Draws
from .solids import Hits, Solids, local_coordinates, surface_normals
from .textures import TEXELS, draw_colours
from .wardrobe import FACE, Materials


@dataclass(frozen=True)
class Style:
    """How a pair is drawn, every field (B, ...)."""

    light: Tensor  # (B, 3) unit vector towards the light
    shading: Tensor  # (B,) 0 flat, 1 soft, 2 two-step
    strength: Tensor  # (B,) how dark the shade is
    outline: Tensor  # (B,) bool
    ink: Tensor  # (B, 3) outline colour

    def twice(self) -> Style:
        """The same hand draws source and target: every field (2B, ...)."""
        return Style(**{f.name: torch.cat([getattr(self, f.name)] * 2) for f in fields(self)})


def draw_style(draws: Draws) -> Style:
    """Flat, shaded or two-step drawing, with or without outlines."""
    light = torch.stack(
        [
            draws.between("light.x", -0.8, 0.8),
            draws.between("light.y", -1.0, 0.1),
            draws.between("light.z", 0.5, 1.0),
        ],
        -1,
    )
    return Style(
        light=functional.normalize(light, dim=-1),
        shading=draws.choice("light.shading", (0.3, 0.45, 0.25)),
        strength=draws.between("light.strength", 0.2, 0.55),
        outline=draws.chance("ink.outline", 0.4),
        ink=draws.between("ink.colour", 0.0, 0.25, 3),
    )


def _sample(pictures: Tensor, row: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """Nearest texels of (R, TEXELS, TEXELS, C) pictures at u, v in [0, 1), (N, C)."""
    column = (u * TEXELS).long().clamp(0, TEXELS - 1)
    line = (v * TEXELS).long().clamp(0, TEXELS - 1)
    return pictures.flatten(0, 2)[(row * TEXELS + line) * TEXELS + column]


def paint(
    solids: Solids, materials: Materials, hits: Hits, textures: Tensor, decals: Tensor, style: Style, background: Tensor
) -> Tensor:
    """Colours of every pixel, (B, 3, H, W) in [0, 1].

    Args:
        solids: placed in the pixels that `hits` was cast at.
        materials: (B, K) fields.
        hits: result of `cast_rays`.
        textures, decals: per figure, see `textures.py`.
        style: (B, ...) fields.
        background: (B, 3, H, W) in [0, 1].
    """
    batch, _, height, width = background.shape
    picture, solid = hits.picture, hits.solid
    points = torch.stack([hits.pixel % width + 0.5, hits.pixel // width + 0.5, hits.depth], 1)
    local = local_coordinates(solids, picture, solid, points)
    turn = torch.atan2(local[:, 0], local[:, 1]) / (2 * torch.pi)  # 0 in front, +-0.5 behind

    u = turn * materials.around[picture, solid]
    v = materials.start[picture, solid] + materials.along[picture, solid] * local[:, 2]
    row = picture * textures.shape[1] + materials.texture[picture, solid]
    colour = _sample(textures.flatten(0, 1), row, u % 1, v % 1)

    decal = materials.decal[picture, solid]
    behind = turn.abs() > 0.25
    side = torch.where(behind, (turn % 1) - 0.5, turn)
    reach = torch.where(decal == FACE, 0.21, 0.19)
    x, y = side / reach, local[:, 2] / 0.8
    on = (decal >= 0) & (x.abs() < 1) & (y.abs() < 1)
    row = picture * decals.shape[1] + decal.clamp(min=0) + behind.long()
    stamp = _sample(decals.flatten(0, 1), row, (x.clamp(-1, 1) + 1) / 2, (y.clamp(-1, 1) + 1) / 2)
    cover = stamp[:, 3:] * on.unsqueeze(1)
    colour = colour + (stamp[:, :3] - colour) * cover

    normal = surface_normals(solids, picture, solid, local)
    lit = (normal * style.light[picture]).sum(1).clamp(min=0)
    mode, strength = style.shading[picture], style.strength[picture]
    soft = 1 - strength + strength * 1.2 * lit
    step = torch.where(lit > 0.35, 1.0, 1 - strength * 0.7)
    shade = torch.where(mode == 0, 1.0, torch.where(mode == 1, soft, step))
    colour = (colour * shade.unsqueeze(1)).clamp(0, 1)

    canvas = background.flatten(2).transpose(1, 2).clone(memory_format=torch.contiguous_format)
    canvas[picture, hits.pixel] = colour
    canvas = canvas.transpose(1, 2).view(batch, 3, height, width)
    return _outlined(canvas, hits, materials, style)


def _outlined(canvas: Tensor, hits: Hits, materials: Materials, style: Style) -> Tensor:
    """Ink where body part or cloth changes from one pixel to the next."""
    inked = style.outline.nonzero()[:, 0]
    solid_map = hits.solid_map[inked]
    empty = solid_map < 0
    region = (materials.part * 8 + materials.texture)[inked]
    label = region.gather(1, solid_map.clamp(min=0).flatten(1)).view_as(solid_map)
    label = torch.where(empty, -1, label)
    edge = torch.zeros_like(empty)
    beside, below = label[:, :, 1:] != label[:, :, :-1], label[:, 1:] != label[:, :-1]
    edge[:, :, 1:] |= beside
    edge[:, :, :-1] |= beside
    edge[:, 1:] |= below
    edge[:, :-1] |= below
    row, y, x = (edge & ~empty).nonzero(as_tuple=True)
    canvas[inked[row], :, y, x] = style.ink[inked[row]]
    return canvas


def draw_backgrounds(draws: Draws, size: tuple[int, int]) -> Tensor:
    """Plain, gradient and cluttered backgrounds, (B, 3, H, W) in [0, 1]."""
    height, width = size
    device = draws.device
    x = ((torch.arange(width, device=device) + 0.5) / width).view(1, 1, -1)
    y = ((torch.arange(height, device=device) + 0.5) / height).view(1, -1, 1)
    kind = draws.choice("back.kind", (0.5, 0.28, 0.22))
    bright = torch.where(draws.chance("back.bright", 0.45)[:, None], 1.0, 0.0)
    colours = draw_colours(draws, "back.colour", 2)
    first = colours[:, 0] + (draws.between("back.paper", 0.88, 1.0, 1) - colours[:, 0]) * bright
    angle = draws.between("back.angle", -0.5, 0.5)[:, None, None]
    slope = (y + angle * (x - 0.5)).clamp(0, 1).unsqueeze(1)
    plain = first[:, :, None, None].expand(-1, -1, height, width)
    second = first + (colours[:, 1] - first) * draws.between("back.contrast", 0.2, 0.9, 1)
    back = torch.where((kind >= 1)[:, None, None, None], plain + (second - first)[:, :, None, None] * slope, plain)
    busy = (kind == 2).nonzero()[:, 0]
    back = back.clone(memory_format=torch.contiguous_format)
    if len(busy):
        back[busy] = _clutter(draws, busy, back[busy], x, y)
    return back


def _clutter(draws: Draws, busy: Tensor, back: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Boxes and discs (furniture, windows, trees, a floor) laid over some backgrounds."""
    count = 9
    place = draws.unit("clutter.place", count, 4)[busy]
    colours = draw_colours(draws, "clutter.colour", count)[busy]
    disc = draws.chance("clutter.disc", 0.35, count)[busy]
    fade = draws.between("clutter.fade", 0.3, 0.9, 1)[busy]
    for index in range(count):
        centre_x, centre_y, half_x, half_y = place[:, index].unbind(-1)
        dx = (x - centre_x[:, None, None]).abs() / (0.04 + 0.2 * half_x[:, None, None])
        dy = (y - centre_y[:, None, None]).abs() / (0.03 + 0.22 * half_y[:, None, None])
        inside = torch.where(disc[:, index, None, None], dx * dx + dy * dy < 1, torch.maximum(dx, dy) < 1)
        tone = colours[:, index] * fade
        back = torch.where(inside.unsqueeze(1), back * (1 - fade)[..., None, None] + tone[:, :, None, None], back)
    return back
