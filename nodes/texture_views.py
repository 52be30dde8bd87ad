"""What Attention Preview shows of the warped pixels of an image."""

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
from ..dptn_core.inference.transfer import Generated
from ..dptn_core.pose import Canvas
from .images import at_most, capped_size
from .texturing import HeldTexture
from .types import HostedModel

MAX_SIDE = 1024  # pixels of a side: what the carrier decides is coarser than that


@dataclass(frozen=True, eq=False)
class TextureViews:
    """Of one image, in [0, 1], on the target's canvas (H, W) and the source's (h, w), at most `MAX_SIDE` a side."""

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


def texture_views(hosted: HostedModel, held: HeldTexture | None, generated: Generated) -> TextureViews | None:
    """What was warped into one image, found anew: keeping it for every image would take more memory than time.

    Args:
        hosted: its networks must be on the computing device.
        held: the source's texture; None where the network generated everything.
        generated: the image, with its source on that device.

    Returns:
        On the device where results rest; None where nothing was warped.
    """
    if held is None or hosted.texture is None:
        return None
    texture = held.ready(hosted.model.device)
    decision = decide(hosted.texture.carrier, texture, generated)
    canvas = generated.frame.canvas
    composed = compose_texture(decision, texture, capped_size((canvas.height, canvas.width), MAX_SIDE))
    source = at_most(generated.source.image, MAX_SIDE)
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


def texture_maps(views: TextureViews | None, canvas: Canvas) -> tuple[Tensor, Tensor, Tensor]:
    """ST map (3, H, W), body parts (3, H, W) and what was invented (H, W) of a target's canvas, as outputs.

    Where nothing was warped they are black, black and white.
    """
    if views is not None:
        return views.dense_map, views.body_parts, views.invented
    size = capped_size((canvas.height, canvas.width), MAX_SIDE)
    black = torch.zeros(3, *size)
    return black, black, torch.ones(size)
