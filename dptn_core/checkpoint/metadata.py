"""What must be known about trained weights besides the weights, and how it is written into files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from ..network import GeneratorConfig
from .checkpoint_error import CheckpointError, shortened

Framing = Literal["fit", "stretch"]

FORMAT_VERSION: Final = 1
MAX_TRAINING_SIDE: Final = 2048  # pixels; attention over the tokens of larger images does not end
_MAX_PROVENANCE: Final = 100_000  # characters in all
_NAMES: Final = ("config", "training_size", "heatmap_sigma", "framing", "provenance")
_PREFIX: Final = "dptn."  # of our keys in the metadata of a .safetensors file; others may add their own


@dataclass(frozen=True)
class ModelMetadata:
    """Everything about a model but its weights; a training checkpoint keeps `to_dict()` as "model_facts".

    Attributes:
        config: Sizes of the generator.
        training_size: (H, W) in pixels.
        heatmap_sigma: Of the heat maps' Gaussians, in pixels at the training size.
        framing: See `DPTNModel`.
        provenance: Free text by name.

    Raises:
        ValueError: A value is out of range; the message gives its name, the value and what is allowed.
    """

    config: GeneratorConfig
    training_size: tuple[int, int]
    heatmap_sigma: float
    framing: Framing
    provenance: Mapping[str, str]

    def __post_init__(self) -> None:
        """Refuse what no model was trained with."""
        _check_size(self.training_size, self.config.stride)
        sigma = self.heatmap_sigma
        if isinstance(sigma, bool) or not isinstance(sigma, int | float) or not 0 < sigma <= MAX_TRAINING_SIDE:
            raise ValueError(
                f"expected a heatmap_sigma above 0 and at most {MAX_TRAINING_SIDE} pixels, got {shortened(sigma)}"
            )
        if self.framing not in get_args(Framing):
            raise ValueError(
                f"expected one of {', '.join(get_args(Framing))} for framing, got {shortened(self.framing)}"
            )
        for name, text in self.provenance.items():
            if not isinstance(name, str) or not isinstance(text, str):
                raise ValueError(f"expected text in provenance, got {shortened(name)}: {shortened(text)}")
        if sum(len(name) + len(text) for name, text in self.provenance.items()) > _MAX_PROVENANCE:
            raise ValueError(f"expected at most {_MAX_PROVENANCE:,} characters in provenance")

    def to_dict(self) -> dict[str, Any]:
        """Return the metadata and the format version as plain values, ready for JSON."""
        return {
            "format_version": FORMAT_VERSION,
            "config": self.config.to_dict(),
            "training_size": list(self.training_size),
            "heatmap_sigma": float(self.heatmap_sigma),
            "framing": self.framing,
            "provenance": dict(self.provenance),
        }

    @classmethod
    def from_dict(cls, values: object) -> ModelMetadata:
        """Build from `to_dict`'s output, taken from a file.

        Raises:
            CheckpointError: It was written by a newer version, or a fact is missing, unknown or out of range.
        """
        if not isinstance(values, Mapping):
            raise CheckpointError(f"expected metadata of named values, got {type(values).__name__}; {_DAMAGED}")
        _check_version(values.get("format_version"))
        _check_names({str(name) for name in values if name != "format_version"})
        try:
            return cls(
                config=_config(values["config"]),
                training_size=_pair(values["training_size"]),
                heatmap_sigma=values["heatmap_sigma"],
                framing=values["framing"],
                provenance=dict(_mapping("provenance", values["provenance"])),
            )
        except (ValueError, TypeError) as error:
            raise CheckpointError(f"its metadata is invalid: {str(error)[:300]}; {_DAMAGED}") from error

    def to_metadata(self) -> dict[str, str]:
        """Return it as metadata of a .safetensors file: each value as JSON, under `dptn.<name>`."""
        return {_PREFIX + name: json.dumps(value, allow_nan=False) for name, value in self.to_dict().items()}

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> ModelMetadata | None:
        """Build from the metadata of a .safetensors file; None if there is nothing of ours in it.

        Raises:
            CheckpointError: As for `from_dict`, or a value is not JSON.
        """
        ours = {name: text for name, text in metadata.items() if name.startswith(_PREFIX)}
        if not ours:
            return None
        try:
            return cls.from_dict({name.removeprefix(_PREFIX): json.loads(text) for name, text in ours.items()})
        except CheckpointError:
            raise
        except (ValueError, RecursionError) as error:  # ValueError: no JSON, or a number of thousands of digits
            said = str(error)[:200]
            raise CheckpointError(f"the metadata under {_PREFIX}* is not JSON ({said}); {_DAMAGED}") from error


_DAMAGED: Final = "the file was edited or damaged: download or convert it again"


def _check_version(version: object) -> None:
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise CheckpointError(f"expected a format version from 1, got {shortened(version)}; {_DAMAGED}")
    if version > FORMAT_VERSION:
        raise CheckpointError(
            f"it was written by a newer version (format {shortened(version)}; this one reads up to {FORMAT_VERSION}): "
            "update DPTN Pose Transfer"
        )


def _check_names(names: set[str]) -> None:
    wrong = [f"no {name}" for name in _NAMES if name not in names]
    wrong += [f"an unknown {name}" for name in sorted(names.difference(_NAMES))]
    if wrong:
        raise CheckpointError(f"its metadata has {', '.join(wrong)}; {_DAMAGED}")


def _check_size(size: tuple[int, int], stride: int) -> None:
    whole = len(size) == 2 and all(isinstance(n, int) and not isinstance(n, bool) for n in size)
    if not whole or any(n < 1 or n > MAX_TRAINING_SIDE or n % stride for n in size):
        raise ValueError(
            f"expected a training_size (height, width) in pixels, divisible by {stride} and at most "
            f"{MAX_TRAINING_SIDE}, got {shortened(tuple(size))}"
        )


def _config(value: object) -> GeneratorConfig:
    return GeneratorConfig.from_dict(_mapping("config", value))


def _mapping(name: str, value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"expected named values in {name}, got {shortened(value)}")
    return value


def _pair(value: object) -> tuple[int, int]:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError(f"expected a training_size [height, width] in pixels, got {shortened(value)}")
    return value[0], value[1]
