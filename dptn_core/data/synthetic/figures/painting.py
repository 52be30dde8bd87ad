"""Colours of a cast image: cloth, light, outlines and what stands behind the figure."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from .seeded_numbers import Draws
from .solids import Hits, Solids, surface_at
from .textures import TEXELS, draw_colours
from .wardrobe import FACE, Materials

_POINTS_AT_ONCE = 1 << 18  # bounds the memory of a batch


@dataclass(frozen=True)
class Style:
    """How a pair is drawn, every field (B, ...)."""

    light: Tensor  # (B, 3) unit vector towards the light
    shading: Tensor  # (B,) 0 flat, 1 soft, 2 two-step
    strength: Tensor  # (B,) how dark the shade is
    outline: Tensor  # (B,) bool
    ink: Tensor  # (B, 3) outline colour


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
        strength=draws.between("light.strength", 0.12, 0.4),
        outline=draws.chance("ink.outline", 0.3),
        ink=draws.between("ink.colour", 0.0, 0.25, 3),
    )


def _sample(images: Tensor, row: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """Nearest texels of (R, TEXELS, TEXELS, C) images at u, v in [0, 1), (N, C)."""
    column = (u * TEXELS).long().clamp(0, TEXELS - 1)
    line = (v * TEXELS).long().clamp(0, TEXELS - 1)
    return images.flatten(0, 2)[(row * TEXELS + line) * TEXELS + column]


def paint(
    solids: Solids,
    materials: Materials,
    hits: Hits,
    textures: Tensor,
    decals: Tensor,
    style: Style,
    background: Tensor,
    oversampling: int,
) -> Tensor:
    """Colours of every pixel, (2B, 3, H, W) in [0, 1].

    Args:
        solids: of the 2B images, placed in the fine pixels that `hits` was cast at.
        materials: (2B, K) fields.
        hits: result of `cast_rays` at `oversampling` times H x W.
        textures, decals: of the B figures, see `textures.py`.
        style: (B, ...) fields.
        background: (B, 3, H, W) in [0, 1].
        oversampling: fine pixels along a side of a pixel.
    """
    figures, _, height, width = background.shape
    batch, wide = hits.solid_map.shape[0], width * oversampling
    inverse = solids.inverse_axes()
    # The figure is drawn fine on glass, averaged, and laid over a background of final size.
    glass = background.new_zeros(batch, height * oversampling * wide, 4)
    glass[..., 3][hits.image, hits.pixel] = 1
    for some in torch.arange(len(hits.pixel), device=glass.device).split(_POINTS_AT_ONCE):
        image, solid, pixel = hits.image[some], hits.solid[some], hits.pixel[some]
        figure = image % figures
        points = torch.stack([pixel % wide + 0.5, pixel // wide + 0.5, hits.depth[some]], 1)
        surface = surface_at(solids, inverse, image, solid, points)
        colour = _cloth_and_decal(materials, surface.local, image, solid, figure, textures, decals)
        colour = colour * _shade(style, surface.normal, figure).unsqueeze(1)
        glass[..., :3][image, pixel] = colour.clamp_(0, 1)
    glass = _outlined(glass.view(batch, -1, wide, 4), hits, materials, style, figures)
    glass = functional.avg_pool2d(glass.permute(0, 3, 1, 2), oversampling)
    pairs = glass.unflatten(0, (-1, figures))
    return (pairs[:, :, :3] + (1 - pairs[:, :, 3:]) * background).flatten(0, 1)


def _shade(style: Style, normal: Tensor, figure: Tensor) -> Tensor:
    """Brightness factors (N,) of points with unit normals (N, 3)."""
    lit = (normal * style.light[figure]).sum(1).clamp(min=0)
    mode, strength = style.shading[figure], style.strength[figure]
    soft = 1 - strength + strength * 1.2 * lit
    step = torch.where(lit > 0.35, 1.0, 1 - strength * 0.7)
    return torch.where(mode == 0, 1.0, torch.where(mode == 1, soft, step))


def _cloth_and_decal(
    materials: Materials,
    local: Tensor,
    image: Tensor,
    solid: Tensor,
    figure: Tensor,
    textures: Tensor,
    decals: Tensor,
) -> Tensor:
    """Unlit colours (N, 3) of points with local coordinates (N, 3)."""
    row = image * materials.part.shape[1] + solid

    def of(values: Tensor) -> Tensor:
        return values.flatten()[row]

    turn = torch.atan2(local[:, 0], local[:, 1]) / (2 * torch.pi)  # 0 in front, +-0.5 behind
    u = turn * of(materials.around)
    v = of(materials.start) + of(materials.along) * local[:, 2]
    colour = _sample(textures.flatten(0, 1), figure * textures.shape[1] + of(materials.texture), u % 1, v % 1)

    decal = of(materials.decal)
    stamped = (decal >= 0).nonzero()[:, 0]
    decal, turn, height = decal[stamped], turn[stamped], local[stamped, 2]
    behind = turn.abs() > 0.25
    side = torch.where(behind, (turn % 1) - 0.5, turn)
    x, y = side / torch.where(decal == FACE, 0.21, 0.19), height / 0.8
    on = (x.abs() < 1) & (y.abs() < 1)
    page = figure[stamped] * decals.shape[1] + decal + behind.long()
    stamp = _sample(decals.flatten(0, 1), page, (x.clamp(-1, 1) + 1) / 2, (y.clamp(-1, 1) + 1) / 2)
    cover = stamp[:, 3:] * on.unsqueeze(1)
    colour[stamped] += (stamp[:, :3] - colour[stamped]) * cover
    return colour


def _outlined(glass: Tensor, hits: Hits, materials: Materials, style: Style, figures: int) -> Tensor:
    """Ink where body part or cloth changes from one pixel of the (2B, H, W, 4) image to the next."""
    inked = style.outline.repeat(len(glass) // figures).nonzero()[:, 0]
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
    glass[inked[row], y, x, :3] = style.ink[inked[row] % figures]
    return glass


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
