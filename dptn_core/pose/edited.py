"""The editor's value: one versioned JSON text that travels in a workflow.

Version 2::

    {"version": 2, "canvas_width": 512, "canvas_height": 768, "upstream": "2f0c..." | null, "keep_edit": true,
     "loop": false, "frames": [{"people": [ ... as in OpenPose JSON ... ], "steps": 12, "easing": "smooth"}, ...]}

Each frame is a keyframe; `steps` is how many frames later the next one comes and `easing` how the way there is gone
(`interpolation.Step`; absent: 1 and "linear", a plain sequence). What else the editor keeps in the text, such as the
person's own library of poses, is for the editor alone. Without frames there is no edit. Version 1 had no keyframes: its
frames follow each other at once.

`upstream` is the `fingerprint` of the pose the edit was made over. While upstream stays the same the edit counts. With
`keep_edit` it counts over a new upstream pose too, and the editor asks which of both to use; without it, as in values
written before there was that key, a new upstream pose starts afresh. OpenPose JSON in place of the value has no such
memory: it always counts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeGuard

import numpy as np

from .fitting import fit_to_canvas
from .interpolation import Step, sequence
from .openpose_json import PoseFormatError, parse_pose_text, read_openpose, write_openpose
from .skeleton import Canvas, People, Pose
from .standing import standing_pose

VERSION = 2

# What browsers take for white space, so that editor and nodes agree on which field is empty.
_WHITE_SPACE = "\t\n\v\f\r \xa0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff" + "".join(map(chr, range(0x2000, 0x200B)))


@dataclass(frozen=True)
class EditedPose:
    """What the editor holds."""

    frames: tuple[People, ...]  # keyframes, at least one
    upstream: str | None  # fingerprint of the pose it was made over; None: over nothing
    foreign: bool = False  # not the editor's own form, but OpenPose JSON in its place
    steps: tuple[Step, ...] = ()  # the way from each keyframe to the next; left out: they follow each other at once
    loop: bool = False  # go on from the last keyframe to the first
    keep: bool = False  # count although upstream has changed since

    def __post_init__(self) -> None:
        """Give each keyframe a step."""
        if not self.steps:
            object.__setattr__(self, "steps", (Step(),) * len(self.frames))

    def sequence(self) -> list[People]:
        """All frames, those between keyframes among them; `interpolation.sequence` says what it raises."""
        return list(sequence(self.frames, self.steps, loop=self.loop))


def read_edited(text: str, canvas: Canvas | None = None) -> EditedPose | None:
    """Read the editor's value, or any OpenPose JSON in its place; None where the text holds no frame.

    `web/skeleton/value.js` reads the same; both are tested on one file of documents. Frames on other canvases than the
    first are fitted to it.

    Args:
        text: the value.
        canvas: for poses that state none.

    Raises:
        PoseFormatError: the text is neither, or a sequence of too many frames; the message says where and what was
            found.
    """
    if not text.strip(_WHITE_SPACE):
        return None
    try:
        document = parse_pose_text(text)
    except PoseFormatError as error:
        raise PoseFormatError(f"the edited pose cannot be read: {error}. Clear the field to start afresh") from None
    if not isinstance(document, (dict, list)):
        raise PoseFormatError(f"the edited pose must be an object or a list, got {type(document).__name__}")
    try:
        if _is_own(document):
            return _read_own(_of_this_version(document), canvas)
        frames = _on_one_canvas(read_openpose(document, canvas))
        if not frames or not document:
            return None
        return _checked(EditedPose(frames, None, foreign=True))
    except PoseFormatError:
        raise
    except ValueError as error:
        raise PoseFormatError(f"the edited pose: {error}") from None


def read_poses(document: object, canvas: Canvas | None = None) -> list[People]:
    """Pose data of any producer, or the editor's value in its place: then all frames, those between keyframes too.

    Args:
        document: parsed JSON or its text.
        canvas: of the image the poses were probably seen in; see `read_openpose`.

    Returns:
        One `People` an image, none for an edit without frames.

    Raises:
        PoseFormatError: it is neither; the message says where and what was found.
    """
    parsed = parse_pose_text(document) if isinstance(document, str) else document
    if not _is_own(parsed) or "frames" not in parsed:
        # a text inside a text is none
        return read_openpose(document if isinstance(parsed, str) else parsed, canvas)
    try:
        edited = _read_own(_of_this_version(parsed), canvas)
        return [] if edited is None else edited.sequence()
    except PoseFormatError:
        raise
    except ValueError as error:
        raise PoseFormatError(f"the edited pose: {error}") from None


def _is_own(document: object) -> TypeGuard[dict[str, Any]]:
    """Whether a document claims to be the editor's value."""
    # OpenPose's own files state a version as well, and have people in the place of frames
    return isinstance(document, dict) and "version" in document and "people" not in document


