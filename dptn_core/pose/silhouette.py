"""The place a body takes up, guessed from its skeleton: a mask for inpainting and compositing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .skeleton import LIMBS, Canvas, FloatArray, People, Pose

# Half the thickness of each limb of `LIMBS` in shares of the trunk's length; generous, as a mask must cover clothes.
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
        size: (H, W) of the picture; the poses are stretched to it. Their canvas when None.
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
    for (start, end), share in zip(LIMBS, _HALF_WIDTHS, strict=True):
        if present[start] and present[end]:
            _fill_capsule(inside, xy[start], xy[end], share * unit)
    for joints, share in ((_WRISTS, _HAND), (_ANKLES, _FOOT)):
        for joint in joints:
            if present[joint]:
                _fill_capsule(inside, xy[joint], xy[joint], share * unit)
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
    """Everything within `radius` of the line from `start` to `end`; only the box around it is looked at."""
    height, width = inside.shape
    low = np.floor(np.minimum(start, end) - radius).clip(0, (width, height)).astype(int)
    high = (np.ceil(np.maximum(start, end) + radius) + 1).clip(0, (width, height)).astype(int)
    if (high <= low).any():
        return
    ys, xs = np.mgrid[low[1] : high[1], low[0] : high[0]] + 0.5
    along = end - start
    length = float(along @ along)
    share = ((xs - start[0]) * along[0] + (ys - start[1]) * along[1]) / length if length else np.zeros_like(xs)
    share = share.clip(0, 1)
    near = np.hypot(xs - start[0] - share * along[0], ys - start[1] - share * along[1]) <= radius
    inside[low[1] : high[1], low[0] : high[0]] |= near
