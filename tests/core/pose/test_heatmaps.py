"""Heat maps, against a plain loop over joints."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dptn_core.pose import Canvas, Pose
from dptn_core.pose.heatmaps import keypoint_heatmaps, pose_heatmaps


def loop_over_joints(keypoints, present, size, sigma):
    """One image a joint in float64: the definition, with nothing clever in it."""
    height, width = size
    yy, xx = np.mgrid[:height, :width]
    maps = np.zeros((*present.shape, height, width))
    for b, person in enumerate(keypoints):
        for j, (x, y) in enumerate(person):
            if present[b, j]:
                squared = (xx - int(x)) ** 2 + (yy - int(y)) ** 2
                maps[b, j] = np.exp(-squared / (2.0 * sigma**2))
    return maps


@pytest.mark.parametrize(("size", "sigma"), [((64, 48), 6.0), ((33, 70), 2.5), ((1, 1), 6.0), ((256, 256), 6.0)])
def test_heat_maps_agree_with_a_loop_over_joints(size, sigma):
    rng = np.random.default_rng(0)
    keypoints = rng.uniform(-0.3, 1.3, (2, 18, 2)) * (size[1], size[0])
    present = rng.random((2, 18)) < 0.7
    maps = keypoint_heatmaps(torch.from_numpy(keypoints), torch.from_numpy(present), size, sigma)
    assert maps.shape == (2, 18, *size)
    assert maps.dtype == torch.float32
    assert np.abs(maps.numpy() - loop_over_joints(keypoints, present, size, sigma)).max() < 1e-6


def lone(x, y, dtype=torch.float32, **options):
    keypoints = torch.full((1, 18, 2), float("nan"), dtype=dtype)
    keypoints[0, 4] = torch.tensor([x, y])
    present = torch.zeros(1, 18, dtype=torch.bool)
    present[0, 4] = True
    return keypoint_heatmaps(keypoints, present, (32, 40), **options)[0]


def test_the_peak_is_one_in_the_row_and_column_of_the_keypoint():
    channel = lone(30.0, 10.0)[4]
    assert channel[10, 30] == 1.0
    assert channel.argmax() == 10 * 40 + 30


@pytest.mark.parametrize(("x", "pixel"), [(7.999, 7), (7.0, 7), (0.4, 0), (-0.9, 0)])
def test_keypoints_are_truncated_toward_zero(x, pixel):
    assert torch.equal(lone(x, 5.7)[4], lone(float(pixel), 5.0)[4])


def test_a_missing_keypoint_is_an_empty_channel_even_if_it_holds_nan():
    maps = lone(3.0, 3.0)
    assert [bool(channel.any()) for channel in maps] == [joint == 4 for joint in range(18)]


def test_a_keypoint_outside_leaves_its_tail_and_a_far_one_nothing():
    tail = lone(-6.0, 10.0)[4]
    assert tail[10, 0] == pytest.approx(np.exp(-0.5))
    assert tail.max() == tail[10, 0]
    assert not lone(1e30, 10.0)[4].any()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_low_precision_rounds_only_the_result(dtype):
    assert torch.equal(lone(30.0, 10.0, dtype=torch.float32).to(dtype), _with_dtype(dtype))


def _with_dtype(dtype):
    keypoints = torch.zeros(1, 18, 2)
    keypoints[0, 4] = torch.tensor([30.0, 10.0])
    present = torch.zeros(1, 18, dtype=torch.bool)
    present[0, 4] = True
    return keypoint_heatmaps(keypoints, present, (32, 40), dtype=dtype)[0]


@pytest.mark.parametrize(
    ("keypoints", "present", "size", "sigma", "words"),
    [
        ((18, 2), (18,), (8, 8), 6.0, r"keypoints must be \(B, 18, 2\), got \(18, 2\)"),
        ((1, 17, 2), (1, 17), (8, 8), 6.0, "keypoints must be"),
        ((1, 18, 2), (2, 18), (8, 8), 6.0, r"present must be \(1, 18\), got \(2, 18\)"),
        ((1, 18, 2), (1, 18), (0, 8), 6.0, r"size \(H, W\) must be positive"),
        ((1, 18, 2), (1, 18), (8, 8), 0.0, "sigma must be a positive"),
        ((1, 18, 2), (1, 18), (8, 8), float("nan"), "sigma must be a positive"),
    ],
)
def test_bad_arguments_are_refused_in_words(keypoints, present, size, sigma, words):
    with pytest.raises(ValueError, match=words):
        keypoint_heatmaps(torch.zeros(keypoints), torch.ones(present, dtype=torch.bool), size, sigma)


def test_an_empty_batch_gives_an_empty_batch():
    maps = keypoint_heatmaps(torch.zeros(0, 18, 2), torch.zeros(0, 18, dtype=torch.bool), (8, 9))
    assert maps.shape == (0, 18, 8, 9)


def test_poses_give_the_heat_maps_of_their_keypoints():
    rng = np.random.default_rng(1)
    canvas = Canvas(48, 64)
    poses = [Pose(rng.uniform(0, 48, (18, 2)), (rng.random(18) < 0.7).astype(float), canvas) for _ in range(3)]
    maps = pose_heatmaps(poses, (64, 48), dtype=torch.float64)
    assert maps.dtype == torch.float64
    wanted = loop_over_joints([p.keypoints for p in poses], np.stack([p.present for p in poses]), (64, 48), 6.0)
    assert np.abs(maps.numpy() - wanted).max() < 1e-6


def test_a_coordinate_just_below_a_pixel_is_not_rounded_up():
    pose = Pose.from_keypoints([(127.9999999, 3.0)] * 18, Canvas(256, 256))
    assert pose_heatmaps([pose], (256, 256))[0, 0, 3].argmax() == 127


def test_poses_on_another_canvas_are_refused_with_both_sizes():
    pose = Pose.from_keypoints([(1, 1)] * 18, Canvas(64, 48))
    with pytest.raises(ValueError, match="pose 0 is on a canvas of 64x48, the heat maps are 48x64"):
        pose_heatmaps([pose], (64, 48))
    with pytest.raises(ValueError, match="at least one"):
        pose_heatmaps([], (64, 48))