def _read_own(document: dict[str, Any], canvas: Canvas | None) -> EditedPose | None:
    """The editor's own form; raises as `read_edited` does, or a ValueError about the sequence."""
    images, upstream, loop = document.get("frames"), document.get("upstream"), document.get("loop", False)
    keep = document.get("keep_edit", False)
    if not isinstance(images, list):
        raise PoseFormatError(f"frames of the edited pose must be a list, got {type(images).__name__}")
    if not (upstream is None or isinstance(upstream, str)):
        raise PoseFormatError(f"upstream of the edited pose must be a text or null, got {type(upstream).__name__}")
    if not isinstance(loop, bool):
        raise PoseFormatError(f"loop of the edited pose must be true or false, got {type(loop).__name__}")
    if not isinstance(keep, bool):
        raise PoseFormatError(f"keep_edit of the edited pose must be true or false, got {type(keep).__name__}")
    # what the document says of the canvas goes before what its frames say
    size = {key: document[key] for key in ("canvas_width", "canvas_height") if document.get(key) is not None}
    complete = [{**image, **size} if isinstance(image, dict) else image for image in images]
    frames = _on_one_canvas(read_openpose(complete or size, canvas))
    if not images:
        return None
    steps = tuple(_read_step(image, f"frames[{index}]") for index, image in enumerate(images))
    return _checked(EditedPose(frames, upstream, steps=steps, loop=loop, keep=keep))


def _on_one_canvas(frames: list[People]) -> tuple[People, ...]:
    return tuple(fit_to_canvas(frame, frames[0].canvas) for frame in frames)


def _checked(edited: EditedPose) -> EditedPose:
    """The edit, if its sequence is one; `interpolation.sequence` says what it raises."""
    sequence(edited.frames, edited.steps, loop=edited.loop)
    return edited


def _read_step(image: object, path: str) -> Step:
    if not isinstance(image, dict):
        return Step()  # `read_openpose` says what is wrong with it
    try:
        frames = image.get("steps", 1)
        whole = int(frames) if isinstance(frames, float) and frames.is_integer() else frames  # as JavaScript writes it
        return Step(whole, image.get("easing", "linear"))
    except (ValueError, TypeError) as error:
        raise PoseFormatError(f"{path} of the edited pose: {error}") from None


# From each older version to the next one.
_MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {
    1: lambda document: {**document, "version": 2, "loop": False},
}


def _of_this_version(document: dict[str, Any]) -> dict[str, Any]:
    """The value as `VERSION` writes it.

    Raises:
        PoseFormatError: it comes from a later version, or states none that ever was.
    """
    version = document["version"]
    if isinstance(version, bool) or version not in (*_MIGRATIONS, VERSION):
        raise PoseFormatError(
            f"the edited pose has version {str(version)[:40]}; this installation reads versions 1 to {VERSION}. "
            "Update DPTN Pose Transfer, or clear the field"
        )
    while document["version"] != VERSION:
        document = _MIGRATIONS[document["version"]](document)
    return document


def write_edited(edited: EditedPose) -> str:
    """The text of an edit; `read_edited` gives the same back.

    Raises:
        ValueError: no frame, frames on different canvases, or not one step a frame.
    """
    if len(edited.steps) != len(edited.frames):
        raise ValueError(f"expected one step for each of {len(edited.frames)} frames, got {len(edited.steps)}")
    canvases = {frame.canvas for frame in edited.frames}
    if len(canvases) != 1:
        raise ValueError(f"expected the frames of an edit on one canvas, got {len(canvases)} canvases")
    canvas = canvases.pop()
    frames: list[dict[str, Any]] = []
    for image, step in zip(write_openpose(list(edited.frames)), edited.steps, strict=True):
        # the text travels in every copy of the workflow: what is empty or said once is left out
        people = [{part: numbers for part, numbers in person.items() if any(numbers)} for person in image["people"]]
        shared = ("people", "canvas_width", "canvas_height")
        timing = {"steps": step.frames, "easing": step.easing}
        frames.append({"people": people} | timing | {k: value for k, value in image.items() if k not in shared})
    document = {
        "version": VERSION,
        "canvas_width": canvas.width,
        "canvas_height": canvas.height,
        "upstream": edited.upstream,
        **({"keep_edit": True} if edited.keep else {}),
        "loop": edited.loop,
        "frames": frames,
    }
    return json.dumps(document)


def fingerprint(frames: list[People]) -> str:
    """A short name of pose data: equal for equal poses, whatever form they came in."""
    # A hundredth of a pixel is below what any detector or editor means.
    said = [[frame.canvas.width, frame.canvas.height, [_rounded(pose) for pose in frame.people]] for frame in frames]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]


def settle(upstream: list[People] | None, edited: EditedPose | None, canvas: Canvas) -> tuple[list[People], bool]:
    """Which pose counts: the edit, unless upstream has changed since it was made and the edit is not to be kept.

    Args:
        upstream: the connected poses, None when nothing is connected.
        edited: the editor's value, None when it is empty.
        canvas: for the standing pose that is taken when there is neither.

    Returns:
        The frames, those between keyframes among them, and whether they are the edit's.
    """
    if edited is not None and (
        edited.foreign or edited.keep or upstream is None or edited.upstream == fingerprint(upstream)
    ):
        return edited.sequence(), True
    if upstream is not None:
        return upstream, False
    return [People((standing_pose(canvas),), canvas)], False


def _rounded(pose: Pose) -> list[object]:
    """Every point of a pose in hundredths of a pixel, null where it is missing or its part is."""
    body = np.column_stack([pose.keypoints, pose.confidence])
    parts = [body, pose.hand_left, pose.hand_right, pose.face]
    if pose.feet is not None:  # appended only then: edits saved over poses without feet know them by their old name
        parts.append(pose.feet)
    # adding zero turns -0.0 into 0.0, which would be written differently
    return [
        None if part is None else [(xyc[:2].round(2) + 0.0).tolist() if xyc[2] > 0 else None for xyc in part]
        for part in parts
    ]
