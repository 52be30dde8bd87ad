"""ST-LPIPS with random weights, laid out as the package lays out its own."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

# A network as the file names it: convolutions of each slice by number, (outputs, inputs, kernel).
LAYERS = {
    "alexnet": [
        {0: (64, 3, 11)},
        {5: (192, 64, 5)},
        {9: (384, 192, 3)},
        {11: (256, 384, 3)},
        {13: (256, 256, 3)},
    ],
    "vgg16": [
        {0: (64, 3, 3), 2: (64, 64, 3)},
        {6: (128, 64, 3), 8: (128, 128, 3)},
        {12: (256, 128, 3), 14: (256, 256, 3), 16: (256, 256, 3)},
        {20: (512, 256, 3), 22: (512, 512, 3), 24: (512, 512, 3)},
        {28: (512, 512, 3), 30: (512, 512, 3), 32: (512, 512, 3)},
    ],
}


def random_weights(trunk: str) -> dict[str, Tensor]:
    """A file as the package's: trunk, heads, its filters and its scaling among them."""
    source = torch.Generator().manual_seed(5)
    weights = {"scaling_layer.shift": torch.zeros(1, 3, 1, 1), "net.slice1.1.filt": torch.zeros(64, 1, 3, 3)}
    for number, part in enumerate(LAYERS[trunk]):
        for place, (outputs, inputs, kernel) in part.items():
            spread = (2 / (inputs * kernel**2)) ** 0.5
            name = f"net.slice{number + 1}.{place}"
            weights[f"{name}.weight"] = torch.randn(outputs, inputs, kernel, kernel, generator=source) * spread
            weights[f"{name}.bias"] = torch.randn(outputs, generator=source) * 0.05
        weights[f"lin{number}.model.1.weight"] = torch.rand(1, outputs, 1, 1, generator=source)
    return weights


def random_file(folder: Path, trunk: str) -> Path:
    torch.save(random_weights(trunk), folder / f"{trunk}.pth")
    return folder / f"{trunk}.pth"
