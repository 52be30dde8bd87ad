"""What travels along the wires between nodes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ..dptn_core.checkpoint import DPTNModel
from ..dptn_core.inference.transfer import EncodedSource, GeneratedSequence
from . import host
from .host import io
from .texturing import ROOM, HeldTexture, TextureNetworks

ModelType = io.Custom("DPTN_MODEL")
SourceType = io.Custom("DPTN_SOURCE")
AttentionType = io.Custom("DPTN_ATTENTION")
PoseType = io.Custom("POSE_KEYPOINT")


@dataclass(frozen=True, eq=False)
class HostedModel:
    """DPTN_MODEL: a model whose weights the host moves about, and the networks that warp texture behind it."""

    model: DPTNModel
    patcher: Any
    texture: TextureNetworks | None

    def bring_to_device(self, images: int, size: tuple[int, int]) -> None:
        """Have the weights on the computing device, with room to generate `images` of `size` (H, W) at once."""
        height, width = size
        config = self.model.config
        # the peak that `dptn bench` measures is five feature maps of full size; one more to spare, 4 bytes a number
        generating = 4 * images * 6 * config.base_features * height * width
        texturing = self.texture.patchers if self.texture else ()
        host.bring_to_device([self.patcher, *texturing], max(generating, ROOM if texturing else 0))


@dataclass(frozen=True, eq=False)
class HostedSource:
    """DPTN_SOURCE: one or more encoded persons, resting where the host wants results to rest."""

    hosted: HostedModel
    sources: tuple[EncodedSource, ...]
    textures: tuple[HeldTexture | None, ...]  # of each; None: the network generates everything

    def on_device(self, index: int) -> EncodedSource:
        """One of them where the weights are now."""
        return self.sources[index].on(self.hosted.model.device)


@dataclass(frozen=True, eq=False)
class HeldSequence:
    """What Attention Preview needs of one run of `transfer`, resting where the host wants results to rest.

    The images of the target's canvas, which may be large, are not held.
    """

    generated: GeneratedSequence
    texture: HeldTexture | None  # of its source; None: the network generated everything

    def on_device(self) -> GeneratedSequence:
        """The sequence where the weights are now."""
        device = self.generated.source.model.device
        source = self.generated.source.on(device)
        return replace(self.generated, source=source, images=self.generated.images.to(device))


@dataclass(frozen=True, eq=False)
class HostedAttention:
    """DPTN_ATTENTION: one or more sequences that can be asked where their pixels came from."""

    hosted: HostedModel
    sequences: tuple[HeldSequence, ...]

    def find(self, image: int) -> tuple[HeldSequence, int]:
        """The sequence that image number `image` (from 0) belongs to, and its number within it.

        Raises:
            IndexError: there is no such image.
        """
        total = sum(len(held.generated.poses) for held in self.sequences)
        if not 0 <= image < total:
            raise IndexError(f"expected an image from 0 to {total - 1}, got {image}")
        for held in self.sequences:
            if image < len(held.generated.poses):
                break
            image -= len(held.generated.poses)
        return held, image
