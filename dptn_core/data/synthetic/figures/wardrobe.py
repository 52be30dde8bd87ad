"""A posed skeleton dressed with solids: body, hair and garments, each with the material it shows."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import torch
from torch import Tensor

from .kinematics import SIDES, Proportions, Skeleton3D, rotation
from .seeded_numbers import Draws
from .solids import Solids

# Materials: one repeating texture each, and images drawn once on the front (even) and back (odd) of a solid.
SKIN, HAIR, TOP, BOTTOM, COAT, SHOES, EXTRA = range(7)
TEXTURE_COUNT = 7
NO_DECAL, FACE, CHEST, LAPEL = -2, 0, 2, 4
DECAL_COUNT = 6

ELLIPSOID = (1.0, 0.0, -1.0)
# Legs bare, or in trousers down to this height of thigh and shin (t of the solid, -1 above and 1 below).
_TROUSERS, _CROPPED, _SHORTS, _SKIRT, _DRESS = range(5)


@dataclass(frozen=True)
class Outfit:
    """What each figure wears, every field (B,)."""

    bottom: Tensor
    sleeve_upper: Tensor  # how far down the upper arm cloth reaches, -1 bare .. 1 to the elbow
    sleeve_fore: Tensor
    leg_upper: Tensor
    leg_lower: Tensor
    flare: Tensor
    loose: Tensor
    skirt_length: Tensor
    skirt_flare: Tensor
    coat: Tensor
    coat_length: Tensor
    long_top: Tensor
    hair_cut: Tensor
    hair_volume: Tensor
    hair_turn: Tensor
    bald: Tensor
    hair_length: Tensor
    bun: Tensor
    bun_height: Tensor
    hat: Tensor
    brim: Tensor
    scarf: Tensor
    belt: Tensor
    gloves: Tensor
    boots: Tensor

    def twice(self) -> Outfit:
        """The same clothes for source and target: every field (2B,)."""
        return Outfit(**{f.name: torch.cat([getattr(self, f.name)] * 2) for f in fields(self)})


def draw_outfit(draws: Draws) -> Outfit:
    """Clothes and hair."""
    bottom = draws.choice("wear.bottom", (0.42, 0.08, 0.16, 0.22, 0.12))
    coat = draws.chance("wear.coat", 0.16)
    sleeve = draws.choice("wear.sleeve", (0.16, 0.34, 0.15, 0.35))
    sleeve = torch.where(coat, 3, sleeve)
    sleeve_upper = torch.where(sleeve == 1, draws.between("wear.short", -0.4, 0.5), (sleeve >= 2).float() * 2 - 1)
    sleeve_fore = torch.where(
        sleeve == 3,
        draws.between("wear.cuff", 0.8, 1.0),
        torch.where(sleeve == 2, draws.between("wear.elbow", -0.8, -0.1), -1.0),
    )
    trousers = bottom <= _CROPPED
    leg_upper = torch.where(
        trousers, 1.0, torch.where(bottom == _SHORTS, draws.between("wear.shorts", -0.2, 0.7), -1.0)
    )
    leg_lower = torch.where(
        bottom == _TROUSERS,
        draws.between("wear.hem", 0.8, 0.98),
        torch.where(bottom == _CROPPED, draws.between("wear.cropped", -0.7, 0.4), -1.0),
    )
    hair_kind = draws.choice("hair.kind", (0.45, 0.4, 0.15))
    return Outfit(
        bottom=bottom,
        sleeve_upper=sleeve_upper,
        sleeve_fore=sleeve_fore,
        leg_upper=leg_upper,
        leg_lower=leg_lower,
        flare=1 + draws.unit("wear.flare") ** 3,
        loose=1.1 + 0.35 * draws.unit("wear.loose") ** 2,
        skirt_length=draws.between("wear.skirt_length", 0.16, 0.42),
        skirt_flare=draws.between("wear.skirt_flare", 1.05, 1.8),
        coat=coat,
        coat_length=draws.between("wear.coat_length", 0.12, 0.34),
        long_top=draws.chance("wear.long_top", 0.5),
        hair_cut=draws.between("hair.cut", -0.12, 0.22),
        hair_volume=draws.between("hair.volume", 1.0, 1.18),
        hair_turn=draws.between("hair.turn", 0.45, 0.95),
        bald=draws.chance("hair.bald", 0.05),
        hair_length=torch.where(hair_kind == 1, draws.between("hair.length", 0.3, 1.6), 0.0),
        bun=torch.where(hair_kind == 2, draws.between("hair.bun", 0.16, 0.3), 0.0),
        bun_height=draws.between("hair.bun_height", -0.5, 0.2),
        hat=draws.chance("wear.hat", 0.13),
        brim=draws.between("wear.brim", 0.5, 0.8),
        scarf=draws.chance("wear.scarf", 0.08),
        belt=draws.chance("wear.belt", 0.22),
        gloves=draws.chance("wear.gloves", 0.05),
        boots=torch.where(draws.chance("wear.boots", 0.2), draws.between("wear.boot_height", -0.3, 0.6), 2.0),
    )


@dataclass(frozen=True)
class Materials:
    """What each solid shows, every field (B, K)."""

    texture: Tensor  # index of the repeating texture
    decal: Tensor  # index of the front image, NO_DECAL for none
    around: Tensor  # repeats of the texture around the axis (whole numbers)
    start: Tensor  # texture rows at t = 0
    along: Tensor  # texture rows from t = 0 to t = 1
    part: Tensor  # body part, for outlines


# Statures a texture repeats after: large enough to be told apart in an image 128 pixels high.
_PATTERN = 0.26


@dataclass
class _Dresser:
    """Collects solids one by one and stacks them."""

    rows: list[dict[str, Tensor]] = field(default_factory=list)

    def add(
        self,
        frame: Tensor,
        centre: Tensor,
        half: tuple[Tensor | float, Tensor | float, Tensor | float],
        *,
        texture: int | Tensor,
        part: int,
        taper: Tensor | None = None,
        clip: tuple[Tensor | float, Tensor | float] = (-1.0, 1.0),
        shown: Tensor | bool = True,
        decal: int | Tensor = NO_DECAL,
        start: Tensor | float = 0.0,
        pattern: Tensor | float = _PATTERN,
    ) -> None:
        """One solid: an ellipsoid, or a cone of radii 1 -+ taper when `taper` is given.

        `half` is sideways, forward, along the bone (statures); `pattern` is the size of one texture repeat.
        """
        like = centre[:, 0]

        def fill(value: Tensor | float | int | bool) -> Tensor:
            return torch.as_tensor(value, device=like.device).expand(like.shape[0])

        across, depth, length = (fill(v).float() for v in half)
        pattern_size = fill(pattern).float()
        if taper is None:
            shape = torch.tensor(ELLIPSOID, device=like.device).expand(like.shape[0], 3)
        else:
            shape = torch.stack([torch.ones_like(taper), 2 * taper, taper * taper], -1)
        around = (torch.pi * (across + depth) / pattern_size).round().clamp(min=1)
        self.rows.append(
            {
                "axes": torch.stack(
                    [
                        frame[:, :, 0] * across[:, None],
                        frame[:, :, 2] * depth[:, None],
                        frame[:, :, 1] * length[:, None],
                    ],
                    -1,
                ),
                "centre": centre,
                "shape": shape,
                "clip": torch.stack([fill(clip[0]).float(), fill(clip[1]).float()], -1),
                "shown": fill(shown).bool(),
                "texture": fill(texture).long(),
                "decal": fill(decal).long(),
                "around": around,
                "start": fill(start).float() / pattern_size,
                "along": length / pattern_size,
                "part": fill(part).long(),
            }
        )

    def bone(
        self,
        frame: Tensor,
        head: Tensor,
        tail: Tensor,
        radii: tuple[Tensor, Tensor],
        *,
        flat: Tensor | float = 1.0,
        **look: object,
    ) -> None:
        """A cone from joint `head` to joint `tail` (B, 3) with the radii at its two ends; `flat` is depth / width."""
        first, last = radii
        middle = (first + last) / 2
        self.add(
            frame,
            (head + tail) / 2,
            (middle, middle * flat, (tail - head).norm(dim=-1) / 2),
            taper=(last - first) / (last + first),
            **look,  # type: ignore[arg-type]
        )

    def stack(self) -> tuple[Solids, Materials]:
        columns = {name: torch.stack([row[name] for row in self.rows], 1) for name in self.rows[0]}
        solids = Solids(**{f.name: columns[f.name] for f in fields(Solids)})
        return solids, Materials(**{f.name: columns[f.name] for f in fields(Materials)})


_HEAD, _HAIR_PART, _TORSO, _SKIRT_PART, _HAT, _SCARF = 0, 1, 2, 3, 4, 5
_ARM, _LEG, _FOOT = (6, 7), (8, 9), (10, 11)


def dress(body: Proportions, wear: Outfit, bones: Skeleton3D) -> tuple[Solids, Materials]:
    """Solids in statures around a posed skeleton.

    Args:
        body, wear: (B,) fields; bones: the same figures, posed.
    """
    dresser = _Dresser()
    thigh_radius = 0.06 * body.limb
    hips = body.hip + thigh_radius * 0.98
    top_or_coat = torch.where(wear.coat, COAT, TOP)
    lower = torch.where(wear.bottom == _DRESS, TOP, BOTTOM)

    _torso(dresser, body, wear, bones, hips, top_or_coat, lower)
    _head(dresser, body, wear, bones)
    for index, side in enumerate(SIDES):
        _arm(dresser, body, wear, bones, side, _ARM[index], top_or_coat)
        _leg(dresser, body, wear, bones, side, index, thigh_radius)
    skirted = wear.bottom >= _SKIRT
    _skirt(dresser, body, bones, hips * 1.05, wear.skirt_length, wear.skirt_flare, lower, skirted)
    _skirt(dresser, body, bones, hips * 1.17, wear.coat_length, wear.skirt_flare * 0.9, COAT, wear.coat)
    return dresser.stack()


def _torso(
    dresser: _Dresser,
    body: Proportions,
    wear: Outfit,
    bones: Skeleton3D,
    hips: Tensor,
    upper: Tensor,
    lower: Tensor,
) -> None:
    place, frames = bones.positions, bones.frames
    bulky = torch.where(wear.coat, 1.12, 1.0)
    chest_width = body.shoulder * 0.92 * bulky
    depth = 0.56 + 0.12 * body.bulk
    waist = body.waist * bulky
    abdomen_cloth = torch.where(wear.long_top | (wear.bottom == _DRESS) | wear.coat, upper, lower)
    chest_decal = torch.where(wear.coat, LAPEL, CHEST)
    dresser.bone(
        frames["chest"],
        place["neck"],
        place["waist"],
        (chest_width, waist),
        flat=depth,
        texture=upper,
        part=_TORSO,
        decal=chest_decal,
        start=-body.chest / 2,
    )
    for name, half, cloth, start in (
        ("neck", (chest_width * 1.02, chest_width * depth * 0.95, 0.042), upper, -body.chest),
        ("waist", (waist * 1.02, waist * depth * 1.02, 0.05), upper, 0.0),
    ):
        dresser.add(frames["chest"], place[name], half, texture=cloth, part=_TORSO, start=start)
    dresser.bone(
        frames["abdomen"],
        place["waist"],
        place["pelvis"],
        (waist, hips * bulky),
        flat=depth,
        texture=upper,
        part=_TORSO,
        start=body.abdomen / 2,
        clip=(-1.0, 0.5),
    )
    dresser.bone(
        frames["abdomen"],
        place["waist"],
        place["pelvis"],
        (waist * 1.03, hips * bulky * 1.03),
        flat=depth,
        texture=abdomen_cloth,
        part=_TORSO,
        start=body.abdomen / 2,
        clip=(0.1, 1.0),
    )
    dresser.add(
        frames["pelvis"],
        place["pelvis"] + frames["pelvis"][:, :, 1] * 0.012,
        (hips * bulky, hips * depth * 1.05 * bulky, 0.06),
        texture=abdomen_cloth,
        part=_TORSO,
        start=body.abdomen,
    )
    dresser.bone(
        frames["abdomen"],
        place["waist"],
        place["pelvis"],
        (waist * 1.1, hips * bulky * 1.1),
        flat=depth,
        texture=EXTRA,
        part=_TORSO,
        clip=(-0.05, 0.25),
        shown=wear.belt,
    )


def _head(dresser: _Dresser, body: Proportions, wear: Outfit, bones: Skeleton3D) -> None:
    place, frame = bones.positions, bones.frames["head"]
    size = body.head
    right, down, front = frame.unbind(-1)

    def at(x: float | Tensor, y: float | Tensor, z: float | Tensor) -> Tensor:
        offset = sum(
            axis * (torch.as_tensor(value, device=size.device) * size)[:, None]
            for axis, value in ((right, x), (down, y), (front, z))
        )
        return place["head"] + offset

    neck_radius = 0.024 + 0.008 * body.bulk + 0.06 * (size - 0.12)
    dresser.bone(
        bones.frames["neck"],
        place["neck"] + bones.frames["neck"][:, :, 1] * 0.02,
        place["head"],
        (neck_radius * 1.1, neck_radius),
        texture=SKIN,
        part=_HEAD,
    )
    dresser.add(frame, place["head"], (size * 0.39, size * 0.44, size * 0.5), texture=SKIN, part=_HEAD, decal=FACE)
    cap = size * 0.5 * wear.hair_volume
    haired = ~wear.bald
    dresser.add(
        frame @ rotation("x", wear.hair_turn),
        at(0.0, -0.06, -0.05),
        (cap * 0.88, cap * 1.02, cap * 1.04),
        texture=HAIR,
        part=_HAIR_PART,
        clip=(-1.0, wear.hair_cut),
        shown=haired,
        pattern=0.1,
    )
    dresser.add(
        frame,
        at(0.0, wear.hair_length * 0.5 - 0.1, -0.3),
        (cap * 0.86, size * 0.2, size * (0.3 + 0.5 * wear.hair_length)),
        texture=HAIR,
        part=_HAIR_PART,
        shown=haired & (wear.hair_length > 0),
        pattern=0.1,
    )
    bun = wear.bun * size
    dresser.add(
        frame,
        at(0.0, wear.bun_height, -0.42 - wear.bun * 0.6),
        (bun, bun, bun * 1.3),
        texture=HAIR,
        part=_HAIR_PART,
        shown=haired & (wear.bun > 0),
        pattern=0.1,
    )
    dresser.add(
        frame @ rotation("x", torch.full_like(size, 0.15)),
        at(0.0, -0.1, -0.04),
        (cap * 1.0, cap * 1.08, cap * 1.12),
        texture=EXTRA,
        part=_HAT,
        clip=(-1.0, -0.3),
        shown=wear.hat,
    )
    dresser.add(
        frame,
        at(0.0, -0.27, 0.12),
        (size * wear.brim * 0.95, size * wear.brim * 1.15, size * 0.035),
        texture=EXTRA,
        part=_HAT,
        shown=wear.hat,
    )
    dresser.add(
        bones.frames["neck"],
        place["neck"] - bones.frames["neck"][:, :, 1] * 0.012,
        (neck_radius * 1.75, neck_radius * 1.75, 0.024),
        texture=EXTRA,
        part=_SCARF,
        shown=wear.scarf,
    )


def _arm(
    dresser: _Dresser, body: Proportions, wear: Outfit, bones: Skeleton3D, side: str, part: int, cloth: Tensor
) -> None:
    place, frames = bones.positions, bones.frames
    shoulder, elbow, wrist, fingers = (place[f"{side}_{name}"] for name in ("shoulder", "elbow", "wrist", "fingers"))
    upper, fore, hand = (frames[f"{side}_{name}"] for name in ("upper", "fore", "hand"))
    r_shoulder, r_elbow, r_wrist = (v * body.limb for v in (0.033, 0.026, 0.018))
    loose, covered = wear.loose, wear.sleeve_upper > -1
    to_wrist = wear.sleeve_fore > -1

    dresser.bone(upper, shoulder, elbow, (r_shoulder, r_elbow), texture=SKIN, part=part)
    dresser.bone(fore, elbow, wrist, (r_elbow, r_wrist), texture=SKIN, part=part)
    dresser.bone(
        upper,
        shoulder,
        elbow,
        (r_shoulder * loose * 1.04, r_elbow * loose * 1.06),
        texture=cloth,
        part=part,
        clip=(-1.0, wear.sleeve_upper),
        shown=covered,
    )
    dresser.bone(
        fore,
        elbow,
        wrist,
        (r_elbow * loose * 1.05, r_wrist * loose * 1.1),
        texture=cloth,
        part=part,
        clip=(-1.0, wear.sleeve_fore),
        shown=to_wrist,
        start=(body.upper_arm + body.forearm) / 2,
    )
    ball = torch.where(covered, r_shoulder * loose * 1.05, r_shoulder * 1.05)
    dresser.add(
        upper,
        shoulder,
        (ball, ball, ball),
        texture=torch.where(covered, cloth, torch.full_like(cloth, SKIN)),
        part=part,
        start=-body.upper_arm / 2,
    )
    ball = torch.where(to_wrist, r_elbow * loose * 1.05, r_elbow)
    dresser.add(
        fore,
        elbow,
        (ball, ball, ball),
        texture=torch.where(to_wrist, cloth, torch.full_like(cloth, SKIN)),
        part=part,
        start=body.upper_arm / 2,
    )
    dresser.add(
        hand,
        (wrist + fingers) / 2,
        (r_wrist * 0.75, r_wrist * 1.15, body.hand * 0.62),
        texture=torch.where(wear.gloves, EXTRA, SKIN),
        part=part,
    )


def _leg(
    dresser: _Dresser, body: Proportions, wear: Outfit, bones: Skeleton3D, side: str, index: int, r_hip: Tensor
) -> None:
    place, frames = bones.positions, bones.frames
    hip, knee, ankle, toes = (place[f"{side}_{name}"] for name in ("hip", "knee", "ankle", "toes"))
    thigh, shin, foot = (frames[f"{side}_{name}"] for name in ("thigh", "shin", "foot"))
    part = _LEG[index]
    r_knee, r_ankle = 0.041 * body.limb, 0.025 * body.limb
    loose, covered, below = wear.loose, wear.leg_upper > -1, wear.leg_lower > -1
    hem = torch.maximum(r_ankle * loose * wear.flare, r_ankle * 1.15)

    dresser.bone(thigh, hip, knee, (r_hip, r_knee), texture=SKIN, part=part)
    dresser.bone(shin, knee, ankle, (r_knee, r_ankle), texture=SKIN, part=part)
    dresser.bone(
        thigh,
        hip,
        knee,
        (r_hip * 1.06, r_knee * loose),
        texture=BOTTOM,
        part=part,
        clip=(-1.0, wear.leg_upper),
        shown=covered,
        start=body.abdomen + body.thigh / 2,
    )
    dresser.bone(
        shin,
        knee,
        ankle,
        (r_knee * loose, hem),
        texture=BOTTOM,
        part=part,
        clip=(-1.0, wear.leg_lower),
        shown=below,
        start=body.abdomen + body.thigh + body.shin / 2,
    )
    dresser.add(
        thigh,
        hip,
        (r_hip * 1.02, r_hip * 1.02, r_hip * 1.02),
        texture=torch.where(covered | (wear.bottom == _SKIRT), BOTTOM, torch.where(wear.bottom == _DRESS, TOP, SKIN)),
        part=part,
        start=body.abdomen,
    )
    ball = torch.where(below, r_knee * loose, r_knee)
    dresser.add(
        shin,
        knee,
        (ball, ball, ball),
        texture=torch.where(below, BOTTOM, SKIN),
        part=part,
        start=body.abdomen + body.thigh,
    )
    dresser.bone(
        shin,
        knee,
        ankle,
        (r_knee * 1.18, r_ankle * 1.35),
        texture=SHOES,
        part=part,
        clip=(wear.boots, 1.0),
        shown=(wear.boots < 1) & ~below,
    )
    dresser.add(
        foot,
        ankle + (toes - ankle) * 0.38,
        (0.026 * body.limb, 0.026 * body.limb, body.foot * 0.66),
        texture=SHOES,
        part=_FOOT[index],
    )


def _skirt(
    dresser: _Dresser,
    body: Proportions,
    bones: Skeleton3D,
    waist: Tensor,
    length: Tensor,
    flare: Tensor,
    texture: int | Tensor,
    shown: Tensor,
) -> None:
    """A cone from the waist that follows the thighs and opens as far as the knees need."""
    place, frames = bones.positions, bones.frames
    pelvis = frames["pelvis"]
    normalise = torch.nn.functional.normalize
    right, left = (place[f"{side}_knee"] - place[f"{side}_hip"] for side in SIDES)
    down = normalise(normalise(right + left, dim=-1) + 0.35 * pelvis[:, :, 1], dim=-1)
    sideways = pelvis[:, :, 0]
    sideways = normalise(sideways - (sideways * down).sum(-1, keepdim=True) * down, dim=-1)
    forward = torch.linalg.cross(sideways, down)
    frame = torch.stack([sideways, down, forward], -1)

    top = place["pelvis"] - pelvis[:, :, 1] * 0.025
    bottom = top + down * length[:, None]
    # how far the knees stand off the axis, taken at the hem
    share = (length / body.thigh).clamp(max=1.0)
    leg = 0.055 * body.limb

    def spread(axis: Tensor) -> Tensor:
        off = [((place[f"{side}_knee"] - top) * axis).sum(-1).abs() for side in SIDES]
        return torch.maximum(*off) * share + leg

    across = torch.maximum(waist * flare, spread(sideways))
    deep = torch.maximum(waist * 0.75 * flare, spread(forward))
    taper = (across - waist) / (across + waist)
    dresser.add(
        frame,
        (top + bottom) / 2,
        ((across + waist) / 2, deep / (1 + taper), length / 2),
        taper=taper,
        texture=texture,
        part=_SKIRT_PART,
        shown=shown,
        start=body.abdomen + length / 2,
    )
