"""Clean Poses on the real host."""

from __future__ import annotations

import numpy as np
from graphs import STANDING, Graph, person, pose_frame, reported_pose

WRIST = 4


def clean(host, frames, **inputs):
    graph = Graph()
    block = graph.add("DPTNCleanPoses", pose=graph.send_pose(frames), **inputs)
    out = graph.add("ProbeReportPose", pose=graph.out(block))
    return host.run(graph.prompt), out


def shaken(count=24, seed=0):
    """Frames of somebody who stands still, as a detector sees them: with noise, a jump and a hole."""
    rng = np.random.default_rng(seed)
    frames = []
    for number in range(count):
        points = [[x + rng.normal(0, 2), y + rng.normal(0, 2), 1.0] for x, y in STANDING]
        if number == 10:
            points[WRIST][0] += 120
        if number in (15, 16):
            points[WRIST] = [0, 0, 0.0]
        frames.append(pose_frame([person(points)]))
    return frames


def wrists(frames):
    return np.array([frame["people"][0]["pose_keypoints_2d"][3 * WRIST : 3 * WRIST + 3] for frame in frames])


def test_a_shaken_sequence_becomes_steady_and_whole(host):
    frames = shaken()
    run, out = clean(host, frames)
    assert run.error is None, run.error
    cleaned = reported_pose(run, out)
    assert len(cleaned) == len(frames)
    after = wrists(cleaned)
    assert (after[:, 2] == 1).all()
    assert np.abs(after[:, :2] - STANDING[WRIST]).max() < 6
    before = wrists(frames)[:10]
    assert np.diff(after[:10, 0]).std() < np.diff(before[:, 0]).std() / 2


def test_everything_switched_off_changes_nothing(host):
    frames = shaken()
    off = {"reject_outliers": False, "longest_gap": 0, "smoothing": 0}
    run, out = clean(host, frames, **off)
    np.testing.assert_allclose(wrists(reported_pose(run, out)), wrists(frames), atol=1e-9)


def test_one_person_is_followed_through_frames_that_list_them_in_any_order(host):
    right = [[x + 190, y] for x, y in STANDING]
    frames = []
    for number in range(8):
        both = [person([[x / 2, y] for x, y in STANDING]), person([[x / 2 + 95, y] for x, y in right])]
        frames.append(pose_frame(both if number % 2 else both[::-1]))
    for choice, place in (("leftmost", 96), ("rightmost", 286)):
        run, out = clean(host, frames, people=choice)
        assert run.error is None, run.error
        people = [frame["people"] for frame in reported_pose(run, out)]
        assert [len(one) for one in people] == [1] * 8
        assert all(abs(one[0]["pose_keypoints_2d"][0] - place) < 2 for one in people)
    run, out = clean(host, frames)
    assert [len(frame["people"]) for frame in reported_pose(run, out)] == [2] * 8


def test_frames_of_different_sizes_are_refused_in_words(host):
    run, _ = clean(host, [pose_frame([person(STANDING)]), pose_frame([person(STANDING)], 100, 100)])
    assert run.error is not None
    assert "Clean Poses, input 'pose'" in run.error and "100x100, 384x512" in run.error
