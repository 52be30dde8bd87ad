"""What Attention Preview shows of what was carried."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..dptn_core.inference.texture import compose_texture, decide
from ..dptn_core.inference.texture_picture import (
    choice_picture,
    dense_map,
    invented_picture,
    source_parts_picture,
    source_places,
)
from ..dptn_core.transfer import Generated, Transfer
from .types import HostedModel, KeptTransfer


@dataclass(frozen=True, eq=False)
class TextureViews:
    """Of one image, on the target's canvas (H, W) in [0, 1]."""

    image: Tensor  # (3, H, W): as Transfer Pose made it
    dense_map: Tensor  # (3, H, W): ST map of where each place came from
    body_parts: Tensor  # (3, H, W): the body part that each place was taken from
    invented: Tensor  # (H, W)
    source_parts: Tensor  # (3, h, w): the body parts found in the source
    source_map: Tensor  # (3, h, w): the colours that its places have in the ST map

    def pairs(self, source: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
        """Views by name: what target and source look like in each; a colour means the same in both.

        Args:
            source: the source image (3, h, w).
        """
        places_only = source.new_tensor([1, 1, 0])[:, None, None]
        return {
            "image": (self.image, source),
            "body parts": (self.body_parts, self.source_parts),
            "correspondence": (self.dense_map * places_only, self.source_map),
            "invented": (invented_picture(self.invented, self.image), source),
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
    composed = compose_texture(decision, texture, (canvas.height, canvas.width))
    views = (
        composed.image,
        dense_map(decision, texture, composed.invented),
        choice_picture(decision, composed.image),
        composed.invented,
        source_parts_picture(texture, result.source.picture),
        source_places(texture.frame),
    )
    return TextureViews(*(view.to(result.source.picture.device) for view in views))


def nothing_carried(result: Transfer) -> tuple[Tensor, Tensor, Tensor]:
    """ST map, body parts and what was invented, where the network drew everything: black, black and white."""
    canvas = result.frame.canvas
    black = torch.zeros(3, canvas.height, canvas.width)
    return black, black, torch.ones(canvas.height, canvas.width)
