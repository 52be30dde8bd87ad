"""Sample Person, Load and Save Pose, Edit Skeleton, Draw Skeleton and Attention Preview on the real host."""

from __future__ import annotations

import gzip
import json
import urllib.parse

import numpy as np
import pytest
import safetensors.numpy
from graphs import STANDING, Graph, metadata, person, pose_frame, reported_pose, transfer_graph


def run_alone(host, kind: str, **inputs):
    """One block whose first output is POSE_KEYPOINT; returns the pose."""
    graph = Graph()
    block = graph.add(kind, **inputs)
    out = graph.add("ProbeReportPose", pose=graph.out(block))
    run = host.run(graph.prompt)
    assert run.error is None, run.error
    return reported_pose(run, out)


def error_of(host, kind: str, slot: int = 0, **inputs) -> str:
    graph = Graph()
    block = graph.add(kind, **inputs)
    graph.add("ProbeReportPose", pose=graph.out(block, slot))
    return host.run(graph.prompt).error


# Sample Person


def test_every_sample_person_can_be_transferred_with_what_ships(host):
    for choice in ("figure", "photograph (astronaut)", "drawn figure (by seed)"):
        graph = Graph()
        sample = graph.add("DPTNSamplePerson", person=choice, figure_seed=5)
        graph, nodes = transfer_graph(graph.out(sample, 1), graph, image=graph.out(sample), pose=graph.out(sample, 1))
        report = graph.report(graph.out(nodes["drawn"]))
        run = host.run(graph.prompt)
        assert run.error is None
        assert metadata(run, report)["high"] > 0.5


def test_drawn_figures_depend_on_their_seed_alone(host):
    hashes = []
    for seed in (0, 1, 1, 2**31 - 1):
        graph = Graph()
        sample = graph.add("DPTNSamplePerson", person="drawn figure (by seed)", figure_seed=seed)
        other = graph.add("ImageInvert", image=graph.out(sample))  # a different prompt each time is not needed
        report = graph.report(graph.out(other))
        hashes.append(metadata(host.run(graph.prompt), report)["hash"])
    assert hashes[1] == hashes[2] and len(set(hashes)) == 3


# Load and Save Pose


def test_what_save_pose_writes_load_pose_reads(host):
    people = [person(STANDING), person([[x / 2 + 200, y / 2] for x, y in STANDING])]
    frames = [pose_frame(people), pose_frame([]), pose_frame(people[:1])]
    graph = Graph()
    saved = graph.add("DPTNSavePose", pose=graph.send_pose(frames), filename_prefix="round/trip")
    run = host.run(graph.prompt)
    (name,) = run.outputs[saved]["text"]
    path = host.base / "output" / name
    written = json.loads(path.read_text())
    assert [len(frame["people"]) for frame in written] == [2, 0, 1]
    (host.base / "input" / "read me.json").write_bytes(path.read_bytes())
    read = run_alone(host, "DPTNLoadPose", file="read me.json")
    assert read == written


def test_saving_again_takes_the_next_number_and_leaves_nothing_half_written(host):
    names = []
    for number in range(3):
        graph = Graph()
        pose = graph.send_pose([pose_frame([person([[x + number, y] for x, y in STANDING])])])
        saved = graph.add("DPTNSavePose", pose=pose, filename_prefix="again/and again")
        names += host.run(graph.prompt).outputs[saved]["text"]
    assert len(set(names)) == 3
    assert sorted(path.name for path in (host.base / "output" / "again").iterdir()) == sorted(
        name.rsplit("/", 1)[-1] for name in names
    )


@pytest.mark.parametrize("prefix", ["../outside", "/outside", "..", "./", "", "a" * 300, "a\nb"])
def test_save_pose_stays_in_the_output_folder(host, prefix):
    graph = Graph()
    graph.add("DPTNSavePose", pose=graph.send_pose([pose_frame([person(STANDING)])]), filename_prefix=prefix)
    error = host.run(graph.prompt).error
    assert error is not None and "Save Pose, input 'filename_prefix'" in error
    assert not list(host.base.glob("outside*")) and not list(host.base.parent.glob("outside*"))
    assert not [path for path in (host.base / "output").rglob("*") if path.name.startswith((".", "outside"))]


