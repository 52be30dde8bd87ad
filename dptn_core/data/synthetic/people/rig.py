"""From joint angles to the bones' rotations, and from those to posed vertices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from .garment_template import Template
from .geometry import axis_rotation, rotation, unit
from .posture import JointAngles

_SIDES = (("R", -1.0), ("L", 1.0))


def bone_rotations(template: Template, heads: Tensor, poses: Sequence[JointAngles]) -> tuple[Tensor, Tensor]:
    """World rotations (B, J, 3, 3) and places (B, J, 3) of all bones.

    Args:
        template: names and parents of the bones.
        heads: (B, J, 3) at rest.
        poses: B of them.
    """
    # in double precision: a person must not depend on their batch, and sines of a vector's rest are rounded otherwise
    exact = heads.double()
    angles = {
        name: torch.from_numpy(np.stack([getattr(pose, name) for pose in poses])).to(exact) for name in vars(poses[0])
    }
    turns = _trunk(angles)
    for index, (side, sign) in enumerate(_SIDES):
        mine = {name: value[:, index] for name, value in angles.items() if name not in ("root", "spine", "head")}
        place = {name: exact[:, number] for name, number in template.bone.items()}
        turns |= _arm(side, sign, mine, place, turns["spine01"])
        turns |= _leg(side, sign, mine, place, turns["root"])
    rotations: list[Tensor] = []
    places: list[Tensor] = []
    for bone, name in enumerate(template.bones):
        parent = template.parents[bone]
        rotations.append(turns[name] if name in turns else rotations[parent])
        if parent < 0:
            places.append(torch.zeros_like(exact[:, 0]))
        else:
            offset = (exact[:, bone] - exact[:, parent])[..., None]
            places.append(places[parent] + (rotations[parent] @ offset)[..., 0])
    return torch.stack(rotations, 1).float(), torch.stack(places, 1).float()


def _trunk(angles: dict[str, Tensor]) -> dict[str, Tensor]:
    turn, lean, tilt = angles["root"].unbind(-1)
    twist, bend, sideways = angles["spine"].unbind(-1)
    head_turn, nod, head_tilt = angles["head"].unbind(-1)
    frame = rotation("y", turn) @ rotation("x", lean) @ rotation("z", tilt)
    turns = {"root": frame, "spine05": frame}
    quarter = rotation("y", twist / 4) @ rotation("x", -bend / 4) @ rotation("z", sideways / 4)
    for name in ("spine04", "spine03", "spine02", "spine01"):
        frame = turns[name] = frame @ quarter
    quarter = rotation("y", head_turn / 4) @ rotation("x", -nod / 4) @ rotation("z", head_tilt / 4)
    for name in ("neck01", "neck02", "neck03", "head"):
        frame = turns[name] = frame @ quarter
    return turns


def _basis(along: Tensor, sideways: Tensor) -> Tensor:
    """A frame (B, 3, 3) whose second column is `along` and whose first is `sideways` made perpendicular."""
    x = unit(sideways - (sideways * along).sum(-1, keepdim=True) * along)
    return torch.stack([x, along, torch.cross(x, along, dim=-1)], -1)


def _arm(side: str, sign: float, angle: dict[str, Tensor], head: dict[str, Tensor], chest: Tensor) -> dict[str, Tensor]:
    abduction, flexion, twist, elbow = angle["arm"].unbind(-1)
    shoulder, elbow_head, wrist = (head[f"{name}.{side}"] for name in ("upperarm01", "lowerarm01", "wrist"))
    upper_axis, fore_axis = unit(elbow_head - shoulder), unit(wrist - elbow_head)
    hand_axis = unit(head[f"finger3-1.{side}"] - wrist)
    hinge = unit(torch.cross(upper_axis, fore_axis, dim=-1))
    rest_upper, rest_fore, rest_hand = (_basis(axis, hinge) for axis in (upper_axis, fore_axis, hand_axis))
    # the shoulder rises with the arm
    lift = sign * (abduction - 0.6).clamp(min=0) * 0.32
    collar = chest @ rotation("z", -lift) @ rotation("y", -sign * 0.12 * flexion.clamp(min=0))
    swing = chest @ rotation("z", -sign * abduction) @ rotation("x", flexion)
    upper = swing @ rotation("y", sign * twist)
    fore = upper @ rotation("x", elbow)
    pronation = sign * angle["pronation"]
    hand = fore @ rotation("y", pronation) @ rotation("x", angle["wrist"]) @ rest_hand.mT
    turns = {
        f"clavicle.{side}": collar,
        f"shoulder01.{side}": collar,
        f"upperarm01.{side}": swing @ rotation("y", sign * twist * 0.4) @ rest_upper.mT,
        f"upperarm02.{side}": upper @ rest_upper.mT,
        f"lowerarm01.{side}": fore @ rotation("y", pronation * 0.25) @ rest_fore.mT,
        f"lowerarm02.{side}": fore @ rotation("y", pronation * 0.7) @ rest_fore.mT,
        f"wrist.{side}": hand,
    }
    turns |= {f"metacarpal{number}.{side}": hand for number in range(1, 5)}
    return turns | _fingers(side, sign, angle, head, hand, hand_axis)


def _fingers(
    side: str, sign: float, angle: dict[str, Tensor], head: dict[str, Tensor], hand: Tensor, hand_axis: Tensor
) -> dict[str, Tensor]:
    """Fingers closed side by side about the palm's normal, then bent about the line of the knuckles."""
    across = unit(head[f"finger5-1.{side}"] - head[f"finger2-1.{side}"])
    palm = unit(torch.cross(across, hand_axis, dim=-1)) * sign
    hinge = unit(torch.cross(hand_axis, palm, dim=-1))

    def flat(number: int) -> Tensor:
        along = head[f"finger{number}-2.{side}"] - head[f"finger{number}-1.{side}"]
        return unit(along - (along * palm).sum(-1, keepdim=True) * palm)

    middle = flat(3)
    turns = {}
    for number in range(1, 6):
        along = flat(number)
        spread = torch.atan2((torch.cross(along, middle, dim=-1) * palm).sum(-1), (along * middle).sum(-1))
        thumb = number == 1
        step = hand @ axis_rotation(palm, spread * angle["closed"] * (0.55 if thumb else 0.9))
        for bone in range(1, 4):
            bend = angle["finger"][:, bone - 1] * (0.4 if thumb else 0.82 + 0.06 * number)
            step = step @ axis_rotation(hinge, -bend)
            turns[f"finger{number}-{bone}.{side}"] = step
    return turns


