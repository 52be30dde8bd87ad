"""Poses out of images: the libraries' real decoding on ideal maps of known people, weights, and what is refused."""

from __future__ import annotations

import http.server
import importlib.util
import inspect
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from transfer_fixture import person, smooth_image

from dptn_core.detection.external import (
    OPENPOSE_BODY,
    PERSONS,
    VITPOSE,
    ExtractionError,
    PoseDetector,
    Weights,
    download_weights,
    find_weights,
    load_openpose,
    load_vitpose,
    missing_weights_message,
)
from dptn_core.detection.external.coco_keypoints import openpose_from_coco, openpose_parts
from dptn_core.pose import KEYPOINT_NAMES, LIMBS, Canvas, People, Pose

ROOT = Path(__file__).parents[3]
SIZES = [(512, 512), (300, 450), (640, 360), (333, 517), (1201, 799), (97, 131)]  # width, height


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)


def assert_same_people(found: People, known: list[Pose], tolerance: float = 0.01) -> None:
    """The same keypoints present, each within a share of the frame, in the same order of people."""
    assert len(found.people) == len(known)
    for pose, expected in zip(found.people, known, strict=True):
        assert pose.canvas == expected.canvas
        missing = set(np.array(KEYPOINT_NAMES)[expected.present & ~pose.present])
        invented = set(np.array(KEYPOINT_NAMES)[pose.present & ~expected.present])
        assert (missing, invented) == (set(), set())
        frame = (pose.canvas.width, pose.canvas.height)
        distance = np.abs(pose.keypoints - expected.keypoints) / frame
        assert distance.max() < tolerance, KEYPOINT_NAMES[distance.max(axis=1).argmax()]


# OpenPose


def needs_controlnet_aux() -> None:
    # importorskip would run the package, which is what must not happen
    if importlib.util.find_spec("controlnet_aux") is None:
        pytest.skip("needs controlnet-aux: pip install controlnet-aux")
    pytest.importorskip("cv2", reason="controlnet-aux needs opencv-python-headless")


@pytest.fixture(scope="module")
def openpose_state() -> dict[str, Tensor]:
    """Random weights under the names and in the shapes of the published file."""
    needs_controlnet_aux()
    from dptn_core.detection.external.controlnet_aux_code import load_body_code

    with torch.device("meta"):
        expected = load_body_code()[1]().state_dict()
    random = torch.Generator().manual_seed(0)
    state = {}
    for name, tensor in expected.items():
        scale = 1 / max(tensor[0].numel(), 1) ** 0.5
        state[name.split(".", 1)[1]] = torch.empty(tensor.shape).uniform_(-scale, scale, generator=random)
    return state


