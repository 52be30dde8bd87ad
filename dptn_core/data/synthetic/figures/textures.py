"""Repeating textures for cloth and hair, and the images (face, prints, lapels) drawn once on a solid."""

from __future__ import annotations

import torch
from torch import Tensor

from .seeded_numbers import Draws
from .wardrobe import BOTTOM, COAT, DECAL_COUNT, EXTRA, HAIR, SHOES, SKIN, TEXTURE_COUNT, TOP

TEXELS = 48

_SKIN_TONES = ((255, 224, 200), (241, 194, 155), (224, 172, 125), (198, 134, 85), (141, 85, 50), (90, 56, 37))
_HAIR_TONES = (
    (28, 24, 24),
    (60, 38, 25),
    (105, 66, 38),
    (170, 120, 60),
    (225, 190, 120),
    (150, 50, 30),
    (150, 150, 155),
)


def hsv_to_rgb(hue: Tensor, saturation: Tensor, value: Tensor) -> Tensor:
    """Colours (..., 3) in [0, 1] from hue, saturation and value in [0, 1]."""
    k = (torch.tensor((5.0, 3.0, 1.0), device=hue.device) + hue.unsqueeze(-1) * 6) % 6
    strength = torch.minimum(torch.minimum(k, 4 - k), torch.ones_like(k)).clamp(min=0)
    return value.unsqueeze(-1) * (1 - saturation.unsqueeze(-1) * strength)


def draw_colours(draws: Draws, name: str, *shape: int) -> Tensor:
    """Garment colours (B, *shape, 3): saturated, pastel, dark and neutral ones."""
    kind = draws.choice(f"{name}.kind", (0.45, 0.2, 0.15, 0.2), *shape)
    low_s = torch.tensor((0.55, 0.15, 0.3, 0.0), device=draws.device)[kind]
    high_s = torch.tensor((1.0, 0.45, 0.9, 0.08), device=draws.device)[kind]
    low_v = torch.tensor((0.55, 0.8, 0.12, 0.05), device=draws.device)[kind]
    high_v = torch.tensor((1.0, 1.0, 0.45, 1.0), device=draws.device)[kind]
    saturation = draws.between(f"{name}.s", low_s, high_s, *shape)
    value = draws.between(f"{name}.v", low_v, high_v, *shape)
    return hsv_to_rgb(draws.unit(f"{name}.h", *shape), saturation, value)


def _tones(draws: Draws, name: str, table: tuple[tuple[int, int, int], ...]) -> Tensor:
    """A colour (B, 3) somewhere on the way along a palette."""
    palette = torch.tensor(table, device=draws.device).float() / 255
    position = draws.unit(name) * (len(table) - 1)
    first = position.long().clamp(max=len(table) - 2)
    share = (position - first).unsqueeze(-1)
    return palette[first] * (1 - share) + palette[first + 1] * share


def _smooth_noise(draws: Draws, name: str, count: int, cells: int) -> Tensor:
    """Tileable noise (B, count, TEXELS, TEXELS) in [0, 1] with `cells` bumps a side."""
    grid = draws.unit(name, count, cells, cells)
    grid = torch.nn.functional.pad(grid, (2, 2, 2, 2), mode="circular")
    side = TEXELS * (cells + 4) // cells
    wide = torch.nn.functional.interpolate(grid, (side, side), mode="bicubic", align_corners=False)
    start = 2 * TEXELS // cells
    return wide[..., start : start + TEXELS, start : start + TEXELS].clamp(0, 1)


