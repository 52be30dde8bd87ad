"""Normalisation whose statistics are always taken in fp32, whatever precision the network runs in."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .config import NormKind
from .precision import widened


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
        wide = widened(x)
        weight, bias = self.weight.to(wide.dtype), self.bias.to(wide.dtype)
        # A group of one channel is an instance.
        normalised = F.group_norm(wide, len(weight), weight, bias, self.eps)
        return normalised.to(x.dtype)


class BatchNorm(nn.BatchNorm2d):
    """Batch norm per channel of (B, C, H, W) features or (B, C, T) tokens."""

    def _check_input_dim(self, input: Tensor) -> None:
        """Accept tokens as well as features."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise each channel over batch and positions; keeps shape and dtype."""
        wide = widened(x)
        normalised: Tensor = super().forward(wide)
        return normalised.to(x.dtype)


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
