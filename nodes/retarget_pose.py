"""Retarget Pose."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from torch import Tensor

from ..dptn_core.pose import Canvas, People, Pose, draw_skeleton, fit_to_canvas
from ..dptn_core.pose.retargeting import Place, retarget
from . import host
from .errors import NodeError, node_error_context
from .host import io
from .images import bytes_to_host, capped_size
from .inputs import checks_inputs
from .poses import frames_of, on_one_canvas, person_input, threshold_input, to_wire, tracked_person
from .types import PoseType

_NODE = "Retarget Pose"
_PLACES: Final[dict[str, Place]] = {"like the source": "source", "as the pose is": "target"}
_LIKE_SOURCE, _AS_IS = _PLACES
_SOURCE_PERSON: Final = "source_person"
_PREVIEW_SIDE: Final = 512  # pixels


class RetargetPose(io.ComfyNode):
    """Poses of one person with the limb lengths of another."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node to the host."""
        return io.Schema(
            node_id="DPTNRetargetPose",
            display_name="Retarget Pose (DPTN)",
            category="DPTN",
            description="Gives poses of one person the limb lengths of another, so that whoever takes the pose keeps "
            "their proportions. For Transfer Pose, and for any other model that follows a skeleton.",
            **host.search_words("limb length", "body proportions", "align pose", "skeleton", "controlnet"),
            inputs=[
                PoseType.Input("pose", tooltip="The poses to take: one, or the frames of a video, in order."),
                PoseType.Input(
                    "source_pose",
                    tooltip="Poses of the person whose limb lengths count. One is enough; several of the same size, as "
                    "in a video, measure better.",
                ),
                io.Float.Input(
                    "strength",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    tooltip="1: limbs as long as the source person's. 0: the pose keeps its own proportions.",
                ),
                io.Combo.Input(
                    "place",
                    options=[_LIKE_SOURCE, _AS_IS],
                    default=_LIKE_SOURCE,
                    tooltip="like the source: on the source's canvas, at the source person's size and place. as the "
                    "pose is: on the pose's own canvas, as large as the pose is and where it is.",
                ),
                person_input("Whose pose to take: chosen in the frame where they first appear, then tracked."),
                person_input(
                    "Whose limb lengths count, if 'source_pose' shows several people.",
                    name=_SOURCE_PERSON,
                ),
                threshold_input("of both poses"),
                io.Combo.Input(
                    "facing",
                    options=[_AS_IS, _LIKE_SOURCE],
                    default=_AS_IS,
                    optional=True,
                    tooltip="like the source: somebody whose image shows their back keeps it to the camera, for models "
                    "that cannot invent a face. Poses that turn around on the way stay as they are.",
                ),
            ],
            outputs=[
                PoseType.Output(
                    "retargeted",
                    display_name="POSE_KEYPOINT",
                    tooltip="As many frames as came in, with one person. Frames without them stay empty.",
                ),
                io.Image.Output(
                    "preview", display_name="preview", tooltip="Each frame's skeleton before (left) and after (right)."
                ),
            ],
        )

    @classmethod
    @checks_inputs()
    def execute(
        cls,
        pose: Any,
        source_pose: Any,
        strength: float,
        place: str,
        person: str,
        source_person: str,
        threshold: float = 0.0,
        facing: str = _AS_IS,
    ) -> io.NodeOutput:
        """Retarget one person's poses; everybody else in the frames is dropped.

        Returns:
            POSE_KEYPOINT of as many frames as `pose` has, and images (N, H, W, 3) in [0, 1] of each frame's skeleton
            before and after, side by side.

        Raises:
            NodeError: an input cannot be read, its frames are on several canvases, or it shows no such person.
        """
        source_frames = frames_of(source_pose, _NODE, "source_pose", threshold=threshold)
        canvas = _stated(on_one_canvas(source_frames, _NODE, "source_pose"))
        frames = frames_of(pose, _NODE, "pose", canvas, threshold)
        on_one_canvas(frames, _NODE, "pose")
        before = tracked_person(frames, person, _NODE, "pose")
        own = tracked_person(source_frames, source_person, _NODE, "source_pose", widget=_SOURCE_PERSON)
        with node_error_context(_NODE, "source_pose"):
            moved = retarget(
                *(_there(before), _there(own)), strength=strength, place=_PLACES[place], facing=_PLACES[facing]
            )
        canvas, rest = moved[0].canvas, iter(moved)
        after = [None if one is None else next(rest) for one in before]
        return io.NodeOutput(to_wire([_people(one, canvas) for one in after]), _preview(before, after, canvas))


def _stated(canvas: Canvas) -> Canvas:
    if (canvas.width, canvas.height) == (1, 1):
        raise NodeError(
            f"{_NODE}, input 'source_pose': expected a canvas, got coordinates of 0 to 1 alone, which do not tell how "
            "long a limb is; connect a detector that states the size of the image, such as Extract Pose"
        )
    return canvas


def _there(track: Sequence[Pose | None]) -> list[Pose]:
    return [pose for pose in track if pose is not None]


def _people(pose: Pose | None, canvas: Canvas) -> People:
    return People(() if pose is None else (pose,), canvas)


def _preview(before: Sequence[Pose | None], after: Sequence[Pose | None], canvas: Canvas) -> Tensor:
    """(N, H, W, 3): skeletons before, fitted into the canvas of those after, and beside them those after."""
    height, width = capped_size((canvas.height, canvas.width), _PREVIEW_SIDE)

    def drawn() -> Iterator[np.ndarray]:
        for pair in zip(before, after, strict=True):
            people = (fit_to_canvas(_people(pose, canvas if pose is None else pose.canvas), canvas) for pose in pair)
            yield np.hstack([draw_skeleton(one, (height, width)) for one in people])

    return bytes_to_host(host.with_progress(drawn(), len(before)), len(before), (height, 2 * width), _NODE)
