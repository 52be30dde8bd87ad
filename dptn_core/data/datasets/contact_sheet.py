"""A sheet of small images with their skeletons: whether the poses are right shows at a glance."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from ...image_io import read_image, to_bytes, write_image
from ...pose import Canvas, People, Pose, draw_skeleton_over
from .annotations import Keypoints
from .prepared import Split

_MAX_IMAGES = 96  # images: more are not looked at, evenly picked
_COLUMNS, _SIDE = 12, 160  # pixels of each image's longer side
_LIMB = 1.8  # half the thickness of a limb, pixels
_CAPTION = 14  # pixels for the name
_TEST_COLOUR = (0, 114, 178)


def write_contact_sheet(path: Path, images: Sequence[tuple[Split, Path, Keypoints]]) -> None:
    """Write the sheet; images of the test split have a blue frame.

    Args:
        path: of the image to write.
        images: split, file and (18, 3) keypoints of each.
    """
    step = max(1, -(-len(images) // _MAX_IMAGES))
    cells = [_cell(*one) for one in images[::step]]
    columns = min(_COLUMNS, len(cells))
    rows = -(-len(cells) // columns)
    height, width = cells[0].shape[:2]
    sheet = np.full((rows * height, columns * width, 3), 255, np.uint8)
    for index, cell in enumerate(cells):
        top, left = index // columns * height, index % columns * width
        sheet[top : top + height, left : left + width] = cell
    write_image(path, sheet)


def _cell(split: Split, file: Path, points: Keypoints) -> np.ndarray:
    """An image with its skeleton, and its name below."""
    image = to_bytes(read_image(file))
    canvas = Canvas(image.shape[1], image.shape[0])
    pose = Pose(points[:, :2].astype(float), points[:, 2].astype(float), canvas)
    scale = _SIDE / max(canvas.width, canvas.height)
    width, height = (max(1, round(side * scale)) for side in (canvas.width, canvas.height))
    small = np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.LANCZOS))
    drawn = draw_skeleton_over(small, People((pose,), canvas), limb_width=_LIMB, joint_radius=_LIMB)
    if split == "test":
        drawn[:3] = drawn[-3:] = _TEST_COLOUR
        drawn[:, :3] = drawn[:, -3:] = _TEST_COLOUR
    return np.concatenate([drawn, _caption(file.stem, width)])


def _caption(name: str, width: int) -> np.ndarray:
    """The end of a name, which tells images apart; letters that the font lacks are question marks."""
    paper = Image.new("RGB", (width, _CAPTION), (255, 255, 255))
    pen = ImageDraw.Draw(paper)
    text = name.encode("ascii", "replace").decode()
    while text and pen.textlength(text) > width - 4:
        text = text[1:]
    pen.text((2, 1), text, fill=(0, 0, 0))
    return np.asarray(paper)
