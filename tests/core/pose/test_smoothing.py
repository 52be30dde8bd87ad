"""Sequences of poses made steady, and who is who in them, on motion whose ground truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from dptn_core.pose import KEYPOINT_NAMES, Canvas, People, Pose, standing_pose
from dptn_core.pose.smoothing import Cleaning, clean_sequence
from dptn_core.pose.tracks import tracks_of

CANVAS = Canvas(400, 500)
WRIST, ELBOW, SHOULDER, ANKLE = (
    KEYPOINT_NAMES.index(f"right_{name}") for name in ("wrist", "elbow", "shoulder", "ankle")
)
FRAMES = 80


def dance(frames: int = FRAMES, period: float = 32.0) -> np.ndarray:
    """(T, 18, 2): somebody stands, sways the upper body a little and swings the right arm; the feet stay."""
    rest = standing_pose(CANVAS).keypoints
    points = np.repeat(rest[None], frames, axis=0)
    phase = 2 * np.pi * np.arange(frames) / period
    upper = [joint for joint in range(18) if joint not in (9, 10, 12, 13)]
    points[:, upper, 0] += 8 * np.sin(phase)[:, None]
    length = np.linalg.norm(rest[WRIST] - rest[ELBOW])
    angle = 1.2 * np.sin(phase)
    points[:, WRIST] = points[:, ELBOW] + length * np.stack([-np.sin(angle), np.cos(angle)], axis=1)
    return points


def poses_of(points: np.ndarray, confidence: np.ndarray | None = None) -> list[Pose | None]:
    sure = np.full(points.shape[:2], 0.9) if confidence is None else confidence
    return [Pose(frame, row, CANVAS) if row.any() else None for frame, row in zip(points, sure, strict=True)]


def joints(poses: list[Pose | None]) -> np.ndarray:
    return np.stack([pose.keypoints for pose in poses if pose is not None])


def noisy(points: np.ndarray, deviation: float = 2.0) -> np.ndarray:
    return points + np.random.default_rng(3).normal(0, deviation, points.shape)


def error(found: np.ndarray, ground_truth: np.ndarray) -> float:
    """Root mean square, pixels."""
    return float(np.sqrt(((found - ground_truth) ** 2).sum(axis=-1).mean()))


def test_noise_becomes_less_than_half_and_motion_stays():
    ground_truth = dance()
    cleaned = joints(clean_sequence(poses_of(noisy(ground_truth))))
    assert error(cleaned, ground_truth) < 0.55 * error(noisy(ground_truth), ground_truth)
    assert error(cleaned[:, ANKLE], ground_truth[:, ANKLE]) < 1.6
    swing = np.ptp(cleaned[:, WRIST, 0]) / np.ptp(ground_truth[:, WRIST, 0])
    assert swing == pytest.approx(1, abs=0.05)


def test_a_foot_that_stands_still_jitters_less_than_a_third():
    ground_truth = dance()
    before = noisy(ground_truth)[:, ANKLE]
    after = joints(clean_sequence(poses_of(noisy(ground_truth))))[:, ANKLE]
    assert np.diff(after, axis=0).std() < np.diff(before, axis=0).std() / 3


def test_nothing_lags_behind():
    ground_truth = dance()
    after = joints(clean_sequence(poses_of(noisy(ground_truth, 1.0))))[:, WRIST, 0]
    shifts = np.arange(-3, 3.01, 0.1)
    frames = np.arange(10, FRAMES - 10)
    errors = [
        np.square(np.interp(frames + shift, np.arange(FRAMES), after) - ground_truth[frames, WRIST, 0]).mean()
        for shift in shifts
    ]
    assert abs(shifts[int(np.argmin(errors))]) < 0.25


def test_limbs_that_turn_quickly_keep_their_lengths():
    ground_truth = dance(period=14)
    options = {"reject_outliers": False, "window": 9}
    kept = joints(clean_sequence(poses_of(ground_truth), Cleaning(**options)))
    shrunk = joints(clean_sequence(poses_of(ground_truth), Cleaning(**options, keep_limb_lengths=False)))

    def lengths(points: np.ndarray) -> np.ndarray:
        return np.linalg.norm(points[:, WRIST] - points[:, ELBOW], axis=1)

    true = lengths(ground_truth)[0]
    assert np.abs(lengths(kept) / true - 1).max() < 0.01 < 0.04 < np.abs(lengths(shrunk) / true - 1).max()


def test_what_jumps_is_rejected_and_quick_motion_is_not():
    ground_truth = dance()
    jumping = ground_truth.copy()
    for frame in (11, 30, 31, 57):
        jumping[frame, WRIST] += (70, -50)
    options = Cleaning(window=0)
    cleaned = joints(clean_sequence(poses_of(jumping), options))
    assert np.abs(cleaned - ground_truth).max() < 4
    assert np.abs(joints(clean_sequence(poses_of(ground_truth), options)) - ground_truth).max() < 1e-9


@pytest.mark.parametrize("frames", [(0,), (FRAMES - 1,), (0, 1), (1, 2), (FRAMES - 3, FRAMES - 2), (1,)])
def test_what_jumps_at_either_end_is_rejected_and_its_neighbours_stay_true(frames):
    ground_truth = dance()
    jumping = noisy(ground_truth, 1.0)
    jumping[list(frames), WRIST] += (80, 80)
    cleaned = clean_sequence(poses_of(jumping))
    off = np.linalg.norm(joints(cleaned)[:, WRIST] - ground_truth[:, WRIST], axis=1)
    present = np.array([pose.present[WRIST] for pose in cleaned if pose is not None])
    assert present.sum() >= FRAMES - 2 and present[3:-3].all()  # nothing is made up before or after
    assert off[present].max() < 6


def test_what_jumps_beside_a_long_gap_is_rejected():
    ground_truth = dance()
    jumping = noisy(ground_truth, 1.0)
    confidence = np.full((FRAMES, 18), 0.9)
    confidence[30:50, WRIST] = 0
    jumping[[29, 50], WRIST] += (80, 80)
    cleaned = clean_sequence(poses_of(jumping, confidence))
    off = np.linalg.norm(joints(cleaned)[:, WRIST] - ground_truth[:, WRIST], axis=1)
    present = np.array([pose.present[WRIST] for pose in cleaned if pose is not None])
    assert present[:29].all() and not present[29:51].any() and present[51:].all()
    assert off[present].max() < 6


@pytest.mark.parametrize(
    ("wrong", "jump"),
    [((5, 6), 60), ((5, 6, 7), 60), ((5, 6, 7), 150), ((2, 3), 60), ((2, 3), 150), ((9, 10), 150)],
)
def test_a_whole_body_that_jumps_in_a_short_clip_is_rejected(wrong, jump):
    ground_truth = dance(12)
    jumping = noisy(ground_truth, 1.0)
    jumping[list(wrong)] += (jump, -jump)
    cleaned = joints(clean_sequence(poses_of(jumping)))
    assert np.linalg.norm(cleaned - ground_truth, axis=2).max() < 12


def test_what_jumps_far_in_an_unsteady_video_is_rejected():
    ground_truth = dance()
    shaken = ground_truth + np.random.default_rng(5).normal(0, 16, ground_truth.shape)
    jumping = shaken.copy()
    jumping[40, WRIST] += (100, 100)
    cleaned = joints(clean_sequence(poses_of(jumping), Cleaning(window=0)))
    assert np.linalg.norm(cleaned[40, WRIST] - ground_truth[40, WRIST]) < 60


@pytest.mark.parametrize("period", [12, 16, 32])
@pytest.mark.parametrize("start", range(0, 12, 3))
@pytest.mark.parametrize("frames", [12, 48])
def test_quick_motion_is_kept_up_to_both_ends(period, start, frames):
    moving = dance(60, period)[start : start + frames]
    cleaned = joints(clean_sequence(poses_of(moving), Cleaning(window=0)))
    assert np.abs(cleaned - moving).max() < 1e-9


def test_gaps_are_filled_up_to_the_longest_and_ends_are_not_made_up():
    ground_truth = dance()
    confidence = np.full((FRAMES, 18), 0.9)
    confidence[20:26, WRIST] = 0  # 6 frames
    confidence[40:60, WRIST] = 0  # 20
    confidence[:5, ANKLE] = 0
    confidence[33] = 0  # nobody
    cleaned = clean_sequence(poses_of(ground_truth, confidence), Cleaning(window=0, longest_gap=12))
    assert all(pose is not None for pose in cleaned)
    present = np.stack([pose.present for pose in cleaned if pose is not None])
    assert present[20:26, WRIST].all() and present[33].all()
    assert not present[40:60, WRIST].any() and not present[:5, ANKLE].any()
    assert error(joints(cleaned)[20:26, WRIST], ground_truth[20:26, WRIST]) < 6
    assert error(joints(cleaned)[33], ground_truth[33]) < 1
    none = clean_sequence(poses_of(ground_truth, confidence), Cleaning(window=0, longest_gap=0))
    assert none[33] is None and none[22] is not None and not none[22].present[WRIST]


def test_joints_below_the_threshold_count_as_missing():
    ground_truth = dance()
    confidence = np.full((FRAMES, 18), 0.9)
    wrong = ground_truth.copy()
    wrong[20:26, WRIST] += 90
    confidence[20:26, WRIST] = 0.25
    options = {"reject_outliers": False, "window": 0}
    cleaned = joints(clean_sequence(poses_of(wrong, confidence), Cleaning(threshold=0.3, **options)))
    assert error(cleaned[20:26, WRIST], ground_truth[20:26, WRIST]) < 6
    kept = joints(clean_sequence(poses_of(wrong, confidence), Cleaning(threshold=0.2, **options)))
    assert error(kept[20:26, WRIST], ground_truth[20:26, WRIST]) > 80


def test_hands_and_face_are_cleaned_too():
    rng = np.random.default_rng(1)
    hand = np.column_stack([rng.uniform(100, 130, (21, 2)), np.ones(21)])
    poses = []
    for frame, body in enumerate(dance(30)):
        shaken = hand + np.column_stack([rng.normal(0, 2, (21, 2)), np.zeros(21)])
        poses.append(Pose(body, np.ones(18), CANVAS, hand_left=None if frame == 12 else shaken))
    cleaned = clean_sequence(poses)
    hands = [pose.hand_left for pose in cleaned if pose is not None]
    assert all(one is not None for one in hands)
    assert all(pose is not None and pose.face is None for pose in cleaned)
    found = np.stack([one for one in hands if one is not None])[..., :2]
    before = np.stack([pose.hand_left for pose in poses if pose.hand_left is not None])[..., :2]
    assert np.diff(found, axis=0).std() < np.diff(before, axis=0).std() / 2


@pytest.mark.parametrize("frames", [1, 2, 3, 5])
def test_short_sequences_go_through(frames):
    poses = poses_of(dance(frames))
    cleaned = clean_sequence(poses)
    assert len(cleaned) == frames and error(joints(cleaned), joints(poses)) < 2


def test_frames_of_nobody_stay_frames_of_nobody():
    assert clean_sequence([]) == [] and clean_sequence([None, None]) == [None, None]


def test_bad_settings_and_mixed_canvases_are_refused():
    with pytest.raises(ValueError, match="threshold must be 0 to 1, got 2"):
        Cleaning(threshold=2)
    with pytest.raises(ValueError, match="window must be 0 or more frames, got -1"):
        Cleaning(window=-1)
    pose = standing_pose(CANVAS)
    with pytest.raises(ValueError, match="on one canvas"):
        clean_sequence([pose, pose.rescaled(Canvas(40, 50))])


# Who is who


def moved(pose: Pose, x: float) -> Pose:
    return pose.transformed((0.4, 0.4), (x, 50.0), CANVAS)


def test_people_who_pass_one_another_keep_their_names():
    still = standing_pose(CANVAS)
    frames = []
    for step in range(21):
        left_to_right, right_to_left = moved(still, 10.0 * step), moved(still, 215.0 - 10.0 * step)
        lower = right_to_left.transformed((1, 1), (0, 60), CANVAS)
        both = (left_to_right, lower) if step % 2 else (lower, left_to_right)
        frames.append(People(both, CANVAS))
    tracks = tracks_of(frames)
    assert len(tracks) == 2
    for track in tracks:
        heights = {round(pose.keypoints[0, 1]) for pose in track if pose is not None}
        assert len(heights) == 1 and None not in track


def test_who_comes_back_soon_is_the_same_and_late_is_somebody_else():
    pose = moved(standing_pose(CANVAS), 100.0)
    there, nobody = People((pose,), CANVAS), People((), CANVAS)
    soon = tracks_of([there, nobody, nobody, there])
    assert [[one is not None for one in track] for track in soon] == [[True, False, False, True]]
    assert len(tracks_of([there, *[nobody] * 20, there])) == 2


def test_somebody_far_away_is_somebody_else():
    still = standing_pose(CANVAS)
    frames = [People((moved(still, 0.0),), CANVAS), People((moved(still, 240.0),), CANVAS)]
    assert len(tracks_of(frames)) == 2 and tracks_of([]) == []
