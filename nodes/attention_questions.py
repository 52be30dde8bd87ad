"""Which places of a generated image Attention Preview asks about."""

from __future__ import annotations

import re
from dataclasses import dataclass

import torch
from torch import Tensor

from ..dptn_core.inference.attention_plot import SHOWN_JOINTS, joint_colour
from ..dptn_core.inference.transfer import Generated
from ..dptn_core.pose import KEYPOINT_NAMES, Canvas
from .errors import NodeError

NODE = "Attention Preview"
ALL_JOINTS, NO_JOINT = "all joints", "none"
JOINTS = [name.replace("_", " ") for name in KEYPOINT_NAMES]
_POINT = re.compile(r"\s*\(?\s*(-?\d*\.?\d+|-?\d+\.)\s*,\s*(-?\d*\.?\d+|-?\d+\.)\s*\)?\s*")
_MAX_POINTS = 64
_MASK_POINTS = 64  # places of a mask that are asked about
_MASK_COLOUR = (255, 255, 255)


@dataclass(frozen=True, eq=False)
class Questions:
    """Places of one generated image, on its device, and the RGB colour 0..255 of each answer."""

    points: Tensor  # (N, 2) xy pixels of the target's canvas, each answered by itself
    region: Tensor | None  # (M, 2), answered together
    colours: list[tuple[int, int, int]]  # N, and one more for the region


def questions(generated: Generated, joint: str, points: str, mask: Tensor | None) -> Questions:
    """Read the inputs `joint`, `points` and `mask`.

    Args:
        generated: the image that they are about.
        joint: `ALL_JOINTS`, `NO_JOINT` or one of `JOINTS`.
        points: text, x,y; x,y; ...
        mask: (B, H, W) of any size, of which the first counts, or None.

    Raises:
        NodeError: an input cannot be read, or none of them names a place.
    """
    numbers = _joints(generated, joint)
    typed = _typed_points(points, generated.frame.canvas)
    places = [*(tuple(generated.pose.keypoints[number].tolist()) for number in numbers), *typed]
    colours = [joint_colour(number) for number in numbers]
    colours += [joint_colour(number * 5 % len(SHOWN_JOINTS)) for number in range(len(typed))]
    region = None if mask is None else _region(mask, generated)
    if region is None and not places:
        raise NodeError(f"{NODE}: no place to ask about; choose a joint of the pose, give 'points' or connect a mask")
    device = generated.image.device
    asked = torch.tensor(places, dtype=torch.float32, device=device).view(-1, 2)
    return Questions(asked, region, colours if region is None else [*colours, _MASK_COLOUR])


def _joints(generated: Generated, joint: str) -> list[int]:
    """Numbers of the joints that are asked about and that the pose has."""
    numbers = SHOWN_JOINTS if joint == ALL_JOINTS else [JOINTS.index(joint)] if joint in JOINTS else []
    shown = [number for number in numbers if generated.pose.present[number]]
    if joint in JOINTS and not shown:
        raise NodeError(f"{NODE}, input 'joint': the pose of this image has no {joint}; choose another")
    return shown


def _typed_points(text: str, canvas: Canvas) -> list[tuple[float, float]]:
    points = []
    for part in filter(str.strip, re.split(r"[;\n]", text)):
        shown = repr(part.strip()[:40])
        match = _POINT.fullmatch(part)
        if match is None:
            raise NodeError(f"{NODE}, input 'points': expected x,y; x,y; ... in pixels, got {shown}")
        x, y = float(match[1]), float(match[2])
        if not (0 <= x <= canvas.width and 0 <= y <= canvas.height):
            raise NodeError(f"{NODE}, input 'points': {shown} lies outside the target image of {canvas}")
        points.append((x, y))
    if len(points) > _MAX_POINTS:
        raise NodeError(f"{NODE}, input 'points': expected at most {_MAX_POINTS} points, got {len(points)}")
    return points


def _region(mask: Tensor, generated: Generated) -> Tensor:
    """Up to `_MASK_POINTS` pixels of the target, spread evenly over the first mask of a batch, of any size."""
    first = mask[0]
    inside = torch.nonzero(first > 0.5)
    if not len(inside):
        raise NodeError(f"{NODE}, input 'mask': the mask is empty; paint the region to ask about")
    some = torch.arange(min(len(inside), _MASK_POINTS)) * len(inside) // min(len(inside), _MASK_POINTS)
    places = inside.cpu()[some].float() + 0.5
    canvas = generated.frame.canvas
    scale = torch.tensor([canvas.width / first.shape[1], canvas.height / first.shape[0]])
    return (places.flip(1) * scale).to(generated.image.device)