def test_a_changed_file_is_read_again(host):
    path = host.base / "input" / "changing.json"
    found = []
    for shift in (0, 30):
        path.write_text(json.dumps([pose_frame([person([[x + shift, y] for x, y in STANDING])])]))
        found.append(run_alone(host, "DPTNLoadPose", file="changing.json")[0]["people"][0]["pose_keypoints_2d"][0])
    assert found == [192.0, 222.0]


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"people": 3}', "\x00\x01", '[{"people": [{"pose_keypoints_2d": "x"}]}]']
)
def test_hostile_pose_files_get_an_error_that_names_the_block(host, content):
    name = f"hostile {abs(hash(content))}.json"
    (host.base / "input" / name).write_text(content)
    error = error_of(host, "DPTNLoadPose", file=name)
    assert error is not None and "Load Pose, input 'file'" in error


# Edit Skeleton


def edited(frames, upstream=None, version=2) -> str:
    return json.dumps(
        {"version": version, "canvas_width": 384, "canvas_height": 512, "upstream": upstream, "frames": frames}
    )


def test_nothing_connected_and_nothing_edited_is_a_standing_person(host):
    (frame,) = run_alone(host, "DPTNEditSkeleton", width=300, height=600)
    assert (frame["canvas_width"], frame["canvas_height"]) == (300, 600)
    numbers = frame["people"][0]["pose_keypoints_2d"]
    assert numbers[2::3] == [1.0] * 18
    assert all(0 < x < 300 for x in numbers[0::3]) and all(0 < y < 600 for y in numbers[1::3])
    assert numbers[1] < numbers[3 * 8 + 1] < numbers[3 * 10 + 1]  # nose above hip above ankle


def test_edits_win_until_upstream_changes(host):
    by_hand = [{"people": [person([[x + 50, y] for x, y in STANDING])]}]

    def result(value: str, shift: float):
        graph = Graph()
        pose = graph.send_pose([pose_frame([person([[x + shift, y] for x, y in STANDING])])])
        block = graph.add("DPTNEditSkeleton", pose=pose, edited=value)
        graph.add("PreviewImage", images=graph.out(block, 1))
        out = graph.add("ProbeReportPose", pose=graph.out(block))
        run = host.run(graph.prompt)
        assert run.error is None, run.error
        payload = json.loads(run.outputs[block]["dptn_pose"][0]) if block in run.outputs else None
        return reported_pose(run, out)[0]["people"][0]["pose_keypoints_2d"][0], payload

    nose, payload = result("", 0)
    assert nose == 192.0 and payload["by_hand"] is False
    assert payload["start"][0]["people"][0]["pose_keypoints_2d"][0] == 192.0
    mine = edited(by_hand, payload["upstream"])
    assert result(mine, 0)[0] == 242.0
    assert result(mine, 7)[0] == 199.0  # another pose came in
    assert result(edited(by_hand), 7)[0] == 199.0  # the edit was made before anything was connected
    assert result(json.dumps([pose_frame(by_hand[0]["people"])]), 7)[0] == 242.0  # OpenPose JSON linked as text


def test_keyframes_go_out_as_a_sequence(host):
    there = {"people": [person([[x + 60, y] for x, y in STANDING])]}
    value = edited([{"people": [person(STANDING)], "steps": 6, "easing": "smooth"}, there])
    frames = run_alone(host, "DPTNEditSkeleton", edited=value)
    noses = [frame["people"][0]["pose_keypoints_2d"][0] for frame in frames]
    assert len(frames) == 7 and noses[0] == 192.0 and noses[6] == 252.0
    assert noses == sorted(noses) and noses[3] == pytest.approx(222.0)
    assert noses[1] - noses[0] < noses[3] - noses[2]  # a slow start


def test_a_value_without_frames_holds_no_edit(host):
    (frame,) = run_alone(host, "DPTNEditSkeleton", edited=edited([]))
    assert frame["people"][0]["pose_keypoints_2d"][2::3] == [1.0] * 18


