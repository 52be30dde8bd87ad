"""What the network looked at: for places of a drawn target, where in the source its texture came from."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from .transfer import Transfer

ROWS_AT_ONCE = 128  # of the tokens; with 16384 of them on either side, more no longer fit the processor's cache


@dataclass(frozen=True)
class Correspondence:
    """For every token of the target, where in the source it looked. T tokens on a grid of h x w."""

    source: Tensor  # (h, w, 2) xy pixels of the source image: middle of the attention around its peak
    confidence: Tensor  # (h, w) in [0, 1]: attention within one token of the peak


def attention_at(transfer: Transfer, index: int, points: Tensor, *, layer: int = -1, head: int | None = None) -> Tensor:
    """Where in the source the network looked when it drew some places of an image.

    Args:
        transfer: the result to ask about.
        index: which of its images.
        points: (N, 2) xy pixels of that image; places outside the frame are answered by its nearest token.
        layer: Texture Transfer Block, counted from 0, or from the end with -1.
        head: attention head, or None for their mean.

    Returns:
        (N, h, w) probabilities over the source's tokens, each map summing to 1, fp32.

    Raises:
        IndexError: no such image, layer or head.
    """
    queries = _queries(transfer, index, layer, head)
    return _maps(transfer, queries[:, :, tokens_at(transfer, points)], layer, head)


def tokens_at(transfer: Transfer, points: Tensor) -> Tensor:
    """Index of the token that drew each of (N, 2) xy pixels of a transferred image, (N,) int64."""
    rows, columns = transfer.source.features.grid
    inside = transfer.frame.points_inside(points.float()) / transfer.source.model.config.stride
    column = inside[:, 0].floor().long().clamp(0, columns - 1)
    row = inside[:, 1].floor().long().clamp(0, rows - 1)
    return row * columns + column


def peaks(attention: Tensor, transfer: Transfer) -> Tensor:
    """Middle of each map's attention around its highest token, (N, 2) xy pixels of the source image.

    Args:
        attention: (N, h, w), from `attention_at`.
        transfer: the result it was asked of.
    """
    place, _ = _peaks(attention)
    return _to_source_pixels(transfer, place)


def correspondence(transfer: Transfer, index: int, *, layer: int = -1, head: int | None = None) -> Correspondence:
    """Where each token of an image looked, and how sure it was; see `attention_at` for the arguments."""
    rows, columns = transfer.source.features.grid
    places, sure = [], []
    for some in _queries(transfer, index, layer, head).split(ROWS_AT_ONCE, dim=2):
        place, confidence = _peaks(_maps(transfer, some, layer, head))
        places.append(place)
        sure.append(confidence)
    source = _to_source_pixels(transfer, torch.cat(places)).view(rows, columns, 2)
    return Correspondence(source, torch.cat(sure).view(rows, columns))


def warped(transfer: Transfer, found: Correspondence) -> Tensor:
    """The source's own pixels carried to where the network looked, (3, h, w) at the network's size.

    Each token moves its whole square of the source, so this shows what the attention alone knows.
    """
    frame = transfer.source.frame
    height, width = frame.size
    stride = transfer.source.model.config.stride
    source = frame.cut(transfer.source.image).to(found.source.device)
    middle = frame.points_inside(found.source.flatten(0, 1)).view(*found.source.shape)
    inner = torch.arange(stride, device=source.device) - (stride - 1) / 2
    x = middle[:, :, None, None, 0] + inner[None, None, None, :]
    y = middle[:, :, None, None, 1] + inner[None, None, :, None]
    x, y = torch.broadcast_tensors(x, y)
    rows, columns = found.confidence.shape
    grid = torch.stack([x / width, y / height], -1) * 2 - 1  # (rows, columns, stride, stride, 2)
    grid = grid.permute(0, 2, 1, 3, 4).reshape(1, rows * stride, columns * stride, 2)
    return functional.grid_sample(source[None], grid, mode="bilinear", padding_mode="border", align_corners=False)[0]


def _queries(transfer: Transfer, index: int, layer: int, head: int | None) -> Tensor:
    """(1, heads, T, d) of one layer, once everything that was asked for is known to exist."""
    config = transfer.source.model.config
    if head is not None and not 0 <= head < config.heads:
        raise IndexError(f"attention head {head} was asked for; the model has heads 0 to {config.heads - 1}")
    return transfer.queries(index)[transfer.source.model.generator.checked_layer(layer)]


def _maps(transfer: Transfer, queries: Tensor, layer: int, head: int | None) -> Tensor:
    """(R, h, w) attention of (1, heads, R, d) queries."""
    source = transfer.source
    with torch.inference_mode():
        found = source.model.generator.attention_of(source.features, queries, layer, average_heads=head is None)
    return (found[0] if head is None else found[0, head]).unflatten(-1, source.features.grid)


def _peaks(attention: Tensor) -> tuple[Tensor, Tensor]:
    """Middle of mass within one token of the highest one, in tokens (N, 2) xy, and that mass (N,)."""
    rows, columns = attention.shape[-2:]
    flat = attention.flatten(1).argmax(1)
    y, x = flat // columns, flat % columns
    near_y = y[:, None] + torch.tensor([-1, -1, -1, 0, 0, 0, 1, 1, 1], device=flat.device)
    near_x = x[:, None] + torch.tensor([-1, 0, 1] * 3, device=flat.device)
    inside = (near_y >= 0) & (near_y < rows) & (near_x >= 0) & (near_x < columns)
    near = (near_y * columns + near_x).clamp(0, rows * columns - 1)
    local = attention.flatten(1).gather(1, near) * inside
    mass = local.sum(1).clamp(min=1e-9)
    centre = [(local * (places + 0.5)).sum(1) / mass for places in (near_x, near_y)]
    return torch.stack(centre, -1), mass.clamp(max=1)


def _to_source_pixels(transfer: Transfer, tokens: Tensor) -> Tensor:
    return transfer.source.frame.points_outside(tokens * transfer.source.model.config.stride)
