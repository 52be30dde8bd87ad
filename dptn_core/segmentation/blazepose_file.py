"""The person mask's weights, which ship."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import torch

from ..checkpoint.shipped_networks import ShippedWeightsError, load_shipped
from .blazepose import BlazePoseSegmenter

BLAZEPOSE: Final = Path(__file__).parents[1] / "weights" / "blazepose-mask.safetensors"


class SegmentationError(ValueError):
    """A person cannot be masked; the message names the file or value, what was found and the way out."""


def load_segmenter(device: torch.device | str = "cpu", path: Path = BLAZEPOSE) -> BlazePoseSegmenter:
    """The network of the person mask, fp32, in eval mode and without gradients.

    Args:
        device: Where to put it; it may be moved later.
        path: The weights; those that ship by default.

    Raises:
        SegmentationError: The file is missing or damaged.
    """
    try:
        return load_shipped(BlazePoseSegmenter, path, device)
    except ShippedWeightsError as error:
        raise SegmentationError(
            f"{path} cannot be read as the person mask's weights ({error}); install this package again"
        ) from error
