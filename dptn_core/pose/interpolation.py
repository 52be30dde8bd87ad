"""Poses between poses: by the angles of the joints and the lengths of the limbs, as bodies move.

Straight lines between keypoints shorten an arm that swings. Here the hips move in a straight line, the trunk turns
about them, and arms and legs swing and bend in relation to it. `web/skeleton/interpolation.js` gives the same numbers;
both are tested on one file of examples.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from .skeleton import FOOT_POINTS, FloatArray, People, Pose

EASINGS: dict[str, Callable[[float], float]] = {
    "linear": lambda fraction: fraction,
    "smooth": lambda fraction: fraction * fraction * (3 - 2 * fraction),
    "slow start": lambda fraction: fraction * fraction,
    "slow end": lambda fraction: fraction * (2 - fraction),
    "hold": lambda fraction: 0.0,
}
"""How the movement from one pose to the next is timed: fraction of time to fraction of the movement, both 0 to 1."""

MAX_FRAMES = 10_000
"""More frames than this are a mistake in a file, not a sequence."""

_NOSE, _NECK = 0, 1
_SHOULDERS, _HIPS = (2, 5), (8, 11)
_LIMBS = ((2, 3, 4), (5, 6, 7), (8, 9, 10), (11, 12, 13))  # root, middle, end
_HEAD = (14, 15, 16, 17)
_PARENT = (1, -1, 1, 2, 3, 1, 5, 6, 1, 8, 9, 1, 11, 12, 0, 0, 14, 15)
_DOWN = math.pi / 2
_NO_LENGTH = 1e-6  # pixels; a limb as short as this has no direction
_FOOT = FOOT_POINTS // 2
_HALF_TURN = math.pi - 1e-6

_Point = tuple[float, float]
_Points = dict[int, _Point]


@dataclass(frozen=True)
class Step:
    """The way from a keyframe to the next.

    Attributes:
        frames: how many frames later the next keyframe comes, at least 1: the next one follows at once.
        easing: one of `EASINGS`.

    Raises:
        ValueError: neither is the case.
    """

    frames: int = 1
    easing: str = "linear"

    def __post_init__(self) -> None:
        """Check both."""
        if isinstance(self.frames, bool) or not isinstance(self.frames, int) or not 1 <= self.frames <= MAX_FRAMES:
            raise ValueError(f"expected 1 to {MAX_FRAMES} frames to the next keyframe, got {str(self.frames)[:40]}")
        if not isinstance(self.easing, str) or self.easing not in EASINGS:
            raise ValueError(f"expected one of {', '.join(EASINGS)} for easing, got {str(self.easing)[:40]!r}")


def frame_count(steps: Sequence[Step], *, loop: bool = False) -> int:
    """How many frames `sequence` gives."""
    ways = steps if loop else steps[:-1]
    return sum(step.frames for step in ways) + (0 if loop else 1)


def sequence(keyframes: Sequence[People], steps: Sequence[Step], *, loop: bool = False) -> Iterator[People]:
    """All frames: the keyframes as they are, and what lies between them.

    Args:
        keyframes: at least one, all on one canvas.
        steps: the way from each of them to the next; the last one's counts in a loop only.
        loop: go on from the last to the first, which is not repeated at the end.

    Raises:
        ValueError: not one step a keyframe, keyframes on several canvases, or more than `MAX_FRAMES` frames.
    """
    if len(steps) != len(keyframes) or not keyframes:
        raise ValueError(
            f"expected at least one keyframe and a step for each, got {len(keyframes)} keyframes and {len(steps)} steps"
        )
    if len({keyframe.canvas for keyframe in keyframes}) > 1:
        raise ValueError("expected keyframes on one canvas, got several; bring them to one first")
    total = frame_count(steps, loop=loop)
    if total > MAX_FRAMES:
        raise ValueError(f"expected a sequence of at most {MAX_FRAMES} frames, got {total}")
    return _frames(keyframes, steps, loop=loop)


def _frames(keyframes: Sequence[People], steps: Sequence[Step], *, loop: bool) -> Iterator[People]:
    following = [*keyframes[1:], keyframes[0]]
    for number, (start, end, step) in enumerate(zip(keyframes, following, steps, strict=True)):
        yield start
        if number + 1 == len(keyframes) and not loop:
            return
        for frame in range(1, step.frames):
            yield between(start, end, EASINGS[step.easing](frame / step.frames))


def between(start: People, end: People, fraction: float) -> People:
    """Everybody on the way from one frame to the other.

    People go together by their place in the list. Who is only in `start` stays as they are; who is only in `end`
    appears there.
    """
    people = [
        pose_between(pose, end.people[index], fraction) if index < len(end.people) else pose
        for index, pose in enumerate(start.people)
    ]
    return People(tuple(people), start.canvas)


def pose_between(start: Pose, end: Pose, fraction: float) -> Pose:
    """A pose on the way from one to another, by joint angles and limb lengths.

    The trunk (neck to the middle of the hips) turns the shorter way round, and shoulders, hips, eyes and ears move in
    straight lines across it, as they do when somebody turns to the side. Upper arms and thighs swing the shorter way
    in relation to the trunk, outward when both ways are alike. Elbows and knees bend through the straight limb. Lengths
    change evenly. A joint that only `start` has goes along with the joint it hangs on; one that only `end` has
    appears there. Points of hands, feet and face do the same, hung on wrists, ankles and head.

    Args:
        start, end: on the same canvas.
        fraction: 0 is `start`, 1 is `end`'s place for every joint that both have.
    """
    a, b = _points(start), _points(end)
    both = [joint for joint in range(len(_PARENT)) if joint in a and joint in b]
    if not both or fraction == 0:
        return start
    frame_a, frame_b = _trunk(a, both), _trunk(b, both)
    frame = frame_a.towards(frame_b, fraction)
    done: _Points = {}
    for joint in (_NECK, *_SHOULDERS, *_HIPS):
        if joint in both:
            done[joint] = frame.mixed(frame_a, a[joint], frame_b, b[joint], fraction)

    def swing(root: int, joint: int) -> _Point:
        side = frame_a.inside(a[root])[1]
        return _swung(done[root], frame, (frame_a, a[root], a[joint]), (frame_b, b[root], b[joint]), fraction, side)

    if _NOSE in both:
        done[_NOSE] = swing(_NECK, _NOSE) if _NECK in both else frame.mixed(frame_a, a[0], frame_b, b[0], fraction)
    for root, middle, end_joint in _LIMBS:
        if middle in both:
            known = root in both
            done[middle] = (
                swing(root, middle) if known else frame.mixed(frame_a, a[middle], frame_b, b[middle], fraction)
            )
        if end_joint in both:
            if middle in both and root in both:
                limb = (root, middle, end_joint)
                chains = tuple(a[joint] for joint in limb), tuple(b[joint] for joint in limb)
                done[end_joint] = _bent(done[root], done[middle], *chains, fraction)
            elif middle in both or root in both:
                done[end_joint] = swing(middle if middle in both else root, end_joint)
            else:
                done[end_joint] = frame.mixed(frame_a, a[end_joint], frame_b, b[end_joint], fraction)
    head_a, head_b, head = _head(a, both, frame_a), _head(b, both, frame_b), _head(done, both, frame)
    for joint in _HEAD:
        if joint in both:
            done[joint] = head.mixed(head_a, a[joint], head_b, b[joint], fraction)
    for joint in sorted(set(a) - set(both), key=_depth):
        done[joint] = _warped(joint, a, done, frame_a, frame)
    keypoints = np.array([done.get(joint, (0.0, 0.0)) for joint in range(len(_PARENT))])
    confidence = np.where(end.present, np.minimum(start.confidence, end.confidence), start.confidence)
    right_arm, left_arm, right_leg, left_leg = (
        (_limb_end(a, limb, frame_a), _limb_end(b, limb, frame_b), _limb_end(done, limb, frame)) for limb in _LIMBS
    )
    return Pose(
        keypoints,
        confidence,
        start.canvas,
        _part(start.hand_left, end.hand_left, left_arm, fraction),
        _part(start.hand_right, end.hand_right, right_arm, fraction),
        _part(start.face, end.face, (head_a, head_b, head), fraction),
        _feet(start.feet, end.feet, left_leg, right_leg, fraction),
    )


@dataclass(frozen=True)
class _Frame:
    """Where a part of the body is and which way it points."""

    x: float
    y: float
    angle: float  # radians

    def inside(self, point: _Point) -> _Point:
        """A place as (along, across)."""
        dx, dy = point[0] - self.x, point[1] - self.y
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        return cos * dx + sin * dy, cos * dy - sin * dx

    def outside(self, place: _Point) -> _Point:
        """The other way round."""
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        return self.x + cos * place[0] - sin * place[1], self.y + sin * place[0] + cos * place[1]

    def towards(self, other: _Frame, fraction: float) -> _Frame:
        angle = self.angle + _wrapped(other.angle - self.angle) * fraction
        return _Frame(_mix(self.x, other.x, fraction), _mix(self.y, other.y, fraction), angle)

    def mixed(self, frame_a: _Frame, a: _Point, frame_b: _Frame, b: _Point, fraction: float) -> _Point:
        """A point that moves in a straight line as seen from the body."""
        (along_a, across_a), (along_b, across_b) = frame_a.inside(a), frame_b.inside(b)
        return self.outside((_mix(along_a, along_b, fraction), _mix(across_a, across_b, fraction)))


_Frames = tuple[_Frame | None, _Frame | None, _Frame | None]
"""Of a part at the start, at the end and between; None where what it hangs on is missing."""


def _points(pose: Pose) -> _Points:
    return {joint: (float(x), float(y)) for joint, (x, y) in enumerate(pose.keypoints) if pose.present[joint]}


def _mix(a: float, b: float, fraction: float) -> float:
    return a + (b - a) * fraction


def _wrapped(angle: float) -> float:
    """The same direction within -pi..pi."""
    return angle - 2 * math.pi * math.floor((angle + math.pi) / (2 * math.pi))


def _vector(a: _Point, b: _Point) -> tuple[float, float]:
    """Length and angle of the way from a to b; the angle of no way at all is 0."""
    return math.hypot(b[0] - a[0], b[1] - a[1]), math.atan2(b[1] - a[1], b[0] - a[0])


def _middle(points: list[_Point]) -> _Point:
    return sum(x for x, _ in points) / len(points), sum(y for _, y in points) / len(points)


def _trunk(points: _Points, both: list[int]) -> _Frame:
    """At the hips, pointing away from the neck; at the neck, pointing downward, where there are no hips."""
    if _NECK not in both:
        return _Frame(*_middle([points[joint] for joint in both]), _DOWN)
    hips = [points[joint] for joint in _HIPS if joint in both]
    if not hips:
        return _Frame(*points[_NECK], _DOWN)
    length, angle = _vector(points[_NECK], _middle(hips))
    return _Frame(*_middle(hips), angle if length > _NO_LENGTH else _DOWN)


def _head(points: _Points, both: list[int], trunk: _Frame) -> _Frame:
    """At the nose, pointing away from the neck."""
    if _NOSE not in both:
        return trunk
    return _at_end(points.get(_NECK) if _NECK in both else None, points[_NOSE], trunk)


def _limb_end(points: _Points, limb: tuple[int, int, int], trunk: _Frame) -> _Frame | None:
    """At the wrist or ankle, pointing away from the elbow or knee; None where it is missing."""
    _, middle, end = limb
    return _at_end(points.get(middle), points[end], trunk) if end in points else None


def _at_end(start: _Point | None, end: _Point, trunk: _Frame) -> _Frame:
    """At the end of a limb, pointing away from its start; as the trunk does where the limb has no direction."""
    if start is not None:
        length, angle = _vector(start, end)
        if length > _NO_LENGTH:
            return _Frame(*end, angle)
    return _Frame(*end, trunk.angle)


def _swung(
    root: _Point,
    frame: _Frame,
    start: tuple[_Frame, _Point, _Point],
    end: tuple[_Frame, _Point, _Point],
    fraction: float,
    side: float,
) -> _Point:
    """The end of a limb that turns about `root` in relation to the trunk, the shorter way round."""
    (length_a, angle_a), (length_b, angle_b) = _vector(start[1], start[2]), _vector(end[1], end[2])
    angle_a -= start[0].angle
    angle_b -= end[0].angle
    if length_a < _NO_LENGTH:
        angle_a = angle_b
    if length_b < _NO_LENGTH:
        angle_b = angle_a
    turn = _wrapped(angle_b - angle_a)
    if abs(turn) > _HALF_TURN:
        turn = math.copysign(turn, 1.0 if side >= 0 else -1.0)
    angle = frame.angle + angle_a + turn * fraction
    length = _mix(length_a, length_b, fraction)
    return root[0] + length * math.cos(angle), root[1] + length * math.sin(angle)


def _bent(root: _Point, middle: _Point, start: tuple[_Point, ...], end: tuple[_Point, ...], fraction: float) -> _Point:
    """The end of a forearm or shin: its angle to the upper limb changes through the straight limb."""
    bends, lengths = [], []
    for one, two, three in (start, end):
        upper_length, upper = _vector(one, two)
        length, lower = _vector(two, three)
        straight = upper_length < _NO_LENGTH or length < _NO_LENGTH
        bends.append(0.0 if straight else _wrapped(lower - upper))
        lengths.append(length)
    bend = bends[1] - bends[0]
    if abs(bend) > 1.5 * math.pi:  # both all but folded: the shorter way is the one a limb takes
        bend = _wrapped(bend)
    upper_length, upper = _vector(root, middle)
    angle = upper + bends[0] + bend * fraction
    length = _mix(lengths[0], lengths[1], fraction)
    return middle[0] + length * math.cos(angle), middle[1] + length * math.sin(angle)


def _depth(joint: int) -> int:
    """How many joints up to the root."""
    depth = 0
    while _PARENT[joint] >= 0:
        joint, depth = _PARENT[joint], depth + 1
    return depth


def _warped(joint: int, a: _Points, done: _Points, frame_a: _Frame, frame: _Frame) -> _Point:
    """A joint that only the start has: on the next joint above it that is known, turned with the trunk."""
    above = _PARENT[joint]
    while above >= 0 and not (above in done and above in a):
        above = _PARENT[above]
    if above < 0:
        return frame.outside(frame_a.inside(a[joint]))
    held = _Frame(*a[above], frame_a.angle).inside(a[joint])
    return _Frame(*done[above], frame.angle).outside(held)


def _feet(
    start: FloatArray | None, end: FloatArray | None, left: _Frames, right: _Frames, fraction: float
) -> FloatArray | None:
    """Both feet (6, 3), the left one first, each with its own ankle."""
    if start is None:
        return None
    halves = ((slice(None, _FOOT), left), (slice(_FOOT, None), right))
    return np.concatenate(
        [_moved(start[half], None if end is None else end[half], frames, fraction) for half, frames in halves]
    )


def _part(start: FloatArray | None, end: FloatArray | None, frames: _Frames, fraction: float) -> FloatArray | None:
    return None if start is None else _moved(start, end, frames, fraction)


def _moved(start: FloatArray, end: FloatArray | None, frames: _Frames, fraction: float) -> FloatArray:
    """A hand, foot or face (N, 3) that moves with its wrist, ankle or head, and takes on the other's shape if any."""
    frame_a, frame_b, frame = frames
    if frame_a is None or frame is None:
        return start
    moved = start.copy()
    for index, (x, y, score) in enumerate(start):
        if score <= 0:
            continue
        if end is not None and frame_b is not None and end[index, 2] > 0:
            place = frame.mixed(frame_a, (x, y), frame_b, (end[index, 0], end[index, 1]), fraction)
        else:
            place = frame.outside(frame_a.inside((x, y)))
        moved[index, :2] = place
    return moved
