"""SSIM, PSNR and L1 against second computations, closed forms and known images."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from evaluation_fixture import by_windows, image

from dptn_core.evaluation.similarity import (
    MAX_DECIBELS,
    ImageTooSmallError,
    blanked,
    box_ssim,
    exact_gaussian_ssim,
    gaussian_ssim,
    l1,
    psnr,
)


def bell(sigma: float):
    def window(places: np.ndarray) -> np.ndarray:
        weights = np.exp(-(places**2) / (2 * sigma**2))
        weights /= weights.sum()
        return np.outer(weights, weights)

    return window


def test_box_ssim_agrees_with_plain_loops():
    one, other = image(1, (58, 55)), image(2, (58, 55))
    assert box_ssim(one, other) == pytest.approx(by_windows(one, other, 51), abs=1e-9)
    assert box_ssim(one, other, 7) == pytest.approx(by_windows(one, other, 7), abs=1e-9)


@pytest.mark.parametrize(("sigma", "side"), [(1.5, 11), (1.2, 9)])
def test_gaussian_ssim_agrees_with_plain_loops(sigma, side):
    one, other = image(1, (24, 20)), image(2, (24, 20)) * 0.7
    wanted = by_windows(other, one, side, bell(sigma), reach=float(other.max() - other.min()))
    assert gaussian_ssim(other, one, sigma) == pytest.approx(wanted, abs=1e-9)


def test_the_exact_gaussian_ssim_agrees_with_plain_loops_and_has_a_range_of_1():
    one, other = image(1, (24, 20)), image(2, (24, 20)) * 0.7
    wanted = by_windows(other, one, 11, bell(1.5))
    assert exact_gaussian_ssim(other, one, 1.5) == pytest.approx(wanted, abs=1e-9)


def test_the_exact_gaussian_ssim_of_a_mask_averages_the_windows_around_its_pixels():
    one, other = image(1, (24, 20)), image(2, (24, 20)) * 0.7
    mask = torch.zeros(24, 20, dtype=torch.bool)
    mask[8, 7] = mask[12, 11] = True
    windows = [slice(8 - 5, 8 + 6), slice(7 - 5, 7 + 6)], [slice(12 - 5, 12 + 6), slice(11 - 5, 11 + 6)]
    wanted = [by_windows(other[:, y, x], one[:, y, x], 11, bell(1.5)) for y, x in windows]
    assert exact_gaussian_ssim(other, one, 1.5, mask) == pytest.approx(sum(wanted) / 2, abs=1e-9)


def test_identical_pictures_have_the_best_scores():
    one = image(5)
    assert box_ssim(one, one) == pytest.approx(1.0)
    assert gaussian_ssim(one, one, 1.5) == pytest.approx(1.0, abs=1e-6)
    assert (psnr(one, one), l1(one, one)) == (MAX_DECIBELS, 0.0)


def test_noise_of_known_deviation_has_the_closed_form():
    ground = torch.full((3, 256, 256), 0.5)
    for deviation in (0.01, 0.05):
        noise = torch.randn(ground.shape, generator=torch.Generator().manual_seed(1)) * deviation
        assert psnr(ground + noise, ground) == pytest.approx(-20 * math.log10(deviation), abs=0.05)
        assert l1(ground + noise, ground) == pytest.approx(deviation * math.sqrt(2 / math.pi), rel=0.02)


def test_on_a_flat_ground_noise_has_the_closed_form_of_ssim():
    """Without structure there is no covariance: (2 m^2 + c1) / (2 m^2 + c1) * c2 / (s^2 + c2)."""
    ground = torch.full((3, 200, 200), 0.5)
    noise = torch.randn(ground.shape, generator=torch.Generator().manual_seed(2)) * 0.05
    assert box_ssim(ground + noise, ground) == pytest.approx(0.03**2 / (0.05**2 + 0.03**2), rel=0.02)


def test_a_mask_takes_its_own_pixels_alone():
    ground_truth, generated = torch.zeros(3, 60, 60), torch.ones(3, 60, 60)
    mask = torch.zeros(60, 60, dtype=torch.bool)
    mask[10:20, 30:40] = True
    generated[:, mask] = 0.1
    assert psnr(generated, ground_truth, mask) == pytest.approx(20.0, abs=1e-4)
    assert l1(generated, ground_truth, mask) == pytest.approx(0.1)
    assert torch.equal(blanked(generated, mask, 0.0), torch.where(mask, generated, torch.zeros(())))


def test_pictures_smaller_than_a_window_are_refused_with_both_sizes():
    small = image(1, (40, 60))
    with pytest.raises(ImageTooSmallError, match="51 pixels wide and high, the images are 60x40"):
        box_ssim(small, small)
    with pytest.raises(ImageTooSmallError, match="11 pixels"):
        gaussian_ssim(small[:, :8], small[:, :8], 1.5)


def test_a_drawn_picture_of_one_colour_has_a_score():
    grey = torch.full((3, 64, 64), 0.5)
    assert math.isfinite(gaussian_ssim(grey, image(1, (64, 64)), 1.5))
    assert math.isfinite(box_ssim(grey, grey))
