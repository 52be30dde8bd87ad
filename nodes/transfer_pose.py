"""Transfer Pose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ..dptn_core.pose import Canvas, People, Pose, fit_to_canvas, fit_to_person
from ..dptn_core.transfer import CHUNK, Transfer, transfer
from . import host
from .errors import BlockError, expect, speaking_for
from .host import io, ui
from .images import to_host
from .poses import LEAVE_OUT, REPEAT, STOP, frames_of, person_input, persons_found
from .types import AttentionType, HostedAttention, HostedSource, PoseType, SourceType

_BLOCK = "Transfer Pose"
_AS_IS, _LIKE_SOURCE = "as the pose is", "like the source"
_MOST_PREVIEWS = 64  # pictures shown in the block; all of them go out


class TransferPose(io.ComfyNode):
    """The source person in every target pose. An output block, so that it can be run by itself, as live posing does."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the block to the host."""
        return io.Schema(
            node_id="DPTNTransferPose",
            display_name="Transfer Pose (DPTN)",
            category="DPTN",
            description="Draws the source person in each target pose. A sequence of poses gives a batch of pictures.",
            **host.search_words("pose transfer", "repose", "reenact", "change pose"),
            inputs=[
                SourceType.Input("source", tooltip="From Encode Source."),
                PoseType.Input("pose", tooltip="The pose to draw: one, or a sequence, or one for each source."),
                person_input("Who is meant, when a frame of the pose data holds several people."),
                io.Combo.Input(
                    "size_and_place",
                    options=[_AS_IS, _LIKE_SOURCE],
                    default=_AS_IS,
                    tooltip="as the pose is: on the pose's own canvas. like the source: scaled and moved to the "
                    "source person's size and place, on the source picture's canvas - for poses of somebody else.",
                ),
                io.Combo.Input(
                    "when_nobody",
                    options=[STOP, REPEAT, LEAVE_OUT],
                    default=STOP,
                    tooltip="What to do with a frame of a sequence in which nobody was found.",
                ),
                io.Int.Input(
                    "poses_at_once",
                    default=CHUNK,
                    min=1,
                    max=256,
                    tooltip="Poses drawn at the same time. More is faster on a GPU and takes more memory.",
                ),
                io.Int.Input(
                    "draft",
                    optional=True,  # appended: prompts written before must stay valid
                    default=0,
                    min=0,
                    max=8192,
                    tooltip="0: pictures of the canvas' own size. Else none is larger than this many pixels, and on a "
                    "CPU half the cores are left alone: live posing asks for that while you pull at a pose.",
                ),
            ],
            outputs=[
                io.Image.Output("image", display_name="IMAGE", tooltip="One picture a pose, of the canvas' size."),
                AttentionType.Output(
                    "attention", display_name="attention", tooltip="Where each place came from; for Attention Preview."
                ),
            ],
            is_output_node=True,
        )

    @classmethod
    def execute(
        cls,
        source: HostedSource,
        pose: Any,
        person: str,
        size_and_place: str,
        when_nobody: str,
        poses_at_once: int,
        draft: int = 0,
    ) -> io.NodeOutput:
        """Draw every pose."""
        source = expect(source, HostedSource, _BLOCK, "source", "a source is wanted; connect Encode Source")
        first = source.sources[0]
        frames = frames_of(pose, _BLOCK, "pose", first.pose.canvas)
        found = persons_found(frames, person, _BLOCK, "pose", when_nobody)
        jobs = _jobs(len(source.sources), _on_one_canvas(found, by_force=size_and_place == _LIKE_SOURCE))
        total = sum(len(some) for _, some in jobs)
        source.hosted.bring_to_device(min(poses_at_once, total), first.frame.size)
        show = host.progress(total)
        done: list[Transfer] = []
        images: list[Tensor] = []
        with host.cores_left_alone(draft > 0):
            for index, some in jobs:
                with speaking_for(_BLOCK, "pose"):
                    person_there = source.sources[index].pose
                    placed = fit_to_person(some, person_there) if size_and_place == _LIKE_SOURCE else some
                    before = sum(len(one.poses) for one in done)
                    reporting = _reporting(show, before, total)
                    result = transfer(
                        source.on_device(index), _no_larger(placed, draft), chunk=poses_at_once, progress=reporting
                    )
                images.append(to_host(result.pictures))
                done.append(_at_rest(source, index, result))
            # of one size: all poses are on one canvas, or on that of the source pictures, which came as a batch
            image = images[0] if len(images) == 1 else torch.cat(images)
            shown = _drafts(image) if draft else ui.PreviewImage(image[:_MOST_PREVIEWS], cls=cls)
        return io.NodeOutput(image, HostedAttention(source.hosted, tuple(done)), ui=shown)


