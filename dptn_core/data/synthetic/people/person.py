"""Who is rendered: body, face, hair and clothes of one grown-up, and what their face does in each image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from . import held_out
from .atlas import DENIM, MELANGE
from .colours import DARK_HAIR, HAIR_TONES, IRISES, SKIN_TONES, cloth_colour, denim_colours, linear
from .garment_template import BOTTOM, CLOTH, OUTER, SHOE, SKIRT, TOP
from .held_out import Split
from .mesh import Array

_FINE = (13, 15, 16, 19)  # patterns of one colour's shades


@dataclass(frozen=True)
class Fabric:
    """The cloth of one garment."""

    palette: Array  # (3, 3) linear light
    pattern: int = 0
    scale: float = 1.0  # tiles a metre
    turned: bool = False
    roughness: float = 10.0
    gloss: float = 0.3
    knit: bool = False
    print_number: int = -1
    print_size: float = 0.15  # metres
    print_place: float = 0.0  # metres from the middle of the chest
    trim: bool = False


@dataclass(frozen=True)
class Body:
    """Shape of a body, all in 0..1 but for the local changes."""

    female: bool
    phenotype: dict[str, float]
    local_changes: Array  # (L,)


@dataclass(frozen=True)
class Face:
    """Skin and hair; colours are linear light."""

    skin: Array
    lips: Array
    blush: float
    hair: Array
    brow: Array
    brow_width: float  # metres
    beard: float
    iris: Array
    liner: float
    long_hair: bool
    hair_length: float  # height of the tips, metres on the template
    parting: float  # radians from the front
    hair_volume: float  # metres
    bald: bool
    hairline: float  # metres higher than usual
    over_ears: float  # metres lower there


@dataclass(frozen=True)
class Outfit:
    """Clothes; heights in metres on the template, who is 1.69 m tall."""

    loose: float
    style: str
    sleeve: float  # metres from the shoulder
    neck_radius: float  # below 0: up to the chin
    neck_v: float  # height of the V's tip; above 1.5: none
    collar: float  # metres that the neck's edge stands off
    tucked: bool
    top_hem: float
    waist: float
    leg_hem: float
    knee_radius: float
    hem_radius: float
    skirt: bool
    dress: bool
    skirt_hem: float
    flare: float
    pleats: int
    outer: bool
    outer_hem: float
    outer_gap: float
    lapel: float  # height at which the jacket opens wider
    shoe_top: float
    sole: float
    fabrics: dict[int, Fabric] = field(default_factory=dict)


@dataclass(frozen=True)
class Person:
    """One person."""

    body: Body
    face: Face
    outfit: Outfit


def column(items: Sequence[object], name: str, device: torch.device) -> Tensor:
    """An attribute of each item as floats (N, 1), or (N, C) where it is an array; `name` may have dots."""
    values = []
    for item in items:
        for part in name.split("."):
            item = getattr(item, part)
        values.append(np.atleast_1d(np.asarray(item, np.float32)))
    return torch.from_numpy(np.stack(values)).to(device)


def sample_person(rng: np.random.Generator, split: Split, local_changes: Sequence[str]) -> Person:
    """A grown-up, always dressed."""
    body, ancestry = _sample_body(rng, split, local_changes)
    return Person(body, _sample_face(rng, body.female, ancestry), _sample_outfit(rng, body.female, split))


def _sample_body(rng: np.random.Generator, split: Split, local_changes: Sequence[str]) -> tuple[Body, Array]:
    female = bool(rng.random() < 0.55)
    ancestry = rng.dirichlet((0.5, 0.5, 0.6))
    shape = held_out.body(rng, split)
    phenotype = dict(zip(held_out.SHAPE, shape.tolist(), strict=True)) | {
        "gender": float(np.clip(rng.normal(0.93 if female else 0.07, 0.06), 0, 1)),
        "cupsize": float(np.clip(rng.normal(0.45, 0.15), 0.1, 0.9)),
        "firmness": float(rng.uniform(0.5, 0.9)),
        "african": float(ancestry[0]),
        "asian": float(ancestry[1]),
        "caucasian": float(ancestry[2]),
    }
    return Body(female, phenotype, _sample_local_changes(rng, local_changes)), ancestry


def _sample_local_changes(rng: np.random.Generator, names: Sequence[str]) -> Array:
    """Small changes of face and body, alike on both sides."""
    number = {name: index for index, name in enumerate(names)}
    changes = np.zeros(len(names), np.float32)
    face = ("nose", "mouth", "l-eye", "chin", "l-cheek", "head", "forehead", "eyebrow", "l-ear")
    left_alone = ("measure", "r-", "breast", "buttocks", "bulge", "stomach-preg")
    for name, index in number.items():
        if name.startswith(left_alone) or ("trans-out" in name and not name.startswith("l-")):
            continue
        changes[index] = rng.normal(0, 0.16 if name.startswith(face) else 0.08)
        if name.startswith("l-"):
            changes[number["r-" + name[2:]]] = changes[index]
    return changes


def _sample_face(rng: np.random.Generator, female: bool, ancestry: Array) -> Face:
    darkness = rng.normal(0.8 + 7.5 * ancestry[0] + 1.8 * ancestry[1] + 0.8 * ancestry[2], 1.3)
    darkness = float(np.clip(darkness, 0, len(SKIN_TONES) - 1.001))
    low = int(darkness)
    tone = SKIN_TONES[low] * (1 - darkness + low) + SKIN_TONES[low + 1] * (darkness - low)
    painted = female and rng.random() < 0.4
    lips = (
        rng.uniform((0.6, 0.18, 0.2), (0.95, 0.4, 0.45))
        if painted
        else rng.uniform((0.8, 0.45, 0.45), (1.0, 0.62, 0.62))
    )
    hair = HAIR_TONES[rng.integers(DARK_HAIR if darkness > 4 else len(HAIR_TONES))] * rng.uniform(0.8, 1.2)
    long_hair = bool(rng.random() < (0.6 if female else 0.08))
    if long_hair or female:
        volume = rng.uniform(0.008, 0.03)
    else:
        volume = (0.003, rng.uniform(0.006, 0.022), rng.uniform(0.015, 0.04))[rng.integers(3)]
    return Face(
        skin=tone * rng.uniform(0.92, 1.06, 3),
        lips=tone * lips,
        blush=rng.uniform(0.1, 0.5),
        hair=hair,
        brow=hair * 0.55 + 0.03 * tone,
        brow_width=rng.uniform(0.0026, 0.0045) * (0.85 if female else 1.15),
        beard=0.0 if female else (0.0, 0.0, rng.uniform(0.1, 0.35), rng.uniform(0.5, 0.9))[rng.integers(4)],
        iris=IRISES[rng.integers(len(IRISES))],
        liner=rng.uniform(0.4, 1.0) if female else rng.uniform(0.1, 0.45),
        long_hair=long_hair,
        hair_length=rng.uniform(1.02, 1.44),
        parting=rng.uniform(52, 74) * np.pi / 180,
        hair_volume=volume,
        bald=bool(not female and rng.random() < 0.06),
        hairline=rng.normal(0, 0.006),
        over_ears=rng.uniform(0, 0.05) if female else rng.uniform(-0.01, 0.01),
    )


def _sample_outfit(rng: np.random.Generator, female: bool, split: Split) -> Outfit:
    dress = bool(female and rng.random() < 0.2)
    skirt = bool(dress or (female and rng.random() < 0.2))
    style = str(rng.choice(("tee", "long", "shirt", "sweater", "tank"), p=(0.36, 0.2, 0.18, 0.16, 0.1)))
    if not female and style == "tank" and rng.random() < 0.6:
        style = "tee"
    sleeve = {
        "tee": rng.uniform(0.07, 0.2),
        "long": rng.uniform(0.36, 0.5),
        "shirt": (rng.uniform(0.1, 0.2), rng.uniform(0.3, 0.5))[rng.integers(2)],
        "sweater": rng.uniform(0.44, 0.52),
        "tank": rng.uniform(-0.06, -0.01),
    }[style]
    chances = (0.35, 0.0, 0.65, 0.0) if style == "shirt" else (0.5, 0.2, 0.22, 0.08)
    neck = str(rng.choice(("crew", "scoop", "v", "high"), p=chances))
    radius = {
        "crew": rng.uniform(0.08, 0.093),
        "scoop": rng.uniform(0.11, 0.145 if female else 0.12),
        "v": rng.uniform(0.08, 0.1),
        "high": -1.0,
    }[neck]
    legs = str(rng.choice(("long", "short", "crop"), p=(0.74, 0.16, 0.1)))
    fit = str(rng.choice(("skinny", "straight", "wide"), p=(0.45, 0.42, 0.13) if female else (0.25, 0.65, 0.1)))
    knee = {"skinny": 0.03, "straight": rng.uniform(0.072, 0.09), "wide": rng.uniform(0.08, 0.094)}[fit]
    hem = {"skinny": 0.03, "straight": rng.uniform(0.07, 0.095), "wide": rng.uniform(0.1, 0.13)}[fit]
    leg_hem = {"long": rng.uniform(0.06, 0.11), "short": rng.uniform(0.48, 0.68), "crop": rng.uniform(0.15, 0.32)}[legs]
    if skirt:
        leg_hem = 0.86 if rng.random() < 0.75 else 0.06  # bare legs, or tights underneath
        knee = hem = 0.02
    skirt_hem = (rng.uniform(0.5, 0.7), rng.uniform(0.25, 0.5), rng.uniform(0.12, 0.2))[
        rng.choice(3, p=(0.6, 0.3, 0.1))
    ]
    return Outfit(
        loose=float(np.clip(rng.gamma(2.0, 0.22), 0.03, 1.3)),
        style=style,
        sleeve=sleeve,
        neck_radius=radius,
        neck_v=rng.uniform(1.26, 1.35) if neck == "v" else 1.6,
        collar=rng.uniform(0.007, 0.012) if style == "shirt" else rng.uniform(0.0, 0.003),
        tucked=bool(dress or ((skirt or rng.random() < 0.3) and style != "sweater")),
        top_hem=0.9
        if dress
        else rng.uniform(0.97, 1.06)
        if female and rng.random() < 0.25
        else rng.uniform(0.76, 0.92),
        waist=rng.uniform(0.96, 1.05) if female else rng.uniform(0.92, 0.97),
        leg_hem=leg_hem,
        knee_radius=knee + (0.012 if legs == "short" and not skirt else 0),
        hem_radius=hem,
        skirt=skirt,
        dress=dress,
        skirt_hem=skirt_hem,
        flare=rng.uniform(-0.05, 0.8) ** 2 * 0.9,
        pleats=int(rng.choice((0, 0, 14, 22))),
        outer=bool(rng.random() < 0.27),
        outer_hem=rng.uniform(0.8, 0.98),  # longer ones would part between the legs
        outer_gap=rng.uniform(0.01, 0.09),
        lapel=rng.uniform(1.05, 1.3),
        shoe_top=(0.075, 0.10, rng.uniform(0.14, 0.4))[rng.choice(3, p=(0.4, 0.4, 0.2))],
        sole=rng.uniform(0.008, 0.03),
        fabrics=_sample_fabrics(rng, style, dress, split),
    )


def _sample_fabrics(rng: np.random.Generator, style: str, dress: bool, split: Split) -> dict[int, Fabric]:
    fabrics = {layer: _sample_fabric(rng, layer, style, split) for layer in CLOTH}
    if dress:
        top = vars(fabrics[TOP])
        fabrics[SKIRT] = Fabric(**{**top, "print_number": -1})
    return fabrics


def _sample_fabric(rng: np.random.Generator, layer: int, style: str, split: Split) -> Fabric:
    base = cloth_colour(rng, {BOTTOM: 0.75, TOP: 0.5, OUTER: 0.75, SKIRT: 0.5, SHOE: 0.8}[layer])
    palette = np.stack([base, cloth_colour(rng), cloth_colour(rng)])
    pattern, scale, roughness, gloss = 0, 1.0, rng.uniform(6, 14), rng.uniform(0.1, 0.5)
    if layer == BOTTOM and rng.random() < 0.5:
        palette, pattern, scale = denim_colours(rng), DENIM, 6.0
    elif layer == BOTTOM and rng.random() < 0.15:
        pattern, scale = int(rng.choice(held_out.patterns(split, (3, 5, 6, 11, 16)))), rng.uniform(2, 5)
    elif layer in (TOP, SKIRT) and rng.random() < 0.55:
        pattern, scale = int(rng.choice(held_out.patterns(split))), rng.uniform(1.8, 5.5)
        if pattern in _FINE:
            scale = rng.uniform(4, 7)
            palette[1] = np.clip(base * rng.uniform(0.5, 1.6), 0, 0.9)
    elif layer == OUTER:
        if rng.random() < 0.3:
            pattern, scale = int(rng.choice(held_out.patterns(split, (5, 6, 13, 15, 16)))), rng.uniform(3, 6)
            palette[1] = np.clip(base * rng.uniform(0.5, 1.7), 0, 0.9)
        if rng.random() < 0.2:
            gloss, roughness = 1.6, 40.0  # leather
    elif layer == SHOE:
        gloss, roughness = (0.3, 1.2, 2.0)[rng.integers(3)], rng.uniform(15, 60)
        palette[1] = linear(240, 240, 238) if rng.random() < 0.5 else base * 0.5
    printed = layer == TOP and pattern in (0, MELANGE) and rng.random() < 0.5
    return Fabric(
        palette=palette,
        pattern=pattern,
        scale=scale,
        turned=bool(rng.random() < 0.15),
        roughness=roughness,
        gloss=gloss,
        knit=layer == TOP and style == "sweater",
        print_number=int(rng.choice(held_out.prints(split))) if printed else -1,
        print_size=rng.uniform(0.08, 0.24),
        print_place=rng.uniform(-0.09, 0.09) if rng.random() < 0.3 else 0.0,
        trim=bool(rng.random() < 0.35),
    )


def sample_expression(rng: np.random.Generator, names: Sequence[str]) -> Array:
    """How much of each face action one image shows, (E,): a mild expression, nearly alike on both sides."""
    amounts = {name: 0.0 for name in names}

    def both(stem: str, amount: float) -> None:
        for side in ("Left", "Right"):
            amounts[stem + side] += amount * rng.uniform(0.85, 1.0)

    if rng.random() < 0.45:
        smile = rng.uniform(0.1, 0.65)
        both("mouthSmile", smile)
        both("cheekSquint", 0.5 * smile)
        both("eyeSquint", 0.3 * smile)
    elif rng.random() < 0.2:
        both("mouthFrown", rng.uniform(0.1, 0.4))
        both("browDown", rng.uniform(0.1, 0.5))
    both("mouthPress", rng.uniform(0, 0.3))
    both("eyeBlink", 0.9 if rng.random() < 0.03 else rng.uniform(0, 0.25))
    amounts["browInnerUp"] = rng.uniform(0, 0.3)
    both("browOuterUp", rng.uniform(0, 0.3))
    amounts["jawOpen"] = rng.uniform(0.02, 0.18) if rng.random() < 0.2 else 0.0
    amounts["mouthPucker"] = rng.uniform(0, 0.2) if rng.random() < 0.2 else 0.0
    return np.array([amounts[name] for name in names], np.float32)
