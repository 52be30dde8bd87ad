"""Where a person is in an image, pixel by pixel."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from torch import Tensor

from ..detection.crops import cut, square_around
from ..detection.external.pose_detector import check_image
from ..pose.skeleton import FloatArray, Pose
from .blazepose import SIZE, BlazePoseSegmenter
from .blazepose_file import SegmentationError
from .edges import enlarged_mask, linear_model

# For each of COCO's 17 keypoints its place among OpenPose's 18.
_OPENPOSE: Final = (0, 15, 14, 17, 16, 5, 2, 6, 3, 7, 4, 11, 8, 12, 9, 13, 10)


def person_mask(network: BlazePoseSegmenter, image: Tensor, pose: Pose) -> Tensor:
    """The mask of one person.

    Args:
        network: From `load_segmenter`; it is run where it is.
        image: (3, H, W) in [0, 1], RGB, on any device.
        pose: The person's, on any canvas: it is stretched to the image. It says where the person is, and who is meant.

    Returns:
        (H, W) float32 on the image's device: 1 where the person is, 0 where not, between along soft edges.

    Raises:
        SegmentationError: The pose has too few joints to say where the person is.
        ExtractionError: `image` is not as described.
    """
    check_image(image)
    height, width = image.shape[1:]
    square = square_around(_coco(pose, width, height), sure=np.finfo(float).tiny)
    if square is None:
        raise SegmentationError(
            f"the pose has {int(pose.present.sum())} joints; expected at least 3 of head, arms and legs: lower the "
            "detector's threshold, or edit the pose"
        )
    device = next(network.parameters()).device
    box = (square.left, square.top, square.left + square.side, square.top + square.side)
    with torch.inference_mode():
        there = image.detach().float()
        seen = cut(there, square, SIZE).clamp(0, 1).to(device)
        model = torch.rot90(linear_model(network(seen[None])[0], seen), -square.turns, (1, 2))
        return enlarged_mask(model, there, box, box)


def can_be_masked(pose: Pose) -> bool:
    """Whether a pose has enough joints, of head, arms and legs, to say where the person is."""
    return square_around(_coco(pose, pose.canvas.width, pose.canvas.height), sure=np.finfo(float).tiny) is not None


def _coco(pose: Pose, width: int, height: int) -> FloatArray:
    """(17, 3) x, y in pixels of an image, confidence."""
    scale = width / pose.canvas.width, height / pose.canvas.height
    points = np.column_stack([pose.keypoints * scale, pose.confidence])
    return points[list(_OPENPOSE)]