def _leg(
    side: str, sign: float, angle: dict[str, Tensor], head: dict[str, Tensor], pelvis: Tensor
) -> dict[str, Tensor]:
    abduction, flexion, twist, knee = angle["leg"].unbind(-1)
    hip, knee_head, ankle = (head[f"{name}.{side}"] for name in ("upperleg01", "lowerleg01", "foot"))
    right = torch.eye(3).to(hip)[0].expand_as(hip)
    rest_thigh, rest_shin = _basis(unit(knee_head - hip), right), _basis(unit(ankle - knee_head), right)
    swing = pelvis @ rotation("z", -sign * abduction) @ rotation("x", flexion)
    thigh = swing @ rotation("y", sign * twist)
    shin = thigh @ rotation("x", -knee)
    return {
        f"pelvis.{side}": pelvis,
        f"upperleg01.{side}": swing @ rotation("y", sign * twist * 0.5) @ rest_thigh.mT,
        f"upperleg02.{side}": thigh @ rest_thigh.mT,
        f"lowerleg01.{side}": shin @ rest_shin.mT,
        f"lowerleg02.{side}": shin @ rest_shin.mT,
        f"foot.{side}": shin @ rotation("x", angle["ankle"]),
    }


def skin(
    template: Template,
    rest: Tensor,
    normals: Tensor,
    relief: Tensor,
    heads: Tensor,
    rotations: Tensor,
    places: Tensor,
    wave_seeds: Sequence[int],
) -> tuple[Tensor, Tensor]:
    """Linear blend skinning of vertices and normals, with large folds that differ from image to image.

    Args:
        template: weights.
        rest, normals: (P, V, 3).
        relief: (P, V) metres, height of the folds.
        heads: (P, J, 3) of the bones at rest.
        rotations, places: (P, J, 3, 3) and (P, J, 3), see `bone_rotations`.
        wave_seeds: P numbers that decide the folds.

    Returns:
        Posed vertices and unit normals, (P, V, 3).
    """
    import warp as wp

    from .kernels import skin_kernel
    from .warp_launch import launch, vec, vec3

    move = places - (rotations @ heads[..., None])[..., 0]
    generators = [np.random.default_rng(seed) for seed in wave_seeds]
    waves = np.stack([rng.normal(0, 1, (1, 5, 3)) for rng in generators]) * (30, 34, 30)
    phases = np.stack([rng.uniform(0, 2 * np.pi, 5) for rng in generators])
    out, out_normals = torch.empty_like(rest), torch.empty_like(rest)
    arguments = [
        vec3(rest),
        vec3(normals),
        vec3(template.rest),
        vec(relief, wp.float32),
        vec3(torch.from_numpy(waves).to(rest)),
        vec(torch.from_numpy(phases).to(rest), wp.float32),
        vec(template.bone_index, wp.int32),
        vec(template.bone_weight, wp.float32),
        vec(rotations, wp.mat33),
        vec3(move),
        vec3(out),
        vec3(out_normals),
    ]
    launch(skin_kernel, rest.shape[:2], arguments, rest.device)
    return out, out_normals
