"""Extract Pose on the real host, with real detectors whose weights the test makes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from comfy_host import find_host
from graphs import Graph, reported_pose


def extract(host, count=1, **inputs):
    graph = Graph()
    images = graph.add("ProbeSendImages", count=count, height=120, width=90, channels=3)
    block = graph.add("DPTNExtractPose", image=graph.out(images), **inputs)
    out = graph.add("ProbeReportPose", pose=graph.out(block))
    shown = graph.add("ProbeReportImages", image=graph.out(block, 1))
    return host.run(graph.prompt), out, shown


def test_missing_weights_are_named_with_folder_and_source_and_nothing_is_downloaded(host):
    run, _, _ = extract(host)
    for said in ("Extract Pose", "vitpose-base-simple", "annotators", "usyd-community", "download them"):
        assert said in run.error, said
    assert not (host.base / "models" / "dptn" / "annotators").exists()


def test_the_switch_for_downloading_asks_the_hub_and_says_so_when_that_fails(host):
    """The host of these tests is told to stay offline, so the hub's library refuses at once."""
    run, _, _ = extract(host, missing_weights="download them")
    assert run.error is not None and "rtdetr" in run.error and "Traceback" not in run.error


def test_openpose_without_its_package_or_weights_says_what_to_do(host):
    run, _, _ = extract(host, detector="OpenPose (non-commercial)")
    assert run.error is not None
    assert "body_pose_model.pth" in run.error or "pip install controlnet-aux" in run.error


def test_vitpose_runs_on_every_picture_of_a_batch(host):
    folder = host.base / "models" / "dptn" / "annotators" / "vitpose-base-simple"
    small_vitpose(folder)
    try:
        run, out, shown = extract(host, count=3, threshold=0.0)
        assert run.error is None, run.error
        frames = reported_pose(run, out)
        assert len(frames) == 3
        assert all((frame["canvas_width"], frame["canvas_height"]) == (90, 120) for frame in frames)
        assert json.loads(run.outputs[shown]["facts"][0])["shape"] == [3, 120, 90, 3]
        numbers = frames[0]["people"][0]["pose_keypoints_2d"]
        assert len(numbers) == 54 and set(numbers[2::3]) <= {0.0, 1.0}
        steps = [m["data"]["value"] for m in run.messages if m["type"] == "progress"]
        assert steps == [1, 2, 3]
    finally:
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()


def small_vitpose(folder: Path) -> None:
    """A tiny ViTPose with random weights, made by the host's own transformers."""
    found = find_host()
    assert not isinstance(found, str)
    program = """
import sys
from transformers import VitPoseBackboneConfig, VitPoseConfig, VitPoseForPoseEstimation, VitPoseImageProcessor
backbone = VitPoseBackboneConfig(
    hidden_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=[64, 48], patch_size=[16, 16],
    out_indices=[1],
)
model = VitPoseForPoseEstimation(VitPoseConfig(backbone_config=backbone, num_labels=17))
model.save_pretrained(sys.argv[1])
VitPoseImageProcessor(size={"height": 64, "width": 48}).save_pretrained(sys.argv[1])
"""
    made = subprocess.run([found[1], "-c", program, folder], capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"the host's transformers cannot make a small ViTPose: {made.stderr.strip().splitlines()[-1]}")