@pytest.fixture(scope="module")
def openpose_file(openpose_state: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("openpose") / "body_pose_model.pth"
    torch.save(openpose_state, path)
    yield path
    path.unlink()


@pytest.fixture(scope="module")
def openpose(openpose_file: Path) -> PoseDetector:
    return load_openpose(openpose_file)


# For each limb of the network, in shares of its 38 channels: x and y of the field that points along it.
FIELDS = dict(
    zip(
        [*LIMBS, (2, 16), (5, 17)],
        [12, 20, 14, 16, 22, 24, 0, 2, 4, 6, 8, 10, 28, 30, 34, 32, 36, 18, 26],
        strict=True,
    )
)


def ideal_openpose_maps(people: list[Pose], pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Fields (1, 38, h, w) and heat maps (1, 19, h, w) for an input that shows a `white` image, and padding."""
    height, width = pixels.shape[2] // 8, pixels.shape[3] // 8
    shown = pixels[0, 0] > 0.25  # padding is 0
    canvas = people[0].canvas
    scale = np.array([int(shown.any(0).sum()) / canvas.width, int(shown.any(1).sum()) / canvas.height])
    x, y = np.meshgrid((np.arange(width) + 0.5) * 8, (np.arange(height) + 0.5) * 8)
    heat, fields = np.zeros((19, height, width)), np.zeros((38, height, width))
    for pose in people:
        joints = pose.keypoints * scale
        for joint in np.flatnonzero(pose.present):
            squared = (x - joints[joint, 0]) ** 2 + (y - joints[joint, 1]) ** 2
            heat[joint] = np.maximum(heat[joint], np.exp(-squared / (2 * 8.0**2)))
        for (start, end), channel in FIELDS.items():
            if pose.present[start] and pose.present[end]:
                along = joints[end] - joints[start]
                length = max(float(np.hypot(*along)), 1e-6)
                place = ((x - joints[start, 0]) * along[0] + (y - joints[start, 1]) * along[1]) / length**2
                nearest = joints[start][:, None, None] + along[:, None, None] * place.clip(0, 1)
                close = np.hypot(x - nearest[0], y - nearest[1]) < 12
                fields[channel : channel + 2, close] = along[:, None] / length
    heat[18] = 1 - heat[:18].max(axis=0)
    return torch.from_numpy(fields)[None].float(), torch.from_numpy(heat)[None].float()


def seeing(detector: PoseDetector, people: list[Pose], monkeypatch: pytest.MonkeyPatch) -> list[Tensor]:
    """Let OpenPose's network answer with ideal maps; returns the list its inputs will be put into."""
    inputs: list[Tensor] = []

    def forward(pixels: Tensor) -> tuple[Tensor, Tensor]:
        inputs.append(pixels)
        return ideal_openpose_maps(people, pixels)

    monkeypatch.setattr(detector.networks[0], "forward", forward)
    return inputs


def white(canvas: Canvas) -> Tensor:
    return torch.ones(3, canvas.height, canvas.width)


@pytest.mark.parametrize(("seed", "size"), list(enumerate(SIZES)))
def test_openpose_finds_one_known_person(openpose, monkeypatch, size, seed):
    known = person(size, sway=0.06, seed=seed)
    seeing(openpose, [known], monkeypatch)
    assert_same_people(openpose.detect(white(known.canvas)), [known])


@pytest.mark.parametrize(("seed", "size"), list(enumerate([(640, 480), (500, 500), (901, 603), (420, 500)])))
def test_openpose_tells_two_people_apart_and_orders_them_from_left_to_right(openpose, monkeypatch, size, seed):
    width, height = size
    boxes = [(x * width, 0.12 * height, 0.32 * width, 0.75 * height) for x in (0.06, 0.6)]
    known = [person(size, box, sway=0.05, seed=seed + 10 * i) for i, box in enumerate(boxes)]
    seeing(openpose, known[:: 1 if seed % 2 else -1], monkeypatch)
    assert_same_people(openpose.detect(white(known[0].canvas)), known)


@pytest.mark.parametrize("without", [{4}, {10, 13}, {16, 14}, {8, 9, 10, 11, 12, 13}, {2, 3, 4, 0, 14, 15, 16, 17}])
def test_openpose_leaves_out_joints_that_are_not_to_be_seen(openpose, monkeypatch, without):
    known = person((480, 640), without=without, sway=0.03, seed=4)
    seeing(openpose, [known], monkeypatch)
    assert_same_people(openpose.detect(white(known.canvas)), [known])


@pytest.mark.parametrize("size", [(1600, 200), (300, 1500)])
def test_openpose_takes_pictures_of_extreme_shapes(openpose, monkeypatch, size):
    width, height = size
    known = person(size, (0.3 * width, 0.1 * height, min(0.4 * width, 0.5 * height), 0.8 * height), sway=0.02)
    seeing(openpose, [known], monkeypatch)
    assert_same_people(openpose.detect(white(known.canvas)), [known], 0.03)  # a few cells across


def test_openpose_sees_blue_first_over_the_range_it_was_trained_on(openpose, monkeypatch):
    inputs = seeing(openpose, [person((300, 300))], monkeypatch)
    openpose.detect(torch.tensor([0.0, 0.5, 1.0])[:, None, None].expand(3, 300, 300))
    (pixels,) = inputs
    means = pixels[..., :180, :180].mean(dim=(0, 2, 3))
    torch.testing.assert_close(means, torch.tensor([0.5, 0.0, -0.5]), atol=0.01, rtol=0)


def test_openpose_scores_below_the_threshold_are_missing(openpose, monkeypatch):
    known = person((400, 400))

    def faint(pixels: Tensor) -> tuple[Tensor, Tensor]:
        fields, heat = ideal_openpose_maps([known], pixels)
        heat[:, 10] *= 0.4
        return fields, heat

    monkeypatch.setattr(openpose.networks[0], "forward", faint)
    (pose,) = openpose.detect(white(known.canvas), threshold=0.5).people
    assert set(np.flatnonzero(~pose.present)) == {10}
    (pose,) = openpose.detect(white(known.canvas), threshold=0.2).people
    assert pose.present.all() and pose.confidence.max() <= 1
    assert openpose.detect(white(known.canvas), threshold=1.0).canvas == known.canvas


def test_openpose_runs_its_own_network(openpose):
    assert openpose.detect(smooth_image(60, 200)).people == ()  # its weights are random


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (16384, 4), (2000, 1500)])
def test_openpose_takes_pictures_of_any_size(openpose, monkeypatch, size):
    def nothing(pixels: Tensor) -> tuple[Tensor, Tensor]:
        assert pixels.shape[2] == 184 and 46 <= pixels.shape[3] <= 4 * 184
        height, width = pixels.shape[2] // 8, pixels.shape[3] // 8
        return torch.zeros(1, 38, height, width), torch.zeros(1, 19, height, width)

    monkeypatch.setattr(openpose.networks[0], "forward", nothing)
    found = openpose.detect(smooth_image(*size))
    assert found.people == () and found.canvas == Canvas(*size)


def test_openpose_loads_the_same_network_from_both_kinds_of_file(openpose, openpose_state, tmp_path):
    path = tmp_path / "body.safetensors"
    save_file(openpose_state, path)
    again = load_openpose(path)
    path.unlink()
    pixels = torch.rand(1, 3, 16, 16)
    with torch.inference_mode():
        for one, other in zip(openpose.networks[0](pixels), again.networks[0](pixels), strict=True):
            torch.testing.assert_close(one, other)
    network = again.networks[0]
    assert not network.training and not any(parameter.requires_grad for parameter in network.parameters())
    first = next(network.parameters())
    torch.testing.assert_close(first.data, openpose_state["conv1_1.weight"])


