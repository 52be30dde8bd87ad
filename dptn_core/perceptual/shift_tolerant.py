"""ST-LPIPS: how far apart two images look, where a shift of a pixel or two costs little.

Ghildyal and Liu, "Shift-tolerant Perceptual Similarity Metric", ECCV 2022. LPIPS (Zhang et al., CVPR 2018) whose
networks look at every pixel and blur before they leave any out: convolutions and max pooling have stride 1, and each
reduction is a 3x3 binomial filter of stride 2 over features that are continued by two reflected places.

A generated image whose person stands half a pixel off its target costs a pixel loss as much as one that is blurred, so
that blurring is what it learns. This distance tells the two apart, and that makes it a loss for sharp images.
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Final, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..checkpoint.weight_files import fill, read_weights

TrunkName = Literal["alexnet", "vgg16"]
SLICES: Final = 5  # of each network; after each one features are compared
MIN_SIDE: Final = 21  # pixels; below it nothing is left that AlexNet's last reduction could reflect

# LPIPS' own rounding of ImageNet's mean and deviation, for images in [-1, 1].
_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
# Features shorter than this have no direction. Below it the gradient of a direction is too large to be of use.
_NO_LENGTH = 1e-4


class ShiftTolerantDistance(nn.Module):
    """ST-LPIPS of AlexNet or VGG16, frozen; build it with `load`."""

    shift: Tensor
    scale: Tensor

    def __init__(self, trunk: TrunkName, slices: int = SLICES) -> None:
        """Set up an untrained network.

        Args:
            trunk: whose features are compared.
            slices: how many of the network's five, from the first; fewer see finer detail only, and are faster.

        Raises:
            ValueError: there are no such slices.
        """
        super().__init__()
        if not 1 <= slices <= SLICES:
            raise ValueError(f"expected 1 to {SLICES} slices of {trunk}, got {slices}")
        layout = _alexnet() if trunk == "alexnet" else _vgg16()
        self.slices = nn.ModuleList(_numbered(layout)[:slices])
        self.heads = nn.ParameterList(torch.zeros(_channels(part)) for part in layout[:slices])
        self.register_buffer("shift", torch.tensor(_SHIFT).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("scale", torch.tensor(_SCALE).view(1, 3, 1, 1), persistent=False)
        self.requires_grad_(False)
        self.eval()

    @classmethod
    def load(cls, path: Path, trunk: TrunkName, slices: int = SLICES) -> ShiftTolerantDistance:
        """Read the weights of PyPI's stlpips-pytorch.

        Raises:
            WeightFileError: the file holds something else.
        """
        what = f"ST-LPIPS of {trunk}"
        weights = read_weights(path, what)
        distance = cls(trunk, slices)
        kept = {f"heads.{n}": _head(weights.get(f"lin{n}.model.1.weight")) for n in range(slices)}
        for number in range(slices):
            begin = f"net.slice{number + 1}."
            for name, value in weights.items():
                if name.startswith(begin) and not name.endswith(".filt"):
                    kept[f"slices.{number}.{name.removeprefix(begin)}"] = value
        fill(distance, {name: value for name, value in kept.items() if value is not None}, path, what)
        # half the time of the usual layout on a CPU
        return distance.to(memory_format=torch.channels_last)

    def forward(self, image: Tensor, ground_truth: Tensor, weight: Tensor | None = None) -> Tensor:
        """Distances (B,), fp32, at least 0.

        Args:
            image: (B, 3, H, W) in [-1, 1]; gradients reach it. H and W are at least `MIN_SIDE`.
            ground truth: (B, 3, H, W) in [-1, 1]; nothing is learnt from it.
            weight: (B, 1, H, W), how much each pixel counts, at least 0; None: all the same, the published distance.
        """
        with torch.no_grad():  # the truth's graph would double the memory
            expected = self._directions(ground_truth)
        total = image.new_zeros(len(image), dtype=torch.float32)
        for ours, theirs, head in zip(self._directions(image), expected, self.heads, strict=True):
            apart = ((ours - theirs).square() * head.view(1, -1, 1, 1)).sum(1)  # (B, h, w)
            if weight is None:
                total = total + apart.mean((1, 2))
            else:
                weights = functional.adaptive_avg_pool2d(weight.float(), (apart.shape[1], apart.shape[2]))[:, 0]
                total = total + (apart * weights).sum((1, 2)) / weights.sum((1, 2)).clamp(min=1e-8)
        return total

    def _directions(self, image: Tensor) -> list[Tensor]:
        """Features after each slice, fp32, each place of length 1."""
        found = []
        image = (image - self.shift) / self.scale
        for part in self.slices:
            image = part(image)
            wide = image.float()  # squares of bf16 features would lose the difference of two that are alike
            # the square root of 0 has no gradient: clamped before, not after
            found.append(wide / wide.square().sum(1, keepdim=True).clamp(min=_NO_LENGTH**2).sqrt())
        return found


class _BlurHalf(nn.Module):
    """Half the size: two reflected places on every side, then the binomial 1-2-1 filter in steps of 2."""

    def forward(self, features: Tensor) -> Tensor:
        wide = functional.pad(features, (2, 2, 2, 2), mode="reflect")
        # 1-2-1 is a mean of two, twice
        return functional.avg_pool2d(functional.avg_pool2d(wide, 2, stride=1), 2, stride=2)


class _ConvolutionBlurHalf(nn.Conv2d):
    """A convolution and `_BlurHalf`, which are one convolution of stride 2: a third of the work, a quarter of the time.

    With C places c along an axis, result i blurs around c[2i - 1]. Reflection makes the first result the second one
    over again. If C is odd, the last is the one before it over again; if C is even, it is the mean of the last two c.
    """

    def forward(self, features: Tensor) -> Tensor:
        side, padding = int(self.kernel_size[0]), int(self.padding[0])
        wide = functional.pad(features, (padding,) * 4)
        even = [(wide.shape[axis] - side + 1) % 2 == 0 for axis in (2, 3)]
        three, two = self.weight.new_tensor([0.25, 0.5, 0.25]), self.weight.new_tensor([0.5, 0.5])
        whole, end = slice(None), slice(-side - 1, None)
        found = functional.conv2d(wide, self._blurred(three, three), self.bias, stride=2)

        def edge(down: slice, across: slice, vertical: Tensor, horizontal: Tensor) -> Tensor:
            """One row or column; in fp32, as oneDNN 3.12 answers wrongly in bf16 where the result is one wide."""
            with torch.autocast(features.device.type, enabled=False):
                strip = wide[:, :, down, across].float()
                row = functional.conv2d(strip, self._blurred(vertical, horizontal), self.bias, stride=2)
            return row.to(found.dtype)

        if even[1]:
            found = torch.cat([found, edge(whole, end, three, two)], 3)
        if even[0]:
            bottom = edge(end, whole, two, three)
            if even[1]:
                bottom = torch.cat([bottom, edge(end, end, two, two)], 3)
            found = torch.cat([found, bottom], 2)
        return functional.pad(found, (1, not even[1], 1, not even[0]), mode="replicate")

    def _blurred(self, vertical: Tensor, horizontal: Tensor) -> Tensor:
        """The kernels, each blurred by a filter of some places up and down and another across."""
        with torch.autocast(self.weight.device.type, enabled=False):
            each = self.weight.flatten(0, 1)[:, None]
            taps = torch.outer(vertical, horizontal)[None, None]
            wide = functional.conv2d(each, taps, padding=(len(vertical) - 1, len(horizontal) - 1))
        blurred = wide.view(*self.weight.shape[:2], *wide.shape[2:])
        return blurred.contiguous(memory_format=torch.channels_last)


def _convolution(inputs: int, outputs: int, kernel: int = 3, padding: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, kernel, padding=padding), nn.ReLU()]


def _reduction(kernel: int) -> list[nn.Module]:
    return [nn.MaxPool2d(kernel, stride=1), _BlurHalf()]


def _alexnet() -> list[list[nn.Module]]:
    return [
        [_ConvolutionBlurHalf(3, 64, 11, padding=2), nn.Identity(), nn.ReLU()],  # as many as in the file
        [*_reduction(3), *_convolution(64, 192, 5, 2)],
        [*_reduction(3), *_convolution(192, 384)],
        _convolution(384, 256),
        _convolution(256, 256),
    ]


def _vgg16() -> list[list[nn.Module]]:
    def block(inputs: int, outputs: int, count: int) -> list[nn.Module]:
        more = [layer for _ in range(count - 1) for layer in _convolution(outputs, outputs)]
        return [*_convolution(inputs, outputs), *more]

    return [
        block(3, 64, 2),
        [*_reduction(2), *block(64, 128, 2)],
        [*_reduction(2), *block(128, 256, 3)],
        [*_reduction(2), *block(256, 512, 3)],
        [*_reduction(2), *block(512, 512, 3)],
    ]


def _numbered(layout: list[list[nn.Module]]) -> list[nn.Sequential]:
    """The slices, their layers numbered through, as they are named in the weight files."""
    found, first = [], 0
    for part in layout:
        found.append(nn.Sequential(OrderedDict((str(first + n), layer) for n, layer in enumerate(part))))
        first += len(part)
    return found


def _channels(part: list[nn.Module]) -> int:
    return next(layer.out_channels for layer in reversed(part) if isinstance(layer, nn.Conv2d))


def _head(weight: Tensor | None) -> Tensor | None:
    return None if weight is None else weight.flatten()
