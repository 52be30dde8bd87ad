"""Encode Source and Transfer Pose on the real host: what is run again, batches, interruption, memory."""

from __future__ import annotations

import hashlib
import json
import time

import numpy as np
import pytest
from comfy_host import PACK, Rejected
from graphs import STANDING, Graph, metadata, person, pose_frame, transfer_graph


def shifted(dx: float, dy: float = 0.0) -> list[list[float]]:
    return [[x + dx, y + dy] for x, y in STANDING]


def sequence(count: int) -> list[dict[str, object]]:
    return [pose_frame([person(shifted(10 * np.sin(number)))]) for number in range(count)]


def test_the_shortest_graph_draws_a_picture_and_shows_it_in_the_block(host):
    graph, nodes = transfer_graph()
    report = graph.report(graph.out(nodes["drawn"]))
    run = host.run(graph.prompt)
    assert run.error is None
    seen = metadata(run, report)
    assert seen["shape"] == [1, 512, 384, 3] and seen["dtype"] == "torch.float32" and seen["device"] == "cpu"
    assert 0 <= seen["low"] < 0.2 and 0.8 < seen["high"] <= 1
    shown = host.image(run.outputs[nodes["drawn"]]["images"][0])
    assert shown.shape == (512, 384, 3) and shown.std() > 20


def test_a_draft_is_small_and_shows_the_same_person(host):
    graph, nodes = transfer_graph()
    full = host.image(host.run(graph.prompt).outputs[nodes["drawn"]]["images"][0])
    graph.prompt[nodes["drawn"]]["inputs"]["draft"] = 128
    run = host.run(graph.prompt)
    assert run.error is None
    (entry,) = run.outputs[nodes["drawn"]]["images"]
    assert entry["filename"].endswith(".jpg"), "quicker to write than a PNG"
    small = host.image(entry)
    assert small.shape == (128, 96, 3)
    again = full.reshape(128, 4, 96, 4, 3).mean((1, 3))
    assert np.abs(again - small).mean() < 8


def test_live_posing_keeps_the_last_32_drafts_and_shows_them(host):
    temp = host.base / "temp"
    for number in range(36):
        graph = Graph()
        pose = graph.send_pose([pose_frame([person(shifted(2 * number))])])
        graph, nodes = transfer_graph(pose, graph, working_height=64)
        graph.prompt[nodes["drawn"]]["inputs"].update(draft=64, texture="network only")
        run = host.run(graph.prompt)
        assert run.error is None
        (entry,) = run.outputs[nodes["drawn"]]["images"]
        assert host.image(entry).shape == (64, 48, 3)
        assert len(list(temp.glob("dptn_draft_*"))) <= 32
    assert len(list(temp.glob("dptn_draft_*"))) == 32


def test_a_changed_pose_does_not_encode_the_source_again(host):
    encoded = drawn = 0
    hashes = set()
    for number in range(3):
        graph = Graph()
        pose = graph.send_pose([pose_frame([person(shifted(4 * number + 1))])])
        graph, nodes = transfer_graph(pose, graph, working_height=96)
        report = graph.report(graph.out(nodes["drawn"]))
        run = host.run(graph.prompt)
        assert run.error is None
        encoded += nodes["source"] in run.executed
        drawn += nodes["drawn"] in run.executed
        hashes.add(metadata(run, report)["hash"])
    assert (encoded, drawn, len(hashes)) == (1, 3, 3)


def test_a_sequence_streams_through_in_chunks_with_progress_and_shows_its_images_alone(host):
    graph = Graph()
    graph, nodes = transfer_graph(graph.send_pose(sequence(11)), graph)
    graph.prompt[nodes["drawn"]]["inputs"]["poses_at_once"] = 4
    report = graph.report(graph.out(nodes["drawn"]))
    run = host.run(graph.prompt)
    assert metadata(run, report)["shape"] == [11, 512, 384, 3]
    steps = [
        message["data"]["value"]
        for message in run.messages
        if message["type"] == "progress" and message["data"].get("node") == nodes["drawn"]
    ]
    assert steps == [4, 8, 11]
    assert run.previews == 0  # front ends would leave it beside the result
    assert len(run.outputs[nodes["drawn"]]["images"]) == 11


def test_the_chunk_size_does_not_change_the_pictures(host):
    images = []
    for at_once in (1, 3):
        graph = Graph()
        graph, nodes = transfer_graph(graph.send_pose(sequence(3)), graph)
        graph.prompt[nodes["drawn"]]["inputs"]["poses_at_once"] = at_once
        run = host.run(graph.prompt)
        images.append(np.stack([host.image(one) for one in run.outputs[nodes["drawn"]]["images"]]).astype(int))
    assert abs(images[0] - images[1]).max() <= 1


