"""Cloth: pattern, prints, hems and buttons, wear, folds and knit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .atlas import DENIM, Atlas
from .garment_template import BOTTOM, CLOTH, OUTER, SHOE, SKIRT, TOP, Template
from .geometry import smooth, unit
from .person import Fabric, Person, column
from .raster import Samples
from .scene import Scene
from .warp_launch import bilinear

Filled = tuple[Tensor, Tensor, float | Tensor, float | Tensor, float | Tensor]

_FOLDS_OF_LIMBS = (0, 1, 2, 3, 10)
_LASTING = 0.75  # of the small folds are the same in both images
_FOLD_HEIGHT = {BOTTOM: 1.3, TOP: 1.5, OUTER: 1.5, SKIRT: 1.2, SHOE: 0.15}


@dataclass(frozen=True)
class _Piece:
    """Samples of cloth, N of them."""

    person: Tensor
    kind: Tensor  # index into CLOTH
    target: Tensor  # bool: of the target image
    u: Tensor
    v: Tensor
    height: Tensor
    rest: Tensor
    arm: Tensor
    along_arm: Tensor
    edge: Tensor
    trunk: Tensor
    ahead: Tensor
    fabrics: list[list[Fabric]]  # [person][kind]
    tables: dict[str, Tensor]

    def fabric(self, name: str) -> Tensor:
        """A number of each sample's fabric, (N,)."""
        return self.tables[name][self.person, self.kind]

    def of(self, layer: int) -> Tensor:
        """Which samples belong to a layer."""
        return self.kind == CLOTH.index(layer)


def cloth_material(
    template: Template,
    atlas: Atlas,
    people: Sequence[Person],
    scenes: Sequence[Scene],
    samples: Samples,
    at: Tensor,
) -> Filled:
    """Albedo, normal, wrap, exponent and gloss of the samples `at` (N,)."""
    piece = _piece(template, people, samples, at)
    palette = torch.from_numpy(np.array([[f.palette for f in row] for row in piece.fabrics])).to(at.device).float()
    palette = palette[piece.person, piece.kind]  # N, 3, 3
    colour = _pattern(atlas, piece, palette)
    colour = _printed(atlas, piece, palette, colour)
    colour = _sewn(people, piece, palette, colour)
    colour = _worn(template, piece, palette, colour)
    slope = _folds(atlas, people, scenes, piece)
    along_u, along_v = samples.tangents
    normal = unit(samples.normal[at] - slope[:, :1] * along_u[at] - slope[:, 1:] * along_v[at])
    return colour.clamp(0.004, 0.88), normal, 0.06, piece.fabric("roughness"), piece.fabric("gloss") * 0.8


def _piece(template: Template, people: Sequence[Person], samples: Samples, at: Tensor) -> _Piece:
    device = at.device
    number = torch.full((int(max(CLOTH)) + 1,), -1, device=device)
    for index, layer in enumerate(CLOTH):
        number[layer] = index
    fabrics = [[person.outfit.fabrics[layer] for layer in CLOTH] for person in people]
    names = (
        "scale",
        "turned",
        "pattern",
        "print_number",
        "print_size",
        "print_place",
        "trim",
        "knit",
        "roughness",
        "gloss",
    )
    u, v = samples.uv[at].unbind(-1)
    rest, arm = samples.rest[at], samples.arm[at]
    return _Piece(
        person=samples.image[at] % len(people),
        kind=number[samples.layer[at]],
        target=samples.image[at] >= len(people),
        u=u,
        v=v,
        height=template.floor - v,
        rest=rest,
        arm=arm,
        along_arm=samples.along_arm[at],
        edge=samples.edge[at],
        trunk=(arm < 0.5) & (samples.leg[at] < 0.7),
        ahead=rest[:, 2] > 0,
        fabrics=fabrics,
        tables={
            name: torch.tensor([[float(getattr(f, name)) for f in row] for row in fabrics], device=device)
            for name in names
        },
    )


def _ridge(distance: Tensor, width: float) -> Tensor:
    return torch.exp(-((distance / width) ** 2))


def _pattern(atlas: Atlas, piece: _Piece, palette: Tensor) -> Tensor:
    turned, scale = piece.fabric("turned") > 0.5, piece.fabric("scale")
    u, v = (torch.where(turned, a, b) * scale for a, b in ((piece.v, piece.u), (piece.u, piece.v)))
    weights = bilinear(atlas.patterns, piece.fabric("pattern").long(), u, v)
    zero = torch.zeros_like(piece.kind)
    cloudy = bilinear(atlas.noise, zero, piece.u * 1.3, piece.v * 1.3)[:, 0]
    grainy = bilinear(atlas.noise, zero + 2, piece.u * 6, piece.v * 6)[:, 0]
    return (palette * weights[..., None]).sum(1) * (1 + 0.05 * cloudy + 0.04 * grainy)[:, None]


def _printed(atlas: Atlas, piece: _Piece, palette: Tensor, colour: Tensor) -> Tensor:
    """Prints on chests."""
    number, size = piece.fabric("print_number"), piece.fabric("print_size")
    x, y = (piece.u - piece.fabric("print_place")) / size + 0.5, 0.5 - (piece.height - 1.2) / size
    inside = (number >= 0) & piece.trunk & piece.ahead & (piece.arm < 0.3) & (x > 0) & (x < 1) & (y > 0) & (y < 1)
    found = bilinear(atlas.prints, number.clamp(min=0).long(), x.clamp(0.01, 0.99), y.clamp(0.01, 0.99))
    ink = palette[:, 1] + (palette[:, 2] - palette[:, 1]) * found[:, 1:]
    return colour + (ink - colour) * (found[:, :1] * inside[:, None]).clamp(0, 1)


