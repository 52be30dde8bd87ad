"""Attention Preview."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ..dptn_core.inference.attention import attention_at, correspondence, peaks, warped
from ..dptn_core.inference.attention_maps import attention_maps
from ..dptn_core.inference.attention_plot import SHOWN_JOINTS, heat_over_source, joint_colour, mark_peaks, source_map
from ..dptn_core.inference.framing import Frame
from ..dptn_core.inference.transfer import Transfer
from ..dptn_core.pose import KEYPOINT_NAMES, Canvas, Pose
from . import host
from .errors import NodeError, expect, node_error_context
from .host import io, ui
from .images import at_most, to_host
from .texture_views import MOST, TextureViews, nothing_warped, texture_views
from .types import AttentionType, HostedAttention

_NODE = "Attention Preview"
_ALL_JOINTS, _NO_JOINT = "all joints", "none"
_JOINTS = [name.replace("_", " ") for name in KEYPOINT_NAMES]
_POINT = re.compile(r"\s*\(?\s*(-?\d*\.?\d+|-?\d+\.)\s*,\s*(-?\d*\.?\d+|-?\d+\.)\s*\)?\s*")
_MAX_POINTS = 64
_MASK_POINTS = 64  # places of a mask that are asked about


class AttentionPreview(io.ComfyNode):
    """Where in the source the network looked for places of a drawn image."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node to the host."""
        return io.Schema(
            node_id="DPTNAttentionPreview",
            display_name="Attention Preview (DPTN)",
            category="DPTN",
            description="Shows where in the source the network looked when it drew some places of the target, and "
            "which of the source's own pixels were carried there.",
            **host.search_words("attention map", "heatmap", "correspondence", "explain"),
            inputs=[
                AttentionType.Input("attention", tooltip="From Transfer Pose."),
                io.Combo.Input(
                    "joint",
                    options=[_ALL_JOINTS, _NO_JOINT, *_JOINTS],
                    default=_ALL_JOINTS,
                    tooltip="Ask about joints of the target pose. 'none': only about 'points' and 'mask'.",
                ),
                io.String.Input(
                    "points",
                    default="",
                    tooltip="Ask about pixels of the target image as well: x,y; x,y; ... Example: 120,80; 200,310",
                ),
                io.Int.Input(
                    "picture", default=0, min=0, max=4095, tooltip="Which image of the batch, counted from 0."
                ),
                io.Int.Input(
                    "layer",
                    default=-1,
                    min=-16,
                    max=15,
                    tooltip="Texture Transfer Block, counted from 0; -1 is the last one.",
                ),
                io.Int.Input("head", default=-1, min=-1, max=63, tooltip="Attention head from 0; -1: all, averaged."),
                io.Mask.Input("mask", optional=True, tooltip="Ask about a region of the target image as a whole."),
            ],
            outputs=[
                io.Image.Output("heat_map", display_name="heat map", tooltip="Attention shining on the source image."),
                io.Image.Output(
                    "source_map",
                    display_name="correspondence",
                    tooltip="For every place of the target: red x and green y of where it looked in the source, blue "
                    "how sure it was (an ST map).",
                ),
                io.Image.Output(
                    "carried", display_name="carried", tooltip="The source's own pixels moved to where they were used."
                ),
                io.Image.Output(
                    "dense_map",
                    display_name="dense correspondence",
                    tooltip="Where each pixel was carried from, an ST map: red x and green y in the source, blue how "
                    "sure it is that the source shows it. At most 1024 pixels a side; black where Transfer Pose "
                    "carried nothing.",
                ),
                io.Image.Output(
                    "body_parts",
                    display_name="body parts",
                    tooltip="The body part of the source that each place was taken from, a colour for each. At most "
                    "1024 pixels a side; black where Transfer Pose carried nothing.",
                ),
                io.Mask.Output(
                    "invented",
                    display_name="invented",
                    tooltip="White where the source does not show what is there now. At most 1024 pixels a side; "
                    "all white where Transfer Pose carried nothing.",
                ),
            ],
            is_output_node=True,
        )

    @classmethod
    def execute(
        cls,
        attention: HostedAttention,
        joint: str,
        points: str,
        picture: int,
        layer: int,
        head: int,
        mask: Tensor | None = None,
    ) -> io.NodeOutput:
        """Ask, and draw the answers."""
        attention = expect(attention, HostedAttention, _NODE, "attention", "DPTN_ATTENTION", "connect Transfer Pose")
        with node_error_context(_NODE, "picture"):
            kept, index = attention.find(picture)
        attention.hosted.bring_to_device(1, kept.transfer.frame.size)
        result = _on_device(kept.transfer)
        asked, colours = _asked(result, index, joint, points)
        one_head = None if head < 0 else head
        heads = attention.hosted.model.config.heads
        if head >= heads:
            raise NodeError(f"{_NODE}, input 'head': head {head} was asked for; the model has 0 to {heads - 1}")
        with node_error_context(_NODE, "layer"):
            found = correspondence(result, index, layer=layer, head=one_head)
            maps = attention_at(result, index, asked, layer=layer, head=one_head)
            if mask is not None:
                region = _region(mask, result)
                rows = attention_at(result, index, region, layer=layer, head=one_head)
                maps, colours = torch.cat([maps, rows.mean(0, keepdim=True)]), [*colours, (255, 255, 255)]
        if not len(maps):
            raise NodeError(
                f"{_NODE}: there is nothing to ask about; choose a joint the pose has, give 'points' or connect a mask"
            )
        attended = peaks(maps, result)
        heat = mark_peaks(heat_over_source(result, maps.to(kept.transfer.drawn.device), colours), attended, colours)
        pasted = result.frame.paste(warped(result, found).cpu(), None)
        views = texture_views(attention.hosted, kept, result, index)
        dense, parts, invented = nothing_warped(result)
        if views is not None:
            dense, parts, invented = views.dense_map, views.body_parts, views.invented
        shown = to_host([heat])
        return io.NodeOutput(
            shown,
            to_host([source_map(result, found)]),
            to_host([pasted]),
            to_host([dense]),
            to_host([parts]),
            invented[None].to(host.result_device()),
            ui={**ui.PreviewImage(shown, cls=cls).as_dict(), **_payload(result, index, asked, attended, views)},
        )


