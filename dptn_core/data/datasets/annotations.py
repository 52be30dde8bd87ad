"""Pair lists and annotation files, as PATN, GFLA and DPTN exchange them.

A pair list is a CSV with the header `from,to`. An annotation file has fields apart by `:`, the header
`name:keypoints_y:keypoints_x`, and JSON lists of 18 numbers, y first; -1 in either axis is a missing keypoint. Seen in
the wild and read as well: spaces after the colons, another order of the columns, an index column, no header at all,
Windows' line ends and byte order marks.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from ...system.files import written_beside

Keypoints = NDArray[np.float32]  # (18, 3): x, y in pixels of the image, and 1 where present or 0 where missing
_JOINTS = 18
_SHOWN = 60  # characters of a bad line in an error
_MAX_DISTANCE = 1e5  # pixels; nothing farther away belongs to an image
_COLUMNS = ("name", "keypoints_y", "keypoints_x")


class DataFileError(ValueError):
    """A list or annotation file that cannot be used; the message names file, line, what is wrong and the way out."""


def read_pairs(path: Path) -> list[tuple[str, str]]:
    """Source and target image names of every pair, in the file's order.

    Raises:
        DataFileError: no such file, no pairs, or a line that is none.
    """
    rows = _rows(path)
    first, second = 0, 1
    header = [field.strip().lower() for field in rows[0][1]] if rows else []
    if "from" in header and "to" in header:
        first, second = header.index("from"), header.index("to")
        rows = rows[1:]
    pairs = []
    for number, row in rows:
        if len(row) <= max(first, second):
            line = ",".join(row)[:_SHOWN]
            raise DataFileError(f"{path}, line {number} is {line!r}; expected two names, from and to")
        pairs.append((_name(row[first], path, number), _name(row[second], path, number)))
    if not pairs:
        raise DataFileError(f"{path} contains no pairs")
    return pairs


def write_pairs(path: Path, pairs: Iterable[tuple[str, str]]) -> None:
    """Write a pair list, whole or not at all."""
    with written_beside(path) as beside, beside.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("from", "to"))
        writer.writerows(pairs)


def read_names(path: Path) -> list[str]:
    """Image names of a list like `train.lst`, one a line, in the file's order.

    Raises:
        DataFileError: no such file, no names, or a line that is none.
    """
    lines = enumerate(_text(path).splitlines(), 1)
    names = [_name(line, path, number) for number, line in lines if line.strip()]
    if not names:
        raise DataFileError(f"{path} contains no names")
    return names


def read_annotations(path: Path) -> dict[str, Keypoints]:
    """Keypoints of every image by its name, (18, 3) float32: x, y in pixels, and 1 or 0 for present or missing.

    Raises:
        DataFileError: no such file, nothing in it, or a line that cannot be read.
    """
    columns: Sequence[str] = _COLUMNS
    found: dict[str, Keypoints] = {}
    for number, line in enumerate(_text(path).splitlines(), 1):
        if not line.strip():
            continue
        fields = [field.strip() for field in line.split(":")]
        if not found and "name" in fields:
            if missing := sorted(set(_COLUMNS) - set(fields)):
                raise DataFileError(
                    f"{path} has no column {', '.join(missing)}; its header is {line.strip()[:_SHOWN]!r}"
                )
            columns = fields
            continue
        if len(fields) != len(columns):
            raise DataFileError(f"{path}, line {number} has {len(fields)} fields; expected {':'.join(columns)}")
        row = dict(zip(columns, fields, strict=True))
        name = _name(row["name"], path, number)
        x, y = (_numbers(row[key], key, path, number) for key in ("keypoints_x", "keypoints_y"))
        found[name] = _keypoints(x, y)
    if not found:
        raise DataFileError(f"{path} contains no annotations")
    return found


def write_annotations(path: Path, annotations: Mapping[str, Keypoints]) -> None:
    """Write an annotation file, whole or not at all; whole pixels, cut off as the network's heat maps do it."""
    with written_beside(path) as beside, beside.open("w", encoding="utf-8", newline="") as file:
        file.write(":".join(_COLUMNS) + "\n")
        for name, points in annotations.items():
            whole = np.where(points[:, 2:] > 0, np.trunc(points[:, :2]), -1).astype(int)
            file.write(f"{name}: {whole[:, 1].tolist()}: {whole[:, 0].tolist()}\n")


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """The rows of a CSV file that hold anything, with their line numbers."""
    reader = csv.reader(io.StringIO(_text(path), newline=""))
    try:
        return [(reader.line_num, row) for row in reader if any(field.strip() for field in row)]
    except csv.Error as error:  # a page of a web site saved under this name, for instance
        raise DataFileError(f"{path}, line {reader.line_num} is not CSV ({error}); download the file again") from error


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise DataFileError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataFileError(f"{path} cannot be read: {error}") from error


def _name(text: str, path: Path, number: int) -> str:
    """An image's name within its folder; nothing that leads out of it."""
    name = text.strip()
    parts = PurePosixPath(name.replace("\\", "/"))
    if not name or parts.is_absolute() or ".." in parts.parts or ":" in name or "\0" in name:
        raise DataFileError(
            f"{path}, line {number} names the image {text[:_SHOWN]!r}; expected a name inside the folder"
        )
    return name


def _numbers(text: str, column: str, path: Path, number: int) -> list[float]:
    try:
        values = json.loads(text)
        if not isinstance(values, list):
            raise TypeError
        numbers = [float("nan") if value is None else float(value) for value in values]
    except (ValueError, TypeError, RecursionError, OverflowError):
        raise DataFileError(
            f"{path}, line {number}: {column} is {text[:_SHOWN]!r}; expected a list of numbers"
        ) from None
    if len(numbers) != _JOINTS:
        raise DataFileError(f"{path}, line {number}: {column} has {len(numbers)} numbers; expected {_JOINTS}")
    return numbers


def _keypoints(x: list[float], y: list[float]) -> Keypoints:
    points = np.array([x, y], np.float64).T
    there = np.isfinite(points).all(1) & (points != -1).all(1) & (np.abs(points) < _MAX_DISTANCE).all(1)
    return np.concatenate([np.where(there[:, None], points, 0), there[:, None]], 1).astype(np.float32)