def _drafts(image: Tensor) -> dict[str, list[dict[str, str]]]:
    """Previews that are soon replaced, written in a twentieth of the time that PNGs take."""
    pictures = image[:_MOST_PREVIEWS].permute(0, 3, 1, 2)  # BHWC -> BCHW
    return {"images": [host.send_picture("dptn_draft", picture, ".jpg") for picture in pictures]}


def _jobs(count: int, poses: list[Pose | None]) -> list[tuple[int, list[Pose]]]:
    """Which source is drawn in which poses: one in all, each in the same one, or each in its own.

    Args:
        count: number of sources.
        poses: one a frame, None for frames that are left out, and the source that goes with them.
    """
    if count > 1 and len(poses) not in (1, count):
        raise BlockError(
            f"{_BLOCK}, inputs 'source' and 'pose': {count} sources meet {len(poses)} poses; one source for all poses, "
            "one pose for all sources, or as many of both are wanted"
        )
    if count == 1:
        return [(0, [pose for pose in poses if pose is not None])]
    each = poses * count if len(poses) == 1 else poses
    return [(index, [pose]) for index, pose in enumerate(each) if pose is not None]


def _on_one_canvas(poses: list[Pose | None], *, by_force: bool) -> list[Pose | None]:
    """Frames of a sequence on the first one's canvas: those of its proportions, or all (`by_force`)."""
    canvas = next(pose.canvas for pose in poses if pose is not None)
    same: list[Pose | None] = []
    for number, pose in enumerate(poses):
        if pose is None or pose.canvas == canvas:
            same.append(pose)
            continue
        stretch = (pose.canvas.width / pose.canvas.height) / (canvas.width / canvas.height)
        if by_force:
            same.append(fit_to_canvas(People((pose,), pose.canvas), canvas).people[0])
        elif 0.98 < stretch < 1.02:
            same.append(pose.rescaled(canvas))
        else:
            raise BlockError(
                f"{_BLOCK}, input 'pose': frame {number} is on a canvas of {pose.canvas}, the first on {canvas}, which "
                f"is another shape; bring all frames of a sequence to one canvas, or choose '{_LIKE_SOURCE}'"
            )
    return same


def _no_larger(poses: list[Pose], side: int) -> list[Pose]:
    """Poses on a canvas of at most `side` pixels; 0 leaves them as they are."""
    canvas = poses[0].canvas
    if side == 0 or max(canvas.width, canvas.height) <= side:
        return poses
    scale = side / max(canvas.width, canvas.height)
    small = Canvas(max(1, round(canvas.width * scale)), max(1, round(canvas.height * scale)))
    return [pose.rescaled(small) for pose in poses]


def _reporting(show: Callable[[int, Tensor | None], None], before: int, total: int) -> Callable[[int, Tensor], None]:
    """Progress of one of several jobs; the last picture is not shown meanwhile, as the result takes its place."""
    return lambda count, drawn: show(before + count, drawn[-1] if before + count < total else None)


def _at_rest(source: HostedSource, index: int, result: Transfer) -> Transfer:
    """What Attention Preview needs, where the host wants it: the source block's own tensors, and no pictures."""
    return replace(
        result,
        source=source.sources[index],
        drawn=result.drawn.to(host.result_device()),
        pictures=result.pictures.new_empty(0, *result.pictures.shape[1:]),
    )
