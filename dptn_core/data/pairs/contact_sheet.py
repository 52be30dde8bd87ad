"""A sheet of small pictures with their skeletons: whether the poses are right shows at a glance."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from ...pictures import read_picture, to_bytes, write_picture
from ...pose import Canvas, People, Pose, draw_skeleton_over
from .annotations import Keypoints
from .prepared import Split

_MOST = 96  # pictures: more are not looked at, evenly picked
_COLUMNS, _HEIGHT = 12, 160  # pixels of each
_TEST_COLOUR = (0, 114, 178)


def write_contact_sheet(path: Path, pictures: Sequence[tuple[Split, Path, Keypoints]]) -> None:
    """Write the sheet; pictures of the test split have a blue frame.

    Args:
        path: of the picture to write.
        pictures: split, file and (18, 3) keypoints of each.
    """
    step = max(1, -(-len(pictures) // _MOST))
    cells = [_cell(*one) for one in pictures[::step]]
    columns = min(_COLUMNS, len(cells))
    rows = -(-len(cells) // columns)
    height, width = cells[0].shape[:2]
    sheet = np.full((rows * height, columns * width, 3), 255, np.uint8)
    for index, cell in enumerate(cells):
        top, left = index // columns * height, index % columns * width
        sheet[top : top + height, left : left + width] = cell
    write_picture(path, sheet)


def _cell(split: Split, file: Path, points: Keypoints) -> np.ndarray:
    picture = to_bytes(read_picture(file))
    canvas = Canvas(picture.shape[1], picture.shape[0])
    pose = Pose(points[:, :2].astype(float), points[:, 2].astype(float), canvas)
    drawn = draw_skeleton_over(picture, People((pose,), canvas))
    width = round(_HEIGHT * canvas.width / canvas.height)
    cell = np.asarray(Image.fromarray(drawn).resize((width, _HEIGHT), Image.Resampling.LANCZOS)).copy()
    if split == "test":
        cell[:3] = cell[-3:] = _TEST_COLOUR
        cell[:, :3] = cell[:, -3:] = _TEST_COLOUR
    return cell
