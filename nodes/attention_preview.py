"""Attention Preview."""

from __future__ import annotations

from torch import Tensor

from ..dptn_core.inference.attention import warped
from ..dptn_core.inference.attention_plot import heat_over_source, mark_peaks, source_map
from ..dptn_core.inference.transfer import Generated
from . import host
from .attention_answers import Answers, answers, explorer_payload
from .attention_questions import ALL_JOINTS, JOINTS, NO_JOINT, NODE, Questions, questions
from .errors import node_error_context
from .host import io, ui
from .images import to_host
from .inputs import checks_inputs
from .texture_views import texture_maps, texture_views
from .types import AttentionType, HostedAttention


class AttentionPreview(io.ComfyNode):
    """Where in the source the network attended for places of a generated image."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node to the host."""
        return io.Schema(
            node_id="DPTNAttentionPreview",
            display_name="Attention Preview (DPTN)",
            category="DPTN",
            description="Shows where in the source the network attended when it generated each place of the target, "
            "and which of the source's own pixels were warped there.",
            **host.search_words("attention map", "heatmap", "correspondence", "explain"),
            inputs=[
                AttentionType.Input("attention", tooltip="From Transfer Pose."),
                io.Combo.Input(
                    "joint",
                    options=[ALL_JOINTS, NO_JOINT, *JOINTS],
                    default=ALL_JOINTS,
                    tooltip="Ask about joints of the target pose. 'none': only about 'points' and 'mask'.",
                ),
                io.String.Input(
                    "points",
                    default="",
                    tooltip="Ask about pixels of the target image as well: x,y; x,y; ... for example 120,80; 200,310.",
                ),
                io.Int.Input(
                    "picture", default=0, min=0, max=4095, tooltip="Which image of the batch, counted from 0."
                ),
                io.Int.Input(
                    "layer",
                    default=-1,
                    min=-16,
                    max=15,
                    tooltip="Texture Transfer Block, counted from 0. -1: the last.",
                    **host.advanced(),
                ),
                io.Int.Input(
                    "head",
                    default=-1,
                    min=-1,
                    max=63,
                    tooltip="Attention head, counted from 0. -1: the average of all.",
                    **host.advanced(),
                ),
                io.Mask.Input("mask", optional=True, tooltip="Ask about a region of the target image as a whole."),
            ],
            outputs=[
                io.Image.Output(
                    "heat_map",
                    display_name="heat map",
                    tooltip="Attention over the grey source image, a colour for each question.",
                ),
                io.Image.Output(
                    "source_map",
                    display_name="correspondence",
                    tooltip="For every place of the target, where it attended in the source, as an ST map: red x, "
                    "green y, blue the confidence.",
                ),
                io.Image.Output(
                    "carried",
                    display_name="carried",
                    tooltip="The source's own pixels, warped to where they were used.",
                ),
                io.Image.Output(
                    "dense_map",
                    display_name="dense correspondence",
                    tooltip="Where each pixel was warped from, as an ST map: red x, green y, blue the confidence that "
                    "the source shows the place. At most 1024 pixels a side; black with 'network only'.",
                ),
                io.Image.Output(
                    "body_parts",
                    display_name="body parts",
                    tooltip="The body part of the source that each place was warped from, a colour for each. At most "
                    "1024 pixels a side; black with 'network only'.",
                ),
                io.Mask.Output(
                    "invented",
                    display_name="invented",
                    tooltip="White where the source does not show the place. At most 1024 pixels a side; all white "
                    "with 'network only'.",
                ),
            ],
            is_output_node=True,
        )

    @classmethod
    @checks_inputs(limits={"picture": (0, 2**31), "head": (-(2**31), 63)})
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
        """Ask where places of one image attended, and show the answers.

        `mask` is (H, W) or (B, H, W) of any size; a negative `head` averages all heads.

        Returns:
            Heat map (1, H, W, 3) on the source image; correspondence and warped pixels (1, H, W, 3) on the target's
            canvas; dense correspondence, body parts (1, H, W, 3) and invented (1, H, W), at most `MAX_SIDE` a side.

        Raises:
            NodeError: an input cannot be read or names something that does not exist, or no place is asked about.
        """
        with node_error_context(NODE, "picture"):
            held, index = attention.find(picture)
        attention.hosted.bring_to_device(1, held.generated.frame.size)
        generated = held.on_device().at(index)
        asked = questions(generated, joint, points, mask)
        found = answers(generated, asked, layer, head)
        views = texture_views(attention.hosted, held.texture, generated)
        *textured, invented = texture_maps(views, generated.frame.canvas)
        images = [to_host([one]) for one in (*_answer_images(generated, asked, found), *textured)]
        with node_error_context(NODE):  # the temp folder may be on a full disk
            explored = explorer_payload(generated, asked, found.peaks, views)
            shown = {**ui.PreviewImage(images[0], cls=cls).as_dict(), **explored}
        return io.NodeOutput(*images, invented[None].to(host.result_device()), ui=shown)


def _answer_images(generated: Generated, asked: Questions, found: Answers) -> tuple[Tensor, Tensor, Tensor]:
    """Heat map on the source image, and correspondence and warped pixels on the target's canvas, (3, H, W) each."""
    source, at = generated.source, found.correspondence
    heat = mark_peaks(heat_over_source(source, found.maps, asked.colours), found.peaks, asked.colours)
    moved = generated.frame.paste(warped(source, at).cpu(), None)
    return heat, source_map(generated, at), moved
