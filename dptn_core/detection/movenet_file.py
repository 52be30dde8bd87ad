"""The built-in detector's weights, which ship."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import torch

from ..checkpoint.shipped_networks import ShippedWeightsError, load_shipped
from .movenet import MoveNet

MOVENET: Final = Path(__file__).parents[1] / "weights" / "movenet-thunder.safetensors"


class DetectionError(ValueError):
    """The detector cannot be loaded or used; the message names the file or value, what was found and the way out."""


def load_movenet(device: torch.device | str = "cpu", path: Path = MOVENET) -> MoveNet:
    """The built-in pose detector's network, fp32, in eval mode and without gradients.

    Args:
        device: Where to put it; it may be moved later.
        path: The weights; those that ship by default.

    Raises:
        DetectionError: The file is missing or damaged.
    """
    try:
        return load_shipped(MoveNet, path, device)
    except ShippedWeightsError as error:
        raise DetectionError(
            f"{path} cannot be read as the built-in detector's weights ({error}); install this package again"
        ) from error
