"""Heat maps of keypoints: what the network sees of a pose.

A Gaussian of two axes is the product of two of one axis, so each joint costs two short vectors on the
device instead of an image computed on the CPU. The values are those of the DPTN paper's data pipeline:
peak 1, sigma 6 px at 256x256, keypoints truncated to whole pixels, an empty channel for a missing keypoint.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from .skeleton import KEYPOINT_NAMES, Pose

MIN_SIGMA = 1e-3  # pixels; float32 cannot square much less


def keypoint_heatmaps(
    keypoints: Tensor,
    present: Tensor,
    size: tuple[int, int],
    sigma: float = 6.0,
    *,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """One Gaussian a keypoint.

    Args:
        keypoints: (B, 18, 2) x, y in pixels of a canvas of `size`. A keypoint outside the canvas leaves only
            its tail inside.
        present: (B, 18) bool. Where False the channel is zero, whatever `keypoints` holds there.
        size: (H, W) of the heat maps.
        sigma: Standard deviation in pixels, positive.
        dtype: Of the result; computed in float32 at least.

    Returns:
        (B, 18, H, W) on the device of `keypoints`, values 0..1.

    Raises:
        ValueError: A shape does not fit, a size is not positive, or sigma is not a positive number.
    """
    joints = len(KEYPOINT_NAMES)
    if keypoints.ndim != 3 or tuple(keypoints.shape[1:]) != (joints, 2):
        raise ValueError(f"keypoints must be (B, {joints}, 2), got {tuple(keypoints.shape)}")
    if present.shape != keypoints.shape[:2]:
        raise ValueError(f"present must be {tuple(keypoints.shape[:2])}, got {tuple(present.shape)}")
    height, width = size
    if height < 1 or width < 1:
        raise ValueError(f"size (H, W) must be positive, got {tuple(size)}")
    if not (math.isfinite(sigma) and sigma >= MIN_SIGMA):
        raise ValueError(f"sigma must be a positive number of pixels, at least {MIN_SIGMA}, got {sigma}")

    compute = torch.float64 if keypoints.dtype == torch.float64 else torch.float32
    there = present.to(device=keypoints.device, dtype=torch.bool)[..., None]  # B, 18, 1
    # Missing keypoints may hold anything, NaN included: choose, do not multiply.
    pixels = torch.where(there, keypoints.to(compute).trunc(), 0.0)  # B, 18, 2
    # Both axes in one go: at this size a launch costs more than what it computes.
    places = torch.arange(max(height, width), device=pixels.device, dtype=compute)
    bells = torch.exp((places - pixels[..., None]).square_().mul_(-0.5 / sigma**2))  # B, 18, 2, longer side
    across, down = bells[:, :, 0, :width], bells[:, :, 1, :height] * there  # B, 18, W and B, 18, H
    return (down[..., :, None] * across[..., None, :]).to(dtype)  # B, 18, H, W


def pose_heatmaps(
    poses: Sequence[Pose],
    size: tuple[int, int],
    sigma: float = 6.0,
    device: torch.device | str | None = None,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Heat maps of poses that already live on a canvas of their size.

    Args:
        poses: B of them, at least one.
        size: (H, W); every pose's canvas must be exactly this.
        sigma: As for `keypoint_heatmaps`.
        device: Where to compute; torch's default when None.
        dtype: Of the result.

    Returns:
        (B, 18, H, W), values 0..1.

    Raises:
        ValueError: No poses, a pose on another canvas, or as for `keypoint_heatmaps`.
    """
    if not poses:
        raise ValueError("expected at least one pose, got none")
    height, width = size
    for index, pose in enumerate(poses):
        if (pose.canvas.height, pose.canvas.width) != (height, width):
            raise ValueError(
                f"pose {index} is on a canvas of {pose.canvas}, the heat maps are {width}x{height}; "
                "move it with rescaled() first"
            )
    # Truncate in float64: 127.9999999 must not become 128 on its way to float32.
    keypoints = np.trunc(np.stack([pose.keypoints for pose in poses])).astype(np.float32)
    present = np.stack([pose.present for pose in poses])
    return keypoint_heatmaps(
        torch.from_numpy(keypoints).to(device), torch.from_numpy(present).to(device), size, sigma, dtype=dtype
    )
