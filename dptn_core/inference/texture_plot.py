"""What the carrier decided, as images to see and to work with: correspondence, body parts, what was invented."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor

from ..network.carrier import PARTS
from ..pose import Canvas
from ..pose.limb_transforms import PART_OF
from .box import Box
from .framing import Frame
from .source_texture import SourceTexture
from .texture import Decision

_APART: Final = 0.38  # of the colour circle, from one part to the next: neighbours look different
_STRONG: Final = 0.65  # weight of a colour laid over an image
_INVENTED: Final = (1.0, 0.1, 0.75)  # a colour that people and clothes seldom have


def dense_map(decision: Decision, texture: SourceTexture, invented: Tensor) -> Tensor:
    """The dense correspondence as compositors keep it, an ST map.

    Args:
        decision: about one target.
        texture: of its source.
        invented: (H, W) in [0, 1] of the target's canvas, as composed at any size.

    Returns:
        (3, H, W) in [0, 1] of the target's canvas: x and y as fractions of the source image, 0 left and top, and
        the confidence that the source shows the place.
    """
    source = texture.frame.canvas
    frame = _sized(decision.frame, invented)
    place = decision.correspondence(texture).permute(2, 0, 1)
    place = (place / place.new_tensor([source.width, source.height])[:, None, None]).clamp(0, 1)
    flat = torch.cat([place, torch.zeros_like(place[:1])])
    # what the network does not see of the source's own canvas stands still
    still = source_places(invented.shape).to(place) if decision.frame.canvas == source else None
    found = frame.paste(flat, still)
    found[2] = 1 - invented.to(found)
    return found


def source_places(size: Sequence[int]) -> Tensor:
    """The ST map (3, H, W) that leaves an image as it is; its blue is 0."""
    height, width = size
    y, x = ((torch.arange(side) + 0.5) / side for side in (height, width))
    return torch.stack([x[None].expand(height, -1), y[:, None].expand(-1, width), torch.zeros(height, width)])


def choice_image(decision: Decision, image: Tensor) -> Tensor:
    """The body part of the source that each place of a target was taken from, in its colour over the grey image.

    Args:
        decision: about one target.
        image: (3, H, W) in [0, 1] of the target's canvas, at any size.
    """
    part = torch.tensor(PART_OF)[decision.choice().cpu()]
    return _parts_over(part, decision.frame, image)


def source_parts_image(texture: SourceTexture, image: Tensor) -> Tensor:
    """The body parts that were found in a source, in the same colours over its grey image (3, H, W), at any size."""
    return _parts_over(texture.parts.logits[0].argmax(0).cpu(), texture.frame, image)


def invented_image(invented: Tensor, image: Tensor) -> Tensor:
    """What was invented (H, W) in [0, 1], in pink over the grey image (3, H, W) in [0, 1]."""
    weight = invented.to(image)
    return _over(weight, image.new_tensor(_INVENTED)[:, None, None] * weight, image)


def part_colour(part: int) -> tuple[float, float, float]:
    """RGB in [0, 1] that stands for a part, an index below `network.carrier.PARTS`; the background is black."""
    return colorsys.hsv_to_rgb(part * _APART % 1, 0.85, 1.0) if part else (0.0, 0.0, 0.0)


def _parts_over(part: Tensor, frame: Frame, image: Tensor) -> Tensor:
    """Colours of parts (h, w) of a frame over its canvas' image."""
    colours = torch.tensor([part_colour(number) for number in range(PARTS)])
    layers = torch.cat([colours[part], (part > 0)[..., None]], -1).permute(2, 0, 1).to(image)
    laid = _sized(frame, image).paste(layers, image.new_zeros(4, *image.shape[1:]))
    return _over(laid[3], laid[:3], image)


def _sized(frame: Frame, image: Tensor) -> Frame:
    """A frame on its canvas at the size of an image (..., H, W)."""
    height, width = image.shape[-2:]
    down, across = height / frame.canvas.height, width / frame.canvas.width
    left, right = (round(side * across) for side in (frame.box.left, frame.box.right))
    top, bottom = (round(side * down) for side in (frame.box.top, frame.box.bottom))
    return Frame(Box(left, top, max(right - left, 1), max(bottom - top, 1)), Canvas(width, height), frame.size)


def _over(weight: Tensor, colours: Tensor, image: Tensor) -> Tensor:
    """Colours (3, H, W), times their weight (H, W), over an image in grey."""
    grey = image.mean(0) * 0.7
    return grey * (1 - _STRONG * weight) + _STRONG * colours
