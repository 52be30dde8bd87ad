"""Normalisation whose statistics are always taken in fp32, whatever precision the network runs in."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, distributed, nn
from torch.nn import functional as F

from .mkl import on_plain_cpu
from .shared_batch_norm import batch_normalised
from .sizes import NormKind

_HALVES = (torch.float16, torch.bfloat16)


def upcast(x: Tensor) -> Tensor:
    """fp16 and bf16 as fp32; anything wider is returned as it is."""
    return x.float() if x.dtype in _HALVES else x


class InstanceNorm(nn.Module):
    """Affine instance norm over every position of a (B, C, ...) tensor, without running statistics.

    Written out rather than taken from `torch.nn.InstanceNorm2d`, which copies channels-last features to the
    contiguous layout and refuses half-precision input with fp32 parameters.
    """

    def __init__(self, features: int, eps: float = 1e-5) -> None:
        """Start as the identity on normalised input: weight 1, bias 0."""
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise each channel of each sample over its positions; keeps shape, dtype and layout."""
        # A group of one channel is an instance.
        if on_plain_cpu(x) and x.dtype == torch.bfloat16 and self.weight.dtype == torch.float32:
            # this kernel takes bf16 beside fp32 parameters and sums in fp32: no copies
            return F.group_norm(x, len(self.weight), self.weight, self.bias, self.eps)
        wide = upcast(x)
        weight, bias = self.weight.to(wide.dtype), self.bias.to(wide.dtype)
        normalised = F.group_norm(wide, len(weight), weight, bias, self.eps)
        return normalised.to(x.dtype)


class BatchNorm(nn.BatchNorm2d):
    """Batch norm per channel of (B, C, H, W) features or (B, C, T) tokens, over the batches of all processes."""

    def _check_input_dim(self, input: Tensor) -> None:
        """Accept tokens as well as features."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise each channel over batch and positions; keeps shape and dtype."""
        shared = self.training and distributed.is_available() and distributed.is_initialized()
        if shared and x.ndim == 4 and x.dtype == torch.bfloat16 and on_plain_cpu(x):
            known = self.running_mean is not None and self.running_var is not None
            running = (cast("Tensor", self.running_mean), cast("Tensor", self.running_var)) if known else None
            return batch_normalised(x, self.weight, self.bias, running, self.momentum or 0.0, self.eps)
        if shared:
            return self._over_processes(upcast(x)).to(x.dtype)
        # CPUs' and NVIDIA's kernels take half-precision input beside fp32 parameters and sum in fp32: no copies
        normalised: Tensor = super().forward(x if x.device.type in ("cpu", "cuda") else upcast(x))
        return normalised.to(x.dtype)

    def _over_processes(self, x: Tensor) -> Tensor:
        """As for one process with the batches of all: torch's SyncBatchNorm does that on some devices only."""
        from torch.distributed.nn.functional import (
            all_reduce,  # not in every build of torch, and only training wants it
        )

        axes = [axis for axis in range(x.ndim) if axis != 1]
        moments = torch.stack([x.mean(axes), x.square().mean(axes)])
        mean, square = all_reduce(moments) / distributed.get_world_size()
        variance = (square - mean.square()).clamp(min=0)
        if self.running_mean is not None and self.running_var is not None:
            with torch.no_grad():
                count = x.numel() // x.shape[1] * distributed.get_world_size()
                share = self.momentum or 0.0
                self.running_mean.lerp_(mean, share)
                self.running_var.lerp_(variance * (count / (count - 1)), share)
        scale = (variance + self.eps).rsqrt() * self.weight
        shape = [1, -1] + [1] * (x.ndim - 2)
        return x * scale.view(shape) + (self.bias - mean * scale).view(shape)


def make_norm(kind: NormKind, features: int) -> nn.Module:
    """Build the norm `kind` for (B, features, ...) tensors."""
    return InstanceNorm(features) if kind == "instance" else BatchNorm(features)


def keep_norms_fp32(module: nn.Module) -> None:
    """Put the parameters and statistics of every norm in `module` back to fp32, in place.

    Call it after `module.to(torch.bfloat16)` or `.half()`, and before the weights are loaded: what an earlier
    conversion rounded away does not come back.
    """
    for child in module.modules():
        if isinstance(child, InstanceNorm | BatchNorm):
            child.float()
