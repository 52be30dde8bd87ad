"""Between ComfyUI's pictures, (B, H, W, C) in [0, 1], and the core's, (3, H, W) in [0, 1]."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from ..dptn_core.pictures import to_picture
from . import host
from .errors import BlockError


def from_host(images: Tensor, block: str, name: str) -> list[Tensor]:
    """(B, H, W, C) -> B pictures (3, H, W); grey and transparent ones become RGB.

    Raises:
        BlockError: no pictures, or another shape.
    """
    if not isinstance(images, Tensor) or images.ndim != 4 or images.shape[0] < 1:
        found = tuple(images.shape) if isinstance(images, Tensor) else type(images).__name__
        raise BlockError(
            f"{block}, input '{name}': a batch of at least one picture (B, H, W, C) is wanted, not {found}"
        )
    return [to_picture(image) for image in images]


def to_host(pictures: Iterable[Tensor] | Tensor) -> Tensor:
    """Pictures (3, H, W) of one size -> (B, H, W, 3) where the host wants results."""
    batch = pictures if isinstance(pictures, Tensor) else torch.stack(list(pictures))
    return batch.permute(0, 2, 3, 1).float().to(host.result_device()).contiguous()


def bytes_to_host(pictures: Iterable[np.ndarray]) -> Tensor:
    """Pictures (H, W, 3) uint8 of one size -> (B, H, W, 3) where the host wants results."""
    batch = np.stack(list(pictures))
    return (torch.from_numpy(batch).float() / 255).to(host.result_device())
