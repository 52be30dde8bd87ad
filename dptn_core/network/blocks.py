"""Convolutional blocks of the generator (paper section 3.2): pre-activation, as in a residual network."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .decoder_kernels import activated_and_padded, doubled
from .mkl import on_plain_cpu
from .norms import make_norm
from .sizes import NormKind

NEGATIVE_SLOPE = 0.1  # of every LeakyReLU in both networks


def activate(x: Tensor) -> Tensor:
    """LeakyReLU as used everywhere in both networks."""
    return F.leaky_relu(x, NEGATIVE_SLOPE)


def activate_fresh(x: Tensor) -> Tensor:
    """`activate` in the place of a tensor that nobody else holds, which saves a walk through memory.

    A norm's output is such a tensor: its gradient needs the input only.
    """
    return F.leaky_relu_(x, NEGATIVE_SLOPE)


class FirstEncoderBlock(nn.Module):
    """Image and heat maps to features of half the size; the image itself is not normalised."""

    def __init__(self, in_channels: int, features: int, norm: NormKind) -> None:
        """Build for `in_channels` input channels."""
        super().__init__()
        self.down = nn.Conv2d(in_channels, features, kernel_size=4, stride=2, padding=1)
        self.norm = make_norm(norm, features)
        self.refine = nn.Conv2d(features, features, kernel_size=3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, H, W) -> (B, features, H/2, W/2)."""
        return self.finish(self.down(x))

    def leading(self, x: Tensor) -> Tensor:
        """Share of the first convolution, bias included, that the leading input channels contribute.

        A convolution is linear, so `leading(a) + trailing(b)` equals the convolution of `cat([a, b], dim=1)`.

        Args:
            x: (B, C, H, W), the first C of the block's input channels.

        Returns:
            (B, features, H/2, W/2), to be completed by `trailing`.
        """
        return F.conv2d(x, self.down.weight[:, : x.shape[1]], self.down.bias, stride=2, padding=1)

    def trailing(self, x: Tensor) -> Tensor:
        """Share of the first convolution that the trailing input channels contribute, without bias."""
        return F.conv2d(x, self.down.weight[:, -x.shape[1] :], stride=2, padding=1)

    def finish(self, convolved: Tensor) -> Tensor:
        """Run what follows the first convolution: norm, activation, second convolution."""
        refined: Tensor = self.refine(activate_fresh(self.norm(convolved)))
        return refined


class EncoderBlock(nn.Module):
    """Features to features of half the size."""

    def __init__(self, in_features: int, features: int, norm: NormKind) -> None:
        """Build for `in_features` channels in and `features` out."""
        super().__init__()
        self.norm_1 = make_norm(norm, in_features)
        self.down = nn.Conv2d(in_features, features, kernel_size=4, stride=2, padding=1)
        self.norm_2 = make_norm(norm, features)
        self.refine = nn.Conv2d(features, features, kernel_size=3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_features, H, W) -> (B, features, H/2, W/2)."""
        x = self.down(activate_fresh(self.norm_1(x)))
        x = self.refine(activate_fresh(self.norm_2(x)))
        return x


class ResidualBlock(nn.Module):
    """Two convolutions beside a learned 1x1 bypass."""

    def __init__(self, features: int, norm: NormKind) -> None:
        """Build for `features` channels in and out."""
        super().__init__()
        self.norm_1 = make_norm(norm, features)
        self.convolution_1 = nn.Conv2d(features, features, kernel_size=3, padding=1)
        self.norm_2 = make_norm(norm, features)
        self.convolution_2 = nn.Conv2d(features, features, kernel_size=3, padding=1)
        self.bypass = nn.Conv2d(features, features, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, features, H, W) -> the same shape."""
        change: Tensor = self.convolution_1(activate_fresh(self.norm_1(x)))
        change = self.convolution_2(activate_fresh(self.norm_2(change)))
        return change.add_(self.bypass(x))


class DecoderBlock(nn.Module):
    """Features to features of twice the size, beside a learned upsampling bypass."""

    def __init__(self, in_features: int, features: int, norm: NormKind) -> None:
        """Build for `in_features` channels in and `features` out."""
        super().__init__()
        self.norm_1 = make_norm(norm, in_features)
        self.convolution = nn.Conv2d(in_features, features, kernel_size=3, padding=1)
        self.norm_2 = make_norm(norm, features)
        self.up = _doubling_convolution(features, features)
        self.bypass = _doubling_convolution(in_features, features)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_features, H, W) -> (B, features, 2H, 2W)."""
        raised: Tensor = self.convolution(activate_fresh(self.norm_1(x)))
        raised = activate_fresh(self.norm_2(raised))
        if on_plain_cpu(x):
            # the sum of two convolutions is one of both inputs
            both = torch.cat([raised, x.to(raised.dtype)], dim=1)
            weight = torch.cat([self.up.weight, self.bypass.weight])
            return doubled(both, weight, cast("Tensor", self.up.bias) + cast("Tensor", self.bypass.bias))
        # full-size features: a sum in place spares the largest tensor of the network a second copy
        raised = self.up(raised)
        return raised.add_(self.bypass(x))


class OutputBlock(nn.Module):
    """Features to an image."""

    def __init__(self, features: int, image_channels: int) -> None:
        """Build for `features` channels in and `image_channels` out."""
        super().__init__()
        self.convolution = nn.Conv2d(features, image_channels, kernel_size=3)

    def forward(self, x: Tensor) -> Tensor:
        """(B, features, H, W) -> (B, image_channels, H, W) in [-1, 1]."""
        if on_plain_cpu(x):
            padded = activated_and_padded(x, NEGATIVE_SLOPE)
        else:
            padded = F.pad(activate(x), (1, 1, 1, 1), mode="reflect")
        image: Tensor = self.convolution(padded).tanh()
        return image


def _doubling_convolution(in_features: int, features: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(in_features, features, kernel_size=3, stride=2, padding=1, output_padding=1)
