"""Choosing, fitting, standing, silhouettes and the editor's value."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dptn_core.pose import (
    KEYPOINT_NAMES,
    PERSON_CHOICES,
    Canvas,
    NoPersonError,
    People,
    Pose,
    PoseFormatError,
    Step,
    choose_person,
    draw_silhouette,
    fit_to_canvas,
    fit_to_person,
    load_pose_file,
    read_openpose,
    read_poses,
    standing_pose,
    write_openpose,
)
from dptn_core.pose.edited import EditedPose, fingerprint, read_edited, settle, write_edited

CANVAS = Canvas(400, 600)
NOBODY = Pose(np.zeros((18, 2)), np.zeros(18), CANVAS)


def moved(pose: Pose, scale: float = 1.0, x: float = 0.0, y: float = 0.0) -> Pose:
    return pose.transformed((scale, scale), (x, y), pose.canvas)


def without(pose: Pose, *joints: int) -> Pose:
    confidence = pose.confidence.copy()
    confidence[list(joints)] = 0
    return Pose(pose.keypoints, confidence, pose.canvas)


# Choosing


def row(*shifts: float) -> tuple[People, list[Pose]]:
    """People of half size at given shifts; the second in the list is a little larger."""
    standing = standing_pose(CANVAS)
    poses = [moved(standing, 0.55 if index == 1 else 0.5, shift, 100) for index, shift in enumerate(shifts)]
    return People(tuple(poses), CANVAS), poses


def test_people_are_counted_by_place_in_any_order():
    people, (b, d, a, c) = row(100, 300, 0, 200)
    chosen = [choose_person(people, choice) for choice in PERSON_CHOICES]
    largest, central, *rest = chosen
    assert largest == d
    assert central == b  # its box is nearest to the middle of the canvas
    assert rest == [a, b, c, d, d]


def test_those_without_a_joint_are_not_counted():
    people, poses = row(200, 0)
    people = People((NOBODY, *people.people, NOBODY), CANVAS)
    assert choose_person(people, "2nd from left") == poses[0]
    with pytest.raises(NoPersonError, match="no person '3rd from left': the frame has 2"):
        choose_person(people, "3rd from left")


@pytest.mark.parametrize("choice", PERSON_CHOICES)
def test_nobody_can_be_chosen_from_nobody(choice):
    with pytest.raises(NoPersonError):
        choose_person(People((NOBODY,), CANVAS), choice)


def test_a_choice_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(ValueError, match=r"expected one of largest, .* for person, got 'tallest'"):
        choose_person(People((standing_pose(CANVAS),), CANVAS), "tallest")


# Standing


@pytest.mark.parametrize("size", [(16, 16), (384, 512), (1920, 1080), (100, 3000)])
def test_a_standing_person_fits_every_canvas_upright_and_symmetric(size):
    canvas = Canvas(*size)
    pose = standing_pose(canvas)
    assert pose.present.all()
    left, top, right, bottom = pose.bounds()
    assert left >= 0 and top >= 0 and right <= canvas.width and bottom <= canvas.height
    y = dict(zip(KEYPOINT_NAMES, pose.keypoints[:, 1], strict=True))
    assert y["nose"] < y["neck"] < y["left_hip"] < y["left_knee"] < y["left_ankle"]
    assert np.allclose(pose.mirrored().keypoints, pose.keypoints)


# Fitting


@pytest.mark.parametrize("size", [(200, 300), (1200, 300), (300, 1200), (400, 600)])
def test_another_canvas_never_distorts(size):
    pose = standing_pose(CANVAS)
    (fitted,) = fit_to_canvas(People((pose,), CANVAS), Canvas(*size)).people
    before, after = np.ptp(pose.keypoints, axis=0), np.ptp(fitted.keypoints, axis=0)
    assert after[0] / before[0] == pytest.approx(after[1] / before[1])
    left, top, right, bottom = fitted.bounds()
    assert (left + right) / 2 == pytest.approx(size[0] / 2) and top >= 0 and bottom <= size[1]


@pytest.mark.parametrize("missing", [(), (1,), (8, 11)])
def test_somebody_elses_pose_takes_the_persons_size_and_place(missing):
    person = without(moved(standing_pose(CANVAS), 0.5, 150, 60), *missing)
    elsewhere = standing_pose(Canvas(3000, 2000))
    (fitted,) = fit_to_person([without(elsewhere, *missing)], person)
    assert fitted.canvas == CANVAS
    assert np.allclose(fitted.keypoints, person.keypoints)


def test_a_trunk_seen_from_its_end_does_not_blow_a_person_up():
    person = moved(standing_pose(CANVAS), 0.5, 150, 60)
    bent = standing_pose(CANVAS).keypoints.copy()
    bent[[8, 11], 1] = bent[1, 1] + 5
    (fitted,) = fit_to_person([Pose(bent, np.ones(18), CANVAS)], person)
    assert np.ptp(fitted.keypoints, axis=0).max() < 1.3 * np.ptp(person.keypoints, axis=0).max()


def test_in_a_sequence_movement_stays_movement():
    person = moved(standing_pose(CANVAS), 0.5, 150, 60)
    walk = [moved(standing_pose(CANVAS), 1.0, 10.0 * step) for step in range(3)]
    fitted = fit_to_person(walk, person)
    steps = np.diff([pose.keypoints[0, 0] for pose in fitted])
    assert np.allclose(steps, 5.0)


def test_fitting_nothing_or_nobody_says_so():
    with pytest.raises(ValueError, match="at least one pose to fit, got none"):
        fit_to_person([], standing_pose(CANVAS))
    with pytest.raises(NoPersonError):
        fit_to_person([NOBODY], standing_pose(CANVAS))


# Silhouettes


def test_a_silhouette_covers_the_skeleton_in_one_piece():
    from scipy.ndimage import label

    pose = standing_pose(CANVAS)
    drawn = draw_silhouette(People((pose,), CANVAS))[..., 0]
    assert set(np.unique(drawn)) == {0, 255}
    xy = pose.keypoints.astype(int)
    assert (drawn[xy[:, 1], xy[:, 0]] == 255).all()
    assert label(drawn)[1] == 1
    thicker = draw_silhouette(People((pose,), CANVAS), thickness=1.5)[..., 0]
    assert ((thicker > 0) >= (drawn > 0)).all() and thicker.sum() > drawn.sum()


def test_a_silhouette_scales_with_its_picture():
    people = People((standing_pose(CANVAS),), CANVAS)
    small, large = draw_silhouette(people), draw_silhouette(people, (1200, 800))
    assert large.shape == (1200, 800, 3)
    assert (large[::2, ::2] == small).mean() > 0.99


def test_a_silhouette_of_somebody_half_outside_or_absent():
    people = People((moved(standing_pose(CANVAS), 1.0, -260), NOBODY), CANVAS)
    drawn = draw_silhouette(people)
    assert drawn[:, :60].any() and not drawn[:, 200:].any()
    assert not draw_silhouette(People((), CANVAS)).any()
    with pytest.raises(ValueError, match="thickness"):
        draw_silhouette(people, thickness=0)


# The editor's value


def frames(shift: float = 0.0, count: int = 1) -> list[People]:
    return [People((moved(standing_pose(CANVAS), 1.0, shift + index),), CANVAS) for index in range(count)]


def test_an_edit_survives_being_written():
    hand = np.column_stack([np.full((21, 2), 50.0), np.ones(21)])
    pose = standing_pose(CANVAS)
    full = Pose(pose.keypoints, pose.confidence, CANVAS, hand_left=hand)
    for people in (frames(count=3), [People((), CANVAS)], [People((full, NOBODY), CANVAS)]):
        edit = EditedPose(tuple(people), "0123")
        assert read_edited(write_edited(edit)) == edit


def test_an_empty_text_is_no_edit_and_openpose_json_is_one():
    assert read_edited('{"version": 2, "frames": [], "library": []}') is None  # only poses put by
    assert read_edited("") is None and read_edited(" \n") is None and read_edited("[]") is None
    edit = read_edited(json.dumps(write_openpose(frames())))
    assert edit is not None and edit.foreign and edit.frames == tuple(frames())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ('{"version": 3, "frames": []}', "version 3.*versions 1 to 2"),
        ('{"version": [2], "frames": []}', "version"),
        ('{"version": 1}', "must be a list"),
        ('{"version": 1, "frames": [{"people": []}], "upstream": 3}', "upstream"),
        ('{"version": 2, "frames": [{"people": []}], "keep_edit": 1}', "keep_edit"),
        ('{"version": 1, "frames": [{"people": [{"pose_keypoints_2d": [1]}]}]}', "pose_keypoints_2d"),
    ],
)
def test_a_broken_edit_says_where(text, said):
    with pytest.raises(PoseFormatError, match=said):
        read_edited(text)


def test_openpose_json_on_several_canvases_is_brought_to_the_first():
    twice = Canvas(CANVAS.width * 2, CANVAS.height * 2)
    larger = frames()[0].people[0].transformed((2, 2), (0, 0), twice)
    edit = read_edited(json.dumps(write_openpose([*frames(), People((larger,), twice)])))
    assert edit is not None
    assert [frame.canvas for frame in edit.sequence()] == [CANVAS] * 2
    assert np.allclose(edit.frames[1].people[0].keypoints, edit.frames[0].people[0].keypoints)


def test_frames_of_an_edit_share_a_canvas():
    other = Canvas(10, 10)
    with pytest.raises(ValueError, match="on one canvas, got 2"):
        write_edited(EditedPose((*frames(), People((standing_pose(other),), other)), None))


def test_the_fingerprint_is_that_of_the_pose_not_of_its_spelling():
    assert fingerprint(frames()) == fingerprint(frames())
    assert fingerprint(frames()) != fingerprint(frames(1.0))
    assert fingerprint(frames()) != fingerprint(frames(count=2))
    hidden = People((without(frames()[0].people[0], 4),), CANVAS)
    assert fingerprint([hidden]) != fingerprint(frames())
    real_scores = frames()[0].people[0]
    scored = Pose(real_scores.keypoints, real_scores.confidence * 0.7, CANVAS)
    assert fingerprint([People((scored,), CANVAS)]) == fingerprint(frames())


def test_hands_count_for_the_fingerprint():
    pose = standing_pose(CANVAS)
    hand = np.column_stack([np.full((21, 2), 50.0), np.ones(21)])
    with_hand = Pose(pose.keypoints, pose.confidence, CANVAS, hand_left=hand)
    assert fingerprint([People((with_hand,), CANVAS)]) != fingerprint(frames())


def test_openpose_json_without_canvas_takes_the_one_that_is_likely():
    document = [{"people": [{"pose_keypoints_2d": write_openpose(frames())[0]["people"][0]["pose_keypoints_2d"]}]}]
    edit = read_edited(json.dumps(document), CANVAS)
    assert edit is not None and edit.frames == tuple(frames())
    edit = read_edited(json.dumps({"version": 1.3} | document[0]), CANVAS)
    assert edit is not None and edit.frames == tuple(frames())


def test_edits_win_until_upstream_changes():
    upstream, other, mine = frames(), frames(5.0), tuple(frames(50.0))
    edit = EditedPose(mine, fingerprint(upstream))
    assert settle(upstream, edit, CANVAS) == (list(mine), True)
    assert settle(other, edit, CANVAS) == (other, False)
    kept = EditedPose(mine, fingerprint(upstream), keep=True)
    assert settle(other, kept, CANVAS) == (list(mine), True)
    assert read_edited(write_edited(kept)) == kept
    assert settle(None, edit, CANVAS) == (list(mine), True)  # unplugged: the edit is all there is
    assert settle(upstream, EditedPose(mine, None), CANVAS) == (upstream, False)
    assert settle(upstream, EditedPose(mine, None, foreign=True), CANVAS) == (list(mine), True)
    assert settle(upstream, None, CANVAS) == (upstream, False)
    assert settle(None, None, CANVAS) == (frames(), False)


# Pose data in the editor's form, where poses are read


def an_edit() -> EditedPose:
    standing = standing_pose(CANVAS)
    frames = tuple(People((moved(standing, 0.5, x),), CANVAS) for x in (0.0, 90.0))
    return EditedPose(frames, upstream="of another graph", steps=(Step(3), Step()))


def test_a_file_of_the_editors_value_holds_its_frames_and_those_between(tmp_path):
    edited = an_edit()
    path = tmp_path / "edit.json"
    path.write_text(write_edited(edited), encoding="utf-8")
    frames = load_pose_file(path)
    assert len(frames) == 4
    assert frames == read_edited(write_edited(edited)).sequence()
    assert frames == read_poses(json.loads(write_edited(edited)))


def test_an_edit_without_frames_holds_none():
    assert read_poses({"version": 2, "frames": []}) == []


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"version": 3, "frames": []}, "has version 3"),
        ({"version": 2, "frames": 7}, "frames of the edited pose must be a list"),
        ({"version": 2, "frames": [{"people": [], "steps": 0}]}, r"frames\[0\]"),
        ({"version": 2, "frames": [{"people": []}] * 2, "loop": "yes"}, "loop of the edited pose"),
    ],
)
def test_pose_data_that_claims_to_be_an_edit_is_refused_by_name(document, words):
    with pytest.raises(PoseFormatError, match=words):
        read_poses(document)


@pytest.mark.parametrize("document", [{"version": 1.3, "people": []}, {"version": 1.3, "animals": []}])
def test_openpose_s_own_version_makes_no_edit(document):
    assert read_poses(document, CANVAS) == read_openpose(document, CANVAS)
