"""From an image and poses to images: encode a person once, draw any number of poses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..checkpoint import DPTNModel, Framing
from ..image_io import resize
from ..network import SourceFeatures
from ..pose import Canvas, Pose
from ..pose.heatmaps import pose_heatmaps
from .framing import Frame, FramingError, frame_person, frame_targets

CHUNK = 8  # poses drawn at once


@dataclass(frozen=True)
class EncodedSource:
    """A person, encoded once for any number of poses."""

    model: DPTNModel
    features: SourceFeatures
    image: Tensor  # (3, H, W) in [0, 1], as given
    pose: Pose  # on the image's canvas
    frame: Frame
    framing: Framing


@dataclass(frozen=True, eq=False)
class Generated:
    """One image as the network made it, in its own frame, and what it asked the source."""

    source: EncodedSource
    pose: Pose
    frame: Frame
    image: Tensor  # (3, h, w) in [0, 1]
    queries: list[Tensor]  # (1, heads, T, d) of each Texture Transfer Block


@dataclass(frozen=True, eq=False)
class Composed:
    """One image on the target's canvas."""

    image: Tensor  # (3, H, W) in [0, 1]
    matte: Tensor  # (H, W) in [0, 1]: the person
    invented: Tensor  # (H, W) in [0, 1]: what the source does not show


Compose = Callable[[Generated, tuple[int, int]], Composed]  # at a size (H, W)


@dataclass(frozen=True)
class Transfer:
    """Images of one source in several poses, and what is needed to ask about them."""

    source: EncodedSource
    poses: tuple[Pose, ...]
    frame: Frame
    drawn: Tensor  # (N, 3, h, w) in [0, 1]: what the network drew, in its own frame
    images: Tensor  # (N, 3, H, W) in [0, 1]: put back into the poses' canvas
    mattes: Tensor | None = None  # (N, H, W) in [0, 1]: the person, where images were composed
    invented: Tensor | None = None  # (N, H, W) in [0, 1]: what the source does not show

    _queries: dict[int, list[Tensor]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def heatmaps(self, index: int) -> Tensor:
        """Heat maps (1, 18, h, w) that pose `index` was drawn from."""
        return _heatmaps(self.source.model, [self.poses[index]], self.frame)

    def queries(self, index: int) -> list[Tensor]:
        """What image `index` asked the source, (1, heads, T, d) for each Texture Transfer Block.

        It costs most of a transfer, so that of the image that was asked for last is kept.

        Raises:
            IndexError: no such image.
        """
        count = len(self.poses)
        if not -count <= index < count:
            raise IndexError(f"image {index} was asked for; the transfer has {count}")
        index %= count
        if index not in self._queries:
            with torch.inference_mode():
                found = self.source.model.generator.attention_queries(self.source.features, self.heatmaps(index))
            self._queries.clear()
            self._queries[index] = found
        return self._queries[index]


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
        raise ValueError(f"size {size[1]}x{size[0]} does not fit the network: both sides must be multiples of {stride}")
    pose = _on_canvas_of(pose, image)
    frame = frame_person(pose, size, framing, "source pose")
    framed = frame.cut(image).to(model.device, model.dtype)[None] * 2 - 1
    with torch.inference_mode():
        features = model.generator.encode_source(_laid_out(framed), _heatmaps(model, [pose], frame))
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
    """Draw the source person in every pose.

    Args:
        source: from `encode_source`.
        poses: at least one, all on one canvas, which decides the size of the images. On the canvas of the source
            image the background stays where it is.
        chunk: poses drawn at once; limits memory.
        progress: called after each chunk with the number of poses done and that chunk's (n, 3, h, w) drawings; may
            raise to stop.
        compose: makes the final image of what the network generated, as `inference.texture.composer` does; None: the
            network's image is enlarged and pasted.
        size: (H, W) of the images; None: the canvas.

    Raises:
        FramingError: there is no pose, or one shows no person.
        ValueError: `chunk` is not at least 1.
    """
    if chunk < 1:
        raise ValueError(f"chunk is {chunk}; at least one pose is drawn at once")
    if not poses:
        raise FramingError("there is no target pose to draw")
    frame = frame_targets(poses, source.frame, source.pose, source.framing)
    # Pasted where the source image lies: canvases may be far larger than what the network draws. One buffer for all
    # of them, channels last, as images are shown and saved.
    canvas, device = frame.canvas, source.image.device
    height, width = size or (canvas.height, canvas.width)
    images = torch.empty(len(poses), height, width, 3, device=device).permute(0, 3, 1, 2)
    mattes = torch.empty(len(poses), height, width, device=device) if compose else None
    invented = torch.empty(len(poses), height, width, device=device) if compose else None
    parts: list[Tensor] = []
    done = 0
    for some in _generated_chunks(source, poses, frame, chunk):
        for one in some:
            if compose is None or mattes is None or invented is None:
                images[done] = resize(_pasted(one), (height, width))
            else:
                composed = compose(one, (height, width))
                images[done], mattes[done], invented[done] = composed.image, composed.matte, composed.invented
            done += 1
        parts.append(torch.stack([one.image for one in some]))
        if progress is not None:
            progress(done, parts[-1])
    return Transfer(source, tuple(poses), frame, torch.cat(parts), images, mattes, invented)


def _pasted(generated: Generated) -> Tensor:
    source, frame = generated.source, generated.frame
    around = source.image if frame.canvas == source.frame.canvas else None
    return frame.paste(generated.image.to(source.image.device), around)


def _generated_chunks(
    source: EncodedSource, poses: Sequence[Pose], frame: Frame, chunk: int
) -> Iterator[list[Generated]]:
    model = source.model
    for start in range(0, len(poses), chunk):
        some = poses[start : start + chunk]
        with torch.inference_mode():
            drawn, queries = model.generator.transfer_with_queries(source.features, _heatmaps(model, some, frame))
            images = (drawn.float() + 1) / 2
        yield [
            Generated(source, pose, frame, images[n], [asked[n : n + 1] for asked in queries])
            for n, pose in enumerate(some)
        ]


def _heatmaps(model: DPTNModel, poses: Sequence[Pose], frame: Frame) -> Tensor:
    height, width = frame.size
    # Heat maps keep their size relative to the person when the network runs larger or smaller than it was trained.
    sigma = model.heatmap_sigma * height / model.training_size[0]
    inside = [frame.pose_inside(pose) for pose in poses]
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
            f"the source pose is on a canvas of {pose.canvas} and the image is {canvas}, which is another shape; "
            "extract the pose from this very image"
        )
    return pose.rescaled(canvas)
