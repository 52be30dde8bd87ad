"""Where the people of an image are, by RT-DETR (Apache-2.0)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from ...image_io import resize, to_bytes
from .extraction_error import ExtractionError
from .pose_detector import device_of
from .transformers_folder import load_folder

_SCORE: Final = 0.5  # of a box
_OVERLAP: Final = 0.6  # intersection over union beyond which two boxes are one person
_MAX_SIDE: Final = 1280  # pixels; twice what the network sees of an image
_MIN_SIDE: Final = 1.0  # pixel


def load_person_finder(folder: Path) -> tuple[Any, Any, int]:
    """Load RT-DETR from a transformers folder.

    Returns:
        The network, on the CPU, its processor, and which of its classes is a person.

    Raises:
        ExtractionError: As for `load_folder`, or it knows no class "person".
    """
    network, processor = load_folder(folder, "rt_detr", "RTDetrForObjectDetection", "RTDetrImageProcessor")
    names: dict[int, str] = network.config.id2label
    persons = [int(index) for index, name in names.items() if str(name).lower() == "person"]
    if not persons:
        raise ExtractionError(
            f"expected a model with a class named person, got {', '.join(list(names.values())[:3])}, ... in {folder}: "
            "use one trained on COCO, such as PekingU/rtdetr_r50vd_coco_o365"
        )
    return network, processor, persons[0]


def find_boxes(network: torch.nn.Module, processor: Any, person: int, image: Tensor) -> list[Tensor]:
    """Find people.

    Args:
        network: RT-DETR; it is run where it is.
        processor: Its image processor.
        person: The class that counts.
        image: (3, H, W) in [0, 1].

    Returns:
        One box (4,) a person: left, top, width, height in pixels of the image, inside it.
    """
    height, width = image.shape[1:]
    scale = min(1.0, _MAX_SIDE / max(height, width))
    smaller = resize(image, (max(1, round(height * scale)), max(1, round(width * scale))))
    pixels = processor(images=to_bytes(smaller), input_data_format="channels_last", return_tensors="pt")["pixel_values"]
    output = network(pixel_values=pixels.to(device_of(network)))
    found = processor.post_process_object_detection(output, threshold=_SCORE, target_sizes=[(height, width)])[0]
    chosen = found["labels"] == person
    corners, scores = found["boxes"][chosen].float().cpu(), found["scores"][chosen].cpu()
    corners = corners.clamp(torch.zeros(4), torch.tensor([width, height, width, height]))
    corners = _distinct(corners[scores.argsort(descending=True, stable=True)])
    boxes = torch.cat([corners[:, :2], corners[:, 2:] - corners[:, :2]], dim=1)
    return [box for box in boxes if box[2:].min() >= _MIN_SIDE]


def _distinct(corners: Tensor) -> Tensor:
    """Of boxes (N, 4) left, top, right, bottom, best first, those that are not a better one again."""
    kept: list[Tensor] = []
    for box in corners:
        if all(_overlap(box, better) <= _OVERLAP for better in kept):
            kept.append(box)
    return torch.stack(kept) if kept else corners


def _overlap(one: Tensor, other: Tensor) -> float:
    """Intersection over union."""
    across, down = (torch.minimum(one[2:], other[2:]) - torch.maximum(one[:2], other[:2])).clamp(min=0).tolist()
    areas = [(box[2:] - box[:2]).prod().item() for box in (one, other)]
    return across * down / max(sum(areas) - across * down, 1e-9)
