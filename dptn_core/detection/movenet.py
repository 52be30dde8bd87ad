"""MoveNet SinglePose Thunder as a PyTorch module: MobileNetV2, a feature pyramid and four heads.

After Google's model card ("MoveNet.SinglePose", 2021, Apache-2.0) and the graph published with it. The four maps have
a quarter of the image's resolution:

- ``heatmap``: where each of COCO's 17 keypoints is, of anybody;
- ``centre``: where people's centres are;
- ``regression``: from a centre, about where each keypoint of that person is;
- ``offset``: from a cell of the heat map, where in it the keypoint is.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

KEYPOINTS: Final = 17  # COCO's
STRIDE: Final = 4  # pixels of the image a cell of the maps
MULTIPLE: Final = 32  # pixels; sides of the images are multiples of it


@dataclass(frozen=True)
class MoveNetConfig:
    """Sizes of the network; the defaults are Thunder's.

    Attributes:
        stem: Channels of the first convolution.
        widths: Channels after each of the 17 inverted residuals.
        lateral: Channels of the pyramid's lateral convolutions, from the coarsest level to the finest.
        head: Channels inside each head.
    """

    stem: int = 56
    widths: tuple[int, ...] = (32, 40, 40, 56, 56, 56, 112, 112, 112, 112, 168, 168, 168, 280, 280, 280, 560)
    lateral: tuple[int, ...] = (64, 64, 32, 24)
    head: int = 96


class MoveNetMaps(NamedTuple):
    """What the network says of a batch; h, w are a quarter of the image's H, W."""

    heatmap: Tensor  # (B, 17, h, w) in 0..1
    centre: Tensor  # (B, 1, h, w) in 0..1
    regression: Tensor  # (B, 34, h, w) cells: y and x of each keypoint, in turns
    offset: Tensor  # (B, 34, h, w) cells: the same


# Strides of the 17 inverted residuals of MobileNetV2; those that keep size and width add their input.
_STRIDES: Final = (1, 2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1)
_TAPS: Final = (9, 5, 2)  # residuals whose outputs the pyramid takes, coarse to fine, beside the last
_EXPANSION: Final = 6
_LAST: Final = 1280  # channels


class MoveNet(nn.Module):
    """The network. Sides of its images are multiples of 32; 256x256 is what it was trained at."""

    def __init__(self, config: MoveNetConfig | None = None) -> None:
        super().__init__()
        config = config or MoveNetConfig()
        self.stem = _Conv(3, config.stem, 3, stride=2)
        self.blocks = nn.ModuleList()
        width = config.stem
        for number, (stride, out) in enumerate(zip(_STRIDES, config.widths, strict=True)):
            inside = width * _EXPANSION if number else width
            self.blocks.append(_InvertedResidual(width, inside, out, stride))
            width = out
        self.last = _Conv(width, _LAST, 1)
        inputs = (_LAST, *(config.widths[tap] for tap in _TAPS))
        self.lateral = nn.ModuleList(_Conv(i, o, 1) for i, o in zip(inputs, config.lateral, strict=True))
        merged = (*config.lateral[1:], config.lateral[-1])
        self.merge = nn.ModuleList(_Separable(i, o) for i, o in pairwise(merged))
        channels = {"heatmap": KEYPOINTS, "centre": 1, "regression": 2 * KEYPOINTS, "offset": 2 * KEYPOINTS}
        self.heads = nn.ModuleDict(
            {
                name: nn.Sequential(_Separable(merged[-1], config.head), _Conv(config.head, out, 1))
                for name, out in channels.items()
            }
        )

    def forward(self, image: Tensor) -> MoveNetMaps:
        """Look at a batch.

        Args:
            image: (B, 3, H, W) in [0, 1], RGB; H and W multiples of 32.

        Raises:
            ValueError: A side is no multiple of 32.
        """
        if image.shape[-1] % MULTIPLE or image.shape[-2] % MULTIPLE:
            raise ValueError(f"sides must be multiples of {MULTIPLE}, got {image.shape[-1]}x{image.shape[-2]}")
        x = functional.relu6(self.stem(image * 2 - 1))
        taps: dict[int, Tensor] = {}
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number in _TAPS:
                taps[number] = x
        x = self.lateral[0](functional.relu6(self.last(x)))
        for lateral, merge, tap in zip(self.lateral[1:], self.merge, _TAPS, strict=True):
            finer = taps[tap]
            x = functional.interpolate(x, size=finer.shape[-2:], mode="bilinear", align_corners=False)
            x = merge(x + lateral(finer))
        maps = {name: head(x) for name, head in self.heads.items()}
        return MoveNetMaps(maps["heatmap"].sigmoid(), maps["centre"].sigmoid(), maps["regression"], maps["offset"])


