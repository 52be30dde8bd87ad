"""What the network attended to: for places of a generated image, where in the source their texture came from."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from .transfer import EncodedSource, Generated

ROWS_AT_ONCE = 128  # of the tokens; with 16384 of them on either side, more no longer fit the processor's cache


@dataclass(frozen=True)
class Correspondence:
    """For every token of the target, where in the source it attended. T tokens on a grid of h x w."""

    source: Tensor  # (h, w, 2) xy pixels of the source image: middle of the attention around its peak
    confidence: Tensor  # (h, w) in [0, 1]: attention within one token of the peak


def attention_at(generated: Generated, points: Tensor, *, layer: int = -1, head: int | None = None) -> Tensor:
    """Where in the source the network attended when it generated some places of an image.

    Args:
        generated: the image.
        points: (N, 2) xy pixels of that image; places outside the frame are answered by its nearest token.
        layer: Texture Transfer Block, counted from 0, or from the end with -1.
        head: attention head, or None for their mean.

    Returns:
        (N, h, w) probabilities over the source's tokens, each map summing to 1, fp32.

    Raises:
        IndexError: no such layer or head.
    """
    queries = _queries(generated, layer, head)
    return _maps(generated.source, queries[:, :, tokens_at(generated, points)], layer, head)


def tokens_at(generated: Generated, points: Tensor) -> Tensor:
    """Index of the token that made each of (N, 2) xy pixels of an image, (N,) int64."""
    rows, columns = generated.source.features.grid
    inside = generated.frame.points_inside(points.float()) / generated.source.model.config.stride
    column = inside[:, 0].floor().long().clamp(0, columns - 1)
    row = inside[:, 1].floor().long().clamp(0, rows - 1)
    return row * columns + column


def peaks(attention: Tensor, source: EncodedSource) -> Tensor:
    """Middle of each map's attention around its highest token, (N, 2) xy pixels of the source image.

    Args:
        attention: (N, h, w), from `attention_at`.
        source: that it attended to.
    """
    place, _ = _peaks(attention)
    return _to_source_pixels(source, place)


def correspondence(generated: Generated, *, layer: int = -1, head: int | None = None) -> Correspondence:
    """Where each token of an image attended, and how sure it was; see `attention_at` for the arguments."""
    source = generated.source
    rows, columns = source.features.grid
    places, sure = [], []
    for some in _queries(generated, layer, head).split(ROWS_AT_ONCE, dim=2):
        place, confidence = _peaks(_maps(source, some, layer, head))
        places.append(place)
        sure.append(confidence)
    pixels = _to_source_pixels(source, torch.cat(places)).view(rows, columns, 2)
    return Correspondence(pixels, torch.cat(sure).view(rows, columns))


def warped(source: EncodedSource, found: Correspondence) -> Tensor:
    """The source's own pixels, warped to the places of the target that attended to them.

    Each token moves its whole square of the source, so this shows what the attention alone knows.

    Returns:
        (3, h, w) in [0, 1] at the network's size.
    """
    frame = source.frame
    height, width = frame.size
    stride = source.model.config.stride
    image = frame.cut(source.image).to(found.source.device)
    middle = frame.points_inside(found.source.flatten(0, 1)).view(*found.source.shape)
    inner = torch.arange(stride, device=image.device) - (stride - 1) / 2
    x = middle[:, :, None, None, 0] + inner[None, None, None, :]
    y = middle[:, :, None, None, 1] + inner[None, None, :, None]
    x, y = torch.broadcast_tensors(x, y)
    rows, columns = found.confidence.shape
    grid = torch.stack([x / width, y / height], -1) * 2 - 1  # (rows, columns, stride, stride, 2)
    grid = grid.permute(0, 2, 1, 3, 4).reshape(1, rows * stride, columns * stride, 2)
    return functional.grid_sample(image[None], grid, mode="bilinear", padding_mode="border", align_corners=False)[0]


def _queries(generated: Generated, layer: int, head: int | None) -> Tensor:
    """(1, heads, T, d) of one layer, once layer and head are known to exist."""
    model = generated.source.model
    if head is not None and not 0 <= head < model.config.heads:
        raise IndexError(f"expected an attention head from 0 to {model.config.heads - 1}, got {head}")
    return generated.queries[model.generator.checked_layer(layer)]


def _maps(source: EncodedSource, queries: Tensor, layer: int, head: int | None) -> Tensor:
    """(R, h, w) attention of (1, heads, R, d) queries."""
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


def _to_source_pixels(source: EncodedSource, tokens: Tensor) -> Tensor:
    return source.frame.points_outside(tokens * source.model.config.stride)
