"""Poses of a video made steady: what is doubtful or jumps is left out, gaps are filled, jitter is smoothed away.

Everything uses frames before and after alike, so nothing lags behind the image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .skeleton import FACE_POINTS, FOOT_POINTS, HAND_POINTS, KEYPOINT_NAMES, LIMBS, Canvas, FloatArray, Pose

_BODY: Final = len(KEYPOINT_NAMES)
_FOOT: Final = FOOT_POINTS // 2
# Body, left hand, right hand, face, left foot, right foot; all but the body hang on a joint: wrists, nose, ankles.
_PARTS: Final = (_BODY, HAND_POINTS, HAND_POINTS, FACE_POINTS, _FOOT, _FOOT)
_HANGS_ON: Final = (7, 4, 0, 13, 10)
_STARTS: Final = tuple(sum(_PARTS[:part]) for part in range(len(_PARTS)))
_POINTS: Final = sum(_PARTS)
_PAIRS: Final = 3  # of frames, one before and one after: their middles say where a joint should be
_ENOUGH: Final = 2  # pairs: with fewer, what frames of one side lead to counts as well
_LEADS: Final = 5  # pairs on each side that count there: two or three bad frames among them change nothing
_ROUNDS: Final = 20  # in each, the worst outliers of their surroundings go
_JUMP: Final = 4.0  # times the usual distance from there, in standard deviations: farther off is an outlier
_SPREAD: Final = 1.4826  # standard deviations of a normal distribution in its median absolute deviation
_TOLERATED: Final = 0.06  # of the person's size: nothing nearer to where it should be is an outlier
_FAR: Final = 0.25  # of the person's size: farther off is an outlier, however unsteady the rest
_SHORT: Final = 20  # frames: in clips shorter than this, one jump is a large part of the whole
_HALF_BY_SIXTH: Final = 1.95  # median of distances in the plane, normally distributed, by what a sixth keeps within
_DEGREE: Final = 2  # of the polynomial that is fitted to each window


@dataclass(frozen=True)
class Cleaning:
    """How a sequence is cleaned.

    Attributes:
        threshold: Joints with less confidence, 0 to 1, are left out first.
        reject_outliers: Leave out joints that jump away for a few frames.
        longest_gap: Frames without a joint that are filled; longer gaps stay.
        window: Frames over which is smoothed; 0 or 1: not at all. Even numbers count as the next odd one.
        keep_limb_lengths: Restore the length of limbs that turn quickly, which smoothing shortens.
    """

    threshold: float = 0.2
    reject_outliers: bool = True
    longest_gap: int = 12
    window: int = 9
    keep_limb_lengths: bool = True

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            ValueError: One is out of range.
        """
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"threshold must be 0 to 1, got {self.threshold}")
        for name in ("longest_gap", "window"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be 0 or more frames, got {getattr(self, name)}")


def clean_sequence(poses: Sequence[Pose | None], cleaning: Cleaning | None = None) -> list[Pose | None]:
    """One person's poses through the frames of a video, cleaned; see `Cleaning`.

    Args:
        poses: One a frame, on one canvas; None where the person was not found.
        cleaning: What to do; everything by default.

    Returns:
        As many; None where nothing is known of the person even now. Filled joints have the confidence of the surer
        end of the gap. Nothing is made up before a joint is first seen or after it is last seen.

    Raises:
        ValueError: The poses are on different canvases.
    """
    cleaning = cleaning or Cleaning()
    canvases = {pose.canvas for pose in poses if pose is not None}
    if len(canvases) > 1:
        raise ValueError(
            f"expected a sequence on one canvas, got {', '.join(sorted(map(str, canvases)))}; rescale it first"
        )
    if not canvases:
        return list(poses)
    points = np.stack([_points(pose) for pose in poses])  # (T, 136, 3)
    seen = points[..., 2] >= max(cleaning.threshold, np.finfo(float).tiny)
    xy, confidence = points[..., :2], points[..., 2]
    if cleaning.reject_outliers:
        seen &= ~_outliers(xy, seen, _size(xy, seen))
    xy, confidence = _filled(xy, confidence, seen, cleaning.longest_gap)
    known = confidence > 0
    window = cleaning.window + 1 - cleaning.window % 2
    if window > _DEGREE:
        smooth = _smoothed(xy, known, window)
        if cleaning.keep_limb_lengths:
            lengths = _smoothed(_limb_vectors(xy, known, lengths=True), _limbs_known(known), window)
            smooth = _with_lengths(smooth, known, lengths[..., 0])
        xy = smooth
    (canvas,) = canvases
    return [_pose(frame, sure, canvas) for frame, sure in zip(xy, confidence, strict=True)]


def _points(pose: Pose | None) -> FloatArray:
    """(136, 3) x, y, confidence of body, hands, face and feet; zeros where missing."""
    points = np.zeros((_POINTS, 3))
    if pose is None:
        return points
    body = np.column_stack([pose.keypoints, pose.confidence])
    feet = (None, None) if pose.feet is None else (pose.feet[:_FOOT], pose.feet[_FOOT:])
    parts = (body, pose.hand_left, pose.hand_right, pose.face, *feet)
    for start, count, part in zip(_STARTS, _PARTS, parts, strict=True):
        if part is not None:
            points[start : start + count] = part
    return points


def _pose(xy: FloatArray, confidence: FloatArray, canvas: Canvas) -> Pose | None:
    points = np.column_stack([xy, confidence])
    body, hand_left, hand_right, face, left, right = (
        points[start : start + count] for start, count in zip(_STARTS, _PARTS, strict=True)
    )
    if not (body[:, 2] > 0).any():
        return None
    return Pose(body[:, :2], body[:, 2], canvas, hand_left, hand_right, face, np.concatenate([left, right]))


def _size(xy: FloatArray, seen: NDArray[np.bool_]) -> float:
    """How large the person usually is: the longer side of the box around the body, pixels."""
    boxes = [
        np.ptp(frame[there], axis=0).max()
        for frame, there in zip(xy[:, :_BODY], seen[:, :_BODY], strict=True)
        if there.any()
    ]
    return max(float(np.median(boxes)), 1.0) if boxes else 1.0


def _outliers(xy: FloatArray, seen: NDArray[np.bool_], size: float) -> NDArray[np.bool_]:
    """(T, N) which points are far from where the frames around them have them.

    The middle between a frame before and one after is where steady motion would be, however quick. Next to an outlier
    good points look bad as well, so only the worst of its surroundings goes, and the rest is looked at again.
    """
    left = seen.copy()
    for _ in range(_ROUNDS):
        off, one_sided = _unsteadiness(np.where(left[..., None], xy, np.nan))
        limit = np.clip(_JUMP * _SPREAD * _usual(off), _TOLERATED * size, _FAR * size)
        off = np.where(np.isfinite(off), off, 0.0)
        worst = np.where(one_sided, _largest_around(off, 2 * _LEADS), _largest_around(off, _PAIRS))
        found = (off > limit) & (off == worst)
        if not found.any():
            break
        left &= ~found
    return seen & ~left


def _largest_around(values: FloatArray, reach: int) -> FloatArray:
    """(T, N) the largest value of up to `reach` frames before and after."""
    padded = np.pad(values, ((reach, reach), (0, 0)))
    largest: FloatArray = np.max([padded[shift : shift + len(values)] for shift in range(2 * reach + 1)], axis=0)
    return largest


def _usual(off: FloatArray) -> FloatArray:
    """(N,) the distance that half of a point's frames keep within, 0 where nothing is known of it.

    A jump of two frames makes seven look unsteady. In a short clip those are half of all, so there the steadiest sixth
    tells how large the half would be without them.

    Args:
        off: (T, N), from `_unsteadiness`.
    """
    fraction, times = (1 / 6, _HALF_BY_SIXTH) if len(off) < _SHORT else (0.5, 1.0)
    known = np.isfinite(off).any(axis=0)
    usual: FloatArray = times * np.nanquantile(np.where(known, off, 0.0), fraction, axis=0)
    return usual


def _unsteadiness(there: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
    """(T, N) how far points are from where the frames around them have them; and where one side says so.

    Steady motion is in the middle between a frame before and one after. At the ends, and beside gaps, there are hardly
    any such pairs, and what two frames of one side lead to counts too. That is off by twice as much, under noise as
    well as on a bend, so half of the distance counts there.

    Args:
        there: (T, N, 2), NaN where missing.

    Returns:
        Distances in pixels, NaN where too few frames are known; and which of them frames of one side led to.
    """
    frames, reach = len(there), 2 * _LEADS
    padded = np.pad(there, ((reach, reach), (0, 0), (0, 0)), constant_values=np.nan)

    def shifted(by: int) -> FloatArray:
        return padded[reach + by : reach + by + frames]

    middles = np.stack([(shifted(-step) + shifted(step)) / 2 for step in range(1, _PAIRS + 1)])  # (pairs, T, N, 2)
    ahead = [step for step in range(-_LEADS, _LEADS + 1) if step]
    led = np.stack([2 * shifted(step) - shifted(2 * step) for step in ahead])
    one_sided = np.isfinite(middles[..., 0]).sum(axis=0) < _ENOUGH  # (T, N)
    expected = np.concatenate([middles, np.where(one_sided[..., None], led, np.nan)])
    some = np.isfinite(expected).any(axis=0)
    middle = np.nanmedian(np.where(some, expected, 0.0), axis=0)
    off = np.linalg.norm(there - np.where(some, middle, np.nan), axis=-1)
    return np.where(one_sided, off / 2, off), one_sided


def _filled(
    xy: FloatArray, confidence: FloatArray, seen: NDArray[np.bool_], longest: int
) -> tuple[FloatArray, FloatArray]:
    """Points with gaps of up to `longest` frames filled by a cubic (Akima, 1970); zeros where nothing is known."""
    from scipy.interpolate import Akima1DInterpolator

    filled, sure = np.where(seen[..., None], xy, 0.0), np.where(seen, confidence, 0.0)
    for point in range(xy.shape[1]):
        frames = np.flatnonzero(seen[:, point])
        gaps = np.diff(frames)
        if not ((gaps > 1) & (gaps <= longest + 1)).any():
            continue
        curve = Akima1DInterpolator(frames, xy[frames, point])
        for before, after in pairwise(frames):
            if 1 < after - before <= longest + 1:
                inside = np.arange(before + 1, after)
                filled[inside, point] = curve(inside)
                sure[inside, point] = max(confidence[before, point], confidence[after, point])
    return filled, sure


def _smoothed(values: FloatArray, known: NDArray[np.bool_], window: int) -> FloatArray:
    """(T, N, C) smoothed along time within each run of known frames (Savitzky and Golay, 1964)."""
    from scipy.signal import savgol_filter

    smooth = values.copy()
    for point in range(values.shape[1]):
        for start, stop in _runs(known[:, point]):
            length = stop - start
            fitting = min(window, length - 1 + length % 2)  # odd, and no longer than the run
            if fitting > _DEGREE:
                smooth[start:stop, point] = savgol_filter(values[start:stop, point], fitting, _DEGREE, axis=0)
    return smooth


def _runs(known: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Start and end of each run of frames in which a point is known."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]]).astype(np.int8)))
    return [(int(start), int(stop)) for start, stop in zip(edges[::2], edges[1::2], strict=True)]


def _limbs_known(known: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(T, 17) of which limbs both ends are known."""
    return np.stack([known[:, one] & known[:, other] for one, other in LIMBS], axis=1)


def _limb_vectors(xy: FloatArray, known: NDArray[np.bool_], *, lengths: bool = False) -> FloatArray:
    """(T, 17, 2) from the end of each limb that is nearer to the neck to the other; their lengths (T, 17, 1)."""
    vectors = np.stack([xy[:, other] - xy[:, one] for one, other in LIMBS], axis=1)
    vectors = np.where(_limbs_known(known)[..., None], vectors, 0.0)
    return np.linalg.norm(vectors, axis=-1, keepdims=True) if lengths else vectors


def _with_lengths(xy: FloatArray, known: NDArray[np.bool_], lengths: FloatArray) -> FloatArray:
    """The same directions with other lengths of the limbs (T, 17), from the neck outwards."""
    vectors = _limb_vectors(xy, known)
    now = np.linalg.norm(vectors, axis=-1)
    limbs = _limbs_known(known) & (now > 1.0)
    moved = xy.copy()
    shift = np.zeros_like(xy)
    for number, (one, other) in enumerate(LIMBS):  # a limb stands after the one it hangs on
        scale = np.where(limbs[:, number], lengths[:, number] / np.where(limbs[:, number], now[:, number], 1.0), 1.0)
        shift[:, other] = shift[:, one] + vectors[:, number] * (scale - 1.0)[:, None]
    for start, count, joint in zip(_STARTS[1:], _PARTS[1:], _HANGS_ON, strict=True):
        shift[:, start : start + count] = shift[:, joint, None]
    moved += np.where(known[..., None], shift, 0.0)
    return moved
