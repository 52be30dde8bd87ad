"""What the network answers to the questions of Attention Preview, for the graph and for the explorer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..dptn_core.inference.attention import Correspondence, attention_at, correspondence, peaks
from ..dptn_core.inference.attention_maps import attention_maps
from ..dptn_core.inference.framing import Frame
from ..dptn_core.inference.transfer import Generated, pasted
from ..dptn_core.pose import Pose
from . import host
from .attention_questions import JOINTS, NODE, Questions
from .errors import NodeError, node_error_context
from .images import at_most
from .texture_views import MAX_SIDE, TextureViews


@dataclass(frozen=True, eq=False)
class Answers:
    """Where N places of an image attended, and where each of its tokens did."""

    maps: Tensor  # (N, h, w), each summing to 1
    peaks: Tensor  # (N, 2) xy pixels of the source image
    correspondence: Correspondence


def answers(generated: Generated, asked: Questions, layer: int, head: int) -> Answers:
    """Ask one layer about every place.

    Args:
        generated: the image, with its source on the computing device.
        asked: its places.
        layer: Texture Transfer Block, from the end where it is negative.
        head: attention head; any negative number stands for the mean of all.

    Raises:
        NodeError: no such layer or head.
    """
    heads = generated.source.model.config.heads
    if head >= heads:
        raise NodeError(f"{NODE}, input 'head': expected a head from 0 to {heads - 1}, or -1 for all, got {head}")
    one_head = None if head < 0 else head
    with node_error_context(NODE, "layer"):
        found = correspondence(generated, layer=layer, head=one_head)
        maps = attention_at(generated, asked.points, layer=layer, head=one_head)
        if asked.region is not None:
            rows = attention_at(generated, asked.region, layer=layer, head=one_head)
            maps = torch.cat([maps, rows.mean(0, keepdim=True)])
    return Answers(maps, peaks(maps, generated.source), found)


def explorer_payload(
    generated: Generated, asked: Questions, attended: Tensor, views: TextureViews | None
) -> dict[str, list[Any]]:
    """What the browser explores: all attention as a file, the images, and in numbers how they belong together.

    Args:
        generated: the image.
        asked: the questions about it.
        attended: (N, 2) xy pixels of the source, where their answers are.
        views: what was warped into the image; None where nothing was.
    """
    source = generated.source
    maps = attention_maps(generated)
    pairs = {"image": (pasted(generated), source.image)} if views is None else views.pairs()
    numbers = {
        "version": 3,
        "grid": list(maps.grid),
        "target": _side(generated.frame, generated.pose),
        "source": _side(source.frame, source.pose),
        "joints": JOINTS,
        "asked": _rounded(asked.points.tolist()),
        "looked": _rounded(attended.tolist()),
        "maps": host.send_file("dptn_attention", maps.packed()),
        "views": list(pairs),
    }
    shown = [
        # the images as they are; what is laid over them has few colours
        host.send_image("dptn_attention", at_most(one, MAX_SIDE), ".png" if name == "image" else ".jpg")
        for name, pair in pairs.items()
        for one in pair
    ]
    return {"dptn_attention": [json.dumps(numbers)], "dptn_pictures": shown}


def _side(frame: Frame, pose: Pose) -> dict[str, Any]:
    """One of the two images in pixels: its size, the part of it that the network sees, and the joints in it."""
    canvas, box = frame.canvas, frame.box
    places = _rounded(pose.keypoints.tolist())
    return {
        "canvas": [canvas.width, canvas.height],
        "frame": [box.left, box.top, box.width, box.height],
        "joints": [place if there else None for place, there in zip(places, pose.present, strict=True)],
    }


def _rounded(points: list[list[float]]) -> list[list[float]]:
    return [[round(value, 1) for value in point] for point in points]
