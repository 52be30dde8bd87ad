"""Confidences go through the nodes as they come in, and joints below a threshold are left out."""

from __future__ import annotations

import json

import pytest
from comfy_host import Host
from graphs import STANDING, Graph, person, pose_frame, reported_pose, transfer_graph

DOUBTFUL, SURE, WRIST = 0.04, 0.9, 4
FEET = [value for index in range(6) for value in (160.0 + index, 440.0, 0.5)]


def scored() -> list[dict]:
    """Somebody as a detector sees them: every joint for sure, but for one wrist."""
    points = [[x, y, DOUBTFUL if joint == WRIST else SURE] for joint, (x, y) in enumerate(STANDING)]
    return [pose_frame([person(points, foot_keypoints_2d=FEET)])]


def poses_of(host: Host, kind: str, **inputs) -> dict:
    """The person that a node makes of `scored`, or of the file that `file` names."""
    graph = Graph()
    if "file" not in inputs:
        inputs["pose"] = graph.send_pose(scored())
    if kind == "DPTNRetargetPose":
        inputs["source_pose"] = graph.send_pose(scored())
    out = graph.add("ProbeReportPose", pose=graph.out(graph.add(kind, **inputs)))
    run = host.run(graph.prompt)
    assert run.error is None, run.error
    (frame,) = reported_pose(run, out)
    return frame["people"][0]


def confidences(found: dict) -> list[float]:
    return found["pose_keypoints_2d"][2::3]


@pytest.mark.parametrize(
    ("kind", "inputs"),
    [
        ("DPTNLoadPose", {"file": "scored.json"}),
        ("DPTNSavePose", {}),
        ("DPTNEditSkeleton", {}),
        ("DPTNRetargetPose", {}),
        ("DPTNCleanPoses", {"threshold": 0.0}),
    ],
)
def test_confidences_and_feet_survive(host: Host, kind: str, inputs: dict) -> None:
    (host.base / "input" / "scored.json").write_text(json.dumps(scored()))
    found = poses_of(host, kind, **inputs)
    assert confidences(found) == [DOUBTFUL if joint == WRIST else SURE for joint in range(18)]
    assert found["foot_keypoints_2d"][2::3] == [0.5] * 6
    if kind == "DPTNCleanPoses":
        return  # has had a threshold all along, with a default of its own
    if kind != "DPTNSavePose":
        sure = poses_of(host, kind, **inputs, threshold=0.3)
        assert confidences(sure) == [0.0 if joint == WRIST else SURE for joint in range(18)]
        assert sure["foot_keypoints_2d"][2::3] == [0.5] * 6
        assert "foot_keypoints_2d" not in poses_of(host, kind, **inputs, threshold=0.6)


def test_an_edit_keeps_confidences(host: Host) -> None:
    frame = scored()[0]
    edit = {"version": 2, "canvas_width": 384, "canvas_height": 512, "frames": [{"people": frame["people"]}]}
    graph = Graph()
    out = graph.add("ProbeReportPose", pose=graph.out(graph.add("DPTNEditSkeleton", edited=json.dumps(edit))))
    (found,) = reported_pose(host.run(graph.prompt), out)
    assert confidences(found["people"][0])[WRIST] == DOUBTFUL
    assert found["people"][0]["foot_keypoints_2d"] == FEET


def test_the_editor_starts_from_the_confidences_of_the_connected_pose(host: Host) -> None:
    graph = Graph()
    node = graph.add("DPTNEditSkeleton", pose=graph.send_pose(scored()))
    shown = json.loads(host.run(graph.prompt).outputs[node]["dptn_pose"][0])
    assert confidences(shown["start"][0]["people"][0])[WRIST] == DOUBTFUL


def test_draw_skeleton_leaves_doubtful_joints_out(host: Host) -> None:
    def hidden() -> list[dict]:
        frames = scored()
        frames[0]["people"][0]["pose_keypoints_2d"][3 * WRIST : 3 * WRIST + 3] = [0.0, 0.0, 0.0]
        return frames

    hashes = []
    for frames, threshold in ((scored(), 0.0), (scored(), 0.3), (hidden(), 0.0)):
        graph = Graph()
        drawn = graph.add("DPTNDrawSkeleton", pose=graph.send_pose(frames), threshold=threshold)
        out = graph.report(graph.out(drawn))
        hashes.append(json.loads(host.run(graph.prompt).outputs[out]["facts"][0])["hash"])
    assert hashes[0] != hashes[1] == hashes[2]


@pytest.mark.parametrize("role", ["source", "drawn"])
def test_transfers_leave_doubtful_joints_out(host: Host, role: str) -> None:
    """With a threshold above every confidence nobody is left."""
    graph = Graph()
    pose = graph.send_pose(scored())
    wires = {"pose": pose} if role == "source" else {}
    graph, nodes = transfer_graph(None if wires else pose, graph, **wires)
    graph.prompt[nodes[role]]["inputs"]["threshold"] = 0.95
    error = host.run(graph.prompt).error
    assert error is not None and "input 'pose': there is no person" in error
