"""Between ComfyUI's pictures, (B, H, W, C) in [0, 1], and the core's, (3, H, W) in [0, 1]."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from ..dptn_core.image_io import resize, to_picture
from ..dptn_core.pose import Canvas
from . import host
from .errors import BlockError, speaking_for


def check_batch(images: object, block: str, name: str) -> Tensor:
    """A batch of at least one picture (B, H, W, C).

    Raises:
        BlockError: something else came along the wire.
    """
    if not isinstance(images, Tensor) or images.ndim != 4 or 0 in images.shape:
        found = tuple(images.shape) if isinstance(images, Tensor) else type(images).__name__
        raise BlockError(
            f"{block}, input '{name}': a batch of at least one picture (B, H, W, C) is wanted, not {found}"
        )
    return images


def picture_of(images: Tensor, index: int, block: str, name: str) -> Tensor:
    """Picture number `index` of a batch as (3, H, W); grey and transparent ones become RGB.

    Raises:
        BlockError: its channels or numbers are not those of a picture.
    """
    with speaking_for(block, name):
        return to_picture(images[index])


def canvas_of(images: Tensor, block: str, name: str) -> Canvas:
    """The canvas that the pictures of a batch have; raises BlockError where that is too large."""
    with speaking_for(block, name):
        return Canvas(images.shape[2], images.shape[1])


def masks_for(masks: object, images: Tensor, block: str, name: str) -> list[Tensor | None]:
    """A mask (H, W) in [0, 1] of the images' size for each of a batch (B, H, W, C); None where the mask is black.

    Args:
        masks: (H, W) or (B, H, W), of any size: one for each image, or one for all. They are stretched.
        images: from `check_batch`.
        block, name: of the input, for errors.

    Raises:
        BlockError: it is no mask, or their number is not that of the images.
    """
    if not isinstance(masks, Tensor) or masks.ndim not in (2, 3) or 0 in masks.shape:
        found = tuple(masks.shape) if isinstance(masks, Tensor) else type(masks).__name__
        raise BlockError(f"{block}, input '{name}': a mask (B, H, W) is wanted, not {found}")
    every = masks if masks.ndim == 3 else masks[None]
    count, height, width = images.shape[:3]
    if len(every) not in (1, count):
        raise BlockError(
            f"{block}, input '{name}': {len(every)} masks came for {count} image{'s' if count > 1 else ''}; one for "
            "each is wanted, or one for all"
        )
    if not torch.isfinite(every).all():
        raise BlockError(
            f"{block}, input '{name}': the mask holds NaN or infinite values; repair the node that made it"
        )
    fitted = [resize(one[None].float().clamp(0, 1), (height, width))[0] if one.max() > 0 else None for one in every]
    return fitted if len(fitted) == count else fitted * count


def size_at_most(size: tuple[int, int], side: int) -> tuple[int, int]:
    """A size (H, W), made smaller if a side is longer than `side` pixels."""
    scale = min(1.0, side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def at_most(picture: Tensor, side: int) -> Tensor:
    """A (C, H, W) picture, made smaller if a side is longer than `side` pixels."""
    return resize(picture, size_at_most((picture.shape[1], picture.shape[2]), side))


def to_host(pictures: Iterable[Tensor] | Tensor) -> Tensor:
    """Pictures (3, H, W) of one size -> (B, H, W, 3) where the host wants results."""
    batch = pictures if isinstance(pictures, Tensor) else torch.stack(list(pictures))
    return batch.permute(0, 2, 3, 1).float().to(host.result_device()).contiguous()


def bytes_to_host(pictures: Iterable[np.ndarray], count: int, size: tuple[int, int]) -> Tensor:
    """`count` pictures (H, W, 3) uint8 of `size` (H, W) -> (count, H, W, 3) where the host wants results.

    They are taken one by one, so that not all of them are in memory twice.
    """
    batch = torch.empty(count, *size, 3, device=host.result_device())
    for place, picture in zip(batch, pictures, strict=True):
        place.copy_(torch.from_numpy(picture)).div_(255)
    return batch
