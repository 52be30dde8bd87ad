"""Load Pose and Save Pose."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

from ..dptn_core import samples
from ..dptn_core.pose import load_pose_file, save_pose_file
from ..dptn_core.system.files import names_a_stream
from ..dptn_core.system.text import printable
from . import host
from .errors import NodeError, loggable, node_error_context
from .host import io
from .input_files import SHIPPED, chosen_file
from .inputs import checks_inputs
from .poses import frames_of, sure, threshold_input, to_wire
from .types import PoseType

_LOAD, _SAVE = "Load Pose", "Save Pose"
_MAX_NAME = 120


class LoadPose(io.ComfyNode):
    """OpenPose JSON from a file."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node to the host."""
        return io.Schema(
            node_id="DPTNLoadPose",
            display_name="Load Pose (DPTN)",
            category="DPTN",
            description="Reads OpenPose JSON from ComfyUI's input folder, or one of the poses that ship with the "
            "pack. It reads pixels or 0..1, BODY_25, COCO and other forms.",
            **host.search_words("openpose json", "import pose", "skeleton"),
            inputs=[
                io.Combo.Input(
                    "file",
                    options=[*(SHIPPED + name for name in samples.POSES), *host.input_files(".json")],
                    default=SHIPPED + next(iter(samples.POSES)),
                    tooltip="'sample: ...' ship with the pack; all others are .json files in ComfyUI's input folder. "
                    "Press R to see new files.",
                ),
                threshold_input("of the file"),
            ],
            outputs=[
                PoseType.Output("pose", display_name="POSE_KEYPOINT", tooltip="One frame for each image of the file.")
            ],
        )

    @classmethod
    def fingerprint_inputs(cls, file: object, threshold: object = 0.0) -> str | float:
        """A file written anew under the same name is read anew; one that a link names is not known before it runs."""
        if not isinstance(file, str):
            return math.nan
        with node_error_context(_LOAD, "file"):
            path = _path(file)
            stat = path.stat()
        return printable(f"{path} {stat.st_mtime_ns} {stat.st_size} {threshold}")

    @classmethod
    @checks_inputs(files=("file",))
    def execute(cls, file: str, threshold: float = 0.0) -> io.NodeOutput:
        """Read one OpenPose JSON file, a sample's or one of the input folder, without joints below `threshold`.

        Returns:
            POSE_KEYPOINT, one frame an image of the file.

        Raises:
            NodeError: the file is not there, cannot be read, or holds no frame.
        """
        with node_error_context(_LOAD, "file"):
            frames = load_pose_file(_path(file))
        if not frames:
            raise NodeError(f"{_LOAD}, input 'file': expected at least one frame, got none in {file}")
        return io.NodeOutput(to_wire(sure(frames, threshold)))


def _path(file: str) -> Path:
    if file.startswith(SHIPPED):
        path = samples.POSES.get(file.removeprefix(SHIPPED))
        if path is None:
            raise NodeError(f"{_LOAD}, input 'file': this version ships no {file!r}; choose another")
        return path
    return chosen_file(file, _LOAD, "file")


class SavePose(io.ComfyNode):
    """OpenPose JSON to a file."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node to the host."""
        return io.Schema(
            node_id="DPTNSavePose",
            display_name="Save Pose (DPTN)",
            category="DPTN",
            description="Writes poses as OpenPose JSON into ComfyUI's output folder, in the strict form that "
            "every pack reads.",
            **host.search_words("openpose json", "export pose", "skeleton"),
            inputs=[
                PoseType.Input("pose", tooltip="One pose or a sequence; a sequence becomes one file."),
                io.String.Input(
                    "filename_prefix",
                    default="dptn/pose",
                    tooltip="Start of the file name; a number follows. A slash makes a folder.",
                ),
            ],
            outputs=[PoseType.Output("saved", display_name="POSE_KEYPOINT", tooltip="The poses as written.")],
            is_output_node=True,
        )

    @classmethod
    @checks_inputs()
    def execute(cls, pose: Any, filename_prefix: str) -> io.NodeOutput:
        """Write the poses to one file of the output folder, under the next free number.

        Returns:
            The poses, as they were written.

        Raises:
            NodeError: there is no pose data, or the name cannot be used.
        """
        frames = frames_of(pose, _SAVE, "pose")
        path, subfolder = _free_path(_checked_prefix(filename_prefix))
        with node_error_context(_SAVE, "filename_prefix"):
            save_pose_file(path, frames)
        return io.NodeOutput(to_wire(frames), ui={"text": [(Path(subfolder) / path.name).as_posix()]})


def _checked_prefix(prefix: str) -> str:
    last = re.split(r"[/\\]", prefix)[-1]
    if not last.strip(". ") or len(last) > _MAX_NAME or not prefix.isprintable():
        raise NodeError(
            f"{_SAVE}, input 'filename_prefix': expected a name of 1 to {_MAX_NAME} letters, such as poses/wave, got "
            f"{prefix[:40]!r}"
        )
    if names_a_stream(prefix):
        raise NodeError(
            f"{_SAVE}, input 'filename_prefix': expected a name without ':', got {prefix[:40]!r}; Windows would hide "
            "the poses inside another file"
        )
    return prefix


def _free_path(prefix: str) -> tuple[Path, str]:
    """Path of a file that does not exist yet, and its folder relative to the output folder."""
    try:
        folder, name, counter, subfolder = host.numbered_output(prefix)
    except OSError as error:  # no room, no permission, or a file where a folder is asked for
        raise NodeError(
            f"{_SAVE}, input 'filename_prefix': {prefix!r} cannot be saved in ComfyUI's output folder: "
            f"{error.strerror or error}"
        ) from loggable(error)
    except Exception as error:  # noqa: BLE001 - the host raises a bare Exception for a path outside its folder
        raise NodeError(
            f"{_SAVE}, input 'filename_prefix': expected a name inside ComfyUI's output folder, such as poses/wave, "
            f"got {prefix!r}"
        ) from loggable(error)
    counter = max([counter, *(number + 1 for number in _numbers(folder, name))])
    return folder / f"{name}_{counter:05}_.json", subfolder


def _numbers(folder: Path, name: str) -> list[int]:
    """Numbers taken by earlier files of this name."""
    taken = re.compile(re.escape(name) + r"_(\d+)_\.json")
    return [int(found[1]) for path in folder.glob("*.json") if (found := taken.fullmatch(path.name))]
