"""Tensors to Warp's kernels and back, without copies.

This module imports Warp; it is imported when the first pair is rendered.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import warp as wp
from torch import Tensor

wp.config.quiet = True  # type: ignore[attr-defined,unused-ignore]
wp.init()
EMPTY = 1 << 62  # in a depth map: nothing is there


def vec(values: Tensor, dtype: Any) -> Any:
    """A tensor as a Warp array of `dtype`, without a copy where it is contiguous."""
    return wp.from_torch(values.contiguous(), dtype=dtype)


def vec3(values: Tensor) -> Any:
    """A float tensor (..., 3) as a Warp array of vectors."""
    return wp.from_torch(values.contiguous(), dtype=wp.vec3)


def launch(kernel: Any, count: int | Sequence[int], arguments: list[Any], device: torch.device) -> None:
    """Run a kernel once for each of `count` (a number, or one a dimension) on the device."""
    wp.launch(kernel, count if isinstance(count, int) else tuple(count), arguments, device=str(device))


def bilinear(bank: Tensor, index: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """Samples (N, C) of a bank (K, H, W, C) of tiles that repeat; index, u and v (N,), in tiles."""
    from .kernels import sample_kernel

    out = torch.empty(len(u), bank.shape[-1], device=u.device)
    if len(u):
        arguments = [
            wp.from_torch(bank.float().contiguous()),
            wp.from_torch(index.contiguous()),
            vec(u.float(), wp.float32),
            vec(v.float(), wp.float32),
            wp.from_torch(out),
        ]
        launch(sample_kernel, len(u), arguments, u.device)
    return out
