"""The carrier's weights, which ship."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import torch

from ..checkpoint.shipped_networks import ShippedWeightsError, load_shipped
from ..network.carrier import Carrier

CARRIER: Final = Path(__file__).parents[1] / "weights" / "carrier.safetensors"


class TextureError(ValueError):
    """The carrier cannot be loaded; the message names the file or value, what was found and the way out."""


def load_carrier(device: torch.device | str = "cpu", path: Path = CARRIER) -> Carrier:
    """The carrier, fp32, in eval mode and without gradients.

    Args:
        device: where to put it; it may be moved later.
        path: the weights; those that ship by default.

    Raises:
        TextureError: the file is missing, damaged or holds something else.
    """
    try:
        return load_shipped(Carrier, path, device)
    except ShippedWeightsError as error:
        raise TextureError(
            f"{path} cannot be read as the carrier's weights ({error}); install this package again"
        ) from error
