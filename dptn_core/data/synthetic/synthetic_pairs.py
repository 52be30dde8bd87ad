"""What is known of one person in two poses."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TypeVar

import torch
from torch import Tensor

# Labels of `PeoplePairs.source_parts`: the body part a pixel shows, clothed or not. Sides are the person's own.
PARTS = (
    *("background", "head", "trunk"),
    *("right upper arm", "right forearm", "right hand"),
    *("left upper arm", "left forearm", "left hand"),
    *("right thigh", "right shin", "right foot"),
    *("left thigh", "left shin", "left foot"),
)
# What stands in the place of each part, and of each joint, in a mirrored image: right and left change names.
MIRRORED_PARTS = (0, 1, 2, 6, 7, 8, 3, 4, 5, 12, 13, 14, 9, 10, 11)
MIRRORED_JOINTS = (0, 1, 5, 6, 7, 2, 3, 4, 11, 12, 13, 8, 9, 10, 15, 14, 17, 16)
# Labels of `PeoplePairs.source_garments`.
GARMENTS = ("background", "skin", "eye", "bottom", "top", "outer", "skirt", "shoe", "cap hair", "long hair")
# The skeleton limbs of `PeoplePairs.limb_depth` as pairs of OpenPose joints.
LIMBS = (
    *((1, 2), (2, 3), (3, 4), (1, 5), (5, 6), (6, 7)),
    *((1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13)),
    *((1, 0), (0, 14), (14, 16), (0, 15), (15, 17)),
)

AnyPairs = TypeVar("AnyPairs", bound="SyntheticPairs")


@dataclass(frozen=True)
class SyntheticPairs:
    """B pairs at H x W. Pixel (row i, column j) has its centre at x = j + 0.5, y = i + 0.5."""

    source: Tensor  # (B, 3, H, W) in [-1, 1]
    target: Tensor  # (B, 3, H, W) in [-1, 1]
    source_keypoints: Tensor  # (B, 18, 2) xy pixels
    target_keypoints: Tensor  # (B, 18, 2) xy pixels
    source_present: Tensor  # (B, 18) bool: what a pose detector would report
    target_present: Tensor  # (B, 18) bool
    source_visible: Tensor  # (B, 18) bool: present and not hidden behind another part
    target_visible: Tensor  # (B, 18) bool
    source_mask: Tensor  # (B, H, W) bool: the person
    target_mask: Tensor  # (B, H, W) bool
    correspondence: Tensor  # (B, H, W, 2): the source place (xy pixels) of each target pixel
    seen: Tensor  # (B, H, W) bool: that place really shows in the source; elsewhere `correspondence` is a guess

    def __len__(self) -> int:
        return self.source.shape[0]

    def __getitem__(self: AnyPairs, index: slice | Tensor) -> AnyPairs:
        """Some of the pairs."""
        return type(self)(**{f.name: getattr(self, f.name)[index] for f in fields(self)})

    def to(self: AnyPairs, device: torch.device | str) -> AnyPairs:
        """The same pairs on another device."""
        return type(self)(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})


@dataclass(frozen=True)
class PeoplePairs(SyntheticPairs):
    """Rendered people: what is known of them besides."""

    source_matte: Tensor  # (B, H, W) in [0, 1]: how much of each pixel the person covers
    target_matte: Tensor  # (B, H, W) in [0, 1]
    source_parts: Tensor  # (B, H, W) uint8, index into PARTS
    target_parts: Tensor  # (B, H, W) uint8
    source_garments: Tensor  # (B, H, W) uint8, index into GARMENTS
    target_garments: Tensor  # (B, H, W) uint8
    limb_depth: Tensor  # (B, 2, 17): metres from the camera to the middle of each of LIMBS, source then target


def by_side(images: Tensor, **both: Tensor) -> dict[str, Tensor]:
    """Fields of pairs, from tensors that hold all B sources and then all B targets.

    Args:
        images: (2B, 3, H, W) in [-1, 1].
        both: (2B, ...) each; `keypoints` becomes `source_keypoints` and `target_keypoints`, and so on.
    """
    sides = {"source": images, "target": images}
    sides |= {f"{side}_{name}": value for name, value in both.items() for side in ("source", "target")}
    return {name: value.chunk(2)[name.startswith("target")] for name, value in sides.items()}


def joined(parts: list[AnyPairs]) -> AnyPairs:
    """Several batches of the same size and kind as one; at least one."""
    first = parts[0]
    return type(first)(**{f.name: torch.cat([getattr(part, f.name) for part in parts]) for f in fields(first)})


def pair_seeds(seed: int, first: int, count: int, device: torch.device | str = "cpu") -> Tensor:
    """Seeds of pairs `first` .. `first + count - 1` of the endless set number `seed`, (count,) int64."""
    return (seed << 32) + torch.arange(first, first + count, dtype=torch.int64, device=device)