class _Conv(nn.Conv2d):
    """A convolution padded as TensorFlow's SAME does, for images of even sides."""

    def __init__(self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1, bias: bool = True):
        padding = kernel // 2 if stride == 1 else 0
        super().__init__(inputs, outputs, kernel, stride, padding, groups=groups, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        if self.stride[0] == 2:  # one row and column, at the end alone
            input = functional.pad(input, (0, 1, 0, 1))
        return super().forward(input)


class _Separable(nn.Module):
    """A depthwise convolution, then a pointwise one."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.depthwise = _Conv(inputs, inputs, 3, groups=inputs, bias=False)
        self.pointwise = _Conv(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.pointwise(self.depthwise(x)))


class _InvertedResidual(nn.Module):
    """MobileNetV2's block: expand, filter each channel, project."""

    def __init__(self, inputs: int, inside: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.expand = _Conv(inputs, inside, 1) if inside != inputs else None
        self.depthwise = _Conv(inside, inside, 3, stride=stride, groups=inside)
        self.project = _Conv(inside, outputs, 1)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y = x if self.expand is None else functional.relu6(self.expand(x))
        y = self.project(functional.relu6(self.depthwise(y)))
        return x + y if self.adds else y


def keypoints_at(maps: MoveNetMaps, batch: int, centre: tuple[int, int]) -> Tensor:
    """The keypoints of the person whose centre is a cell of the maps.

    Each is the heat map's peak, weighed by how near it is to where the centre's regression expects it.

    Args:
        maps: What the network said.
        batch: Which image of it.
        centre: The cell, (row, column).

    Returns:
        (17, 3) x, y in pixels of the image the network saw, and the height of the heat map, 0 to 1; in COCO's order.
    """
    heatmap = maps.heatmap[batch]
    height, width = heatmap.shape[-2:]
    row, column = centre
    expected = maps.regression[batch, :, row, column].view(KEYPOINTS, 2)
    rows = torch.arange(height, device=heatmap.device)[None] - (row + expected[:, :1])  # (17, h)
    columns = torch.arange(width, device=heatmap.device)[None] - (column + expected[:, 1:])  # (17, w)
    near = _nearness(rows[:, :, None], columns[:, None, :])
    place = (heatmap * near).flatten(1).argmax(dim=1)
    every = torch.arange(KEYPOINTS, device=heatmap.device)
    y, x = place // width, place % width
    fine = maps.offset[batch].view(KEYPOINTS, 2, height, width)[every, :, y, x]
    return torch.stack([(x + fine[:, 1]) * STRIDE, (y + fine[:, 0]) * STRIDE, heatmap[every, y, x]], dim=1)


def central_person(maps: MoveNetMaps, batch: int = 0) -> Tensor:
    """The keypoints of the person nearest to the middle, as the published graph decodes them; see `keypoints_at`."""
    centre = maps.centre[batch, 0]
    height, width = centre.shape
    rows = torch.arange(height, device=centre.device)[:, None] - height / 2
    columns = torch.arange(width, device=centre.device)[None] - width / 2
    best = int((centre * _nearness(rows, columns)).argmax())
    return keypoints_at(maps, batch, (best // width, best % width))


def _nearness(rows: Tensor, columns: Tensor) -> Tensor:
    return 1 / ((rows.square() + columns.square()).sqrt() + 1.8)  # cells; the graph's own constant
