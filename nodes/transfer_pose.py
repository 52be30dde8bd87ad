"""Transfer Pose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ..dptn_core.inference.texture import composer
from ..dptn_core.inference.transfer import CHUNK, Compose, EncodedSource, Transfer, transfer
from . import host
from .errors import node_error_context
from .host import io, ui
from .images import at_most, check_room, to_host
from .inputs import checks_inputs
from .poses import LEAVE_OUT, REPEAT, STOP, frames_of, person_input, persons_found, threshold_input
from .texturing import HeldTexture
from .transfer_jobs import AS_IS, LIKE_SOURCE, MAX_HEIGHT, NODE, RETARGETED, Job, plan_jobs
from .types import AttentionType, HeldSequence, HostedAttention, HostedModel, HostedSource, PoseType, SourceType

_FULL, _NETWORK_ONLY = "full", "network only"
_MAX_PREVIEWS = 64  # images shown in the node; all of them go out
_PREVIEW_SIDE = 2048  # pixels at most: to show an image, the host takes twice its memory
_DRAFT, _KEPT_DRAFTS = "dptn_draft", 32  # files in the temp folder: live posing writes one for each movement


class TransferPose(io.ComfyNode):
    """The source person in every target pose. An output node, so that it can be run by itself, as live posing does."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node to the host."""
        return io.Schema(
            node_id="DPTNTransferPose",
            display_name="Transfer Pose (DPTN)",
            category="DPTN",
            description="Generates the source person in each target pose. A sequence of poses gives a batch of images. "
            "Faces, prints and the background are warped pixels of the source, sharp at any size; the network "
            "generates what the source does not show.",
            **host.search_words("pose transfer", "repose", "reenact", "change pose"),
            inputs=[
                SourceType.Input("source", tooltip="From Encode Source."),
                PoseType.Input("pose", tooltip="The target pose: one, a sequence, or one for each source."),
                person_input("Which person to use when a frame holds several."),
                io.Combo.Input(
                    "size_and_place",
                    options=[AS_IS, LIKE_SOURCE, RETARGETED],
                    default=AS_IS,
                    tooltip="as the pose is: on the pose's own canvas, for a pose made for this person. retargeted to "
                    "the source: for poses of another person; at the source person's size and place, with the source "
                    "person's limb lengths, and somebody seen from behind stays so. like the source: scaled and moved, "
                    "with the pose's own proportions.",
                ),
                io.Combo.Input(
                    "when_nobody",
                    options=[STOP, REPEAT, LEAVE_OUT],
                    default=STOP,
                    tooltip="What to do with a frame without people.",
                ),
                io.Int.Input(
                    "poses_at_once",
                    default=CHUNK,
                    min=1,
                    max=256,
                    tooltip="How many poses to generate at once. More is faster on a GPU and takes more memory.",
                    **host.advanced(),
                ),
                io.Int.Input(
                    "draft",
                    optional=True,  # appended: prompts written before must stay valid
                    default=0,
                    min=0,
                    max=8192,
                    tooltip="0: full size. Otherwise images have at most this many pixels a side, and on a CPU half "
                    "the cores stay free. Live posing uses it while you drag.",
                    **host.advanced(),
                ),
                io.Combo.Input(
                    "texture",
                    optional=True,
                    options=[_FULL, _NETWORK_ONLY],
                    default=_FULL,
                    tooltip="full: what the source shows comes from its own pixels, as sharp as they are; the network "
                    "generates the rest. network only: the network generates everything, softer and faster.",
                ),
                io.Int.Input(
                    "output_height",
                    optional=True,
                    default=0,
                    min=0,
                    max=MAX_HEIGHT,
                    tooltip="Height of the image in pixels; the width follows. 0: the size of the pose's canvas. "
                    "Raise it to keep the detail of a large source on a small canvas.",
                ),
                threshold_input("of the target poses"),
            ],
            outputs=[
                io.Image.Output(
                    "image",
                    display_name="IMAGE",
                    tooltip="One image for each pose, of the canvas' size or 'output_height'.",
                ),
                AttentionType.Output(
                    "attention",
                    display_name="attention",
                    tooltip="For Attention Preview, which shows where each place came from.",
                ),
                # the node has an input called person
                io.Mask.Output(
                    "person_mask",
                    display_name="person",
                    tooltip="Mask of the person in the new image. Black with 'network only'.",
                ),
                io.Mask.Output(
                    "invented",
                    display_name="invented",
                    tooltip="Mask of what the source does not show, such as a back, or what the person stood in front "
                    "of: for a diffusion model to finish. All white with 'network only'.",
                ),
            ],
            is_output_node=True,
        )

    @classmethod
    @checks_inputs(limits={"poses_at_once": (1, 2**31)})
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
        threshold: float = 0.0,
    ) -> io.NodeOutput:
        """Generate each source in its poses.

        `poses_at_once` limits memory; `draft` and `output_height` are pixels, 0 for the canvas' own size.

        Returns:
            Images (N, H, W, 3) in [0, 1], what Attention Preview needs, and masks (N, H, W) of the person and of what
            was invented.

        Raises:
            NodeError: an input cannot be read, shows no such person, or does not fit the others.
        """
        frames = frames_of(pose, NODE, "pose", source.sources[0].pose.canvas, threshold)
        poses = persons_found(frames, person, NODE, "pose", when_nobody)
        jobs = plan_jobs(source.sources, poses, size_and_place=size_and_place, height=output_height, draft=draft)
        check_room(sum(len(job.poses) for job in jobs), jobs[0].size, NODE, "pose", planes=5)  # image and two masks
        with host.cores_left_alone(draft > 0):
            done = _run_jobs(source, jobs, poses_at_once, warps=texture == _FULL, draft=draft > 0)
            # of one size: all poses are on one canvas, or on that of the source images, which came as a batch
            images, *masks = (_joined(parts) for parts in zip(*(one.tensors for one in done), strict=True))
            with node_error_context(NODE):  # the temp folder may be on a full disk
                shown = _drafts(images) if draft else ui.PreviewImage(_previews(images), cls=cls)
        return io.NodeOutput(images, HostedAttention(source.hosted, tuple(one.held for one in done)), *masks, ui=shown)


