"""What is as large as the source's image, looked up where it is wanted: memory grows with what is asked for alone.

It rests in fp16, which not every device interpolates, and whole copies in fp32 would be several times the image.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from ..image_io import resize
from .box import Box
from .framing import Frame
from .source_texture import SourceTexture

_BAND: Final = 1 << 18  # pixels at once


def looked_up(layers: Tensor, at: Tensor) -> Tensor:
    """Bilinear samples of an image in any number format.

    Args:
        layers: (H, W, C).
        at: (N, 2) x, y as fractions of the image, on its device; beyond the image its edge goes on.

    Returns:
        (N, C) fp32.
    """
    height, width = layers.shape[:2]
    flat = layers.flatten(0, 1)
    left, right, across = _between(at[:, 0], width)
    top, bottom, down = _between(at[:, 1], height)

    def along(row: Tensor) -> Tensor:
        first, second = (flat[row * width + column].float() for column in (left, right))
        return torch.lerp(first, second, across[:, None])

    return torch.lerp(along(top), along(bottom), down[:, None])


def coarser(layers: Tensor, size: tuple[int, int]) -> Tensor:
    """Layers (H, W, C) at a smaller size (h, w), in their own number format; plane by plane, as each is made fp32."""
    small = layers.new_empty(*size, layers.shape[2])
    for channel in range(layers.shape[2]):
        small[..., channel] = resize(layers[None, ..., channel], size)[0]
    return small


def background_at(texture: SourceTexture, target: Frame, lies: Box, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """What lies behind the person, and how much of it had to be invented.

    Args:
        texture: of the source.
        target: frame of the target.
        lies: where the source's frame lies on the target's canvas.
        size: (H, W) of the answer, which shows the whole canvas.

    Returns:
        (3, H, W) and (H, W) fp32 in [0, 1]. What the source image does not reach is mirrored, and invented.
    """
    planes = (*texture.background, texture.matte)
    height, width = size
    # channels last, as images are shown and saved
    image = torch.empty(height, width, 3, device=texture.background.device).permute(2, 0, 1)
    invented = image.new_empty(size)
    places = (*image, invented)
    source = texture.frame
    if target.canvas == source.canvas:
        for place, plane in zip(places, planes, strict=True):
            place.copy_(resize(plane[None], size)[0])
        return image, invented
    y = (torch.arange(height, device=image.device) + 0.5) / height * target.canvas.height
    x = (torch.arange(width, device=image.device) + 0.5) / width * target.canvas.width
    y = ((y - lies.top) / lies.height * source.box.height + source.box.top) / source.canvas.height
    x = ((x - lies.left) / lies.width * source.box.width + source.box.left) / source.canvas.width
    top, bottom, down = _between(_mirrored(y), planes[0].shape[0])
    left, right, across = _between(_mirrored(x), planes[0].shape[1])
    beyond_x, beyond_y = ((line < 0) | (line > 1) for line in (x, y))
    step = max(1, _BAND // max(width, planes[0].shape[1]))
    for rows in torch.arange(height, device=image.device).split(step):
        for place, plane in zip(places, planes, strict=True):
            band = torch.lerp(plane[top[rows]].float(), plane[bottom[rows]].float(), down[rows, None])
            place[rows] = torch.lerp(band[:, left], band[:, right], across)
        invented[rows] = invented[rows].maximum((beyond_y[rows, None] | beyond_x).float())
    return image, invented


def _between(at: Tensor, length: int) -> tuple[Tensor, Tensor, Tensor]:
    """The pixels before and after fractions (N,) of a line, and how far it is from one to the other."""
    place = (at * length - 0.5).clamp(0, length - 1)
    first = place.floor()
    before = first.long()
    return before, (before + 1).clamp(max=length - 1), place - first


def _mirrored(at: Tensor) -> Tensor:
    """Fractions of a line that goes on beyond 0 and 1 as its mirror image."""
    return 1 - (at % 2 - 1).abs()
