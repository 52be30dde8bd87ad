"""One way in for every model file: `load_model`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import torch

from .checkpoint_error import CheckpointError
from .inferred_sizes import check_layout, check_stated_config, infer_config
from .metadata import ModelMetadata
from .model import DPTNModel, build_generator
from .tensor_files import read_contents
from .tensor_names import Weights, recognise

STARTER: Final = Path(__file__).parent.parent / "weights" / "starter.safetensors"

_USUAL_HEADS: Final = 2
_AUTHORS_LICENCE: Final = (
    "Names are those of the authors' code, which is CC BY-NC 4.0; the weights carry no separate grant, so "
    "treat them as non-commercial."
)


def load_model(
    path: str | Path,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    heads: int | None = None,
) -> DPTNModel:
    """Load a generator from our .safetensors, an official .pth or a training checkpoint.

    What the file holds decides, not its suffix, and nothing in it is ever run. An official checkpoint may
    have `module.` in front of its names, say `transformer.` for `PTM.`, name tensors once or twice and lie
    in a dictionary under net_G, generator, state_dict, model or params. Its metadata is that of the authors'
    DeepFashion model: 256 x 256, sigma 6, stretched. Any of them can be changed by `dataclasses.replace`.
    Weights under our names without our metadata get the same, but framing "fit".

    Args:
        path: The file.
        device: Where the network goes.
        dtype: torch.float32, torch.float16 or torch.bfloat16; norms stay fp32.
        heads: Attention heads, where the file does not state them; None means 2, as the authors have.

    Returns:
        The model, in eval mode, its weights without gradients.

    Raises:
        CheckpointError: It cannot be used; the message names the file, what was found and the way out.
        ValueError: `dtype` is none of the three.
    """
    path = Path(path)
    try:
        contents = read_contents(path)
        weights = recognise(contents.tensors, path.name)
        metadata = contents.metadata
        if metadata is None:
            metadata = _assumed_metadata(weights, path.name, _USUAL_HEADS if heads is None else heads)
        else:
            check_stated_config(metadata.config, weights)
            _check_heads(heads, metadata)
        check_layout(weights, metadata.config)
        generator = build_generator(metadata.config, weights.tensors, device, dtype)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from error
    return DPTNModel(generator, metadata.training_size, metadata.heatmap_sigma, metadata.framing, metadata.provenance)


def starter_path() -> Path:
    """Path of the model that ships with the package.

    Raises:
        CheckpointError: This installation lacks it.
    """
    if not STARTER.is_file():
        raise CheckpointError(
            f"{STARTER}: the starter model is missing from this installation: install DPTN Pose Transfer "
            "again, or choose another model"
        )
    return STARTER


def _check_heads(heads: int | None, metadata: ModelMetadata) -> None:
    if heads not in (None, metadata.config.heads):
        raise CheckpointError(
            f"expected {metadata.config.heads} heads, as its metadata says, got {heads}: leave heads out"
        )


def _assumed_metadata(weights: Weights, file_name: str, heads: int) -> ModelMetadata:
    provenance = {
        "source file": file_name,
        "assumed": "The file states no training size, sigma, framing or heads; the usual ones were taken.",
    }
    if weights.official:
        provenance["licence"] = _AUTHORS_LICENCE
    config = infer_config(weights, heads)
    try:
        return ModelMetadata(config, (256, 256), 6.0, "stretch" if weights.official else "fit", provenance)
    except ValueError as error:  # a network so deep that 256 pixels do not make whole tokens
        raise CheckpointError(f"the sizes of the published models do not fit it: {error}") from error
