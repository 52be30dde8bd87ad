"""MHR_POSE_DATA, what ComfyUI's own SAM3D body nodes exchange: bodies in three dimensions, seen by a camera.

An object with "frames", a list of lists of people, and "image_size", (H, W). Of a person "pred_keypoints_2d" counts:
the 70 points of MHR70 in pixels. The form cannot be written from a skeleton, which has no mesh and no joint angles.
"""

from __future__ import annotations

import numpy as np

from ..openpose_json import PoseFormatError
from ..skeleton import Canvas, People, Pose
from .arrays import array_at, canvas_at, dict_at, entry, list_at, points_at, seen

_POINTS = 70
_BODY = (0, 69, 6, 8, 41, 5, 7, 62, 10, 12, 14, 9, 11, 13, 2, 1, 4, 3)
_FEET = (15, 16, 17, 18, 19, 20)
# MHR70 counts a finger from its tip, OpenPose from the palm
_FINGERS = [point for start in range(0, 20, 4) for point in range(start + 3, start - 1, -1)]
_RIGHT_HAND = (41, *(21 + point for point in _FINGERS))
_LEFT_HAND = (62, *(42 + point for point in _FINGERS))


def read_mhr(data: object) -> list[People]:
    """Read MHR_POSE_DATA: bodies, hands and feet, with a confidence of 1. The face has no points of OpenPose's.

    Returns:
        One `People` a frame, in pixels of the images that were seen.

    Raises:
        PoseFormatError: it is something else.
    """
    told = dict_at(data, "MHR_POSE_DATA")
    size = array_at(entry(told, "image_size", "MHR_POSE_DATA"), "image_size")
    if size.shape != (2,):
        raise PoseFormatError(f"image_size: expected (height, width), got shape {size.shape}")
    canvas = canvas_at(float(size[1]), float(size[0]), "image_size")
    frames = list_at(entry(told, "frames", "MHR_POSE_DATA"), "frames")
    return [_read_frame(frame, canvas, f"frames[{number}]") for number, frame in enumerate(frames)]


def _read_frame(frame: object, canvas: Canvas, path: str) -> People:
    people = list_at(frame, path)
    return People(tuple(_read_person(one, canvas, f"{path}[{index}]") for index, one in enumerate(people)), canvas)


def _read_person(person: object, canvas: Canvas, path: str) -> Pose:
    given = entry(dict_at(person, path), "pred_keypoints_2d", path)
    xy = points_at(given, f"{path}.pred_keypoints_2d", (_POINTS,), 2)
    points = seen(xy, np.ones(_POINTS), marked=False)
    body = points[list(_BODY)]
    return Pose(
        body[:, :2],
        body[:, 2],
        canvas,
        hand_left=points[list(_LEFT_HAND)],
        hand_right=points[list(_RIGHT_HAND)],
        feet=points[list(_FEET)],
    )
