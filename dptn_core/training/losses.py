"""The terms of the dual-task objective (paper section 3.4) and what drawn figures add to it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from ..network import AttentionTarget

# ITU-R BT.601 brightness and two colour differences, as rows over R, G, B.
_LUMA_CHROMA = ((0.299, 0.587, 0.114), (-0.169, -0.331, 0.5), (0.5, -0.419, -0.081))


def reconstruction_loss(
    image: Tensor, ground_truth: Tensor, weight: Tensor, *, chroma: float, scales: Sequence[int], gradient: float
) -> Tensor:
    """L1 on brightness and colour apart, over areas of several sizes, plus L1 on brightness steps.

    No plain RGB L1: brightness is easy to match and hides the garments' colours, so colour differences carry a weight
    of their own.

    Args:
        image, ground truth: (B, 3, H, W) in [-1, 1].
        weight: (B, 1, H, W), how much each pixel counts, at least 0.
        chroma: weight of the two colour differences against brightness.
        scales: sides in pixels of the squares whose means are compared; those larger than the image are left out.
        gradient: weight of the brightness steps at the finest scale.

    Returns:
        Scalar: each image's weighted mean over its pixels, averaged over scales and images, so that it is the same
        for a batch as for its parts.
    """
    matrix = image.new_tensor(_LUMA_CHROMA) * image.new_tensor([1.0, chroma, chroma])[:, None]
    difference = torch.einsum("bchw,kc->bkhw", image - ground_truth, matrix)
    total = image.new_zeros(())
    fitting = [scale for scale in scales if scale <= min(image.shape[-2:])]
    for scale in fitting:
        area = functional.avg_pool2d(difference, scale) if scale > 1 else difference
        pooled = functional.avg_pool2d(weight, scale) if scale > 1 else weight
        total = total + weighted_mean(area.abs(), pooled)
    total = total / max(len(fitting), 1)
    if gradient:
        brightness = difference[:, :1]
        for axis in (2, 3):
            steps = brightness.diff(dim=axis).abs()
            narrowed = weight.narrow(axis, 1, weight.shape[axis] - 1)
            total = total + gradient * weighted_mean(steps, narrowed) / 3
    return total


def weighted_mean(values: Tensor, weight: Tensor) -> Tensor:
    """Mean over images of each one's weighted mean.

    Args:
        values: (B, C, H, W).
        weight: (B, 1, H, W), at least 0 and not all 0 in any image.
    """
    return ((values * weight).sum((1, 2, 3)) / (values.shape[1] * weight.sum((1, 2, 3)))).mean()


def attention_target(
    correspondence: Tensor, seen: Tensor, stride: int, samples: int = 4
) -> tuple[AttentionTarget, Tensor]:
    """Where each target token should attend: the source tokens under its pixels' true places.

    Args:
        correspondence: (B, H, W, 2) xy source pixels of every target pixel.
        seen: (B, H, W) bool, where that place shows in the source.
        stride: pixels a token.
        samples: pixels read along each side of a token.

    Returns:
        The target, 4 * samples^2 source tokens for each of the T (weights of tokens with no seen pixel are 0), and
        (B, T) fractions of seen pixels.
    """
    batch, height, width, _ = correspondence.shape
    rows, columns = height // stride, width // stride
    inner = (torch.arange(samples, device=seen.device) * stride + stride // 2) // samples
    y = (torch.arange(rows, device=seen.device)[:, None] * stride + inner).flatten()
    x = (torch.arange(columns, device=seen.device)[:, None] * stride + inner).flatten()
    places = correspondence[:, y][:, :, x] / stride - 0.5  # (B, rows * s, columns * s, 2) in tokens
    known = seen[:, y][:, :, x].to(places.dtype)

    def by_token(of_samples: Tensor) -> Tensor:
        apart = of_samples.view(batch, rows, samples, columns, samples).transpose(2, 3)
        return apart.reshape(batch, rows * columns, samples**2)

    first = places.floor()
    fraction = places - first
    index, vote = [], []
    for dx in (0, 1):
        for dy in (0, 1):
            column = (first[..., 0].long() + dx).clamp(0, columns - 1)
            row = (first[..., 1].long() + dy).clamp(0, rows - 1)
            part_x = fraction[..., 0] if dx else 1 - fraction[..., 0]
            part_y = fraction[..., 1] if dy else 1 - fraction[..., 1]
            index.append(by_token(row * columns + column))
            vote.append(by_token(part_x * part_y * known))
    votes = torch.cat(vote, -1)
    mass = votes.sum(-1)
    target = AttentionTarget(torch.cat(index, -1), votes / mass.clamp(min=1e-6).unsqueeze(-1))
    return target, mass / samples**2


def attention_loss(entropy: Tensor, weight: Tensor) -> Tensor:
    """Cross-entropy of attention to its target (B, T), each token counted `weight` (B, T) times.

    The mean over images of each one's weighted mean; an image without weights counts 0.
    """
    return ((entropy * weight).sum(1) / weight.sum(1).clamp(min=1e-6)).mean()
