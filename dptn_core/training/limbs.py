"""Where attention should go in photographs, as far as two poses tell: along the limbs that both show."""

from __future__ import annotations

import torch
from torch import Tensor

from ..network import AttentionTarget
from ..pose import LIMBS
from .losses import attention_target

_REACH = 0.75  # tokens from a limb's middle line to the middle of a token that lies on it


def limb_attention(
    source: Tensor, source_present: Tensor, target: Tensor, target_present: Tensor, size: tuple[int, int], stride: int
) -> tuple[AttentionTarget, Tensor]:
    """Attention targets of a pair of poses; see `losses.attention_target`.

    A token on a limb of the target should attend to the same fraction of that limb in the source. Images have no true
    correspondence; this much of it the keypoints give away, on front and back alike. Of limbs that cross the nearest
    counts.

    Args:
        source, target: (B, 18, 2) xy in pixels.
        source_present, target_present: (B, 18) bool.
        size: (H, W) of the images.
        stride: pixels a token.

    Returns:
        The target, 4 source tokens for each of the T, and (B, T): 1 on a limb that both poses show, else 0.
    """
    start, end = (torch.tensor(joints, device=target.device) for joints in zip(*LIMBS, strict=True))
    both = source_present & target_present
    there = both[:, start] & both[:, end]  # B, limbs
    rows, columns = size[0] // stride, size[1] // stride
    y, x = torch.meshgrid(
        torch.arange(rows, device=target.device), torch.arange(columns, device=target.device), indexing="ij"
    )
    middles = torch.stack([x, y], -1) + 0.5  # rows, columns, xy in tokens
    source, target = source / stride, target / stride
    foot, way = target[:, start], target[:, end] - target[:, start]  # B, limbs, xy
    from_foot = middles - foot[:, :, None, None]
    way = way[:, :, None, None]
    fraction = ((from_foot * way).sum(-1) / way.square().sum(-1).clamp(min=1e-6)).clamp(0, 1)  # B, limbs, rows, columns
    far = (from_foot - fraction[..., None] * way).norm(dim=-1)
    far = far.masked_fill(~there[:, :, None, None], torch.inf)
    nearest, limb = far.min(1)
    fraction = fraction.gather(1, limb[:, None])[:, 0, ..., None]  # B, rows, columns, 1
    image = torch.arange(len(limb), device=limb.device)[:, None, None]
    ends = [source[:, joints][image, limb] for joints in (start, end)]
    return attention_target(torch.lerp(ends[0], ends[1], fraction), nearest <= _REACH, stride=1, samples=1)
