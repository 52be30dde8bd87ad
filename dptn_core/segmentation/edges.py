"""Masks made fine: the guided filter (He, Sun, Tang, PAMI 2013) in its fast form (He, Sun, 2015)."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

_RADIUS: Final = 4  # pixels of the coarse mask, in which it depends linearly on the image's colours
_REACH: Final = 3  # pixels of the coarse mask within which an edge may move
_SMOOTHNESS: Final = 1e-3  # variance of colours, in [0, 1], below which a place counts as flat
_BAND: Final = 1 << 18  # pixels of the large image at once


def linear_model(mask: Tensor, image: Tensor) -> Tensor:
    """How a mask depends on the colours around each pixel: mask = a . colour + b.

    Args:
        mask: (1, H, W), 0 to 1.
        image: (3, H, W) in [0, 1], on the same device.

    Returns:
        (6, H, W): a of red, green, blue, b, and the least and the largest value the mask has close by.
    """
    colours = [image[number][None] for number in range(3)]
    mean = [_around(colour) for colour in colours]  # (1, H, W) each
    mean_mask = _around(mask)
    covariance = torch.stack(
        [_around(one * mask) - middle * mean_mask for one, middle in zip(colours, mean, strict=True)]
    )
    variance = torch.stack(
        [
            torch.stack([_around(one * other) - mean[i] * mean[j] for j, other in enumerate(colours)])
            for i, one in enumerate(colours)
        ]
    )  # (3, 3, 1, H, W)
    variance = variance[:, :, 0].permute(2, 3, 0, 1) + _SMOOTHNESS * torch.eye(3, device=image.device)
    slope = torch.linalg.solve(variance, covariance[:, 0].permute(1, 2, 0)[..., None])[..., 0].permute(2, 0, 1)
    offset = mean_mask - (slope * torch.cat(mean)).sum(dim=0, keepdim=True)
    least, most = -_highest(-mask), _highest(mask)
    return torch.cat([_around(torch.cat([slope, offset])), least, most])


def applied(model: Tensor, image: Tensor) -> Tensor:
    """The mask (H, W), 0 to 1, that a model (6, H, W) makes of an image (3, H, W).

    Colours that are alike on both sides of an edge leave wisps far from it; the last two channels cut them off.
    """
    return ((model[:3] * image).sum(dim=0) + model[3]).clamp(model[4], model[5])


def enlarged_mask(
    model: Tensor, image: Tensor, box: tuple[int, int, int, int], within: tuple[int, int, int, int]
) -> Tensor:
    """The mask that a model makes of a large image, band by band: the enlarged model would be twice the image.

    Args:
        model: (6, h, w) from `linear_model` of a box of the image; bands are computed where it is.
        image: (3, H, W) in [0, 1].
        box: that box: left, top, right, bottom in pixels of the image; it may reach beyond.
        within: where somebody may be; it may reach beyond the image, and beyond the box, whose edge then goes on.

    Returns:
        (H, W) on the image's device, 0 to 1; 0 outside `within`.
    """
    height, width = image.shape[1:]
    mask = image.new_zeros(height, width)
    left, right = max(within[0], 0), min(within[2], width)
    top, bottom = max(within[1], 0), min(within[3], height)
    if left >= right or top >= bottom:
        return mask
    x = (torch.arange(left, right, device=model.device) + 0.5 - box[0]) / (box[2] - box[0]) * 2 - 1
    y = (torch.arange(top, bottom, device=model.device) + 0.5 - box[1]) / (box[3] - box[1]) * 2 - 1
    step = max(1, _BAND // (right - left))
    for start in range(top, bottom, step):
        rows = slice(start, min(start + step, bottom))
        grid = torch.stack(torch.meshgrid(x, y[start - top : start - top + step], indexing="xy"), -1)[None]
        fine = functional.grid_sample(model[None], grid, padding_mode="border", align_corners=False)[0]
        mask[rows, left:right] = applied(fine, image[:, rows, left:right].to(model.device)).to(image.device)
    return mask


def _highest(values: Tensor) -> Tensor:
    """The largest value close by; (C, H, W) in and out."""
    return functional.max_pool2d(values[None], 2 * _REACH + 1, stride=1, padding=_REACH)[0]


def _around(values: Tensor) -> Tensor:
    """Means over a square window; (C, H, W) in and out."""
    padded = functional.pad(values[None], (_RADIUS,) * 4, mode="replicate")
    return functional.avg_pool2d(padded, 2 * _RADIUS + 1, stride=1)[0]
