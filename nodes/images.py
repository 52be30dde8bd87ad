"""Between ComfyUI's images, (B, H, W, C) in [0, 1], and the core's, (3, H, W) in [0, 1]."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from ..dptn_core.image_io import resize, to_image
from ..dptn_core.pose import Canvas
from . import host
from .errors import NodeError, node_error_context

Item = TypeVar("Item")


def check_batch(images: object, node: str, name: str) -> Tensor:
    """A batch of at least one image (B, H, W, C).

    Raises:
        NodeError: something else came along the wire.
    """
    if not isinstance(images, Tensor) or images.ndim != 4 or 0 in images.shape:
        found = tuple(images.shape) if isinstance(images, Tensor) else type(images).__name__
        raise NodeError(f"{node}, input '{name}': expected at least one image (B, H, W, C), got {found}")
    return images


def check_mask(masks: object, node: str, name: str) -> Tensor:
    """Masks (B, H, W) of at least one pixel; a single one (H, W) becomes a batch.

    Raises:
        NodeError: something else came along the wire, or its numbers are none.
    """
    if not isinstance(masks, Tensor) or masks.ndim not in (2, 3) or 0 in masks.shape or masks.is_complex():
        found = tuple(masks.shape) if isinstance(masks, Tensor) else type(masks).__name__
        raise NodeError(f"{node}, input '{name}': expected a mask (B, H, W), got {found}")
    if not torch.isfinite(masks).all():
        raise NodeError(
            f"{node}, input '{name}': expected numbers from 0 to 1, got NaN or infinity; check the node before it"
        )
    return masks if masks.ndim == 3 else masks[None]


def image_of(images: Tensor, index: int, node: str, name: str) -> Tensor:
    """Image number `index` of a batch as (3, H, W); grey and transparent ones become RGB.

    Raises:
        NodeError: its channels or numbers are not those of an image.
    """
    with node_error_context(node, name):
        return to_image(images[index])


def canvas_of(images: Tensor, node: str, name: str) -> Canvas:
    """The canvas that the images of a batch have; raises NodeError where that is too large."""
    with node_error_context(node, name):
        return Canvas(images.shape[2], images.shape[1])


def one_each(items: Sequence[Item], count: int, node: str, name: str, what: str) -> list[Item]:
    """One item for each of `count` images; a single one counts for all.

    Args:
        items: what came, at least one.
        count: number of images.
        node, name: of the input, for errors.
        what: an item in the user's words.

    Raises:
        NodeError: their numbers do not match.
    """
    if len(items) not in (1, count):
        raise NodeError(
            f"{node}, input '{name}': expected one {what} for each image, or one for all, got {len(items)} for {count} "
            f"image{'s' if count > 1 else ''}"
        )
    return list(items) if len(items) == count else list(items) * count


def masks_for(masks: Tensor | None, images: Tensor, node: str, name: str) -> list[Tensor | None]:
    """A mask (H, W) in [0, 1] of the images' size for each of a batch (B, H, W, C); None where it is black or absent.

    Args:
        masks: from `check_mask`, of any size: one for each image, or one for all, stretched; None: not given.
        images: from `check_batch`.
        node, name: of the input, for errors.

    Raises:
        NodeError: their number is not that of the images.
    """
    if masks is None:
        return [None] * len(images)
    count, height, width = images.shape[:3]
    fitted = [resize(one[None].float().clamp(0, 1), (height, width))[0] if one.max() > 0 else None for one in masks]
    return one_each(fitted, count, node, name, "mask")


def capped_size(size: tuple[int, int], side: int) -> tuple[int, int]:
    """A size (H, W), made smaller if a side is longer than `side` pixels."""
    scale = min(1.0, side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def at_most(image: Tensor, side: int) -> Tensor:
    """A (C, H, W) image, made smaller if a side is longer than `side` pixels."""
    return resize(image, capped_size((image.shape[1], image.shape[2]), side))


def to_host(images: Iterable[Tensor] | Tensor) -> Tensor:
    """Images (3, H, W) of one size -> (B, H, W, 3) where the host wants results."""
    batch = images if isinstance(images, Tensor) else torch.stack(list(images))
    return batch.permute(0, 2, 3, 1).float().to(host.result_device()).contiguous()


def check_room(count: int, size: tuple[int, int], node: str, name: str, *, planes: int = 3) -> None:
    """Refuse a sequence whose images no memory holds: a graph of a few hundred bytes may ask for ten thousand.

    Args:
        count: number of images.
        size: (H, W) of each.
        node, name: of the input that they come from, for errors.
        planes: numbers of each pixel.

    Raises:
        NodeError: they need more memory than is free.
    """
    height, width = size
    needed, free = 4 * planes * count * height * width, host.free_memory()
    if needed > free:
        raise NodeError(
            f"{node}, input '{name}': expected a sequence that fits into {free / 2**30:.1f} GB of free memory, got "
            f"{count} images of {width}x{height}, which take {needed / 2**30:.1f} GB; make it shorter or smaller"
        )


def bytes_to_host(
    images: Iterable[np.ndarray], count: int, size: tuple[int, int], node: str, name: str = "pose"
) -> Tensor:
    """`count` images (H, W, 3) uint8 of `size` (H, W) -> (count, H, W, 3) where the host wants results.

    They are taken one by one, so that not all of them are in memory twice.

    Args:
        images: the images.
        count: their number.
        size: of each.
        node, name: of the input that they come from, for errors.

    Raises:
        NodeError: there is no room for them.
    """
    check_room(count, size, node, name)
    batch = torch.empty(count, *size, 3, device=host.result_device())
    for place, image in zip(batch, images, strict=True):
        place.copy_(torch.from_numpy(image)).div_(255)
    return batch
