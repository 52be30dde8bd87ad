"""ViTPose by Hugging Face transformers (both Apache-2.0): one person a run, inside a given box."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from ...image_io import resize, to_bytes
from ...pose.skeleton import FloatArray
from .coco_keypoints import WHOLE_BODY, Found, openpose_parts
from .extraction_error import ExtractionError
from .persons import find_boxes, load_person_finder
from .pose_detector import Check, PoseDetector, device_of, ready
from .transformers_folder import load_folder

_KEYPOINTS: Final = (17, WHOLE_BODY)  # COCO, and COCO-WholeBody, which begins with COCO's
_PADDING: Final = 1.25  # the processor's own: how much larger than a person's box the part is that the network sees
_DETAIL: Final = 2  # pixels of the cut for each the network sees: more would only alias
_COCO_EXPERT: Final = 0  # of the data sets ViTPose+ has experts for


def load_vitpose(folder: Path, device: torch.device | str = "cpu", person_folder: Path | None = None) -> PoseDetector:
    """Load ViTPose from a transformers folder; ViTPose+ with its experts for COCO.

    A model for COCO-WholeBody finds hands and face as well.

    Args:
        folder: Holds config.json, model.safetensors and preprocessor_config.json of a ViTPose for COCO or
            COCO-WholeBody.
        device: Where to put the networks; they may be moved later.
        person_folder: The same of an RT-DETR, which finds the people. None: the whole image is taken as one
            person, which is right for an image of somebody alone that fills it, and wrong otherwise.

    Raises:
        ExtractionError: A folder is incomplete, damaged or another model's, or transformers is missing or older
            than 4.48.
    """
    network, processor = load_folder(Path(folder), "vitpose", "VitPoseForPoseEstimation", "VitPoseImageProcessor")
    keypoints = network.config.num_labels
    if keypoints not in _KEYPOINTS:
        raise ExtractionError(
            f"expected a model of COCO's 17 or COCO-WholeBody's 133 keypoints, got {keypoints} in {folder}: use one "
            "trained on COCO, such as usyd-community/vitpose-base-simple"
        )
    network = ready(network, device)
    if person_folder is None:
        return PoseDetector(
            "vitpose", (network,), lambda image, check: _find(network, processor, image, [_whole(image)], check)
        )
    finder, finder_processor, person = load_person_finder(Path(person_folder))
    finder = ready(finder, device)

    def find(image: Tensor, check: Check) -> list[Found]:
        check()
        boxes = find_boxes(finder, finder_processor, person, image)
        return _find(network, processor, image, boxes, check)

    return PoseDetector("vitpose", (network, finder), find)


def _whole(image: Tensor) -> Tensor:
    height, width = image.shape[1:]
    return torch.tensor([0.0, 0.0, width, height])


def _find(network: Any, processor: Any, image: Tensor, boxes: list[Tensor], check: Check) -> list[Found]:
    found = []
    for box in boxes:
        check()
        found.append(openpose_parts(_inside(network, processor, image, box)))
    check()
    return found


def _inside(network: Any, processor: Any, image: Tensor, box: Tensor) -> FloatArray:
    """(17 or 133, 3) x, y in pixels of the image and score, of the person in a box: left, top, width, height."""
    seen = _seen(box.numpy().astype(np.float64), processor.size["width"], processor.size["height"])
    cut, offset, scale = _cut(image, seen, processor.size["height"])
    # The box in pixels of the cut. The processor counts pixels from the middle of the first one; a shift of the
    # box by that half changes nothing but what is seen, by half a pixel.
    inner = [*((box[:2].numpy() - offset) * scale), *(box[2:].numpy() * scale)]
    boxes = [[[float(number) for number in inner]]]
    inputs = processor(cut, boxes=boxes, input_data_format="channels_last", return_tensors="pt")
    pixels = inputs["pixel_values"].to(device_of(network))  # (1, 3, height, width)
    output = network(pixel_values=pixels, **_expert(network, pixels.device))
    person = processor.post_process_pose_estimation(output, boxes=boxes)[0][0]
    xy = (np.asarray(person["keypoints"], np.float64) + 0.5) / scale + offset
    score = np.asarray(person["scores"], np.float64)
    # Where a heat map is flat, refining its peak leads anywhere. Nothing was seen out there.
    beyond = ((xy < seen[:2]) | (xy > seen[:2] + seen[2:])).any(axis=1)
    return np.column_stack([xy, np.where(beyond, 0.0, score)])


def _expert(network: Any, device: torch.device) -> dict[str, Tensor]:
    experts = getattr(network.config.backbone_config, "num_experts", 1)
    return {"dataset_index": torch.tensor([_COCO_EXPERT], device=device)} if experts > 1 else {}


def _seen(box: FloatArray, width: int, height: int) -> FloatArray:
    """What the processor shows the network of a box: padded, and widened to the shape (width, height)."""
    across = max(box[2], box[3] * width / height) * _PADDING
    size = np.array([across, across * height / width])
    return np.concatenate([box[:2] + box[2:] / 2 - size / 2, size])


def _cut(image: Tensor, seen: FloatArray, height: int) -> tuple[np.ndarray, FloatArray, FloatArray]:
    """The part of the image that will be seen, averaged to about the detail the network can use.

    The processor takes single pixels out of what it is given, so it must not be given many times too many.

    Returns:
        (h, w, 3) uint8, its top left corner (x, y) in the image, and its pixels per pixel of the image in x, y.
    """
    limits = image.shape[2], image.shape[1]
    # One pixel more all around, which the resampling at the edge looks at.
    first = [min(max(math.floor(low) - 1, 0), limit - 1) for low, limit in zip(seen[:2], limits, strict=True)]
    past = [min(math.ceil(high) + 1, limit) for high, limit in zip(seen[:2] + seen[2:], limits, strict=True)]
    part = image[:, first[1] : past[1], first[0] : past[0]]
    scale = min(1.0, _DETAIL * height / float(seen[3]))
    size = [max(1, round(side * scale)) for side in part.shape[1:]]
    scales = np.array([size[1] / part.shape[2], size[0] / part.shape[1]])
    return to_bytes(resize(part, (size[0], size[1]))), np.array(first, np.float64), scales