class Hostile:
    """What a hostile file holds: unpickling it writes a file."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return os.mkdir, (self.path,)


def test_openpose_files_that_are_not_its_weights_are_refused_in_words(openpose_file, tmp_path):
    def refused(name: str, message: str) -> None:
        with pytest.raises(ExtractionError, match=message) as caught:
            load_openpose(tmp_path / name)
        assert name in str(caught.value) and "body_pose_model.pth" in str(caught.value)

    refused("missing.pth", "no such file")
    (tmp_path / "folder").mkdir()
    refused("folder", "is a folder")
    (tmp_path / "empty.pth").touch()
    refused("empty.pth", "empty")
    with openpose_file.open("rb") as file:
        (tmp_path / "cut.pth").write_bytes(file.read(100_000))
    refused("cut.pth", "cut short or damaged")
    (tmp_path / "page.pth").write_text("<!DOCTYPE html><html>")
    refused("page.pth", "web page")
    torch.save({"conv1_1.weight": torch.zeros(64, 3, 3, 3)}, tmp_path / "other.pth")
    refused("other.pth", "lacks 183 of 184 tensors, conv1_1.bias first")
    torch.save(Hostile(str(tmp_path / "hacked")), tmp_path / "hostile.pth")
    refused("hostile.pth", "Python code or objects .*mkdir")
    assert not (tmp_path / "hacked").exists()


def test_openpose_weights_of_another_shape_are_refused_with_both_shapes(openpose_state, tmp_path):
    state = {name: torch.zeros(()).expand(tensor.shape) for name, tensor in openpose_state.items()}
    state["Mconv7_stage6_L2.weight"] = torch.zeros(22, 128, 1, 1)  # a hand's
    path = tmp_path / "hand.pth"
    torch.save(state, path)
    with pytest.raises(ExtractionError, match=r"Mconv7_stage6_L2.weight is \(22, 128, 1, 1\).*\(19, 128, 1, 1\)"):
        load_openpose(path)


def run_python(code: str, *path: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, [*path, ROOT])), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True, cwd=ROOT).stdout


def test_openpose_works_beside_a_mediapipe_that_breaks_controlnet_aux(openpose_file, tmp_path):
    (tmp_path / "mediapipe").mkdir()
    (tmp_path / "mediapipe" / "__init__.py").write_text("__version__ = '0.10.35'\n")
    code = f"""
import sys
from dptn_core.detection.external import load_openpose
print(sorted({{"controlnet_aux", "cv2", "scipy", "transformers", "huggingface_hub", "mediapipe"}} & sys.modules.keys()))
detector = load_openpose({str(openpose_file)!r})
print(detector.name, len(detector.networks))
print(sorted({{"controlnet_aux", "mediapipe", "transformers", "timm"}} & sys.modules.keys()))
"""
    assert run_python(code, tmp_path).splitlines() == ["[]", "openpose 1", "[]"]


def test_a_missing_or_foreign_controlnet_aux_is_answered_with_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "controlnet_aux", raising=False)
    with pytest.raises(ExtractionError, match=r"not installed: run `pip install controlnet-aux`.*--no-deps.*ViTPose"):
        load_openpose(tmp_path / "x.pth")
    (tmp_path / "controlnet_aux").mkdir()
    (tmp_path / "controlnet_aux" / "__init__.py").write_text("raise SystemExit('must not run')")
    with pytest.raises(ExtractionError, match=r"has no body.py and no model.py and no util.py in .*0\.0\.10 is known"):
        load_openpose(tmp_path / "x.pth")
    (tmp_path / "controlnet_aux" / "open_pose").mkdir()
    for name, text in {"util": "", "body": "from . import util", "model": "import no_such_package"}.items():
        (tmp_path / "controlnet_aux" / "open_pose" / f"{name}.py").write_text(text)
    with pytest.raises(ExtractionError, match=r"cannot be used \(AttributeError.*Body"):
        load_openpose(tmp_path / "x.pth")
    (tmp_path / "controlnet_aux" / "open_pose" / "body.py").write_text("class Body: ...  # another length")
    with pytest.raises(ExtractionError, match="lacks the package no_such_package"):
        load_openpose(tmp_path / "x.pth")
    assert not [name for name in sys.modules if "controlnet_aux" in name and not name.startswith("dptn_core")]


# ViTPose

COCO_NAMES = (
    *("nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow"),
    *("right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee"),
    *("left_ankle", "right_ankle"),
)
COCO_OF_OPENPOSE = {name: index for index, name in enumerate(COCO_NAMES)}


def save_vitpose(folder: Path, *, labels: int = 17, experts: int = 1) -> Path:
    transformers = pytest.importorskip("transformers", minversion="4.48", reason="needs transformers 4.48")
    backbone = transformers.VitPoseBackboneConfig(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        mlp_ratio=2,
        out_indices=[2],
        num_experts=experts,
        part_features=8,
    )
    config = transformers.VitPoseConfig(backbone_config=backbone, num_labels=labels)
    torch.manual_seed(0)
    transformers.VitPoseForPoseEstimation(config).save_pretrained(folder)
    transformers.VitPoseImageProcessor().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def vitpose_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_vitpose(tmp_path_factory.mktemp("vitpose"))


@pytest.fixture(scope="module")
def person_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    transformers = pytest.importorskip("transformers", minversion="4.48", reason="needs transformers 4.48")
    folder = tmp_path_factory.mktemp("rtdetr")
    backbone = transformers.RTDetrResNetConfig(
        embedding_size=8,
        hidden_sizes=[8, 8, 16, 16],
        depths=[1, 1, 1, 1],
        layer_type="basic",
        out_features=["stage2", "stage3", "stage4"],
    )
    config = transformers.RTDetrConfig(
        backbone_config=backbone,
        encoder_hidden_dim=16,
        encoder_in_channels=[8, 16, 16],
        encoder_ffn_dim=16,
        encoder_attention_heads=2,
        d_model=16,
        num_queries=10,
        decoder_in_channels=[16, 16, 16],
        decoder_ffn_dim=16,
        decoder_layers=1,
        decoder_attention_heads=2,
        id2label={0: "person", 1: "bicycle", 2: "car"},
        label2id={"person": 0, "bicycle": 1, "car": 2},
    )
    torch.manual_seed(0)
    transformers.RTDetrForObjectDetection(config).save_pretrained(folder)
    transformers.RTDetrImageProcessor(size={"height": 64, "width": 64}).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def vitpose(vitpose_folder: Path) -> PoseDetector:
    return load_vitpose(vitpose_folder)


@pytest.fixture(scope="module")
def vitpose_of_many(vitpose_folder: Path, person_folder: Path) -> PoseDetector:
    return load_vitpose(vitpose_folder, person_folder=person_folder)


def ideal_vitpose_maps(pose: Pose, box: tuple[float, float, float, float]) -> Tensor:
    """(1, 17, 64, 48): what ViTPose is trained to answer for a box (left, top, width, height) of pixels."""
    across = max(box[2], box[3] * 0.75) * 1.25
    size = np.array([across, across / 0.75])
    corner = np.array([box[0] + box[2] / 2, box[1] + box[3] / 2]) - size / 2
    cells = (pose.keypoints - corner) / size * (47, 63)
    x, y = np.meshgrid(np.arange(48), np.arange(64))
    maps = np.zeros((1, 17, 64, 48), np.float32)
    for name, index in COCO_OF_OPENPOSE.items():
        joint = KEYPOINT_NAMES.index(name)
        if pose.present[joint]:
            maps[0, index] = np.exp(-((x - cells[joint, 0]) ** 2 + (y - cells[joint, 1]) ** 2) / (2 * 2.0**2))
    return torch.from_numpy(maps)


def with_middle_neck(pose: Pose) -> Pose:
    """A person whose neck is the middle of the shoulders, as it is taken to be for COCO's keypoints."""
    keypoints, confidence = pose.keypoints.copy(), pose.confidence.copy()
    keypoints[1], confidence[1] = keypoints[[2, 5]].mean(axis=0), confidence[[2, 5]].min()
    return Pose(keypoints, confidence, pose.canvas)


