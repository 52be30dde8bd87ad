"""What Clean Poses does to the poses of a video: how a still foot jitters, and whether a wrist lags behind.

    dptn detect frames --out poses --scores
    python -m benchmarks.clean_poses poses --still 20:60:left_ankle

The folder holds one file of OpenPose JSON a frame, as `dptn detect` writes them. `--still first:last:joint` names
frames in which a joint does not move; of the person who is there in most frames.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dptn_core.pose import KEYPOINT_NAMES, Pose, load_pose_file
from dptn_core.pose.smoothing import Cleaning, clean_sequence
from dptn_core.pose.tracks import tracks_of

_SHIFTS = np.arange(-4, 4.01, 0.05)  # frames


def main() -> None:
    """Print before and after."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("poses", type=Path, help="folder of pose files, one a frame")
    parser.add_argument("--still", action="append", default=[], help="first:last:joint")
    parser.add_argument("--wrist", default="right_wrist", help="the joint whose lag is measured")
    parser.add_argument("--window", type=int, default=Cleaning().window)
    options = parser.parse_args()
    frames = [load_pose_file(path)[0] for path in sorted(options.poses.glob("*.json"))]
    track = max(tracks_of(frames), key=lambda one: sum(pose is not None for pose in one))
    cleaned = clean_sequence(track, Cleaning(window=options.window))
    heights = [float(np.ptp(pose.keypoints[pose.present, 1])) for pose in track if pose is not None]
    print(f"{len(frames)} frames, the person in {len(heights)} of them, {np.median(heights):.0f} pixels tall")
    print(f"joints there: {_fraction(track):.1%} before, {_fraction(cleaned):.1%} after")
    for still in options.still:
        first, last, joint = still.split(":")
        part = slice(int(first), int(last) + 1)
        before, after = (_jitter(_path(poses[part], joint)) for poses in (track, cleaned))
        print(f"{joint}, frames {first} to {last}: {before:.2f} pixels from frame to frame before, {after:.2f} after")
    print(f"{options.wrist}: {_lag(_path(track, options.wrist), _path(cleaned, options.wrist)):+.2f} frames late")


def _fraction(poses: Sequence[Pose | None]) -> float:
    """Of the joints of the frames in which the person is, how many are there."""
    there = [pose.present for pose in poses if pose is not None]
    return float(np.mean(there))


def _path(poses: Sequence[Pose | None], joint: str) -> np.ndarray:
    """(T, 2), NaN where missing."""
    number = KEYPOINT_NAMES.index(joint)
    places = [
        pose.keypoints[number] if pose is not None and pose.present[number] else (np.nan, np.nan) for pose in poses
    ]
    return np.array(places, np.float64)


def _jitter(path: np.ndarray) -> float:
    """Root mean square of the steps from frame to frame, pixels."""
    steps = np.diff(path, axis=0)
    return float(np.sqrt(np.nanmean((steps**2).sum(axis=1))))


def _lag(before: np.ndarray, after: np.ndarray) -> float:
    """By how many frames `after` must be moved to fit `before` best; positive: it comes late."""
    frames = np.arange(len(after))
    known = np.isfinite(after[:, 0])
    margin = int(np.ceil(np.abs(_SHIFTS).max()))
    inside = np.isfinite(before[:, 0])
    inside[:margin] = inside[-margin:] = False
    errors = []
    for shift in _SHIFTS:
        moved = np.stack([np.interp(frames + shift, frames[known], after[known, axis]) for axis in range(2)], axis=1)
        errors.append(float(np.mean((moved - before)[inside] ** 2)))
    return float(_SHIFTS[int(np.argmin(errors))])


if __name__ == "__main__":
    main()
