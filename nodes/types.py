"""What travels along the wires between blocks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ..dptn_core.checkpoint import DPTNModel
from ..dptn_core.transfer import EncodedSource, Transfer
from . import host
from .host import io

ModelType = io.Custom("DPTN_MODEL")
SourceType = io.Custom("DPTN_SOURCE")
AttentionType = io.Custom("DPTN_ATTENTION")
PoseType = io.Custom("POSE_KEYPOINT")


@dataclass(frozen=True, eq=False)
class HostedModel:
    """DPTN_MODEL: a model whose weights the host moves about."""

    model: DPTNModel
    patcher: Any

    def bring_to_device(self, pictures: int, size: tuple[int, int]) -> None:
        """Have the weights on the computing device, with room for drawing `pictures` of `size` (H, W) at once."""
        height, width = size
        config = self.model.config
        # the peak that `dptn bench` measures is five feature maps of full size; one more to spare, 4 bytes a number
        host.bring_to_device([self.patcher], 4 * pictures * 6 * config.base_features * height * width)


@dataclass(frozen=True, eq=False)
class HostedSource:
    """DPTN_SOURCE: one or more encoded persons, resting where the host wants results to rest."""

    hosted: HostedModel
    sources: tuple[EncodedSource, ...]

    def on_device(self, index: int) -> EncodedSource:
        """One of them where the weights are now."""
        source = self.sources[index]
        return replace(source, features=source.features.to(self.hosted.model.device))


@dataclass(frozen=True, eq=False)
class HostedAttention:
    """DPTN_ATTENTION: what must be kept of a transfer to ask where any of its pictures came from."""

    hosted: HostedModel
    transfers: tuple[Transfer, ...]

    def find(self, picture: int) -> tuple[Transfer, int]:
        """The transfer that picture number `picture` (from 0) belongs to, and its number within it.

        Raises:
            IndexError: there is no such picture.
        """
        total = sum(len(transfer.poses) for transfer in self.transfers)
        if not 0 <= picture < total:
            raise IndexError(f"picture is {picture}; this run drew {total}, counted from 0")
        for transfer in self.transfers:
            if picture < len(transfer.poses):
                break
            picture -= len(transfer.poses)
        return transfer, picture
