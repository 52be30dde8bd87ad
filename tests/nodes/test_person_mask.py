"""Person Mask on the real host."""

from __future__ import annotations

import json

import pytest
from graphs import STANDING, Graph, metadata, person, pose_frame
from PIL import Image
from test_extract_pose import PHOTOGRAPH, photograph


def masked(host, image, frames=1, **inputs):
    """A mask of what LoadImage gives, turned into an image that is reported."""
    folder = host.base / "input"
    folder.mkdir(exist_ok=True)
    image.save(folder / "mask_me.png")
    graph = Graph()
    loaded = graph.out(graph.add("LoadImage", image="mask_me.png"))
    pose = inputs.pop("pose", None)
    if pose is None:
        pose = graph.out(graph.add("DPTNExtractPose", image=loaded))
    block = graph.add("DPTNPersonMask", image=loaded, pose=pose, **inputs)
    out = graph.report(graph.out(graph.add("MaskToImage", mask=graph.out(block))))
    return host.run(graph.prompt), out


def test_a_photograph_gets_a_mask_of_its_size(host):
    run, out = masked(host, Image.open(PHOTOGRAPH))
    assert run.error is None, run.error
    said = metadata(run, out)
    assert said["shape"] == [1, 512, 512, 3] and said["low"] == 0 and said["high"] > 0.99


def test_an_image_of_nobody_gets_a_black_mask(host):
    for person_meant in ("everybody", "leftmost"):
        run, out = masked(host, Image.new("RGB", (96, 128), (90, 120, 90)), person=person_meant)
        assert run.error is None, run.error
        assert metadata(run, out)["high"] == 0


@pytest.mark.parametrize("count", [1, 3])
def test_one_pose_serves_a_batch(host, count):
    graph = Graph()
    images = graph.out(graph.add("ProbeSendImages", count=count, height=512, width=384, channels=3))
    pose = graph.send_pose([pose_frame([person(STANDING)])])
    block = graph.add("DPTNPersonMask", image=images, pose=pose)
    out = graph.report(graph.out(graph.add("MaskToImage", mask=graph.out(block))))
    run = host.run(graph.prompt)
    assert run.error is None, run.error
    assert metadata(run, out)["shape"] == [count, 512, 384, 3]


def test_what_does_not_fit_is_said_in_words(host):
    graph = Graph()
    images = graph.out(graph.add("ProbeSendImages", count=3, height=64, width=64, channels=3))
    pose = graph.send_pose([pose_frame([person(STANDING)])] * 2)
    block = graph.add("DPTNPersonMask", image=images, pose=pose)
    graph.report(graph.out(graph.add("MaskToImage", mask=graph.out(block))))
    error = host.run(graph.prompt).error
    assert error is not None and "expected one frame for each image, or one for all, got 2 for 3 images" in error
    few = [[10, 10, 1.0], [12, 12, 1.0], *[[0, 0, 0.0]] * 16]
    graph = Graph()
    images = graph.out(graph.add("ProbeSendImages", count=1, height=64, width=64, channels=3))
    pose = graph.send_pose([pose_frame([person(few)], 64, 64)])
    block = graph.add("DPTNPersonMask", image=images, pose=pose, person="largest")
    graph.report(graph.out(graph.add("MaskToImage", mask=graph.out(block))))
    error = host.run(graph.prompt).error
    assert error is not None and "Person Mask, input 'pose'" in error and "has 2 joints" in error
    assert json.dumps(error)


@pytest.mark.parametrize("choice", ["everybody", "largest", "leftmost"])
def test_a_poor_frame_of_a_video_does_not_end_it(host, choice):
    """In the middle frame a bystander with two joints is farthest left, in the last there is nobody else."""
    few = [[2, 2, 1.0], [4, 380, 1.0], *[[0, 0, 0.0]] * 16]
    standing = person(STANDING)
    poor = video_masked(host, [[standing], [person(few), standing], [person(few)]], choice)
    good = video_masked(host, [[standing], [standing], []], choice)
    assert poor["shape"] == [3, 512, 512, 3] and poor["high"] > 0.5
    assert poor["hash"] == good["hash"]


def video_masked(host, frames, choice):
    """The facts of three masks of the astronaut."""
    graph = Graph()
    images = graph.out(graph.add("RepeatImageBatch", image=photograph(graph, host), amount=3))
    pose = graph.send_pose([pose_frame(people) for people in frames])
    block = graph.add("DPTNPersonMask", image=images, pose=pose, person=choice)
    out = graph.report(graph.out(graph.add("MaskToImage", mask=graph.out(block))))
    run = host.run(graph.prompt)
    assert run.error is None, run.error
    return metadata(run, out)
