"""The networks that warp a source's own pixels, managed by the host, and what they find in a source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ..dptn_core.inference.carrier_file import CARRIER, load_carrier
from ..dptn_core.inference.source_texture import SourceTexture, encode_texture
from ..dptn_core.inference.texture_networks import mask_of
from ..dptn_core.inference.transfer import EncodedSource
from ..dptn_core.network.carrier import MULTIPLE, Carrier, SourceParts, resized
from ..dptn_core.pose import Pose
from ..dptn_core.segmentation import BlazePoseSegmenter, load_segmenter
from . import host
from .images import at_most

ROOM = 2**28  # bytes that they work in, for an image of a megapixel
_DRAFT_HEIGHT = 96  # pixels at which the carrier chooses for drafts; it was trained at 256
_DRAFT_SIDE = 512  # pixels at most of the source that drafts are made of


@dataclass(frozen=True, eq=False)
class TextureNetworks:
    """The carrier, and the segmenter that finds the person whose pixels it warps."""

    carrier: Carrier
    segmenter: BlazePoseSegmenter
    patchers: tuple[Any, ...]  # held as long as the networks: what nobody holds, the host forgets that it has loaded

    def encode(self, source: EncodedSource, mask: Tensor | None, others: Sequence[Pose]) -> HeldTexture:
        """Find the person of a source and what lies behind them; the networks must be on the computing device.

        Args:
            source: from `encode_source`.
            mask: (H, W) in [0, 1], where the person is in the source's image; None: the segmenter finds them, where the
                pose has joints enough to say who is meant.
            others: further people in the image, who stay where they are.
        """
        if mask is None:
            mask = mask_of(self.segmenter, source.image, [source.pose])
        avoid = mask_of(self.segmenter, source.image, others)
        return HeldTexture.of(encode_texture(self.carrier, source, mask, avoid=avoid))


def load_texture_networks() -> TextureNetworks | None:
    """The networks that ship, or None where the carrier does not: then the network generates everything.

    Raises:
        TextureError: the carrier's weights are damaged.
        SegmentationError: the segmenter's weights are missing or damaged.
    """
    if not CARRIER.is_file():
        return None
    carrier, segmenter = load_carrier(), load_segmenter()
    return TextureNetworks(carrier, segmenter, (host.managed(carrier), host.managed(segmenter)))


@dataclass(frozen=True, eq=False)
class HeldTexture:
    """A source's texture between nodes, where the host wants results."""

    full: SourceTexture
    small: SourceTexture  # for drafts, which have no time for the carrier's working size nor for every pixel

    @classmethod
    def of(cls, texture: SourceTexture) -> HeldTexture:
        """Put a texture to rest."""
        height, width = texture.frame.size
        across = width * _DRAFT_HEIGHT / height
        size = (_DRAFT_HEIGHT, max(MULTIPLE, round(across / MULTIPLE) * MULTIPLE))
        small = replace(
            texture,
            parts=SourceParts(resized(texture.parts.image, size), resized(texture.parts.logits, size)),
            frame=replace(texture.frame, size=size),
            layers=_small(texture.layers.permute(2, 0, 1)).permute(1, 2, 0).contiguous(),
            background=_small(texture.background),
            behind=None if texture.behind is None else resized(texture.behind, size),
        )
        return cls(*(_moved(one, host.result_device()) for one in (texture, small)))

    def ready(self, device: torch.device, *, draft: bool = False) -> SourceTexture:
        """The texture on the device that warps it."""
        return _moved(self.small if draft else self.full, device)


def _small(planes: Tensor) -> Tensor:
    """Planes (C, H, W) as small as drafts need, in their own number format; one by one, as each is made fp32."""
    return torch.stack([at_most(plane[None], _DRAFT_SIDE)[0].to(planes.dtype) for plane in planes])


def _moved(texture: SourceTexture, device: torch.device) -> SourceTexture:
    """A texture on a device."""
    return replace(
        texture,
        parts=replace(texture.parts, image=texture.parts.image.to(device), logits=texture.parts.logits.to(device)),
        pose=texture.pose.to(device),
        layers=texture.layers.to(device),
        background=texture.background.to(device),
        behind=None if texture.behind is None else texture.behind.to(device),
    )
