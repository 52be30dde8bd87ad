"""From an image and poses to images: encode a person once, generate images of any number of poses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..checkpoint import DPTNModel, Framing
from ..image_io import resize
from ..network import SourceFeatures
from ..pose import Canvas, Pose
from ..pose.heatmaps import pose_heatmaps
from .following import following_frames
from .framing import Frame, FramingError, frame_person, frame_targets

CHUNK = 8  # poses generated at once


@dataclass(frozen=True, eq=False)
class EncodedSource:
    """A person, encoded once for any number of poses."""

    model: DPTNModel
    features: SourceFeatures
    image: Tensor  # (3, H, W) in [0, 1], as given
    pose: Pose  # on the image's canvas
    frame: Frame
    framing: Framing

    def on(self, device: torch.device) -> EncodedSource:
        """The source with its features on a device, where the weights are; the image stays where it is."""
        return replace(self, features=self.features.to(device))


@dataclass(frozen=True, eq=False)
class Generated:
    """One image as the network made it, in its own frame, and the queries with which it attended to the source."""

    source: EncodedSource
    pose: Pose
    frame: Frame
    still: Frame  # of the whole sequence: things around the person stand still in it
    image: Tensor  # (3, h, w) in [0, 1]
    queries: list[Tensor]  # (1, heads, T, d) of each Texture Transfer Block


@dataclass(frozen=True, eq=False)
class GeneratedSequence:
    """Images of one source in N poses as the network made them, each in its own frame."""

    source: EncodedSource
    poses: tuple[Pose, ...]
    frame: Frame  # around all of them
    frames: tuple[Frame, ...]  # of each pose
    images: Tensor  # (N, 3, h, w) in [0, 1]

    def heatmaps(self, index: int) -> Tensor:
        """Heat maps (1, 18, h, w) that image `index` was generated from."""
        return _heatmaps(self.source.model, [self.poses[index]], [self.frames[index]])

    def at(self, index: int) -> Generated:
        """One image with its queries, which are computed anew: hold the answer to ask several questions about it.

        They take most of a transfer to compute, and too much memory to keep for every image. The network and the
        source's features must be on one device.

        Args:
            index: which image, counted from 0, or from the end with -1.

        Raises:
            IndexError: no such image.
        """
        count = len(self.poses)
        if not -count <= index < count:
            raise IndexError(f"expected the index of an image, {-count} to {count - 1}, got {index}")
        with torch.inference_mode():
            queries = self.source.model.generator.attention_queries(self.source.features, self.heatmaps(index))
        frame = self.frames[index]
        return Generated(self.source, self.poses[index], frame, self.frame, self.images[index], queries)


@dataclass(frozen=True, eq=False)
class Composed:
    """One image on the target's canvas."""

    image: Tensor  # (3, H, W) in [0, 1]
    matte: Tensor  # (H, W) in [0, 1]: the person
    invented: Tensor  # (H, W) in [0, 1]: what the source does not show


Compose = Callable[[Generated, tuple[int, int]], Composed]  # at a size (H, W)


@dataclass(frozen=True, eq=False)
class Transfer:
    """Images of one source in N poses, and what the network generated for them."""

    generated: GeneratedSequence
    images: Tensor  # (N, 3, H, W) in [0, 1]: on the poses' canvas
    mattes: Tensor | None  # (N, H, W) in [0, 1]: the person; None: images were not composed
    invented: Tensor | None  # (N, H, W) in [0, 1]: what the source does not show; None: images were not composed


def encode_source(
    model: DPTNModel,
    image: Tensor,
    pose: Pose,
    *,
    framing: Framing | None = None,
    size: tuple[int, int] | None = None,
) -> EncodedSource:
    """Everything that depends on the source person alone.

    Args:
        model: any DPTN model; its device and number format are used.
        image: (3, H, W) in [0, 1].
        pose: of the person, on the image's canvas, or on another canvas of the same proportions.
        framing: how the person is cut out; None takes what the model was trained with.
        size: (H, W) the network works at, divisible by its stride; None takes the training size.

    Raises:
        FramingError: the pose shows no person, or does not belong to the image.
        ValueError: the size does not fit the network.
    """
    framing = framing or model.framing
    size = size or model.training_size
    stride = model.config.stride
    if size[0] % stride or size[1] % stride or min(size) < 2 * stride:
        raise ValueError(
            f"expected a size whose sides are multiples of {stride}, at least {2 * stride}, got {size[1]}x{size[0]}"
        )
    pose = _on_canvas_of(pose, image)
    frame = frame_person(pose, size, framing, "source pose")
    framed = frame.cut(image).to(model.device, model.dtype)[None] * 2 - 1
    with torch.inference_mode():
        features = model.generator.encode_source(_laid_out(framed), _heatmaps(model, [pose], [frame]))
    return EncodedSource(model, features, image, pose, frame, framing)


