"""DWPOSES, what DWPose and the packs for Wan and SCAIL exchange: everybody of each frame, in 0..1 of the image.

A list with one object a frame: "bodies" with "candidate" and "subset", "hands" (2n, 21, 2), "faces" (n, 68, 2), and
perhaps "body_score", "hand_score" and "face_score". A candidate is (n, K, 2) with K of at least 18, where subset (n, K)
is negative for what is missing; or, as DWPose itself writes it, (points, 2), where subset holds the point's number.
Packs disagree about the order of hands, so a hand belongs to the wrist that it begins at. The form states no size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..openpose_json import PoseFormatError
from ..skeleton import FACE_POINTS, HAND_POINTS, KEYPOINT_NAMES, Canvas, FloatArray, People, Pose
from .arrays import array_at, dict_at, entry, list_at, seen

_JOINTS = len(KEYPOINT_NAMES)
_OUTLINE = 68  # points of a face without its pupils
_RIGHT_WRIST, _LEFT_WRIST = 4, 7
_MISSING = -1.0


def read_dwposes(data: object, canvas: Canvas) -> list[People]:
    """Read DWPOSES: bodies, hands and faces.

    Args:
        data: a list of frames, or one frame. Not changed.
        canvas: of the images that were seen.

    Returns:
        One `People` a frame, without people of whom nothing was seen.

    Raises:
        PoseFormatError: it is something else.
    """
    frames = [data] if isinstance(data, dict) else list_at(data, "DWPOSES")
    return [_read_frame(frame, canvas, f"DWPOSES[{number}]") for number, frame in enumerate(frames)]


def write_dwposes(frames: Sequence[People]) -> list[dict[str, Any]]:
    """Write DWPOSES, hands in the order right, left of each person.

    What is missing is at -1, -1. A frame without people gets one of whom nothing was seen, because readers of the form
    expect somebody in each frame.
    """
    return [_write_frame(frame) for frame in frames]


def _read_frame(frame: object, canvas: Canvas, path: str) -> People:
    told = dict_at(frame, path)
    bodies = dict_at(entry(told, "bodies", path), f"{path}.bodies")
    told_scores = bodies.get("score") if told.get("body_score") is None else told["body_score"]
    bodies_seen = _bodies(bodies, told_scores, canvas, f"{path}.bodies")
    count = len(bodies_seen)
    faces = _parts(told, "face", _OUTLINE, canvas, path)
    hands = _assigned(_parts(told, "hand", HAND_POINTS, canvas, path), bodies_seen)
    poses = [
        Pose(
            body[:, :2],
            body[:, 2],
            canvas,
            hands.get((index, _LEFT_WRIST)),
            hands.get((index, _RIGHT_WRIST)),
            _with_pupils(faces[index]) if len(faces) == count else None,
        )
        for index, body in enumerate(bodies_seen)
    ]
    return People(tuple(pose for pose in poses if not pose.is_empty or pose.face is not None), canvas)


def _bodies(bodies: dict[Any, Any], told_scores: object, canvas: Canvas, path: str) -> list[FloatArray]:
    """(18, 3) of each person, in pixels."""
    subset = array_at(entry(bodies, "subset", path), f"{path}.subset")
    candidate = array_at(entry(bodies, "candidate", path), f"{path}.candidate")
    if subset.size == 0:
        return []
    flat = candidate.ndim == 2
    each = candidate.ndim == 3 and len(candidate) == len(subset) and candidate.shape[1] >= _JOINTS
    fits = (flat or each) and candidate.shape[-1] >= 2
    if subset.ndim != 2 or subset.shape[1] < _JOINTS or not fits:
        raise PoseFormatError(
            f"{path}: expected a candidate (n, {_JOINTS}, 2) and a subset (n, {_JOINTS}), got shapes {candidate.shape} "
            f"and {subset.shape}"
        )
    numbers = subset[:, :_JOINTS]
    shown = np.isfinite(numbers) & (numbers >= 0)
    xy = _looked_up(candidate[:, :2], np.where(shown, numbers, -1), path) if flat else candidate[:, :_JOINTS, :2]
    scores = _scores(told_scores, (len(subset), _JOINTS), f"{path}.score")
    scale = (canvas.width, canvas.height)
    return [seen(*one, scale) for one in zip(xy, np.where(shown, scores, 0.0), strict=True)]


def _looked_up(points: FloatArray, numbers: FloatArray, path: str) -> FloatArray:
    """Points (n, 18, 2) by their numbers; negative ones are missing."""
    if numbers.max() >= len(points):
        raise PoseFormatError(
            f"{path}.subset: expected numbers below {len(points)}, the length of candidate, got {numbers.max():.0f}"
        )
    with_missing = np.concatenate([points, np.full((1, 2), np.nan)])
    return with_missing[np.where(numbers < 0, len(points), numbers).astype(np.int64)]


def _scores(told: object, shape: tuple[int, int], path: str) -> FloatArray:
    """Confidences of a shape, or ones where none are told."""
    if told is None:
        return np.ones(shape)
    scores = array_at(told, path)
    if scores.ndim != 2 or len(scores) < shape[0] or scores.shape[1] < shape[1]:
        raise PoseFormatError(f"{path}: expected confidences of shape {shape}, got {scores.shape}")
    return scores[: shape[0], : shape[1]]


def _parts(told: dict[Any, Any], name: str, count: int, canvas: Canvas, path: str) -> list[FloatArray]:
    """Hands or faces (count, 3) in pixels; none where the frame holds none."""
    given = told.get(f"{name}s")
    xy = np.zeros((0, count, 2)) if given is None else array_at(given, f"{path}.{name}s")
    if xy.size == 0:
        return []
    if xy.ndim != 3 or xy.shape[1] != count or xy.shape[2] < 2:
        raise PoseFormatError(f"{path}.{name}s: expected shape (n, {count}, 2), got {xy.shape}")
    scores = _scores(told.get(f"{name}_score"), (len(xy), count), f"{path}.{name}_score")
    return [seen(*one, (canvas.width, canvas.height)) for one in zip(xy[..., :2], scores, strict=True)]


def _assigned(hands: list[FloatArray], bodies: list[FloatArray]) -> dict[tuple[int, int], FloatArray]:
    """Hands by person and wrist: the nearest pairs first, each hand and each wrist once."""
    pairs = sorted(
        (math.dist(hand[0, :2], body[wrist, :2]), number, person, wrist)
        for number, hand in enumerate(hands)
        for person, body in enumerate(bodies)
        for wrist in (_RIGHT_WRIST, _LEFT_WRIST)
        if hand[0, 2] > 0 and body[wrist, 2] > 0
    )
    taken: dict[tuple[int, int], int] = {}
    for _, number, person, wrist in pairs:
        if (person, wrist) not in taken and number not in taken.values():
            taken[person, wrist] = number
    return {place: hands[number] for place, number in taken.items()}


def _with_pupils(outline: FloatArray) -> FloatArray:
    return np.concatenate([outline, np.zeros((FACE_POINTS - _OUTLINE, 3))])


def _write_frame(frame: People) -> dict[str, Any]:
    size = (frame.canvas.width, frame.canvas.height)
    nobody = Pose(np.zeros((_JOINTS, 2)), np.zeros(_JOINTS), frame.canvas)
    people = frame.people or (nobody,)
    bodies = [np.column_stack([pose.keypoints, pose.confidence]) for pose in people]
    hands = [_or_missing(hand, HAND_POINTS) for pose in people for hand in (pose.hand_right, pose.hand_left)]
    faces = [_or_missing(pose.face, _OUTLINE) for pose in people]
    scores = np.stack(bodies)[..., 2]
    return {
        "bodies": {
            "candidate": _positions(bodies, size),
            "subset": np.where(scores > 0, np.arange(float(_JOINTS)), _MISSING),
        },
        "hands": _positions(hands, size),
        "faces": _positions(faces, size),
        "body_score": scores,
        "hand_score": np.stack(hands)[..., 2],
        "face_score": np.stack(faces)[..., 2],
    }


def _or_missing(points: FloatArray | None, count: int) -> FloatArray:
    return np.zeros((count, 3)) if points is None else points[:count]


def _positions(parts: list[FloatArray], size: tuple[int, int]) -> FloatArray:
    """(n, N, 2) in 0..1, missing ones at -1, -1."""
    points = np.stack(parts)
    return np.where(points[..., 2:] > 0, points[..., :2] / size, _MISSING)
