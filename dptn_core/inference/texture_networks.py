"""The two networks that warp texture, loaded and used together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..network.carrier import Carrier
from ..pose import Pose
from ..segmentation import BlazePoseSegmenter, can_be_masked, load_segmenter, person_mask
from .carrier_file import load_carrier
from .source_texture import encode_texture
from .texture import composer
from .transfer import Compose, EncodedSource


@dataclass(frozen=True, eq=False)
class Texturing:
    """The carrier, and the segmenter that shows it the source person."""

    carrier: Carrier
    segmenter: BlazePoseSegmenter


def load_texturing(device: torch.device | str = "cpu") -> Texturing:
    """Both networks, whose weights ship.

    Raises:
        TextureError: the carrier's file is missing or damaged.
        SegmentationError: the segmenter's is.
    """
    return Texturing(load_carrier(device), load_segmenter(device))


def compose_from(texturing: Texturing, source: EncodedSource, others: Sequence[Pose] = ()) -> Compose:
    """What `transfer` composes images of this source with.

    Args:
        texturing: both networks.
        source: the person.
        others: further people in the image, who stay where they are.
    """
    texture = encode_texture(
        texturing.carrier,
        source,
        mask_of(texturing.segmenter, source.image, [source.pose]),
        avoid=mask_of(texturing.segmenter, source.image, others),
    )
    return composer(texturing.carrier, texture)


def mask_of(segmenter: BlazePoseSegmenter, image: Tensor, people: Sequence[Pose]) -> Tensor | None:
    """Mask (H, W) of people in an image (3, H, W); None where no pose says enough to look for anybody."""
    masks = [person_mask(segmenter, image, pose) for pose in people if can_be_masked(pose)]
    return torch.stack(masks).amax(0) if masks else None
