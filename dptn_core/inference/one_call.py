"""The way in from Python: one call, an image and a pose in, an image out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from ..checkpoint import DPTNModel, load_model, starter_path
from ..detection import detect_people, load_movenet
from ..image_io import read_image, to_bytes, to_image
from ..pose import Canvas, Pose, load_pose_file, read_poses
from .texture_networks import compose_from, load_texturing
from .transfer import encode_source, transfer

AnyImage = str | os.PathLike[str] | Image.Image | np.ndarray | Tensor
AnyPose = Pose | str | os.PathLike[str] | list[Any] | dict[str, Any]


def transfer_pose(
    image: AnyImage,
    target_pose: AnyPose,
    source_pose: AnyPose | None = None,
    model: DPTNModel | str | os.PathLike[str] | None = None,
) -> Image.Image:
    """The person of an image in another pose, with the image's own texture.

    Networks are loaded anew at each call; for many poses of one person use `encode_source` and `transfer`.

    Args:
        image: a file, a Pillow image, or an (H, W, C) array or tensor of uint8 or of floats in [0, 1].
        target_pose: a `Pose`, an OpenPose JSON file, or such a document; of several people the largest counts. On a
            canvas of the image's size the background stays where it is.
        source_pose: the same, of the person in the image; None: the built-in detector finds the largest person.
        model: a loaded model, a .safetensors or .pth file, or None for the starter; a loaded model stays where it is,
            others run on the CPU.

    Returns:
        An RGB image of the target pose's canvas.

    Raises:
        ImageError: `image` cannot be used.
        PoseFormatError: a pose cannot be read; PoseFileNotFoundError: its file is not there.
        NoPersonError: a pose document shows nobody.
        FramingError: a pose shows no person, or does not belong to the image.
        CheckpointError: `model` holds no DPTN generator.
        ValueError: nobody is found in the image, or a pose document holds no frame.
    """
    pixels = read_image(Path(image)) if isinstance(image, (str, os.PathLike)) else to_image(image)
    if not isinstance(model, DPTNModel):
        model = load_model(starter_path() if model is None else Path(model))
    canvas = Canvas(pixels.shape[2], pixels.shape[1])
    people = _detected(pixels) if source_pose is None else (_read(source_pose, canvas),)
    source = encode_source(model, pixels, people[0])
    compose = compose_from(load_texturing(model.device), source, people[1:])
    result = transfer(source, [_read(target_pose, canvas)], compose=compose)
    return Image.fromarray(to_bytes(result.images[0]))


def _detected(image: Tensor) -> tuple[Pose, ...]:
    """Everybody in an image, the largest first."""
    found = detect_people(load_movenet(), image)
    if not found.people:
        raise ValueError("found nobody in the image; give source_pose")
    largest = found.largest()
    return (largest, *(pose for pose in found.people if pose is not largest))


def _read(pose: AnyPose, canvas: Canvas) -> Pose:
    """One pose in any form; `canvas` is for documents that state none."""
    if isinstance(pose, Pose):
        return pose
    frames = load_pose_file(pose, canvas) if isinstance(pose, (str, os.PathLike)) else read_poses(pose, canvas)
    if not frames:
        raise ValueError("expected a pose document with at least one frame, got none")
    return frames[0].largest()
