"""DWPOSES as DWPose, and the packs for Wan and SCAIL, make them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dptn_core.pose import Canvas, People, Pose, PoseFormatError
from dptn_core.pose.exchange import read_dwposes, write_dwposes

CANVAS = Canvas(400, 800)
SIZE = (400, 800)


def body(shift: float = 0.0) -> np.ndarray:
    """18 joints in 0..1."""
    numbers = np.arange(18)
    return np.stack([0.1 + shift + 0.01 * numbers, 0.2 + 0.03 * numbers], axis=1)


def hand_at(wrist: np.ndarray) -> np.ndarray:
    return wrist + 0.001 * np.arange(21)[:, None]


def scail(*people: np.ndarray, **changed: Any) -> dict[str, Any]:
    """A frame with a candidate for each person, hands right before left."""
    hands = [hand_at(one[wrist]) for one in people for wrist in (4, 7)]
    count = len(people)
    return {
        "bodies": {"candidate": np.stack(people), "subset": np.tile(np.arange(18.0), (count, 1))},
        "hands": np.stack(hands),
        "faces": np.full((count, 68, 2), 0.3),
        "body_score": np.full((count, 18), 0.8),
        "hand_score": np.full((2 * count, 21), 0.7),
        "face_score": np.full((count, 68), 0.9),
    } | changed


def dwpose(*people: np.ndarray) -> dict[str, Any]:
    """A frame with one list of points, hands left before right, no scores; each third joint missing."""
    subset = np.arange(18.0 * len(people)).reshape(len(people), 18)
    candidate = np.concatenate(people)
    subset[:, ::3] = -1
    candidate[subset.ravel() < 0] = -1
    hands = [hand_at(one[wrist]) for wrist in (7, 4) for one in people]
    return {
        "bodies": {"candidate": candidate, "subset": subset},
        "hands": np.stack(hands),
        "faces": np.zeros((0, 68, 2)),
    }


def test_a_candidate_for_each_person_is_read_in_pixels_with_its_scores():
    (frame,) = read_dwposes([scail(body(), body(0.4))], CANVAS)
    assert len(frame.people) == 2
    for pose, given in zip(frame.people, (body(), body(0.4)), strict=True):
        assert pose.keypoints == pytest.approx(given * SIZE)
        assert (pose.confidence == 0.8).all()
        assert pose.face is not None and (pose.face[:68, 2] == 0.9).all() and not pose.face[68:].any()


def test_one_list_of_points_is_looked_up_by_number():
    (frame,) = read_dwposes([dwpose(body(), body(0.4))], CANVAS)
    for pose, given in zip(frame.people, (body(), body(0.4)), strict=True):
        there = np.arange(18) % 3 > 0
        assert (pose.present == there).all()
        assert pose.keypoints[there] == pytest.approx(given[there] * SIZE)
        assert pose.face is None


@pytest.mark.parametrize("make", [scail, dwpose])
def test_a_hand_belongs_to_the_wrist_that_it_begins_at(make):
    (frame,) = read_dwposes([make(body(), body(0.4))], CANVAS)
    for pose, given in zip(frame.people, (body(), body(0.4)), strict=True):
        for hand, wrist in ((pose.hand_right, 4), (pose.hand_left, 7)):
            assert hand is not None
            assert hand[0, :2] == pytest.approx(given[wrist] * SIZE)


def test_a_single_frame_stands_for_a_list_and_the_image_with_nobody_is_empty():
    nobody = {"bodies": {"candidate": np.zeros((0, 2)), "subset": np.zeros((0, 18))}}
    assert [len(frame.people) for frame in read_dwposes(scail(body()), CANVAS)] == [1]
    assert [len(frame.people) for frame in read_dwposes([nobody, scail(body())], CANVAS)] == [0, 1]


def test_what_is_written_is_read_back():
    hand = np.column_stack([hand_at(body()[7]) * SIZE, np.full(21, 0.6)])
    face = np.column_stack([np.full((70, 2), 99.0), [*[0.5] * 68, 0, 0]])
    confidence = np.where(np.arange(18) == 11, 0.0, 0.75)
    one = Pose(body() * SIZE, confidence, CANVAS, hand_left=hand, face=face)
    other = Pose(body(0.4) * SIZE, np.ones(18), CANVAS)
    first, second = read_dwposes(write_dwposes([People((one, other), CANVAS), People((), CANVAS)]), CANVAS)
    assert second.people == ()
    for pose, given in zip(first.people, (one, other), strict=True):
        assert pose.keypoints == pytest.approx(given.keypoints)
        assert pose.confidence == pytest.approx(given.confidence)
    assert first.people[0].hand_left == pytest.approx(hand)
    assert first.people[0].hand_right is None
    assert first.people[0].face is not None
    assert first.people[0].face[:68] == pytest.approx(face[:68])
    assert first.people[1].hand_left is None and first.people[1].face is None


def test_what_is_written_has_the_shapes_of_the_form_with_somebody_in_each_frame():
    frame, empty = write_dwposes([People((Pose(body() * SIZE, np.ones(18), CANVAS),) * 2, CANVAS), People((), CANVAS)])
    assert frame["bodies"]["candidate"].shape == (2, 18, 2) and frame["bodies"]["subset"].shape == (2, 18)
    assert frame["hands"].shape == (4, 21, 2) and frame["faces"].shape == (2, 68, 2)
    assert (frame["hands"] == -1).all()
    assert empty["bodies"]["candidate"].shape == (1, 18, 2)
    assert (empty["bodies"]["candidate"] == -1).all() and (empty["bodies"]["subset"] == -1).all()


def bodies(candidate: object, subset: object) -> dict[str, Any]:
    return {"bodies": {"candidate": candidate, "subset": subset}}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (5, "DWPOSES: expected a list, got int"),
        ([None], "DWPOSES[0]: expected an object, got NoneType"),
        ([{}], "DWPOSES[0]: expected a value under 'bodies', got none"),
        ([{"bodies": []}], "DWPOSES[0].bodies: expected an object, got list"),
        ([bodies(body(), None)], "DWPOSES[0].bodies: expected a value under 'subset'"),
        ([bodies(np.zeros((1, 14, 2)), np.zeros((1, 18)))], "got shapes (1, 14, 2) and (1, 18)"),
        ([bodies(np.zeros((2, 18, 2)), np.zeros((1, 18)))], "got shapes (2, 18, 2) and (1, 18)"),
        ([bodies(np.zeros((18, 1)), np.zeros((1, 18)))], "got shapes (18, 1) and (1, 18)"),
        ([bodies(body(), np.full((1, 18), 1e300))], "DWPOSES[0].bodies.subset: expected numbers below 18"),
        ([bodies(body(), np.zeros(18))], "got shapes (18, 2) and (18,)"),
        ([scail(body()), scail(body(), hands=np.zeros((2, 20, 2)))], "DWPOSES[1].hands: expected shape (n, 21, 2)"),
        ([scail(body(), faces="x")], "DWPOSES[0].faces: expected an array of numbers, got str"),
        ([scail(body(), body_score=np.ones(18))], "DWPOSES[0].bodies.score: expected confidences of shape (1, 18)"),
    ],
)
def test_what_is_something_else_is_refused_by_its_place(data, said):
    with pytest.raises(PoseFormatError) as error:
        read_dwposes(data, CANVAS)
    assert said in str(error.value)


def test_numbers_that_are_none_are_missing_points():
    given = body()
    given[3], given[5] = np.nan, np.inf
    (frame,) = read_dwposes([scail(given)], CANVAS)
    assert np.flatnonzero(~frame.people[0].present).tolist() == [3, 5]
