"""How alike two pictures are, pixel by pixel: SSIM with the field's two windows, PSNR, L1, and all of them on a mask.

Every function takes two pictures (3, H, W) in [0, 1] and returns a Python float.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

MOST_DECIBELS = 100.0  # what identical pictures count: infinity is no number in JSON and would swallow every mean
_LEVEL = 1 / 255
_TRUNCATE = 3.5  # a Gaussian window ends after so many sigmas


class PictureTooSmallError(ValueError):
    """A window does not fit into the picture; the message says both sizes."""


def box_ssim(drawn: Tensor, true: Tensor, side: int = 51) -> float:
    """Mean structural similarity over boxes of equal weight, as scikit-image computes it with `win_size`.

    Variances are those of a sample (n - 1), which torchmetrics does not offer; only boxes that lie wholly inside
    the picture count; the data range is 1.

    Raises:
        PictureTooSmallError: a side of the pictures is shorter than the box.
    """
    height, width = true.shape[1:]
    if min(height, width) < side:
        raise PictureTooSmallError(
            f"the SSIM's box is {side} pixels wide and high, the pictures are {width}x{height}; ssim_gaussian is there"
        )
    x, y = _exact(drawn), _exact(true)
    mean_x, mean_y, square_x, square_y, product = _box_means(torch.stack([x, y, x * x, y * y, x * y]), side)
    unbiased = side**2 / (side**2 - 1)
    variance = (square_x - mean_x**2 + square_y - mean_y**2) * unbiased
    covariance = (product - mean_x * mean_y) * unbiased
    small, smaller = 0.01**2, 0.03**2
    luminance = (2 * mean_x * mean_y + small) / (mean_x**2 + mean_y**2 + small)
    return float((luminance * (2 * covariance + smaller) / (variance + smaller)).mean())


def _exact(picture: Tensor) -> Tensor:
    # Variances are differences of large sums. Apple's GPUs have no float64.
    return (picture.cpu() if picture.device.type == "mps" else picture).double()


def _box_means(pictures: Tensor, side: int) -> Tensor:
    """Means over every box of (..., H, W), (..., H - side + 1, W - side + 1)."""
    sums = functional.pad(pictures, (1, 0, 1, 0)).cumsum(-1).cumsum(-2)
    rows = sums[..., side:, :] - sums[..., :-side, :]
    return (rows[..., side:] - rows[..., :-side]) / side**2


def gaussian_ssim(drawn: Tensor, true: Tensor, sigma: float) -> float:
    """Mean structural similarity under a Gaussian window, cut off at 3.5 sigma.

    The data range is that of the drawn picture, as the field's scripts have it; they all inherited it from one another.

    Raises:
        PictureTooSmallError: a side of the pictures is shorter than the window.
    """
    from torchmetrics.functional.image import structural_similarity_index_measure

    side = 2 * int(_TRUNCATE * sigma + 0.5) + 1
    height, width = true.shape[1:]
    if min(height, width) < side:
        raise PictureTooSmallError(f"the SSIM's window is {side} pixels wide and high, the pictures {width}x{height}")
    reach = max(float(drawn.max() - drawn.min()), _LEVEL)
    found = structural_similarity_index_measure(drawn[None].float(), true[None].float(), sigma=sigma, data_range=reach)
    return float(torch.as_tensor(found))


def psnr(drawn: Tensor, true: Tensor, mask: Tensor | None = None) -> float:
    """Peak signal-to-noise ratio in dB, at most `MOST_DECIBELS`, over all pixels or those of a (H, W) bool mask."""
    mean = _mean((drawn - true).square(), mask)
    return min(MOST_DECIBELS, float(-10 * mean.log10()))


def l1(drawn: Tensor, true: Tensor, mask: Tensor | None = None) -> float:
    """Mean absolute difference, 0 to 1, over all pixels or those of a (H, W) bool mask."""
    return float(_mean((drawn - true).abs(), mask))


def _mean(errors: Tensor, mask: Tensor | None) -> Tensor:
    if mask is None:
        return errors.mean(dtype=torch.float32 if errors.device.type == "mps" else torch.float64)
    return _exact(errors[:, mask]).mean()


def blanked(picture: Tensor, mask: Tensor, value: float) -> Tensor:
    """The picture with everything outside a (H, W) bool mask at one value."""
    return torch.where(mask, picture, value)
