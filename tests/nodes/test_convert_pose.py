"""Convert Pose on the real host: poses of other packs in, and out again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from graphs import STANDING, Graph, person, pose_frame, reported_pose

CANVAS = {"width": 384, "height": 512}


def mhr() -> dict[str, Any]:
    """STANDING as the points of MHR70 that OpenPose's joints are."""
    points = [[300.0, 300.0]] * 70
    for index, xy in zip((0, 69, 6, 8, 41, 5, 7, 62, 10, 12, 14, 9, 11, 13, 2, 1, 4, 3), STANDING, strict=True):
        points[index] = xy
    return {"frames": [[{"pred_keypoints_2d": points}]], "image_size": [512, 384]}


def wan() -> dict[str, Any]:
    body = [[x / 384, y / 512, 0.9] for x, y in [*STANDING, [0, 0], [0, 0]]]
    return {"pose_metas": [{"width": 384, "height": 512, "keypoints_body": body}]}


def dwposes() -> list[dict[str, Any]]:
    candidate = [[[x / 384, y / 512] for x, y in STANDING]]
    return [{"bodies": {"candidate": candidate, "subset": [list(range(18))]}, "hands": [], "faces": []}]


FORMS = {"mhr_pose_data": mhr(), "pose_data": wan(), "dw_poses": dwposes()}


def converted(host: Any, **inputs: Any) -> tuple[Any, list[dict[str, Any]] | None]:
    """The run, and the POSE_KEYPOINT that came out."""
    graph = Graph()
    sent = {
        name: graph.out(graph.add("ProbeSendAnything", text=json.dumps(value))) if name in [*FORMS, "pose"] else value
        for name, value in inputs.items()
    }
    out = graph.add("ProbeReportPose", pose=graph.out(graph.add("DPTNConvertPose", **sent)))
    run = host.run(graph.prompt)
    return run, None if run.error else reported_pose(run, out)


def points(frame: dict[str, Any]) -> list[list[float]]:
    (body,) = frame["people"]
    flat = body["pose_keypoints_2d"]
    return [[x, y] for x, y in zip(flat[0::3], flat[1::3], strict=True)]


@pytest.mark.parametrize("name", FORMS)
def test_each_form_becomes_the_pose_on_its_canvas(host, name):
    run, frames = converted(host, **{name: FORMS[name]}, **CANVAS)
    assert frames is not None, run.error
    (frame,) = frames
    assert (frame["canvas_width"], frame["canvas_height"]) == (384, 512)
    for found, xy in zip(points(frame), STANDING, strict=True):
        assert found == pytest.approx(xy, abs=0.01)


@pytest.mark.parametrize(("output", "name"), [(1, "pose_data"), (2, "dw_poses")])
def test_a_pose_goes_out_in_each_form_and_comes_back(host, output, name):
    nobody = pose_frame([])
    graph = Graph()
    there = graph.add("DPTNConvertPose", pose=graph.send_pose([pose_frame([person(STANDING)]), nobody]))
    back = graph.add("DPTNConvertPose", **{name: graph.out(there, output)}, **CANVAS)
    out = graph.add("ProbeReportPose", pose=graph.out(back))
    run = host.run(graph.prompt)
    assert run.error is None
    first, second = reported_pose(run, out)
    for found, xy in zip(points(first), STANDING, strict=True):
        assert found == pytest.approx(xy, abs=0.01)
    assert not any(any(one["pose_keypoints_2d"]) for one in second["people"])


def test_joints_below_the_threshold_are_left_out_and_scores_go_out_on_demand(host):
    data = wan()
    data["pose_metas"][0]["keypoints_body"][4][2] = 0.2
    _, frames = converted(host, pose_data=data)
    assert frames is not None
    assert frames[0]["people"][0]["pose_keypoints_2d"][9:15] == pytest.approx([140, 180, 1, 0, 0, 0])
    _, frames = converted(host, pose_data=data, threshold=0.1, scores=True)
    assert frames is not None
    assert frames[0]["people"][0]["pose_keypoints_2d"][11:15:3] == pytest.approx([0.9, 0.2])


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({}, "expected one of 'pose', 'mhr_pose_data', 'pose_data', 'dw_poses' to be connected, got none"),
        ({"pose": [], "dw_poses": []}, "got 'pose' and 'dw_poses'"),
        ({"dw_poses": dwposes()}, "input 'dw_poses': set 'width' and 'height'"),
        ({"dw_poses": [], **CANVAS}, "input 'dw_poses': the pose data holds no frame"),
        (
            {"mhr_pose_data": {"frames": []}},
            "MHR_POSE_DATA: expected a value under 'image_size'",
        ),
        ({"mhr_pose_data": "x"}, "input 'mhr_pose_data': MHR_POSE_DATA: expected an object, got str"),
        ({"pose_data": {"pose_metas": [3]}}, "input 'pose_data': pose_metas[0]: canvas width must be a whole number"),
        ({"dw_poses": [{"bodies": 1}], **CANVAS}, "input 'dw_poses': DWPOSES[0].bodies: expected an object, got int"),
    ],
)
def test_what_cannot_be_read_is_said_with_the_input(host, inputs, said):
    run, _ = converted(host, **inputs)
    assert run.error is not None
    assert "Convert Pose" in run.error and said in run.error
