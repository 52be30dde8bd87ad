"""The place a body takes up, guessed from its skeleton: a mask for inpainting and compositing."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .skeleton import LIMBS, Canvas, FloatArray, People, Pose

# Half the thickness of each limb of `LIMBS` as fractions of the trunk's length; generous, as a mask must cover clothes.
_SHOULDER, _UPPER_ARM, _FOREARM, _FLANK, _THIGH, _SHIN, _NECK, _FACE = 0.2, 0.16, 0.13, 0.24, 0.22, 0.17, 0.16, 0.2
_HALF_WIDTHS = (
    *(_SHOULDER, _SHOULDER),
    *(_UPPER_ARM, _FOREARM) * 2,
    *(_FLANK, _THIGH, _SHIN) * 2,
    _NECK,
    *(_FACE, _FACE) * 2,
)
_HAND, _FOOT, _HEAD = 0.2, 0.2, 0.34  # radii around wrists, ankles and the middle of the head
_WRISTS, _ANKLES, _FACE_JOINTS, _TRUNK = (4, 7), (10, 13), (0, 14, 15, 16, 17), (1, 8, 11)


def draw_silhouette(
    people: People, size: tuple[int, int] | None = None, *, thickness: float = 1.0
) -> NDArray[np.uint8]:
    """White bodies on black.

    Args:
        people: whose; keypoints and limbs that are missing leave a gap.
        size: (H, W) of the image; the poses are stretched to it. Their canvas when None.
        thickness: factor on the width of every limb, above 0.

    Returns:
        (H, W, 3) uint8, 0 or 255.

    Raises:
        ValueError: a size or the thickness is not positive.
    """
    if not thickness > 0:
        raise ValueError(f"thickness must be above 0, got {thickness}")
    height, width = size or (people.canvas.height, people.canvas.width)
    canvas = Canvas(width, height)
    inside = np.zeros((height, width), dtype=bool)
    for pose in people.rescaled(canvas).people:
        if not pose.is_empty:
            _fill_body(inside, pose, thickness)
    return np.where(inside[..., None], np.uint8(255), np.uint8(0)).repeat(3, axis=2)


def _fill_body(inside: NDArray[np.bool_], pose: Pose, thickness: float) -> None:
    unit = _trunk_length(pose) * thickness
    xy, present = pose.keypoints, pose.present
    for (start, end), fraction in zip(LIMBS, _HALF_WIDTHS, strict=True):
        if present[start] and present[end]:
            _fill_capsule(inside, xy[start], xy[end], fraction * unit)
    for joints, fraction in ((_WRISTS, _HAND), (_ANKLES, _FOOT)):
        for joint in joints:
            if present[joint]:
                _fill_capsule(inside, xy[joint], xy[joint], fraction * unit)
    if present[[*_TRUNK]].all():
        _fill_capsule(inside, xy[1], xy[[8, 11]].mean(0), _FLANK * unit)
    head = xy[[joint for joint in _FACE_JOINTS if present[joint]]]
    if len(head):
        _fill_capsule(inside, head.mean(0), head.mean(0), _HEAD * unit)


def _trunk_length(pose: Pose) -> float:
    """Neck to the middle of the hips, or what comes nearest to it, pixels."""
    if pose.present[[*_TRUNK]].all():
        length = float(np.hypot(*(pose.keypoints[1] - pose.keypoints[[8, 11]].mean(0))))
        if length > 1:
            return length
    left, top, right, bottom = pose.bounds()
    return max(0.3 * max(right - left, bottom - top), 2.0)


def _fill_capsule(inside: NDArray[np.bool_], start: FloatArray, end: FloatArray, radius: float) -> None:
    """Everything within `radius` of the line from `start` to `end`, row by row: two discs and the bar between them."""
    height, width = inside.shape
    first = max(0, math.ceil(min(start[1], end[1]) - radius - 0.5))
    last = min(height - 1, math.floor(max(start[1], end[1]) + radius - 0.5))
    y = np.arange(first, last + 1) + 0.5
    if not len(y):
        return
    left, right = np.full(len(y), np.inf), np.full(len(y), -np.inf)
    for x0, y0 in (start, end):
        half = np.sqrt(np.maximum(radius**2 - (y - y0) ** 2, -1.0).clip(0))
        touched = np.abs(y - y0) <= radius
        left, right = (
            np.where(touched, np.minimum(left, x0 - half), left),
            np.where(touched, np.maximum(right, x0 + half), right),
        )
    along = end - start
    length = math.hypot(*along)
    if length > 0:
        # the bar's corners: its convex outline is crossed once on the left and once on the right of every row
        across = np.array([-along[1], along[0]]) / length * radius
        corners = [start + across, end + across, end - across, start - across]
        for (x0, y0), (x1, y1) in zip(corners, corners[1:] + corners[:1], strict=True):
            if y0 == y1:
                continue
            fraction = (y - y0) / (y1 - y0)
            x = x0 + fraction * (x1 - x0)
            crossed = (fraction >= 0) & (fraction <= 1)
            left = np.where(crossed, np.minimum(left, x), left)
            right = np.where(crossed, np.maximum(right, x), right)
    # pixels whose centre lies inside
    begin = np.ceil(left - 0.5).clip(0, width)
    stop = (np.floor(right - 0.5) + 1).clip(0, width)
    for row, x0, x1 in zip(range(first, last + 1), begin, stop, strict=True):
        if x1 > x0:
            inside[row, int(x0) : int(x1)] = True
