"""The segmentation half of BlazePose GHUM Full as a PyTorch module: an encoder of inverted residuals, a light decoder.

After Google's model card ("BlazePose GHUM 3D", 2021, Apache-2.0) and the graph published with it; the heads for
keypoints are left out.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from torch import Tensor, nn
from torch.nn import functional

SIZE: Final = 256  # pixels a side of what the network sees


class _Block(NamedTuple):
    """One inverted residual."""

    inside: int  # channels
    kernel: int
    stride: int
    outputs: int


_STEM, _FIRST = 24, 16  # channels
_BLOCKS: Final = (
    _Block(64, 3, 2, 24),
    _Block(144, 3, 1, 24),  # 64x64
    _Block(144, 5, 2, 32),
    _Block(192, 5, 1, 32),  # 32x32
    _Block(192, 3, 2, 64),
    _Block(384, 3, 1, 64),
    _Block(384, 3, 1, 64),
    _Block(384, 5, 1, 88),
    _Block(528, 5, 1, 88),
    _Block(528, 5, 1, 88),  # 16x16
    _Block(528, 5, 2, 144),
    _Block(864, 5, 1, 144),
    _Block(864, 5, 1, 144),
    _Block(864, 5, 1, 144),  # 8x8
)
_TAPS: Final = (9, 3, 1)  # blocks whose outputs the decoder adds, coarse to fine
_LAST: Final = 864  # channels
_WIDE, _NARROW = 48, 8  # channels of the decoder, below and from half the size on


class BlazePoseSegmenter(nn.Module):
    """The network. It expects one person in the middle of a square image, upright."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = _conv(3, _STEM, 3, stride=2)
        self.first = nn.Sequential(_conv(_STEM, _STEM, 3, groups=_STEM), nn.ReLU6(), _conv(_STEM, _FIRST, 1))
        self.blocks = nn.ModuleList()
        width = _FIRST
        for block in _BLOCKS:
            self.blocks.append(_InvertedResidual(width, block))
            width = block.outputs
        self.last = nn.Sequential(
            *(_conv(width, _LAST, 1), nn.ReLU6()), *(_conv(_LAST, _LAST, 3, groups=_LAST), nn.ReLU6())
        )
        self.lateral = nn.ModuleList(
            _separable(inputs, _WIDE) for inputs in (_LAST, *(_BLOCKS[tap].outputs for tap in _TAPS))
        )
        self.narrow = _separable(_WIDE, _NARROW)
        self.finest = _separable(_FIRST, _NARROW)
        self.refine_half = nn.Sequential(_Refinement(_NARROW), _Refinement(_NARROW))
        self.refine_full = nn.Sequential(_Refinement(_NARROW), _Refinement(_NARROW))
        self.mask = _conv(_NARROW, 1, 3)

    def forward(self, image: Tensor) -> Tensor:
        """Where the person is.

        Args:
            image: (B, 3, 256, 256) in [0, 1], RGB.

        Returns:
            (B, 1, 256, 256), 0 to 1.
        """
        finest = self.first(functional.relu6(self.stem(image)))
        x, taps = finest, []
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number in _TAPS:
                taps.append(x)
        x = self.lateral[0](self.last(x))
        for lateral, tap in zip(self.lateral[1:], reversed(taps), strict=True):
            x = _doubled(x) + lateral(tap)
        x = _doubled(self.narrow(x)) + self.finest(finest)
        x = self.refine_full(_doubled(self.refine_half(x)))
        return self.mask(x).sigmoid()


class _InvertedResidual(nn.Module):
    """Expand, filter each channel, project."""

    def __init__(self, inputs: int, block: _Block) -> None:
        super().__init__()
        self.expand = _conv(inputs, block.inside, 1)
        self.depthwise = _conv(block.inside, block.inside, block.kernel, stride=block.stride, groups=block.inside)
        self.project = _conv(block.inside, block.outputs, 1)
        self.adds = block.stride == 1 and inputs == block.outputs

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu6(self.depthwise(functional.relu6(self.expand(x))))
        y = self.project(y)
        return x + y if self.adds else y


class _Refinement(nn.Module):
    """A separable convolution that adds to its input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.depthwise = _conv(width, width, 3, groups=width)
        self.pointwise = _conv(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu6(x + self.pointwise(functional.relu6(self.depthwise(x))))


def _conv(inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups)


def _separable(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(_conv(inputs, inputs, 3, groups=inputs), nn.ReLU6(), _conv(inputs, outputs, 1), nn.ReLU6())


def _doubled(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
