"""The frame: which part of a canvas the network sees, and the way in and out of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
import torch
from torch import Tensor

from ..checkpoint import Framing
from ..image_io import MAX_PIXELS
from ..pose import Canvas, Pose
from .box import Box, cut_box, spread_box

# The authors' images: 256x256 with the person in columns 40..216, stretched back to 256x256.
_STRETCH_ASPECT = 176 / 256
_STRETCH_SQUARE, _STRETCH_LEFT = 256, 40
_MARGIN = 0.09  # of the person's height around the person, as in the training pairs of drawn figures
_STRETCH_SLACK = 8  # pixels by which a detector may see a joint beyond those columns
_MIN_KEYPOINTS = 4
_MAX_DISTANCE = 1.5  # longer sides of the canvas that a keypoint may lie away from its middle
_ROOM = 0.005  # fraction of a frame that a pose may stick out before the frame has to grow

_NOSE, _NECK, _HIPS, _KNEES, _ANKLES, _ELBOWS, _WRISTS = 0, 1, (8, 11), (9, 12), (10, 13), (3, 6), (4, 7)


class FramingError(ValueError):
    """A pose that no frame fits around; the message says why and what to do."""


@dataclass(frozen=True)
class Frame:
    """A box of a canvas, seen by the network at `size`."""

    box: Box
    canvas: Canvas
    size: tuple[int, int]  # (H, W) of the network's images

    def pose_inside(self, pose: Pose) -> Pose:
        """The pose in the network's pixels; keypoints outside the frame are gone.

        Args:
            pose: on this frame's canvas.
        """
        height, width = self.size
        scale = (width / self.box.width, height / self.box.height)
        offset = (-self.box.left * scale[0], -self.box.top * scale[1])
        moved = pose.transformed(scale, offset, Canvas(width, height))
        xy = moved.keypoints
        inside = (xy[:, 0] >= 0) & (xy[:, 0] < width) & (xy[:, 1] >= 0) & (xy[:, 1] < height)
        return Pose(np.where(inside[:, None], xy, 0.0), np.where(inside, moved.confidence, 0.0), moved.canvas)

    def points_inside(self, points: Tensor) -> Tensor:
        """Canvas pixels (N, 2) as pixels of the network's image."""
        scale = points.new_tensor([self.size[1] / self.box.width, self.size[0] / self.box.height])
        return (points - points.new_tensor([self.box.left, self.box.top])) * scale

    def points_outside(self, points: Tensor) -> Tensor:
        """Pixels (N, 2) of the network's image as canvas pixels."""
        scale = points.new_tensor([self.box.width / self.size[1], self.box.height / self.size[0]])
        return points * scale + points.new_tensor([self.box.left, self.box.top])

    def cut(self, image: Tensor) -> Tensor:
        """The frame's part of a (3, H, W) canvas at the network's size; beyond the canvas its edge goes on."""
        return cut_box(image, self.box, self.size)

    def paste(self, image: Tensor, onto: Tensor | None) -> Tensor:
        """A (3, H, W) image of the network put back into the canvas.

        Args:
            image: at `size`, in [0, 1].
            onto: (3, canvas height, canvas width) to lie around the frame, or None: the frame's edge goes on outwards.

        Returns:
            (3, canvas height, canvas width) in [0, 1].
        """
        box, canvas = self.box, self.canvas
        spread = spread_box(image, box, (canvas.height, canvas.width))
        if onto is None:
            return spread
        rows = torch.arange(canvas.height, device=image.device) - box.top
        columns = torch.arange(canvas.width, device=image.device) - box.left
        # A soft seam, except where the frame ends at the canvas' own edge.
        seam = max(2.0, 0.02 * min(box.height, box.width))
        vertical = _ramp(rows, box.height, seam, box.top <= 0, box.bottom >= canvas.height)
        horizontal = _ramp(columns, box.width, seam, box.left <= 0, box.right >= canvas.width)
        weight = (vertical[:, None] * horizontal[None, :]).to(spread)
        around = onto.to(spread) * (1 - weight)
        return around.add_(spread.mul_(weight))


