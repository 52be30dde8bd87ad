"""POSEDATA as the packs that prepare videos for Wan Animate make it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dptn_core.pose import Canvas, Pose, PoseFormatError
from dptn_core.pose.exchange import read_wan_animate, write_wan_animate

WIDTH, HEIGHT = 480, 832
CANVAS = Canvas(WIDTH, HEIGHT)


def points(count: int, start: float = 100.0) -> np.ndarray:
    numbers = np.arange(count, dtype=np.float64)
    return np.stack([start + 3 * numbers, start + 5 * numbers], axis=1)


def meta(**changed: Any) -> SimpleNamespace:
    """An entry of "pose_metas": attributes, pixels."""
    parts: dict[str, Any] = {"image_id": "", "width": WIDTH, "height": HEIGHT}
    for name, count in (("body", 20), ("lhand", 21), ("rhand", 21), ("face", 69)):
        parts |= {f"kps_{name}": points(count), f"kps_{name}_p": np.linspace(0.2, 1.01, count)}
    return SimpleNamespace(**parts | changed)


def original(**changed: Any) -> dict[str, Any]:
    """The same entry of "pose_metas_original": a dict, 0..1."""
    names = {"body": "body", "left_hand": "lhand", "right_hand": "rhand", "face": "face"}
    whole = vars(meta())
    size = (WIDTH, HEIGHT)
    parts = {
        f"keypoints_{name}": np.column_stack([whole[f"kps_{short}"] / size, whole[f"kps_{short}_p"]])
        for name, short in names.items()
    }
    return {"width": WIDTH, "height": HEIGHT, **parts, **changed}


def pose_data(*metas: Any) -> dict[str, Any]:
    return {"retarget_image": None, "pose_metas": list(metas), "refer_pose_meta": None, "pose_metas_original": []}


def only(data: object) -> Pose:
    (frame,) = read_wan_animate(data)
    (pose,) = frame.people
    return pose


@pytest.mark.parametrize("entry", [meta(), original()], ids=["attributes in pixels", "a dict of 0..1"])
def test_either_kind_of_entry_gives_the_pose_in_pixels_with_its_confidences(entry):
    pose = only(pose_data(entry))
    assert pose.canvas == CANVAS
    assert pose.keypoints == pytest.approx(points(18))
    assert pose.confidence == pytest.approx(np.minimum(np.linspace(0.2, 1.01, 20), 1)[:18])
    assert pose.hand_left is not None and pose.hand_right is not None
    assert pose.hand_left[:, :2] == pytest.approx(points(21))
    assert pose.face is not None
    assert pose.face[:68, :2] == pytest.approx(points(69)[1:])  # the first is a heel
    assert not pose.face[68:].any()


def test_retargeted_hands_with_none_for_missing_points_are_read():
    """As the packs leave them where a hand was not seen."""
    hand = np.array([[None, None]] * 20 + [[7.0, 8.0]])
    pose = only(pose_data(meta(kps_lhand=hand, kps_lhand_p=np.ones(21), kps_face=None, kps_rhand=None)))
    assert pose.hand_left is not None
    assert pose.hand_left[:, 2].tolist() == [0.0] * 20 + [1.0]
    assert pose.hand_right is None and pose.face is None


def test_what_is_written_is_read_back():
    hand = np.column_stack([points(21), np.full(21, 0.5)])
    face = np.column_stack([points(70), [*[0.7] * 68, 0.0, 0.0]])
    body = np.column_stack([points(18), np.linspace(0.3, 1, 18)])
    pose = Pose(body[:, :2], body[:, 2], CANVAS, hand_right=hand, face=face)
    data = write_wan_animate([pose, None], [CANVAS, CANVAS])
    first, second = (frame.people[0] for frame in read_wan_animate(data))
    assert first.keypoints == pytest.approx(pose.keypoints)
    assert first.confidence == pytest.approx(pose.confidence)
    assert first.hand_left is None and first.hand_right == pytest.approx(hand)
    assert first.face is not None
    assert first.face[:68] == pytest.approx(face[:68])
    assert second.is_empty


def test_what_is_written_has_the_fields_that_those_packs_draw_from():
    feet = np.array([[10, 20, 1], [14, 22, 0.5], [0, 0, 0], [30, 40, 0.8], [0, 0, 0], [33, 44, 1.0]])
    pose = Pose(points(18), np.ones(18), CANVAS, feet=feet)
    data = write_wan_animate([pose], [CANVAS])
    assert set(data) == {"retarget_image", "pose_metas", "refer_pose_meta", "pose_metas_original"}
    (drawn,), (told,) = data["pose_metas"], data["pose_metas_original"]
    body = np.concatenate([drawn.kps_body, drawn.kps_body_p[:, None]], axis=1)  # as they do
    assert body[18].tolist() == pytest.approx([12, 21, 0.5])  # between the toes of the left foot
    assert body[19].tolist() == [0, 0, 0]
    assert [drawn.kps_lhand.shape, drawn.kps_rhand_p.shape, drawn.kps_face.shape] == [(21, 2), (21,), (69, 2)]
    assert told["keypoints_body"][:, :2] * (WIDTH, HEIGHT) == pytest.approx(body[:, :2])
    assert told["keypoints_face"][0] * (WIDTH, HEIGHT, 1) == pytest.approx([33, 44, 1])


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("x", "POSEDATA: expected an object, got str"),
        ({}, "POSEDATA: expected a value under 'pose_metas', got none"),
        (pose_data(None), "pose_metas[0]: canvas width must be a whole number, got NoneType"),
        (pose_data(original(width=None)), "pose_metas[0]: expected a value under 'width'"),
        (pose_data(original(height=-3)), "pose_metas[0]: canvas height must be 1 to 32768, got -3"),
        (pose_data(meta(kps_body_p=None)), "pose_metas[0].kps_body_p: expected 20 confidences, got shape ()"),
        (pose_data(meta(kps_body_p=np.ones(3))), "pose_metas[0].kps_body_p: expected 20 confidences, got shape (3,)"),
        (
            pose_data(meta(), original(keypoints_body=np.zeros((17, 3)))),
            "pose_metas[1].keypoints_body: expected 20 or 18 points of 3 numbers, got shape (17, 3)",
        ),
        (
            pose_data(original(keypoints_face={})),
            "keypoints_face: expected an array of numbers, got dict",
        ),
    ],
)
def test_what_is_something_else_is_refused_by_its_place(data, said):
    with pytest.raises(PoseFormatError) as error:
        read_wan_animate(data)
    assert said in str(error.value)
