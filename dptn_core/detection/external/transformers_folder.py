"""A network and its image processor out of a local folder in the layout of Hugging Face transformers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from .extraction_error import ExtractionError, first_line
from .optional_packages import optional_package, version_of
from .wanted_weights import is_there

_CONFIG: Final = "config.json"
_INSTALL: Final = "ViTPose needs transformers 4.48 or later: run `pip install -U transformers`"
_AGAIN: Final = "download the folder again"
_WEIGHTS: Final = ("model.safetensors", "model.safetensors.index.json")


def load_folder(folder: Path, kind: str, network_class: str, processor_class: str) -> tuple[Any, Any]:
    """Load both from files alone: no network access, no pickled code, no code out of the folder.

    Args:
        folder: Holds config.json, model.safetensors and preprocessor_config.json.
        kind: The `model_type` its config must name.
        network_class: The name in transformers.
        processor_class: The same for its image processor.

    Returns:
        The network, on the CPU, and the processor.

    Raises:
        ExtractionError: Something is missing, damaged or of another kind, or transformers is missing or too old.
    """
    _check_files(folder)
    _check_config(folder, kind)
    network_type, processor_type = _class(network_class), _class(processor_class)
    try:
        processor = processor_type.from_pretrained(str(folder), local_files_only=True)
        network, report = network_type.from_pretrained(
            str(folder), local_files_only=True, use_safetensors=True, output_loading_info=True
        )
    except Exception as error:  # transformers raises whatever the step that failed did
        raise ExtractionError(
            f"{folder}: transformers {version_of('transformers')} cannot load it ({first_line(error)}); a file is "
            f"cut short or damaged: {_AGAIN}"
        ) from error
    # It would go on with random numbers in their place.
    absent = sorted(str(name) for name in [*report["missing_keys"], *report["mismatched_keys"]])
    if absent:
        raise ExtractionError(
            f"{folder}: the weights do not belong to the config, {len(absent)} tensors are missing or of another "
            f"shape, {absent[0]} first: {_AGAIN}"
        )
    return network, processor


def _check_files(folder: Path) -> None:
    if not folder.is_dir():
        found = "is a file" if folder.exists() else "does not exist"
        raise ExtractionError(
            f"{folder} {found}: give the folder that holds config.json, model.safetensors and preprocessor_config.json"
        )
    absent = [name for name in (_CONFIG, "preprocessor_config.json") if not is_there(folder / name)]
    if not any(is_there(folder / name) for name in _WEIGHTS):
        absent.append(_WEIGHTS[0])
    if not absent:
        return
    pickled = " (pytorch_model.bin is not read: pickled files can run code)" if any(folder.glob("*.bin")) else ""
    raise ExtractionError(f"{folder} lacks {' and '.join(absent)}, or they are empty{pickled}: {_AGAIN}, all of it")


def _check_config(folder: Path, kind: str) -> None:
    try:
        config = json.loads((folder / _CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ExtractionError(f"{folder / _CONFIG} cannot be read ({first_line(error)}): {_AGAIN}") from error
    found = config.get("model_type") if isinstance(config, dict) else None
    if found != kind:
        raise ExtractionError(f"{folder} holds a model of type {found!r}, not {kind!r}: choose another folder")
    if config.get("backbone") or config.get("use_pretrained_backbone"):
        raise ExtractionError(
            f"{folder / _CONFIG} names a second model ({config.get('backbone')!r}) to download, which the pack does "
            "not do: choose a complete folder"
        )


def _class(name: str) -> Any:
    transformers = optional_package("transformers", _INSTALL)
    try:
        return getattr(transformers, name)
    except AttributeError:
        raise ExtractionError(f"transformers {version_of('transformers')} has no {name}: {_INSTALL}") from None
    except Exception as error:  # it imports on first use, and reports failures in its own way
        raise ExtractionError(
            f"{name} of transformers {version_of('transformers')} does not import ({first_line(error)}): {_INSTALL}"
        ) from error