def _ramp(place: Tensor, length: int, seam: float, open_start: bool, open_end: bool) -> Tensor:
    """1 inside [0, length), falling to 0 at its ends over `seam` pixels, except at an open end."""
    inside = ((place >= 0) & (place < length)).float()
    start = torch.ones_like(inside) if open_start else ((place + 0.5) / seam).clamp(0, 1)
    end = torch.ones_like(inside) if open_end else ((length - place - 0.5) / seam).clamp(0, 1)
    return inside * torch.minimum(start, end)


def check_pose(pose: Pose, name: str) -> None:
    """Refuse a pose that says too little about where the person is.

    Raises:
        FramingError: fewer than four keypoints inside the canvas, all in one place, one far outside, or a canvas
            larger than images may be.
    """
    canvas = pose.canvas
    if canvas.width * canvas.height > MAX_PIXELS:
        raise FramingError(
            f"expected the {name} on a canvas of at most {MAX_PIXELS // 10**6} million pixels, got {canvas}; "
            "bring the pose to a smaller canvas"
        )
    there = pose.keypoints[pose.present]
    if len(there) < _MIN_KEYPOINTS:
        raise FramingError(
            f"the {name} has {len(there)} of 18 keypoints; expected at least {_MIN_KEYPOINTS}. Add the missing joints, "
            "or lower the detector's threshold"
        )
    spread = np.ptp(there, axis=0)
    if spread.max() < 2:
        raise FramingError(
            f"all keypoints of the {name} lie within {spread.max():.1f} pixels; expected the size of a body"
        )
    inside = (there >= 0).all(1) & (there[:, 0] < canvas.width) & (there[:, 1] < canvas.height)
    if inside.sum() < _MIN_KEYPOINTS:
        raise FramingError(
            f"only {inside.sum()} of the {len(there)} keypoints of the {name} lie inside its canvas of {canvas}; "
            f"expected at least {_MIN_KEYPOINTS}. Move the pose into the image, or check that they belong together"
        )
    away = np.abs(there - (canvas.width / 2, canvas.height / 2)).max(1)
    if away.max() > _MAX_DISTANCE * max(canvas.width, canvas.height):
        x, y = there[away.argmax()]
        raise FramingError(
            f"a keypoint of the {name} lies at {x:.0f}, {y:.0f}, far outside its canvas of {canvas}; move or remove it"
        )


