"""Masks of persons, read from files."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from ..image_io import PictureError, read_picture

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")


def read_mask(folder: Path, stem: str, size: tuple[int, int]) -> Tensor:
    """The mask named like a target picture, (H, W) bool: inside where the picture is brighter than half.

    Raises:
        PictureError: there is none, it is damaged, or it is not of `size`.
    """
    for suffix in SUFFIXES:
        path = folder / f"{stem}{suffix}"
        if path.is_file():
            mask = read_picture(path).mean(0) > 0.5
            if tuple(mask.shape) != size:
                height, width = mask.shape
                raise PictureError(f"the mask {path} is {width}x{height}; the picture is {size[1]}x{size[0]}")
            return mask
    raise PictureError(f"{folder} has no mask {stem}.png")
