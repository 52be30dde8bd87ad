"""Random numbers that belong to a figure, not to a batch.

Every number of a drawn pair is a hash of (the pair's seed, the number's name), so pair 17 of a set looks the same
alone, in any batch and on any device, and adding a new property leaves the old ones as they were.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import torch
from torch import Tensor

# splitmix64's increment and multipliers as signed 64-bit integers: torch has no uint64 arithmetic, and two's
# complement products wrap to the same bits.
_INCREMENT = -7046029254386353131
_OF_THE_POSE = ("source", "target", "turn", "camera", "keypoints")  # how the names of such numbers begin
_MULTIPLIERS = (-4658895280553007687, -7723592293110705685)


def _shift_right(x: Tensor, bits: int) -> Tensor:
    """Logical (not sign-filling) right shift of int64."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def _mix(x: Tensor) -> Tensor:
    x = (x ^ _shift_right(x, 30)) * _MULTIPLIERS[0]
    x = (x ^ _shift_right(x, 27)) * _MULTIPLIERS[1]
    return x ^ _shift_right(x, 31)


def _keys(seeds: Tensor) -> Tensor:
    return _mix(seeds.to(torch.int64) * _INCREMENT + 1)


class Draws:
    """Named random numbers for a batch of seeds.

    Args:
        seeds: (B,) int64, one a pair; also decides the device.
        pose_seeds: (B,) int64, for the numbers that tell images of one figure apart (pose, turn, camera and what a
            detector misses); `seeds` when None.
    """

    def __init__(self, seeds: Tensor, pose_seeds: Tensor | None = None) -> None:
        self._keys = _keys(seeds)
        self._pose_keys = self._keys if pose_seeds is None else _keys(pose_seeds)
        self.batch = seeds.shape[0]
        self.device = seeds.device

    def unit(self, name: str, *shape: int) -> Tensor:
        """Uniform numbers in [0, 1), (B, *shape), float32."""
        count = 1
        for side in shape:
            count *= side
        stream = zlib.crc32(name.encode()) << 24
        counter = torch.arange(stream, stream + count, device=self.device) * _INCREMENT
        keys = self._pose_keys if name.partition(".")[0] in _OF_THE_POSE else self._keys
        bits = _mix(keys[:, None] ^ counter)
        return (_shift_right(bits, 40).float() / (1 << 24)).view(self.batch, *shape)

    def between(self, name: str, low: float | Tensor, high: float | Tensor, *shape: int) -> Tensor:
        """Uniform numbers in [low, high), (B, *shape)."""
        return low + (high - low) * self.unit(name, *shape)

    def bell(self, name: str, spread: float, *shape: int) -> Tensor:
        """Bell-shaped numbers around 0 that never leave [-spread, spread] (mean of three uniforms), (B, *shape)."""
        return (self.unit(name, *shape, 3).mean(-1) * 2 - 1) * spread

    def chance(self, name: str, probability: float | Tensor, *shape: int) -> Tensor:
        """True with the given probability, (B, *shape) bool."""
        return self.unit(name, *shape) < probability

    def choice(self, name: str, weights: Sequence[float], *shape: int) -> Tensor:
        """Index into `weights`, drawn in proportion to them, (B, *shape) int64."""
        edges = torch.tensor(weights, dtype=torch.float32, device=self.device).cumsum(0)
        return torch.bucketize(self.unit(name, *shape) * edges[-1], edges, right=True).clamp(max=len(weights) - 1)
