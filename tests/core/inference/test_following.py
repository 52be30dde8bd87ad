"""Frames that follow a person through a sequence."""

from __future__ import annotations

import math

import numpy as np
import pytest
from transfer_fixture import person

from dptn_core.inference.following import following_frames
from dptn_core.inference.framing import Frame, frame_person, frame_targets
from dptn_core.pose import Canvas, Pose

SIZE = (256, 176)
CANVAS = (1600, 700)


def walk(step: float, count: int = 24) -> list[Pose]:
    """Somebody who crosses the canvas, swaying up and down."""
    start = person(CANVAS, (60, 150, 160, 400))
    return [start.transformed((1, 1), (step * n, 12 * math.sin(1.3 * n)), Canvas(*CANVAS)) for n in range(count)]


def followed(poses: list[Pose], framing: str = "fit") -> list[Frame]:
    elsewhere = person((500, 500))
    shared = frame_targets(poses, frame_person(elsewhere, SIZE, framing), elsewhere, framing)
    return following_frames(poses, shared, framing)


@pytest.mark.parametrize("framing", ["fit", "stretch"])
def test_a_walk_across_the_canvas_is_as_large_in_its_frames_as_each_pose_alone(framing):
    poses = walk(55.0)
    frames = followed(poses, framing)
    alone = [frame_person(pose, SIZE, framing) for pose in poses]
    larger = [frame.box.height / one.box.height for frame, one in zip(frames, alone, strict=True)]
    assert max(larger) < 1.1, larger
    for frame, pose in zip(frames, poses, strict=True):
        assert frame.canvas == Canvas(*CANVAS) and frame.size == SIZE
        assert frame.pose_inside(pose).present.sum() == pose.present.sum()


def test_frames_move_more_smoothly_than_the_person():
    noise = np.random.default_rng(4).normal(0, 6, (24, 2))
    poses = [
        pose.transformed((1, 1), tuple(by), pose.canvas) for pose, by in zip(walk(50.0), noise.tolist(), strict=True)
    ]
    frames = followed(poses)
    middle = np.array([[one.box.left + one.box.width / 2, one.box.top + one.box.height / 2] for one in frames])
    raw = np.array([pose.keypoints.mean(0) for pose in poses])
    trembling = [np.abs(np.diff(way, n=2, axis=0)).mean() for way in (middle, raw)]
    assert trembling[0] < 0.3 * trembling[1], trembling
    heights = np.array([one.box.height for one in frames])
    assert np.abs(np.diff(heights)).max() <= 0.03 * heights.mean()


def test_a_person_who_stays_keeps_one_frame():
    poses = walk(1.0)
    frames = followed(poses)
    assert all(frame is frames[0] for frame in frames)


def test_a_jump_is_a_cut_and_not_a_way():
    poses = walk(2.0, 8)
    there = [pose.transformed((1, 1), (1100, 0), pose.canvas) for pose in poses]
    frames = followed([*poses, *there])
    for frame, pose in zip(frames, [*poses, *there], strict=True):
        assert frame.box.height <= 1.15 * frame_person(pose, SIZE, "fit").box.height
        assert frame.pose_inside(pose).present.all()


@pytest.mark.parametrize("count", [2, 3, 5])
def test_short_sequences_are_followed_too(count):
    poses = walk(180.0, count)
    for frame, pose in zip(followed(poses), poses, strict=True):
        assert frame.pose_inside(pose).present.all()


def test_random_poses_of_one_batch_stay_inside_their_frames():
    random = np.random.default_rng(6)
    start = person(CANVAS, (60, 150, 160, 400))
    poses = [
        start.transformed((s, s), (x, 0), Canvas(*CANVAS))
        for s, x in zip(random.uniform(0.5, 1.1, 24), random.uniform(0, 900, 24), strict=True)
    ]
    for frame, pose in zip(followed(poses), poses, strict=True):
        assert frame.pose_inside(pose).present.all()
