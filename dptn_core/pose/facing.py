"""Whether somebody faces the camera, and poses turned to the side of them that an image shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from .skeleton import Pose

_NECK: Final = 1
# Right and left joint of a pair, and how far apart they are in somebody who faces the camera, in trunks.
_PAIRS: Final = (((2, 5), 0.604), ((8, 11), 0.378))
_CLEARLY: Final = 0.35  # of that; people in profile are below


def facing(pose: Pose) -> float:
    """How squarely somebody faces the camera: 1, with their chest to it; -1, with their back; 0, in profile.

    Told from shoulders and hips, which detectors name by the person's own sides; 0 where the pose lacks them.
    """
    xy, present = pose.keypoints, pose.present
    if not present[[_NECK, 8, 11]].all():
        return 0.0
    trunk = float(np.hypot(*(xy[_NECK] - xy[[8, 11]].mean(0))))
    found = [
        float(xy[left, 0] - xy[right, 0]) / (width * trunk)
        for (right, left), width in _PAIRS
        if present[right] and present[left] and trunk > 0
    ]
    return float(np.clip(np.mean(found), -1, 1)) if found else 0.0


def turned_like(poses: Sequence[Pose], person: Pose) -> list[Pose]:
    """A sequence shown from the side that `person` shows: with the same outline, left and right changing names.

    Somebody photographed from behind has no face to show, so that a pose which faces the camera is taken with the back
    to it. Poses that turn around on the way, or that show no side clearly, stay as they are.

    Args:
        poses: One person's, in order.
        person: Whose image is to be used.
    """
    own = facing(person)
    sides = [facing(pose) for pose in poses]
    opposite = [side * own < 0 and abs(side) >= _CLEARLY for side in sides]
    same = [side * own > 0 and abs(side) >= _CLEARLY for side in sides]
    if abs(own) < _CLEARLY or any(same) or not any(opposite):
        return list(poses)
    return [pose.with_sides_swapped() for pose in poses]
