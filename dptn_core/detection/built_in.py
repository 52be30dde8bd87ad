"""The built-in detector as the rest of the product uses it: images in, `People` out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..pose.skeleton import Canvas, FloatArray, People, Pose
from .crops import shrunk, square_around
from .external.coco_keypoints import openpose_from_coco
from .external.pose_detector import check_image
from .movenet import MoveNet
from .movenet_file import DetectionError
from .search import Check, distinct, find_anywhere, is_person, look

THRESHOLD: Final = 0.2  # confidence of a keypoint; see `benchmarks.detector`
_MAX_SIDE: Final = 2048  # pixels; larger images are averaged first
_THUMBNAIL: Final = (24, 24)
_SAME_SHOT: Final = 0.06  # mean difference of thumbnails, 0 to 1, up to which a frame goes on from the one before
_STEP: Final = 0.25  # of a person's size: who moves more in the median from frame to frame is somebody else
_NEWCOMERS: Final = 12  # frames after which the whole image is looked at again


def detect_people(
    network: MoveNet, image: Tensor, *, threshold: float = THRESHOLD, check: Check | None = None
) -> People:
    """Find the people of one image.

    Args:
        network: From `load_movenet`; it is run where it is.
        image: (3, H, W) in [0, 1], RGB, on any device.
        threshold: Keypoints with less confidence, 0 to 1, are left out.
        check: Called between network runs; what it raises ends the detection.

    Returns:
        Everybody with at least one keypoint, from left to right, on a canvas of the image's size, with the
        confidence of each keypoint. Keypoints beyond the image are left out. May be empty.

    Raises:
        DetectionError: `threshold` is out of range.
        ExtractionError: `image` is not as described.
    """
    return next(detect_frames(network, [image], threshold=threshold, check=check))


def detect_frames(
    network: MoveNet, images: Iterable[Tensor], *, threshold: float = THRESHOLD, check: Check | None = None
) -> Iterator[People]:
    """Find the people of each of several images, such as the frames of a video.

    Where an image goes on from the one before, people are first looked for where they were, which takes one network
    run a person; the whole image is looked at when somebody is not found there, and now and then for newcomers.

    Args:
        network, threshold, check: As for `detect_people`.
        images: (3, H, W) each, of any sizes.

    Yields:
        For each image what `detect_people` returns.

    Raises:
        DetectionError, ExtractionError: As for `detect_people`.
    """
    if not 0 <= threshold <= 1:
        raise DetectionError(f"expected a threshold from 0 to 1, got {threshold}")
    last: _Frame | None = None
    for image in images:
        check_image(image)
        with torch.inference_mode():
            last = _next_frame(network, image.detach(), last, check or _go_on)
        yield _people(last.people, threshold, Canvas(image.shape[2], image.shape[1]))


@dataclass(frozen=True)
class _Frame:
    """What is remembered of a frame."""

    thumbnail: Tensor  # (3, h, w)
    size: tuple[int, ...]  # of the image
    people: list[FloatArray]  # (17, 3), COCO, pixels of the image
    followed: int  # frames since the whole image was looked at


def _next_frame(network: MoveNet, image: Tensor, last: _Frame | None, check: Check) -> _Frame:
    device = next(network.parameters()).device
    factor = -(-max(image.shape[1:]) // _MAX_SIDE)
    small = functional.avg_pool2d(image[None].float(), factor, ceil_mode=True)[0] if factor > 1 else image.float()
    small = small.clamp(0, 1).to(device)
    thumbnail = shrunk(small, _THUMBNAIL)
    goes_on = (
        last is not None
        and last.size == tuple(image.shape)
        and last.followed < _NEWCOMERS
        and float((thumbnail - last.thumbnail).abs().mean()) < _SAME_SHOT
    )
    if goes_on and last is not None and last.people:
        check()
        followed = _follow(network, small, [_scaled(one, 1 / factor) for one in last.people], check)
        if followed is not None:
            people = [_scaled(one, factor) for one in followed]
            return _Frame(thumbnail, tuple(image.shape), people, last.followed + 1)
    people = [_scaled(one, factor) for one in find_anywhere(network, small, check)]
    return _Frame(thumbnail, tuple(image.shape), people, 0)


def _follow(network: MoveNet, image: Tensor, before: list[FloatArray], check: Check) -> list[FloatArray] | None:
    """The same people a frame later, or None where one of them is not where they were."""
    squares = [square_around(one) for one in before]
    if None in squares:
        return None
    now = look(network, image, [square for square in squares if square is not None], check)
    if not all(is_person(one) and _near(one, other) for one, other in zip(now, before, strict=True)):
        return None
    return now if len(distinct(now)) == len(now) else None


def _near(person: FloatArray, before: FloatArray) -> bool:
    size = max(np.ptp(before[:, 0]), np.ptp(before[:, 1]), 1.0)
    return bool(np.median(np.hypot(*(person - before)[:, :2].T)) < _STEP * size)


def _scaled(person: FloatArray, factor: float) -> FloatArray:
    return person * (factor, factor, 1.0)


def _people(found: list[FloatArray], threshold: float, canvas: Canvas) -> People:
    poses = [_pose(openpose_from_coco(one), threshold, canvas) for one in found]
    return People(tuple(sorted((pose for pose in poses if not pose.is_empty), key=_middle)), canvas)


def _pose(points: FloatArray, threshold: float, canvas: Canvas) -> Pose:
    # A tenth of a pixel is more than the network can tell. Digits beyond it differ from machine to machine, and an edit
    # made over a pose counts only while that pose stays the same.
    xy, confidence = points[:, :2].round(1), points[:, 2].clip(0, 1)
    inside = ((xy >= 0) & (xy <= (canvas.width, canvas.height))).all(axis=1)
    return Pose(xy, np.where(inside, confidence, 0.0), canvas).without(threshold)


def _middle(pose: Pose) -> float:
    return float(pose.keypoints[pose.present, 0].mean())


def _go_on() -> None:
    """Nobody wants to interrupt."""
