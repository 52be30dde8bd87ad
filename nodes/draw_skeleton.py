"""Draw Skeleton."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..dptn_core.pose import People, draw_silhouette, draw_skeleton
from . import host
from .errors import NodeError, node_error_context
from .host import io
from .images import bytes_to_host
from .inputs import checks_inputs
from .poses import frames_of, threshold_input
from .types import PoseType

_NODE = "Draw Skeleton"
_FULL, _BODY, _SILHOUETTE = "OpenPose", "OpenPose, body only", "silhouette (for masks)"
_MAX_SIDE = 16_384
_MAX_PIXELS = 2**26  # of one image: 0.8 GB as the host keeps it
_USUAL_SIDE = 512  # shorter side at which ControlNet draws its lines 4 pixels thick


class DrawSkeleton(io.ComfyNode):
    """Poses as images: what diffusion ControlNets were trained on, or the place a body takes up."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node to the host."""
        return io.Schema(
            node_id="DPTNDrawSkeleton",
            display_name="Draw Skeleton for ControlNet (DPTN)",
            category="DPTN",
            description="Draws poses as ControlNet's OpenPose preprocessors do, or as white bodies for an "
            "inpainting mask.",
            **host.search_words("openpose", "controlnet", "pose map", "stick figure"),
            inputs=[
                PoseType.Input("pose", tooltip="One pose or a sequence; everybody in it is drawn."),
                _side("width"),
                _side("height"),
                io.Combo.Input(
                    "style",
                    options=[_FULL, _BODY, _SILHOUETTE],
                    default=_FULL,
                    tooltip="OpenPose: coloured limbs, hands and face on black, for an OpenPose ControlNet. "
                    "silhouette: white bodies; send it through Convert Image to Mask.",
                ),
                io.Float.Input(
                    "thickness",
                    default=1.0,
                    min=0.1,
                    max=10.0,
                    step=0.1,
                    tooltip="Factor for the thickness of lines or bodies. 1: as ControlNets were trained on, in "
                    "proportion to the image.",
                ),
                threshold_input(),
            ],
            outputs=[io.Image.Output("image", display_name="IMAGE", tooltip="One image for each frame.")],
        )

    @classmethod
    @checks_inputs(limits={"thickness": (0, 100)})
    def execute(
        cls, pose: Any, width: int, height: int, style: str, thickness: float, threshold: float = 0.0
    ) -> io.NodeOutput:
        """Draw each frame at one size; a `width` or `height` of 0 follows the other, or the canvas.

        Returns:
            Images (N, H, W, 3) in [0, 1], one a frame.

        Raises:
            NodeError: there is no pose data, frames differ in size, or the size is too large.
        """
        frames = frames_of(pose, _NODE, "pose", threshold=threshold)
        sizes = {_size(frame, width, height) for frame in frames}
        if len(sizes) > 1:
            raise NodeError(
                f"{_NODE}, input 'pose': expected frames of one size, got {len(sizes)} sizes; set 'width' and 'height'"
            )
        size = sizes.pop()
        if size[0] * size[1] > _MAX_PIXELS or max(size) > _MAX_SIDE:
            raise NodeError(
                f"{_NODE}: expected at most {_MAX_SIDE} pixels a side and {_MAX_PIXELS // 10**6} million in all, got "
                f"{size[1]}x{size[0]}; set a smaller 'width' and 'height'"
            )
        drawn = host.with_progress((_draw(frame, size, style, thickness) for frame in frames), len(frames))
        with node_error_context(_NODE, "pose"):
            return io.NodeOutput(bytes_to_host(drawn, len(frames), size, _NODE))


def _side(name: str) -> io.Int.Input:
    return io.Int.Input(
        name,
        default=0,
        min=0,
        max=_MAX_SIDE,
        step=8,
        tooltip=f"{name.capitalize()} of the image in pixels; the pose is stretched to it. 0: in proportion to the "
        "other side; both 0: the size of the pose's canvas.",
    )


def _size(frame: People, width: int, height: int) -> tuple[int, int]:
    """(H, W) to draw a frame at."""
    canvas = frame.canvas
    if (canvas.width, canvas.height) == (1, 1) and not (width and height):
        raise NodeError(
            f"{_NODE}, input 'pose': expected a canvas, got coordinates of 0 to 1 alone; set 'width' and 'height'"
        )
    if not width and not height:
        return canvas.height, canvas.width
    return (
        height or max(1, round(canvas.height * width / canvas.width)),
        width or max(1, round(canvas.width * height / canvas.height)),
    )


def _draw(frame: People, size: tuple[int, int], style: str, thickness: float) -> np.ndarray:
    if style == _SILHOUETTE:
        return draw_silhouette(frame, size, thickness=thickness)
    if style == _BODY:
        bare = tuple(replace(pose, hand_left=None, hand_right=None, face=None) for pose in frame.people)
        frame = People(bare, frame.canvas)
    usual = max(1.0, 4.0 * min(size) / _USUAL_SIDE) * thickness
    return draw_skeleton(frame, size, limb_width=usual, joint_radius=usual)
