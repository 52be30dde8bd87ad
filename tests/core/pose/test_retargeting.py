"""Poses retargeted to another build: whose lengths, whose directions, and nothing that jitters or leaves the image."""

from __future__ import annotations

import numpy as np
import pytest

from dptn_core.pose import Canvas, NoPersonError, Pose, fit_to_person, load_pose_file
from dptn_core.pose.retargeting import LIMB_KINDS, measure_build, retarget
from dptn_core.pose.standing import standing_pose
from dptn_core.samples import POSES

CANVAS = Canvas(600, 800)
LIMBS = np.array([(2, 3), (3, 4), (5, 6), (6, 7), (8, 9), (9, 10), (11, 12), (12, 13)])
KINDS = ("upper arms", "forearms", "upper arms", "forearms", "thighs", "shins", "thighs", "shins")


def lengths(pose: Pose) -> np.ndarray:
    """(8,) pixels, NaN where a limb lacks a joint."""
    found = np.hypot(*(pose.keypoints[LIMBS[:, 1]] - pose.keypoints[LIMBS[:, 0]]).T)
    return np.where(pose.present[LIMBS].all(1), found, np.nan)


def directions(pose: Pose) -> np.ndarray:
    along = pose.keypoints[LIMBS[:, 1]] - pose.keypoints[LIMBS[:, 0]]
    return along / np.linalg.norm(along, axis=1, keepdims=True)


def built(arms: float = 1.0, legs: float = 1.0, size: float = 1.0) -> Pose:
    """Somebody standing, their arms and legs so many times as long as usual."""
    pose = standing_pose(CANVAS)
    xy = pose.keypoints.copy()
    for root, joints, ratio in ((2, (3, 4), arms), (5, (6, 7), arms), (8, (9, 10), legs), (11, (12, 13), legs)):
        xy[list(joints)] = xy[root] + (xy[list(joints)] - xy[root]) * ratio
    middle = xy[[8, 11]].mean(0)
    return Pose(middle + (xy - middle) * size, pose.confidence, CANVAS)


def wave() -> Pose:
    return load_pose_file(POSES["wave"])[0].largest()


def sequence() -> list[Pose]:
    return [people.largest() for people in load_pose_file(POSES["greeting_sequence"])]


def test_limbs_take_the_persons_lengths_and_keep_their_directions() -> None:
    given, person = built(size=0.7), built(arms=1.05, legs=0.96, size=0.6)
    (result,) = retarget([given], [person])
    assert np.allclose(lengths(result), lengths(person), rtol=0.03)
    assert np.allclose(directions(result), directions(given), atol=1e-6)
    assert np.allclose(result.keypoints[[8, 11]].mean(0), person.keypoints[[8, 11]].mean(0))


def test_the_same_build_changes_nothing() -> None:
    given = built(size=0.7)
    (result,) = retarget([given], [given])
    assert np.allclose(result.keypoints, given.keypoints, atol=1e-6)


def test_strength_goes_from_scaling_to_the_persons_lengths() -> None:
    given, person = built(size=0.7), built(arms=1.12, size=0.6)
    at = [np.nanmean(lengths(retarget([given], [person], strength=s)[0])[:4]) for s in (0.0, 0.5, 1.0)]
    (fitted,) = fit_to_person([given], person)
    assert at[0] == pytest.approx(np.nanmean(lengths(fitted)[:4]))
    assert at[0] < at[1] < at[2]


def test_what_is_foreshortened_stays_so() -> None:
    """An arm that points at the camera in the target is as much shorter than the person's arm."""
    given = built(size=0.7)
    xy = given.keypoints.copy()
    xy[3] = xy[2] + (xy[3] - xy[2]) * 0.3
    xy[4] = xy[3] + (given.keypoints[4] - given.keypoints[3])
    (result,) = retarget([Pose(xy, given.confidence, CANVAS)], [built(size=0.6)])
    assert lengths(result)[0] == pytest.approx(0.3 * lengths(result)[2], rel=1e-6)


def test_a_limb_the_source_shows_from_its_end_is_not_taken_for_short() -> None:
    person = built(size=0.6)
    xy = person.keypoints.copy()
    for knee, hip, ankle in ((9, 8, 10), (12, 11, 13)):  # somebody who sits facing us
        shift = (xy[knee] - xy[hip]) * 0.8
        xy[[knee, ankle]] -= shift
    build = measure_build([Pose(xy, person.confidence, CANVAS)])
    whole = measure_build([person])
    assert build is not None
    assert whole is not None
    assert build.lengths["thighs"] == pytest.approx(whole.lengths["thighs"], rel=0.1)
    assert build.confidence["thighs"] == 0
    assert build.confidence["shins"] == 1


def test_several_poses_of_a_person_say_more_than_one() -> None:
    long = built(arms=1.15, size=0.6)
    hidden = Pose(np.where(np.isin(np.arange(18), (3, 4, 6, 7))[:, None], 0, long.keypoints), long.confidence, CANVAS)
    hidden = Pose(hidden.keypoints, np.where(hidden.keypoints.any(1), 1.0, 0.0), CANVAS)
    one, both = measure_build([hidden]), measure_build([hidden, long])
    assert one is not None
    assert both is not None
    assert one.confidence["forearms"] == 0
    assert both.lengths["forearms"] == pytest.approx(np.nanmean(lengths(long)[[1, 3]]), rel=0.02)


def test_lengths_that_nobody_shows_are_those_of_anatomy() -> None:
    bust = standing_pose(CANVAS)
    there = np.isin(np.arange(18), (0, 1, 2, 3, 5, 6, 14, 15, 16, 17))
    build = measure_build([Pose(np.where(there[:, None], bust.keypoints, 0), there.astype(float), CANVAS)])
    assert build is not None
    assert set(build.lengths) == set(LIMB_KINDS)
    assert build.confidence["shins"] == 0
    assert 0.5 < build.lengths["shins"] / build.size < 1