def _patterns(draws: Draws, count: int) -> tuple[Tensor, Tensor]:
    """How much of a second and a third colour each texel takes: two (B, count, TEXELS, TEXELS) in [0, 1]."""
    device = draws.device
    line = (torch.arange(TEXELS, device=device) + 0.5) / TEXELS
    u, v = line.view(1, 1, 1, -1), line.view(1, 1, -1, 1)

    def per_garment(values: Tensor) -> Tensor:
        return values[..., None, None]

    repeats = per_garment(draws.choice("cloth.repeats", (0.45, 0.35, 0.2), count) + 1)
    duty = per_garment(draws.between("cloth.duty", 0.3, 0.7, count))
    phase = per_garment(draws.unit("cloth.phase", count))

    def bands(position: Tensor, width: Tensor) -> Tensor:
        """Soft-edged stripes of `width` of a period."""
        distance = ((position % 1) - 0.5).abs()
        return ((width / 2 - distance) * TEXELS / 3 + 0.5).clamp(0, 1)

    across, along = u * repeats + phase, v * repeats + phase
    horizontal = bands(along, duty).expand(-1, -1, -1, TEXELS)
    vertical = bands(across, duty).expand(-1, -1, TEXELS, -1)
    diagonal = bands(across + along, duty)
    checks = (horizontal - vertical).abs()
    plaid = horizontal * 0.5 + vertical * 0.5
    shift = (along.floor() % 2) * 0.5
    dot = ((((across + shift) % 1) - 0.5) ** 2 + ((along % 1) - 0.5) ** 2).sqrt()
    dots = ((duty * 0.62 - dot) * TEXELS / 3 / repeats + 0.5).clamp(0, 1)
    gradient = (0.5 + 0.5 * torch.cos(2 * torch.pi * (v + phase))).expand(-1, -1, -1, TEXELS)
    blobs = ((_smooth_noise(draws, "cloth.blobs", count, 6) - 0.5) * 9 + 0.5).clamp(0, 1)
    specks = ((_smooth_noise(draws, "cloth.specks", count, 8) - 0.62) * 9 + 0.5).clamp(0, 1)
    text = _text_rows(draws, "cloth.text", count)

    kind = per_garment(draws.choice("cloth.kind", (0.26, 0.13, 0.08, 0.06, 0.09, 0.09, 0.11, 0.06, 0.07, 0.05), count))
    fields = (torch.zeros_like(blobs), horizontal, vertical, diagonal, checks, plaid, dots, gradient, blobs, text)
    second = torch.stack([f.expand_as(blobs) for f in fields], 0).gather(0, kind.expand_as(blobs).unsqueeze(0))[0]
    third = torch.where(kind == 5, bands(along * 2 + 0.25, duty * 0.3), 0.0)
    third = torch.where((kind == 8) & (duty > 0.45), specks, third)
    return second, third.expand_as(second)


def _text_rows(draws: Draws, name: str, count: int) -> Tensor:
    """Rows of glyph-like blocks, (B, count, TEXELS, TEXELS) in {0, 1}."""
    cells = 12
    ink = draws.unit(name, count, cells, cells) < 0.6
    row = torch.arange(cells, device=draws.device)
    written = (row % 4 != 3)[:, None] & (row % 5 != 4)[None, :]
    small = (ink & written).float()
    return torch.nn.functional.interpolate(small, (TEXELS, TEXELS), mode="nearest")


