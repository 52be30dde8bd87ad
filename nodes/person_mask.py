"""Person Mask."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..dptn_core.pose import PERSON_CHOICES, NoPersonError, People, Pose, choose_person
from ..dptn_core.segmentation import BlazePoseSegmenter, can_be_masked, load_segmenter, person_mask
from . import host
from .errors import node_error_context
from .host import io
from .images import canvas_of, image_of, one_each
from .inputs import checks_inputs
from .poses import frames_of, threshold_input
from .types import PoseType

_NODE = "Person Mask"
_EVERYBODY = "everybody"
_ROOM = 2**27  # bytes that the network works in


class PersonMask(io.ComfyNode):
    """Where a person is in an image, pixel by pixel."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node to the host."""
        return io.Schema(
            node_id="DPTNPersonMask",
            display_name="Person Mask (DPTN)",
            category="DPTN",
            description="A soft mask of one person or of everybody, for inpainting, compositing and cut-outs. Follows "
            "the edges of the image; the network ships with the pack.",
            **host.search_words("segmentation", "remove background", "matte", "cut out person", "rembg"),
            inputs=[
                io.Image.Input("image", tooltip="One image, or a batch such as the frames of a video."),
                PoseType.Input(
                    "pose", tooltip="From Extract Pose, of the same image: one frame for each image, or one for all."
                ),
                io.Combo.Input(
                    "person",
                    options=[_EVERYBODY, *PERSON_CHOICES],
                    default=_EVERYBODY,
                    tooltip="Who to mask: everybody, or one person.",
                ),
                threshold_input(),
            ],
            outputs=[
                io.Mask.Output(
                    "mask",
                    display_name="MASK",
                    tooltip="White where the person is; one mask for each image, black where nobody is.",
                )
            ],
        )

    @classmethod
    @checks_inputs()
    def execute(cls, image: Tensor, pose: Any, person: str, threshold: float = 0.0) -> io.NodeOutput:
        """Mask one person or everybody in each image (B, H, W, C).

        `pose` comes one frame for each image, or one for all.

        Returns:
            Masks (B, H, W) in [0, 1], black where nobody is.

        Raises:
            NodeError: an input cannot be read, numbers do not match, or a person has too few joints to mask by.
        """
        count, height, width = image.shape[:3]
        found = frames_of(pose, _NODE, "pose", canvas_of(image, _NODE, "image"), threshold)
        frames = one_each(found, count, _NODE, "pose", "frame")
        network = load_segmenter()
        patcher = host.managed(network)
        masks = torch.zeros(count, height, width, device=host.result_device())
        for number in host.with_progress(range(count), count):
            host.bring_to_device([patcher], _ROOM)
            there = image_of(image, number, _NODE, "image")
            for one in _chosen(frames[number], person, alone=len(found) == 1):
                with node_error_context(_NODE, "pose"):
                    masks[number] = torch.maximum(masks[number], _mask(network, there, one))
        return io.NodeOutput(masks)


def _mask(network: BlazePoseSegmenter, image: Tensor, pose: Pose) -> Tensor:
    return person_mask(network, image, pose).to(host.result_device())


def _chosen(frame: People, choice: str, *, alone: bool) -> list[Pose]:
    """Whom to mask; nobody in a frame without that person, which is no failure in a video.

    Of somebody at the edge an ear may be all there is: nothing to mask by, and no reason to stop. Only where a single
    frame was given, and somebody in particular asked for, is it said that too little of everybody was seen.
    """
    seen = tuple(pose for pose in frame.people if can_be_masked(pose))
    if choice == _EVERYBODY:
        return list(seen)
    try:
        return [choose_person(People(seen or frame.people if alone else seen, frame.canvas), choice)]
    except NoPersonError:
        return []
