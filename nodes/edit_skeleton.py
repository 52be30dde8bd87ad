"""Edit Skeleton."""

from __future__ import annotations

import json
from typing import Any

from torch import Tensor

from ..dptn_core.pose import Canvas, People, draw_skeleton, fit_to_canvas
from ..dptn_core.pose.edited import fingerprint, read_edited, settle
from . import host
from .errors import NodeError, node_error_context
from .host import io
from .images import bytes_to_host, canvas_of, image_of
from .inputs import checks_inputs
from .poses import frames_of, threshold_input, to_wire
from .types import PoseType

_NODE = "Edit Skeleton"
_MAX_SIDE = 8192


class EditSkeleton(io.ComfyNode):
    """A pose made or changed by hand."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node to the host."""
        edited = io.String.Input(
            "edited",
            default="",
            multiline=True,
            tooltip="The edit, as one text saved in the workflow; OpenPose JSON works as well. Empty: the connected "
            "pose, or a standing person.",
        )
        # the key by which the front end finds its editor; older hosts take it in no other way
        edited.extra_dict["widgetType"] = "DPTN_SKELETON"
        return io.Schema(
            node_id="DPTNEditSkeleton",
            display_name="Edit Skeleton (OpenPose, DPTN)",
            category="DPTN",
            description="Pose a person by hand. The edit starts from a connected pose. When another pose arrives, the "
            "edit stays, and the editor asks which to use.",
            **host.search_words("pose editor", "openpose editor", "posing", "mannequin"),
            inputs=[
                io.Int.Input("width", default=384, min=16, max=_MAX_SIDE, tooltip=_canvas_tip("Width")),
                io.Int.Input("height", default=512, min=16, max=_MAX_SIDE, tooltip=_canvas_tip("Height")),
                edited,
                PoseType.Input("pose", optional=True, tooltip="Where the edit starts: a pose or a sequence."),
                io.Image.Input(
                    "background", optional=True, tooltip="Image to pose over; it gives the canvas its size."
                ),
                threshold_input("of the connected pose"),
            ],
            outputs=[
                PoseType.Output("edited_pose", display_name="POSE_KEYPOINT", tooltip="For Transfer Pose."),
                io.Image.Output(
                    "skeleton", display_name="skeleton", tooltip="The skeletons, drawn for OpenPose ControlNets."
                ),
            ],
            # so that a page opened anew gets background and connected pose although the host has them in its cache
            is_output_node=True,
        )

    @classmethod
    @checks_inputs(limits=dict.fromkeys(("width", "height"), (1, _MAX_SIDE)))
    @host.cores_left_alone(True)  # short work, which live posing waits for
    def execute(
        cls,
        width: int,
        height: int,
        edited: str,
        pose: Any = None,
        background: Tensor | None = None,
        threshold: float = 0.0,
    ) -> io.NodeOutput:
        """Settle which pose counts, and put it on the canvas.

        `background` is (B, H, W, C), of which the first image is shown.

        Returns:
            POSE_KEYPOINT, and skeletons (N, H, W, 3), one a frame, of the canvas' size.

        Raises:
            NodeError: an input cannot be read, or the canvas is too large.
        """
        canvas = Canvas(width, height) if background is None else canvas_of(background, _NODE, "background")
        upstream = None if pose is None else frames_of(pose, _NODE, "pose", canvas, threshold)
        canvas = _checked_canvas(canvas, upstream, background)
        with node_error_context(_NODE, "edited"):
            frames, by_hand = settle(upstream, read_edited(edited, canvas), canvas)
        frames = [fit_to_canvas(frame, canvas) for frame in frames]
        skeletons = host.with_progress((draw_skeleton(frame) for frame in frames), len(frames))
        images = bytes_to_host(
            skeletons, len(frames), (canvas.height, canvas.width), _NODE, "edited" if by_hand else "pose"
        )
        return io.NodeOutput(to_wire(frames), images, ui=_editor_payload(upstream, canvas, background, by_hand=by_hand))


def _checked_canvas(stated: Canvas, upstream: list[People] | None, background: Tensor | None) -> Canvas:
    """The canvas of the connected pose, or the stated one where there is none or the background gives the size."""
    by_pose = upstream is not None and background is None
    canvas = upstream[0].canvas if upstream and background is None else stated
    if max(canvas.width, canvas.height) > _MAX_SIDE:
        raise NodeError(
            f"{_NODE}, input '{'pose' if by_pose else 'background'}': expected a canvas of at most {_MAX_SIDE} pixels "
            f"a side, got {canvas}; connect a smaller background, which gives the canvas its size"
        )
    return canvas


def _editor_payload(
    upstream: list[People] | None, canvas: Canvas, background: Tensor | None, *, by_hand: bool
) -> dict[str, object]:
    """What the editor in the browser starts from, and goes back to."""
    shown = {
        "start": None if upstream is None else to_wire([fit_to_canvas(frame, canvas) for frame in upstream]),
        "upstream": None if upstream is None else fingerprint(upstream),
        "canvas": {"width": canvas.width, "height": canvas.height},
        "by_hand": by_hand,
    }
    payload: dict[str, object] = {"dptn_pose": [json.dumps(shown)]}
    if background is not None:
        image = image_of(background, 0, _NODE, "background")
        with node_error_context(_NODE, "background"):
            payload["dptn_background"] = [host.send_image("dptn_background", image)]
    return payload


def _canvas_tip(side: str) -> str:
    return f"{side} of the canvas in pixels when neither a pose nor a background is connected."
