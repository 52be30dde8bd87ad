"""No character in a message ends the host's worker thread: the node reports an error, and the next prompt runs."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from comfy_host import Host
from graphs import Graph, Prompt

DAMAGED = b'{"people": ['


def still_works(host: Host) -> None:
    graph = Graph()
    drawn = graph.add("DPTNDrawSkeleton", pose=graph.out(graph.add("DPTNLoadPose")))
    graph.report(graph.out(drawn))
    assert host.run(graph.prompt).error is None


def loading(kind: str, **inputs: str) -> Prompt:
    graph = Graph()
    node = graph.add(kind, **inputs)
    graph.add("PreviewAny", source=graph.out(node))
    return graph.prompt


def editing(text: str) -> Prompt:
    return loading("DPTNEditSkeleton", edited=text)


def saving(prefix: str) -> Prompt:
    graph = Graph()
    graph.add("DPTNSavePose", pose=graph.out(graph.add("DPTNLoadPose")), filename_prefix=prefix)
    return graph.prompt


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        (editing('{"version":"\ud800","frames":[]}'), "Edit Skeleton, input 'edited'"),
        (editing(json.dumps({"version": "\ud800", "frames": []})), "Edit Skeleton, input 'edited'"),
        (editing("\udfff\ud800"), "Edit Skeleton, input 'edited'"),
        (loading("DPTNLoadPose", file="\ud800.json"), "\\ud800.json is not in ComfyUI's input folder"),
        (loading("DPTNLoadPose", file="sample: \ud800"), "Load Pose, input 'file'"),
        (loading("DPTNLoadModel", model="\ud800.safetensors"), "\\ud800.safetensors is not in models/dptn"),
        (saving("\ud800"), "Save Pose, input 'filename_prefix'"),
    ],
)
def test_lone_surrogates_in_a_shared_workflow(host: Host, prompt: Prompt, said: str) -> None:
    assert said in (host.run(prompt).error or "")
    still_works(host)


@pytest.mark.parametrize("name", [b"\xff.json", "日本.json".encode(), b"line\nbreak.json"])
def test_damaged_files_of_any_name(host: Host, name: bytes) -> None:
    place = os.path.join(os.fsencode(host.base / "input"), name)
    with open(place, "wb") as file:
        file.write(DAMAGED)
    try:
        for _ in range(2):  # once more with what the host remembers of it
            run = host.run(loading("DPTNLoadPose", file=os.fsdecode(name)))
            assert "Load Pose, input 'file'" in (run.error or "")
        assert any("DPTNLoadPose" in node for node in host.get("/object_info"))
        still_works(host)
    finally:
        os.unlink(place)


def test_a_log_that_cannot_hold_the_name_of_a_file(odd_host: Host) -> None:
    Path(odd_host.base, "input", "日本.json").write_bytes(DAMAGED)
    run = odd_host.run(loading("DPTNLoadPose", file="日本.json"))
    assert "\\u65e5\\u672c.json" in (run.error or "")
    Path(odd_host.base, "output").mkdir(exist_ok=True)
    Path(odd_host.base, "output", "日本").write_bytes(b"")
    run = odd_host.run(saving("日本/ポーズ"))
    assert "Save Pose, input 'filename_prefix': '\\u65e5\\u672c/" in (run.error or "")
    run = odd_host.run(editing('{"version":"日本","frames":[]}'))
    assert "Edit Skeleton, input 'edited'" in (run.error or "")
    still_works(odd_host)
