"""POSE_KEYPOINT in every form other packs send, and which of the people in it is meant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..dptn_core.pose import (
    PERSON_CHOICES,
    Canvas,
    NoPersonError,
    People,
    Pose,
    choose_person,
    follow_person,
    read_poses,
    write_openpose,
)
from .errors import NodeError, node_error_context
from .host import io

PERSON = "person"  # the usual name of the widget that says who is meant
STOP, REPEAT, LEAVE_OUT = "stop with an error", "repeat the pose before", "leave the frame out"


def frames_of(
    document: object, node: str, name: str, canvas: Canvas | None = None, threshold: float = 0.0
) -> list[People]:
    """The frames of a POSE_KEYPOINT, at least one.

    Args:
        document: as it came along the wire.
        node, name: of the input, for errors.
        canvas: for frames that state none.
        threshold: joints with less confidence, 0 to 1, are left out.

    Raises:
        NodeError: it is no pose data, or holds no frame.
    """
    with node_error_context(node, name):
        frames = read_poses(document, canvas)
    if not frames:
        raise NodeError(f"{node}, input '{name}': the pose data holds no frame; connect an image to the detector")
    return sure(frames, threshold)


def sure(frames: Sequence[People], threshold: float) -> list[People]:
    """Frames without joints of less confidence than `threshold`, 0 to 1."""
    return [frame.without(threshold) if threshold else frame for frame in frames]


def one_person_each(frames: Sequence[People], choice: str, node: str, name: str) -> list[Pose]:
    """One person of each frame.

    Raises:
        NodeError: a frame has not that person.
    """
    poses = persons_found(frames, choice, node, name, None)
    return [pose for pose in poses if pose is not None]


def persons_found(
    frames: Sequence[People], choice: str, node: str, name: str, when_empty: str | None, *, widget: str = PERSON
) -> list[Pose | None]:
    """One person of each frame, None for frames that are left out.

    Args:
        frames: at least one.
        choice: one of `PERSON_CHOICES`.
        node, name: of the input, for errors.
        when_empty: what to do with a frame without that person: `STOP`, `REPEAT` (the one before; at the start of a
            sequence, the first one found) or `LEAVE_OUT`; None stops as well, in a node that offers no choice.
        widget: name of the input that `choice` comes from, for errors.

    Raises:
        NodeError: with `STOP` or None, such a frame; else, no frame has the person.
    """
    poses: list[Pose | None] = []
    missing: list[str] = []
    others = False  # somebody is there, but not the one that is meant
    for number, frame in enumerate(frames):
        try:
            poses.append(choose_person(frame, choice))
        except NoPersonError as error:
            missing.append(str(number))
            reason = str(error)
            others = not all(pose.is_empty for pose in frame.people)
            poses.append(None)
    found = [pose for pose in poses if pose is not None]
    if missing and (when_empty in (STOP, None) or not found):
        where = "" if len(frames) == 1 else f" in frame {', '.join(missing[:8])}{' ...' if len(missing) > 8 else ''}"
        if others:
            way_out = f"Choose another '{widget}'"
        else:
            way_out = "Check the skeleton image, lower the detector's threshold or edit the pose"
        if found and when_empty == STOP:
            way_out += f", or choose '{REPEAT}'"
        raise NodeError(f"{node}, input '{name}'{where}: {reason}. {way_out}")
    if when_empty == REPEAT:
        last = found[0] if found else None
        for number, pose in enumerate(poses):
            poses[number] = last = pose or last
    return poses


def tracked_person(
    frames: Sequence[People], choice: str, node: str, name: str, *, widget: str = PERSON
) -> list[Pose | None]:
    """One person through the frames of a video: chosen where they first appear, then followed.

    Args:
        frames: at least one, on one canvas.
        choice: one of `PERSON_CHOICES`.
        node, name: of the input, for errors.
        widget: name of the input that `choice` comes from, for errors.

    Returns:
        The person's pose in each frame, None where they are not.

    Raises:
        NodeError: no frame has that person, or there is no such choice.
    """
    with node_error_context(node, name):
        found = persons_found(frames, choice, node, name, LEAVE_OUT, widget=widget)
    start, first = next((number, pose) for number, pose in enumerate(found) if pose is not None)
    return [None] * start + follow_person(frames[start:], first)


def on_one_canvas(frames: Sequence[People], node: str, name: str) -> Canvas:
    """The canvas that all frames are on.

    Raises:
        NodeError: there are several.
    """
    canvases = {frame.canvas for frame in frames}
    if len(canvases) > 1:
        raise NodeError(
            f"{node}, input '{name}': expected the frames of one video, on one canvas, got canvases of "
            f"{', '.join(sorted(map(str, canvases)))}"
        )
    return canvases.pop()


def to_wire(frames: Sequence[People], *, scores: bool = True) -> list[dict[str, Any]]:
    """The strict form every consumer accepts; without `scores`, confidences of 1.0 in place of real ones."""
    return write_openpose(list(frames), scores=scores)


def person_input(tooltip: str, *, name: str = PERSON) -> io.Combo.Input:
    """The widget that says which of several people is meant."""
    return io.Combo.Input(name, options=list(PERSON_CHOICES), default=PERSON_CHOICES[0], tooltip=tooltip)


def threshold_input(of: str = "of the connected poses") -> io.Float.Input:
    """The widget for how sure a joint must be; appended to nodes, so that what was saved before it runs as before."""
    return io.Float.Input(
        "threshold",
        optional=True,
        default=0.0,
        min=0.0,
        max=1.0,
        step=0.01,
        tooltip=f"Ignore joints {of} with less confidence. 0: use every joint. 0.3 suits detectors that also send "
        "joints they hardly see, such as SDPose.",
    )
