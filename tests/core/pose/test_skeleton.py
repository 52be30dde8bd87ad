"""The skeleton's value types."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from dptn_core.pose import KEYPOINT_NAMES, LIMBS, Canvas, NoPersonError, People, Pose
from dptn_core.pose.skeleton import _MIRRORED_FACE

CANVAS = Canvas(200, 100)


def pose_of(seed: int, canvas: Canvas = CANVAS, *, parts: bool = True) -> Pose:
    rng = np.random.default_rng(seed)
    size = np.array([canvas.width, canvas.height])

    def points(count: int) -> np.ndarray:
        flags = (rng.random(count) < 0.8).astype(float)
        flags[0] = 1.0
        return np.column_stack([rng.uniform(0, size, (count, 2)), flags])

    body = points(18)
    hands_and_face = (points(21), points(21), points(70)) if parts else (None, None, None)
    return Pose(body[:, :2], body[:, 2], canvas, *hands_and_face)


def test_there_are_18_keypoints_and_17_limbs_that_form_a_tree():
    assert len(KEYPOINT_NAMES) == len(set(KEYPOINT_NAMES)) == 18
    assert len(LIMBS) == 17
    reached = {1}
    for start, end in LIMBS:
        assert start in reached and end not in reached
        reached.add(end)
    assert reached == set(range(18))


def test_importing_the_package_does_not_import_torch():
    code = "import sys, dptn_core.pose; sys.exit('torch' in sys.modules or 'PIL' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("sides", [(0, 5), (5, -1), (True, 5), (5.0, 5), ("5", 5), (10**5000, 5), (40_000, 5)])
def test_a_canvas_refuses_what_is_no_size(sides):
    with pytest.raises(ValueError, match=r"canvas (width|height) must be"):
        Canvas(*sides)


def test_a_canvas_takes_numpy_integers_and_prints_as_a_size():
    canvas = Canvas(np.int64(3), np.int32(4))
    assert type(canvas.width) is int
    assert str(canvas) == "3x4"


def test_equal_poses_are_equal_and_hash_alike_and_different_ones_are_not():
    assert pose_of(1) == pose_of(1)
    assert hash(pose_of(1)) == hash(pose_of(1))
    assert len({pose_of(1), pose_of(1), pose_of(2)}) == 2
    assert pose_of(1) != pose_of(1, parts=False)
    assert pose_of(1) != "a pose"


def test_negative_zero_is_zero_for_equality_and_hash():
    one = Pose.from_keypoints([(0.0, 1.0)] * 18, CANVAS)
    other = Pose.from_keypoints([(-0.0, 1.0)] * 18, CANVAS)
    assert one == other
    assert hash(one) == hash(other)


def test_arrays_are_copied_and_read_only():
    xy = np.ones((18, 2))
    pose = Pose(xy, np.ones(18), CANVAS, hand_left=np.ones((21, 3)))
    xy[:] = 7
    assert (pose.keypoints == 1).all()
    for array in (pose.keypoints, pose.confidence, pose.hand_left):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 5


def test_missing_keypoints_are_stored_as_zero():
    pose = Pose(np.full((18, 2), 9.0), np.zeros(18), CANVAS)
    assert (pose.keypoints == 0).all()
    assert pose.is_empty
    assert not pose.present.any()


def test_a_part_without_points_is_none():
    pose = Pose(np.ones((18, 2)), np.ones(18), CANVAS, np.zeros((21, 3)), None, np.zeros((70, 3)))
    assert pose.hand_left is None and pose.hand_right is None and pose.face is None


@pytest.mark.parametrize(
    ("keypoints", "confidence", "words"),
    [
        (np.ones((17, 2)), np.ones(18), r"keypoints must have shape \(18, 2\), got \(17, 2\)"),
        (np.ones((18, 2)), np.ones((18, 1)), "confidence must have shape"),
        (np.full((18, 2), np.nan), np.ones(18), "keypoints must be finite, got nan"),
        (np.full((18, 2), np.inf), np.ones(18), "keypoints must be finite, got inf"),
        (np.ones((18, 2)), np.full(18, np.nan), "confidence must be finite"),
        (np.ones((18, 2)), np.full(18, 1.5), "confidence must be 0 to 1, got 1.5"),
        (np.ones((18, 2)), np.full(18, -0.5), "confidence must be 0 to 1, got -0.5"),
        ([["a", "b"]] * 18, np.ones(18), "keypoints must be numbers"),
    ],
)
def test_a_pose_refuses_bad_arrays_in_words(keypoints, confidence, words):
    with pytest.raises(ValueError, match=words):
        Pose(keypoints, confidence, CANVAS)


def test_hands_and_face_are_checked_too():
    with pytest.raises(ValueError, match="hand_right must have shape"):
        Pose(np.ones((18, 2)), np.ones(18), CANVAS, hand_right=np.ones((20, 3)))
    with pytest.raises(ValueError, match="confidence of face must be 0 to 1"):
        Pose(np.ones((18, 2)), np.ones(18), CANVAS, face=np.full((70, 3), 2.0))


def test_from_keypoints_takes_pairs_triples_and_none():
    pose = Pose.from_keypoints([(1, 2), (3, 4, 0.5), None] + [None] * 15, CANVAS)
    assert pose.keypoints[:3].tolist() == [[1, 2], [3, 4], [0, 0]]
    assert pose.confidence[:3].tolist() == [1, 0.5, 0]
    array = np.arange(54, dtype=float).reshape(18, 3) / 54
    assert (Pose.from_keypoints(array, CANVAS).confidence == array[:, 2]).all()


@pytest.mark.parametrize("entries", [[None] * 17, [(1,)] + [None] * 17, [(1, 2, 3, 4)] + [None] * 17])
def test_from_keypoints_refuses_other_counts(entries):
    with pytest.raises(ValueError, match=r"17|1 numbers|4 numbers"):
        Pose.from_keypoints(entries, CANVAS)


def test_bounds_enclose_only_present_keypoints():
    pose = Pose.from_keypoints([(10, 20), None, (30, 5)] + [None] * 15, CANVAS)
    assert pose.bounds() == (10, 5, 30, 20)
    with pytest.raises(NoPersonError, match="no keypoints"):
        Pose.from_keypoints([None] * 18, CANVAS).bounds()


def test_rescaling_stretches_body_hands_and_face_and_can_be_undone():
    pose = pose_of(3)
    small = pose.rescaled(Canvas(50, 200))
    assert small.canvas == Canvas(50, 200)
    for before, after in [
        (pose.keypoints, small.keypoints),
        (pose.hand_left[:, :2], small.hand_left[:, :2]),
        (pose.face[:, :2], small.face[:, :2]),
    ]:
        assert np.allclose(before * [0.25, 2.0], after)
    assert np.array_equal(pose.confidence, small.confidence)
    assert np.allclose(small.rescaled(CANVAS).keypoints, pose.keypoints)


def test_transforming_moves_present_points_and_leaves_missing_ones_at_zero():
    pose = Pose.from_keypoints([(10, 20), None] + [None] * 16, CANVAS)
    moved = pose.transformed((2, 3), (-5, 7), Canvas(9, 9))
    assert moved.keypoints[:2].tolist() == [[15, 67], [0, 0]]


@pytest.mark.parametrize("scale", [(0, 1), (1, -1), (np.nan, 1), (1e308, 1)])
def test_transforming_refuses_flips_and_overflow(scale):
    pose = Pose.from_keypoints([(100, 20)] * 18, CANVAS)
    with pytest.raises(ValueError, match=r"positive|finite|within"):
        pose.transformed(scale, (0, 0), CANVAS)


def test_without_drops_low_scores_everywhere():
    scores = np.linspace(0.0, 1.0, 18)
    hand = np.column_stack([np.ones((21, 2)), np.linspace(0, 1, 21)])
    pose = Pose(np.ones((18, 2)), scores, CANVAS, hand_left=hand, hand_right=np.full((21, 3), 0.2))
    kept = pose.without(0.5)
    assert np.array_equal(kept.present, scores >= 0.5)
    assert (kept.hand_left[:, 2] > 0).sum() == (hand[:, 2] >= 0.5).sum()
    assert kept.hand_right is None


def test_mirroring_flips_x_and_swaps_names():
    rows = [None] * 18
    rows[KEYPOINT_NAMES.index("right_wrist")] = (10, 40)
    rows[KEYPOINT_NAMES.index("nose")] = (90, 5)
    mirrored = Pose.from_keypoints(rows, CANVAS).mirrored()
    assert mirrored.keypoints[KEYPOINT_NAMES.index("left_wrist")].tolist() == [190, 40]
    assert mirrored.keypoints[KEYPOINT_NAMES.index("nose")].tolist() == [110, 5]
    assert not mirrored.present[KEYPOINT_NAMES.index("right_wrist")]


def test_mirroring_swaps_hands_and_mirroring_twice_is_nothing():
    pose = pose_of(4)
    mirrored = pose.mirrored()
    assert np.array_equal(mirrored.hand_left[:, 1:], pose.hand_right[:, 1:])
    twice = mirrored.mirrored()
    assert np.allclose(twice.keypoints, pose.keypoints)
    assert np.allclose(twice.face, pose.face)
    assert np.allclose(twice.hand_left, pose.hand_left)


def test_mirroring_and_rescaling_commute_even_on_a_1x1_canvas():
    pose = pose_of(5)
    unit = Canvas(1, 1)
    assert np.allclose(pose.mirrored().rescaled(unit).keypoints, pose.rescaled(unit).mirrored().keypoints)


def test_feet_move_with_the_pose_and_change_sides_in_a_mirror():
    feet = np.column_stack([np.arange(6) * 3.0 + 10, np.full(6, 40.0), np.full(6, 0.6)])
    feet[5, 2] = 0.1
    pose = Pose(np.ones((18, 2)), np.ones(18), CANVAS, feet=feet)
    larger = pose.transformed((2.0, 2.0), (1.0, 0.0), CANVAS)
    assert np.allclose(larger.feet[:5, :2], feet[:5, :2] * 2 + (1, 0))
    mirrored = pose.mirrored()
    assert np.allclose(mirrored.feet[0, :2], (CANVAS.width - feet[3, 0], 40)) and mirrored.mirrored() == pose
    assert not pose.without(0.5).feet[5].any() and pose.without(0.5) != pose
    with pytest.raises(ValueError, match="feet must have shape"):
        Pose(np.ones((18, 2)), np.ones(18), CANVAS, feet=np.ones((5, 3)))


def test_the_mirror_of_the_face_pairs_every_point_once():
    assert sorted(_MIRRORED_FACE) == list(range(70))
    assert all(_MIRRORED_FACE[_MIRRORED_FACE[point]] == point for point in range(70))


def test_people_share_a_canvas():
    with pytest.raises(ValueError, match="person 1 is on a canvas of 9x9, the image is 200x100"):
        People((pose_of(1), pose_of(1, Canvas(9, 9))), CANVAS)
    people = People((pose_of(1), pose_of(2)), CANVAS).rescaled(Canvas(9, 9))
    assert all(pose.canvas == people.canvas == Canvas(9, 9) for pose in people.people)


def test_the_largest_person_has_the_largest_box():
    small = Pose.from_keypoints([(0, 0), (5, 5)] + [None] * 16, CANVAS)
    large = Pose.from_keypoints([(0, 0), (50, 50)] + [None] * 16, CANVAS)
    empty = Pose.from_keypoints([None] * 18, CANVAS)
    assert People((empty, small, large), CANVAS).largest() is large
    assert People((small,), CANVAS).largest() is small


def test_without_anybody_asking_for_a_person_fails_in_words():
    with pytest.raises(NoPersonError, match="there is no person"):
        People((), CANVAS).largest()
    with pytest.raises(NoPersonError, match="there is no person"):
        People((Pose.from_keypoints([None] * 18, CANVAS),), CANVAS).largest()
    for index in (1, -1):
        with pytest.raises(NoPersonError, match=f"no person {index}: this image has 1"):
            People((pose_of(1),), CANVAS).person(index)
    assert People((pose_of(1),), CANVAS).person(0) == pose_of(1)
