"""A tiny generator with weights that show every term, and inputs for it."""

from __future__ import annotations

import torch
from torch import Tensor

from dptn_core.network import Generator, GeneratorConfig

TINY = GeneratorConfig(pose_channels=5, base_features=8, max_features=32, residual_blocks=1)
Inputs = tuple[Tensor, Tensor, Tensor]


def build(config: GeneratorConfig = TINY) -> Generator:
    torch.manual_seed(0)
    generator = Generator(config).eval()
    for name, tensor in generator.state_dict().items():
        if name.endswith("running_mean"):
            tensor.normal_(std=0.1)
        elif name.endswith("running_var"):
            tensor.uniform_(0.5, 1.5)
        elif "norm" in name and name.endswith((".weight", ".bias")):
            tensor.add_(0.1 * torch.randn_like(tensor))
    return generator


def inputs(config: GeneratorConfig = TINY, batch: int = 2, size: tuple[int, int] = (64, 48)) -> Inputs:
    random = torch.Generator().manual_seed(1)
    image = torch.rand(batch, config.image_channels, *size, generator=random) * 2 - 1
    source, target = (torch.rand(batch, config.pose_channels, *size, generator=random) for _ in range(2))
    return image, source, target
