"""Skeleton images in the style of ControlNet's OpenPose preprocessors.

Diffusion ControlNets were trained on exactly this look: each limb a filled ellipse at 0.6 of its colour,
joints as full-colour discs on top, hands as coloured lines with blue dots, faces as white dots, all crisp.
ControlNet draws with fixed widths after scaling the shorter side to 512 px, so here widths grow with the
shorter side. Shapes are filled row by row from their equations: no drawing library, any size, and anything
outside the canvas is clipped.
"""

from __future__ import annotations

import colorsys
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .skeleton import LIMBS, Canvas, FloatArray, People, Pose

JOINT_COLOURS = (
    (255, 0, 0),
    (255, 85, 0),
    (255, 170, 0),
    (255, 255, 0),
    (170, 255, 0),
    (85, 255, 0),
    (0, 255, 0),
    (0, 255, 85),
    (0, 255, 170),
    (0, 255, 255),
    (0, 170, 255),
    (0, 85, 255),
    (0, 0, 255),
    (85, 0, 255),
    (170, 0, 255),
    (255, 0, 255),
    (255, 0, 170),
    (255, 0, 85),
)
"""RGB of the 18 joints; limb ``i`` of `LIMBS` has colour ``i`` at 0.6 of its strength."""

_RGB = tuple[int, int, int]
_LIMB_COLOURS = tuple((int(r * 0.6), int(g * 0.6), int(b * 0.6)) for r, g, b in JOINT_COLOURS)
_HAND_BONES = tuple((0 if joint % 4 == 1 else joint - 1, joint) for joint in range(1, 21))
_HAND_HUES = tuple(colorsys.hsv_to_rgb(bone / 20, 1.0, 1.0) for bone in range(20))
_HAND_COLOURS = tuple((int(r * 255), int(g * 255), int(b * 255)) for r, g, b in _HAND_HUES)
_HAND_DOT: _RGB = (0, 0, 255)
_FACE_DOT: _RGB = (255, 255, 255)

_CONTROLNET_SIDE = 512
_CONTROLNET_WIDTH = 4.0
# Far beyond any image, near enough for squares to stay exact.
_MAX_DISTANCE = 1e7
# Rounding must not lose the pixel that lies exactly on an edge.
_EDGE = 1e-6


def draw_skeleton(
    people: People,
    size: tuple[int, int] | None = None,
    *,
    limb_width: float | None = None,
    joint_radius: float | None = None,
) -> NDArray[np.uint8]:
    """Draw everybody on black.

    Args:
        people: Whom to draw; missing keypoints, and limbs that need them, are left out.
        size: (H, W) of the image; the poses are stretched to it. Their canvas when None.
        limb_width: Half the thickness of a limb in pixels (ControlNet's "stick width"). When None, 4 px at a
            shorter side of 512, in proportion, at least 1. Hand lines are a quarter as thick.
        joint_radius: Radius of joints and hand dots in pixels; same default. Face dots are 3/4 of it.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        ValueError: A size or a width is not positive.
    """
    if size is None:
        size = (people.canvas.height, people.canvas.width)
    canvas = Canvas(width=size[1], height=size[0])
    image = np.zeros((canvas.height, canvas.width, 3), dtype=np.uint8)
    _paint(image, people.rescaled(canvas), _pen(canvas, limb_width, joint_radius))
    return image


