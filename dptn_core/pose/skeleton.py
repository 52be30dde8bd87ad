"""The skeleton and its value types: `Canvas`, `Pose` and `People`.

Coordinates are continuous pixels, x to the right and y down: pixel ``i`` covers ``[i, i + 1)``, so
truncating a coordinate names the pixel that holds it, and stretching and mirroring need no half pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray: TypeAlias = NDArray[np.float64]

KEYPOINT_NAMES = (
    "nose",
    "neck",
    "right_shoulder",
    "right_elbow",
    "right_wrist",
    "left_shoulder",
    "left_elbow",
    "left_wrist",
    "right_hip",
    "right_knee",
    "right_ankle",
    "left_hip",
    "left_knee",
    "left_ankle",
    "right_eye",
    "left_eye",
    "right_ear",
    "left_ear",
)
"""The 18 body keypoints in OpenPose order; the channel order of the network's heat maps."""

LIMBS = (
    (1, 2),
    (1, 5),
    (2, 3),
    (3, 4),
    (5, 6),
    (6, 7),
    (1, 8),
    (8, 9),
    (9, 10),
    (1, 11),
    (11, 12),
    (12, 13),
    (1, 0),
    (0, 14),
    (14, 16),
    (0, 15),
    (15, 17),
)
"""The 17 limbs as pairs of keypoint indices, in the order ControlNet's OpenPose preprocessor draws them."""

HAND_POINTS = 21
FACE_POINTS = 70
FOOT_POINTS = 6

MAX_COORDINATE = 1e6  # pixels; nothing farther away belongs to an image
MAX_CANVAS_SIDE = 32_768
"""Twice the largest image ComfyUI handles; keeps a hostile file from asking for terabytes of canvas."""


class NoPersonError(ValueError):
    """A person, or any keypoint of one, was asked for where there is none."""


@dataclass(frozen=True)
class Canvas:
    """The frame that keypoints refer to.

    Attributes:
        width: Whole pixels, 1 to 32768.
        height: Whole pixels, 1 to 32768.

    Raises:
        ValueError: A side is not a whole number in that range.
    """

    width: int
    height: int

    def __post_init__(self) -> None:
        """Check both sides and store them as Python integers."""
        for name in ("width", "height"):
            side: object = getattr(self, name)
            if isinstance(side, bool) or not isinstance(side, (int, np.integer)):
                raise ValueError(f"canvas {name} must be a whole number, got {type(side).__name__}")
            if not 1 <= side <= MAX_CANVAS_SIDE:
                raise ValueError(f"canvas {name} must be 1 to {MAX_CANVAS_SIDE}, got {_shown(int(side))}")
            object.__setattr__(self, name, int(side))

    def __str__(self) -> str:
        """Width x height, as people write sizes."""
        return f"{self.width}x{self.height}"


