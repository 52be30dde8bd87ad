"""Attention without gradients on a CPU where MKL is slow, some rows at a time, by oneDNN's products.

Torch's own kernel multiplies by MKL. The rows of logits at work stay in the processor's cache.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .onednn import linear_fp32

_CELLS = {torch.bfloat16: 2**20, torch.float32: 2**17}  # logits at a time: what was fastest on Zen 5
_MIN_ROWS = 32  # rows at a time, however long they are


def attend_by_rows(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Scaled dot-product attention of bf16 or fp32: (B, heads, T, d), (B, heads, S, d) twice -> (B, heads, T, d)."""
    batch, heads, count, features = q.shape
    rows = max(_MIN_ROWS, min(count, _CELLS[q.dtype] // k.shape[2]))
    multiply = _by_mm if q.dtype == torch.bfloat16 else linear_fp32
    scaled = q * features**-0.5
    mixed = q.new_empty(batch, count, heads, v.shape[-1]).transpose(1, 2)
    for image in range(batch):
        for head in range(heads):
            keys, values = k[image, head].contiguous(), v[image, head].t().contiguous()
            for first in range(0, count, rows):
                few = slice(first, first + rows)
                mixed[image, head, few] = _attend(scaled[image, head, few], keys, values, multiply)
    return mixed


def _attend(q: Tensor, keys: Tensor, values: Tensor, multiply: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    logits = multiply(q, keys)
    torch.softmax(logits, -1, out=logits)
    return multiply(logits, values)


def _by_mm(left: Tensor, right: Tensor) -> Tensor:
    return left @ right.t()
