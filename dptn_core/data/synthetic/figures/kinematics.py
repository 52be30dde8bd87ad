"""Joint angles of a drawn figure and the skeleton they give in three dimensions.

Axes of the figure's and the camera's world: x right, y down, z towards the viewer, lengths in statures (a standing
figure is about 1 tall). A figure that faces the viewer has its own left on +x. Bones rest along +y.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .seeded_numbers import Draws

_DEGREE = torch.pi / 180


def rotation(axis: str, angle: Tensor) -> Tensor:
    """Rotation matrices (..., 3, 3) about a coordinate axis by `angle` (...), radians, right-handed."""
    c, s = angle.cos(), angle.sin()
    zero, one = torch.zeros_like(c), torch.ones_like(c)
    rows = {
        "x": (one, zero, zero, zero, c, -s, zero, s, c),
        "y": (c, zero, s, zero, one, zero, -s, zero, c),
        "z": (c, -s, zero, s, c, zero, zero, zero, one),
    }[axis]
    return torch.stack(rows, -1).unflatten(-1, (3, 3))


@dataclass(frozen=True)
class Proportions:
    """Bone lengths and thicknesses of each figure, in statures, every field (B,)."""

    head: Tensor
    neck: Tensor
    abdomen: Tensor
    chest: Tensor
    upper_arm: Tensor
    forearm: Tensor
    hand: Tensor
    thigh: Tensor
    shin: Tensor
    foot: Tensor
    shoulder: Tensor
    hip: Tensor
    waist: Tensor
    bulk: Tensor
    limb: Tensor

    def twice(self) -> Proportions:
        """The same bodies for source and target: every field (2B,)."""
        return Proportions(**{name: torch.cat([value, value]) for name, value in vars(self).items()})


def draw_proportions(draws: Draws) -> Proportions:
    """Bodies from slender to heavy, grown-up to child and cartoon (big head, short limbs)."""
    cartoon = draws.unit("body.cartoon") ** 2.5
    head = draws.between("body.head", 0.125, 0.15) + 0.10 * cartoon
    neck = draws.between("body.neck", 0.028, 0.045) * (1 - 0.5 * cartoon)
    rest = 1 - head - neck
    leg = rest * draws.between("body.leg", 0.55, 0.63) * (1 - 0.08 * cartoon)
    torso = rest - leg
    bulk = draws.between("body.bulk", 0.8, 1.3)
    shoulder = draws.between("body.shoulder", 0.088, 0.125) * (0.8 + 0.2 * bulk)
    arm = torso * draws.between("body.arm", 1.02, 1.2)
    upper_share = draws.between("body.upper_share", 0.5, 0.54)
    thigh_share = draws.between("body.thigh_share", 0.49, 0.53)
    return Proportions(
        head=head,
        neck=neck,
        abdomen=torso * 0.4,
        chest=torso * 0.6,
        upper_arm=arm * upper_share,
        forearm=arm * (1 - upper_share),
        hand=draws.between("body.hand", 0.04, 0.055),
        thigh=leg * thigh_share,
        shin=leg * (1 - thigh_share),
        foot=draws.between("body.foot", 0.06, 0.08),
        shoulder=shoulder,
        hip=draws.between("body.hip", 0.045, 0.062) * (0.7 + 0.3 * bulk),
        waist=shoulder * draws.between("body.waist", 0.6, 0.85) * (0.75 + 0.25 * bulk),
        bulk=bulk,
        limb=draws.between("body.limb", 0.85, 1.2) * (0.6 + 0.4 * bulk),
    )


@dataclass(frozen=True)
class JointAngles:
    """A pose as joint angles in radians; sides are (B, 2): the figure's right, then its left."""

    root: Tensor  # (B, 3): turn about y, lean about x, tilt about z
    spine: Tensor  # (B, 3): twist, bend forward, bend sideways
    head: Tensor  # (B, 3): turn, nod, tilt
    arm: Tensor  # (B, 2, 3): abduction, flexion, twist
    elbow: Tensor  # (B, 2)
    wrist: Tensor  # (B, 2)
    leg: Tensor  # (B, 2, 3): abduction, flexion, twist
    knee: Tensor  # (B, 2)
    ankle: Tensor  # (B, 2)


_Range = tuple[int, int]
_Postures = tuple[tuple[float, _Range, _Range, _Range, _Range], ...]

