"""The person mask's weights, which ship."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

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
    with torch.device("meta"):  # its random initialisation would take longer than reading the file
        network = BlazePoseSegmenter()
    try:
        tensors = {name: value.float() for name, value in load_file(path).items()}
        network.load_state_dict(tensors, assign=True)
    except (OSError, SafetensorError, RuntimeError) as error:
        first = str(error).partition("\n")[0][:200]
        raise SegmentationError(
            f"{path} cannot be read as the person mask's weights ({first}); install this package again"
        ) from error
    return network.to(device).eval().requires_grad_(False)
