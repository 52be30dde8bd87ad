"""One pair as arrays of few bytes: what is kept, and what augmentation changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..synthetic_pairs import PeoplePairs

Bytes = NDArray[np.uint8]
Flags = NDArray[np.bool_]
Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class OnePair:
    """A pair of `PeoplePairs` without its batch; images and mattes are 0 to 255, pixels lie as they do there."""

    source: Bytes  # (H, W, 3)
    target: Bytes  # (H, W, 3)
    source_keypoints: Floats  # (18, 2) xy pixels
    target_keypoints: Floats  # (18, 2)
    source_present: Flags  # (18,)
    target_present: Flags  # (18,)
    source_visible: Flags  # (18,)
    target_visible: Flags  # (18,)
    source_mask: Flags  # (H, W)
    target_mask: Flags  # (H, W)
    correspondence: Floats  # (H, W, 2) xy pixels
    seen: Flags  # (H, W)
    source_matte: Bytes  # (H, W)
    target_matte: Bytes  # (H, W)
    source_parts: Bytes  # (H, W), index into PARTS
    target_parts: Bytes  # (H, W)
    source_garments: Bytes  # (H, W), index into GARMENTS
    target_garments: Bytes  # (H, W)
    limb_depth: Floats  # (2, 17) metres

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) in pixels."""
        return self.source.shape[0], self.source.shape[1]


def as_one(pairs: PeoplePairs, index: int) -> OnePair:
    """Pair number `index` of a batch, its colours and mattes rounded to 8 bits."""

    def plain(name: str) -> NDArray[np.generic]:
        value: Tensor = getattr(pairs, name)[index].detach().cpu()
        if name in ("source", "target"):
            return ((value.permute(1, 2, 0).float() + 1) * 127.5).round().clamp(0, 255).byte().contiguous().numpy()
        if name.endswith("_matte"):
            return (value.float() * 255).round().clamp(0, 255).byte().numpy()
        return value.float().numpy() if value.is_floating_point() else value.numpy()

    return OnePair(**{field.name: plain(field.name) for field in fields(OnePair)})  # type: ignore[arg-type]


def as_pairs(ones: Sequence[OnePair]) -> PeoplePairs:
    """At least one pair, all of one size, as a batch on the CPU."""

    def batch(name: str) -> Tensor:
        values = torch.from_numpy(np.stack([getattr(one, name) for one in ones]))
        if name in ("source", "target"):
            return values.permute(0, 3, 1, 2).contiguous().float() / 127.5 - 1
        return values.float() / 255 if name.endswith("_matte") else values

    return PeoplePairs(**{field.name: batch(field.name) for field in fields(OnePair)})
