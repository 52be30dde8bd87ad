"""Everything the generator knows of a source person, computed once and used for any number of poses."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from .pose_transformer import KeysAndValues


@dataclass(frozen=True, eq=False)
class SourceFeatures:
    """What depends on the source image and its pose alone.

    Attributes:
        first_convolution: (B, base_features, H/2, W/2), the share of the shared encoder's first convolution
            that image and source heat maps contribute; the target heat maps' share is added to it.
        reconstruction: (B, token_features, H/stride, W/stride), features of the self-reconstruction branch.
        keys_and_values: For each Texture Transfer Block its projected keys and values, each
            (B, heads, T, token_features / heads) with T = (H/stride) * (W/stride), rows of the grid first.
    """

    first_convolution: Tensor
    reconstruction: Tensor
    keys_and_values: tuple[KeysAndValues, ...]

    @property
    def batch_size(self) -> int:
        """Number of sources."""
        return self.reconstruction.shape[0]

    @property
    def grid(self) -> tuple[int, int]:
        """Token grid as (rows, columns); token index = row * columns + column."""
        return self.reconstruction.shape[-2], self.reconstruction.shape[-1]

    @property
    def image_size(self) -> tuple[int, int]:
        """Size of the source image as (height, width) in pixels."""
        return 2 * self.first_convolution.shape[-2], 2 * self.first_convolution.shape[-1]

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> SourceFeatures:
        """Move every tensor to `device` and/or `dtype`; None leaves it as it is."""
        return self._map(lambda tensor: tensor.to(device=device, dtype=dtype))

    def select(self, index: int) -> SourceFeatures:
        """Source number `index` as a batch of one, sharing memory.

        Raises:
            IndexError: There is no such source.
        """
        if not -self.batch_size <= index < self.batch_size:
            raise IndexError(f"source {index} was asked for; there are {self.batch_size}")
        index %= self.batch_size
        return self._map(lambda tensor: tensor[index : index + 1])

    def expand(self, count: int) -> SourceFeatures:
        """One source as a batch of `count`, without copying; a batch of `count` is returned as it is.

        Raises:
            ValueError: There are several sources and not `count` of them.
        """
        if self.batch_size == count:
            return self
        if self.batch_size != 1:
            raise ValueError(
                f"{self.batch_size} sources cannot meet {count} target poses; give one source, or one for each pose"
            )
        return self._map(lambda tensor: tensor.expand(count, *tensor.shape[1:]))

    def _map(self, change: Callable[[Tensor], Tensor]) -> SourceFeatures:
        return dataclasses.replace(
            self,
            first_convolution=change(self.first_convolution),
            reconstruction=change(self.reconstruction),
            keys_and_values=tuple(
                KeysAndValues(keys=change(pair.keys), values=change(pair.values)) for pair in self.keys_and_values
            ),
        )
