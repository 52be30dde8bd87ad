"""Bringing a pose to another canvas or to another person's size, without distorting it."""

from __future__ import annotations

import numpy as np

from .skeleton import Canvas, People, Pose

_NECK, _HIPS = 1, (8, 11)
_MIN_TRUNK = 1e-3  # pixels; below it there is nothing to measure a person by
_TRUST = 2.5  # trunks that say a size this many times off the boxes' are foreshortened: somebody bends or lies


def fit_to_canvas(people: People, canvas: Canvas) -> People:
    """Everybody on another canvas: scaled alike in x and y, and centred."""
    if people.canvas == canvas:
        return people
    scale = min(canvas.width / people.canvas.width, canvas.height / people.canvas.height)
    offset = ((canvas.width - people.canvas.width * scale) / 2, (canvas.height - people.canvas.height * scale) / 2)
    return People(tuple(pose.transformed((scale, scale), offset, canvas) for pose in people.people), canvas)


def fit_to_person(poses: list[Pose], person: Pose) -> list[Pose]:
    """A sequence of poses as if `person` took them: on the person's canvas, at the person's size and place.

    One scale and one shift for the whole sequence, taken from its first pose, so that movement stays movement. The
    scale is that of the trunks (neck to the middle of the hips); where one of the two shows none, or is seen from its
    end, that of the boxes. The place is the middle of the hips, or of the box.

    Raises:
        NoPersonError: `person` or the first pose has no keypoint.
        ValueError: there is no pose.
    """
    if not poses:
        raise ValueError("expected at least one pose to fit, got none")
    first = poses[0]
    trunk, target = _trunk(first), _trunk(person)
    boxes = _box(first), _box(person)
    by_box = boxes[1][1] / boxes[0][1]
    if trunk is None or target is None or not 1 / _TRUST <= (target[1] / trunk[1]) / by_box <= _TRUST:
        trunk, target = boxes
    scale = target[1] / trunk[1]
    offset = (float(target[0][0] - trunk[0][0] * scale), float(target[0][1] - trunk[0][1] * scale))
    return [pose.transformed((scale, scale), offset, person.canvas) for pose in poses]


def _trunk(pose: Pose) -> tuple[np.ndarray, float] | None:
    """Middle of the hips and its distance to the neck."""
    if not pose.present[[_NECK, *_HIPS]].all():
        return None
    hips = pose.keypoints[list(_HIPS)].mean(0)
    length = float(np.hypot(*(pose.keypoints[_NECK] - hips)))
    return (hips, length) if length > _MIN_TRUNK else None


def _box(pose: Pose) -> tuple[np.ndarray, float]:
    left, top, right, bottom = pose.bounds()
    return np.array([(left + right) / 2, (top + bottom) / 2]), max(right - left, bottom - top, 1.0)