@dataclass(frozen=True, eq=False)
class Pose:
    """One person's pose. An immutable value: equal and hashed by content, arrays read-only.

    Attributes:
        keypoints: (18, 2) float64, x and y in pixels of `canvas`, inside it or not; 0, 0 where missing.
        confidence: (18,) float64 in 0..1; 0 means missing.
        canvas: The frame the coordinates refer to.
        hand_left: (21, 3) float64 x, y, confidence of the person's own left hand, or None. A part without
            a single present point is stored as None.
        hand_right: The same for the right hand.
        face: (70, 3) float64 in the same form, or None.
        feet: (6, 3) in the same form, or None: big toe, small toe and heel of the left foot, then of the right.

    Raises:
        ValueError: A shape is wrong, a number is NaN or infinite, or a confidence leaves 0..1.
    """

    keypoints: FloatArray
    confidence: FloatArray
    canvas: Canvas
    hand_left: FloatArray | None = None
    hand_right: FloatArray | None = None
    face: FloatArray | None = None
    feet: FloatArray | None = None

    def __post_init__(self) -> None:
        """Copy, check and freeze the arrays; zero whatever is missing."""
        joints = len(KEYPOINT_NAMES)
        confidence = _finite_array(self.confidence, (joints,), "confidence")
        keypoints = _finite_array(self.keypoints, (joints, 2), "keypoints")
        body = _checked_points(np.column_stack([keypoints, confidence]), "confidence")
        object.__setattr__(self, "keypoints", _read_only(body[:, :2]))
        object.__setattr__(self, "confidence", _read_only(body[:, 2]))
        counts = {"hand_left": HAND_POINTS, "hand_right": HAND_POINTS, "face": FACE_POINTS, "feet": FOOT_POINTS}
        for name, count in counts.items():
            part = getattr(self, name)
            if part is not None:
                points = _checked_points(_finite_array(part, (count, 3), name), f"confidence of {name}")
                part = _read_only(points) if points[:, 2].any() else None
            object.__setattr__(self, name, part)

    @classmethod
    def from_keypoints(cls, xy_or_xyc: Sequence[Sequence[float] | None] | FloatArray, canvas: Canvas) -> Pose:
        """Build a pose from 18 entries.

        Args:
            xy_or_xyc: 18 entries in the order of `KEYPOINT_NAMES`, each (x, y), (x, y, confidence), or None
                where the keypoint is missing; or an array (18, 2) or (18, 3). Pixels of `canvas`.
            canvas: The frame they refer to.

        Raises:
            ValueError: Not 18 entries, an entry is neither two nor three numbers, or as for `Pose`.
        """
        if len(xy_or_xyc) != len(KEYPOINT_NAMES):
            raise ValueError(f"a pose has {len(KEYPOINT_NAMES)} keypoints, got {len(xy_or_xyc)}")
        rows = np.zeros((len(KEYPOINT_NAMES), 3))
        for name, row, entry in zip(KEYPOINT_NAMES, rows, xy_or_xyc, strict=True):
            if entry is None:
                continue
            if len(entry) not in (2, 3):
                raise ValueError(f"keypoint {name} must be x, y or x, y, confidence, got {len(entry)} numbers")
            row[:] = (entry[0], entry[1], entry[2] if len(entry) == 3 else 1.0)
        return cls(rows[:, :2], rows[:, 2], canvas)

    @property
    def present(self) -> NDArray[np.bool_]:
        """(18,) bool: which keypoints are there."""
        return self.confidence > 0

    @property
    def is_empty(self) -> bool:
        """Whether no body keypoint is present (hands and face do not count)."""
        return not self.present.any()

    def bounds(self) -> tuple[float, float, float, float]:
        """The tight box around the present body keypoints.

        Returns:
            (x0, y0, x1, y1) in pixels of the canvas.

        Raises:
            NoPersonError: No keypoint is present.
        """
        if self.is_empty:
            raise NoPersonError("the pose has no keypoints, so it has no bounds")
        xy = self.keypoints[self.present]
        (x0, y0), (x1, y1) = xy.min(axis=0).tolist(), xy.max(axis=0).tolist()
        return x0, y0, x1, y1

    def rescaled(self, canvas: Canvas) -> Pose:
        """The pose on another canvas, stretched so that edges meet edges."""
        scale = (canvas.width / self.canvas.width, canvas.height / self.canvas.height)
        return self.transformed(scale, (0.0, 0.0), canvas)

    def transformed(self, scale_xy: tuple[float, float], offset_xy: tuple[float, float], canvas: Canvas) -> Pose:
        """Scale and shift every present point, body, hands, face and feet: ``xy * scale_xy + offset_xy``.

        Args:
            scale_xy: Positive factors for x and y. To flip, use `mirrored`, which also swaps the labels.
            offset_xy: Pixels of the new canvas, added after scaling.
            canvas: The new canvas. Points that fall outside it are kept.

        Raises:
            ValueError: A factor is not positive, or a result is not finite.
        """
        scale = _finite_array(scale_xy, (2,), "scale_xy")
        offset = _finite_array(offset_xy, (2,), "offset_xy")
        if (scale <= 0).any():
            raise ValueError(f"scale_xy must be positive, got {scale.tolist()}; mirrored() flips a pose")

        def moved(part: FloatArray | None) -> FloatArray | None:
            return None if part is None else np.column_stack([part[:, :2] * scale + offset, part[:, 2]])

        # An overflow becomes infinity, which the new Pose refuses in words.
        with np.errstate(over="ignore"):
            return Pose(
                self.keypoints * scale + offset,
                self.confidence,
                canvas,
                moved(self.hand_left),
                moved(self.hand_right),
                moved(self.face),
                moved(self.feet),
            )

    def without(self, threshold: float) -> Pose:
        """The pose without the points, of body, hands and face, whose confidence is below `threshold`."""

        def kept(part: FloatArray | None) -> FloatArray | None:
            return None if part is None else np.where(part[:, 2:] < threshold, 0.0, part)

        return replace(
            self,
            confidence=np.where(self.confidence < threshold, 0.0, self.confidence),
            hand_left=kept(self.hand_left),
            hand_right=kept(self.hand_right),
            face=kept(self.face),
            feet=kept(self.feet),
        )

    def mirrored(self) -> Pose:
        """The pose seen in a mirror: x becomes ``width - x``, and left and right swap names.

        Hands change sides and the points of the face take the index of their mirror image, so the result
        is what a detector would report for the flipped image.
        """
        swapped, width = self.with_sides_swapped(), self.canvas.width

        def flipped(part: FloatArray | None) -> FloatArray | None:
            return None if part is None else np.column_stack([width - part[:, 0], part[:, 1:]])

        return Pose(
            np.column_stack([width - swapped.keypoints[:, 0], swapped.keypoints[:, 1]]),
            swapped.confidence,
            self.canvas,
            flipped(swapped.hand_left),
            flipped(swapped.hand_right),
            flipped(swapped.face),
            flipped(swapped.feet),
        )

    def with_sides_swapped(self) -> Pose:
        """Left and right swap names and everything stays where it is: the same outline, seen from behind."""

        def renamed(part: FloatArray | None, order: Sequence[int]) -> FloatArray | None:
            return None if part is None else part[list(order)]

        order = list(_MIRRORED_BODY)
        return Pose(
            self.keypoints[order],
            self.confidence[order],
            self.canvas,
            self.hand_right,
            self.hand_left,
            renamed(self.face, _MIRRORED_FACE),
            renamed(self.feet, _MIRRORED_FEET),
        )

    def _key(self) -> tuple[object, ...]:
        arrays = (self.keypoints, self.confidence, self.hand_left, self.hand_right, self.face, self.feet)
        return (self.canvas, *(None if array is None else array.tobytes() for array in arrays))

    def __eq__(self, other: object) -> bool:
        """Equal when canvas and every number are."""
        return self._key() == other._key() if isinstance(other, Pose) else NotImplemented

    def __hash__(self) -> int:
        """Hash by value, to go with equality."""
        return hash(self._key())


