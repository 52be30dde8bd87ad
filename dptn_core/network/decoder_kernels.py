"""Two stages of the decoder the way CPUs compute them fastest; GPUs have kernels for the plain way."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F


def doubled(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Transposed convolution of kernel 3, stride 2: (B, in, H, W), (in, out, 3, 3), (out) -> (B, out, 2H, 2W).

    oneDNN takes the bias' gradient of this one in plain scalar code, longer than the rest of the backward pass; here
    it is a product.
    """
    raised = F.conv_transpose2d(x, weight, bias.detach(), stride=2, padding=1, output_padding=1)
    learns = torch.is_grad_enabled() and bias.requires_grad
    return _WithBiasGradient.apply(raised, bias) if learns else raised


def activated_and_padded(x: Tensor, slope: float) -> Tensor:
    """LeakyReLU, then one reflected pixel around: (B, C, H, W) -> (B, C, H + 2, W + 2), channels-last.

    Torch's padding walks through contiguous features only, so channels-last ones are copied there and back.
    """
    result: Tensor = _ActivatedAndPadded.apply(x, slope)
    return result


class _WithBiasGradient(torch.autograd.Function):
    """Features whose bias was added already: the identity, with the bias' gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, bias: Tensor) -> Tensor:
        ctx.dtype = bias.dtype
        return x.view_as(x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        rows = gradient.permute(0, 2, 3, 1).flatten(0, 2)  # B * H * W, C
        return gradient, (rows.new_ones(1, len(rows)) @ rows)[0].to(ctx.dtype)  # products sum in fp32


class _ActivatedAndPadded(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, slope: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.slope = slope
        batch, channels, height, width = x.shape
        # (not new_empty, which has no memory_format)
        padded = torch.empty((batch, channels, height + 2, width + 2), dtype=x.dtype, memory_format=torch.channels_last)
        padded[:, :, 1:-1, 1:-1] = F.leaky_relu(x, slope)
        for side, reflected in ((0, 2), (-1, -3)):
            padded[:, :, side, 1:-1] = padded[:, :, reflected, 1:-1]
        for side, reflected in ((0, 2), (-1, -3)):
            padded[:, :, :, side] = padded[:, :, :, reflected]
        return padded

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors

        def through_activation(gradient: Tensor, x: Tensor) -> Tensor:
            result: Tensor = torch.ops.aten.leaky_relu_backward(gradient, x, ctx.slope, False)
            return result

        result = through_activation(gradient[:, :, 1:-1, 1:-1], x)
        # what arrived at the padding goes to the pixels it shows
        for side, shown in ((0, 1), (-1, -2)):
            row = _unpadded(gradient[:, :, side])
            result[:, :, shown] += through_activation(row, x[:, :, shown])
            result[:, :, :, shown] += through_activation(gradient[:, :, 1:-1, side], x[:, :, :, shown])
        return result, None


def _unpadded(row: Tensor) -> Tensor:
    """(B, C, W + 2), a row's gradient, with both ends added to the pixels they show: (B, C, W)."""
    inner = row[..., 1:-1].clone()
    inner[..., 1] += row[..., 0]
    inner[..., -2] += row[..., -1]
    return inner
