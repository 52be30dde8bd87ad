"""Frames that follow a person through a sequence, so that each pose fills its frame as one alone would."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..checkpoint import Framing
from ..pose import Pose
from .framing import Frame, frame_extent, person_extent

_Numbers = NDArray[np.float64]

_RADIUS = 4  # poses before and after that smooth the way of a frame
_CUT = 0.6  # of the person's height, from one pose to the next: no movement, but another shot
_WORTH = 1.1  # the shared frame must be this much larger than the largest that follows


def following_frames(poses: Sequence[Pose], shared: Frame, framing: Framing) -> list[Frame]:
    """One frame for each pose, moving and growing smoothly, on the canvas of `shared`.

    Args:
        poses: of a sequence, all on one canvas, which `framing.check_pose` accepts.
        shared: the frame around all of them; it stays for all where the frames would hardly be smaller.
        framing: see `frame_person`.

    Raises:
        FramingError: a frame would take too much memory.
    """
    extents = np.array([person_extent(pose) for pose in poses])
    boxes = np.concatenate([_smooth_boxes(extents[shot]) for shot in _shots(extents)])
    frames = [frame_extent(tuple(box), shared.canvas, shared.size, framing) for box in boxes.tolist()]
    largest = max(frame.box.height for frame in frames)
    return frames if shared.box.height > _WORTH * largest else [shared] * len(poses)


def _shots(extents: _Numbers) -> list[slice]:
    """The parts of a sequence (N, 4) between which the person jumps."""
    centres, sizes = _centres(extents), extents[:, 2:] - extents[:, :2]
    jump = np.linalg.norm(np.diff(centres, axis=0), axis=1) > _CUT * np.maximum(sizes[1:, 1], sizes[:-1, 1])
    starts = [0, *(np.flatnonzero(jump) + 1).tolist(), len(extents)]
    return [slice(start, end) for start, end in pairwise(starts)]


def _smooth_boxes(extents: _Numbers) -> _Numbers:
    """Boxes (N, 4) as left, top, right, bottom around the extents of one shot, which they hold."""
    centres = _smoothed(_centres(extents))
    halves = np.maximum(extents[:, 2:] - centres, centres - extents[:, :2])
    # the largest nearby, then the mean of these: smooth, and never less than is needed here
    near = [slice(max(0, n - _RADIUS), n + _RADIUS + 1) for n in range(len(extents))]
    largest = np.array([halves[some].max(0) for some in near])
    halves = np.array([largest[some].mean(0) for some in near])
    return np.concatenate([centres - halves, centres + halves], axis=1)


def _smoothed(way: _Numbers) -> _Numbers:
    """Places (N, 2) averaged over their neighbours; a straight way stays as it is, to its ends."""
    radius = min(_RADIUS, len(way) - 1)
    before, after = 2 * way[0] - way[radius:0:-1], 2 * way[-1] - way[-2 : -radius - 2 : -1]
    long = np.concatenate([before, way, after])
    weights = np.bartlett(2 * radius + 3)[1:-1]
    weights /= weights.sum()
    return np.stack([np.convolve(axis, weights, "valid") for axis in long.T], axis=1)


def _centres(extents: _Numbers) -> _Numbers:
    return (extents[:, :2] + extents[:, 2:]) / 2
