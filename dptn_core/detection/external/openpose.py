"""OpenPose's body network and the decoding of controlnet-aux.

Both, and the weights, are for non-commercial use only: CMU's licence, see
https://github.com/CMU-Perceptual-Computing-Lab/openpose.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from ...checkpoint import CheckpointError
from ...checkpoint.tensor_files import read_contents
from ...image_io import resize, to_bytes
from ...pose.skeleton import KEYPOINT_NAMES, FloatArray
from .coco_keypoints import Found
from .controlnet_aux_code import load_body_code
from .extraction_error import ExtractionError
from .pose_detector import Check, PoseDetector, ready

# The working image. controlnet-aux shows the network 184 rows of it and makes 57 maps of its size, in float64:
# at 512 pixels, as preprocessors use, joints are no more exact and decoding takes three times as long.
_SHORT_SIDE: Final = 368
_LONG_SIDE: Final = 4 * _SHORT_SIDE  # beyond it the short side is padded instead
_PADDING: Final = 128  # grey, as controlnet-aux pads

_WAY_OUT: Final = "OpenPose needs body_pose_model.pth of lllyasviel/Annotators on Hugging Face, 209 MB"


def load_openpose(weights: Path, device: torch.device | str = "cpu") -> PoseDetector:
    """Load OpenPose's body network, 18 keypoints, any number of people. Non-commercial use only (CMU).

    Args:
        weights: `body_pose_model.pth`, or the same tensors as .safetensors. No code in it is run.
        device: Where to put the network; it may be moved later.

    Raises:
        ExtractionError: The file is missing, damaged or another network's, or controlnet-aux is not usable.
    """
    body_class, network_class = load_body_code()
    with torch.device("meta"):  # its random initialisation would take longer than everything else
        network = network_class()
    state = _matched(Path(weights), _read(Path(weights)), network.state_dict())
    network = network.to_empty(device="cpu")
    network.load_state_dict(state)
    # Its constructor does nothing but read the file, with a loader that would run code in it.
    body = body_class.__new__(body_class)
    body.model = ready(network, device)
    return PoseDetector("openpose", (body.model,), lambda image, check: _find(body, image, check))


def _find(body: Any, image: Tensor, check: Check) -> list[Found]:
    working, scale = _working_image(image)
    check()
    try:
        candidates, people = body(working)
    except IndexError as error:
        raise ExtractionError(
            "controlnet-aux cannot tell the people of this image apart (three of them share a joint). Crop the "
            "image to fewer people, or use ViTPose"
        ) from error
    check()
    return [Found(_points(candidates, person, scale)) for person in people]


def _points(candidates: FloatArray, person: FloatArray, scale: FloatArray) -> FloatArray:
    """(18, 3) in pixels of the image, of a row of 18 indices of candidates, -1 where missing, and two totals."""
    points = np.zeros((len(KEYPOINT_NAMES), 3))
    for keypoint, index in enumerate(person[: len(points)].astype(int)):
        if index >= 0:
            x, y, score = candidates[index][:3]
            points[keypoint] = ((x + 0.5) / scale[0], (y + 0.5) / scale[1], score)  # it counts pixels, from 0
    return points


def _working_image(image: Tensor) -> tuple[np.ndarray, FloatArray]:
    """The image (h, w, 3) uint8 BGR as `Body` wants it, and its pixels per pixel of the original in x and y."""
    height, width = image.shape[1:]
    scale = min(_SHORT_SIDE / min(height, width), _LONG_SIDE / max(height, width))
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    colours = to_bytes(resize(image, size))
    working = np.full((max(size[0], _SHORT_SIDE), max(size[1], _SHORT_SIDE), 3), _PADDING, np.uint8)
    working[: size[0], : size[1]] = colours[:, :, ::-1]
    return working, np.array([size[1] / width, size[0] / height])


def _read(path: Path) -> Mapping[str, Tensor]:
    if path.is_dir():
        raise ExtractionError(f"{path} is a folder: give the file itself. {_WAY_OUT}")
    try:
        return read_contents(path).tensors
    except CheckpointError as error:
        raise ExtractionError(f"{path}: {error}. {_WAY_OUT}") from error


def _matched(path: Path, tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under the network's names: the published file leaves out the name of the stage in front."""
    found = {_without_stage(name): tensor for name, tensor in tensors.items()}
    absent = [name for name in expected if _without_stage(name) not in found]
    if absent:
        raise ExtractionError(
            f"{path} is not OpenPose's body network: it lacks {len(absent)} of {len(expected)} tensors, "
            f"{_without_stage(absent[0])} first. {_WAY_OUT}"
        )
    state = {name: found[_without_stage(name)] for name in expected}
    for name, tensor in state.items():
        if tensor.shape != expected[name].shape or not tensor.is_floating_point():
            raise ExtractionError(
                f"{path} is not OpenPose's body network: {_without_stage(name)} is {tuple(tensor.shape)} of "
                f"{tensor.dtype}, expected {tuple(expected[name].shape)} of floats. {_WAY_OUT}"
            )
    return state


def _without_stage(name: str) -> str:
    return re.sub(r"^model\d(_\d)?\.", "", name)
