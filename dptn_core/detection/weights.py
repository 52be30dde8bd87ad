"""The built-in detector's weights, which ship."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from .movenet import MoveNet

MOVENET: Final = Path(__file__).parents[1] / "weights" / "movenet-thunder.safetensors"


class DetectionError(ValueError):
    """Nobody can be looked for; the message names the file or value, what was found and the way out."""


def load_movenet(device: torch.device | str = "cpu", path: Path = MOVENET) -> MoveNet:
    """The built-in pose detector's network, fp32, in eval mode and without gradients.

    Args:
        device: Where to put it; it may be moved later.
        path: The weights; those that ship by default.

    Raises:
        DetectionError: The file is missing or damaged.
    """
    with torch.device("meta"):  # its random initialisation would take longer than reading the file
        network = MoveNet()
    try:
        tensors = {name: value.float() for name, value in load_file(path).items()}
        network.load_state_dict(tensors, assign=True)
    except (OSError, SafetensorError, RuntimeError) as error:
        first = str(error).partition("\n")[0][:200]
        raise DetectionError(
            f"{path} cannot be read as the built-in detector's weights ({first}); install this package again"
        ) from error
    return network.to(device).eval().requires_grad_(False)