def test_an_interrupted_sequence_stops_within_two_chunks_and_the_next_prompt_works(host):
    graph = Graph()
    graph, nodes = transfer_graph(graph.send_pose(sequence(200)), graph)
    graph.prompt[nodes["drawn"]]["inputs"]["poses_at_once"] = 4
    prompt = host.queue(graph.prompt)

    def started(run) -> bool:
        return any(
            m["type"] == "progress" and m["data"].get("node") == nodes["drawn"] and m["data"]["value"] >= 8
            for m in run.messages
        )

    before = host.wait(prompt, until=started)
    at_interrupt = before.progress[-1]
    host.post("/interrupt", {})
    after = host.wait(prompt)
    assert after.interrupted
    assert max([at_interrupt, *after.progress]) <= at_interrupt + 2 * 4
    graph, nodes = transfer_graph()
    graph.report(graph.out(nodes["drawn"]))
    assert host.run(graph.prompt).error is None


def test_one_pose_for_many_pictures_and_one_each(host):
    for poses, frames in ((1, 1), (3, 3)):
        graph = Graph()
        images = graph.add("ProbeSendImages", count=3, height=512, width=384, channels=3)
        source_pose = graph.send_pose([pose_frame([person(STANDING)])])
        target = graph.send_pose(sequence(frames))
        graph, nodes = transfer_graph(target, graph, image=graph.out(images), pose=source_pose)
        report = graph.report(graph.out(nodes["drawn"]))
        run = host.run(graph.prompt)
        assert run.error is None, (poses, run.error)
        assert metadata(run, report)["shape"] == [3, 512, 384, 3]


@pytest.mark.parametrize(
    ("count", "source_poses", "target_poses", "said"),
    [
        (3, 2, 1, "Encode Source, input 'pose': expected one pose for each image, or one for all, got 2 for 3 images"),
        (1, 2, 1, "Encode Source, input 'pose': expected one pose for each image, or one for all, got 2 for 1 image"),
        (3, 1, 2, "Transfer Pose, inputs 'source' and 'pose': expected one source, one pose, or"),
    ],
)
def test_batches_that_do_not_match_get_an_error_that_names_the_input(host, count, source_poses, target_poses, said):
    graph = Graph()
    images = graph.add("ProbeSendImages", count=count, height=256, width=192, channels=3)
    source_pose = graph.send_pose([pose_frame([person(STANDING)])] * source_poses)
    target = graph.send_pose(sequence(target_poses))
    graph, _ = transfer_graph(target, graph, image=graph.out(images), pose=source_pose)
    assert said in (host.run(graph.prompt).error or "")


def test_grey_and_transparent_pictures_of_any_size_are_taken(host):
    for channels, height, width in ((1, 37, 29), (4, 640, 200), (3, 64, 400)):
        graph = Graph()
        images = graph.add("ProbeSendImages", count=1, height=height, width=width, channels=channels)
        scaled = [[x * width / 384, y * height / 512] for x, y in STANDING]
        pose = graph.send_pose([pose_frame([person(scaled)], width, height)])
        graph, nodes = transfer_graph(pose, graph, image=graph.out(images), pose=pose)
        report = graph.report(graph.out(nodes["drawn"]))
        run = host.run(graph.prompt)
        assert run.error is None
        assert metadata(run, report)["shape"] == [1, height, width, 3]


def hashes(host, graph: Graph, nodes: dict[str, str]) -> list[str]:
    """Of each image that Transfer Pose shows."""
    run = host.run(graph.prompt)
    assert run.error is None, run.error
    return [hashlib.sha256(host.image(one).tobytes()).hexdigest() for one in run.outputs[nodes["drawn"]]["images"]]


def drawn_alone(host, frames: list[dict[str, object]]) -> list[str]:
    """Each frame's image, drawn by itself."""
    found = []
    for frame in frames:
        graph = Graph()
        graph, nodes = transfer_graph(graph.send_pose([frame]), graph)
        found += hashes(host, graph, nodes)
    return found


def test_frames_without_a_person_stop_repeat_or_are_left_out(host):
    a, b = sequence(2)
    nobody = pose_frame([])
    of_a, of_b = drawn_alone(host, [a, b])
    frames = [nobody, nobody, a, nobody, b]
    for choice, expected in (
        ("stop with an error", None),
        ("repeat the pose before", [of_a, of_a, of_a, of_a, of_b]),
        ("leave the frame out", [of_a, of_b]),
    ):
        graph = Graph()
        graph, nodes = transfer_graph(graph.send_pose(frames), graph)
        graph.prompt[nodes["drawn"]]["inputs"].update(when_nobody=choice, poses_at_once=1)
        if expected is None:
            error = host.run(graph.prompt).error
            assert "Transfer Pose, input 'pose' in frame 0, 1, 3: " in error and "repeat the pose before" in error
        else:
            assert hashes(host, graph, nodes) == expected, choice


