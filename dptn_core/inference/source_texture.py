"""What a source image holds for the carrier, found once for any number of poses."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from ..network.carrier import MULTIPLE, WORK_HEIGHT, Carrier, SourceParts
from ..pose import Pose
from ..segmentation.edges import enlarged_mask, linear_model
from .box import Box
from .framing import Frame
from .person_outline import covers, within
from .transfer import EncodedSource

_BEYOND: Final = 0.3  # of the frame's height
_NOBODY: Final = 0.5  # mask where no segmenter looked
_HOLE: Final = 0.012  # of the frame's height: how far around the person the background is not trusted
_DOUBT: Final = (0.2, 0.5)  # of the person in a pixel: up to the first it is background, from the second on it is not
_MIN_COVERED: Final = 0.3  # of a pixel: with less of the person in it, its colour cannot be told
_BAND: Final = 1 << 20  # pixels worked on at once
# What is as large as the image is kept in half the bytes; its steps are an eighth of those that 8 bits have.
_AT_REST: Final = torch.float16


@dataclass(frozen=True, eq=False)
class SourceTexture:
    """A source's own pixels, ready to be warped."""

    parts: SourceParts  # at the working size, batch of one
    pose: Tensor  # (1, 18, 3) in the working frame
    frame: Frame  # the source's, at the working size
    # (H, W, 4) fp16 in [0, 1] on the image's canvas: the person's own colours, at soft edges without the background's,
    # and the matte; a pixel's numbers lie together, as they are looked up together
    layers: Tensor
    background: Tensor  # (3, H, W) fp16: the image with the person taken out
    behind: Tensor | None  # (1, 3, h, w): the same in the working frame; None: the carrier sees the person there

    @property
    def person(self) -> Tensor:
        """(3, H, W) of `layers`: the person's own colours."""
        return self.layers[..., :3].permute(2, 0, 1)

    @property
    def matte(self) -> Tensor:
        """(H, W) of `layers`: where the source person is."""
        return self.layers[..., 3]


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
    image = source.image.float()
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
        # nothing is kept longer than it is needed: each of these is as large as a third of the image
        hole = hole_around(matte if mask is None else torch.maximum(matte, mask.to(matte)), frame.box.height)
        background = fill_background(image, hole, avoid=avoid)
        del hole
        behind = frame.cut(background).to(device)[None]
        layers = _layers(image, matte, background)
    return SourceTexture(parts, pose, frame, layers, background.to(_AT_REST), behind)


def _layers(image: Tensor, matte: Tensor, background: Tensor) -> Tensor:
    """Colours of the person and the matte, (H, W, 4), band by band: each step in between is as large as the image."""
    height, width = matte.shape
    layers = torch.empty(height, width, 4, dtype=_AT_REST, device=image.device)
    step = max(1, _BAND // width)
    for start in range(0, height, step):
        rows = slice(start, start + step)
        seen, opacity = image[:, rows], matte[rows]
        own = (seen - (1 - opacity) * background[:, rows]) / opacity.clamp(min=_MIN_COVERED)
        person = torch.where(opacity > _MIN_COVERED, own, seen).clamp(0, 1)
        layers[rows] = torch.cat([person, opacity[None]]).permute(1, 2, 0)
    return layers


def _enlarged(matte: Tensor, small: Tensor, frame: Frame, image: Tensor) -> Tensor:
    """A matte (1, h, w) of a frame on the whole canvas (H, W), its edges those of the image (3, H, W)."""
    model = linear_model(matte, small)
    box, around = frame.box, beyond(frame.box)
    return enlarged_mask(
        model,
        image,
        (box.left, box.top, box.right, box.bottom),
        (around.left, around.top, around.right, around.bottom),
    )


def hole_around(matte: Tensor, height: int) -> Tensor:
    """Where the background is not to be trusted, (H, W): the person and a margin, softly.

    Args:
        matte: (H, W) in [0, 1].
        height: of the person's frame, pixels.
    """
    radius = max(1, round(_HOLE * height))
    low, high = _DOUBT
    sure = ((matte - low) / (high - low)).clamp_(0, 1)  # wisps of doubt are left alone
    return _highest(_highest(sure, radius).T, radius).T


def _highest(values: Tensor, radius: int) -> Tensor:
    """The largest of each row's values (H, W) within a radius.

    Of two halves that overlap, each of two halves of its own, and so on: a radius of a hundred costs seven steps.
    """
    height, width = values.shape
    found = torch.empty_like(values)
    step = max(1, _BAND // (width + 2 * radius))
    for start in range(0, height, step):
        line = functional.pad(values[start : start + step], (radius, radius))  # nothing is below 0
        reach = 1
        while reach < 2 * radius + 1:
            more = min(reach, 2 * radius + 1 - reach)
            line = torch.maximum(line[:, :-more], line[:, more:])
            reach += more
        found[start : start + step] = line
    return found
