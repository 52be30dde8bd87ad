"""A small Fréchet distance, of MobileNetV2's features: for a few hundred images, and not comparable with FID.

FID's 2048 features want ten thousand images. These are the 96 that torchvision's MobileNetV2 has at a sixteenth of
the image's size, averaged over the image: few enough that a few hundred images say something, and computed in a
tenth of the time. Its numbers compare with each other only, between equal numbers of images.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..checkpoint.weight_files import fill, read_weights

FEATURES = 96
_BLOCKS = 14  # of torchvision's mobilenet_v2().features; the next one halves the size again
_SIDE = 224
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class MobileNetFeatures(nn.Module):
    """The 96 pooled features of MobileNetV2's middle; build it with `load`."""

    mean: Tensor
    deviation: Tensor
    features = FEATURES

    def __init__(self, blocks: nn.Module) -> None:
        """Wrap the first blocks of torchvision's `mobilenet_v2().features`."""
        super().__init__()
        self.blocks = blocks
        self.register_buffer("mean", torch.tensor(_MEAN).view(3, 1, 1))
        self.register_buffer("deviation", torch.tensor(_DEVIATION).view(3, 1, 1))
        self.requires_grad_(False)
        self.eval()

    @classmethod
    def load(cls, path: Path) -> MobileNetFeatures:
        """Read torchvision's `mobilenet_v2-*.pth`, or a .safetensors of the same names.

        Raises:
            WeightFileError: the file holds something else.
        """
        from torchvision.models import mobilenet_v2

        what = "torchvision's MobileNetV2"
        with torch.device("meta"):
            blocks = mobilenet_v2(weights=None).features[:_BLOCKS]
        blocks.to_empty(device="cpu")
        begin = "features."
        named = {
            name.removeprefix(begin): value
            for name, value in read_weights(path, what).items()
            if name.startswith(begin) and int(name.split(".")[1]) < _BLOCKS
        }
        fill(blocks, named, path, what)
        return cls(blocks)

    def prepared(self, image: Tensor) -> Tensor:
        """(3, H, W) in [0, 1] as MobileNetV2 sees it, (3, 224, 224)."""
        square = functional.interpolate(image[None], (_SIDE, _SIDE), mode="bilinear", antialias=True)
        normalised: Tensor = (square[0] - self.mean) / self.deviation
        return normalised

    def forward(self, prepared: Tensor) -> Tensor:
        """(B, 3, 224, 224) from `prepared` -> (B, 96)."""
        maps: Tensor = self.blocks(prepared.contiguous(memory_format=torch.channels_last))
        return maps.mean((2, 3))