def box_around(pose: Pose) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = pose.bounds()
    spare = 0.05 * (y1 - y0)
    left, top = max(x0 - spare, 0), max(y0 - spare, 0)
    return left, top, min(x1 + spare, pose.canvas.width) - left, min(y1 + spare, pose.canvas.height) - top


@pytest.mark.parametrize(("seed", "size"), list(enumerate(SIZES)))
def test_vitpose_finds_the_known_person_of_a_picture(vitpose, monkeypatch, size, seed):
    known = with_middle_neck(person(size, (0.2 * size[0], 0.1 * size[1], 0.5 * size[0], 0.8 * size[1]), seed=seed))
    maps = ideal_vitpose_maps(known, (0, 0, *size))
    monkeypatch.setattr(vitpose.networks[0], "forward", lambda pixel_values: SimpleNamespace(heatmaps=maps))
    assert_same_people(vitpose.detect(white(known.canvas)), [known])


@pytest.mark.parametrize("without", [{0}, {2}, {4, 10}, {14, 16}])
def test_vitpose_leaves_out_joints_that_are_not_to_be_seen(vitpose, monkeypatch, without):
    known = with_middle_neck(person((300, 400), without=without, sway=0.1, seed=5))
    maps = ideal_vitpose_maps(known, (0, 0, 300, 400))
    monkeypatch.setattr(vitpose.networks[0], "forward", lambda pixel_values: SimpleNamespace(heatmaps=maps))
    found = vitpose.detect(white(known.canvas))
    assert_same_people(found, [known])
    assert found.people[0].present[1] == (2 not in without)  # no neck without both shoulders


@pytest.mark.parametrize("size", [(96, 128), (301, 399), (640, 360), (3000, 2000)])
@pytest.mark.parametrize("share", [(0.3, 0.2), (0.62, 0.81)])
def test_what_vitpose_sees_somewhere_is_reported_at_that_place(vitpose, monkeypatch, size, share):
    """To a fraction of what it can tell apart: a dot is found where the network's input shows it."""
    width, height = size
    place = np.array(share) * size
    x, y = torch.arange(width) + 0.5 - place[0], torch.arange(height) + 0.5 - place[1]
    dot = torch.exp(-(x[None, :] ** 2 + y[:, None] ** 2) / (2 * (0.03 * height) ** 2))

    def look(pixel_values: Tensor) -> SimpleNamespace:
        shown = pixel_values[0, 0] - pixel_values[0, 0].min()
        down, across = torch.meshgrid(torch.arange(256.0), torch.arange(192.0), indexing="ij")
        u, v = ((shown * axis).sum() / shown.sum() for axis in (across, down))
        cells = (torch.arange(48) - u * 47 / 191)[None, :] ** 2 + (torch.arange(64) - v * 63 / 255)[:, None] ** 2
        return SimpleNamespace(heatmaps=torch.exp(-cells / (2 * 2.0**2)).expand(1, 17, 64, 48))

    monkeypatch.setattr(vitpose.networks[0], "forward", look)
    (pose,) = vitpose.detect(dot.float().expand(3, height, width)).people
    step = max(width / 192, height / 256) * 1.25  # pixels of the image for each the network sees
    np.testing.assert_allclose(pose.keypoints, np.tile(place, (18, 1)), atol=0.15 * max(step, 1))


def test_vitpose_sees_large_pictures_averaged(vitpose, monkeypatch):
    """Single pixels picked out of a fine pattern would show another pattern."""
    seen: list[Tensor] = []

    def look(pixel_values: Tensor) -> SimpleNamespace:
        seen.append(pixel_values)
        return SimpleNamespace(heatmaps=torch.zeros(1, 17, 64, 48))

    monkeypatch.setattr(vitpose.networks[0], "forward", look)
    checks = ((torch.arange(2000)[:, None] + torch.arange(1500)) % 2).float()
    assert vitpose.detect(checks.expand(3, 2000, 1500)).people == ()
    middle = seen[0][0, :, 40:-40, 40:-40]
    assert middle.std(dim=(1, 2)).max() < 0.05