def test_a_left_out_frame_takes_its_source_with_it(host):
    """Two images, of which the first has no target pose: the second is drawn in its own."""

    def graph_of(frames: list[dict[str, object]], count: int) -> tuple[Graph, dict[str, str]]:
        graph = Graph()
        images = graph.add("ProbeSendImages", count=2, height=512, width=384, channels=3)
        batch = graph.out(images)
        if count == 1:
            batch = graph.out(graph.add("ImageFromBatch", image=batch, batch_index=1, length=1))
        source_pose = graph.send_pose([pose_frame([person(STANDING)])])
        graph, nodes = transfer_graph(graph.send_pose(frames), graph, image=batch, pose=source_pose)
        graph.prompt[nodes["drawn"]]["inputs"].update(when_nobody="leave the frame out", poses_at_once=1)
        return graph, nodes

    frame = sequence(2)[1]
    (alone,) = hashes(host, *graph_of([frame], 1))
    assert hashes(host, *graph_of([pose_frame([]), frame], 2)) == [alone]
    graph, _ = graph_of([frame, pose_frame([]), frame], 2)
    assert "got 2 sources and 3 poses" in (host.run(graph.prompt).error or "")


def test_a_pose_of_somebody_else_takes_the_size_and_place_of_the_source(host):
    far_away = [pose_frame([person([[x * 3 + 900, y * 3 + 100] for x, y in STANDING])], 2400, 1800)]
    graph = Graph()
    graph, nodes = transfer_graph(graph.send_pose(far_away), graph)
    graph.prompt[nodes["drawn"]]["inputs"]["size_and_place"] = "like the source"
    run = host.run(graph.prompt)
    assert run.error is None
    like_source = host.image(run.outputs[nodes["drawn"]]["images"][0]).astype(int)
    assert like_source.shape == (512, 384, 3)  # the source image's canvas
    # the same pose, already in the source's place
    sample = host.base.parent / "figure.json"
    sample.write_bytes((PACK / "dptn_core" / "samples" / "figure.json").read_bytes())
    figure = json.loads(sample.read_text())[0]["people"][0]["pose_keypoints_2d"]
    hips = [(figure[24 + i] + figure[33 + i]) / 2 for i in (0, 1)]
    trunk = np.hypot(figure[3] - hips[0], figure[4] - hips[1])
    own = np.array(STANDING)
    own_hips = own[[8, 11]].mean(0)
    scale = trunk / np.hypot(*(own[1] - own_hips))
    placed = ((own - own_hips) * scale + hips).tolist()
    graph = Graph()
    graph, nodes = transfer_graph(graph.send_pose([pose_frame([person(placed)])]), graph)
    run = host.run(graph.prompt)
    expected = host.image(run.outputs[nodes["drawn"]]["images"][0]).astype(int)
    assert abs(like_source - expected).mean() < 1


def test_partial_execution_runs_the_transfer_alone(host):
    graph, nodes = transfer_graph()
    other = graph.add("DPTNSavePose", pose=graph.out(nodes["person"], 1), filename_prefix=f"never/{time.time_ns()}")
    run = host.run(graph.prompt, targets=[nodes["drawn"]])
    assert run.error is None and other not in run.executed and nodes["drawn"] in run.outputs
    assert not (host.base / "output" / "never").exists()


def test_two_hundred_prompts_in_a_row_leave_memory_flat(host, record_property):
    half = [[x / 2, y / 2] for x, y in STANDING]  # a quarter of the pixels, of which most of the time goes into

    def once(number: int) -> None:
        graph = Graph()
        image = graph.out(graph.add("ProbeSendImages", count=1, height=256, width=192, channels=3))
        source_pose = graph.send_pose([pose_frame([person(half)], 192, 256)])
        pose = graph.send_pose([pose_frame([person([[x + number / 20, y] for x, y in half])], 192, 256)])
        graph, _ = transfer_graph(pose, graph, image=image, pose=source_pose, working_height=64)
        assert host.run(graph.prompt).error is None

    for number in range(40):  # allocators settle
        once(number)
    used = []
    for number in range(40, 240):
        once(number)
        used.append(host.memory() / 2**20)
    slope = float(np.polyfit(range(len(used)), used, 1)[0])
    record_property("memory_slope_MiB_per_prompt", round(slope, 4))
    # one result kept by mistake at each prompt would be 0.6 MiB
    assert slope < 0.1, f"{slope:.3f} MiB a prompt, from {used[0]:.0f} to {used[-1]:.0f} MiB"