@dataclass(frozen=True)
class People:
    """The people of one image.

    Attributes:
        people: Poses on the same canvas, in the order they were given. May be empty.
        canvas: That canvas.

    Raises:
        ValueError: A pose refers to another canvas.
    """

    people: tuple[Pose, ...]
    canvas: Canvas

    def __post_init__(self) -> None:
        """Check that all poses share the canvas."""
        object.__setattr__(self, "people", tuple(self.people))
        for index, pose in enumerate(self.people):
            if pose.canvas != self.canvas:
                raise ValueError(
                    f"person {index} is on a canvas of {pose.canvas}, the image is {self.canvas}; "
                    "move it with rescaled() first"
                )

    def largest(self) -> Pose:
        """The pose whose box of body keypoints has the largest area; the first of equals.

        Raises:
            NoPersonError: There is nobody with a body keypoint.
        """
        candidates = [pose for pose in self.people if not pose.is_empty]
        if not candidates:
            raise NoPersonError("there is no person in this pose data: it has no body keypoint")
        return max(candidates, key=_size)

    def person(self, index: int) -> Pose:
        """The person at `index`, counted from 0.

        Raises:
            NoPersonError: There is no such person.
        """
        if not 0 <= index < len(self.people):
            raise NoPersonError(f"there is no person {index}: this image has {len(self.people)}, counted from 0")
        return self.people[index]

    def rescaled(self, canvas: Canvas) -> People:
        """Everybody on another canvas, stretched so that edges meet edges."""
        return People(tuple(pose.rescaled(canvas) for pose in self.people), canvas)


def _size(pose: Pose) -> tuple[float, int]:
    """Area of the box, then the number of keypoints, for people whose box has no area."""
    x0, y0, x1, y1 = pose.bounds()
    return (x1 - x0) * (y1 - y0), int(pose.present.sum())


def _finite_array(values: ArrayLike, shape: tuple[int, ...], what: str) -> FloatArray:
    """A float64 copy of `values`, or a ValueError that names `what`."""
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{what} must be numbers of shape {shape}: {error}") from error
    if array.shape != shape:
        raise ValueError(f"{what} must have shape {shape}, got {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{what} must be finite, got {array[~np.isfinite(array)][0]}")
    if array.size and np.abs(array).max() > MAX_COORDINATE:
        raise ValueError(f"{what} must be within {MAX_COORDINATE:.0f} of zero, got {np.abs(array).max()}")
    return array


def _checked_points(points: FloatArray, what: str) -> FloatArray:
    """Points (N, 3) with a confidence in 0..1, all zero where it is 0."""
    confidence = points[:, 2]
    outside = (confidence < 0) | (confidence > 1)
    if outside.any():
        raise ValueError(f"{what} must be 0 to 1, got {confidence[outside][0]}")
    # Adding zero turns -0.0 into 0.0: they are equal, so their bytes must be too.
    return np.where(confidence[:, None] > 0, points, 0.0) + 0.0


def _read_only(array: FloatArray) -> FloatArray:
    array = np.ascontiguousarray(array)
    array.setflags(write=False)
    return array


def _shown(number: int) -> str:
    # Python refuses to print integers of thousands of digits.
    return str(number) if abs(number) < 10**12 else "a number of more than 12 digits"


def _mirror_name(name: str) -> str:
    side, _, joint = name.partition("_")
    return {"left": "right_", "right": "left_"}[side] + joint if joint else name


_MIRRORED_BODY = tuple(KEYPOINT_NAMES.index(_mirror_name(name)) for name in KEYPOINT_NAMES)

_MIRRORED_FEET = (3, 4, 5, 0, 1, 2)

# For each of the 70 OpenPose face points, the index of its mirror image.
_MIRRORED_FACE = (
    *range(16, -1, -1),  # jaw
    *range(26, 16, -1),  # brows
    *range(27, 31),  # bridge of the nose
    *range(35, 30, -1),  # nostrils
    *(45, 44, 43, 42, 47, 46),  # right eye takes the left one's points
    *(39, 38, 37, 36, 41, 40),  # left eye takes the right one's
    *range(54, 47, -1),  # upper edge of the outer lips
    *range(59, 54, -1),  # lower edge of the outer lips
    *range(64, 59, -1),  # upper edge of the inner lips
    *range(67, 64, -1),  # lower edge of the inner lips
    *(69, 68),  # pupils
)