def test_no_limb_is_longer_than_the_persons_own() -> None:
    random = np.random.default_rng(7)
    for _ in range(2_000):
        poses = [Pose(random.normal(300, 90, (18, 2)), (random.random(18) < 0.9).astype(float), CANVAS) for _ in "ab"]
        if any(pose.is_empty for pose in poses):
            continue
        build = measure_build(poses[1:])
        for result in retarget(poses[:1], poses[1:]):
            if build is not None:
                allowed = np.array([build.lengths[kind] for kind in KINDS]) * 1.25
                assert (np.nan_to_num(lengths(result)) <= allowed + 1e-6).all()


def test_a_sequence_jitters_no_more_than_before() -> None:
    random = np.random.default_rng(3)
    given = [
        Pose(pose.keypoints + random.normal(0, 1.5, (18, 2)) * pose.present[:, None], pose.confidence, pose.canvas)
        for pose in sequence()
    ]
    person = built(arms=1.1, legs=0.9, size=0.6)
    result, fitted = retarget(given, [person]), fit_to_person(given, person)

    def jitter(poses: list[Pose]) -> float:
        wrists = np.stack([pose.keypoints[[4, 7]] - pose.keypoints[[8, 11]].mean(0) for pose in poses])
        return float(np.linalg.norm(np.diff(wrists, 2, axis=0), axis=-1).mean() / np.nanmean(lengths(poses[0])[:4]))

    assert jitter(result) <= 1.02 * jitter(fitted)


def test_where_the_pose_is_it_keeps_place_and_size() -> None:
    given, person = built(size=0.7), built(arms=1.1, size=0.3)
    (result,) = retarget([given], [person], place="target")
    assert np.allclose(result.keypoints[[8, 11]].mean(0), given.keypoints[[8, 11]].mean(0))
    assert measure_build([result]).size == pytest.approx(measure_build([given]).size, rel=0.05)  # type: ignore[union-attr]
    ratio = lengths(result) / lengths(given)
    assert ratio[:4].mean() > 1.04 * ratio[4:].mean()


def test_nobody_is_cut_whom_their_image_shows_whole() -> None:
    person = built(size=0.9)
    crouching = person.keypoints.copy()
    crouching[:, 1] = 800 - (800 - crouching[:, 1]) * 0.5  # seen from above: half as high
    crouching[:, 0] += 150
    (result,) = retarget([wave()], [Pose(crouching, person.confidence, CANVAS)])
    inside = result.keypoints[result.present]
    assert (inside >= 0).all()
    assert (inside <= (600, 800)).all()


def test_a_bust_keeps_its_size_though_legs_leave_the_image() -> None:
    person = built(size=1.0)
    bust = Pose(person.keypoints * 2.4 - (420, 150), person.confidence, CANVAS)
    there = (bust.keypoints[:, 1] < 800) & (bust.keypoints >= 0).all(1)
    bust = Pose(np.where(there[:, None], bust.keypoints, 0), there.astype(float), CANVAS)
    (result,) = retarget([built(size=0.5)], [bust])
    assert np.linalg.norm(result.keypoints[2] - result.keypoints[5]) == pytest.approx(
        np.linalg.norm(bust.keypoints[2] - bust.keypoints[5]), rel=0.1
    )


def test_hands_face_and_feet_go_with_what_they_hang_on() -> None:
    given, person = built(size=0.7), built(arms=1.1, legs=0.9, size=0.6)
    hand = np.column_stack([given.keypoints[7] + np.arange(42).reshape(21, 2) - (0, 1), np.ones(21)])
    feet = np.column_stack(
        [np.repeat(given.keypoints[[13, 10]], 3, 0) + np.tile([[0, 0], [3, 1], [5, 2]], (2, 1)), np.ones(6)]
    )
    face = np.column_stack([given.keypoints[0] + (np.arange(140).reshape(70, 2) - (0, 1)) / 10, np.ones(70)])
    whole = Pose(given.keypoints, given.confidence, CANVAS, hand_left=hand, face=face, feet=feet)
    (result,) = retarget([whole], [person])
    assert result.hand_left is not None
    assert result.feet is not None
    assert result.face is not None
    assert np.allclose(result.hand_left[0, :2], result.keypoints[7])
    assert np.allclose(result.feet[[0, 3], :2], result.keypoints[[13, 10]])
    assert np.allclose(result.face[0, :2], result.keypoints[0])


def test_missing_joints_stay_missing_and_others_hang_on_what_is_left() -> None:
    given = built(size=0.7)
    lacking = np.where(np.isin(np.arange(18), (1, 3, 11)), 0.0, given.confidence)
    (result,) = retarget([Pose(given.keypoints, lacking, CANVAS)], [built(size=0.6)])
    assert (result.present == (lacking > 0)).all()
    assert np.isfinite(result.keypoints).all()


def test_what_cannot_be_retargeted_is_said() -> None:
    nobody = Pose(np.zeros((18, 2)), np.zeros(18), CANVAS)
    with pytest.raises(ValueError, match="strength from 0 to 1, got 2"):
        retarget([wave()], [built()], strength=2)
    with pytest.raises(ValueError, match="at least one pose of the person"):
        retarget([wave()], [])
    with pytest.raises(ValueError, match="at least one pose to fit"):
        retarget([], [built()])
    with pytest.raises(NoPersonError):
        retarget([nobody], [built()])
    with pytest.raises(NoPersonError):
        retarget([wave()], [nobody])
