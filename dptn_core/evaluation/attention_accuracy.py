"""Whether attention finds the joints: free ground truth, as nothing in DPTN's losses asks for it."""

from __future__ import annotations

import torch
from torch import Tensor

from ..network import Generator, SourceFeatures

NEAR = 0.1  # fraction of the image's height within which an attention peak counts as right


def joint_tokens(keypoints: Tensor, grid: tuple[int, int], stride: int) -> Tensor:
    """Tokens that draw some keypoints, (B, J) int64; the nearest token for those outside the image.

    Args:
        keypoints: (B, J, 2) xy pixels of the network's image.
        grid: rows and columns of tokens.
        stride: pixels a token.
    """
    rows, columns = grid
    place = (keypoints / stride).floor().long()
    return place[..., 1].clamp(0, rows - 1) * columns + place[..., 0].clamp(0, columns - 1)


def attention_peaks(attention: Tensor, columns: int, stride: int) -> Tensor:
    """Middle of the token each place looked at most, (B, J, 2) xy pixels of the network's image.

    Args:
        attention: (B, J, T) over the source's tokens, rows of the grid first.
        columns: of the grid.
        stride: pixels a token.
    """
    peak = attention.argmax(-1)
    return torch.stack([peak % columns, peak // columns], -1) * stride + stride / 2


def near(found: Tensor, wanted: Tensor, height: float, fraction: float = NEAR) -> Tensor:
    """Which places (..., 2) lie within `fraction` of `height` of others, (...) bool; all in the same pixels."""
    return (found - wanted).norm(dim=-1) <= fraction * height


def joint_attention(
    generator: Generator, source: SourceFeatures, target_heatmaps: Tensor, target_keypoints: Tensor
) -> Tensor:
    """Where the last block looked in the source for each target keypoint, (B, J, T), averaged over heads, fp32.

    Args:
        generator: the network.
        source: B encoded sources.
        target_heatmaps: (B, 18, H, W).
        target_keypoints: (B, J, 2) xy pixels of the network's image.
    """
    queries = generator.attention_queries(source, target_heatmaps)[-1]  # B, heads, T, d
    tokens = joint_tokens(target_keypoints, source.grid, generator.config.stride).to(queries.device)
    rows = queries.gather(2, tokens[:, None, :, None].expand(-1, queries.shape[1], -1, queries.shape[3]))
    return generator.attention_of(source, rows)
