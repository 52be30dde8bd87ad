"""Sequences of images: a folder of frames, an animated image, or a video file."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image, ImageSequence, UnidentifiedImageError
from torch import Tensor

from ..image_io import ImageError, read_image, to_image

VIDEO_SUFFIXES: Final = frozenset({".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v"})
_ANIMATED_SUFFIXES: Final = frozenset({".gif", ".png", ".apng", ".webp"})


def is_clip(path: Path) -> bool:
    """Whether a file is a sequence: a video by its suffix, or an image of several frames."""
    if path.suffix.lower() in VIDEO_SUFFIXES:
        return True
    if path.suffix.lower() not in _ANIMATED_SUFFIXES:
        return False
    try:
        with Image.open(path) as opened:
            return getattr(opened, "n_frames", 1) > 1
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError):
        return False  # whoever reads it says what is wrong with it


def read_clip(path: Path) -> Iterator[Tensor]:
    """The frames of a file in order, (3, H, W) in [0, 1] each; one frame where it is a still image.

    Videos are decoded by PyAV, which ComfyUI brings along; it is imported when the first one is read.

    Raises:
        ImageError: No such file, not one that can be read, or PyAV is not installed.
    """
    if path.suffix.lower() in VIDEO_SUFFIXES:
        yield from _video(path)
    elif is_clip(path):
        with Image.open(path) as opened:
            for frame in ImageSequence.Iterator(opened):
                yield to_image(frame)
    else:
        yield read_image(path)


def _video(path: Path) -> Iterator[Tensor]:
    try:
        av: Any = import_module("av")
    except ModuleNotFoundError:
        raise ImageError(
            f"{path} is a video, which needs PyAV: pip install av, or save its frames as images and name their folder"
        ) from None
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise ImageError(f"{path} contains no video; name another file")
            for frame in container.decode(video=0):
                # Telephones store what they film lying and say by how much it is to be turned, counterclockwise.
                quarters = round(getattr(frame, "rotation", 0) / 90)
                yield to_image(np.rot90(frame.to_ndarray(format="rgb24"), quarters))
    except av.error.FFmpegError as error:
        raise ImageError(
            f"{path} cannot be read as a video: {getattr(error, 'strerror', None) or error}; save it again as MP4"
        ) from error
    except FileNotFoundError:
        raise ImageError(f"{path}: no such file") from None
