"""Convert Pose."""

from __future__ import annotations

from typing import Any, Final

from ..dptn_core.pose import Canvas, People, Pose
from ..dptn_core.pose.exchange import read_dwposes, read_mhr, read_wan_animate, write_dwposes, write_wan_animate
from . import host
from .errors import NodeError, loggable, node_error_context
from .host import io
from .inputs import checks_inputs
from .poses import frames_of, person_input, to_wire, tracked_person
from .types import PoseType

_NODE: Final = "Convert Pose"
_MHR, _WAN, _DWPOSES = (io.Custom(kind) for kind in ("MHR_POSE_DATA", "POSEDATA", "DWPOSES"))
_MAX_SIDE: Final = 16_384


class ConvertPose(io.ComfyNode):
    """Poses of other packs as POSE_KEYPOINT, and POSE_KEYPOINT as other packs take it."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node to the host."""
        return io.Schema(
            node_id="DPTNConvertPose",
            display_name="Convert Pose (DPTN)",
            category="DPTN",
            description="Converts poses from and for the nodes of SAM3D Body, Wan Animate, SCAIL and DWPose. Connect "
            "one input.",
            **host.search_words("dwpose", "wan animate", "scail", "sam3d body", "openpose", "bridge"),
            inputs=[
                io.Float.Input(
                    "threshold",
                    default=0.3,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Remove joints with less confidence.",
                ),
                person_input("Who goes into 'pose_data', which holds one person: tracked through the video."),
                _side("width"),
                _side("height"),
                io.Boolean.Input(
                    "scores",
                    default=False,
                    tooltip="Output confidences of 0 to 1 instead of 1, for Clean Poses. Some packs ignore joints "
                    "below 1.",
                ),
                PoseType.Input("pose", optional=True, tooltip="From Extract Pose, or any OpenPose or DWPose detector."),
                _MHR.Input("mhr_pose_data", optional=True, tooltip="From the SAM3D Body nodes of ComfyUI."),
                _WAN.Input("pose_data", optional=True, tooltip="From nodes that prepare videos for Wan Animate."),
                _DWPOSES.Input(
                    "dw_poses", optional=True, tooltip="From nodes for SCAIL and Wan. Set 'width' and 'height' as well."
                ),
            ],
            outputs=[
                PoseType.Output("converted", display_name="POSE_KEYPOINT", tooltip="One frame for each that came in."),
                _WAN.Output(
                    "wan_pose_data", display_name="pose_data", tooltip="For Wan Animate nodes: one person a frame."
                ),
                _DWPOSES.Output("dwposes", display_name="dw_poses", tooltip="For SCAIL and Wan nodes: everybody."),
            ],
        )

    @classmethod
    @checks_inputs()
    def execute(
        cls,
        threshold: float,
        person: str,
        width: int,
        height: int,
        scores: bool,
        pose: Any = None,
        mhr_pose_data: Any = None,
        pose_data: Any = None,
        dw_poses: Any = None,
    ) -> io.NodeOutput:
        """Read the one input that is connected, and write it in every form that can hold it.

        Returns:
            POSE_KEYPOINT, POSEDATA and DWPOSES of as many frames as came in.

        Raises:
            NodeError: none or several are connected, it cannot be read, or DWPOSES come without a size.
        """
        given = {"pose": pose, "mhr_pose_data": mhr_pose_data, "pose_data": pose_data, "dw_poses": dw_poses}
        name = _the_only(given)
        frames = _frames(given[name], name, (width, height))
        seen = [People(tuple(one.without(threshold) for one in frame.people), frame.canvas) for frame in frames]
        wan = write_wan_animate(_followed(seen, person, name), [frame.canvas for frame in seen])
        return io.NodeOutput(to_wire(seen, scores=scores), wan, write_dwposes(seen))


def _side(name: str) -> io.Int.Input:
    return io.Int.Input(
        name,
        default=0,
        min=0,
        max=_MAX_SIDE,
        tooltip=f"{name.capitalize()} in pixels of the images that 'dw_poses' were found in, which that form does not "
        "state. The other inputs state their size and ignore this.",
    )


def _the_only(given: dict[str, Any]) -> str:
    connected = [name for name, value in given.items() if value is not None]
    if len(connected) != 1:
        names = " and ".join(f"'{name}'" for name in connected) or "none"
        raise NodeError(f"{_NODE}: expected one of {', '.join(map(repr, given))} to be connected, got {names}")
    return connected[0]


def _frames(given: object, name: str, size: tuple[int, int]) -> list[People]:
    if name == "pose":
        return frames_of(given, _NODE, name)
    with node_error_context(_NODE, name):
        if name == "dw_poses":
            frames = read_dwposes(given, _canvas(size))
        else:
            frames = read_mhr(given) if name == "mhr_pose_data" else read_wan_animate(given)
    if not frames:
        raise NodeError(f"{_NODE}, input '{name}': the pose data holds no frame; connect an image to the detector")
    return frames


def _canvas(size: tuple[int, int]) -> Canvas:
    try:
        return Canvas(*size)
    except ValueError as error:
        raise NodeError(
            f"{_NODE}, input 'dw_poses': set 'width' and 'height' to the size of the images that these poses were "
            f"found in, because the form does not state it; {error}"
        ) from loggable(error)


def _followed(frames: list[People], choice: str, name: str) -> list[Pose | None]:
    """The chosen person of each frame; nobody where nobody is, which is no reason to stop."""
    if all(pose.is_empty for frame in frames for pose in frame.people):
        return [None] * len(frames)
    return tracked_person(frames, choice, _NODE, name)
