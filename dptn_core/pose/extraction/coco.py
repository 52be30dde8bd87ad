"""COCO's 17 keypoints as the 18 of OpenPose."""

from __future__ import annotations

from typing import Final

import numpy as np

from ..skeleton import FloatArray

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