def draw_textures(draws: Draws) -> Tensor:
    """The repeating texture of every material, (B, TEXTURE_COUNT, TEXELS, TEXELS, 3) in [0, 1]."""
    garments = (TOP, BOTTOM, COAT, EXTRA)
    second, third = _patterns(draws, len(garments))
    colours = draw_colours(draws, "cloth.colour", len(garments), 3)
    base = colours[:, :, 0, None, None]
    contrast = draws.between("cloth.contrast", 0.35, 1.0, len(garments), 1, 1)
    colours = colours[:, :, :1] + (colours - colours[:, :, :1]) * contrast
    cloth = base + (colours[:, :, 1, None, None] - base) * second.unsqueeze(-1)
    cloth = cloth + (colours[:, :, 2, None, None] - cloth) * third.unsqueeze(-1)

    textures = torch.empty(draws.batch, TEXTURE_COUNT, TEXELS, TEXELS, 3, device=draws.device)
    for index, garment in enumerate(garments):
        textures[:, garment] = cloth[:, index]
    # most legs and coats are plain: pattern on pattern is rare in what people draw and wear
    plain = torch.stack([draws.chance("cloth.plain_bottom", 0.45), draws.chance("cloth.plain_coat", 0.5)], 1)
    for column, garment, index in ((0, BOTTOM, 1), (1, COAT, 2)):
        flat = base[:, index].expand(-1, TEXELS, TEXELS, -1)
        textures[:, garment] = torch.where(plain[:, column, None, None, None], flat, textures[:, garment])
    skin = _tones(draws, "skin.tone", _SKIN_TONES)
    textures[:, SKIN] = skin[:, None, None]
    fantasy = draws.chance("hair.fantasy", 0.12)[:, None]
    hair = torch.where(fantasy, draw_colours(draws, "hair.colour"), _tones(draws, "hair.tone", _HAIR_TONES))
    strands = 0.82 + 0.3 * draws.unit("hair.strands", TEXELS)[:, None, :, None]
    textures[:, HAIR] = (hair[:, None, None] * strands).clamp(0, 1)
    textures[:, SHOES] = draw_colours(draws, "shoes.colour")[:, None, None]
    return textures


def draw_decals(draws: Draws, textures: Tensor) -> Tensor:
    """Images drawn once, (B, DECAL_COUNT, TEXELS, TEXELS, 4) RGBA in [0, 1].

    In order: face, back of the head (clear), chest front, chest back, coat front with lapels, coat back (clear).
    """
    device = draws.device
    line = (torch.arange(TEXELS, device=device) + 0.5) / TEXELS * 2 - 1
    x, y = line.view(1, 1, -1), line.view(1, -1, 1)
    decals = torch.zeros(draws.batch, DECAL_COUNT, TEXELS, TEXELS, 4, device=device)
    decals[:, 0] = _face(draws, textures[:, SKIN, 0, 0], textures[:, HAIR, 0, 0], x, y)
    for slot, name in ((2, "print.front"), (3, "print.back")):
        decals[:, slot] = _print(draws, name, x, y)
    lapel = (x.abs() < (0.34 - 0.3 * (y + 1) / 2).clamp(min=0.06)).float()
    buttons = (((x - 0.0) ** 2 + ((y * 2.2 + 0.4) % 1 - 0.5) ** 2 / 4) < 0.004).float() * (y > 0)
    inner = draw_colours(draws, "coat.inner")[:, None, None]
    decals[:, 4, ..., :3] = inner * (1 - 0.7 * buttons.unsqueeze(-1))
    decals[:, 4, ..., 3] = lapel
    return decals


def _paint(canvas: Tensor, mask: Tensor, colour: Tensor) -> Tensor:
    """Lay `colour` (B, 3) over an RGBA canvas (B, T, T, 4) where `mask` (B, T, T) is 1."""
    cover = mask.clamp(0, 1).unsqueeze(-1)
    ink = torch.cat([colour, torch.ones_like(colour[:, :1])], 1)[:, None, None]
    return canvas * (1 - cover) + ink * cover


def _ellipse(x: Tensor, y: Tensor, radius_x: Tensor, radius_y: Tensor) -> Tensor:
    """Soft-edged ellipse around the origin."""
    return ((1 - ((x / radius_x) ** 2 + (y / radius_y) ** 2).sqrt()) * 6 * radius_y * TEXELS / 24 + 0.5).clamp(0, 1)


