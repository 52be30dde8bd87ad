"""Reading and writing POSE_KEYPOINT, the OpenPose JSON that ComfyUI packs exchange.

The form is a list with one object an image: ``{"people": [{"pose_keypoints_2d": [x, y, c] * 18,
"face_keypoints_2d", "hand_left_keypoints_2d", "hand_right_keypoints_2d"}], "canvas_width",
"canvas_height"}``. Producers differ in nearly everything, so `read_openpose` accepts every variant known and
`write_openpose` emits the one form every consumer accepts.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np

from .skeleton import (
    FACE_POINTS,
    FOOT_POINTS,
    HAND_POINTS,
    KEYPOINT_NAMES,
    MAX_CANVAS_SIDE,
    MAX_COORDINATE,
    Canvas,
    FloatArray,
    People,
    Pose,
)


class PoseFormatError(ValueError):
    """Pose data that cannot be understood; says where in the document and what was found there."""


# How many numbers a part may hold, and how many of them make a point.
_BODY_LENGTHS = {54: 3, 75: 3, 51: 3, 36: 2}
_HAND_LENGTHS = {63: 3, 42: 2}
_FACE_LENGTHS = {210: 3, 204: 3, 140: 2}
_FOOT_LENGTHS = {18: 3, 12: 2}

# Index into the source layout for each of our 18 keypoints; None is the midpoint of the shoulders.
_FROM_BODY_25 = (0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18)
_FROM_COCO_17 = (0, None, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3)
_COCO_SHOULDERS = (5, 6)

# Beyond this a number is a mistake, and arithmetic with it would only hide that.
_MAX_NORMALISED = 1.5  # canvas sides
# On a canvas smaller than this, coordinates within 0..1 are as likely pixels, and hardly differ from them.
_SMALLEST_NORMALISED_CANVAS = 16
# Lists and objects in each other: unknown keys may nest, but Python's own limit hangs on the host's stack and release.
_MAX_NESTING = 100
_TOO_DEEP = f"pose data is nested too deeply: expected at most {_MAX_NESTING} lists and objects in each other"
_MAX_PATH = 200  # characters of a path in an error; keys may have any length
_MAX_DIGITS = 300  # of whole numbers; floats have hardly more
# Says that a document means exactly what it says; written only where a reader would guess otherwise.
_UNITS_KEY, _PIXELS = "coordinates", "pixels"


def read_openpose(document: object, canvas: Canvas | None = None) -> list[People]:
    """Read pose data of any known producer.

    Accepted: a list of images or one bare image, parsed or as JSON text; coordinates in pixels or 0..1;
    missing points as 0,0,0, as -1,-1, by a confidence of 0 or by null; parts that are null, absent or empty;
    confidences as flags or real scores (kept, those above 1 become 1); bodies of 18 points with or without
    confidence, BODY_25 (75 numbers) and COCO-17 (51 numbers, neck put between the shoulders); faces of 70 or
    68 points; feet of 6, as ComfyUI's SDPose has them; the old part names without ``_2d``; OpenPose's own files,
    which have no canvas; documents with `animals` or nothing in place of `people`, which hold nobody. Unknown keys
    are ignored.

    Units are decided once an image, over all points of everybody: 0..1 when the canvas is known (and at
    least 16 px on its longer side) and no present coordinate exceeds 1 in magnitude. Points with both
    coordinates negative are missing in such an image. ``"coordinates": "pixels"`` in an image switches all
    guessing off.

    Images without canvas share one, as they are frames of one sequence: the first one that the document does state,
    or else `canvas`, if that holds all their points; else one that just does: the pixel of the largest x and y is
    the last column and row. If then no coordinate exceeds 1 it is 1x1, so coordinates in 0..1 can still be `rescaled`.

    Args:
        document: Parsed JSON or its text. Not changed.
        canvas: Of the image the poses were probably seen in; counts only where no image of the document states one.

    Returns:
        One `People` an image; keypoints in pixels of its canvas. People without a single point are kept, so
        indices agree with the document.

    Raises:
        PoseFormatError: The document is something else; the message has the path into it and the value.
    """
    if isinstance(document, str):
        document = parse_pose_text(document)
    if isinstance(document, dict):
        return _on_canvases([_read_image(document, "")], canvas)
    if isinstance(document, (list, tuple)):
        raw = [_read_image(image, f"[{index}]") for index, image in enumerate(document)]
        return _on_canvases(raw, canvas)
    raise PoseFormatError(f"pose data must be a list of images or one image, got {_described(document)}")


def write_openpose(images: list[People], *, scores: bool = True) -> list[dict[str, Any]]:
    """Write the strict form, ready for `json.dumps`.

    A list, pixels, Python floats, missing points as zeros, hands (63 numbers) and face (210) always present, feet (18)
    where there are some. Confidence is the score, 0 to 1; without `scores` it is 1.0 or 0.0, for consumers that drop
    anything between. `read_openpose` gives back the same values. Where all points lie within a pixel of the origin,
    or one is at -1,-1, an image also carries ``"coordinates": "pixels"``, because a reader would have to guess.
    """
    return [_write_image(image, scores) for image in images]


@dataclass(frozen=True)
class _RawPerson:
    """Points (N, 3) as the document has them: its units, its layout; missing ones are all zero."""

    body: FloatArray | None
    hand_left: FloatArray | None
    hand_right: FloatArray | None
    face: FloatArray | None
    feet: FloatArray | None

    def parts(self) -> list[FloatArray]:
        parts = (self.body, self.hand_left, self.hand_right, self.face, self.feet)
        return [part for part in parts if part is not None]


@dataclass(frozen=True)
class _RawImage:
    """An image as the document has it."""

    path: str
    people: list[_RawPerson]
    exact: bool  # says that its numbers are pixels
    canvas: Canvas | None  # as stated

    def points(self) -> FloatArray:
        """The x and y (N, 2) of all points that are there."""
        return _present([part for person in self.people for part in person.parts()])


class _Constant(float):
    """NaN or an infinity that was written out, which JSON does not have."""


def parse_pose_text(text: str) -> object:
    """JSON as browsers parse it, so that editor and nodes agree on what is a document.

    Python's own parser also takes NaN and Infinity, refuses whole numbers of thousands of digits (here they become
    floats, which the readers refuse by their size), and reads as deep as its stack happens to allow.

    Raises:
        PoseFormatError: It is not JSON, or lists and objects are nested more than 100 deep.
    """
    constants: list[_Constant] = []

    def constant(name: str) -> _Constant:
        constants.append(_Constant(name))
        return constants[-1]

    try:
        document: object = json.loads(text, parse_constant=constant, parse_int=_read_whole)
    except RecursionError as error:
        raise PoseFormatError(_TOO_DEEP) from error
    except ValueError as error:
        what = "is empty" if not text.strip() else f"is not JSON: {error}"
        raise PoseFormatError(f"pose data {what}") from error
    _check_nesting(document)
    if constants:
        # nowhere to be found where the same key came again
        path, value = next(_constants(document, ""), ("pose data", constants[0]))
        raise PoseFormatError(f"{path[:_MAX_PATH]} must be finite, got {_described(value)}, which JSON does not have")
    return document


def _check_nesting(document: object) -> None:
    level = [document] if isinstance(document, (dict, list)) else []
    for _ in range(_MAX_NESTING):
        values = [value.values() if isinstance(value, dict) else value for value in level]
        level = [child for children in values for child in children if isinstance(child, (dict, list))]
        if not level:
            return
    raise PoseFormatError(_TOO_DEEP)


def _children(value: object) -> Iterable[tuple[str, object]]:
    """What a list or an object holds, each with its name below it."""
    if isinstance(value, dict):
        return ((f".{key}", child) for key, child in value.items())
    return ((f"[{index}]", child) for index, child in enumerate(value)) if isinstance(value, list) else ()


def _constants(value: object, path: str) -> Iterator[tuple[str, _Constant]]:
    if isinstance(value, _Constant):
        yield path.removeprefix(".") or "pose data", value
    for name, child in _children(value):
        yield from _constants(child, path + name)


def _read_whole(digits: str) -> float:
    return int(digits) if len(digits) <= _MAX_DIGITS else float(digits)


def _read_image(image: object, path: str) -> _RawImage:
    if not isinstance(image, dict):
        raise PoseFormatError(f"{path or 'pose data'} must be an object, got {_described(image)}")
    exact = image.get(_UNITS_KEY) == _PIXELS
    entries = image.get("people")
    people_path = _join(path, "people")
    if entries is None:
        entries = []
    if not isinstance(entries, (list, tuple)):
        raise PoseFormatError(f"{people_path} must be a list, got {_described(entries)}")
    people = [_read_person(entry, f"{people_path}[{index}]", exact) for index, entry in enumerate(entries)]
    return _RawImage(path, people, exact, _read_canvas(image, path))


def _on_canvases(images: list[_RawImage], likely: Canvas | None) -> list[People]:
    """Everybody in pixels of a canvas; images that state none share one."""
    bare = [image for image in images if image.canvas is None]
    if bare:
        stated = next((image.canvas for image in images if image.canvas is not None), None)
        points = np.concatenate([image.points() for image in bare])
        shared = _inferred_canvas(points, bare[0].path, stated or likely)
    read = []
    for image in images:
        canvas = shared if image.canvas is None else image.canvas
        normalised = not image.exact and _looks_normalised(image.points(), canvas)
        read.append(People(tuple(_to_pose(person, canvas, normalised) for person in image.people), canvas))
    return read


def _read_person(person: object, path: str, exact: bool) -> _RawPerson:
    if not isinstance(person, dict):
        raise PoseFormatError(f"{path} must be an object, got {_described(person)}")

    def part(name: str, lengths: dict[int, int]) -> FloatArray | None:
        key = f"{name}_keypoints_2d"
        old_key = f"{name}_keypoints"
        if person.get(key) is None and person.get(old_key) is not None:
            key = old_key
        return _read_points(person.get(key), f"{path}.{key}", lengths, exact)

    return _RawPerson(
        body=part("pose", _BODY_LENGTHS),
        hand_left=part("hand_left", _HAND_LENGTHS),
        hand_right=part("hand_right", _HAND_LENGTHS),
        face=part("face", _FACE_LENGTHS),
        feet=part("foot", _FOOT_LENGTHS),
    )


def _read_points(values: object, path: str, lengths: dict[int, int], exact: bool) -> FloatArray | None:
    """A flat list as points (N, 3), missing ones all zero; None if the part is null, absent or empty."""
    if isinstance(values, np.ndarray):
        values = values.tolist()
    if values is None:
        return None
    if not isinstance(values, (list, tuple)):
        raise PoseFormatError(f"{path} must be a list of numbers, got {_described(values)}")
    if not values:
        return None
    stride = lengths.get(len(values))
    if stride is None:
        *most, last = (str(length) for length in lengths)
        raise PoseFormatError(f"{path} must hold {', '.join(most)} or {last} numbers, got {len(values)}")
    numbers = [_read_number(value, f"{path}[{index}]") for index, value in enumerate(values)]
    points = np.zeros((len(numbers) // stride, 3))
    for row, start in zip(points, range(0, len(numbers), stride), strict=True):
        x, y, *rest = numbers[start : start + stride]
        if x is None or y is None:
            continue
        # Without confidences, 0,0 is the only way to say that a point is missing.
        score = rest[0] if rest else float((x, y) != (0.0, 0.0))
        if score is None or score <= 0.0 or (not exact and (x, y) == (-1.0, -1.0)):
            continue
        row[:] = (x, y, min(score, 1.0))
    return points


def _read_number(value: object, path: str) -> float | None:
    """A number, or None for null."""
    if value is None:
        return None
    # numpy's scalars, which some producers leave in, are Real too; so is bool, which is no coordinate.
    if isinstance(value, bool) or not isinstance(value, Real):
        raise PoseFormatError(f"{path} must be a number, got {_described(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise PoseFormatError(f"{path} must be finite, got {_described(value)}")
    if abs(number) > MAX_COORDINATE:
        raise PoseFormatError(f"{path} must be within {MAX_COORDINATE:.0f} of zero, got {_described(value)}")
    return number


def _read_canvas(image: dict[Any, Any], path: str) -> Canvas | None:
    """The declared canvas, or None if there is none."""
    keys = ("canvas_width", "canvas_height")
    absent = [key for key in keys if image.get(key) is None]
    if len(absent) == 2:
        return None
    if absent:
        raise PoseFormatError(f"{_join(path, absent[0])} is missing; the other side of the canvas is given")
    sides = []
    for key in keys:
        value = image[key]
        whole = isinstance(value, Integral) or (isinstance(value, Real) and float(value).is_integer())
        if isinstance(value, bool) or not whole or not 1 <= value <= MAX_CANVAS_SIDE:
            raise PoseFormatError(
                f"{_join(path, key)} must be a whole number from 1 to {MAX_CANVAS_SIDE}, got {_described(value)}"
            )
        sides.append(int(value))
    return Canvas(*sides)


def _inferred_canvas(points: FloatArray, path: str, likely: Canvas | None) -> Canvas:
    """The `likely` canvas if it holds `points` (N, 2), else the smallest one that does."""
    if likely is not None and (points < (likely.width, likely.height)).all():
        return likely
    if len(points) == 0 or np.abs(points).max() <= 1.0:
        return Canvas(1, 1)
    width, height = (max(1, int(side) + 1) for side in np.floor(points.max(axis=0)))
    if max(width, height) > MAX_CANVAS_SIDE:
        where = path or "pose data"
        raise PoseFormatError(
            f"{where} has no canvas_width and canvas_height, and its points reach {width}x{height}, "
            f"more than the largest canvas of {MAX_CANVAS_SIDE}x{MAX_CANVAS_SIDE}"
        )
    return Canvas(width, height)


def _present(parts: list[FloatArray]) -> FloatArray:
    """The x and y (N, 2) of all points of `parts` (n, 3) that are there."""
    points = np.concatenate([np.zeros((0, 3)), *parts])
    return points[points[:, 2] > 0, :2]


def _looks_normalised(points: FloatArray, canvas: Canvas) -> bool:
    """Whether `points` (N, 2) on `canvas` are in 0..1 rather than in pixels.

    In pixels, everything of everybody would sit in the corner; nobody has such an image unless the canvas itself is
    hardly larger. A joint beyond the image's edge is still in 0..1 terms, a little below 0 or above 1.
    """
    if max(canvas.width, canvas.height) < _SMALLEST_NORMALISED_CANVAS or not points.any():
        return False
    return bool(np.abs(points).max() <= _MAX_NORMALISED)


def _to_pose(person: _RawPerson, canvas: Canvas, normalised: bool) -> Pose:
    def in_pixels(part: FloatArray | None) -> FloatArray | None:
        if part is None or not normalised:
            return part
        # A detector that marks missing points by -1 px before dividing by the size leaves these.
        points = np.where((part[:, :2] < 0).all(axis=1, keepdims=True), 0.0, part)
        return points * (canvas.width, canvas.height, 1.0)

    body = _to_18(in_pixels(person.body))
    return Pose(
        body[:, :2],
        body[:, 2],
        canvas,
        in_pixels(person.hand_left),
        in_pixels(person.hand_right),
        _to_70(in_pixels(person.face)),
        in_pixels(person.feet),
    )


def _to_18(body: FloatArray | None) -> FloatArray:
    """A body (18, 25 or 17 points) as our 18."""
    if body is None:
        return np.zeros((len(KEYPOINT_NAMES), 3))
    if len(body) == 25:
        return body[list(_FROM_BODY_25)]
    if len(body) == 17:
        neck = _midpoint(*body[list(_COCO_SHOULDERS)])
        return np.stack([neck if index is None else body[index] for index in _FROM_COCO_17])
    return body


def _midpoint(one: FloatArray, other: FloatArray) -> FloatArray:
    """The middle of two points (3,) with the lower of their scores; missing if either is."""
    score = min(one[2], other[2])
    return np.append((one[:2] + other[:2]) / 2, score) if score > 0 else np.zeros(3)


def _to_70(face: FloatArray | None) -> FloatArray | None:
    """A face with its two pupils, missing if the producer has only the 68 outline points."""
    if face is None or len(face) == FACE_POINTS:
        return face
    return np.concatenate([face, np.zeros((FACE_POINTS - len(face), 3))])


def _write_image(image: People, scores: bool) -> dict[str, Any]:
    people = [
        {
            "pose_keypoints_2d": _flat(np.column_stack([pose.keypoints, pose.confidence]), len(KEYPOINT_NAMES), scores),
            "face_keypoints_2d": _flat(pose.face, FACE_POINTS, scores),
            "hand_left_keypoints_2d": _flat(pose.hand_left, HAND_POINTS, scores),
            "hand_right_keypoints_2d": _flat(pose.hand_right, HAND_POINTS, scores),
            **({} if pose.feet is None else {"foot_keypoints_2d": _flat(pose.feet, FOOT_POINTS, scores)}),
        }
        for pose in image.people
    ]
    document: dict[str, Any] = {
        "people": people,
        "canvas_width": image.canvas.width,
        "canvas_height": image.canvas.height,
    }
    points = _present([part for pose in image.people for part in _parts(pose)])
    if _looks_normalised(points, image.canvas) or (points == -1.0).all(axis=1).any():
        document[_UNITS_KEY] = _PIXELS
    return document


def _parts(pose: Pose) -> list[FloatArray]:
    body = np.column_stack([pose.keypoints, pose.confidence])
    parts = (body, pose.hand_left, pose.hand_right, pose.face, pose.feet)
    return [part for part in parts if part is not None]


def _flat(points: FloatArray | None, count: int, scores: bool) -> list[float]:
    """Points (count, 3) or None as one list of Python floats with confidence 1.0 or 0.0, or the real one."""
    if points is None:
        return [0.0] * (3 * count)
    confidence = points[:, 2:] if scores else (points[:, 2:] > 0).astype(np.float64)
    flat: list[float] = np.hstack([points[:, :2], confidence]).ravel().tolist()
    return flat


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _described(value: object) -> str:
    """A value for an error message: short whatever it is, and never an error of its own."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return repr(value if len(value) <= 40 else value[:40] + "...")
    if isinstance(value, (list, tuple)):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, int):
        # Python refuses to print integers of thousands of digits.
        return str(value) if value.bit_length() <= 64 else f"an integer of {value.bit_length()} bits"
    if isinstance(value, float):
        return repr(float(value))
    return f"a value of type {type(value).__name__}"
