"""How alike two images are, pixel by pixel: SSIM with the field's two windows, PSNR, L1, and all of them on a mask.

Every function takes two images (3, H, W) in [0, 1] and returns a Python float.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

MAX_DECIBELS = 100.0  # what identical images count: infinity is no number in JSON and would swallow every mean
_LEVEL = 1 / 255
_TRUNCATE = 3.5  # a Gaussian window ends after so many sigmas


class ImageTooSmallError(ValueError):
    """A window does not fit into the image; the message says both sizes."""


def box_ssim(drawn: Tensor, true: Tensor, side: int = 51) -> float:
    """Mean structural similarity over boxes of equal weight, as scikit-image computes it with `win_size`.

    Variances are those of a sample (n - 1), which torchmetrics does not offer; the data range is 1.

    Raises:
        ImageTooSmallError: a side of the images is shorter than the box.
    """
    _check_window(true, side)
    return _ssim(drawn, true, lambda images: _box_means(images, side), side**2 / (side**2 - 1), 1.0)


def gaussian_ssim(drawn: Tensor, true: Tensor, sigma: float) -> float:
    """Mean structural similarity under a Gaussian window, cut off at 3.5 sigma, as scikit-image computes it.

    The data range is that of the drawn image, as the field's scripts have it; they all inherited it from one another.
    torchmetrics averages over mirrored borders as well, which scores the same images differently.

    Raises:
        ImageTooSmallError: a side of the images is shorter than the window.
    """
    reach = int(_TRUNCATE * sigma + 0.5)
    _check_window(true, 2 * reach + 1)
    data_range = max(float(drawn.max() - drawn.min()), _LEVEL)
    return _ssim(drawn, true, lambda images: _bell_means(images, sigma, reach), 1.0, data_range)


def _ssim(drawn: Tensor, true: Tensor, means: Callable[[Tensor], Tensor], unbiased: float, data_range: float) -> float:
    """SSIM (Wang et al. 2004) over windows that lie wholly inside the image, mean over places and channels."""
    x, y = _exact(drawn), _exact(true)
    mean_x, mean_y, square_x, square_y, product = means(torch.stack([x, y, x * x, y * y, x * y]))
    variance = (square_x - mean_x**2 + square_y - mean_y**2) * unbiased
    covariance = (product - mean_x * mean_y) * unbiased
    small, smaller = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    luminance = (2 * mean_x * mean_y + small) / (mean_x**2 + mean_y**2 + small)
    return float((luminance * (2 * covariance + smaller) / (variance + smaller)).mean())


def _check_window(image: Tensor, side: int) -> None:
    height, width = image.shape[1:]
    if min(height, width) < side:
        raise ImageTooSmallError(f"the SSIM's window is {side} pixels wide and high, the images are {width}x{height}")


def _exact(image: Tensor) -> Tensor:
    # Variances are differences of large sums. Apple's GPUs have no float64.
    return (image.cpu() if image.device.type == "mps" else image).double()


def _box_means(images: Tensor, side: int) -> Tensor:
    """Means over every box of (..., H, W), (..., H - side + 1, W - side + 1)."""
    sums = functional.pad(images, (1, 0, 1, 0)).cumsum(-1).cumsum(-2)
    rows = sums[..., side:, :] - sums[..., :-side, :]
    return (rows[..., side:] - rows[..., :-side]) / side**2


def _bell_means(images: Tensor, sigma: float, reach: int) -> Tensor:
    """Means of (..., H, W) under a Gaussian around every place, (..., H - 2 * reach, W - 2 * reach)."""
    bell = [math.exp(-0.5 * (place / sigma) ** 2) for place in range(-reach, reach + 1)]
    bell = [weight / sum(bell) for weight in bell]
    height, width = images.shape[-2] - 2 * reach, images.shape[-1] - 2 * reach
    # one axis after the other; in float64 sums of shifted images are several times faster than a convolution
    rows = torch.zeros_like(images[..., :width])
    for start, weight in enumerate(bell):
        rows.add_(images[..., start : start + width], alpha=weight)
    means = torch.zeros_like(rows[..., :height, :])
    for start, weight in enumerate(bell):
        means.add_(rows[..., start : start + height, :], alpha=weight)
    return means


def psnr(drawn: Tensor, true: Tensor, mask: Tensor | None = None) -> float:
    """Peak signal-to-noise ratio in dB, at most `MOST_DECIBELS`, over all pixels or those of a (H, W) bool mask."""
    mean = _mean((drawn - true).square(), mask)
    return min(MAX_DECIBELS, float(-10 * mean.log10()))


def l1(drawn: Tensor, true: Tensor, mask: Tensor | None = None) -> float:
    """Mean absolute difference, 0 to 1, over all pixels or those of a (H, W) bool mask."""
    return float(_mean((drawn - true).abs(), mask))


def _mean(errors: Tensor, mask: Tensor | None) -> Tensor:
    if mask is None:
        return errors.mean(dtype=torch.float32 if errors.device.type == "mps" else torch.float64)
    return _exact(errors[:, mask]).mean()


def blanked(image: Tensor, mask: Tensor, value: float) -> Tensor:
    """The image with everything outside a (H, W) bool mask at one value."""
    return torch.where(mask, image, value)
