"""Extract Pose on the real host, with real detectors whose weights the test makes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from comfy_host import PACK, find_host
from graphs import Graph, reported_pose
from PIL import Image

PHOTOGRAPH = PACK / "dptn_core" / "samples" / "astronaut.jpg"


def extract(host, count=1, **inputs):
    graph = Graph()
    images = graph.add("ProbeSendImages", count=count, height=120, width=90, channels=3)
    block = graph.add("DPTNExtractPose", image=graph.out(images), **inputs)
    out = graph.add("ProbeReportPose", pose=graph.out(block))
    shown = graph.add("ProbeReportImages", image=graph.out(block, 1))
    return host.run(graph.prompt), out, shown


def photograph(graph, host, name="me.png", image=None):
    """An image of the host's input folder; the astronaut that ships, unless another is given."""
    folder = host.base / "input"
    folder.mkdir(exist_ok=True)
    (Image.open(PHOTOGRAPH) if image is None else image).save(folder / name)
    return graph.out(graph.add("LoadImage", image=name))


def test_the_built_in_detector_is_the_default_and_finds_the_astronaut(host):
    graph = Graph()
    block = graph.add("DPTNExtractPose", image=photograph(graph, host))
    out = graph.add("ProbeReportPose", pose=graph.out(block))
    shown = graph.add("ProbeReportImages", image=graph.out(block, 1))
    run = host.run(graph.prompt)
    assert run.error is None, run.error
    (frame,) = reported_pose(run, out)
    assert (frame["canvas_width"], frame["canvas_height"]) == (512, 512)
    (person,) = frame["people"]
    numbers = person["pose_keypoints_2d"]
    assert set(numbers[2::3]) <= {0.0, 1.0}
    nose, left_shoulder = numbers[:3], numbers[15:18]
    assert nose == pytest.approx([222, 118, 1], abs=20) and left_shoulder == pytest.approx([320, 266, 1], abs=30)
    assert json.loads(run.outputs[shown]["facts"][0])["shape"] == [1, 512, 512, 3]


def test_scores_are_sent_on_request(host):
    graph = Graph()
    block = graph.add("DPTNExtractPose", image=photograph(graph, host), scores=True)
    out = graph.add("ProbeReportPose", pose=graph.out(block))
    (frame,) = reported_pose(host.run(graph.prompt), out)
    confidences = [one for one in frame["people"][0]["pose_keypoints_2d"][2::3] if one]
    assert min(confidences) >= 0.2 and max(confidences) < 1 and len(set(confidences)) > 5


def test_the_built_in_detector_runs_on_a_batch_and_noise_shows_nobody(host):
    run, out, _ = extract(host, count=3, detector="built in")
    assert run.error is None, run.error
    frames = reported_pose(run, out)
    assert [frame["people"] for frame in frames] == [[]] * 3
    assert run.progress == [1, 2, 3]


def test_the_built_in_detector_takes_the_person_that_is_asked_for(host):
    astronaut = Image.open(PHOTOGRAPH)
    both = Image.new("RGB", (1024, 512))
    both.paste(astronaut.resize((400, 400)), (0, 112))
    both.paste(astronaut, (512, 0))
    places = {}
    for choice in ("everybody", "largest", "leftmost"):
        graph = Graph()
        image = photograph(graph, host, "both.png", both)
        block = graph.add("DPTNExtractPose", image=image, people=choice)
        out = graph.add("ProbeReportPose", pose=graph.out(block))
        run = host.run(graph.prompt)
        places[choice] = [one["pose_keypoints_2d"][0] for one in reported_pose(run, out)[0]["people"]]
    left, right = places["everybody"]
    assert left < 400 < 600 < right
    assert places["largest"] == [right] and places["leftmost"] == [left]


def test_missing_weights_are_named_with_folder_and_source_and_nothing_is_downloaded(host):
    run, _, _ = extract(host, detector="ViTPose")
    wanted = ("Extract Pose", "vitpose-base-simple", "annotators", "usyd-community", "download them", "'built in'")
    for said in wanted:
        assert said in run.error, said
    assert not (host.base / "models" / "dptn" / "annotators").exists()


def test_the_switch_for_downloading_asks_the_hub_and_says_so_when_that_fails(host):
    """The host of these tests is told to stay offline, so the hub's library refuses at once."""
    run, _, _ = extract(host, detector="ViTPose", missing_weights="download them")
    assert run.error is not None and "rtdetr" in run.error and "Traceback" not in run.error


def test_openpose_without_its_package_or_weights_says_what_to_do(host):
    run, _, _ = extract(host, detector="OpenPose (non-commercial)")
    assert run.error is not None
    assert "body_pose_model.pth" in run.error or "pip install controlnet-aux" in run.error


def test_a_detector_that_does_not_exist_is_refused_by_name(host):
    """The host checks what the menu sends, and not what comes by a link."""
    graph = Graph()
    images = graph.out(graph.add("ProbeSendImages", count=1, height=120, width=90, channels=3))
    name = graph.out(graph.add("ProbeSendAnything", text='"YOLO"'))
    graph.add("ProbeReportPose", pose=graph.out(graph.add("DPTNExtractPose", image=images, detector=name)))
    error = host.run(graph.prompt).error
    assert error is not None and "Extract Pose, input 'detector'" in error
    assert "'YOLO'" in error and "'built in', 'ViTPose'" in error


def test_vitpose_runs_on_every_picture_of_a_batch(host):
    folder = host.base / "models" / "dptn" / "annotators" / "vitpose-base-simple"
    small_vitpose(folder)
    try:
        run, out, shown = extract(host, count=3, detector="ViTPose", threshold=0.0)
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