@pytest.mark.parametrize("seed", range(5))
def test_vitpose_reports_nothing_beyond_what_it_saw(vitpose, monkeypatch, seed):
    """Refining the peak of a nearly flat map can lead anywhere."""
    random = torch.Generator().manual_seed(seed)
    maps = 0.01 + 1e-4 * torch.rand(1, 17, 64, 48, generator=random)
    monkeypatch.setattr(vitpose.networks[0], "forward", lambda pixel_values: SimpleNamespace(heatmaps=maps))
    for pose in vitpose.detect(white(Canvas(300, 400)), threshold=0.0).people:
        assert pose.keypoints[pose.present].min() >= -50 - 1e-6  # the box and an eighth of it around
        assert (pose.keypoints <= (337.5 + 1e-6, 450 + 1e-6)).all()


def answering(detector: PoseDetector, people: list[Pose], monkeypatch: pytest.MonkeyPatch, others: int = 0) -> None:
    """Let RT-DETR answer with the boxes of `people`, each also a little moved, and ViTPose with their ideal maps."""
    canvas = people[0].canvas
    boxes = [box_around(pose) for pose in people]
    logits = torch.full((1, 10, 3), -9.0)
    answers = torch.rand(1, 10, 4, generator=torch.Generator().manual_seed(1))
    for i, box in enumerate(boxes):
        shares = torch.tensor(box) / torch.tensor([canvas.width, canvas.height] * 2)
        answers[0, 2 * i] = torch.cat([shares[:2] + shares[2:] / 2, shares[2:]])
        answers[0, 2 * i + 1] = answers[0, 2 * i] + torch.tensor([0.004, 0.004, 0.01, 0.01])
        logits[0, 2 * i, 0], logits[0, 2 * i + 1, 0] = 3.0 - i, 0.5
    logits[0, 8, 1] = 5.0  # a bicycle, found more surely than anybody
    logits[0, 9, 0] = -0.5  # hardly a person
    order = iter(range(len(people)))

    def pose_network(pixel_values: Tensor) -> SimpleNamespace:
        assert pixel_values.shape == (1, 3, 256, 192)
        i = next(order)
        return SimpleNamespace(heatmaps=ideal_vitpose_maps(people[i], boxes[i]))

    monkeypatch.setattr(detector.networks[0], "forward", pose_network)
    monkeypatch.setattr(
        detector.networks[1], "forward", lambda pixel_values: SimpleNamespace(logits=logits, pred_boxes=answers)
    )


@pytest.mark.parametrize(("seed", "size"), list(enumerate([(640, 480), (301, 399), (640, 480), (3000, 2000)])))
def test_vitpose_finds_everybody_the_person_finder_found_once(vitpose_of_many, monkeypatch, size, seed):
    width, height = size
    boxes = [(x * width, 0.2 * height, 0.3 * width, 0.7 * height) for x in (0.6, 0.06)]
    known = [with_middle_neck(person(size, box, sway=0.1, seed=seed + 10 * i)) for i, box in enumerate(boxes)]
    answering(vitpose_of_many, known, monkeypatch)
    found = vitpose_of_many.detect(white(known[0].canvas))
    assert_same_people(found, known[::-1], 0.01)  # from left to right


def test_a_picture_without_anybody_has_no_people(vitpose_of_many, monkeypatch):
    nobody = SimpleNamespace(logits=torch.full((1, 10, 3), -9.0), pred_boxes=torch.rand(1, 10, 4))
    monkeypatch.setattr(vitpose_of_many.networks[1], "forward", lambda pixel_values: nobody)
    assert vitpose_of_many.detect(white(Canvas(50, 60))) == People((), Canvas(50, 60))


def test_vitpose_sees_the_picture_where_its_box_is(vitpose_of_many, monkeypatch):
    """The network's input shows the person upright, in red, green, blue order, in the middle."""
    known = with_middle_neck(person((1000, 800), (600, 300, 150, 300)))
    answering(vitpose_of_many, [known], monkeypatch)
    left, top, width, height = box_around(known)
    image = torch.zeros(3, 800, 1000)
    image[0, round(top) : round(top + height), round(left) : round(left + width)] = 1
    seen: list[Tensor] = []

    def attended(pixel_values: Tensor) -> SimpleNamespace:
        seen.append(pixel_values)
        return SimpleNamespace(heatmaps=ideal_vitpose_maps(known, box_around(known)))

    monkeypatch.setattr(vitpose_of_many.networks[0], "forward", attended)
    assert_same_people(vitpose_of_many.detect(image), [known], 0.01)
    red = seen[0][0, 0] > 0
    rows, columns = red.any(dim=1).nonzero().flatten(), red.any(dim=0).nonzero().flatten()
    across = max(width, height * 0.75) * 1.25
    assert (rows[0] + rows[-1]) / 2 == pytest.approx(127.5, abs=2)
    assert (columns[0] + columns[-1]) / 2 == pytest.approx(95.5, abs=2)
    assert len(columns) == pytest.approx(192 * width / across, abs=3)
    assert len(rows) == pytest.approx(256 * height / (across / 0.75), abs=3)
    assert (seen[0][0, 1:] < 0).all()  # nothing green or blue


def test_the_real_networks_run_on_pictures_of_any_size(vitpose, vitpose_of_many):
    for size in ((1, 1), (2, 300), (300, 2), (64, 48), (2500, 1300)):
        image = smooth_image(*size)
        for detector in (vitpose, vitpose_of_many):
            found = detector.detect(image, threshold=0.0)
            assert found.canvas == Canvas(*size)
            for pose in found.people:
                assert np.abs(pose.keypoints).max() < 4 * max(size)


