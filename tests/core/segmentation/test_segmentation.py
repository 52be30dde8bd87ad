"""Person masks: the published network's numbers, people cut out of real and drawn images, edges, bad input."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from dptn_core.data.synthetic.figures import draw_pairs, pair_seeds
from dptn_core.detection import detect_people, load_movenet
from dptn_core.detection.external import ExtractionError
from dptn_core.image_io import read_image
from dptn_core.pose import Canvas, Pose
from dptn_core.segmentation import BLAZEPOSE, SegmentationError, load_segmenter, person_mask
from dptn_core.segmentation.edges import applied, linear_model

FRAMES = Path(__file__).parents[1] / "detection" / "frames"


@pytest.fixture(scope="module")
def network():
    return load_segmenter()


@pytest.fixture(scope="module")
def detector():
    return load_movenet()


@pytest.mark.parametrize("name", ["astronaut", "figure", "balancing"])
def test_answers_what_the_tensorflow_js_release_answers(network, name):
    """In double precision: in single, one pixel at a steep edge moves by up to 3e-3 with the CPU's kernels."""
    image = read_image(FRAMES / f"reference_{name}.png")[None]
    expected = np.asarray(Image.open(FRAMES / f"reference_mask_{name}.png")).astype(np.float64) / 65535
    with torch.inference_mode():
        exact = copy.deepcopy(network).double()(image.double())[0, 0].numpy()
        single = network(image)[0, 0].numpy()
    assert np.abs(exact - expected).max() < 2e-3
    assert np.abs(exact - expected).mean() < 2e-6
    assert np.abs(single - expected).mean() < 2e-6


def overlap(mask: Tensor, ground_truth: Tensor) -> float:
    """Intersection over union."""
    mask, ground_truth = mask > 0.5, ground_truth > 0.5
    return float((mask & ground_truth).sum() / (mask | ground_truth).sum())


def test_masks_of_drawn_figures_agree_with_the_truth(network):
    pairs = draw_pairs(pair_seeds(5, 0, 8), (256, 192))
    canvas = Canvas(192, 256)
    scores = []
    for image, xy, present, ground_truth in zip(
        (pairs.source + 1) / 2, pairs.source_keypoints, pairs.source_present, pairs.source_mask, strict=True
    ):
        pose = Pose(xy.double().numpy(), present.double().numpy(), canvas)
        scores.append(overlap(person_mask(network, image, pose), ground_truth.reshape(256, 192)))
    assert np.mean(scores) > 0.85


def joints_of(pose: Pose) -> list[tuple[int, int]]:
    trunk = pose.keypoints[[1, 2, 5, 8, 11]].mean(axis=0)
    knees = pose.keypoints[[9, 12]]
    return [(int(x), int(y)) for x, y in (trunk, *knees)]


@pytest.mark.parametrize("name", ["walking", "jumping", "balancing"])
def test_people_of_real_frames_are_inside_and_the_surroundings_outside(network, detector, name):
    image = read_image(FRAMES / f"{name}.jpg")
    pose = detect_people(detector, image).largest()
    mask = person_mask(network, image, pose)
    assert mask.shape == image.shape[1:] and mask.min() >= 0 and mask.max() <= 1
    for x, y in joints_of(pose):
        assert mask[y, x] > 0.8
    left, top, right, bottom = pose.bounds()
    spare = 0.2 * (bottom - top)
    x = torch.arange(mask.shape[1])
    beyond = (x < left - spare) | (x > right + spare)
    assert not beyond.any() or mask[:, beyond].mean() < 0.01
    assert 0.02 < mask.mean() < 0.5


def test_the_person_that_is_meant_is_masked(network, detector):
    image = read_image(FRAMES / "two.jpg")
    _, first, second = detect_people(detector, image).people
    for pose, other in ((first, second), (second, first)):
        mask = person_mask(network, image, pose)
        assert all(mask[y, x] > 0.8 for x, y in joints_of(pose))
        x, y = joints_of(other)[0]
        assert mask[y, x] < 0.2


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_people_who_do_not_stand_upright_are_masked_as_well(network, detector, turns):
    image = read_image(FRAMES / "jumping.jpg")
    upright = person_mask(network, image, detect_people(detector, image).largest())
    turned = torch.rot90(image, turns, (1, 2))
    mask = person_mask(network, turned, detect_people(detector, turned).largest())
    assert overlap(torch.rot90(mask, -turns), upright) > 0.9


def test_the_pose_may_be_on_a_canvas_of_another_size(network, detector):
    image = read_image(FRAMES / "jumping.jpg")
    pose = detect_people(detector, image).largest()
    mask = person_mask(network, image, pose)
    other = person_mask(network, image, pose.rescaled(Canvas(2 * image.shape[2], 2 * image.shape[1])))
    assert overlap(mask, other) > 0.97


def test_a_large_image_gets_a_fine_mask(network, detector):
    image = read_image(FRAMES / "jumping.jpg")
    large = torch.nn.functional.interpolate(image[None], scale_factor=5, mode="bicubic")[0].clamp(0, 1)
    mask = person_mask(network, large, detect_people(detector, large).largest())
    small = person_mask(network, image, detect_people(detector, image).largest())
    assert mask.shape == large.shape[1:]
    reduced = torch.nn.functional.interpolate(mask[None, None], tuple(small.shape), mode="area")[0, 0]
    assert overlap(reduced, small) > 0.93


def test_joints_beyond_the_image_mask_nothing(network):
    pose = Pose(np.full((18, 2), 900.0) + np.arange(36).reshape(18, 2), np.ones(18), Canvas(64, 64))
    assert person_mask(network, torch.rand(3, 64, 64), pose).max() == 0


def test_an_edge_moves_to_where_the_colours_change_and_no_farther():
    image = torch.zeros(3, 64, 64)
    image[:, :, 34:] = 1
    coarse = torch.zeros(1, 64, 64)
    coarse[:, :, 32:] = 1  # two columns beside the edge
    fine = applied(linear_model(coarse, image), image)
    steps = fine[32].diff()
    assert int(steps.argmax()) == 33 and steps.max() > 3 * steps[31]  # from column 33 to 34, where the colour changes
    assert fine[:, :28].max() == 0 and fine[:, 36:].min() > 0.9
    flat = torch.full((3, 64, 64), 0.5)
    assert (applied(linear_model(coarse, flat), flat)[:, :28]).max() == 0


def test_bad_input_is_refused_in_words(network, tmp_path):
    canvas = Canvas(64, 64)
    confidence = np.zeros(18)
    confidence[[0, 1]] = 1
    with pytest.raises(SegmentationError, match="the pose has 2 joints; expected at least 3"):
        person_mask(network, torch.zeros(3, 64, 64), Pose(np.full((18, 2), 9.0), confidence, canvas))
    with pytest.raises(ExtractionError, match="divide by 255"):
        person_mask(network, torch.zeros(3, 64, 64, dtype=torch.uint8), Pose(np.ones((18, 2)), np.ones(18), canvas))
    with pytest.raises(SegmentationError, match=r"absent\.safetensors.*install this package again"):
        load_segmenter(path=tmp_path / "absent.safetensors")


def test_the_weights_are_small_and_named_in_the_notice():
    assert BLAZEPOSE.stat().st_size < 6e6
    notice = (Path(__file__).parents[3] / "NOTICE").read_text()
    assert "blazepose-mask.safetensors" in notice
