"""Clean Poses."""

from __future__ import annotations

from typing import Any

from ..dptn_core.pose import PERSON_CHOICES, NoPersonError, People, Pose, choose_person
from ..dptn_core.pose.smoothing import Cleaning, clean_sequence
from ..dptn_core.pose.tracks import tracks_of
from . import host
from .errors import node_error_context
from .host import io
from .inputs import checks_inputs
from .poses import frames_of, on_one_canvas, to_wire
from .types import PoseType

_NODE = "Clean Poses"
_EVERYBODY = "everybody"
_DEFAULT = Cleaning()


class CleanPoses(io.ComfyNode):
    """Poses of a video made steady."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node to the host."""
        return io.Schema(
            node_id="DPTNCleanPoses",
            display_name="Clean Poses (DPTN)",
            category="DPTN",
            description="Smooths the poses of a video: removes joints that jump, fills gaps, smooths jitter, without "
            "lag.",
            **host.search_words("smooth poses", "stabilize pose", "pose jitter", "interpolate keypoints"),
            inputs=[
                PoseType.Input("pose", tooltip="The poses of a video, one frame after another."),
                io.Combo.Input(
                    "people",
                    options=[_EVERYBODY, *PERSON_CHOICES],
                    default=_EVERYBODY,
                    tooltip="Everybody, or one person: chosen in the frame where they first appear, then tracked "
                    "through the video.",
                ),
                io.Float.Input(
                    "threshold",
                    default=_DEFAULT.threshold,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Remove joints with less confidence first. Needs real confidences: switch on 'scores' of "
                    "Extract Pose.",
                ),
                io.Boolean.Input(
                    "reject_outliers",
                    default=_DEFAULT.reject_outliers,
                    tooltip="Remove joints that jump away for a few frames.",
                ),
                io.Int.Input(
                    "longest_gap",
                    default=_DEFAULT.longest_gap,
                    min=0,
                    max=1000,
                    tooltip="Fill gaps of a joint of up to this many frames. 0: fill none.",
                ),
                io.Int.Input(
                    "smoothing",
                    default=_DEFAULT.window,
                    min=0,
                    max=101,
                    tooltip="Length of the smoothing window in frames. A longer one is steadier and rounds off quick "
                    "movements. 0: no smoothing.",
                ),
                io.Boolean.Input(
                    "keep_limb_lengths",
                    default=_DEFAULT.keep_limb_lengths,
                    tooltip="Restore the length of limbs that turn quickly, which smoothing shortens.",
                ),
            ],
            outputs=[
                PoseType.Output("cleaned", display_name="POSE_KEYPOINT", tooltip="As many frames as came in."),
            ],
        )

    @classmethod
    @checks_inputs(limits=dict.fromkeys(("longest_gap", "smoothing"), (0, 2**31)))
    def execute(
        cls,
        pose: Any,
        people: str,
        threshold: float,
        reject_outliers: bool,
        longest_gap: int,
        smoothing: int,
        keep_limb_lengths: bool,
    ) -> io.NodeOutput:
        """Clean the poses of a video, frame after frame on one canvas.

        Returns:
            POSE_KEYPOINT of as many frames.

        Raises:
            NodeError: there is no pose data, frames are on several canvases, or a number is out of range.
        """
        frames = frames_of(pose, _NODE, "pose")
        canvas = on_one_canvas(frames, _NODE, "pose")
        with node_error_context(_NODE):
            cleaning = Cleaning(threshold, reject_outliers, longest_gap, smoothing, keep_limb_lengths)
            cleaned = [clean_sequence(track, cleaning) for track in _tracks(frames, people)]
        return io.NodeOutput(to_wire([People(_there(cleaned, number), canvas) for number in range(len(frames))]))


def _there(tracks: list[list[Pose | None]], number: int) -> tuple[Pose, ...]:
    return tuple(pose for track in tracks if (pose := track[number]) is not None)


def _tracks(frames: list[People], choice: str) -> list[list[Pose | None]]:
    """Everybody's poses, or those of the person who is meant in the first frame that has them."""
    tracks = tracks_of(frames)
    if choice == _EVERYBODY:
        return tracks
    for number, frame in enumerate(frames):
        try:
            chosen = choose_person(frame, choice)
        except NoPersonError:
            continue
        return [track for track in tracks if track[number] is chosen]
    return []
