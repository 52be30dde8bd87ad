"""A graph of a few hundred bytes may ask for more images than any memory holds: its node says so at once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from comfy_host import Host
from graphs import STANDING, Graph, person, pose_frame, transfer_graph

SIDE = 8000


def long_edit() -> str:
    """Two keyframes, and the thousand between them."""
    first, last = (pose_frame([person([[x + dx, y] for x, y in STANDING])], SIDE, SIDE) for dx in (0, 9))
    return json.dumps({"version": 2, "frames": [first | {"steps": 1000}, last]})


def edited(graph: Graph) -> Any:
    return graph.add("DPTNEditSkeleton", edited=long_edit(), width=SIDE, height=SIDE)


def drawn(graph: Graph) -> Any:
    return graph.add("DPTNDrawSkeleton", pose=graph.send_pose(long_edit()))


def transferred(graph: Graph) -> Any:
    return transfer_graph(graph.send_pose(long_edit()), graph, working_height=64)[1]["drawn"]


@pytest.mark.parametrize(
    ("ask", "where"),
    [
        (edited, "Edit Skeleton, input 'edited'"),
        (drawn, "Draw Skeleton, input 'pose'"),
        (transferred, "Transfer Pose, input 'pose'"),
    ],
)
def test_a_sequence_larger_than_memory_is_refused(host: Host, ask: Any, where: str) -> None:
    graph = Graph()
    graph.add("PreviewAny", source=graph.out(ask(graph)))
    run = host.run(graph.prompt)
    assert (run.error or "").startswith(f"{where}: expected a sequence that fits into "), run.error
    assert "got 1001 images of 8000x8000" in run.error
