"""Sizes of the two networks, validated once and saved with every checkpoint."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, get_args

NormKind = Literal["instance", "batch"]
# No network is larger, and a damaged or mistyped number must not take all memory.
_MAX_HALVINGS = 12
_MAX_BLOCKS = 100
_MAX_FEATURES = 65_536
_Config = TypeVar("_Config", "GeneratorConfig", "DiscriminatorConfig")


@dataclass(frozen=True)
class GeneratorConfig:
    """Sizes of the generator; the defaults are the paper's DeepFashion configuration.

    Raises:
        ValueError: A value is out of range; the message gives its name, the value and what is allowed.
    """

    image_channels: int = 3
    pose_channels: int = 18  # one heat map a keypoint
    base_features: int = 64  # channels after the first encoder block; doubled by each later one
    max_features: int = 512  # ceiling of that doubling
    down_steps: int = 3  # halvings from image to token grid
    residual_blocks: int = 3
    heads: int = 2
    context_blocks: int = 2
    texture_blocks: int = 2
    norm: NormKind = "instance"

    def __post_init__(self) -> None:
        """Refuse what no network can be built from."""
        for name in ("image_channels", "pose_channels", "base_features", "max_features", "heads"):
            _require_integer(name, getattr(self, name), 1, _MAX_FEATURES)
        _require_integer("down_steps", self.down_steps, 1, _MAX_HALVINGS)
        for name, least in (("residual_blocks", 0), ("context_blocks", 0), ("texture_blocks", 1)):
            _require_integer(name, getattr(self, name), least, _MAX_BLOCKS)
        _require_ordered(self.base_features, self.max_features)
        if self.norm not in get_args(NormKind):
            raise ValueError(f"norm is {self.norm!r}; allowed: {', '.join(get_args(NormKind))}")
        if self.token_features % self.heads:
            raise ValueError(f"heads is {self.heads}; allowed: a divisor of the {self.token_features} token features")

    @property
    def token_features(self) -> int:
        """Channels of one token of the pose transformer."""
        return self.encoder_features(self.down_steps - 1)

    @property
    def stride(self) -> int:
        """Pixels along one edge of a token; images must be divisible by it."""
        return int(2**self.down_steps)

    def encoder_features(self, step: int) -> int:
        """Channels after encoder block `step`, counted from 0."""
        return int(min(self.base_features * 2**step, self.max_features))

    def decoder_features(self, step: int) -> int:
        """Channels after decoder block `step`, counted from 0; the last keeps the base features."""
        return self.encoder_features(max(self.down_steps - 2 - step, 0))

    def to_dict(self) -> dict[str, Any]:
        """Return the values as a plain dictionary, ready for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> GeneratorConfig:
        """Build from `to_dict`'s output; missing keys take their defaults, unknown ones are refused."""
        return _from_dict(cls, values)


@dataclass(frozen=True)
class DiscriminatorConfig:
    """Sizes of the discriminator; the defaults are those of DeepFashion, Market-1501 uses 3 layers.

    Raises:
        ValueError: A value is out of range; the message gives its name, the value and what is allowed.
    """

    image_channels: int = 3
    base_features: int = 32
    max_features: int = 128
    layers: int = 4  # halvings from image to score map

    def __post_init__(self) -> None:
        """Refuse what no network can be built from."""
        for name in ("image_channels", "base_features", "max_features"):
            _require_integer(name, getattr(self, name), 1, _MAX_FEATURES)
        _require_integer("layers", self.layers, 1, _MAX_HALVINGS)
        _require_ordered(self.base_features, self.max_features)

    @property
    def stride(self) -> int:
        """Pixels along one edge of a score; images must be at least this large."""
        return int(2**self.layers)

    def features(self, step: int) -> int:
        """Channels after block `step`, counted from 0."""
        return int(min(self.base_features * 2**step, self.max_features))

    def to_dict(self) -> dict[str, Any]:
        """Return the values as a plain dictionary, ready for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> DiscriminatorConfig:
        """Build from `to_dict`'s output; missing keys take their defaults, unknown ones are refused."""
        return _from_dict(cls, values)


def _from_dict(cls: type[_Config], values: Mapping[str, Any]) -> _Config:
    allowed = [field.name for field in dataclasses.fields(cls)]
    unknown = sorted(str(key) for key in values if key not in allowed)
    if unknown:
        raise ValueError(f"{cls.__name__} has no {', '.join(unknown)}; allowed: {', '.join(allowed)}")
    return cls(**values)


def _require_integer(name: str, value: object, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"{name} is {value!r}; allowed: an integer of at least {least} and at most {most}")


def _require_ordered(base_features: int, max_features: int) -> None:
    if base_features > max_features:
        raise ValueError(f"base_features is {base_features}; allowed: at most max_features, which is {max_features}")
