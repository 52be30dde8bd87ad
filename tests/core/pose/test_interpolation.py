"""Poses between poses.

`python tests/core/pose/test_interpolation.py` writes the examples that the front end is tested on as well.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dptn_core.pose import (
    EASINGS,
    LIMBS,
    Canvas,
    People,
    Pose,
    Step,
    frame_count,
    pose_between,
    read_openpose,
    sequence,
    standing_pose,
    write_openpose,
)
from dptn_core.pose.edited import EditedPose, PoseFormatError, fingerprint, read_edited, write_edited
from dptn_core.pose.interpolation import MAX_FRAMES

GOLDEN = Path(__file__).parents[2] / "web" / "interpolation.json"
CANVAS = Canvas(384, 512)
STANDING = standing_pose(CANVAS)
ARMS_LEGS = ((2, 3), (3, 4), (5, 6), (6, 7), (8, 9), (9, 10), (11, 12), (12, 13))


def posed(changes: dict[int, tuple[float, float] | None], base: Pose = STANDING) -> Pose:
    points = [None if base.confidence[joint] == 0 else tuple(base.keypoints[joint]) for joint in range(18)]
    for joint, place in changes.items():
        points[joint] = place
    return Pose.from_keypoints(points, base.canvas)


def turned(pose: Pose, angle: float, centre: tuple[float, float]) -> Pose:
    cos, sin = math.cos(angle), math.sin(angle)
    xy = (pose.keypoints - centre) @ np.array([[cos, sin], [-sin, cos]]) + centre
    return Pose(xy, pose.confidence, pose.canvas)


def lengths(pose: Pose) -> np.ndarray:
    return np.array([math.dist(pose.keypoints[a], pose.keypoints[b]) for a, b in LIMBS])


def angle(pose: Pose, a: int, b: int) -> float:
    (ax, ay), (bx, by) = pose.keypoints[[a, b]]
    return math.atan2(by - ay, bx - ax)


@pytest.mark.parametrize("fraction", [0.0, 0.25, 0.5, 1.0])
def test_the_ends_are_the_poses_themselves(fraction):
    end = turned(STANDING, 0.7, (150.0, 200.0))
    found = pose_between(STANDING, end, fraction)
    if fraction in (0.0, 1.0):
        assert np.allclose(found.keypoints, (STANDING, end)[int(fraction)].keypoints)
    else:
        assert not np.allclose(found.keypoints, STANDING.keypoints)


def test_a_body_that_turns_keeps_every_length_all_the_way():
    end = turned(STANDING, 1.3, (200.0, 300.0))
    for fraction in np.linspace(0, 1, 9):
        assert np.allclose(lengths(pose_between(STANDING, end, fraction)), lengths(STANDING))


def test_an_arm_swings_evenly_and_outward_and_does_not_shrink():
    shoulder = STANDING.keypoints[2]
    upper, fore = lengths(STANDING)[2], lengths(STANDING)[3]
    down = posed({3: (shoulder[0], shoulder[1] + upper), 4: (shoulder[0], shoulder[1] + upper + fore)})
    up = posed({3: (shoulder[0], shoulder[1] - upper), 4: (shoulder[0], shoulder[1] - upper - fore)})
    for fraction in (0.25, 0.5, 0.75):
        found = pose_between(down, up, fraction)
        assert angle(found, 2, 3) % (2 * math.pi) == pytest.approx(math.pi / 2 + math.pi * fraction)
        assert lengths(found)[2:4] == pytest.approx([upper, fore])
        assert found.keypoints[3, 0] < shoulder[0]  # the right arm goes past the right of the body
    left = pose_between(down.mirrored(), up.mirrored(), 0.5)
    assert left.keypoints[6, 0] > left.keypoints[5, 0]


def test_lengths_change_evenly():
    short = posed({4: tuple(STANDING.keypoints[3] + (STANDING.keypoints[4] - STANDING.keypoints[3]) * 0.3)})
    for fraction in (0.2, 0.5, 0.9):
        expected = lengths(STANDING)[3] * (1 - 0.7 * fraction)
        assert lengths(pose_between(STANDING, short, fraction))[3] == pytest.approx(expected)


def test_an_elbow_bends_through_the_straight_arm():
    """100 degrees one way to 100 the other: not through the hand on the shoulder."""
    elbow, fore = STANDING.keypoints[3], lengths(STANDING)[3]
    along = angle(STANDING, 2, 3)
    one, other = (
        posed({4: (elbow[0] + fore * math.cos(along + bend), elbow[1] + fore * math.sin(along + bend))})
        for bend in (math.radians(100), math.radians(-100))
    )
    assert angle(pose_between(one, other, 0.5), 3, 4) == pytest.approx(along)
    folded = [
        posed({4: (elbow[0] + fore * math.cos(along + bend), elbow[1] + fore * math.sin(along + bend))})
        for bend in (math.radians(170), math.radians(-170))
    ]
    middle = angle(pose_between(*folded, 0.5), 3, 4)
    assert math.cos(middle - along) == pytest.approx(-1)  # nearly folded both times: it stays folded


def test_somebody_who_turns_round_does_not_swing_a_shoulder_over_the_head():
    back = STANDING.mirrored()
    back = Pose(back.keypoints[[0, 1, 5, 6, 7, 2, 3, 4, 11, 12, 13, 8, 9, 10, 15, 14, 17, 16]], back.confidence, CANVAS)
    for fraction in (0.25, 0.5, 0.75):
        found = pose_between(STANDING, back, fraction)
        assert found.keypoints[2, 1] == pytest.approx(STANDING.keypoints[2, 1])


def test_somebody_who_goes_upside_down_turns_about_the_hips():
    hips = STANDING.keypoints[[8, 11]].mean(0)
    handstand = turned(STANDING, math.pi * 0.9, tuple(hips))
    for fraction in (0.25, 0.5, 0.75):
        found = pose_between(STANDING, handstand, fraction)
        assert found.keypoints[[8, 11]].mean(0) == pytest.approx(hips)
        assert np.allclose(lengths(found), lengths(STANDING))


def test_what_only_one_pose_has():
    without_arm = posed({3: None, 4: None})
    leaves = pose_between(STANDING, without_arm, 0.5)
    assert leaves.present[[3, 4]].all() and np.allclose(leaves.keypoints[4], STANDING.keypoints[4])
    comes = pose_between(without_arm, STANDING, 0.9)
    assert not comes.present[[3, 4]].any()
    moved = posed({}, STANDING.transformed((1, 1), (40, 10), CANVAS))
    warped = pose_between(STANDING, posed({3: None, 4: None}, moved), 0.5)
    assert np.allclose(warped.keypoints[4] - STANDING.keypoints[4], (20, 5))


FEET = np.column_stack(
    [
        STANDING.keypoints[[13, 13, 13, 10, 10, 10]] + [(12, 14), (5, 16), (-4, 9), (-12, 14), (-5, 16), (4, 9)],
        np.ones(6),
    ]
)
"""Of the standing pose: big toe, small toe and heel of the left foot, then of the right."""


def with_feet(pose: Pose, feet: np.ndarray | None = FEET) -> Pose:
    return replace(pose, feet=feet)


def moved_leg(side: int) -> Pose:
    """The standing pose with one leg, 10 right or 13 left, swung aside."""
    knee, ankle = STANDING.keypoints[side - 1], STANDING.keypoints[side]
    return posed({side - 1: (knee[0] + 30, knee[1] - 10), side: (ankle[0] + 70, ankle[1] - 30)})


@pytest.mark.parametrize("fraction", [0.0, 0.3, 0.5, 1.0])
def test_feet_that_both_poses_have_go_from_one_to_the_other(fraction):
    start = with_feet(STANDING)
    end = start.transformed((1, 1), (40, -20), CANVAS)
    found = pose_between(start, end, fraction)
    assert np.allclose(found.feet[:, :2], FEET[:, :2] + np.array([40, -20]) * fraction)
    bent = FEET.copy()
    bent[:3, :2] += (6, -8)  # the left foot alone is turned on its ankle
    found = pose_between(start, with_feet(STANDING, bent), fraction)
    assert np.allclose(found.feet[:3, :2], FEET[:3, :2] + np.array([6, -8]) * fraction)
    assert np.allclose(found.feet[3:], FEET[3:])


@pytest.mark.parametrize("side", [10, 13])
def test_each_foot_stays_on_its_own_ankle(side):
    feet = slice(3, 6) if side == 10 else slice(0, 3)
    other = slice(0, 3) if side == 10 else slice(3, 6)
    start = with_feet(STANDING)
    for end in (moved_leg(side), with_feet(moved_leg(side), FEET)):
        found = pose_between(start, end, 0.5)
        assert np.allclose(found.feet[other], FEET[other])
    found = pose_between(start, moved_leg(side), 0.5)  # the end has no feet: they go along, of the same shape
    before, after = (np.hypot(*(pose.feet[feet, :2] - pose.keypoints[side]).T) for pose in (start, found))
    assert np.allclose(before, after) and not np.allclose(found.feet[feet, :2], FEET[feet, :2])
    turn = angle(found, side - 1, side) - angle(start, side - 1, side)
    cos, sin = math.cos(turn), math.sin(turn)
    own = (start.feet[feet, :2] - start.keypoints[side]) @ np.array([[cos, sin], [-sin, cos]])
    assert np.allclose(found.feet[feet, :2] - found.keypoints[side], own)


def test_points_of_feet_that_only_one_pose_has_leave_and_come_as_joints_do():
    fewer = FEET.copy()
    fewer[[1, 5]] = 0
    leaves = pose_between(with_feet(STANDING), with_feet(STANDING, fewer), 0.5)
    assert np.allclose(leaves.feet, FEET)
    comes = pose_between(with_feet(STANDING, fewer), with_feet(STANDING), 0.9)
    assert (comes.feet[:, 2] > 0).tolist() == [True, False, True, True, True, False]
    assert pose_between(STANDING, with_feet(STANDING), 0.5).feet is None
    without_ankle = with_feet(posed({13: None}))
    assert np.allclose(pose_between(without_ankle, with_feet(STANDING), 0.5).feet, FEET)


def test_feet_between_keyframes_go_out_of_an_edit_and_back():
    end = with_feet(STANDING).transformed((1, 1), (30, 12), CANVAS)
    keyframes = tuple(People((pose,), CANVAS) for pose in (with_feet(STANDING), end))
    edit = read_edited(write_edited(EditedPose(keyframes, None, steps=(Step(3), Step()))))
    assert edit is not None and edit.frames[1].people[0].feet is not None
    frames = edit.sequence()
    assert [frame.people[0].feet[0, 0] for frame in frames] == pytest.approx(FEET[0, 0] + np.arange(4) * 10)
    again = read_openpose(write_openpose(frames))
    assert np.allclose([frame.people[0].feet for frame in again], [frame.people[0].feet for frame in frames])


def test_a_pose_is_known_by_its_feet():
    toe = FEET.copy()
    toe[0, 0] += 1
    missing = FEET.copy()
    missing[4] = 0
    bare = People((STANDING,), CANVAS)
    others = [People((with_feet(STANDING, feet),), CANVAS) for feet in (FEET, toe, missing)]
    names = [fingerprint([frame]) for frame in (bare, *others)]
    assert len(set(names)) == 4
    assert fingerprint(read_openpose(write_openpose(others[:1]))) == names[1]
    assert fingerprint([People((with_feet(STANDING, FEET * 0),), CANVAS)]) == names[0], "saved edits keep their pose"


def test_half_bodies_and_nobody():
    alone = Pose.from_keypoints([(10.0, 20.0), *[None] * 17], CANVAS)
    other = Pose.from_keypoints([(30.0, 60.0), *[None] * 17], CANVAS)
    assert np.allclose(pose_between(alone, other, 0.5).keypoints[0], (20, 40))
    nobody = Pose.from_keypoints([None] * 18, CANVAS)
    assert pose_between(STANDING, nobody, 0.5) == STANDING
    assert pose_between(nobody, STANDING, 0.5) == nobody
    one_place = Pose(np.full((18, 2), 100.0), np.ones(18), CANVAS)
    assert np.isfinite(pose_between(one_place, STANDING, 0.5).keypoints).all()


def test_people_go_together_by_their_place():
    two = People((STANDING, STANDING.transformed((1, 1), (50, 0), CANVAS)), CANVAS)
    one = People((STANDING,), CANVAS)
    middle = list(sequence([two, one], [Step(2), Step()]))[1]
    assert len(middle.people) == 2 and middle.people[1] == two.people[1]
    assert len(list(sequence([one, two], [Step(2), Step()]))[1].people) == 1


@pytest.mark.parametrize("name", EASINGS)
def test_easings_go_from_start_to_end(name):
    way = [EASINGS[name](fraction) for fraction in np.linspace(0, 1, 21)]
    assert way[0] == 0 and way == sorted(way)
    assert way[-1] == (0 if name == "hold" else 1)


def test_a_sequence_has_its_keyframes_where_the_steps_say():
    ends = [turned(STANDING, angle, (200.0, 250.0)) for angle in (0.0, 0.5, 1.0)]
    keyframes = [People((pose,), CANVAS) for pose in ends]
    steps = [Step(4, "smooth"), Step(3, "hold"), Step(5)]
    frames = list(sequence(keyframes, steps))
    assert len(frames) == frame_count(steps) == 8
    assert [frames[0], frames[4], frames[7]] == keyframes
    assert frames[5].people[0] == frames[4].people[0]
    assert angle(frames[1].people[0], 1, 0) - angle(ends[0], 1, 0) == pytest.approx(0.5 * EASINGS["smooth"](0.25))
    looped = list(sequence(keyframes, steps, loop=True))
    assert len(looped) == frame_count(steps, loop=True) == 12 and looped[:8] == frames
    assert list(sequence(keyframes[:1], steps[:1])) == keyframes[:1]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Step(0), "1 to 10000 frames to the next keyframe, got 0"),
        (lambda: Step(True), "got True"),
        (lambda: Step(1, "bouncy"), "expected one of linear, smooth"),
        (lambda: sequence([], []), "got 0 keyframes"),
        (lambda: sequence([People((), CANVAS)], []), "got 1 keyframes and 0 steps"),
        (
            lambda: sequence([People((), CANVAS), People((), Canvas(9, 9))], [Step(), Step()]),
            "keyframes on one canvas, got several",
        ),
        (lambda: sequence([People((), CANVAS)] * 3, [Step(MAX_FRAMES)] * 3), "at most 10000 frames, got 20001"),
    ],
)
def test_what_is_no_sequence_is_said(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_an_edit_with_keyframes_goes_out_as_a_sequence():
    keyframes = tuple(People((turned(STANDING, angle, (200.0, 250.0)),), CANVAS) for angle in (0.0, 0.5))
    edit = read_edited(write_edited(EditedPose(keyframes, None, steps=(Step(6, "smooth"), Step()))))
    assert edit is not None and edit.steps == (Step(6, "smooth"), Step()) and len(edit.sequence()) == 7
    looping = read_edited(write_edited(EditedPose(keyframes, None, steps=(Step(6), Step(2)), loop=True)))
    assert looping is not None and looping.loop and len(looping.sequence()) == 8


def test_a_value_of_version_1_is_read_as_a_plain_sequence():
    images = write_openpose([People((STANDING,), CANVAS)] * 3)
    old = {"version": 1, "canvas_width": 384, "canvas_height": 512, "upstream": "ab", "frames": images}
    edit = read_edited(json.dumps(old))
    assert edit is not None and edit.upstream == "ab" and len(edit.sequence()) == 3 and not edit.loop


@pytest.mark.parametrize(
    ("frame", "more", "message"),
    [
        ({"steps": 0}, {}, r"frames\[0\].*1 to 10000"),
        ({"steps": 1.5}, {}, r"frames\[0\].*got 1.5"),
        ({"steps": None}, {}, r"frames\[0\]"),
        ({"easing": ["x"]}, {}, r"frames\[0\].*easing"),
        ({"easing": "bouncy"}, {}, "expected one of linear, smooth, .* for easing"),
        ({"steps": MAX_FRAMES}, {"loop": True}, "at most 10000 frames, got 20000"),
        ({}, {"loop": 1}, "loop of the edited pose"),
    ],
)
def test_broken_timing_is_refused_in_words(frame, more, message):
    people = write_openpose([People((STANDING,), CANVAS)] * 2)
    document = {
        "version": 2,
        "canvas_width": 384,
        "canvas_height": 512,
        "frames": [people[0] | frame, people[1]],
    } | more
    if more.get("loop") is True:
        document["frames"][1] |= frame
    with pytest.raises(PoseFormatError, match=message):
        read_edited(json.dumps(document))


def examples() -> list[dict[str, object]]:
    """Ways between poses of every kind, with what lies on them."""
    rng = np.random.default_rng(3)
    hand = np.column_stack([STANDING.keypoints[7] + rng.normal(0, 6, (21, 2)), np.ones(21)])
    face = np.column_stack([STANDING.keypoints[0] + rng.normal(0, 9, (70, 2)), rng.random(70) > 0.2])
    whole = Pose(STANDING.keypoints, STANDING.confidence, CANVAS, hand_left=hand, hand_right=hand, face=face)
    pairs = [(STANDING, turned(STANDING, 2.5, (180.0, 220.0))), (whole, turned(STANDING, -1.0, (180.0, 220.0)))]
    pairs += [(whole, whole.transformed((1.3, 0.7), (20, 30), CANVAS)), (STANDING, STANDING.mirrored())]
    for _ in range(24):
        some = [
            Pose(
                STANDING.keypoints + rng.normal(0, 60, (18, 2)),
                (rng.random(18) > rng.random() / 2).astype(float),
                CANVAS,
            )
            for _ in range(2)
        ]
        pairs.append((some[0], some[1]))
    pairs.append((Pose(np.full((18, 2), 90.0), np.ones(18), CANVAS), STANDING))
    footed = with_feet(whole)
    pairs += [(footed, turned(STANDING, 0.8, (180.0, 220.0))), (footed, footed.transformed((1.2, 0.8), (9, 4), CANVAS))]
    one_foot = FEET.copy()
    one_foot[3:] = 0
    pairs += [(with_feet(STANDING), with_feet(moved_leg(10), one_foot)), (with_feet(STANDING, one_foot), footed)]
    made: list[dict[str, object]] = []
    for number, (start, end) in enumerate(pairs):
        fraction = (0.5, 0.2, 0.85)[number % 3]
        written = write_openpose([People((pose,), CANVAS) for pose in (start, end)])
        a, b = (frame.people[0] for frame in read_openpose(written))
        short = [_without_empty_parts(image) for image in written]
        made.append(
            {"start": short[0], "end": short[1], "fraction": fraction, "between": _listed(pose_between(a, b, fraction))}
        )
    return made


def _without_empty_parts(image: dict[str, Any]) -> dict[str, Any]:
    people = [{part: values for part, values in person.items() if any(values)} for person in image["people"]]
    return image | {"people": people}


def _listed(pose: Pose) -> dict[str, object]:
    def points(part: np.ndarray | None) -> list[list[float] | None] | None:
        if part is None or not part[:, 2].any():  # a foot may be empty beside the other
            return None
        return [[round(x, 9), round(y, 9)] if score > 0 else None for x, y, score in part.tolist()]

    body = np.column_stack([pose.keypoints, pose.confidence])
    parts = (("points", body), ("handLeft", pose.hand_left), ("handRight", pose.hand_right), ("face", pose.face))
    feet = (None, None) if pose.feet is None else (pose.feet[:3], pose.feet[3:])
    parts += tuple(zip(("footLeft", "footRight"), feet, strict=True))
    return {name: points(part) for name, part in parts}


def test_the_examples_that_the_front_end_is_tested_on_hold():
    for example in json.loads(GOLDEN.read_text()):
        start, end = (frame.people[0] for frame in read_openpose([example["start"], example["end"]]))
        found = _listed(pose_between(start, end, example["fraction"]))
        for name, expected in example["between"].items():
            assert (found[name] is None) == (expected is None)
            for place, wanted in zip(found[name] or [], expected or [], strict=True):
                assert (place is None) == (wanted is None)
                assert place is None or place == pytest.approx(wanted, abs=1e-6)


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(examples()) + "\n")