# Arm postures as (low, high) degrees of abduction, flexion, twist and elbow. Joint limits of a grown-up hold in all.
_ARMS: _Postures = (
    (0.30, (4, 18), (-15, 15), (-30, 30), (3, 35)),  # hanging
    (0.12, (20, 55), (-15, 25), (-30, 30), (5, 60)),  # held away
    (0.10, (70, 100), (-10, 20), (-40, 40), (0, 50)),  # out to the side
    (0.14, (115, 172), (-10, 25), (-50, 50), (0, 80)),  # raised
    (0.12, (35, 60), (-25, 0), (-85, -50), (75, 115)),  # hand on hip
    (0.12, (0, 25), (25, 70), (-70, -10), (70, 125)),  # forearm before the body
    (0.10, (-5, 40), (50, 110), (-60, 40), (0, 100)),  # reaching forward
)
# Leg postures: weight, abduction, flexion, twist, knee (degrees); negative abduction crosses the legs.
_LEGS: _Postures = (
    (0.46, (0, 10), (-8, 10), (-5, 30), (0, 12)),  # standing
    (0.18, (8, 32), (-8, 15), (0, 40), (0, 20)),  # legs apart
    (0.16, (-2, 8), (-28, 42), (-5, 15), (2, 55)),  # stepping
    (0.08, (-14, 0), (-5, 20), (-5, 20), (0, 25)),  # crossed
    (0.12, (2, 35), (45, 105), (-10, 30), (20, 130)),  # knee up
)


def _posture(draws: Draws, name: str, table: _Postures, same: Tensor) -> Tensor:
    """Angles (B, 2, 4) in radians from a posture table; where `same`, both sides take the same posture."""
    kind = draws.choice(f"{name}.kind", [row[0] for row in table], 2)
    kind = torch.stack([kind[:, 0], torch.where(same, kind[:, 0], kind[:, 1])], 1)
    ranges = torch.tensor([[list(pair) for pair in row[1:]] for row in table], device=draws.device)
    chosen = ranges.float()[kind]  # (B, 2, 4, 2)
    return (chosen[..., 0] + (chosen[..., 1] - chosen[..., 0]) * draws.unit(f"{name}.angle", 2, 4)) * _DEGREE


def draw_turns(draws: Draws) -> Tensor:
    """How far source and target are turned from the viewer, (B, 2) radians: front, three-quarter, side, back."""

    def turn(name: str) -> Tensor:
        kind = draws.choice(f"{name}.kind", (0.5, 0.24, 0.08, 0.18))
        low = torch.tensor((0.0, 22.0, 65.0, 140.0), device=draws.device)[kind]
        high = torch.tensor((22.0, 65.0, 100.0, 180.0), device=draws.device)[kind]
        sign = torch.where(draws.chance(f"{name}.side", 0.5), 1.0, -1.0)
        return sign * draws.between(name, low, high) * _DEGREE

    source, target = turn("turn.source"), turn("turn.target")
    near = source + draws.bell("turn.near", 40 * _DEGREE)
    return torch.stack([source, torch.where(draws.chance("turn.same", 0.62), near, target)], 1)


def draw_joint_angles(draws: Draws, name: str, turn: Tensor) -> JointAngles:
    """One pose a figure, within joint limits.

    Args:
        draws: the figures' random numbers.
        name: tells the poses of one figure apart ("source", "target").
        turn: (B,) radians about the vertical.
    """
    arm = _posture(draws, f"{name}.arm", _ARMS, draws.chance(f"{name}.arms_same", 0.35))
    leg = _posture(draws, f"{name}.leg", _LEGS, draws.chance(f"{name}.legs_same", 0.5))

    sitting = draws.chance(f"{name}.sitting", 0.11)
    seat = torch.stack(
        [
            draws.between(f"{name}.seat.abduction", -6, 22, 2),
            draws.between(f"{name}.seat.flexion", 65, 100, 1).expand(-1, 2) + draws.bell(f"{name}.seat.uneven", 10, 2),
            draws.between(f"{name}.seat.twist", -8, 15, 2),
            draws.between(f"{name}.seat.knee", 60, 110, 2),
        ],
        -1,
    )
    leg = torch.where(sitting[:, None, None], seat * _DEGREE, leg)
    lean = draws.bell(f"{name}.lean", 9 * _DEGREE)
    return JointAngles(
        root=torch.stack([turn, lean, draws.bell(f"{name}.tilt", 7 * _DEGREE)], -1),
        spine=torch.stack(
            [
                draws.bell(f"{name}.twist", 26 * _DEGREE),
                draws.between(f"{name}.bend", -8, 18) * _DEGREE,
                draws.bell(f"{name}.sideways", 16 * _DEGREE),
            ],
            -1,
        ),
        head=torch.stack(
            [
                draws.bell(f"{name}.head.turn", 50 * _DEGREE),
                draws.bell(f"{name}.head.nod", 24 * _DEGREE),
                draws.bell(f"{name}.head.tilt", 20 * _DEGREE),
            ],
            -1,
        ),
        arm=arm[..., :3],
        elbow=arm[..., 3],
        wrist=draws.bell(f"{name}.wrist", 30 * _DEGREE, 2),
        leg=leg[..., :3],
        knee=leg[..., 3],
        ankle=draws.between(f"{name}.ankle", -25, 12, 2) * _DEGREE,
    )