def draw_skeleton_over(
    image: NDArray[np.uint8],
    people: People,
    *,
    alpha: float = 0.7,
    limb_width: float | None = None,
    joint_radius: float | None = None,
) -> NDArray[np.uint8]:
    """Draw everybody over an image, which is left as it was.

    Args:
        image: (H, W, 3) uint8 RGB; the poses are stretched to it.
        people: Whom to draw.
        alpha: How opaque the skeleton is, 0..1.
        limb_width: As for `draw_skeleton`.
        joint_radius: As for `draw_skeleton`.

    Returns:
        (H, W, 3) uint8 RGB, a new array.

    Raises:
        ValueError: `image` is not such an image, `alpha` leaves 0..1, or a width is not positive.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"image must be (H, W, 3) uint8, got {image.shape} {image.dtype}")
    if not 0.0 <= alpha <= 1.0:
        raise ValueError(f"alpha must be 0 to 1, got {alpha}")
    canvas = Canvas(width=image.shape[1], height=image.shape[0])
    painted = image.copy()
    _paint(painted, people.rescaled(canvas), _pen(canvas, limb_width, joint_radius))
    changed = (painted != image).any(axis=2)
    mixed = image[changed] * (1.0 - alpha) + painted[changed] * alpha
    painted[changed] = np.rint(mixed).astype(np.uint8)
    return painted


@dataclass(frozen=True)
class _Pen:
    limb: float  # half the thickness of a body limb, pixels
    joint: float  # radius of a joint, pixels


def _pen(canvas: Canvas, limb_width: float | None, joint_radius: float | None) -> _Pen:
    default = max(1.0, _CONTROLNET_WIDTH * min(canvas.width, canvas.height) / _CONTROLNET_SIDE)
    for name, value in (("limb_width", limb_width), ("joint_radius", joint_radius)):
        if value is not None and not (math.isfinite(value) and value > 0):
            raise ValueError(f"{name} must be a positive number of pixels, got {value}")
    return _Pen(
        limb=default if limb_width is None else min(limb_width, _MAX_DISTANCE),
        joint=default if joint_radius is None else min(joint_radius, _MAX_DISTANCE),
    )


def _paint(image: NDArray[np.uint8], people: People, pen: _Pen) -> None:
    """Draw into `image`, whose size is the canvas of `people`, one person after another."""
    for pose in people.people:
        _paint_body(image, pose, pen)
        for hand in (pose.hand_left, pose.hand_right):
            if hand is not None:
                _paint_hand(image, hand, pen)
        if pose.face is not None:
            for point in _pixels(pose.face[pose.face[:, 2] > 0]):
                _fill_disc(image, point, pen.joint * 0.75, _FACE_DOT)


def _paint_body(image: NDArray[np.uint8], pose: Pose, pen: _Pen) -> None:
    points = _pixels(pose.keypoints)
    for (start, end), colour in zip(LIMBS, _LIMB_COLOURS, strict=False):
        if pose.present[start] and pose.present[end]:
            _fill_ellipse(image, points[start], points[end], pen.limb, colour)
    for point, there, colour in zip(points, pose.present, JOINT_COLOURS, strict=True):
        if there:
            _fill_disc(image, point, pen.joint, colour)


def _paint_hand(image: NDArray[np.uint8], hand: FloatArray, pen: _Pen) -> None:
    points = _pixels(hand)
    there = hand[:, 2] > 0
    for (start, end), colour in zip(_HAND_BONES, _HAND_COLOURS, strict=True):
        if there[start] and there[end]:
            _fill_bar(image, points[start], points[end], max(pen.limb / 4, 0.5), colour)
    for point in points[there]:
        _fill_disc(image, point, pen.joint, _HAND_DOT)


def _pixels(points: FloatArray) -> FloatArray:
    """The pixel that holds each point, so that a joint is centred where its heat map peaks."""
    return np.clip(np.floor(points[:, :2]), -_MAX_DISTANCE, _MAX_DISTANCE)


def _fill_disc(image: NDArray[np.uint8], centre: FloatArray, radius: float, colour: _RGB) -> None:
    rows = _rows(image, centre[1], radius)
    half = np.sqrt(np.maximum(radius**2 - (rows - centre[1]) ** 2, 0.0))
    _fill_rows(image, rows, centre[0] - half, centre[0] + half, colour)


def _fill_ellipse(
    image: NDArray[np.uint8], start: FloatArray, end: FloatArray, half_width: float, colour: _RGB
) -> None:
    """Fill the ellipse whose long axis runs from `start` to `end`."""
    (cx, cy), (ux, uy), half_length = _axis(start, end)
    # a*dx^2 + 2*b*dx*dy + c*dy^2 = 1 solved for dx in every row; the discriminant is written as
    # a - (dy / (length * width))^2, which does not cancel for very long limbs.
    a = (ux / half_length) ** 2 + (uy / half_width) ** 2
    b = ux * uy * (1.0 / half_length**2 - 1.0 / half_width**2)
    rows = _rows(image, cy, math.hypot(half_length * uy, half_width * ux))
    dy = rows - cy
    half = np.sqrt(np.maximum(a - (dy / (half_length * half_width)) ** 2, 0.0)) / a
    middle = cx - b * dy / a
    _fill_rows(image, rows, middle - half, middle + half, colour)


def _fill_bar(image: NDArray[np.uint8], start: FloatArray, end: FloatArray, half_width: float, colour: _RGB) -> None:
    """Fill the rectangle around the line from `start` to `end`."""
    (cx, cy), (ux, uy), half_length = _axis(start, end)
    rows = _rows(image, cy, half_length * abs(uy) + half_width * abs(ux))
    dy = rows - cy
    left, right = np.full_like(dy, -np.inf), np.full_like(dy, np.inf)
    # Inside both strips |px*dx + py*dy| <= reach: along the line and across it.
    for px, py, reach in ((ux, uy, half_length), (-uy, ux, half_width)):
        if abs(px) > 1e-12:
            left = np.maximum(left, -py * dy / px - reach / abs(px))
            right = np.minimum(right, -py * dy / px + reach / abs(px))
    _fill_rows(image, rows, cx + left, cx + right, colour)


def _axis(start: FloatArray, end: FloatArray) -> tuple[tuple[float, float], tuple[float, float], float]:
    """Centre, unit direction and half length of a line, at least half a pixel."""
    (x0, y0), (x1, y1) = start.tolist(), end.tolist()
    length = math.hypot(x1 - x0, y1 - y0)
    direction = ((x1 - x0) / length, (y1 - y0) / length) if length > 0 else (1.0, 0.0)
    return ((x0 + x1) / 2, (y0 + y1) / 2), direction, max(length / 2, 0.5)


def _rows(image: NDArray[np.uint8], centre_y: float, reach: float) -> FloatArray:
    """The rows of `image` within `reach` of `centre_y`."""
    first = max(0, math.ceil(centre_y - reach - _EDGE))
    last = min(image.shape[0] - 1, math.floor(centre_y + reach + _EDGE))
    return np.arange(first, last + 1, dtype=np.float64)


def _fill_rows(image: NDArray[np.uint8], rows: FloatArray, left: FloatArray, right: FloatArray, colour: _RGB) -> None:
    """Fill row ``rows[i]`` from ``left[i]`` to ``right[i]``, both included, clipped to the image."""
    width = image.shape[1]
    first = np.clip(np.ceil(left - _EDGE), 0, width).astype(np.int64)
    stop = np.clip(np.floor(right + _EDGE) + 1, 0, width).astype(np.int64)
    for row, x0, x1 in zip(rows.astype(np.int64).tolist(), first.tolist(), stop.tolist(), strict=True):
        image[row, x0:x1] = colour