def test_a_model_file_that_is_gone_is_named(host):
    graph, nodes = transfer_graph()
    graph.prompt[nodes["model"]]["inputs"]["model"] = "gone.safetensors"
    try:
        said = host.run(graph.prompt).error
    except Rejected as rejected:  # hosts that check combos before they run
        said = json.dumps(rejected.answer)
    assert said is not None and "gone.safetensors" in said


def test_a_model_file_in_the_models_folder_is_offered_loaded_and_loaded_anew_when_it_changes(host, tmp_path):
    from dptn_core.checkpoint import load_model, save_model, starter_path

    folder = host.base / "models" / "dptn"
    path = folder / "mine" / "mine.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    hashes = []
    for factor in (1.0, 0.5):
        model = load_model(starter_path())
        model.generator.output.convolution.weight.data *= factor
        save_model(path, model)
        offered = host.get("/object_info/DPTNLoadModel")["DPTNLoadModel"]["input"]["required"]["model"][1]["options"]
        assert offered[0] == "starter" and str(path.relative_to(folder)) in offered
        graph, nodes = transfer_graph()
        graph.prompt[nodes["model"]]["inputs"]["model"] = str(path.relative_to(folder))
        report = graph.report(graph.out(nodes["drawn"]))
        run = host.run(graph.prompt)
        assert run.error is None
        hashes.append(metadata(run, report)["hash"])
    assert hashes[0] != hashes[1]


@pytest.mark.parametrize("content", [b"", b"\x80\x02cos\nsystem\n", b"PK\x03\x04 truncated"])
def test_hostile_model_files_get_an_error_that_names_block_and_file(host, content):
    path = host.base / "models" / "dptn" / f"hostile_{len(content)}.pth"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    graph, nodes = transfer_graph()
    graph.prompt[nodes["model"]]["inputs"]["model"] = path.name
    host.get("/object_info/DPTNLoadModel")
    error = host.run(graph.prompt).error
    assert error is not None and "Load DPTN Model, input 'model'" in error and path.name in error


def test_half_precision_draws_nearly_the_same(host):
    images = []
    for dtype in ("fp32", "bf16"):
        graph, nodes = transfer_graph()
        graph.prompt[nodes["model"]]["inputs"]["dtype"] = dtype
        run = host.run(graph.prompt)
        images.append(host.image(run.outputs[nodes["drawn"]]["images"][0]).astype(float))
    error = np.square(images[0] - images[1]).mean()
    assert 10 * np.log10(255**2 / error) > 35


def test_fp16_on_a_cpu_is_refused_in_words(host):
    graph, nodes = transfer_graph()
    graph.prompt[nodes["model"]]["inputs"]["dtype"] = "fp16"
    assert "Load DPTN Model, input 'dtype': expected precision bf16 or fp32 on a CPU" in host.run(graph.prompt).error


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [
        ("DPTNTransferPose", "source", "connect Encode Source"),
        ("DPTNEncodeSource", "model", "connect Load DPTN Model"),
        ("DPTNAttentionPreview", "attention", "connect Transfer Pose"),
        ("DPTNEncodeSource", "image", "expected at least one image"),
        ("DPTNEditSkeleton", "edited", "expected text, got"),
        ("DPTNSavePose", "filename_prefix", "expected text, got"),
        ("DPTNTransferPose", "pose", "pose data"),
    ],
)
@pytest.mark.parametrize("value", [None, 5, {"x": 1}])
def test_anything_on_a_wire_gets_an_error_that_names_block_and_input(host, kind, name, said, value):
    graph, nodes = transfer_graph()
    attention = graph.add("DPTNAttentionPreview", attention=graph.out(nodes["drawn"], 1))
    edited = graph.add("DPTNEditSkeleton")
    saved = graph.add("DPTNSavePose", pose=graph.out(edited))
    by_kind = {"DPTNTransferPose": nodes["drawn"], "DPTNEncodeSource": nodes["source"]}
    by_kind |= {"DPTNAttentionPreview": attention, "DPTNEditSkeleton": edited, "DPTNSavePose": saved}
    graph.prompt[by_kind[kind]]["inputs"][name] = graph.out(graph.add("ProbeSendAnything", text=json.dumps(value)))
    error = host.run(graph.prompt).error
    assert error is not None and f"input '{name}'" in error and "has no attribute" not in error
    if not (name == "pose" and value == {"x": 1}):  # an object without people is a frame without people
        assert said in error


@pytest.mark.parametrize("channels", [2, 5])
def test_pictures_of_odd_channels_are_refused_by_block_and_input(host, channels):
    graph = Graph()
    images = graph.add("ProbeSendImages", count=1, height=512, width=384, channels=channels)
    graph, _ = transfer_graph(None, graph, image=graph.out(images))
    assert "Encode Source, input 'image': an image has the shape" in host.run(graph.prompt).error
