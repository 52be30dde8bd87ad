"""Transfer Pose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ..dptn_core.image_io import MAX_PIXELS
from ..dptn_core.inference.texture import composer
from ..dptn_core.inference.transfer import CHUNK, Compose, EncodedSource, Transfer, transfer
from ..dptn_core.pose import Canvas, People, Pose, fit_to_canvas, fit_to_person
from . import host
from .errors import NodeError, expect, node_error_context
from .host import io, ui
from .images import to_host
from .poses import LEAVE_OUT, REPEAT, STOP, frames_of, person_input, persons_found
from .texturing import HeldTexture
from .types import AttentionType, HostedAttention, HostedModel, HostedSource, KeptTransfer, PoseType, SourceType

_NODE = "Transfer Pose"
_AS_IS, _LIKE_SOURCE = "as the pose is", "like the source"
_FULL, _NETWORK_ONLY = "full", "network only"
_MAX_HEIGHT = 4096
_MAX_PREVIEWS = 64  # images shown in the node; all of them go out


class TransferPose(io.ComfyNode):
    """The source person in every target pose. An output node, so that it can be run by itself, as live posing does."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node to the host."""
        return io.Schema(
            node_id="DPTNTransferPose",
            display_name="Transfer Pose (DPTN)",
            category="DPTN",
            description="Draws the source person in each target pose. A sequence of poses gives a batch of images. "
            "Faces, prints and the background are the source's own, sharp at any size; the network draws what the "
            "source does not show.",
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
                    "source person's size and place, on the source image's canvas - for poses of somebody else.",
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
                    tooltip="0: images of the canvas' own size. Else none is larger than this many pixels, and on a "
                    "CPU half the cores are left alone: live posing asks for that while you pull at a pose.",
                ),
                io.Combo.Input(
                    "texture",
                    optional=True,
                    options=[_FULL, _NETWORK_ONLY],
                    default=_FULL,
                    tooltip="full: what the source shows comes from its own pixels, as sharp as they are; the network "
                    "draws the rest. network only: the network draws everything, softer and quicker.",
                ),
                io.Int.Input(
                    "output_height",
                    optional=True,
                    default=0,
                    min=0,
                    max=_MAX_HEIGHT,
                    tooltip="Height of the image in pixels; the width follows. 0: the size of the pose's canvas. A "
                    "large source keeps its detail where the canvas is small.",
                ),
            ],
            outputs=[
                io.Image.Output(
                    "image",
                    display_name="IMAGE",
                    tooltip="One image a pose, of the canvas' size or 'output_height'.",
                ),
                AttentionType.Output(
                    "attention", display_name="attention", tooltip="Where each place came from; for Attention Preview."
                ),
                # the node has an input called person
                io.Mask.Output(
                    "person_mask",
                    display_name="person",
                    tooltip="The person in the new image, white. Black with 'network only'.",
                ),
                io.Mask.Output(
                    "invented",
                    display_name="invented",
                    tooltip="White where the source does not show what is there now, such as a back or what the person "
                    "stood in front of: for a diffusion model to finish. All white with 'network only'.",
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
        texture: str = _FULL,
        output_height: int = 0,
    ) -> io.NodeOutput:
        """Draw every pose."""
        source = expect(source, HostedSource, _NODE, "source", "DPTN_SOURCE", "connect Encode Source")
        if texture not in (_FULL, _NETWORK_ONLY):  # the host lets anything through that comes by a link
            raise NodeError(f"{_NODE}, input 'texture': there is no {texture!r}; choose '{_FULL}' or '{_NETWORK_ONLY}'")
        first = source.sources[0]
        frames = frames_of(pose, _NODE, "pose", first.pose.canvas)
        found = persons_found(frames, person, _NODE, "pose", when_nobody)
        jobs = _jobs(len(source.sources), _on_one_canvas(found, by_force=size_and_place == _LIKE_SOURCE))
        total = sum(len(some) for _, some in jobs)
        source.hosted.bring_to_device(min(poses_at_once, total), first.frame.size)
        show = host.progress(total)
        done: list[_Drawn] = []
        with host.cores_left_alone(draft > 0):
            for index, some in jobs:
                with node_error_context(_NODE, "pose"):
                    placed = some
                    if size_and_place == _LIKE_SOURCE:
                        placed = fit_to_person(some, source.sources[index].pose)
                    size = _size(placed[0].canvas, output_height, draft)
                    before = sum(len(one.images) for one in done)
                    held = source.textures[index] if texture == _FULL else None
                    result = transfer(
                        source.on_device(index),
                        placed,
                        chunk=poses_at_once,
                        progress=_reporting(show, before, total),
                        compose=_compose(source.hosted, held, draft=draft > 0),
                        size=size,
                    )
                done.append(_Drawn.of(result, source.sources[index], held))
            # of one size: all poses are on one canvas, or on that of the source images, which came as a batch
            images, persons, invented = (_joined(parts) for parts in zip(*(one.tensors for one in done), strict=True))
            shown = _drafts(images) if draft else ui.PreviewImage(images[:_MAX_PREVIEWS], cls=cls)
        kept = HostedAttention(source.hosted, tuple(one.kept for one in done))
        return io.NodeOutput(images, kept, persons, invented, ui=shown)


@dataclass(frozen=True, eq=False)
class _Drawn:
    """What one source became, where the host wants results."""

    images: Tensor  # (N, H, W, 3)
    persons: Tensor  # (N, H, W)
    invented: Tensor  # (N, H, W)
    kept: KeptTransfer  # what Attention Preview needs: the source node's own tensors, and nothing as large as images

    @classmethod
    def of(cls, result: Transfer, source: EncodedSource, texture: HeldTexture | None) -> _Drawn:
        rest = host.result_device()
        images = to_host(result.images)
        if result.mattes is None or result.invented is None:
            persons, invented = torch.zeros(images.shape[:3], device=rest), torch.ones(images.shape[:3], device=rest)
        else:
            persons, invented = result.mattes.to(rest), result.invented.to(rest)
        light = replace(
            result,
            source=source,
            drawn=result.drawn.to(rest),
            images=result.images.new_empty(0, *result.images.shape[1:]),
            mattes=None,
            invented=None,
        )
        return cls(images, persons, invented, KeptTransfer(light, texture))

    @property
    def tensors(self) -> tuple[Tensor, Tensor, Tensor]:
        return self.images, self.persons, self.invented


def _joined(parts: tuple[Tensor, ...]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def _compose(hosted: HostedModel, held: HeldTexture | None, *, draft: bool) -> Compose | None:
    """How images are made of what the network generates; None: they are what it generates."""
    if held is None or hosted.texture is None:
        return None
    return composer(hosted.texture.carrier, held.ready(hosted.model.device, draft=draft))


def _drafts(image: Tensor) -> dict[str, list[dict[str, str]]]:
    """Previews that are soon replaced, written in a twentieth of the time that PNGs take."""
    drafts = image[:_MAX_PREVIEWS].permute(0, 3, 1, 2)  # BHWC -> BCHW
    return {"images": [host.send_image("dptn_draft", draft, ".jpg") for draft in drafts]}


def _jobs(count: int, poses: list[Pose | None]) -> list[tuple[int, list[Pose]]]:
    """Which source is drawn in which poses: one in all, each in the same one, or each in its own.

    Args:
        count: number of sources.
        poses: one a frame, None for frames that are left out, and the source that goes with them.
    """
    if count > 1 and len(poses) not in (1, count):
        raise NodeError(
            f"{_NODE}, inputs 'source' and 'pose': {count} sources meet {len(poses)} poses; one source for all poses, "
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
            raise NodeError(
                f"{_NODE}, input 'pose': frame {number} is on a canvas of {pose.canvas}, the first on {canvas}, which "
                f"is another shape; bring all frames of a sequence to one canvas, or choose '{_LIKE_SOURCE}'"
            )
    return same


def _size(canvas: Canvas, height: int, draft: int) -> tuple[int, int]:
    """(H, W) of the images: of a canvas or of another height, and in drafts of at most so many pixels a side."""
    if not 0 <= height <= _MAX_HEIGHT:
        raise NodeError(f"{_NODE}, input 'output_height': {height} pixels; 0 to {_MAX_HEIGHT} are wanted")
    scale = height / canvas.height if height else 1.0
    if draft:
        scale = min(scale, draft / max(canvas.width, canvas.height))
    size = max(1, round(canvas.height * scale)), max(1, round(canvas.width * scale))
    if height and size[0] * size[1] > MAX_PIXELS:
        raise NodeError(
            f"{_NODE}, input 'output_height': at {height} pixels the canvas of {canvas} is {size[1]} wide; up to "
            f"{MAX_PIXELS // 10**6} million pixels are drawn: ask for less"
        )
    return size


def _reporting(show: Callable[[int, Tensor | None], None], before: int, total: int) -> Callable[[int, Tensor], None]:
    """Progress of one of several jobs; the last image is not shown meanwhile, as the result takes its place."""
    return lambda count, drawn: show(before + count, drawn[-1] if before + count < total else None)
