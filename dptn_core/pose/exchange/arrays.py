"""What the foreign forms are made of, read with care: fields, lists, sizes and arrays of points."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..openpose_json import PoseFormatError
from ..skeleton import MAX_COORDINATE, Canvas, FloatArray


def dict_at(value: object, path: str) -> dict[Any, Any]:
    """`value`, which must be a dict; raises PoseFormatError."""
    if not isinstance(value, dict):
        raise PoseFormatError(f"{path}: expected an object, got {type(value).__name__}")
    return value


def list_at(value: object, path: str) -> list[Any]:
    """`value`, which must be a list or a tuple; raises PoseFormatError."""
    if not isinstance(value, (list, tuple)):
        raise PoseFormatError(f"{path}: expected a list, got {type(value).__name__}")
    return list(value)


def entry(of: dict[Any, Any], key: str, path: str) -> Any:
    """The value under `key`; raises PoseFormatError where there is none."""
    if of.get(key) is None:
        raise PoseFormatError(f"{path}: expected a value under {key!r}, got none")
    return of[key]


def canvas_at(width: object, height: object, path: str) -> Canvas:
    """A canvas of whole pixels; raises PoseFormatError."""
    sides = [int(side) if isinstance(side, float) and side.is_integer() else side for side in (width, height)]
    try:
        return Canvas(*sides)  # type: ignore[arg-type]  # it checks them itself
    except ValueError as error:
        raise PoseFormatError(f"{path}: {error}") from error


def array_at(value: object, path: str) -> NDArray[np.float64]:
    """Numbers of any shape as float64, None as NaN; raises PoseFormatError."""
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise PoseFormatError(f"{path}: expected an array of numbers, got {type(value).__name__} ({error})") from error


def points_at(value: object, path: str, counts: Collection[int], columns: int) -> FloatArray:
    """An array (count, columns) with one of several counts; raises PoseFormatError."""
    points = array_at(value, path)
    if points.ndim != 2 or len(points) not in counts or points.shape[1] < columns:
        expected = " or ".join(str(count) for count in counts)
        raise PoseFormatError(f"{path}: expected {expected} points of {columns} numbers, got shape {points.shape}")
    return points[:, :columns]


def scores_at(value: object, path: str, count: int) -> FloatArray:
    """Confidences (count,), not yet limited to 0..1; raises PoseFormatError."""
    scores = array_at(value, path)
    if scores.shape != (count,):
        raise PoseFormatError(f"{path}: expected {count} confidences, got shape {scores.shape}")
    return scores


def seen(
    xy: FloatArray, scores: FloatArray, scale: tuple[float, float] = (1.0, 1.0), *, marked: bool = True
) -> FloatArray:
    """Points (N, 3) of positions (N, 2) and confidences (N,): in pixels, missing ones all zero.

    Missing are points without a finite position near the image and those whose confidence is not above 0; where they
    are `marked`, also those at 0,0 or with two negative coordinates. Confidences above 1 become 1.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        placed = xy * scale
        there = np.isfinite(placed).all(axis=1) & (np.abs(placed) <= MAX_COORDINATE).all(axis=1) & (scores > 0)
    if marked:
        there &= ~((placed < 0).all(axis=1) | (placed == 0).all(axis=1))
    return np.where(there[:, None], np.column_stack([placed, np.minimum(scores, 1.0)]), 0.0)
