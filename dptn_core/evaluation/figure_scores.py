"""Scores that only drawn figures have, whose ground truth is known exactly."""

from __future__ import annotations

import torch
from torch import Tensor

from ..checkpoint import DPTNModel
from ..data.synthetic.figures import SyntheticPairs
from ..network import SourceFeatures
from .attention_accuracy import NEAR, attention_peaks, joint_tokens, near

COLOUR_RIGHT = 0.12  # garment colour errors below it count as the right colour


def whole_attention(model: DPTNModel, features: SourceFeatures, target_maps: Tensor) -> Tensor:
    """The last block's attention of every target token, (B, T, T) fp32."""
    with torch.inference_mode():
        rows = torch.arange(features.grid[0] * features.grid[1], device=model.device)
        return model.generator.attention_rows(features, target_maps, rows)


def foreground_psnr(image: Tensor, ground_truth: Tensor, mask: Tensor) -> Tensor:
    """Peak signal-to-noise ratio over masked pixels, dB, (B,).

    Args:
        image, ground_truth: (B, 3, H, W) in [-1, 1].
        mask: (B, H, W) bool, at least one pixel each.
    """
    error = ((image - ground_truth) / 2).square().mean(1) * mask
    mean = error.sum((1, 2)) / mask.sum((1, 2)).clamp(min=1)
    return -10 * mean.clamp(min=1e-10).log10()


def joint_hits(attention: Tensor, pairs: SyntheticPairs, stride: int) -> Tensor:
    """For each joint seen in both images: whether attention at its target place peaks near its source place.

    Args:
        attention: (B, T, T).
        pairs: the pairs it belongs to.
        stride: pixels a token.

    Returns:
        (N,) bool, N joints of all pairs.
    """
    return joints_found(attention, pairs, stride)[seen_in_both(pairs)]


def seen_in_both(pairs: SyntheticPairs) -> Tensor:
    """Joints that can be found at all, (B, 18) bool."""
    return pairs.source_visible & pairs.target_visible


def joints_found(attention: Tensor, pairs: SyntheticPairs, stride: int, fraction: float = NEAR) -> Tensor:
    """For every joint, seen or not, whether attention peaks within `fraction` of the height of it, (B, 18) bool."""
    height, width = pairs.source.shape[2:]
    columns = width // stride
    tokens = joint_tokens(pairs.target_keypoints, (height // stride, columns), stride)
    rows = attention.gather(1, tokens[..., None].expand(-1, -1, attention.shape[2]))  # (B, 18, T)
    return near(attention_peaks(rows, columns, stride), pairs.source_keypoints, height, fraction)


def garment_error(image: Tensor, pairs: SyntheticPairs) -> Tensor:
    """Largest difference of mean colour, over torso and legs, between generated and ground-truth target, (B,) in 0..1.

    Torso and legs are discs around the middle of the trunk and the knees, restricted to the figure.
    """
    height, width = image.shape[2:]
    ys, xs = torch.meshgrid(
        torch.arange(height, device=image.device) + 0.5, torch.arange(width, device=image.device) + 0.5, indexing="ij"
    )
    points = pairs.target_keypoints
    places = [(points[:, 1] + points[:, 8] + points[:, 11]) / 3, points[:, 9], points[:, 12]]
    worst = image.new_zeros(len(pairs))
    for place in places:
        inside = (xs - place[:, 0, None, None]).hypot(ys - place[:, 1, None, None]) < 0.05 * height
        inside = inside & pairs.target_mask
        count = inside.sum((1, 2))
        gap = ((image - pairs.target) / 2 * inside[:, None]).sum((2, 3)) / count.clamp(min=1)[:, None]
        worst = torch.maximum(worst, torch.where(count > 12, gap.abs().amax(1), 0.0))
    return worst
