"""A pose taken by somebody of another build: limb lengths of one person, directions and foreshortening of another.

A limb in an image is as long as it is, times how far it points at the camera. A person's own lengths are measured over
all the poses at hand, both sides together; where a limb is much shorter than the rest of the body suggests, it points
at the camera or is hidden, and anatomy says its length instead. Each kind of limb then has one ratio of lengths for a
whole sequence, so that nothing jitters that did not before, and what was foreshortened stays so.

Proportions are means over bodies of `data.synthetic.people` (adults of all builds), whose joints are where pose
detectors put them; `python -m benchmarks.retargeting --proportions` prints them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from .facing import turned_like
from .fitting import fit_to_person
from .skeleton import FloatArray, Pose

Place = Literal["source", "target"]

_HIPS: Final = 18  # number of a joint of our own: the middle of the hips
# Kinds of limbs: length as a fraction of the trunk's, and the limbs.
KINDS: Final[dict[str, tuple[float, tuple[tuple[int, int], ...]]]] = {
    "trunk": (1.0, ((_HIPS, 1),)),
    "shoulders": (0.302, ((1, 2), (1, 5))),
    "hips": (0.189, ((_HIPS, 8), (_HIPS, 11))),
    "upper arms": (0.514, ((2, 3), (5, 6))),
    "forearms": (0.459, ((3, 4), (6, 7))),
    "thighs": (0.745, ((8, 9), (11, 12))),
    "shins": (0.753, ((9, 10), (12, 13))),
    "neck": (0.434, ((1, 0),)),
    "face": (0.101, ((0, 14), (0, 15))),
    "ears": (0.247, ((0, 16), (0, 17))),
}
_LONG: Final = ("trunk", "upper arms", "forearms", "thighs", "shins")  # that tell how large somebody is
LIMB_KINDS: Final = tuple(KINDS)
# From the root outwards: each joint, and what it hangs on by which kind of limb; the first that is there counts.
_HANGS_ON: Final[tuple[tuple[int, tuple[tuple[int, str], ...]], ...]] = (
    (1, ((_HIPS, "trunk"),)),
    *((hip, ((_HIPS, "hips"), (1, "trunk"))) for hip in (8, 11)),
    *((shoulder, ((1, "shoulders"), (_HIPS, "trunk"))) for shoulder in (2, 5)),
    *((elbow, ((shoulder, "upper arms"),)) for shoulder, elbow in ((2, 3), (5, 6))),
    *((wrist, ((elbow, "forearms"),)) for elbow, wrist in ((3, 4), (6, 7))),
    *((knee, ((hip, "thighs"),)) for hip, knee in ((8, 9), (11, 12))),
    *((ankle, ((knee, "shins"),)) for knee, ankle in ((9, 10), (12, 13))),
    (0, ((1, "neck"), (_HIPS, "trunk"))),
    *((eye, ((0, "face"), (1, "neck"))) for eye in (14, 15)),
    *((ear, ((0, "ears"), (1, "neck"))) for ear in (16, 17)),
)
_HIDDEN, _PLAIN = 0.8, 0.95  # of the expected length: below the first a limb is foreshortened, above the second not
_MAX_RATIO: Final = 1.25  # of what anatomy expects: nobody is built further off
_TELL: Final = 2  # kinds that suggest the largest person say how large it is: the others may be foreshortened
_MAX_LENGTH: Final = 1.25  # of the person's limb
_WHOLE: Final = (0, 10, 13)  # nose and ankles: with these, all of a person is in the image
_EDGE: Final = 0.06  # of a person's longer side: what hands and feet take beyond the joints
_CROWN: Final = 1.1  # of the way from neck to nose: how far above the nose hair goes
_MIN_LENGTH: Final = 1e-3  # pixels
_MARGIN: Final = 0.5  # of the canvas: a longer leg may leave the image, and networks expect no joint far outside


@dataclass(frozen=True)
class Build:
    """How long a person's limbs are, seen from the side.

    Attributes:
        size: Pixels, the trunk of somebody so large.
        lengths: Pixels by kind of limb, all of `LIMB_KINDS`; arms and legs are both sides' alike.
        confidence: 0 to 1 by kind: 1 was measured, 0 is what anatomy says of a person of this size.
    """

    size: float
    lengths: dict[str, float]
    confidence: dict[str, float]


def measure_build(poses: Sequence[Pose]) -> Build | None:
    """The build of one person from any number of poses on canvases of one size; None if no pose shows a limb."""
    longest: dict[str, float] = {}
    points = [_with_hips(pose) for pose in poses]
    for kind, (_, limbs) in KINDS.items():
        found = [
            float(np.hypot(*(xy[end] - xy[start])))
            for xy, present in points
            for start, end in limbs
            if present[start] and present[end]
        ]
        if found and (length := float(np.quantile(found, 0.95))) > _MIN_LENGTH:
            longest[kind] = length
    if not longest:
        return None
    sizes = {kind: length / KINDS[kind][0] for kind, length in longest.items()}
    telling = [sizes[kind] for kind in _LONG if kind in sizes] or list(sizes.values())
    size = float(np.mean(sorted(telling)[-_TELL:]))
    lengths, confidence = {}, {}
    for kind, (fraction, _) in KINDS.items():
        expected = fraction * size
        measured = longest.get(kind, 0.0)
        trust = float(np.clip((measured / expected - _HIDDEN) / (_PLAIN - _HIDDEN), 0, 1))
        lengths[kind] = trust * min(measured, _MAX_RATIO * expected) + (1 - trust) * expected
        confidence[kind] = trust
    return Build(size, lengths, confidence)


def retarget(
    poses: Sequence[Pose],
    person: Sequence[Pose],
    *,
    strength: float = 1.0,
    place: Place = "source",
    facing: Place = "target",
) -> list[Pose]:
    """A sequence of poses as if `person` took them, with their own limb lengths.

    Args:
        poses: One person's, on canvases of one size.
        person: Poses of the other, on canvases of one size: one is enough, several say more of their build. They
            stand where the first says.
        strength: 0 scales the poses as they are (`fit_to_person`), 1 gives each limb the person's length.
        place: "source": on the person's canvas, at their place and size; "target": where the poses are, as large.
        facing: "source": somebody seen from behind stays so (`facing.turned_like`); "target": as the poses are.

    Returns:
        As many poses; joints that a pose lacks stay missing.

    Raises:
        NoPersonError: The first pose, or the person, has no keypoint.
        ValueError: There is no pose, or `strength` is not in 0..1.
    """
    if not 0 <= strength <= 1:
        raise ValueError(f"expected a strength from 0 to 1, got {strength}")
    if not person:
        raise ValueError("expected at least one pose of the person, got none")
    poses = turned_like(poses, person[0]) if facing == "source" else list(poses)
    fitted = fit_to_person(poses, person[0])
    moved = fitted if place == "source" else poses
    given, own = measure_build(moved), measure_build(person)
    if given is None or own is None or strength == 0:
        return moved
    size = 1.0 if place == "source" else own.size / given.size
    ratios = {kind: (own.lengths[kind] / given.lengths[kind] / size) ** strength for kind in LIMB_KINDS}
    longest = {
        kind: _MAX_LENGTH * max(own.lengths[kind] / size, given.lengths[kind] * (1 - strength)) for kind in ratios
    }
    rebuilt = [_rebuilt(pose, ratios, longest) for pose in moved]
    return _inside(rebuilt, person[0]) if place == "source" else rebuilt


def _rebuilt(pose: Pose, ratios: dict[str, float], longest: dict[str, float]) -> Pose:
    """A pose with limbs of other lengths, none above the `longest`; the middle of its hips, or its neck, stays."""
    xy, present = _with_hips(pose)
    new = xy.copy()
    rest = float(np.median(list(ratios.values())))
    root = next((joint for joint in (_HIPS, 1) if present[joint]), int(present.argmax()))
    for joint, parents in _HANGS_ON:
        if joint == root or not present[joint]:
            continue
        parent, kind = next(((on, kind) for on, kind in parents if present[on]), (root, None))
        along = (xy[joint] - xy[parent]) * (ratios[kind] if kind else rest)
        # a joint that a detector lost far away is brought back, unless it hangs on another than its own
        if kind and parent == parents[0][0]:
            along *= min(1.0, longest[kind] / max(float(np.hypot(*along)), _MIN_LENGTH))
        new[joint] = new[parent] + along

    shown = pose.present & _near(new[:-1], pose)

    def carried(part: FloatArray | None, joint: int, ratio: float) -> FloatArray | None:
        """Points that hang on a joint."""
        if part is None or not present[joint]:
            return part
        return np.column_stack([new[joint] + (part[:, :2] - xy[joint]) * ratio, part[:, 2]])

    left, right = (
        carried(part, joint, ratios["forearms"]) for part, joint in ((pose.hand_left, 7), (pose.hand_right, 4))
    )
    feet = pose.feet
    if feet is not None:
        sides = [carried(feet[rows], joint, ratios["shins"]) for rows, joint in ((slice(0, 3), 13), (slice(3, 6), 10))]
        feet = np.concatenate([side for side in sides if side is not None])
    return replace(
        pose,
        keypoints=new[:-1],
        confidence=np.where(shown, pose.confidence, 0.0),
        hand_left=left,
        hand_right=right,
        face=carried(pose.face, 0, ratios["face"]),
        feet=feet,
    )


def _inside(poses: list[Pose], person: Pose) -> list[Pose]:
    """A sequence shifted, and made smaller where need be, so that nobody is cut whom their own image shows whole."""
    canvas = person.canvas
    sides = np.array([canvas.width, canvas.height])
    own_low, own_high = _extent([person])
    whole = person.present[list(_WHOLE)].all()
    if not whole or (person.keypoints < 0).any() or (person.keypoints > sides).any():
        return poses
    low, high = _extent(poses)
    edge_low, edge_high = np.minimum(own_low, 0), np.maximum(own_high, sides)  # as near to it as they were
    scale = float(min(1.0, *((edge_high - edge_low) / np.maximum(high - low, _MIN_LENGTH))))
    middle = (low + high) / 2
    low, high = middle + (low - middle) * scale, middle + (high - middle) * scale
    shift = np.maximum(edge_low - low, 0) + np.minimum(edge_high - high, 0)
    offset = middle * (1 - scale) + shift
    return [pose.transformed((scale, scale), (float(offset[0]), float(offset[1])), canvas) for pose in poses]


def _extent(poses: Sequence[Pose]) -> tuple[FloatArray, FloatArray]:
    """(2,) and (2,): the box around all hands, feet and crowns of heads."""
    joints = np.concatenate([pose.keypoints[pose.present] for pose in poses])
    room = _EDGE * (joints.max(0) - joints.min(0)).max()
    heads = np.array([pose.keypoints[:2] for pose in poses if pose.present[:2].all()]).reshape(-1, 2, 2)
    crowns = heads[:, 0] + (heads[:, 0] - heads[:, 1]) * _CROWN
    every = np.concatenate([joints - room, joints + room, crowns])
    return every.min(0), every.max(0)


def _near(xy: FloatArray, pose: Pose) -> np.ndarray:
    """(18,) bool: joints in the canvas or not far outside."""
    sides = np.array([pose.canvas.width, pose.canvas.height])
    return np.asarray(((xy >= -sides * _MARGIN) & (xy <= sides * (1 + _MARGIN))).all(1))


def _with_hips(pose: Pose) -> tuple[FloatArray, np.ndarray]:
    """(19, 2) places and (19,) bool presence of the joints and the middle of the hips."""
    middle = pose.keypoints[[8, 11]].mean(0)
    return np.vstack([pose.keypoints, middle]), np.append(pose.present, pose.present[[8, 11]].all())