def person_extent(pose: Pose) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of the person: the keypoints and what they do not show, crown, hands and feet.

    Args:
        pose: a pose that `check_pose` accepts, in pixels.
    """
    xy, present = pose.keypoints, pose.present
    points = [xy[present]]

    def beyond(joint: int, before: int, fraction: float) -> None:
        """The point past `joint` on the line from `before`, a fraction of their distance further."""
        if present[joint] and present[before]:
            points.append((xy[joint] + (xy[joint] - xy[before]) * fraction)[None])

    beyond(_NOSE, _NECK, 1.0)
    hips = [xy[hip] for hip in _HIPS if present[hip]]
    if hips and present[_NECK]:
        points.append((xy[_NECK] + (xy[_NECK] - np.mean(hips, axis=0)) * 0.5)[None])
    for wrist, elbow in zip(_WRISTS, _ELBOWS, strict=True):
        beyond(wrist, elbow, 0.4)
    for ankle, knee in zip(_ANKLES, _KNEES, strict=True):
        beyond(ankle, knee, 0.22)
    every = np.concatenate(points)
    left, top = every.min(0)
    right, bottom = every.max(0)
    # limbs and trunk have a width of their own, even seen exactly from the side
    width = 0.06 * max(right - left, bottom - top)
    return float(left - width), float(top), float(right + width), float(bottom)


def frame_person(pose: Pose, size: tuple[int, int], framing: Framing, name: str = "pose") -> Frame:
    """A frame around one person.

    Args:
        pose: the person, on any canvas.
        size: (H, W) the network sees.
        framing: "fit" keeps the image's proportions; "stretch" cuts 176:256 as the authors did and stretches that.
        name: of the pose, for errors.

    Raises:
        FramingError: see `check_pose`.
    """
    if framing not in get_args(Framing):
        raise FramingError(f"expected one of {', '.join(get_args(Framing))} for framing, got {framing!r}")
    check_pose(pose, name)
    if framing == "stretch" and (whole := _authors_box([pose])) is not None:
        return Frame(whole, pose.canvas, size)
    return frame_extent(person_extent(pose), pose.canvas, size, framing)


def frame_targets(poses: Sequence[Pose], source: Frame, source_pose: Pose, framing: Framing) -> Frame:
    """One frame for all target poses, within which things stand still; `following_frames` may divide it.

    On the source's own canvas the frame is the source's, or grows until it holds the source person and all targets:
    the background then stays in place, and where the person left, it is redrawn. On another canvas the frame is put
    around the targets alone.

    Raises:
        FramingError: see `check_pose`.
    """
    many = len(poses) > 1
    for index, pose in enumerate(poses):
        check_pose(pose, f"target pose {index}" if many else "target pose")
        if pose.canvas != poses[0].canvas:
            raise FramingError(
                f"target pose {index} is on a canvas of {pose.canvas}, the first on {poses[0].canvas}; "
                "bring all poses of a sequence to one canvas"
            )
    canvas = poses[0].canvas
    everybody = [*poses, source_pose] if canvas == source.canvas else poses
    if framing == "stretch" and (whole := _authors_box(everybody)) is not None:
        return Frame(whole, canvas, source.size)
    extent = _union(person_extent(pose) for pose in poses)
    if canvas == source.canvas:
        box = source.box
        room_x, room_y = _ROOM * box.width, _ROOM * box.height
        left, top, right, bottom = extent
        if (
            left >= box.left - room_x
            and top >= box.top - room_y
            and right <= box.right + room_x
            and bottom <= box.bottom + room_y
        ):
            return source
        extent = _union([extent, person_extent(source_pose)])
    return frame_extent(extent, canvas, source.size, framing)


def _authors_box(poses: Sequence[Pose]) -> Box | None:
    """The authors' own crop, for images of the authors' own sizes with the people where theirs are."""
    canvas = poses[0].canvas
    if (canvas.width, canvas.height) == (176, 256):
        return Box(0, 0, 176, 256)
    if (canvas.width, canvas.height) != (_STRETCH_SQUARE, _STRETCH_SQUARE):
        return None
    box = Box(_STRETCH_LEFT, 0, round(_STRETCH_SQUARE * _STRETCH_ASPECT), _STRETCH_SQUARE)
    for pose in poses:
        beyond = np.abs(pose.keypoints[pose.present, 0] - (box.left + box.right) / 2) - box.width / 2
        if beyond.max() > _STRETCH_SLACK or (beyond < 0).sum() < _MIN_KEYPOINTS:
            return None
    return box


def _union(extents: Iterable[tuple[float, float, float, float]]) -> tuple[float, float, float, float]:
    left, top, right, bottom = zip(*extents, strict=True)
    return min(left), min(top), max(right), max(bottom)


def frame_extent(
    extent: tuple[float, float, float, float], canvas: Canvas, size: tuple[int, int], framing: Framing
) -> Frame:
    """A frame around left, top, right and bottom in pixels of a canvas, with a margin.

    Args:
        extent: see `person_extent`.
        canvas: the frame lies within it as far as it fits.
        size: (H, W) the network sees.
        framing: see `frame_person`.

    Raises:
        FramingError: the frame would take too much memory.
    """
    left, top, right, bottom = extent
    margin = _MARGIN * max(bottom - top, right - left)
    left, top, right, bottom = left - margin, top - margin, right + margin, bottom + margin
    aspect = _STRETCH_ASPECT if framing == "stretch" else size[1] / size[0]
    height = max(bottom - top, (right - left) / aspect, 4.0)
    width = height * aspect
    # No more beyond the canvas than must be: invented surroundings help nobody.
    left = _slide((left + right) / 2 - width / 2, width, canvas.width)
    top = _slide((top + bottom) / 2 - height / 2, height, canvas.height)
    box = Box(round(left), round(top), max(round(width), 1), max(round(height), 1))
    if box.width * box.height > MAX_PIXELS:
        raise FramingError(
            f"expected a frame of at most {MAX_PIXELS // 10**6} million pixels around the pose, got "
            f"{box.width}x{box.height}; scale image and pose down, or remove stray joints"
        )
    return Frame(box, canvas, size)


def _slide(start: float, length: float, limit: int) -> float:
    """Move [start, start + length) into [0, limit), or where it is longer, over all of it."""
    first, last = sorted((0.0, limit - length))
    return min(max(start, first), last)
