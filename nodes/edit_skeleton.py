"""Edit Skeleton."""

from __future__ import annotations

import json
from typing import Any

from torch import Tensor

from ..dptn_core.pose import Canvas, draw_skeleton, fit_to_canvas
from ..dptn_core.pose.edited import fingerprint, read_edited, settle
from . import host
from .errors import NodeError, expect, speaking_for
from .host import io
from .images import bytes_to_host, canvas_of, check_batch, image_of
from .poses import frames_of, to_wire
from .types import PoseType

_BLOCK = "Edit Skeleton"
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
            tooltip="The pose as you left it, in one text that travels with the workflow; OpenPose JSON works as well. "
            "Empty: the connected pose, or a standing person.",
        )
        # the key by which the front end finds its editor; older hosts take it in no other way
        edited.extra_dict["widgetType"] = "DPTN_SKELETON"
        return io.Schema(
            node_id="DPTNEditSkeleton",
            display_name="Edit Skeleton (DPTN)",
            category="DPTN",
            description="Pose a person by hand. A connected pose is where the edit starts: your changes count "
            "until another pose comes in.",
            **host.search_words("pose editor", "openpose editor", "posing"),
            inputs=[
                io.Int.Input("width", default=384, min=16, max=_MAX_SIDE, tooltip=_canvas_tip("Width")),
                io.Int.Input("height", default=512, min=16, max=_MAX_SIDE, tooltip=_canvas_tip("Height")),
                edited,
                PoseType.Input("pose", optional=True, tooltip="Where the edit starts: a pose or a sequence."),
                io.Image.Input("background", optional=True, tooltip="Image to pose over; gives the canvas its size."),
            ],
            outputs=[
                PoseType.Output("edited_pose", display_name="POSE_KEYPOINT", tooltip="For Transfer Pose."),
                io.Image.Output("skeleton", display_name="skeleton", tooltip="Drawn as OpenPose ControlNets want it."),
            ],
            # so that a page opened anew gets background and connected pose although the host has them in its cache
            is_output_node=True,
        )

    @classmethod
    @host.cores_left_alone(True)  # short work, which live posing waits for
    def execute(
        cls, width: int, height: int, edited: str, pose: Any = None, background: Tensor | None = None
    ) -> io.NodeOutput:
        """Settle which pose counts and put it on the canvas."""
        edited = expect(edited, str, _BLOCK, "edited", "a text is wanted")
        canvas = Canvas(width, height)
        if background is not None:
            background = check_batch(background, _BLOCK, "background")
            canvas = canvas_of(background, _BLOCK, "background")
        upstream = None if pose is None else frames_of(pose, _BLOCK, "pose", canvas)
        if background is None and upstream is not None:
            canvas = upstream[0].canvas
        if max(canvas.width, canvas.height) > _MAX_SIDE:
            raise NodeError(
                f"{_BLOCK}: the canvas is {canvas}; sides of up to {_MAX_SIDE} are drawn. Connect a smaller "
                "background, whose size it then has"
            )
        with speaking_for(_BLOCK, "edited"):
            frames, by_hand = settle(upstream, read_edited(edited, canvas), canvas)
        frames = [fit_to_canvas(frame, canvas) for frame in frames]
        drawn = host.with_progress((draw_skeleton(frame) for frame in frames), len(frames))
        skeletons = bytes_to_host(drawn, len(frames), (canvas.height, canvas.width))
        shown = {  # what the editor starts from, and goes back to
            "start": None if upstream is None else to_wire([fit_to_canvas(frame, canvas) for frame in upstream]),
            "upstream": None if upstream is None else fingerprint(upstream),
            "canvas": {"width": canvas.width, "height": canvas.height},
            "by_hand": by_hand,
        }
        payload: dict[str, object] = {"dptn_pose": [json.dumps(shown)]}
        if background is not None:
            payload["dptn_background"] = [
                host.send_image("dptn_background", image_of(background, 0, _BLOCK, "background"))
            ]
        return io.NodeOutput(to_wire(frames), skeletons, ui=payload)


def _canvas_tip(side: str) -> str:
    return f"{side} of the canvas in pixels, where neither a pose nor a background is connected."