def test_a_second_run_tells_the_editor_again_although_nothing_is_run(host):
    graph = Graph()
    pose = graph.send_pose([pose_frame([person(STANDING)])])
    block = graph.add("DPTNEditSkeleton", pose=pose)
    graph.add("PreviewImage", images=graph.out(block, 1))
    first, second = (host.run(graph.prompt).outputs[block]["dptn_pose"] for _ in range(2))
    assert first == second


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_background_that_comes_again_is_the_same_file(host, channels):
    """A pose that is pulled about runs the block at every move; the page need not fetch its background each time."""
    shown = []
    for shift in (0, 9):
        graph = Graph()
        images = graph.add("ProbeSendImages", count=1, height=64, width=48, channels=channels)
        value = edited([{"people": [person([[x + shift, y] for x, y in STANDING])]}])
        block = graph.add("DPTNEditSkeleton", background=graph.out(images), edited=value)
        run = host.run(graph.prompt)
        assert run.error is None, run.error
        (entry,) = run.outputs[block]["dptn_background"]
        assert host.image(entry).shape == (64, 48, 3)
        shown.append(entry)
    assert shown[0] == shown[1]


def test_the_background_gives_the_canvas_and_poses_are_not_distorted(host):
    graph = Graph()
    images = graph.add("ProbeSendImages", count=1, height=512, width=1024, channels=3)
    block = graph.add("DPTNEditSkeleton", background=graph.out(images), edited=edited([{"people": [person(STANDING)]}]))
    out = graph.add("ProbeReportPose", pose=graph.out(block))
    report = graph.report(graph.out(block, 1))
    run = host.run(graph.prompt)
    (frame,) = reported_pose(run, out)
    assert (frame["canvas_width"], frame["canvas_height"]) == (1024, 512)
    assert metadata(run, report)["shape"] == [1, 512, 1024, 3]
    numbers = frame["people"][0]["pose_keypoints_2d"]
    assert numbers[0] - numbers[6] == 40.0  # nose to shoulder, as it was


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("{broken", "not JSON"),
        ("17", "must be an object or a list"),
        (edited([{"people": []}], version=99), "version 99"),
        (edited("x"), "must be a list"),
        (edited([{"people": [], "steps": 0}]), "1 to 10000 frames to the next keyframe"),
        (edited([3]), "must be an object"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_a_broken_edit_gets_an_error_with_the_way_out(host, value, said):
    error = error_of(host, "DPTNEditSkeleton", edited=value)
    assert error is not None and "Edit Skeleton, input 'edited'" in error
    assert said in error


# Draw Skeleton


def drawn(host, frames, **inputs):
    graph = Graph()
    block = graph.add("DPTNDrawSkeleton", pose=graph.send_pose(frames), **inputs)
    shown = graph.add("PreviewImage", images=graph.out(block))
    run = host.run(graph.prompt)
    assert run.error is None, run.error
    return [host.image(one) for one in run.outputs[shown]["images"]]


def test_skeletons_are_drawn_in_openpose_colours_at_any_size(host):
    (image,) = drawn(host, [pose_frame([person(STANDING)])], width=768)
    assert image.shape == (1024, 768, 3)
    assert tuple(image[140, 384]) == (255, 0, 0)  # the nose's disc, twice as large
    (tiny,) = drawn(host, [pose_frame([person(STANDING)])], width=24, height=32)
    assert tiny.shape == (32, 24, 3) and tiny.max() == 255


def test_a_silhouette_is_white_on_black_and_covers_the_body(host):
    (image,) = drawn(host, [pose_frame([person(STANDING)])], style="silhouette (for masks)")
    assert set(np.unique(image)) <= {0, 255}
    assert all(image[int(y), int(x)].tolist() == [255, 255, 255] for x, y in STANDING)
    assert image[5, 5].tolist() == [0, 0, 0] and 0.08 < image.mean() / 255 < 0.5


def test_a_frame_without_people_is_black_and_two_people_are_both_drawn(host):
    two = [person([[x * 0.4 + left, y] for x, y in STANDING]) for left in (0, 200)]
    nobody, both = drawn(host, [pose_frame([]), pose_frame(two)])
    assert nobody.max() == 0
    assert both[:, :190].max() == 255 and both[:, 210:].max() == 255


# Attention Preview


def attention(host, **inputs):
    graph, nodes = transfer_graph()
    block = graph.add("DPTNAttentionPreview", attention=graph.out(nodes["drawn"], 1), **inputs)
    shown = [graph.out(block, slot) for slot in range(5)]
    shown.append(graph.out(graph.add("MaskToImage", mask=graph.out(block, 5))))
    reports = [graph.report(one) for one in shown]
    run = host.run(graph.prompt)
    return run, block, reports


def test_attention_comes_as_images_a_mask_and_numbers(host):
    run, block, reports = attention(host, points="10,20; 300.5,400")
    assert run.error is None
    assert [metadata(run, one)["shape"] for one in reports] == [[1, 512, 384, 3]] * 6
    (said,) = run.outputs[block]["dptn_attention"]
    numbers = json.loads(said)
    assert numbers["version"] == 3 and len(said) < 8_000
    assert numbers["asked"][-2:] == [[10.0, 20.0], [300.5, 400.0]] and len(numbers["asked"]) == 16
    assert len(numbers["looked"]) == 16
    assert numbers["joints"][:3] == ["nose", "neck", "right shoulder"] and len(numbers["joints"]) == 18
    for side in ("target", "source"):
        assert numbers[side]["canvas"] == [384, 512] and len(numbers[side]["frame"]) == 4
        assert len(numbers[side]["joints"]) == 18 and all(
            one is None or len(one) == 2 for one in numbers[side]["joints"]
        )
    assert numbers["target"]["joints"][:14] == numbers["asked"][:14]
    assert numbers["source"]["joints"] != numbers["target"]["joints"]


def maps_of(host, run, block):
    """The tensors of the file that the browser gets, and the numbers beside it."""
    numbers = json.loads(run.outputs[block]["dptn_attention"][0])
    assert numbers["maps"]["type"] == "temp"
    sent = host.fetch("/view?" + urllib.parse.urlencode(numbers["maps"]))
    return safetensors.numpy.load(gzip.decompress(sent)), numbers


def test_all_attention_comes_as_a_file_that_says_what_the_numbers_say(host):
    run, block, _ = attention(host)
    tensors, numbers = maps_of(host, run, block)
    rows, columns = numbers["grid"]
    tokens = rows * columns
    assert tensors["values"].shape == (2, 2, tokens, tokens) and tensors["highest"].shape == (2, 2, tokens)
    shares = (tensors["values"].astype(float) / 255) ** 2 * tensors["highest"][..., None]
    assert abs(shares.sum(-1) - 1).max() < 0.08
    averaged = shares[-1].mean(0)
    target, source = numbers["target"], numbers["source"]
    for (x, y), attended in zip(numbers["asked"], numbers["looked"], strict=True):
        left, top, width, height = target["frame"]
        column = min(max(int((x - left) / width * columns), 0), columns - 1)
        row = min(max(int((y - top) / height * rows), 0), rows - 1)
        highest = averaged[row * columns + column].argmax()
        left, top, width, height = source["frame"]
        place = (left + (highest % columns + 0.5) / columns * width, top + (highest // columns + 0.5) / rows * height)
        # the middle of mass lies within one token of the highest one
        assert (
            abs(place[0] - attended[0]) <= width / columns + 0.2 and abs(place[1] - attended[1]) <= height / rows + 0.2
        )


def test_the_two_pictures_to_click_on_are_the_drawn_one_and_the_source(host):
    graph, nodes = transfer_graph()
    block = graph.add("DPTNAttentionPreview", attention=graph.out(nodes["drawn"], 1))
    shown = graph.add("PreviewImage", images=graph.out(nodes["drawn"]))
    person = graph.add("PreviewImage", images=graph.out(nodes["person"]))
    run = host.run(graph.prompt)
    images = run.outputs[block]["dptn_pictures"]
    assert len(run.outputs[block]["images"]) == 1
    for found, node in zip(images[:2], (shown, person), strict=True):
        wanted = host.image(run.outputs[node]["images"][0]).astype(int)
        assert abs(host.image(found).astype(int) - wanted).max() <= 1


def test_large_pictures_are_sent_small_and_missing_joints_as_null(host):
    points = [[x * 8, y * 8] for x, y in STANDING[:14]] + [[0, 0, 0]] * 4
    headless = [pose_frame([person(points)], 3072, 4096)]
    graph = Graph()
    graph, nodes = transfer_graph(graph.send_pose(headless), graph)
    block = graph.add("DPTNAttentionPreview", attention=graph.out(nodes["drawn"], 1))
    run = host.run(graph.prompt)
    assert run.error is None
    target, source = (host.image(one) for one in run.outputs[block]["dptn_pictures"][:2])
    assert target.shape == (1024, 768, 3) and source.shape == (512, 384, 3)
    numbers = json.loads(run.outputs[block]["dptn_attention"][0])
    assert numbers["target"]["canvas"] == [3072, 4096]
    assert numbers["target"]["joints"][14:] == [None] * 4 and None not in numbers["target"]["joints"][:14]


def test_a_mask_of_any_size_can_be_asked_about(host):
    graph, nodes = transfer_graph()
    mask = graph.add("SolidMask", value=1.0, width=64, height=48)
    block = graph.add(
        "DPTNAttentionPreview", attention=graph.out(nodes["drawn"], 1), joint="none", mask=graph.out(mask)
    )
    run = host.run(graph.prompt)
    assert run.error is None and len(run.outputs[block]["images"]) == 1


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"picture": 1}, "input 'picture': expected an image from 0 to 0, got 1"),
        ({"layer": 5}, "input 'layer'"),
        ({"head": 40}, "input 'head': expected a head from 0 to 1, or -1 for all, got 40"),
        ({"points": "-5,5"}, "input 'points': '-5,5' lies outside the target image of 384x512"),
        ({"points": "9" * 50 + ",1"}, "lies outside"),
        ({"points": "1,1;" * 100}, "at most 64 points, got 100"),
        ({"points": "3;4"}, "input 'points': expected x,y; x,y; ... in pixels, got '3'"),
        ({"joint": "none"}, "no place to ask about"),
    ],
)
def test_questions_that_cannot_be_answered_get_an_error_in_words(host, inputs, said):
    run, _, _ = attention(host, **inputs)
    assert run.error is not None and "Attention Preview" in run.error and said in run.error


