"""Which side of a person a pose shows, and poses turned to the side that an image has."""

from __future__ import annotations

import numpy as np
import pytest

from dptn_core.pose import Canvas, Pose, load_pose_file
from dptn_core.pose.facing import facing, turned_like
from dptn_core.pose.retargeting import retarget
from dptn_core.pose.standing import standing_pose
from dptn_core.samples import POSES

CANVAS = Canvas(600, 800)


def back() -> Pose:
    return standing_pose(CANVAS).with_sides_swapped()


def in_profile() -> Pose:
    pose = standing_pose(CANVAS)
    xy = pose.keypoints.copy()
    xy[:, 0] = 300 + 0.1 * (xy[:, 0] - 300)
    return Pose(xy, pose.confidence, CANVAS)


def wave() -> list[Pose]:
    return [load_pose_file(POSES["wave"])[0].largest()]


def test_facing_tells_front_back_and_profile() -> None:
    assert facing(standing_pose(CANVAS)) > 0.7
    assert facing(back()) == pytest.approx(-facing(standing_pose(CANVAS)))
    assert abs(facing(in_profile())) < 0.2
    without_hips = standing_pose(CANVAS)
    confidence = without_hips.confidence.copy()
    confidence[[8, 11]] = 0
    assert facing(Pose(without_hips.keypoints, confidence, CANVAS)) == 0


def test_somebody_seen_from_behind_stays_so() -> None:
    (turned,) = turned_like(wave(), back())
    assert facing(turned) < -0.35
    assert sorted(map(tuple, turned.keypoints)) == sorted(map(tuple, wave()[0].keypoints)), "the outline changed"
    assert turned_like([turned], back()) == [turned]
    assert turned_like([turned], standing_pose(CANVAS)) == wave()


def test_sequences_turn_as_a_whole_and_those_that_turn_around_stay() -> None:
    frames = [people.largest() for people in load_pose_file(POSES["greeting_sequence"])]
    assert [facing(pose) < 0 for pose in turned_like(frames, back())] == [facing(pose) > 0 for pose in frames]
    around = [standing_pose(CANVAS), in_profile(), back()]
    assert turned_like(around, back()) == around
    assert turned_like([in_profile()], back()) == [in_profile()]
    assert turned_like(wave(), in_profile()) == wave()


def test_retargeting_keeps_the_poses_side_unless_asked() -> None:
    person = [back()]
    assert facing(retarget(wave(), person)[0]) > 0.35
    assert facing(retarget(wave(), person, facing="source")[0]) < -0.35


def test_swapping_sides_renames_hands_feet_and_face() -> None:
    rng = np.random.default_rng(0)
    parts = {
        name: np.column_stack([rng.uniform(0, 600, (count, 2)), np.ones(count)])
        for name, count in (("hand_left", 21), ("hand_right", 21), ("face", 70), ("feet", 6))
    }
    pose = Pose(standing_pose(CANVAS).keypoints, np.ones(18), CANVAS, **parts)
    swapped = pose.with_sides_swapped()
    assert np.array_equal(swapped.hand_left, pose.hand_right) and np.array_equal(swapped.feet[:3], pose.feet[3:])
    assert not np.array_equal(swapped.face, pose.face) and swapped.with_sides_swapped() == pose
    assert np.allclose(pose.mirrored().face[:, 0], 600 - swapped.face[:, 0])
