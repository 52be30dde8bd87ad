"""Who is who in the frames of a video: poses of the same person, one after another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from .skeleton import People, Pose

_MAX_DISTANCE: Final = 0.5  # of a person's size, in the median of the joints, for each frame since they were seen
_FORGOTTEN: Final = 15  # frames after which somebody who comes back counts as somebody else
_SHARED: Final = 3  # joints that two poses must both have to be compared


def tracks_of(frames: Sequence[People]) -> list[list[Pose | None]]:
    """Everybody's poses through a sequence.

    From frame to frame, people are matched so that all of them together move least.

    Args:
        frames: On canvases of one size.

    Returns:
        One list a person, in the order in which they appear; in each one entry a frame, None where they are not found.
    """
    from scipy.optimize import linear_sum_assignment

    tracks: list[list[Pose | None]] = []
    last: list[tuple[int, Pose]] = []  # of each track: frame and pose where it was seen last
    for number, frame in enumerate(frames):
        people = [pose for pose in frame.people if not pose.is_empty]
        costs = np.array([[_cost(pose, before, number - seen) for pose in people] for seen, before in last])
        pairs = zip(*linear_sum_assignment(costs), strict=True) if costs.size else ()
        matched = {int(person): int(track) for track, person in pairs if costs[track, person] < 1}
        for track in tracks:
            track.append(None)
        for index, pose in enumerate(people):
            if index in matched:
                tracks[matched[index]][number] = pose
                last[matched[index]] = number, pose
            else:
                tracks.append([None] * number + [pose])
                last.append((number, pose))
    return tracks


def _cost(pose: Pose, before: Pose, frames: int) -> float:
    """Below 1 where it may be the same person `frames` later: how far they moved, as a fraction of what is possible."""
    both = pose.present & before.present
    if frames > _FORGOTTEN or both.sum() < min(_SHARED, int(pose.present.sum()), int(before.present.sum())):
        return 2.0
    left, top, right, bottom = before.bounds()
    reach = _MAX_DISTANCE * max(right - left, bottom - top, 1.0) * min(frames, 3)
    return min(2.0, float(np.median(np.hypot(*(pose.keypoints - before.keypoints)[both].T))) / reach)
