"""Images of invented people with poses beside them, as `dptn prepare folder` reads them."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dptn_core.cli import main
from dptn_core.data.custom.image_folder import LEFT_OUT, FolderPlan, prepare_folder
from dptn_core.data.datasets import read_annotations
from dptn_core.image_io import read_image

WIDTH, HEIGHT = 120, 160
SIZE = (64, 48)
PLAN = FolderPlan(size=SIZE)
# Somebody who stands in the middle, in fractions of the image's sides.
BODY = np.array(
    [
        [0.5, 0.16], [0.5, 0.25], [0.4, 0.25], [0.36, 0.38], [0.34, 0.5], [0.6, 0.25], [0.64, 0.38], [0.66, 0.5],
        [0.44, 0.52], [0.43, 0.7], [0.43, 0.88], [0.56, 0.52], [0.57, 0.7], [0.57, 0.88],
        [0.48, 0.14], [0.52, 0.14], [0.46, 0.15], [0.54, 0.15],
    ]
)  # fmt: skip


def points(body: np.ndarray = BODY, scale: tuple[float, float] = (WIDTH, HEIGHT)) -> list[float]:
    """A body as OpenPose writes it; rows of NaN are missing."""
    there = np.isfinite(body).all(axis=1)
    xy = np.where(there[:, None], body * scale, 0.0)
    return np.column_stack([xy, there]).ravel().tolist()


def document(*bodies: list[float], canvas: tuple[int, int] | None = (WIDTH, HEIGHT)) -> dict[str, Any]:
    sides = {} if canvas is None else {"canvas_width": canvas[0], "canvas_height": canvas[1]}
    return {"people": [{"pose_keypoints_2d": body} for body in bodies], **sides}


def photograph(path: Path, shade: int = 0, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Path:
    """An image without a pose, dark with a bright nose, so that cutting shows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((size[1], size[0], 3), 20 + shade % 100, np.uint8)
    x, y = (BODY[0] * size).astype(int)
    pixels[y - 3 : y + 4, x - 3 : x + 4] = 250
    Image.fromarray(pixels).save(path)
    return path


def person(path: Path, shade: int = 0, pose: object = None) -> Path:
    """An image with its pose beside it; `pose` is what the file holds instead."""
    photograph(path, shade)
    content = document(points()) if pose is None else pose
    path.with_suffix(".json").write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def crowd(root: Path, people: int, images: int) -> Path:
    for number in range(people):
        for index in range(images):
            person(root / f"person{number}" / f"{index:02}.png", 10 * number + index)
    return root


def reason_for(root: Path, out: Path, name: str, plan: FolderPlan = PLAN, **how: Any) -> str:
    """Why an image was left out, where the rest of the folder was kept."""
    summary = prepare_folder(root, out, plan, **how)
    found = {Path(path).name: reason for path, reason in summary.left_out}
    assert list(found) == [name], found
    with (out / LEFT_OUT).open(newline="", encoding="utf-8") as file:
        assert [tuple(row) for row in csv.reader(file)] == [("picture", "reason"), *summary.left_out]
    return found[name]


def said(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """What a refused command says: one line, and code 2."""
    capsys.readouterr()
    assert main(["prepare", "folder", *map(str, arguments)]) == 2
    error = capsys.readouterr().err
    error = error.rpartition("\r")[2] if "\r" in error else error  # what stands before is the progress bar
    assert error.splitlines()[-1].startswith("dptn prepare: "), error
    return error.splitlines()[-1]


def everything(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def in_lists(out: Path) -> dict[str, set[str]]:
    """Names each split's annotations hold; each is an image that can be read, and no other image lies there."""
    found: dict[str, set[str]] = {}
    for name in ("train", "test"):
        path = out / f"own-annotation-{name}.csv"
        lines = path.read_text(encoding="utf-8").splitlines()
        found[name] = set(read_annotations(path)) if len(lines) > 1 else set()
        there = {file.name for file in (out / name).iterdir()} if (out / name).is_dir() else set()
        assert there == found[name]
        for file in there:
            assert read_image(out / name / file).shape[1:] == SIZE
    return found