def test_mixtures_of_experts_and_wholebody_models_load_and_run(tmp_path):
    plus = load_vitpose(save_vitpose(tmp_path / "plus", experts=3))
    whole = load_vitpose(save_vitpose(tmp_path / "whole", labels=133))
    for detector in (plus, whole):
        assert detector.detect(smooth_image(60, 80)).canvas == Canvas(60, 80)
    with pytest.raises(ExtractionError, match="COCO's 17 or COCO-WholeBody's 133 keypoints, got 21"):
        load_vitpose(save_vitpose(tmp_path / "hands", labels=21))


def test_folders_are_loaded_without_the_network(vitpose_folder, person_folder, no_network):
    detector = load_vitpose(vitpose_folder, person_folder=person_folder)
    assert detector.name == "vitpose" and len(detector.networks) == 2
    for network in detector.networks:
        assert not network.training and not any(parameter.requires_grad for parameter in network.parameters())
        assert next(network.parameters()).dtype == torch.float32


def test_broken_and_foreign_folders_are_refused_in_words(vitpose_folder, person_folder, tmp_path):
    def refused(folder: Path, message: str, load: Callable[[Path], object] = load_vitpose) -> None:
        with pytest.raises(ExtractionError, match=message) as caught:
            load(folder)
        assert str(folder) in str(caught.value) and "\n" not in str(caught.value)

    def broken(name: str, file: str, contents: bytes | None) -> Path:
        folder = Path(shutil.copytree(vitpose_folder, tmp_path / name))
        if contents is None:
            (folder / file).unlink()
        else:
            (folder / file).write_bytes(contents)
        return folder

    weights = (vitpose_folder / "model.safetensors").read_bytes()
    refused(tmp_path / "nowhere", "does not exist: give the folder that holds config.json")
    refused(vitpose_folder / "config.json", "is a file")
    refused(broken("no config", "config.json", None), "lacks config.json")
    refused(broken("no processor", "preprocessor_config.json", None), "lacks preprocessor_config.json")
    no_weights = broken("no weights", "model.safetensors", None)
    refused(no_weights, "lacks model.safetensors, or they are empty: download")
    torch.save(Hostile(str(tmp_path / "hacked")), no_weights / "pytorch_model.bin")
    refused(no_weights, "pytorch_model.bin is not read: pickled files can run code")
    assert not (tmp_path / "hacked").exists()
    refused(broken("empty", "model.safetensors", b""), "lacks model.safetensors, or they are empty")
    refused(broken("cut", "model.safetensors", weights[:5000]), "cannot load it .* cut short or damaged")
    refused(broken("bad json", "config.json", b"{"), "config.json cannot be read .* download")
    refused(broken("a list", "config.json", b"[]"), "holds a model of type None, not 'vitpose'")
    refused(person_folder, "holds a model of type 'rt_detr', not 'vitpose'")
    refused(vitpose_folder, "type 'vitpose', not 'rt_detr'", lambda f: load_vitpose(f, person_folder=f))
    config = json.loads((vitpose_folder / "config.json").read_text())
    second = json.dumps({**config, "backbone": "facebook/somewhere", "backbone_config": None}).encode()
    refused(broken("second model", "config.json", second), "names a second model .'facebook/somewhere'")
    config["backbone_config"]["num_hidden_layers"] = 3
    refused(broken("deeper", "config.json", json.dumps(config).encode()), r"do not belong to the config, \d+ tensors")
    config["backbone_config"]["hidden_size"] = 64
    refused(broken("wider", "config.json", json.dumps(config).encode()), "cannot load it|do not belong")


def test_a_person_finder_that_knows_no_people_is_refused(vitpose_folder, person_folder, tmp_path):
    folder = Path(shutil.copytree(person_folder, tmp_path / "cars"))
    config = json.loads((folder / "config.json").read_text())
    config["id2label"] = {"0": "lorry", "1": "bicycle", "2": "car"}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ExtractionError, match=r"a class named person, got lorry, bicycle, car, \.\.\."):
        load_vitpose(vitpose_folder, person_folder=folder)


def test_a_transformers_without_vitpose_is_answered_with_the_version_to_install(vitpose_folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", SimpleNamespace())
    with pytest.raises(ExtractionError, match=r"has no VitPoseForPoseEstimation: ViTPose needs transformers 4\.48"):
        load_vitpose(vitpose_folder)
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ExtractionError, match=r"transformers is not installed: .*4\.48 or later: run `pip install"):
        load_vitpose(vitpose_folder)


def test_coco_keypoints_become_openposes_by_name():
    coco = np.arange(17 * 3, dtype=float).reshape(17, 3)
    points = openpose_from_coco(coco)
    for joint, name in enumerate(KEYPOINT_NAMES):
        if name != "neck":
            np.testing.assert_array_equal(points[joint], coco[COCO_OF_OPENPOSE[name]])
    np.testing.assert_array_equal(points[1], [*(coco[5, :2] + coco[6, :2]) / 2, min(coco[5, 2], coco[6, 2])])


def test_whole_body_keypoints_become_hands_and_face():
    points = np.arange(133 * 3, dtype=float).reshape(133, 3)
    found = openpose_parts(points)
    np.testing.assert_array_equal(found.body, openpose_from_coco(points))
    assert found.hand_left is not None and found.hand_right is not None and found.face is not None
    np.testing.assert_array_equal(found.hand_left, points[91:112])
    np.testing.assert_array_equal(found.hand_right, points[112:133])
    np.testing.assert_array_equal(found.feet, points[17:23])
    np.testing.assert_array_equal(found.face[:68], points[23:91])
    np.testing.assert_array_equal(found.face[68:], points[[2, 1]])  # the pupils: right, left
    assert openpose_parts(points[:17]).face is None


