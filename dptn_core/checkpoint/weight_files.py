"""Files of weights: read without running anything in them, put into networks whole or not at all."""

from __future__ import annotations

from pathlib import Path
from pickle import UnpicklingError  # only the error; nothing is unpickled as code

import torch
from torch import Tensor, nn


class WeightFileError(ValueError):
    """Weights that were asked for are not there or are something else; the message names file and way out."""


def read_weights(path: Path, what: str) -> dict[str, Tensor]:
    """Tensors of a .pth or .safetensors file by name, on the CPU; nothing in it is run.

    Raises:
        WeightFileError: it holds something else.
    """
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            found = load_file(path)
        else:
            found = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(found, dict) or not all(isinstance(value, Tensor) for value in found.values()):
            raise ValueError("it holds no tensors by name")
    except Exception as error:
        said = str(error).partition("\n")[0][:200]
        if isinstance(error, UnpicklingError):
            said = "it holds more than weights, or is damaged"
        raise WeightFileError(f"{path} does not hold {what}: {said}") from error
    return dict(found)


def fill(network: nn.Module, weights: dict[str, Tensor], path: Path, what: str) -> None:
    """Put weights into a network, all of them.

    Raises:
        WeightFileError: names or shapes do not fit.
    """
    try:
        network.load_state_dict(weights, strict=True)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:300]
        raise WeightFileError(f"{path} does not hold {what}: {reason}") from error
