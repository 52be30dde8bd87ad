"""The editor's value: one versioned JSON text that travels in a workflow.

Version 1::

    {"version": 1, "canvas_width": 512, "canvas_height": 768, "upstream": "2f0c..." | null,
     "frames": [{"people": [ ... as in OpenPose JSON ... ]}, ...]}

`upstream` is the `fingerprint` of the pose the edit was made over. While upstream stays the same the edit counts; a new
upstream pose starts afresh. OpenPose JSON in place of the value has no such memory: it always counts.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from .openpose_json import PoseFormatError, read_openpose, write_openpose
from .skeleton import Canvas, People, Pose
from .standing import standing_pose

VERSION = 1


@dataclass(frozen=True)
class EditedPose:
    """What the editor holds."""

    frames: tuple[People, ...]  # at least one
    upstream: str | None  # fingerprint of the pose it was made over; None: over nothing
    foreign: bool = False  # not the editor's own form, but OpenPose JSON in its place


def read_edited(text: str, canvas: Canvas | None = None) -> EditedPose | None:
    """Read the editor's value, or any OpenPose JSON in its place; None where the text holds no frame.

    Args:
        text: the value.
        canvas: for OpenPose JSON that states none.

    Raises:
        PoseFormatError: the text is neither; the message says where and what was found.
    """
    if not text.strip():
        return None
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PoseFormatError(f"the edited pose is no JSON: {error}. Clear the field to start afresh") from None
    # OpenPose's own files state a version as well, and have people in the place of frames
    if not isinstance(document, dict) or "version" not in document or "people" in document:
        frames = read_openpose(document, canvas)
        return EditedPose(tuple(frames), None, foreign=True) if frames and document else None
    version = document["version"]
    if version != VERSION or isinstance(version, bool):
        raise PoseFormatError(
            f"the edited pose has version {str(version)[:40]}; this installation reads version {VERSION}. "
            "Update DPTN Pose Transfer, or clear the field"
        )
    pictures, upstream = document.get("frames"), document.get("upstream")
    if not isinstance(pictures, list) or not pictures:
        raise PoseFormatError("frames of the edited pose must be a list of at least one frame")
    if not (upstream is None or isinstance(upstream, str)):
        raise PoseFormatError(f"upstream of the edited pose must be a text or null, got {type(upstream).__name__}")
    size = {key: document[key] for key in ("canvas_width", "canvas_height") if key in document}
    complete = [{**size, **picture} if isinstance(picture, dict) else picture for picture in pictures]
    return EditedPose(tuple(read_openpose(complete)), upstream)


def write_edited(edited: EditedPose) -> str:
    """The text of an edit; `read_edited` gives the same back.

    Raises:
        ValueError: no frame, or frames on different canvases.
    """
    canvases = {frame.canvas for frame in edited.frames}
    if len(canvases) != 1:
        raise ValueError(f"the frames of an edit share one canvas; there are {len(canvases)}")
    canvas = canvases.pop()
    frames: list[dict[str, Any]] = []
    for picture in write_openpose(list(edited.frames)):
        # the text travels in every copy of the workflow: what is empty or said once is left out
        people = [{part: numbers for part, numbers in person.items() if any(numbers)} for person in picture["people"]]
        shared = ("people", "canvas_width", "canvas_height")
        frames.append({"people": people} | {key: value for key, value in picture.items() if key not in shared})
    document = {
        "version": VERSION,
        "canvas_width": canvas.width,
        "canvas_height": canvas.height,
        "upstream": edited.upstream,
        "frames": frames,
    }
    return json.dumps(document)


def fingerprint(frames: list[People]) -> str:
    """A short name of pose data: equal for equal poses, whatever form they came in."""
    # A hundredth of a pixel is below what any detector or editor means.
    said = [[frame.canvas.width, frame.canvas.height, [_rounded(pose) for pose in frame.people]] for frame in frames]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]


def settle(upstream: list[People] | None, edited: EditedPose | None, canvas: Canvas) -> tuple[list[People], bool]:
    """Which pose counts: the edit, unless upstream has changed since it was made.

    Args:
        upstream: the connected poses, None when nothing is connected.
        edited: the editor's value, None when it is empty.
        canvas: for the standing pose that is taken when there is neither.

    Returns:
        The frames, and whether they are the edit's.
    """
    if edited is not None and (edited.foreign or upstream is None or edited.upstream == fingerprint(upstream)):
        return list(edited.frames), True
    if upstream is not None:
        return upstream, False
    return [People((standing_pose(canvas),), canvas)], False


def _rounded(pose: Pose) -> list[object]:
    """Every point of a pose in hundredths of a pixel, null where it is missing or its part is."""
    body = np.column_stack([pose.keypoints, pose.confidence])
    parts = (body, pose.hand_left, pose.hand_right, pose.face)
    # adding zero turns -0.0 into 0.0, which would be written differently
    return [
        None if part is None else [(xyc[:2].round(2) + 0.0).tolist() if xyc[2] > 0 else None for xyc in part]
        for part in parts
    ]
