"""fp32 linear layers by oneDNN, where torch would take MKL and MKL is slow."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from .mkl import mkl_is_slow, on_plain_cpu


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`torch.nn.functional.linear`: (..., in), (out, in), (out) -> (..., out)."""
    if on_plain_cpu(x) and x.dtype == weight.dtype == torch.float32 and not torch.is_grad_enabled() and usable():
        return linear_fp32(x, weight, bias)
    return F.linear(x, weight, bias)


def usable() -> bool:
    """Whether oneDNN's linear layer is to be had here, and the faster one."""
    return mkl_is_slow() and torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")


def linear_fp32(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`linear` by oneDNN, without gradients; fp32 on a CPU only."""
    # torch.compile's own building block: there is no public way to it
    result: Tensor = torch.ops.mkldnn._linear_pointwise(x.contiguous(), weight, bias, "none", [], "")
    return result
