"""Where half precision is too coarse: statistics and softmax are computed wider."""

from __future__ import annotations

import torch
from torch import Tensor

_HALVES = (torch.float16, torch.bfloat16)


def widened(x: Tensor) -> Tensor:
    """fp16 and bf16 as fp32; anything wider is returned as it is."""
    return x.float() if x.dtype in _HALVES else x
