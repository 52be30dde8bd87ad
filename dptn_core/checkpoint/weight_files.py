"""Files of weights: read without running anything in them, put into networks whole or not at all."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from .checkpoint_error import CheckpointError
from .tensor_files import read_contents


class WeightFileError(ValueError):
    """Weights that were asked for are not there or are something else; the message names file and way out."""


def read_weights(path: Path, what: str) -> dict[str, Tensor]:
    """Tensors of a .pth or .safetensors file by name, on the CPU; nothing in it is run.

    Raises:
        WeightFileError: it holds something else.
    """
    try:
        return dict(read_contents(path).tensors)
    except CheckpointError as error:
        raise WeightFileError(f"{path} does not hold {what}: {error}") from error


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
