"""What the two detectors have in common: an image in, people out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from ...pose.skeleton import Canvas, FloatArray, People, Pose
from .coco_keypoints import Found
from .extraction_error import ExtractionError

Check: TypeAlias = Callable[[], None]
"""Called between network runs; raises to interrupt."""

Find: TypeAlias = Callable[[Tensor, Check], list[Found]]
"""An image (3, H, W) to the people in it."""


@dataclass(frozen=True)
class PoseDetector:
    """A loaded detector of body keypoints.

    Attributes:
        name: "openpose" or "vitpose".
        networks: Its networks, in eval mode and without gradients. They may be moved between calls: each is run
            where its parameters are at that time.
        find: How this detector finds people.
    """

    name: str
    networks: tuple[torch.nn.Module, ...]
    find: Find = field(repr=False)

    def detect(self, image: Tensor, *, threshold: float = 0.3, check: Check | None = None) -> People:
        """Find the people of one image.

        Args:
            image: (3, H, W) in [0, 1], RGB, on any device.
            threshold: Keypoints with a lower score, 0 to 1, are missing. The scores are heights of heat maps and
                not calibrated between detectors.
            check: Called between network runs; what it raises ends the detection.

        Returns:
            Everybody with at least one keypoint, from left to right, on a canvas of the image's size. May be
            empty.

        Raises:
            ExtractionError: `image` or `threshold` is not as described, or the detector's library fails on it.
        """
        check_image(image)
        if not 0 <= threshold <= 1:
            raise ExtractionError(f"expected a threshold from 0 to 1, got {threshold}")
        canvas = Canvas(image.shape[2], image.shape[1])
        with torch.inference_mode():
            found = self.find(image.detach().float().clamp(0, 1), check or _go_on)
        poses = [_pose(points, threshold, canvas) for points in found]
        return People(tuple(sorted((pose for pose in poses if not pose.is_empty), key=_middle)), canvas)


def check_image(image: Tensor) -> None:
    """Refuse what is no image.

    Raises:
        ExtractionError: Another shape, integers, or numbers that are not finite.
    """
    if image.ndim != 3 or image.shape[0] != 3 or 0 in image.shape:
        raise ExtractionError(f"expected an image (3, H, W), got {tuple(image.shape)}")
    if not image.is_floating_point():
        raise ExtractionError(f"expected an image of floats in [0, 1], got {image.dtype}: divide by 255")
    if not torch.isfinite(image).all():
        raise ExtractionError("expected an image in [0, 1], got NaN or infinity; check the step that made it")


def device_of(network: torch.nn.Module) -> torch.device:
    """Where a network is now."""
    return next(network.parameters()).device


def ready(network: torch.nn.Module, device: torch.device | str) -> torch.nn.Module:
    """The network in fp32 on `device`, in eval mode, without gradients."""
    return network.float().to(device).eval().requires_grad_(False)


def _go_on() -> None:
    """Nobody wants to interrupt."""


def _pose(found: Found, threshold: float, canvas: Canvas) -> Pose:
    body = _within_range(found.body)
    parts = (found.hand_left, found.hand_right, found.face, found.feet)
    others = [None if part is None else _within_range(part) for part in parts]
    return Pose(body[:, :2], body[:, 2], canvas, *others).without(threshold)


def _within_range(points: FloatArray) -> FloatArray:
    points = np.where(np.isfinite(points).all(axis=1, keepdims=True), points, 0.0)
    # Heights of heat maps overshoot 1 and go below 0.
    return np.column_stack([points[:, :2], points[:, 2].clip(0, 1)])


def _middle(pose: Pose) -> float:
    return float(pose.keypoints[pose.present, 0].mean())
