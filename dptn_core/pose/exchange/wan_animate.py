"""POSEDATA, what the packs that prepare videos for Wan Animate exchange: one person a frame.

An object with "pose_metas", a list with one entry a frame. An entry is an object with attributes in pixels, `kps_body`
(20, 2) and `kps_body_p` (20,), and likewise `kps_lhand`, `kps_rhand` (21) and `kps_face`; or, as in
"pose_metas_original", a dict of 0..1, "keypoints_body" (20, 3) and so on. Both state width and height. The body is
OpenPose's 18, then the toes of the left and of the right foot; the face is the right heel, then 68 points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..skeleton import FACE_POINTS, FOOT_POINTS, HAND_POINTS, KEYPOINT_NAMES, Canvas, FloatArray, People, Pose
from .arrays import canvas_at, dict_at, entry, list_at, points_at, scores_at, seen

_JOINTS = len(KEYPOINT_NAMES)
_BODY_COUNTS = (_JOINTS + 2, _JOINTS)
_OUTLINE = 68  # points of a face without its pupils
_FACE_COUNTS = (_OUTLINE + 1, _OUTLINE, FACE_POINTS)
_PARTS = (  # name in dicts, name as attribute, numbers of points
    ("keypoints_body", "kps_body", _BODY_COUNTS),
    ("keypoints_left_hand", "kps_lhand", (HAND_POINTS,)),
    ("keypoints_right_hand", "kps_rhand", (HAND_POINTS,)),
    ("keypoints_face", "kps_face", _FACE_COUNTS),
)


@dataclass
class PoseMeta:
    """One frame of "pose_metas" as those packs read it; positions (N, 2) in pixels, confidences (N,)."""

    width: int
    height: int
    kps_body: FloatArray
    kps_body_p: FloatArray
    kps_lhand: FloatArray
    kps_lhand_p: FloatArray
    kps_rhand: FloatArray
    kps_rhand_p: FloatArray
    kps_face: FloatArray
    kps_face_p: FloatArray


def read_wan_animate(data: object) -> list[People]:
    """Read POSEDATA, with the detector's own confidences.

    Returns:
        One `People` a frame, with one person.

    Raises:
        PoseFormatError: it is something else.
    """
    metas = list_at(entry(dict_at(data, "POSEDATA"), "pose_metas", "POSEDATA"), "pose_metas")
    poses = [_read_meta(meta, f"pose_metas[{number}]") for number, meta in enumerate(metas)]
    return [People((pose,), pose.canvas) for pose in poses]


def write_wan_animate(poses: Sequence[Pose | None], canvases: Sequence[Canvas]) -> dict[str, Any]:
    """Write POSEDATA.

    Args:
        poses: the person of each frame; None: not there, every confidence is 0.
        canvases: of each frame.
    """
    dicts = [_write_dict(pose, canvas) for pose, canvas in zip(poses, canvases, strict=True)]
    return {
        "retarget_image": None,
        "pose_metas": [_in_pixels(one) for one in dicts],
        "refer_pose_meta": None,
        "pose_metas_original": dicts,
    }


def _read_meta(meta: object, path: str) -> Pose:
    if isinstance(meta, dict):
        canvas = canvas_at(entry(meta, "width", path), entry(meta, "height", path), path)
        parts = [_from_dict(meta.get(key), canvas, f"{path}.{key}", counts) for key, _, counts in _PARTS]
    else:
        canvas = canvas_at(getattr(meta, "width", None), getattr(meta, "height", None), path)
        parts = [_from_attribute(meta, name, f"{path}.{name}", counts) for _, name, counts in _PARTS]
    body, left, right, face = parts
    if body is None:
        body = np.zeros((_JOINTS, 3))
    return Pose(body[:_JOINTS, :2], body[:_JOINTS, 2], canvas, left, right, None if face is None else _face(face))


def _from_dict(value: object, canvas: Canvas, path: str, counts: tuple[int, ...]) -> FloatArray | None:
    if value is None:
        return None
    points = points_at(value, path, counts, 3)
    return seen(points[:, :2], points[:, 2], (canvas.width, canvas.height))


def _from_attribute(meta: object, name: str, path: str, counts: tuple[int, ...]) -> FloatArray | None:
    value = getattr(meta, name, None)
    if value is None:
        return None
    xy = points_at(value, path, counts, 2)
    return seen(xy, scores_at(getattr(meta, f"{name}_p", None), f"{path}_p", len(xy)))


def _face(points: FloatArray) -> FloatArray:
    """OpenPose's 70, pupils missing where they are not known."""
    outline = points[1:] if len(points) == _OUTLINE + 1 else points
    return np.concatenate([outline, np.zeros((FACE_POINTS - len(outline), 3))])


def _write_dict(pose: Pose | None, canvas: Canvas) -> dict[str, Any]:
    """One frame in 0..1, as in "pose_metas_original"."""
    sides = (canvas.width, canvas.height, 1.0)

    def scaled(points: FloatArray | None, count: int) -> FloatArray:
        return np.zeros((count, 3)) if points is None else points[:count] / sides

    person = pose or Pose(np.zeros((_JOINTS, 2)), np.zeros(_JOINTS), canvas)
    body = np.column_stack([person.keypoints, person.confidence])
    feet = np.zeros((FOOT_POINTS, 3)) if person.feet is None else person.feet
    toes = np.stack([_middle(*feet[0:2]), _middle(*feet[3:5])])
    return {
        "width": canvas.width,
        "height": canvas.height,
        "keypoints_body": np.concatenate([body, toes]) / sides,
        "keypoints_left_hand": scaled(person.hand_left, HAND_POINTS),
        "keypoints_right_hand": scaled(person.hand_right, HAND_POINTS),
        "keypoints_face": np.concatenate([feet[5:6] / sides, scaled(person.face, _OUTLINE)]),
    }


def _middle(one: FloatArray, other: FloatArray) -> FloatArray:
    """Between two points (3,), with the lower confidence; missing if either is."""
    lower = min(one[2], other[2])
    return np.append((one[:2] + other[:2]) / 2, lower) if lower > 0 else np.zeros(3)


def _in_pixels(frame: dict[str, Any]) -> PoseMeta:
    width, height = frame["width"], frame["height"]
    arrays: dict[str, FloatArray] = {}
    for key, name, _ in _PARTS:
        arrays[name] = frame[key][:, :2] * (width, height)
        arrays[f"{name}_p"] = frame[key][:, 2].copy()
    return PoseMeta(width, height, **arrays)