def test_a_wholebody_vitpose_gives_hands_and_face_above_the_threshold(tmp_path, monkeypatch):
    detector = load_vitpose(save_vitpose(tmp_path / "whole", labels=133))
    maps = torch.zeros(1, 133, 64, 48)
    maps[:, :, 30, 20] = 0.9
    maps[:, 91:101, 30, 20] = 0.1  # half of the left hand is not to be seen
    monkeypatch.setattr(detector.networks[0], "forward", lambda pixel_values: SimpleNamespace(heatmaps=maps))
    (pose,) = detector.detect(smooth_image(90, 120)).people
    assert pose.face is not None and (pose.face[:, 2] > 0).all()
    assert pose.feet is not None and (pose.feet[:, 2] > 0).all()
    assert pose.hand_right is not None and (pose.hand_right[:, 2] > 0).all()
    assert pose.hand_left is not None and (pose.hand_left[:, 2] > 0).sum() == 11


# Both


@pytest.mark.parametrize("name", ["openpose", "vitpose", "vitpose_of_many"])
def test_a_check_that_raises_ends_the_detection_before_the_next_network(name, request, monkeypatch):
    detector: PoseDetector = request.getfixturevalue(name)

    def interrupt() -> None:
        raise KeyboardInterrupt

    def ran(*_: object, **__: object) -> None:
        raise AssertionError("a network ran")

    for network in detector.networks:
        monkeypatch.setattr(network, "forward", ran)
    with pytest.raises(KeyboardInterrupt):
        detector.detect(white(Canvas(64, 64)), check=interrupt)


@pytest.mark.parametrize("name", ["openpose", "vitpose", "vitpose of many"])
def test_networks_may_be_moved_after_loading(name, request):
    """They get their input where they are; nothing more can be asked of a device that has no numbers."""
    if name == "openpose":
        detector = load_openpose(request.getfixturevalue("openpose_file"))
    else:
        finder = request.getfixturevalue("person_folder") if "many" in name else None
        detector = load_vitpose(request.getfixturevalue("vitpose_folder"), person_folder=finder)
    devices = []

    class Seen(Exception):
        pass

    def look(_: object, inputs: tuple[Tensor, ...], named: dict[str, Tensor]) -> None:
        devices.extend(tensor.device.type for tensor in (*inputs, *named.values()))
        raise Seen

    for network in detector.networks:
        network.to("meta").register_forward_pre_hook(look, with_kwargs=True)
    with pytest.raises(Seen):
        detector.detect(white(Canvas(64, 64)))
    assert devices == ["meta"]


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (torch.zeros(1, 3, 8, 8), r"expected an image \(3, H, W\), got \(1, 3, 8, 8\)"),
        (torch.zeros(8, 8, 3), r"got \(8, 8, 3\)"),
        (torch.zeros(3, 0, 8), r"got \(3, 0, 8\)"),
        (torch.zeros(3, 8, 8, dtype=torch.uint8), "floats in .*: divide by 255"),
        (torch.full((3, 8, 8), float("nan")), "NaN"),
    ],
)
def test_what_is_no_picture_is_refused(vitpose, image, message):
    with pytest.raises(ExtractionError, match=message):
        vitpose.detect(image)


@pytest.mark.parametrize("threshold", [-0.1, 1.5, float("nan")])
def test_thresholds_beyond_scores_are_refused(vitpose, threshold):
    with pytest.raises(ExtractionError, match="expected a threshold from 0 to 1"):
        vitpose.detect(white(Canvas(8, 8)), threshold=threshold)


# Weights


