"""How alike two images are, pixel by pixel: SSIM with the field's two windows, PSNR, L1, and all of them on a mask.

Every function takes two images (3, H, W) in [0, 1] and returns a Python float. SSIM is scikit-image's, as in the
field's scripts; torchmetrics counts mirrored borders as well, which scores the same images differently.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

MAX_DECIBELS = 100.0  # what identical images count: infinity is no number in JSON and would swallow every mean
_LEVEL = 1 / 255
_TRUNCATE = 3.5  # scikit-image ends a Gaussian window after so many sigmas


class ImageTooSmallError(ValueError):
    """A window does not fit into the image; the message says both sizes."""


def box_ssim(generated: Tensor, ground_truth: Tensor, side: int = 51) -> float:
    """Mean structural similarity over boxes of equal weight, with the variances of a sample; the data range is 1.

    Raises:
        ImageTooSmallError: a side of the images is shorter than the box.
        ModuleNotFoundError: scikit-image, of the extra `train`, is not installed.
    """
    _check_window(ground_truth, side)
    return float(_similarity(generated, ground_truth, win_size=side, data_range=1.0))


def gaussian_ssim(generated: Tensor, ground_truth: Tensor, sigma: float) -> float:
    """Mean structural similarity under a Gaussian window, whose data range is that of the generated image.

    The field's scripts have that range; they all inherited it from one another.

    Raises:
        ImageTooSmallError: a side of the images is shorter than the window.
        ModuleNotFoundError: scikit-image, of the extra `train`, is not installed.
    """
    _check_window(ground_truth, _width(sigma))
    return float(_gaussian(generated, ground_truth, sigma, max(float(generated.max() - generated.min()), _LEVEL)))


def exact_gaussian_ssim(generated: Tensor, ground_truth: Tensor, sigma: float, mask: Tensor | None = None) -> float:
    """Mean structural similarity under a Gaussian window, whose data range is 1.

    Args:
        generated: (3, H, W).
        ground_truth: (3, H, W).
        sigma: of the window, pixels.
        mask: (H, W) bool, the windows' middles that count, borders among them; None counts the windows that lie wholly
            inside the image.

    Raises:
        ImageTooSmallError: a side of the images is shorter than the window.
        ModuleNotFoundError: scikit-image, of the extra `train`, is not installed.
    """
    _check_window(ground_truth, _width(sigma))
    if mask is None:
        return float(_gaussian(generated, ground_truth, sigma, 1.0))
    _, everywhere = _gaussian(generated, ground_truth, sigma, 1.0, full=True)
    return float(everywhere[:, mask.cpu().numpy()].mean())


def _gaussian(generated: Tensor, ground_truth: Tensor, sigma: float, data_range: float, **more: Any) -> Any:
    # the weights of the window add up to 1, so that its variances are not those of a sample
    options = {"gaussian_weights": True, "sigma": sigma, "use_sample_covariance": False, "data_range": data_range}
    return _similarity(generated, ground_truth, **options, **more)


def _similarity(generated: Tensor, ground_truth: Tensor, **options: Any) -> Any:
    from skimage.metrics import structural_similarity

    # variances are differences of large sums, which float32 would round away
    images = (image.cpu().numpy().astype(np.float64) for image in (generated, ground_truth))
    return structural_similarity(*images, channel_axis=0, **options)


def _width(sigma: float) -> int:
    return 2 * int(_TRUNCATE * sigma + 0.5) + 1


def _check_window(image: Tensor, side: int) -> None:
    height, width = image.shape[1:]
    if min(height, width) < side:
        raise ImageTooSmallError(f"the SSIM's window is {side} pixels wide and high, the images are {width}x{height}")


def psnr(generated: Tensor, ground_truth: Tensor, mask: Tensor | None = None) -> float:
    """Peak signal-to-noise ratio in dB, at most `MAX_DECIBELS`, over all pixels or those of a (H, W) bool mask."""
    mean = _mean((generated - ground_truth).square(), mask)
    return min(MAX_DECIBELS, float(-10 * mean.log10()))


def l1(generated: Tensor, ground_truth: Tensor, mask: Tensor | None = None) -> float:
    """Mean absolute difference, 0 to 1, over all pixels or those of a (H, W) bool mask."""
    return float(_mean((generated - ground_truth).abs(), mask))


def _mean(errors: Tensor, mask: Tensor | None) -> Tensor:
    inside = errors if mask is None else errors[:, mask]
    return inside.mean(dtype=torch.float32 if errors.device.type == "mps" else torch.float64)  # Metal has no float64


def blanked(image: Tensor, mask: Tensor, value: float) -> Tensor:
    """The image with everything outside a (H, W) bool mask at one value."""
    return torch.where(mask, image, value)
