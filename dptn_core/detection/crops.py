"""Which part of an image the network is shown of a person, and that part at the network's size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..pose.skeleton import FloatArray

_SURE: Final = 0.2  # confidence of a keypoint that counts
_SHOULDERS, _HIPS = (5, 6), (11, 12)  # COCO
_TORSO_REACH, _BODY_REACH = 1.9, 1.2  # how far the square reaches beyond torso and body, as MoveNet's authors crop
_BOX_REACH = 0.75  # of the longer side of the box, where a torso is not to be seen
_MIN_SIDE: Final = 8  # pixels
_MIN_KEYPOINTS: Final = 3
_BAND: Final = 1 << 20  # pixels at once
_WIDTH, _HEIGHT = 2, 1  # axes of (3, H, W)


@dataclass(frozen=True)
class Square:
    """A part of an image in whole pixels; it may reach beyond the image.

    Attributes:
        left: Of its left edge, x.
        top: Of its upper edge, y.
        side: Of its width and height.
        turns: Quarter turns, counterclockwise, after which what it shows stands upright: 0 to 3.
    """

    left: int
    top: int
    side: int
    turns: int = 0


def square_around(keypoints: FloatArray, sure: float = _SURE) -> Square | None:
    """The square to look at next, or None where too little was seen.

    Args:
        keypoints: (17, 3) x, y in pixels, confidence; COCO's order.
        sure: Keypoints with less confidence do not count.
    """
    seen = keypoints[:, 2] >= sure
    if seen.sum() < _MIN_KEYPOINTS:
        return None
    xy = keypoints[:, :2]
    if seen[list(_SHOULDERS)].any() and seen[list(_HIPS)].any():
        middle = xy[list(_HIPS)].mean(axis=0)
        torso = np.abs(xy[[*_SHOULDERS, *_HIPS]] - middle).max()
        reach = max(_TORSO_REACH * torso, _BODY_REACH * np.abs(xy[seen] - middle).max())
    else:
        low, high = xy[seen].min(axis=0), xy[seen].max(axis=0)
        middle = (low + high) / 2
        reach = _BOX_REACH * (high - low).max()
    side = max(_MIN_SIDE, round(2 * float(reach)))
    left, top = round(float(middle[0]) - side / 2), round(float(middle[1]) - side / 2)
    return Square(left, top, side, _turns_upright(keypoints, sure))


def _turns_upright(keypoints: FloatArray, sure: float) -> int:
    """Quarter turns, counterclockwise, after which the shoulders are above the hips."""
    seen = keypoints[:, 2] >= sure
    shoulders, hips = (keypoints[[joint for joint in pair if seen[joint]], :2] for pair in (_SHOULDERS, _HIPS))
    if not len(shoulders) or not len(hips):
        return 0
    x, y = hips.mean(axis=0) - shoulders.mean(axis=0)
    return -round(float(np.arctan2(x, y)) / (np.pi / 2)) % 4


def turned_back(points: FloatArray, turns: int, width: float, height: float) -> FloatArray:
    """Points (N, 3) x, y, ... of an image after quarter turns, where they are in the image before.

    Args:
        points: In pixels of the turned image.
        turns: Quarter turns it took, counterclockwise, as `torch.rot90(image, turns, (1, 2))` makes them.
        width: Of the image before, pixels.
        height: The same.
    """
    x, y = points[:, 0], points[:, 1]
    back = {0: (x, y), 1: (width - y, x), 2: (width - x, height - y), 3: (y, height - x)}[turns % 4]
    return np.column_stack([*back, points[:, 2:]])


def cut(image: Tensor, square: Square, size: int) -> Tensor:
    """The part of an image (3, H, W) in a square, upright, (3, size, size); black beyond the image."""
    height, width = image.shape[1:]
    right, bottom = square.left + square.side, square.top + square.side
    x0, y0 = min(max(square.left, 0), width), min(max(square.top, 0), height)
    x1, y1 = max(min(right, width), x0), max(min(bottom, height), y0)
    if x1 == x0 or y1 == y0:
        return image.new_zeros(3, size, size)
    # along x, then along y, and band by band: a person of 16x6000 pixels has a square of 36 million
    narrow = image.new_zeros(3, square.side, size)
    step = max(1, _BAND // square.side)
    for start in range(y0, y1, step):
        band = image[:, start : min(start + step, y1), x0:x1]
        wide = functional.pad(band, (x0 - square.left, right - x1))
        first = start - square.top
        narrow[:, first : first + band.shape[1]] = shrunk(wide, (band.shape[1], size))
    return torch.rot90(shrunk(narrow, (size, size)), square.turns, (_HEIGHT, _WIDTH))


def shrunk(image: Tensor, size: tuple[int, int]) -> Tensor:
    """(3, H, W) at another size (height, width), bilinear, averaged where it becomes smaller."""
    if tuple(image.shape[1:]) == size:
        return image
    smaller = size[0] < image.shape[1] or size[1] < image.shape[2]
    return functional.interpolate(image[None], size, mode="bilinear", align_corners=False, antialias=smaller)[0]
