"""How large a network is."""

from __future__ import annotations

import torch
from torch import nn

from .generator import Generator
from .sizes import GeneratorConfig


def parameter_count(network: nn.Module) -> int:
    """Numbers that training changes, or would."""
    return sum(parameter.numel() for parameter in network.parameters())


def paper_parameter_count() -> int:
    """Of the generator at the paper's sizes, for comparison."""
    with torch.device("meta"):
        return parameter_count(Generator(GeneratorConfig()))
