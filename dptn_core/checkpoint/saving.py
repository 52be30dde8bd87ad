"""One way out: our .safetensors."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save

from ..system.files import written_beside
from .checkpoint_error import CheckpointError
from .model import DPTNModel, convert_weights


def save_model(path: str | Path, model: DPTNModel, dtype: torch.dtype = torch.float32) -> None:
    """Write a model as .safetensors, its metadata in the header.

    A file of that name is replaced at once when the new one is complete, and stays if anything fails.

    Args:
        path: Ends in .safetensors; its folder exists.
        model: On any device, in any precision.
        dtype: torch.float32, torch.float16 or torch.bfloat16; norms are written as fp32.

    Raises:
        CheckpointError: The path cannot be written to, or a weight is not a finite number in `dtype`. Nothing
            is left behind.
        ValueError: `dtype` is none of the three.
    """
    path = Path(path)
    check_target(path)
    try:
        weights = convert_weights(model.config, model.generator.state_dict(), dtype)
    except CheckpointError as error:
        raise CheckpointError(f"{path} was not written: {error}") from error
    tensors = {name: tensor.cpu().contiguous() for name, tensor in weights.items()}
    try:
        # Written by us, as `save_file` makes files that only their owner may read.
        with written_beside(path) as beside:
            beside.write_bytes(save(tensors, metadata=model.metadata.to_metadata()))
    except OSError as error:
        raise CheckpointError(
            f"{path} could not be written ({error.strerror or error}): check free space, permissions and whether a "
            "program has it open"
        ) from error


def check_target(path: Path) -> None:
    """Refuse a path that `save_model` could not write.

    Raises:
        CheckpointError: it does not end in .safetensors, names a folder, or its folder does not exist.
    """
    if path.suffix != ".safetensors":
        raise CheckpointError(
            f"expected a .safetensors file to write, got {path}: use {path.stem or 'model'}.safetensors"
        )
    if path.is_dir():
        raise CheckpointError(f"{path} is a folder: give the name of a file in it")
    if not path.parent.is_dir():
        raise CheckpointError(f"{path.parent} does not exist: create that folder, or write elsewhere")
