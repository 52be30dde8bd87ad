"""What Attention Preview shows of what was carried."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..dptn_core.inference.texture import compose_texture, decide
from ..dptn_core.inference.texture_plot import (
    choice_image,
    dense_map,
    invented_image,
    source_parts_image,
    source_places,
)
from ..dptn_core.inference.transfer import Generated, Transfer
from .images import at_most, capped_size
from .types import HostedModel, KeptTransfer

MOST = 1024  # pixels of a side: what the carrier decides is coarser than that


@dataclass(frozen=True, eq=False)
class TextureViews:
    """Of one image, in [0, 1], on the target's canvas (H, W) and the source's (h, w), neither larger than `MOST`."""

    image: Tensor  # (3, H, W): as Transfer Pose made it
    dense_map: Tensor  # (3, H, W): ST map of where each place came from
    body_parts: Tensor  # (3, H, W): the body part that each place was taken from
    invented: Tensor  # (H, W)
    source: Tensor  # (3, h, w): the source image
    source_parts: Tensor  # (3, h, w): the body parts found in it
    source_map: Tensor  # (3, h, w): the colours that its places have in the ST map

    def pairs(self) -> dict[str, tuple[Tensor, Tensor]]:
        """Views by name: what target and source look like in each; a colour means the same in both."""
        places_only = self.dense_map.new_tensor([1, 1, 0])[:, None, None]
        return {
            "image": (self.image, self.source),
            "body parts": (self.body_parts, self.source_parts),
            "correspondence": (self.dense_map * places_only, self.source_map),
            "invented": (invented_image(self.invented, self.image), self.source),
        }


def texture_views(hosted: HostedModel, kept: KeptTransfer, result: Transfer, index: int) -> TextureViews | None:
    """What was carried into one image, found anew: keeping it for every image would take more memory than time.

    Args:
        hosted: its networks must be on the computing device.
        kept: the transfer.
        result: the same, with its tensors on that device.
        index: which of its images.

    Returns:
        On the device where results rest; None where nothing was carried.
    """
    if kept.texture is None or hosted.texture is None:
        return None
    texture = kept.texture.ready(hosted.model.device)
    generated = Generated(result.source, result.poses[index], result.frame, result.drawn[index], result.queries(index))
    decision = decide(hosted.texture.carrier, texture, generated)
    canvas = result.frame.canvas
    composed = compose_texture(decision, texture, capped_size((canvas.height, canvas.width), MOST))
    source = at_most(result.source.image, MOST)
    views = (
        composed.image,
        dense_map(decision, texture, composed.invented),
        choice_image(decision, composed.image),
        composed.invented,
        source,
        source_parts_image(texture, source),
        source_places(source.shape[1:]),
    )
    return TextureViews(*(view.to(source.device) for view in views))


def nothing_warped(result: Transfer) -> tuple[Tensor, Tensor, Tensor]:
    """ST map, body parts and what was invented, where the network drew everything: black, black and white."""
    canvas = result.frame.canvas
    size = capped_size((canvas.height, canvas.width), MOST)
    black = torch.zeros(3, *size)
    return black, black, torch.ones(size)