@dataclass(frozen=True)
class Skeleton3D:
    """Joint positions (B, 3) and bone frames (B, 3, 3) (columns: sideways, along the bone, forward) in statures."""

    positions: dict[str, Tensor]
    frames: dict[str, Tensor]


SIDES = ("right", "left")


def pose_skeleton(body: Proportions, angles: JointAngles) -> Skeleton3D:
    """Forward kinematics from the pelvis outwards."""
    turn, lean, tilt = angles.root.unbind(-1)
    twist, bend, sideways = angles.spine.unbind(-1)
    head_turn, nod, head_tilt = angles.head.unbind(-1)

    pelvis = rotation("y", turn) @ rotation("x", lean) @ rotation("z", tilt)
    # half of the bend sits in each of the two spine joints
    half = rotation("y", twist / 2) @ rotation("x", -bend / 2) @ rotation("z", sideways / 2)
    abdomen = pelvis @ half
    chest = abdomen @ half
    head = chest @ rotation("y", head_turn) @ rotation("x", -nod) @ rotation("z", head_tilt)
    neck = chest @ rotation("y", head_turn / 2) @ rotation("x", -nod / 2) @ rotation("z", head_tilt / 2)

    def along(frame: Tensor, x: Tensor | float, y: Tensor | float, z: Tensor | float) -> Tensor:
        parts = [torch.as_tensor(v, device=frame.device).expand(frame.shape[0]) for v in (x, y, z)]
        return (frame @ torch.stack(parts, -1).unsqueeze(-1)).squeeze(-1)

    frames = {"pelvis": pelvis, "abdomen": abdomen, "chest": chest, "neck": neck, "head": head}
    place = {"pelvis": torch.zeros_like(angles.root)}
    place["waist"] = place["pelvis"] + along(abdomen, 0.0, -body.abdomen, 0.0)
    place["neck"] = place["waist"] + along(chest, 0.0, -body.chest, 0.0)
    place["head_base"] = place["neck"] + along(neck, 0.0, -body.neck, 0.0)
    place["head"] = place["head_base"] + along(head, 0.0, -body.head * 0.48, body.head * 0.06)

    for index, (side, sign) in enumerate(zip(SIDES, (-1.0, 1.0), strict=True)):
        abduction, flexion, arm_twist = angles.arm[:, index].unbind(-1)
        # a raised arm lifts its shoulder with it
        lift = 0.25 * body.shoulder * ((abduction - 0.9).clamp(min=0) / 2)
        upper = chest @ rotation("z", -sign * abduction) @ rotation("x", flexion) @ rotation("y", sign * arm_twist)
        fore = upper @ rotation("x", angles.elbow[:, index])
        hand = fore @ rotation("x", angles.wrist[:, index])
        place[f"{side}_shoulder"] = place["neck"] + along(chest, sign * body.shoulder * (1 - 0.1 * lift), -lift, 0.0)
        place[f"{side}_elbow"] = place[f"{side}_shoulder"] + along(upper, 0.0, body.upper_arm, 0.0)
        place[f"{side}_wrist"] = place[f"{side}_elbow"] + along(fore, 0.0, body.forearm, 0.0)
        place[f"{side}_fingers"] = place[f"{side}_wrist"] + along(hand, 0.0, body.hand, 0.0)

        abduction, flexion, leg_twist = angles.leg[:, index].unbind(-1)
        thigh = pelvis @ rotation("z", -sign * abduction) @ rotation("x", flexion) @ rotation("y", sign * leg_twist)
        shin = thigh @ rotation("x", -angles.knee[:, index])
        # the foot's own axis points forward, a quarter turn from the shin
        foot = shin @ rotation("x", torch.pi / 2 + angles.ankle[:, index])
        place[f"{side}_hip"] = place["pelvis"] + along(pelvis, sign * body.hip, body.hip * 0.3, 0.0)
        place[f"{side}_knee"] = place[f"{side}_hip"] + along(thigh, 0.0, body.thigh, 0.0)
        place[f"{side}_ankle"] = place[f"{side}_knee"] + along(shin, 0.0, body.shin, 0.0)
        place[f"{side}_toes"] = place[f"{side}_ankle"] + along(foot, 0.0, body.foot, 0.0)
        for bone, frame in (("upper", upper), ("fore", fore), ("hand", hand)):
            frames[f"{side}_{bone}"] = frame
        for bone, frame in (("thigh", thigh), ("shin", shin), ("foot", foot)):
            frames[f"{side}_{bone}"] = frame

        place[f"{side}_eye"] = place["head"] + along(head, sign * body.head * 0.17, -body.head * 0.02, body.head * 0.42)
        place[f"{side}_ear"] = place["head"] + along(head, sign * body.head * 0.40, body.head * 0.02, 0.0)
    place["nose"] = place["head"] + along(head, 0.0, body.head * 0.12, body.head * 0.48)
    return Skeleton3D(place, frames)
