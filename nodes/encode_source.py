"""Encode Source."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import Tensor

from ..dptn_core.checkpoint import Framing
from ..dptn_core.inference.transfer import EncodedSource, encode_source
from ..dptn_core.pose import People, Pose
from . import host
from .errors import node_error_context
from .host import io
from .images import canvas_of, image_of, masks_for, one_each
from .inputs import checks_inputs
from .poses import frames_of, one_person_each, person_input, threshold_input
from .texturing import HeldTexture
from .types import HostedModel, HostedSource, ModelType, PoseType, SourceType

_NODE = "Encode Source"
_FRAMINGS: dict[str, Framing | None] = {"as the model was trained": None, "fit": "fit", "stretch": "stretch"}
_MAX_HEIGHT = 1024
_MAX_LINKED_HEIGHT = 4096  # takes a GPU of tens of gigabytes


class EncodeSource(io.ComfyNode):
    """Everything that depends on the source person alone; the host keeps it while only target poses change."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node to the host."""
        return io.Schema(
            node_id="DPTNEncodeSource",
            display_name="Encode Source (DPTN)",
            category="DPTN",
            description="Encodes the source person once, for any number of target poses: while only the pose "
            "changes, ComfyUI keeps this node's result. A batch of images gives a batch of sources.",
            **host.search_words("repose", "reference person", "source person"),
            inputs=[
                ModelType.Input("model", tooltip="From Load DPTN Model."),
                io.Image.Input("image", tooltip="Image of the person, or a batch of images."),
                PoseType.Input(
                    "pose",
                    tooltip="The person's pose in this image: one for each image, or one for all.",
                ),
                person_input("Which person to use when there are several."),
                io.Combo.Input(
                    "framing",
                    options=list(_FRAMINGS),
                    default=next(iter(_FRAMINGS)),
                    tooltip="How the person is cut out for the network. fit: a crop around the pose that keeps "
                    "proportions. stretch: the authors' way, 176x256 stretched to a square.",
                ),
                io.Int.Input(
                    "working_height",
                    default=0,
                    min=0,
                    max=_MAX_HEIGHT,
                    step=8,
                    tooltip="Height in pixels that the network works at; the width follows. 0: the height it was "
                    "trained at. A larger height is slower and sometimes finer, a smaller one is faster.",
                ),
                io.Mask.Input(
                    "mask",
                    optional=True,
                    tooltip="The person in the image, white: one mask for each image, or one for all. Without it, and "
                    "for a black mask, the node segments the person itself.",
                ),
                threshold_input(),
            ],
            outputs=[SourceType.Output("source", display_name="source", tooltip="For Transfer Pose.")],
        )

    @classmethod
    @checks_inputs(limits={"working_height": (0, _MAX_LINKED_HEIGHT)})
    def execute(
        cls,
        model: HostedModel,
        image: Tensor,
        pose: Any,
        person: str,
        framing: str,
        working_height: int,
        mask: Tensor | None = None,
        threshold: float = 0.0,
    ) -> io.NodeOutput:
        """Encode the person of each image.

        `image` is (B, H, W, C) in [0, 1]; `pose` and `mask` (B, H, W) come one for each image, or one for all.

        Returns:
            B encoded sources.

        Raises:
            NodeError: an input cannot be read, numbers do not match, or a pose does not belong to its image.
        """
        count = len(image)
        frames = frames_of(pose, _NODE, "pose", canvas_of(image, _NODE, "image"), threshold)
        people = one_each(frames, count, _NODE, "pose", "pose")
        poses = one_each(one_person_each(frames, person, _NODE, "pose"), count, _NODE, "pose", "pose")
        masks = masks_for(mask, image, _NODE, "mask")
        size = _working_size(model, working_height)
        model.bring_to_device(1, size)
        encoded = []
        for number in host.with_progress(range(count), count):
            one = image_of(image, number, _NODE, "image")
            source = _encoded(model, one, poses[number], _FRAMINGS[framing], size)
            encoded.append((source, _texture(model, source, masks[number], people[number])))
        return io.NodeOutput(HostedSource(model, *zip(*encoded, strict=True)))


def _encoded(
    model: HostedModel, image: Tensor, pose: Pose, framing: Framing | None, size: tuple[int, int]
) -> EncodedSource:
    """One source where the host wants results; Transfer Pose brings it back to the weights."""
    with node_error_context(_NODE, "pose"):
        source = encode_source(model.model, image, pose, framing=framing, size=size)
    rest = host.result_device()
    return replace(source, features=source.features.to(rest), image=source.image.to(rest))


def _texture(model: HostedModel, source: EncodedSource, mask: Tensor | None, people: People) -> HeldTexture | None:
    """The texture of one source; None where the networks for it do not ship."""
    if model.texture is None:
        return None
    return model.texture.encode(source, mask, [pose for pose in people.people if pose != source.pose])


def _working_size(model: HostedModel, height: int) -> tuple[int, int]:
    """(H, W) of the training size's proportions, in whole tokens."""
    trained = model.model.training_size
    if not height:
        return trained
    stride = model.model.config.stride

    def whole(side: float) -> int:
        return max(2 * stride, round(side / stride) * stride)

    return whole(height), whole(trained[1] * height / trained[0])