@pytest.mark.parametrize(
    ("shape", "said"),
    [([0, 8, 8], "got (0, 8, 8)"), ([4], "got (4,)"), ([1, 1, 8, 8], "got (1, 1, 8, 8)"), ([2, 3, 5], None)],
)
def test_masks_of_odd_shapes(host, shape, said):
    graph, nodes = transfer_graph()
    mask = graph.add("ProbeSendMask", shape=json.dumps(shape))
    graph.add("DPTNAttentionPreview", attention=graph.out(nodes["drawn"], 1), joint="none", mask=graph.out(mask))
    error = host.run(graph.prompt).error
    assert (error is None) if said is None else ("Attention Preview, input 'mask'" in error and said in error)


def test_a_very_large_mask_is_asked_about(host):
    graph, nodes = transfer_graph()
    mask = graph.add("ProbeSendMask", shape="[1, 5000, 5000]")
    graph.add("DPTNAttentionPreview", attention=graph.out(nodes["drawn"], 1), joint="none", mask=graph.out(mask))
    assert host.run(graph.prompt).error is None


def test_openpose_files_are_taken_in_place_of_an_edit(host):
    own_file = {"version": 1.3, "people": [person(STANDING)]}
    for document in (own_file, [{"people": [person(STANDING)]}]):
        (frame,) = run_alone(host, "DPTNEditSkeleton", edited=json.dumps(document))
        assert frame["people"][0]["pose_keypoints_2d"][:2] == [192.0, 70.0]


def test_canvases_too_large_to_be_drawn_are_refused_in_words(host):
    huge = [pose_frame([person([[x * 50, y * 50] for x, y in STANDING])], 19200, 25600)]
    graph = Graph()
    block = graph.add("DPTNEditSkeleton", pose=graph.send_pose(huge))
    graph.add("ProbeReportPose", pose=graph.out(block))
    assert (
        "Edit Skeleton, input 'pose': expected a canvas of at most 8192 pixels a side, got 19200x25600"
        in host.run(graph.prompt).error
    )
    graph = Graph()
    graph.report(graph.out(graph.add("DPTNDrawSkeleton", pose=graph.send_pose(huge))))
    assert "and 67 million in all, got 19200x25600; set a smaller" in host.run(graph.prompt).error