def _on_device(kept: Transfer) -> Transfer:
    """The transfer with its source where the weights are now."""
    source = kept.source
    moved = replace(source, features=source.features.to(source.model.device))
    return replace(kept, source=moved, drawn=kept.drawn.to(source.model.device))


def _asked(result: Transfer, index: int, joint: str, points: str) -> tuple[Tensor, list[tuple[int, int, int]]]:
    """Pixels (N, 2) of the target to ask about and their colours."""
    pose = result.poses[index]
    joints = SHOWN_JOINTS if joint == _ALL_JOINTS else [_JOINTS.index(joint)] if joint in _JOINTS else []
    shown = [number for number in joints if pose.present[number]]
    if joint in _JOINTS and not shown:
        raise NodeError(f"{_NODE}, input 'joint': the pose of this image has no {joint}; choose another")
    places = [tuple(pose.keypoints[number].tolist()) for number in shown]
    colours = [joint_colour(number) for number in shown]
    typed = _typed_points(points, result.frame.canvas)
    colours += [joint_colour(number * 5 % len(SHOWN_JOINTS)) for number in range(len(typed))]
    asked = torch.tensor([*places, *typed], dtype=torch.float32, device=result.drawn.device)
    return asked.view(-1, 2), colours


def _typed_points(text: object, canvas: Canvas) -> list[tuple[float, float]]:
    points = []
    for part in filter(str.strip, re.split(r"[;\n]", expect(text, str, _NODE, "points", "text"))):
        match = _POINT.fullmatch(part)
        if match is None:
            raise NodeError(
                f"{_NODE}, input 'points': {part.strip()[:40]!r} is no point; write x,y; x,y; ... in pixels"
            )
        x, y = float(match[1]), float(match[2])
        if not (0 <= x <= canvas.width and 0 <= y <= canvas.height):
            raise NodeError(f"{_NODE}, input 'points': {part.strip()[:40]!r} lies outside the target image of {canvas}")
        points.append((x, y))
    if len(points) > _MAX_POINTS:
        raise NodeError(f"{_NODE}, input 'points': {len(points)} were given; up to {_MAX_POINTS} can be told apart")
    return points


def _region(mask: object, result: Transfer) -> Tensor:
    """Up to `_MASK_POINTS` pixels of the target, spread evenly over the first mask of a batch, of any size."""
    mask = expect(mask, Tensor, _NODE, "mask", "MASK")
    if mask.ndim not in (2, 3) or 0 in mask.shape:
        raise NodeError(f"{_NODE}, input 'mask': expected a mask (B, H, W), got {tuple(mask.shape)}")
    first = mask[0] if mask.ndim == 3 else mask
    inside = torch.nonzero(first > 0.5)
    if not len(inside):
        raise NodeError(f"{_NODE}, input 'mask': it is empty; paint the region you want to ask about")
    some = torch.arange(min(len(inside), _MASK_POINTS)) * len(inside) // min(len(inside), _MASK_POINTS)
    places = inside.cpu()[some].float() + 0.5
    canvas = result.frame.canvas
    scale = torch.tensor([canvas.width / first.shape[1], canvas.height / first.shape[0]])
    return (places.flip(1) * scale).to(result.drawn.device)


def _payload(
    kept: Transfer, index: int, asked: Tensor, attended: Tensor, views: TextureViews | None
) -> dict[str, list[Any]]:
    """What the browser explores: all attention as a file, the images, and in numbers how they belong together."""
    maps = attention_maps(kept, index)
    source = kept.source.image
    around = source if kept.frame.canvas == kept.source.frame.canvas else None
    generated = kept.frame.paste(kept.drawn[index].to(source.device), around)
    pairs = {"image": (generated, source)} if views is None else views.pairs()
    numbers = {
        "version": 3,
        "grid": list(maps.grid),
        "target": _side(kept.frame, kept.poses[index]),
        "source": _side(kept.source.frame, kept.source.pose),
        "joints": _JOINTS,
        "asked": _rounded(asked.tolist()),
        "looked": _rounded(attended.tolist()),
        "maps": host.send_file("dptn_attention", maps.packed()),
        "views": list(pairs),
    }
    shown = [
        # the images as they are; what is laid over them has few colours
        host.send_image("dptn_attention", at_most(one, MOST), ".png" if name == "image" else ".jpg")
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
