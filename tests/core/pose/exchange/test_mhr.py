"""MHR_POSE_DATA as ComfyUI's SAM3D body nodes make it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dptn_core.pose import KEYPOINT_NAMES, Canvas, PoseFormatError
from dptn_core.pose.exchange import read_mhr

HEIGHT, WIDTH = 720, 1280


def person(**changed: Any) -> dict[str, Any]:
    """Point number n of MHR70 lies at (10 n + 5, 7 n + 3)."""
    numbers = np.arange(70, dtype=np.float32)
    return {
        "bbox": np.array([0, 0, WIDTH, HEIGHT], np.float32),
        "pred_keypoints_2d": np.stack([10 * numbers + 5, 7 * numbers + 3], axis=1),
        "pred_keypoints_3d": np.zeros((70, 3), np.float32),
        "pred_cam_t": np.array([0, 0, 3], np.float32),
    } | changed


def pose_data(*frames: list[dict[str, Any]], **changed: Any) -> dict[str, Any]:
    return {"frames": list(frames), "faces": np.zeros((4, 3)), "image_size": (HEIGHT, WIDTH)} | changed


def number_of(xy: np.ndarray) -> int:
    return round((xy[0] - 5) / 10)


def test_joints_hands_and_feet_come_from_their_points_of_mhr70():
    (frame,) = read_mhr(pose_data([person()]))
    (pose,) = frame.people
    assert frame.canvas == Canvas(WIDTH, HEIGHT)
    named = dict(zip(KEYPOINT_NAMES, map(number_of, pose.keypoints), strict=True))
    assert [named[name] for name in ("nose", "neck", "right_wrist", "left_wrist")] == [0, 69, 41, 62]
    assert [named[f"{side}_{joint}"] for side in ("left", "right") for joint in ("eye", "ear", "ankle")] == [
        *(1, 3, 13),
        *(2, 4, 14),
    ]
    assert pose.present.all() and (pose.confidence == 1).all()
    assert pose.hand_left is not None and pose.hand_right is not None and pose.feet is not None
    assert [number_of(point) for point in pose.hand_right[:9]] == [41, 24, 23, 22, 21, 28, 27, 26, 25]
    assert [number_of(point) for point in pose.hand_left[17:]] == [61, 60, 59, 58]
    assert [number_of(point) for point in pose.feet] == [15, 16, 17, 18, 19, 20]


def test_frames_without_people_stay_and_everybody_is_read():
    frames = read_mhr(pose_data([], [person(), person()]))
    assert [len(frame.people) for frame in frames] == [0, 2]


def test_points_that_could_not_be_projected_are_missing_and_those_beyond_the_edge_are_not():
    points = person()["pred_keypoints_2d"].copy()
    points[5], points[6], points[0] = np.nan, (1e9, 3), (-12, -4)
    (frame,) = read_mhr(pose_data([person(pred_keypoints_2d=points)]))
    missing = [name for name, there in zip(KEYPOINT_NAMES, frame.people[0].present, strict=True) if not there]
    assert missing == ["right_shoulder", "left_shoulder"]
    assert frame.people[0].keypoints[0].tolist() == [-12, -4]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([], "MHR_POSE_DATA: expected an object, got list"),
        ({"image_size": (8, 8)}, "MHR_POSE_DATA: expected a value under 'frames'"),
        (pose_data([person()], image_size=None), "expected a value under 'image_size'"),
        (pose_data([person()], image_size=(8, 8, 3)), "image_size: expected (height, width), got shape (3,)"),
        (pose_data([person()], image_size=(0, 8)), "image_size: canvas height must be 1 to 32768, got 0"),
        (pose_data([person()], image_size=(float("nan"), 8)), "image_size: canvas height must be a whole number"),
        (pose_data([person()], frames={}), "frames: expected a list, got dict"),
        (pose_data([person(), 7]), "frames[0][1]: expected an object, got int"),  # type: ignore[list-item]
        (pose_data([{}]), "frames[0][0]: expected a value under 'pred_keypoints_2d', got none"),
        (
            pose_data([person(pred_keypoints_2d=np.zeros((17, 2)))]),
            "frames[0][0].pred_keypoints_2d: expected 70 points of 2 numbers, got shape (17, 2)",
        ),
        (pose_data([person(pred_keypoints_2d="x")]), "pred_keypoints_2d: expected an array of numbers, got str"),
        (pose_data([person(pred_keypoints_2d=[[1], [2, 3]])]), "expected an array of numbers, got list"),
    ],
)
def test_what_is_something_else_is_refused_by_its_place(data, said):
    with pytest.raises(PoseFormatError) as error:
        read_mhr(data)
    assert said in str(error.value)
