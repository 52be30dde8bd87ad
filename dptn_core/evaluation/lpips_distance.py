"""LPIPS: how far apart two images look to AlexNet (Zhang et al., CVPR 2018, version 0.1).

The convolutions are torchvision's AlexNet; the weights of the five layers' channels come with torchmetrics, whose own
class would download AlexNet by itself.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn

from ..checkpoint.weight_files import WeightFileError, fill, read_weights
from .metric_weights import ALEXNET

MIN_SIDE = 31  # pixels; below it nothing is left for AlexNet's third convolution
_LAYERS = (1, 4, 7, 9, 11)  # the five ReLUs of torchvision's alexnet().features
_CHANNELS = (64, 192, 384, 256, 256)
# ImageNet's mean and deviation for images in [-1, 1], with LPIPS' own rounding.
_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
_HEADS = Path("functional/image/lpips_models/alex.pth")  # within torchmetrics


class PerceptualDistance(nn.Module):
    """LPIPS with AlexNet; build it with `load`."""

    shift: Tensor
    scale: Tensor

    def __init__(self, features: nn.Sequential, heads: list[Tensor]) -> None:
        """Wrap torchvision's `alexnet().features` and the five layers' weights, (C,) each."""
        super().__init__()
        self.features = features[: max(_LAYERS) + 1]
        for layer in self.features:
            if isinstance(layer, nn.ReLU):
                layer.inplace = False
        self.register_buffer("shift", torch.tensor(_SHIFT).view(1, 3, 1, 1))
        self.register_buffer("scale", torch.tensor(_SCALE).view(1, 3, 1, 1))
        self.heads = nn.ParameterList(head.flatten() for head in heads)
        self.requires_grad_(False)
        self.eval()

    @classmethod
    def load(cls, path: Path, heads: Path | None = None) -> PerceptualDistance:
        """Read AlexNet's weights.

        Args:
            path: torchvision's `alexnet-owt-*.pth`, or a .safetensors of the same names.
            heads: the layers' weights in LPIPS' layout; None takes those that come with torchmetrics.

        Raises:
            WeightFileError: a file holds something else, or this torchmetrics brings no LPIPS weights.
        """
        from torchvision.models import alexnet

        with torch.device("meta"):  # the classifier, most of the network, is never used
            features = alexnet(weights=None).features
        features.to_empty(device="cpu")
        weights = read_weights(path, ALEXNET.what)
        named = {name.removeprefix("features."): value for name, value in weights.items() if "features." in name}
        fill(features, named, path, ALEXNET.what)
        return cls(features, _read_heads(heads or find_heads()))

    def forward(self, generated: Tensor, ground_truth: Tensor) -> Tensor:
        """Distances (B,) of images (B, 3, H, W) in [-1, 1], at least `MIN_SIDE` pixels a side."""
        total = generated.new_zeros(len(generated))
        for ours, theirs, head in zip(self._unit(generated), self._unit(ground_truth), self.heads, strict=True):
            total = total + ((ours - theirs).square() * head.view(1, -1, 1, 1)).sum(1).mean((1, 2))
        return total

    def _unit(self, image: Tensor) -> list[Tensor]:
        """Features of the five layers, each place of length 1."""
        found = []
        image = (image - self.shift) / self.scale
        for index, layer in enumerate(self.features):
            image = layer(image)
            if index in _LAYERS:
                found.append(image / (image.square().sum(1, keepdim=True) + 1e-8).sqrt())
        return found


def find_heads() -> Path:
    """Where torchmetrics keeps LPIPS' weights of AlexNet's layers.

    Raises:
        WeightFileError: it does not have them.
    """
    spec = find_spec("torchmetrics")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (path := Path(folder) / _HEADS).is_file():
            return path
    raise WeightFileError("torchmetrics brings no LPIPS weights here; pip install 'torchmetrics>=1.2'")


def _read_heads(path: Path) -> list[Tensor]:
    weights = read_weights(path, "LPIPS' weights of AlexNet's layers")
    heads = [weights.get(f"lin{layer}.model.1.weight") for layer in range(len(_LAYERS))]
    for head, channels in zip(heads, _CHANNELS, strict=True):
        if head is None or head.numel() != channels:
            raise WeightFileError(f"{path} does not hold LPIPS' weights of AlexNet's layers")
    return [head for head in heads if head is not None]
