"""What a source image holds for the carrier, found once for any number of poses."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from ..network.carrier import MULTIPLE, WORK_HEIGHT, Carrier, SourceParts
from ..pose import Pose
from ..segmentation.edges import applied, linear_model
from .box import Box
from .framing import Frame
from .person_outline import covers, within
from .transfer import EncodedSource

_BEYOND: Final = 0.3  # of the frame's height
_NOBODY: Final = 0.5  # mask where no segmenter looked
_HOLE: Final = 0.012  # of the frame's height: how far around the person the background is not trusted
_DOUBT: Final = (0.2, 0.5)  # of the person in a pixel: up to the first it is background, from the second on it is not
_MIN_COVERED: Final = 0.3  # of a pixel: with less of the person in it, its colour cannot be told


@dataclass(frozen=True, eq=False)
class SourceTexture:
    """A source's own pixels, ready to be warped."""

    parts: SourceParts  # at the working size, batch of one
    pose: Tensor  # (1, 18, 3) in the working frame
    frame: Frame  # the source's, at the working size
    matte: Tensor  # (H, W) in [0, 1] on the image's canvas: the source person
    person: Tensor  # (3, H, W): the person's own colours; at soft edges without the background's
    background: Tensor  # (3, H, W): the image with the person taken out
    behind: Tensor | None  # (1, 3, h, w): the same in the working frame; None: the carrier sees the person there


def working_frame(frame: Frame) -> Frame:
    """The same box of the canvas at the carrier's working size, its pixels square."""
    width = WORK_HEIGHT * frame.box.width / frame.box.height
    return replace(frame, size=(WORK_HEIGHT, max(MULTIPLE, round(width / MULTIPLE) * MULTIPLE)))


def beyond(box: Box) -> Box:
    """A frame's box with what may go on around it: somebody whom the frame cuts goes on as they are at its edge."""
    more = round(_BEYOND * box.height)
    return Box(box.left - more, box.top - more, box.width + 2 * more, box.height + 2 * more)


def pose_in(frame: Frame, pose: Pose) -> Tensor:
    """(1, 18, 3): x and y in heights of the frame, and presence."""
    inside = frame.pose_inside(pose)
    xy = torch.tensor(inside.keypoints, dtype=torch.float32) / frame.size[0]
    return torch.cat([xy, torch.tensor(inside.present, dtype=torch.float32)[:, None]], 1)[None]


def encode_texture(
    carrier: Carrier, source: EncodedSource, mask: Tensor | None, *, avoid: Tensor | None = None
) -> SourceTexture:
    """Find the person of a source and what lies behind them.

    Args:
        carrier: in eval mode; it runs where it is.
        source: from `encode_source`.
        mask: (H, W) in [0, 1] on the image's canvas, from `segmentation.person_mask` or by hand; None: nobody knows.
        avoid: (H, W) in [0, 1]: other people, who stay where they are and are not copied into the background.
    """
    from ..inpainting import fill_background  # scipy is heavy, and not wanted before the first run

    device = next(carrier.parameters()).device
    image = source.image.float().clamp(0, 1)
    frame = working_frame(source.frame)
    small = frame.cut(image).to(device)[None]
    height, width = frame.size
    small_mask = torch.full((1, 1, height, width), _NOBODY, device=device)
    if mask is not None:
        small_mask = frame.cut(mask[None].float()).to(device)[None]
    pose = pose_in(frame, source.pose).to(device)
    with torch.inference_mode():
        parts = carrier.encode(small, small_mask, pose)
        if mask is not None and covers(mask, source.pose):
            parts = within(parts, small_mask)
        matte = _enlarged(1 - parts.parts[0, :1], small[0], frame, image)
        hole = hole_around(matte if mask is None else torch.maximum(matte, mask.to(matte)), frame.box.height)
        background = fill_background(image, hole, avoid=avoid)
        covered = matte[None].clamp(min=_MIN_COVERED)
        person = torch.where(matte > _MIN_COVERED, (image - (1 - matte) * background) / covered, image).clamp(0, 1)
    return SourceTexture(parts, pose, frame, matte, person, background, frame.cut(background).to(device)[None])


def _enlarged(matte: Tensor, small: Tensor, frame: Frame, image: Tensor) -> Tensor:
    """A matte (1, h, w) of a frame on the whole canvas (H, W), its edges those of the image (3, H, W)."""
    model = linear_model(matte, small).to(image.device)
    canvas = image.new_zeros(image.shape[1:])
    box = beyond(frame.box)
    top, left = max(box.top, 0), max(box.left, 0)
    bottom, right = min(box.bottom, image.shape[1]), min(box.right, image.shape[2])
    box = frame.box
    y = (torch.arange(top, bottom, device=image.device) + 0.5 - box.top) / box.height
    x = (torch.arange(left, right, device=image.device) + 0.5 - box.left) / box.width
    grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)[None] * 2 - 1
    fine = functional.grid_sample(model[None], grid, padding_mode="border", align_corners=False)[0]
    canvas[top:bottom, left:right] = applied(fine, image[:, top:bottom, left:right])
    return canvas


def hole_around(matte: Tensor, height: int) -> Tensor:
    """Where the background is not to be trusted, (H, W): the person and a margin, softly.

    Args:
        matte: (H, W) in [0, 1].
        height: of the person's frame, pixels.
    """
    radius = max(1, round(_HOLE * height))
    low, high = _DOUBT
    sure = ((matte - low) / (high - low)).clamp(0, 1)  # wisps of doubt are left alone
    across = functional.max_pool2d(sure[None], (1, 2 * radius + 1), 1, (0, radius))
    return functional.max_pool2d(across, (2 * radius + 1, 1), 1, (radius, 0))[0]
