"""The two networks that carrying texture takes, loaded and used together."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ..network.carrier import Carrier
from ..segmentation import BlazePoseSegmenter, can_be_masked, load_segmenter, person_mask
from ..transfer import Compose, EncodedSource
from .carrier_file import load_carrier
from .source_texture import encode_texture
from .texture import composer


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


def compose_from(texturing: Texturing, source: EncodedSource) -> Compose:
    """What `transfer` composes images of this source with."""
    known = can_be_masked(source.pose)
    mask = person_mask(texturing.segmenter, source.picture, source.pose) if known else None
    return composer(texturing.carrier, encode_texture(texturing.carrier, source, mask))
