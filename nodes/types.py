"""What travels along the wires between nodes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ..dptn_core.checkpoint import DPTNModel
from ..dptn_core.inference.transfer import EncodedSource, Transfer
from . import host
from .host import io
from .texturing import ROOM, HeldTexture, TextureNetworks

ModelType = io.Custom("DPTN_MODEL")
SourceType = io.Custom("DPTN_SOURCE")
AttentionType = io.Custom("DPTN_ATTENTION")
PoseType = io.Custom("POSE_KEYPOINT")


@dataclass(frozen=True, eq=False)
class HostedModel:
    """DPTN_MODEL: a model whose weights the host moves about, and the networks that carry texture behind it."""

    model: DPTNModel
    patcher: Any
    texture: TextureNetworks | None

    def bring_to_device(self, images: int, size: tuple[int, int]) -> None:
        """Have the weights on the computing device, with room for drawing `image` of `size` (H, W) at once."""
        height, width = size
        config = self.model.config
        # the peak that `dptn bench` measures is five feature maps of full size; one more to spare, 4 bytes a number
        drawing = 4 * images * 6 * config.base_features * height * width
        carrying = self.texture.patchers if self.texture else ()
        host.bring_to_device([self.patcher, *carrying], max(drawing, ROOM if carrying else 0))


@dataclass(frozen=True, eq=False)
class HostedSource:
    """DPTN_SOURCE: one or more encoded persons, resting where the host wants results to rest."""

    hosted: HostedModel
    sources: tuple[EncodedSource, ...]
    textures: tuple[HeldTexture | None, ...]  # of each; None: the network draws everything

    def on_device(self, index: int) -> EncodedSource:
        """One of them where the weights are now."""
        source = self.sources[index]
        return replace(source, features=source.features.to(self.hosted.model.device))


@dataclass(frozen=True, eq=False)
class KeptTransfer:
    """What must be kept of a transfer to ask where any of its images came from."""

    transfer: Transfer  # with what the network generated, without the images themselves
    texture: HeldTexture | None  # what was carried; None: nothing was


@dataclass(frozen=True, eq=False)
class HostedAttention:
    """DPTN_ATTENTION: what was kept of one or more transfers."""

    hosted: HostedModel
    transfers: tuple[KeptTransfer, ...]

    def find(self, image: int) -> tuple[KeptTransfer, int]:
        """The transfer that image number `image` (from 0) belongs to, and its number within it.

        Raises:
            IndexError: there is no such image.
        """
        total = sum(len(kept.transfer.poses) for kept in self.transfers)
        if not 0 <= image < total:
            raise IndexError(f"image is {image}; this run drew {total}, counted from 0")
        for kept in self.transfers:
            if image < len(kept.transfer.poses):
                break
            image -= len(kept.transfer.poses)
        return kept, image