def _face(draws: Draws, skin: Tensor, hair: Tensor, x: Tensor, y: Tensor) -> Tensor:
    def scalar(name: str, low: float, high: float) -> Tensor:
        return draws.between(name, low, high)[:, None, None]

    face = torch.zeros(draws.batch, TEXELS, TEXELS, 4, device=draws.device)
    face[..., :3] = skin[:, None, None]
    eye_x, eye_y = scalar("face.eye_x", 0.26, 0.36), scalar("face.eye_y", -0.12, 0.02)
    width, height = scalar("face.eye_width", 0.12, 0.2), scalar("face.eye_height", 0.08, 0.22)
    mirrored = x.abs() - eye_x
    white = torch.ones_like(skin)
    face = _paint(face, _ellipse(mirrored, y - eye_y, width, height), white * 0.97)
    iris = hsv_to_rgb(
        draws.unit("face.iris"), draws.between("face.iris_s", 0.2, 0.8), draws.between("face.iris_v", 0.1, 0.6)
    )
    face = _paint(face, _ellipse(mirrored, y - eye_y, width * 0.6, height * 0.8), iris)
    face = _paint(face, _ellipse(mirrored, y - eye_y, width * 0.25, height * 0.4), white * 0.05)
    brow_y = eye_y - height - scalar("face.brow_gap", 0.06, 0.14)
    face = _paint(
        face, _ellipse(mirrored, y - brow_y + 0.2 * mirrored, width * 1.2, scalar("face.brow", 0.03, 0.07)), hair * 0.8
    )
    nose = _ellipse(
        x,
        y - eye_y - scalar("face.nose_y", 0.22, 0.34),
        scalar("face.nose_x", 0.05, 0.1),
        scalar("face.nose", 0.04, 0.12),
    )
    face = _paint(face, nose * 0.6, skin * 0.75)
    cheek = _ellipse(x.abs() - 0.45, y - 0.25, scalar("face.cheek_x", 0.12, 0.2), scalar("face.cheek_y", 0.08, 0.14))
    blush = skin * torch.tensor((1.05, 0.75, 0.75), device=skin.device)
    face = _paint(face, cheek * scalar("face.blush", 0.0, 0.7), blush.clamp(0, 1))
    mouth_y = scalar("face.mouth_y", 0.42, 0.56) - scalar("face.smile", -0.3, 0.5) * x * x
    lips = hsv_to_rgb(
        draws.between("face.lips_h", -0.04, 0.03) % 1,
        draws.between("face.lips_s", 0.4, 0.8),
        draws.between("face.lips_v", 0.4, 0.8),
    )
    mouth = _ellipse(x, y - mouth_y, scalar("face.mouth_w", 0.16, 0.34), scalar("face.mouth_h", 0.03, 0.1))
    return _paint(face, mouth, lips)


def _print(draws: Draws, name: str, x: Tensor, y: Tensor) -> Tensor:
    """A motif on the chest or back: a disc, a box with writing, stripes, or nothing."""
    kind = draws.choice(f"{name}.kind", (0.55, 0.14, 0.17, 0.14))[:, None, None]
    size = draws.between(f"{name}.size", 0.3, 0.7)[:, None, None]
    middle = draws.between(f"{name}.y", -0.2, 0.15)[:, None, None]
    colours = draw_colours(draws, f"{name}.colour", 2)
    disc = _ellipse(x, y - middle, size, size * 0.8)
    box = ((x.abs() < size) & ((y - middle).abs() < size * 0.6)).float()
    bars = ((x.abs() < 0.95) & (((y - middle) / size).abs() < 0.5)).float()
    writing = _text_rows(draws, f"{name}.text", 1)[:, 0] * box
    outer = torch.where(kind == 1, disc, torch.where(kind == 2, box, torch.where(kind == 3, bars, 0.0)))
    inner = torch.where(
        kind == 1,
        _ellipse(x, y - middle, size * 0.5, size * 0.4),
        torch.where(kind == 2, writing, torch.where(kind == 3, bars * ((y * 6) % 1 < 0.5), 0.0)),
    )
    canvas = torch.zeros(draws.batch, TEXELS, TEXELS, 4, device=draws.device)
    return _paint(_paint(canvas, outer, colours[:, 0]), inner * outer, colours[:, 1])
