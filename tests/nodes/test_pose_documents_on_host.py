"""What the nodes make of the documents that editor and core read too (tests/core/pose/pose_documents.json)."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from comfy_host import Host
from graphs import Graph, reported_pose

from tools.pose_documents import CANVAS, FILE, fitted

# without those of thousands of frames, which are rendered to be refused or to be long
DOCUMENTS = [
    one
    for one in json.loads(FILE.read_text(encoding="utf-8"))["documents"]
    if not (isinstance(one["result"], dict) and sum(step for step, _ in one["result"].get("steps", [])) > 100)
]
KEPT = [one for one in DOCUMENTS if isinstance(one["result"], dict)]
REFUSED = [one for one in DOCUMENTS if one["result"] == "refused"][::4]  # a prompt each; the core's test takes all
AT_ONCE = 50  # nodes a prompt
NEAR = 1e-3  # pixels of the document's canvas, twice what the file leaves out


def text_of(document: dict[str, Any]) -> str:
    return document["text"] if "text" in document else "".join(piece * count for piece, count in document["runs"])


def assert_drawn(frames: list[dict[str, Any]], document: dict[str, Any]) -> None:
    """Keyframes of a plain sequence, on the node's canvas; of others, the first frame."""
    result = document["result"]
    expected = result["frames"]
    if all(steps == 1 for steps, _ in result.get("steps", [])) and not result.get("loop"):
        assert len(frames) == len(expected), document["name"]
    for frame, people in zip(frames[:1], expected[:1], strict=True):
        assert (frame["canvas_width"], frame["canvas_height"]) == CANVAS
        assert len(frame["people"]) == len(people), document["name"]
        for found, person in zip(frame["people"], people, strict=True):
            body = [(point or 0) and tuple(point) for point in person["body"]]
            moved = fitted({"body": [point or None for point in body]}, tuple(result["canvas"]), CANVAS)["body"]
            points = np.reshape(found["pose_keypoints_2d"], (18, 3))
            wanted = np.array([point[:2] if point else (0, 0) for point in moved])
            near = NEAR * max(1.0, *(mine / its for mine, its in zip(CANVAS, result["canvas"], strict=True)))
            np.testing.assert_allclose(points[:, :2], wanted, rtol=0, atol=near, err_msg=document["name"])
            assert (points[:, 2] > 0).tolist() == [point is not None for point in moved]


@pytest.mark.parametrize("start", range(0, len(KEPT), AT_ONCE))
def test_edit_skeleton_keeps_what_the_editor_keeps(host: Host, start: int) -> None:
    graph = Graph()
    nodes = {}
    for document in KEPT[start : start + AT_ONCE]:
        node = graph.add("DPTNEditSkeleton", edited=text_of(document))
        nodes[graph.add("ProbeReportPose", pose=graph.out(node))] = document
    run = host.run(graph.prompt)
    assert run.error is None
    for node, document in nodes.items():
        assert_drawn(reported_pose(run, node), document)


def test_edit_skeleton_refuses_what_the_editor_refuses(host: Host) -> None:
    for document in REFUSED:
        graph = Graph()
        graph.add("DPTNEditSkeleton", edited=text_of(document))
        error = host.run(graph.prompt).error or ""
        assert error.startswith("Edit Skeleton, input 'edited': "), f"{document['name']}: {error}"
        assert len(error) < 600
