"""Batch norm over the batches of several processes on CPUs, by the same kernels as that of one process.

Torch's SyncBatchNorm is for GPUs. What crosses between processes is a mean and a variance a channel on the way there,
and two sums a channel on the way back; the result is that of one process with all batches.

bf16 only: torch's kernels add up channels-last features one by one, which leaves the mean off by 3e-5 of the deviation
in fp32, where more is expected.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, distributed
from torch.autograd.function import once_differentiable


def batch_normalised(
    x: Tensor, weight: Tensor, bias: Tensor, running: tuple[Tensor, Tensor] | None, momentum: float, eps: float
) -> Tensor:
    """Normalise each channel of (B, C, H, W) over the batches of all processes, which must be of the same size.

    Args:
        x: on a CPU, bf16 beside fp32 parameters.
        weight: (C).
        bias: (C).
        running: mean and variance, (C) each, that are moved towards those of this step, in place.
        momentum: how far.
        eps: added to the variance.
    """
    normalised, mean, variance = _OverProcesses.apply(x, weight, bias, eps)
    if running is not None:
        count = x.numel() // x.shape[1] * distributed.get_world_size()
        with torch.no_grad():
            running[0].lerp_(mean, momentum)
            running[1].lerp_(variance * (count / max(count - 1, 1)), momentum)
    result: Tensor = normalised
    return result


class _OverProcesses(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor]:
        unused = torch.zeros_like(weight)  # running statistics: they decide in which format the answer is
        own_mean, own_variance = torch.batch_norm_update_stats(x, unused, unused, 0.0)
        # in fp64, since the difference of large squares is small
        moments = torch.stack([own_mean.double(), own_variance.double() + own_mean.double().square()])
        distributed.all_reduce(moments)
        mean, square = moments / distributed.get_world_size()
        variance = (square - mean.square()).clamp_(min=0).to(own_mean)
        mean = mean.to(own_mean)
        ctx.eps = eps
        ctx.save_for_backward(x, weight, mean, variance)
        ctx.mark_non_differentiable(mean, variance)
        return _normalised(x, weight, bias, mean, variance, eps), mean, variance

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor, *_: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        x, weight, mean, variance = ctx.saved_tensors
        # as if mean and variance were constants, and what that leaves out
        x_gradient, weight_gradient, bias_gradient = torch.ops.aten.native_batch_norm_backward(
            gradient, x, weight, mean, variance, None, None, False, ctx.eps, [True, True, True]
        )
        sums = torch.stack([weight_gradient, bias_gradient])
        distributed.all_reduce(sums)
        count = x.numel() // x.shape[1] * distributed.get_world_size()
        through_variance, through_mean = sums * (-weight / (count * (variance + ctx.eps).sqrt()))
        x_gradient += _normalised(x, through_variance, through_mean, mean, variance, ctx.eps)
        return x_gradient, weight_gradient, bias_gradient, None


def _normalised(x: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, variance: Tensor, eps: float) -> Tensor:
    result: Tensor = torch.native_batch_norm(x, weight, bias, mean, variance, False, 0.0, eps)[0]
    return result
