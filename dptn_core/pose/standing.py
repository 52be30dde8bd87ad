"""A person standing upright, arms hanging: what an editor starts with when it is given nothing."""

from __future__ import annotations

import numpy as np

from .skeleton import Canvas, Pose

# Fractions of the stature, x to the right from the middle of the body, y down from the crown; anatomical averages, seen
# from the front, so the person's right side is on the left.
_STANDING = (
    (0.000, 0.075),  # nose
    (0.000, 0.175),  # neck
    (-0.105, 0.180),
    (-0.135, 0.335),
    (-0.145, 0.475),
    (0.105, 0.180),
    (0.135, 0.335),
    (0.145, 0.475),
    (-0.060, 0.480),
    (-0.068, 0.715),
    (-0.072, 0.945),
    (0.060, 0.480),
    (0.068, 0.715),
    (0.072, 0.945),
    (-0.020, 0.058),
    (0.020, 0.058),
    (-0.045, 0.070),
    (0.045, 0.070),
)
_MARGIN = 0.08  # of the canvas, above and below


def standing_pose(canvas: Canvas) -> Pose:
    """All 18 keypoints of somebody who stands in the middle of `canvas` and fills it but for a margin."""
    stature = min(canvas.height * (1 - 2 * _MARGIN), canvas.width * 2.2)
    xy = np.array(_STANDING) * stature
    xy += (canvas.width / 2, (canvas.height - stature) / 2)
    return Pose(xy, np.ones(len(_STANDING)), canvas)
