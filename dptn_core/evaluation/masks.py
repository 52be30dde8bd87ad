"""Masks of persons, read from files."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from ..image_io import ImageError, read_image

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")


def read_mask(folder: Path, stem: str, size: tuple[int, int]) -> Tensor:
    """The mask named like a target image, (H, W) bool: inside where the image is brighter than half.

    Raises:
        ImageError: there is none, it is damaged, or it is not of `size`.
    """
    for suffix in SUFFIXES:
        path = folder / f"{stem}{suffix}"
        if path.is_file():
            mask = read_image(path).mean(0) > 0.5
            if tuple(mask.shape) != size:
                height, width = mask.shape
                raise ImageError(f"the mask {path} is {width}x{height}; the image is {size[1]}x{size[0]}")
            return mask
    raise ImageError(f"{folder} has no mask {stem}.png")
