"""COCO's 17 keypoints, and COCO-WholeBody's 133, as OpenPose's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ...pose.skeleton import FloatArray

_LEFT_SHOULDER, _RIGHT_SHOULDER = 5, 6
# For each OpenPose keypoint its COCO index; the neck's place is filled with the nose's and overwritten.
_SOURCES: Final = (0, 0, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3)
_NECK: Final = 1


def openpose_from_coco(points: FloatArray) -> FloatArray:
    """Reorder keypoints; COCO has no neck, so it is the middle of the shoulders with the lower of their scores.

    Args:
        points: (17 or more, 3) x, y, score in COCO's order; COCO-WholeBody begins with the same 17.

    Returns:
        (18, 3) in the order of `KEYPOINT_NAMES`.
    """
    shoulders = points[[_LEFT_SHOULDER, _RIGHT_SHOULDER]]
    body = points[list(_SOURCES)].astype(np.float64)
    body[_NECK] = (*shoulders[:, :2].mean(axis=0), shoulders[:, 2].min())
    return body


@dataclass(frozen=True)
class Found:
    """What a detector says of one person: x, y in pixels of the image and a score of any range, a row a point.

    Attributes:
        body: (18, 3) in the order of `KEYPOINT_NAMES`.
        hand_left: (21, 3) in OpenPose's order, or None where the detector looks for none.
        hand_right: The same.
        face: (70, 3), or None.
        feet: (6, 3), or None; the order is that of `Pose.feet`.
    """

    body: FloatArray
    hand_left: FloatArray | None = None
    hand_right: FloatArray | None = None
    face: FloatArray | None = None
    feet: FloatArray | None = None


# COCO-WholeBody (Jin et al., ECCV 2020): 17 of the body, 6 of the feet, 68 of the face, 21 of each hand. Face and hands
# are in OpenPose's order; OpenPose's face has two more points, the pupils.
WHOLE_BODY: Final = 133
_FEET, _FACE, _HAND_LEFT, _HAND_RIGHT = slice(17, 23), slice(23, 91), slice(91, 112), slice(112, 133)
_EYES: Final = (2, 1)  # COCO's right and left, in OpenPose's order of pupils


def openpose_parts(points: FloatArray) -> Found:
    """Every point, where OpenPose and ComfyUI have a place for it.

    Args:
        points: (17, 3) in COCO's order, or (133, 3) in COCO-WholeBody's: x, y, score.
    """
    body = openpose_from_coco(points)
    if len(points) < WHOLE_BODY:
        return Found(body)
    face = np.concatenate([points[_FACE], points[list(_EYES)]])
    return Found(body, points[_HAND_LEFT], points[_HAND_RIGHT], face, points[_FEET])