def _sewn(people: Sequence[Person], piece: _Piece, palette: Tensor, colour: Tensor) -> Tensor:
    """Hems, trims, plackets with buttons, flies and pockets."""
    shoe, trousers = piece.of(SHOE), piece.of(BOTTOM)
    hem = (_ridge(piece.edge - 0.017, 0.0022) + _ridge(piece.edge, 0.0035)) * 0.25
    colour = colour * (1 - hem * ~shoe)[:, None]
    trim = (piece.fabric("trim") > 0.5) & (piece.edge < 0.022) & ~shoe
    colour = torch.where(trim[:, None], palette[:, 1], colour)
    buttoned = torch.tensor([p.outfit.style == "shirt" and not p.outfit.dress for p in people], device=colour.device)
    shirt = buttoned[piece.person] & piece.of(TOP) & piece.trunk & piece.ahead
    colour = colour * (1 - _ridge(piece.u.abs() - 0.016, 0.0015) * 0.35 * shirt)[:, None]
    button = (torch.hypot(piece.u, (piece.height + 0.03) % 0.085 - 0.042) < 0.0058) & shirt
    colour = torch.where(button[:, None], palette[:, 2] * 0.3 + 0.5, colour)
    x, height = piece.rest[:, 0], piece.height
    fly = trousers & piece.ahead & piece.trunk & (_ridge(x - 0.012, 0.001) > 0.5) & (height > 0.84)
    pocket_line = _ridge(x.abs() - 0.105 - (0.93 - height) * 0.35, 0.0025) > 0.4
    pocket = trousers & pocket_line & piece.ahead & (height > 0.86) & (height < 0.94)
    return torch.where((fly | pocket)[:, None], colour * 0.6, colour)


def _worn(template: Template, piece: _Piece, palette: Tensor, colour: Tensor) -> Tensor:
    """Faded thighs of jeans; soles and laces of shoes."""
    shoe, rest = piece.of(SHOE), piece.rest
    denim = (piece.fabric("pattern") == DENIM) & piece.of(BOTTOM)
    colour = colour * (1 + _ridge(piece.height - 0.66, 0.13) * piece.ahead * denim * 0.3)[:, None]
    sole = shoe & (rest[:, 1] > template.floor - 0.022)
    colour = torch.where(sole[:, None], palette[:, 1], colour)
    laced = (piece.fabric("trim") > 0.5) & shoe & (rest[:, 2] > 0.03) & (rest[:, 1] < template.floor - 0.045)
    laces = laced & (torch.sin(rest[:, 2] * 380) > 0.5)
    return torch.where(laces[:, None], palette[:, 1] * 0.8 + 0.1, colour)


def _folds(atlas: Atlas, people: Sequence[Person], scenes: Sequence[Scene], piece: _Piece) -> Tensor:
    """Slopes (N, 2) of small folds, some of them other ones in each image, deeper where cloth bunches."""
    base = torch.tensor([scene.seed for scene in scenes], device=piece.kind.device)[piece.person].double()
    base = base + piece.kind * 11.0
    slopes = []
    for seed in (base, base + piece.target.double() * 37.0):
        first, second = (seed * 0.754877 % 1).float(), (seed * 0.569840 % 1).float()
        limbs = torch.tensor(_FOLDS_OF_LIMBS, device=piece.kind.device)[(second * 4.99).long()]
        fold = torch.where(piece.trunk, (first * 11.99).long(), limbs)
        fold = torch.where(piece.of(SKIRT) | piece.of(OUTER), 4 + (first * 3.99).long(), fold)
        slopes.append(bilinear(atlas.folds, fold, piece.u / 0.7 + first, piece.v / 0.7 + second))
    slope = _LASTING * slopes[0] + (1 - _LASTING) * slopes[1]
    loose = column(people, "outfit.loose", piece.kind.device)[piece.person, 0]
    amount = torch.tensor([_FOLD_HEIGHT[layer] for layer in CLOTH], device=piece.kind.device)[piece.kind]
    amount = amount * (0.45 + 0.55 * loose.clamp(max=1))
    elbow = _ridge(piece.along_arm - 0.23, 0.07) * (piece.arm > 0.5)
    legs = (
        _ridge(piece.height - 0.47, 0.08)
        + 0.7 * _ridge(piece.height - 0.84, 0.06)
        + 1.1 * _ridge(piece.height - 0.12, 0.06)
    )
    waist = 0.5 * _ridge(piece.height - 1.0, 0.07) * piece.of(TOP)
    amount = amount * (0.55 + 1.1 * elbow + legs * piece.of(BOTTOM) + waist)
    # flat along edges, where cloth is sewn
    slope = slope * amount[:, None] * smooth(piece.edge / 0.03)[:, None]
    knit = piece.fabric("knit") > 0.5
    slope[:, 0] += knit * 0.18 * torch.cos(piece.u * 520)
    slope[:, 1] += knit * 0.14 * torch.cos(piece.v * 420 + 2 * torch.sin(piece.u * 260).abs())
    return slope