def put(folder: Path, weights: Weights, *, empty: str = "", without: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in weights.files:
        if name != without:
            (folder / name).write_bytes(b"" if name == empty else b"something")
    return folder


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty Hugging Face cache."""
    constants = pytest.importorskip("huggingface_hub.constants", reason="needs huggingface_hub")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def put_into_cache(cache: Path, weights: Weights, **holes: str) -> Path:
    repository = cache / f"models--{weights.repository.replace('/', '--')}"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("abc123")
    return put(repository / "snapshots" / "abc123", weights, **holes)


def test_single_files_are_found_flat_and_as_controlnet_aux_lays_them_out(tmp_path, cache, no_network):
    file = "body_pose_model.pth"
    flat, ckpts, short = tmp_path / "flat", tmp_path / "ckpts", tmp_path / "short"
    assert find_weights(OPENPOSE_BODY, [flat, ckpts, short]) is None
    put(short / "Annotators", OPENPOSE_BODY)
    assert find_weights(OPENPOSE_BODY, [flat, ckpts, short]) == short / "Annotators" / file
    put(ckpts / "lllyasviel" / "Annotators", OPENPOSE_BODY)
    assert find_weights(OPENPOSE_BODY, [flat, ckpts, short]) == ckpts / "lllyasviel" / "Annotators" / file
    put(flat, OPENPOSE_BODY, empty=file)
    assert find_weights(OPENPOSE_BODY, [flat, ckpts, short]) == ckpts / "lllyasviel" / "Annotators" / file
    put(flat, OPENPOSE_BODY)
    assert find_weights(OPENPOSE_BODY, [flat, ckpts, short]) == flat / file


@pytest.mark.parametrize("weights", [VITPOSE, PERSONS])
def test_model_folders_are_found_once_they_are_whole(tmp_path, cache, no_network, weights):
    owner, repository = weights.repository.split("/")
    for file in weights.files:
        put(tmp_path / "a" / owner / repository, weights, empty=file)
        assert find_weights(weights, [tmp_path / "a"]) is None
        put(tmp_path / "b" / repository, weights, without=file)
        assert find_weights(weights, [tmp_path / "b"]) is None
        shutil.rmtree(tmp_path / "b")
    put(tmp_path / "b" / repository, weights)
    put(tmp_path / "c" / owner / repository, weights)
    assert find_weights(weights, [tmp_path / "a", tmp_path / "b"]) == tmp_path / "b" / repository
    assert find_weights(weights, [tmp_path / "c", tmp_path / "b"]) == tmp_path / "c" / owner / repository


@pytest.mark.parametrize("weights", [OPENPOSE_BODY, VITPOSE, PERSONS])
def test_the_cache_of_hugging_face_is_looked_into_last(tmp_path, cache, no_network, weights):
    cached = put_into_cache(cache, weights)
    assert find_weights(weights, [tmp_path / "mine"]) == weights.path_in(cached)
    assert find_weights(weights, []) == weights.path_in(cached)
    mine = put(tmp_path / "mine" / weights.repository, weights)
    assert find_weights(weights, [tmp_path / "mine"]) == weights.path_in(mine)


@pytest.mark.parametrize("file", VITPOSE.files)
def test_a_cache_that_holds_half_a_model_does_not_count(cache, no_network, file):
    put_into_cache(cache, VITPOSE, without=file)
    assert find_weights(VITPOSE, []) is None


def test_the_cache_is_where_hf_home_says(tmp_path):
    pytest.importorskip("huggingface_hub", reason="needs huggingface_hub")
    cached = put_into_cache(tmp_path / "home" / "hub", OPENPOSE_BODY)
    code = f"""
import os
os.environ.pop("HF_HUB_CACHE", None)
os.environ["HF_HOME"] = {str(tmp_path / "home")!r}
from dptn_core.detection.external import OPENPOSE_BODY, find_weights
print(find_weights(OPENPOSE_BODY, []))
"""
    assert run_python(code).strip() == str(cached / "body_pose_model.pth")


def test_without_huggingface_hub_there_is_no_cache_and_no_error(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert find_weights(VITPOSE, [tmp_path]) is None
    with pytest.raises(ExtractionError, match="huggingface_hub is not installed: run `pip install huggingface_hub`"):
        download_weights(VITPOSE, tmp_path)


def test_what_is_missing_is_said_with_the_place_the_source_and_the_switch(tmp_path):
    message = missing_weights_message(OPENPOSE_BODY, [tmp_path / "dptn", tmp_path / "other"])
    for words in (
        "body_pose_model.pth",
        "209 MB",
        "non-commercial",
        f"put it into {tmp_path / 'dptn'}.",
        "https://huggingface.co/lllyasviel/Annotators",
        "download",
    ):
        assert words in message
    message = missing_weights_message(VITPOSE, [tmp_path])
    assert f"put them into {tmp_path / 'vitpose-base-simple'}." in message
    assert "config.json, model.safetensors and preprocessor_config.json" in message
    assert "and put" not in missing_weights_message(PERSONS, [])


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bytes]]:
    """A hub on this machine that serves the files put into the dict, by path."""
    constants = pytest.importorskip("huggingface_hub.constants", reason="needs huggingface_hub")
    files: dict[str, bytes] = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            contents = files.get(self.path)
            self.send_response(404 if contents is None else 200)
            self.send_header("ETag", f'"{abs(hash(contents))}"')
            self.send_header("X-Repo-Commit", "0" * 40)
            self.send_header("Content-Length", str(len(contents or b"")))
            self.end_headers()

        def do_GET(self) -> None:
            self.do_HEAD()
            self.wfile.write(files.get(self.path, b""))

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    # before 1.0
    monkeypatch.setattr("huggingface_hub.file_download.HUGGINGFACE_CO_URL_TEMPLATE", template, raising=False)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    yield files
    server.shutdown()
    server.server_close()


def test_downloads_land_where_they_are_found_and_report_their_bytes(tmp_path, cache, hub):
    for name in VITPOSE.files:
        hub[f"/{VITPOSE.repository}/resolve/main/{name}"] = name.encode() * 1000
    reports: list[tuple[int, int]] = []
    folder = download_weights(VITPOSE, tmp_path / "new", lambda done, total: reports.append((done, total)))
    assert folder == tmp_path / "new" / "vitpose-base-simple" == find_weights(VITPOSE, [tmp_path / "new"])
    assert (folder / "config.json").read_bytes() == b"config.json" * 1000
    done = [done for done, _ in reports]
    assert done == sorted(done) and done[-1] == sum(len(contents) for contents in hub.values())
    assert {total for _, total in reports} == {343_000_000}


def test_an_interrupted_download_leaves_no_file_and_raises_what_interrupted_it(tmp_path, cache, hub):
    huggingface_hub = pytest.importorskip("huggingface_hub", reason="needs huggingface_hub")
    hub[f"/{OPENPOSE_BODY.repository}/resolve/main/body_pose_model.pth"] = bytes(100_000)

    class Interrupted(Exception):
        pass

    def interrupt(done: int, total: int) -> None:
        raise Interrupted

    with pytest.raises(Interrupted):
        download_weights(OPENPOSE_BODY, tmp_path / "new", interrupt)
    if "tqdm_class" in inspect.signature(huggingface_hub.hf_hub_download).parameters:
        assert find_weights(OPENPOSE_BODY, [tmp_path / "new"]) is None


def test_downloads_that_fail_say_what_to_do_instead(tmp_path, cache, hub, monkeypatch):
    with pytest.raises(ExtractionError, match=r"config\.json of ViTPose could not be downloaded") as e:
        download_weights(VITPOSE, tmp_path)
    assert f"https://huggingface.co/{VITPOSE.repository} and put them into {tmp_path / 'vitpose-base-simple'}" in str(
        e.value
    ) and "\n" not in str(e.value)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ExtractionError, match="could not be downloaded"):
        download_weights(OPENPOSE_BODY, tmp_path)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ExtractionError, match="could not be downloaded"):
        download_weights(OPENPOSE_BODY, tmp_path / "file")