def transfer(
    source: EncodedSource,
    poses: Sequence[Pose],
    *,
    chunk: int = CHUNK,
    progress: Callable[[int, Tensor], None] | None = None,
    compose: Compose | None = None,
    size: tuple[int, int] | None = None,
) -> Transfer:
    """Generate the source person in every pose.

    Args:
        source: from `encode_source`.
        poses: at least one, all on one canvas, which decides the size of the images. On the canvas of the source
            image the background stays where it is.
        chunk: poses generated at once; limits memory.
        progress: called after each chunk with the number of poses done and the (n, 3, h, w) images generated for it,
            in the network's frames; may raise to stop.
        compose: makes the final image of what the network generated, as `inference.texture.composer` does; None: the
            network's image is enlarged and pasted.
        size: (H, W) of the images; None: the canvas.

    Raises:
        FramingError: there is no pose, or one shows no person.
        ValueError: `chunk` is not at least 1.
    """
    if chunk < 1:
        raise ValueError(f"expected a chunk of at least 1 pose, got {chunk}")
    if not poses:
        raise FramingError("expected at least one target pose, got none")
    frame = frame_targets(poses, source.frame, source.pose, source.framing)
    # What is composed has a background of its own; around what is only pasted, the edge of a frame goes on, which must
    # not move with the person.
    follow = compose is not None and len(poses) > 1
    frames = following_frames(poses, frame, source.framing) if follow else [frame] * len(poses)
    # Pasted where the source image lies: canvases may be far larger than what the network generates. One buffer
    # for all of them, channels last, as images are shown and saved.
    canvas, device = frame.canvas, source.image.device
    height, width = size or (canvas.height, canvas.width)
    images = torch.empty(len(poses), height, width, 3, device=device).permute(0, 3, 1, 2)
    mattes = torch.empty(len(poses), height, width, device=device) if compose else None
    invented = torch.empty(len(poses), height, width, device=device) if compose else None
    parts: list[Tensor] = []
    done = 0
    for some in _generated_chunks(source, poses, frames, frame, chunk):
        for one in some:
            if compose is None or mattes is None or invented is None:
                images[done] = resize(pasted(one), (height, width))
            else:
                composed = compose(one, (height, width))
                found = (composed.image, composed.matte, composed.invented)
                if len(poses) == 1:  # not copied: it may have a hundred million pixels
                    images, mattes, invented = (part.to(device)[None] for part in found)
                else:
                    images[done], mattes[done], invented[done] = found
            done += 1
        parts.append(torch.stack([one.image for one in some]))
        if progress is not None:
            progress(done, parts[-1])
    return Transfer(
        GeneratedSequence(source, tuple(poses), frame, tuple(frames), torch.cat(parts)), images, mattes, invented
    )


def pasted(generated: Generated) -> Tensor:
    """The generated image on the target's canvas, (3, H, W) in [0, 1], where the source's image is.

    On the canvas of the source image, that image lies around it.
    """
    source, frame = generated.source, generated.frame
    around = source.image if frame.canvas == source.frame.canvas else None
    return frame.paste(generated.image.to(source.image.device), around)


def _generated_chunks(
    source: EncodedSource, poses: Sequence[Pose], frames: Sequence[Frame], still: Frame, chunk: int
) -> Iterator[list[Generated]]:
    model = source.model
    for start in range(0, len(poses), chunk):
        some, within = poses[start : start + chunk], frames[start : start + chunk]
        with torch.inference_mode():
            raw, queries = model.generator.transfer_with_queries(source.features, _heatmaps(model, some, within))
            images = (raw.float() + 1) / 2
        yield [
            Generated(source, pose, frame, still, images[n], [layer[n : n + 1] for layer in queries])
            for n, (pose, frame) in enumerate(zip(some, within, strict=True))
        ]


def _heatmaps(model: DPTNModel, poses: Sequence[Pose], frames: Sequence[Frame]) -> Tensor:
    height, width = frames[0].size
    # Heat maps keep their size relative to the person when the network runs larger or smaller than it was trained.
    sigma = model.heatmap_sigma * height / model.training_size[0]
    inside = [frame.pose_inside(pose) for pose, frame in zip(poses, frames, strict=True)]
    return _laid_out(pose_heatmaps(inside, (height, width), sigma, model.device, model.dtype))


def _laid_out(images: Tensor) -> Tensor:
    return images.contiguous(memory_format=torch.channels_last)


def _on_canvas_of(pose: Pose, image: Tensor) -> Pose:
    canvas = Canvas(image.shape[2], image.shape[1])
    if pose.canvas == canvas:
        return pose
    mismatch = (pose.canvas.width / pose.canvas.height) / (canvas.width / canvas.height)
    if not 0.9 < mismatch < 1.1:
        raise FramingError(
            f"expected a source pose with the proportions of the image, {canvas}, got a canvas of {pose.canvas}; "
            "extract the pose from this image"
        )
    return pose.rescaled(canvas)