@dataclass(frozen=True, eq=False)
class _Results:
    """Images of one source, where the host wants results."""

    tensors: tuple[Tensor, Tensor, Tensor]  # images (N, H, W, 3), masks (N, H, W) of the person and of the invented
    held: HeldSequence


def _run_jobs(source: HostedSource, jobs: list[Job], chunk: int, *, warps: bool, draft: bool) -> list[_Results]:
    """Generate every job, `chunk` poses at once, with progress."""
    total = sum(len(job.poses) for job in jobs)
    source.hosted.bring_to_device(min(chunk, total), source.sources[0].frame.size)
    show = host.progress(total)
    done = []
    for job in jobs:
        texture = source.textures[job.source] if warps else None
        with node_error_context(NODE, "pose"):
            result = transfer(
                source.on_device(job.source),
                job.poses,
                chunk=chunk,
                progress=_reporting(show, job.before),
                compose=_compose(source.hosted, texture, draft=draft),
                size=job.size,
            )
        done.append(_held(result, source.sources[job.source], texture))
    return done


def _held(result: Transfer, source: EncodedSource, texture: HeldTexture | None) -> _Results:
    """Results where the host wants them, with the source as its node made it, which the host holds anyway."""
    rest = host.result_device()
    images = to_host(result.images)
    if result.mattes is None or result.invented is None:
        masks = torch.zeros(images.shape[:3], device=rest), torch.ones(images.shape[:3], device=rest)
    else:
        masks = result.mattes.to(rest), result.invented.to(rest)
    generated = replace(result.generated, source=source, images=result.generated.images.to(rest))
    return _Results((images, *masks), HeldSequence(generated, texture))


def _joined(parts: tuple[Tensor, ...]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def _compose(hosted: HostedModel, texture: HeldTexture | None, *, draft: bool) -> Compose | None:
    """How images are made of what the network generates; None: they are what it generates."""
    if texture is None or hosted.texture is None:
        return None
    return composer(hosted.texture.carrier, texture.ready(hosted.model.device, draft=draft))


def _previews(images: Tensor) -> Tensor:
    """What of the images (N, H, W, 3) the node shows."""
    few = images[:_MAX_PREVIEWS]
    if max(few.shape[1:3]) <= _PREVIEW_SIDE:
        return few
    return to_host([at_most(one.permute(2, 0, 1), _PREVIEW_SIDE) for one in few])


def _drafts(image: Tensor) -> dict[str, list[dict[str, str]]]:
    """Previews that are soon replaced, written in a twentieth of the time that PNGs take."""
    drafts = image[:_MAX_PREVIEWS].permute(0, 3, 1, 2)  # BHWC -> BCHW
    shown = [host.send_image(_DRAFT, draft, ".jpg") for draft in drafts]
    host.keep_newest(_DRAFT, max(_KEPT_DRAFTS, len(shown)))
    return {"images": shown}


def _reporting(show: Callable[[int], None], before: int) -> Callable[[int, Tensor], None]:
    """Progress of one of several jobs, which comes after `before` poses of others."""
    return lambda count, _: show(before + count)
