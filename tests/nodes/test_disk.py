"""What the disk may do to a node: it says so, and the next prompt runs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from comfy_host import Host
from graphs import STANDING, Graph, person, pose_frame, reported_pose, transfer_graph

from dptn_core.pose import load_pose_file
from dptn_core.pose.edited import EditedPose, write_edited
from dptn_core.samples import POSES


def draft(shift: float) -> tuple[Graph, str]:
    """A draft of a pose that no prompt has had."""
    graph = Graph()
    pose = graph.send_pose([pose_frame([person([[x + shift, y] for x, y in STANDING])])])
    graph, nodes = transfer_graph(pose, graph, working_height=64)
    graph.prompt[nodes["drawn"]]["inputs"].update(draft=64, texture="network only")
    return graph, nodes["drawn"]


@contextmanager
def in_the_way(folder: Path) -> Iterator[None]:
    """A file where a folder should be: nothing can be written there, as on a full disk."""
    aside = folder.with_name(f"{folder.name} aside")
    folder.rename(aside)
    try:
        folder.write_bytes(b"")
        yield
    finally:
        folder.unlink()
        aside.rename(folder)


def test_a_temp_folder_that_somebody_removed_is_made_anew(host: Host) -> None:
    shutil.rmtree(host.base / "temp", ignore_errors=True)
    graph, node = draft(0.25)
    run = host.run(graph.prompt)
    assert run.error is None
    (entry,) = run.outputs[node]["images"]
    assert host.image(entry).shape == (64, 48, 3)


def test_a_preview_that_cannot_be_written_is_an_error_of_the_node(host: Host) -> None:
    (host.base / "temp").mkdir(exist_ok=True)
    with in_the_way(host.base / "temp"):
        graph, node = draft(0.5)
        assert (host.run(graph.prompt).error or "").startswith("Transfer Pose: ")
        graph.prompt[node]["inputs"]["draft"] = 0
        assert (host.run(graph.prompt).error or "").startswith("Transfer Pose: ")
    assert host.run(graph.prompt).error is None


def test_poses_that_cannot_be_saved_are_said_to_be_so(host: Host) -> None:
    blocked = host.base / "output" / "blocked"
    blocked.parent.mkdir(exist_ok=True)
    blocked.write_bytes(b"")
    graph = Graph()
    graph.add("DPTNSavePose", pose=graph.out(graph.add("DPTNLoadPose")), filename_prefix="blocked/pose")
    error = host.run(graph.prompt).error or ""
    assert error.startswith("Save Pose, input 'filename_prefix': 'blocked/pose' cannot be saved"), error
    blocked.unlink()
    assert host.run(graph.prompt).error is None


@pytest.mark.parametrize("way", ["file", "wire"])
def test_an_edit_is_read_wherever_poses_are(host: Host, way: str) -> None:
    """What Edit Skeleton keeps in a workflow, saved as a file or sent as text."""
    wave, cheer = (load_pose_file(POSES[name])[0] for name in ("wave", "cheer"))
    text = write_edited(EditedPose((wave, cheer), None))
    graph = Graph()
    if way == "file":
        (host.base / "input" / "edit.json").write_text(text, encoding="utf-8")
        pose = graph.out(graph.add("DPTNLoadPose", file="edit.json"))
    else:
        pose = graph.send_pose(text)
    report = graph.add(
        "ProbeReportPose", pose=pose if way == "file" else graph.out(graph.add("DPTNSavePose", pose=pose))
    )
    run = host.run(graph.prompt)
    assert run.error is None
    frames = reported_pose(run, report)
    assert [len(frame["people"]) for frame in frames] == [1, 1]
