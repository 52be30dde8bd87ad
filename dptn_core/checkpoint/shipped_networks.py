"""Networks of others whose weights ship with this package."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

AnyNetwork = TypeVar("AnyNetwork", bound=nn.Module)


class ShippedWeightsError(ValueError):
    """Weights that ship cannot be read; the message is the reason."""


def load_shipped(build: Callable[[], AnyNetwork], path: Path, device: torch.device | str) -> AnyNetwork:
    """A network with the weights of a file, fp32, in eval mode and without gradients.

    Args:
        build: makes the network, with weights of any value.
        path: .safetensors whose names and shapes are the network's, in any precision.
        device: where to put it; it may be moved later.

    Raises:
        ShippedWeightsError: the file is missing or damaged.
    """
    with torch.device("meta"):  # a random initialisation would take longer than reading the file
        network = build()
    try:
        tensors = {name: value.float() for name, value in load_file(path).items()}
        network.load_state_dict(tensors, assign=True)
    except (OSError, SafetensorError, RuntimeError) as error:
        raise ShippedWeightsError(str(error).partition("\n")[0][:200]) from error
    return network.to(device).eval().requires_grad_(False)
