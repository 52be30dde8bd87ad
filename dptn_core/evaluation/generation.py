"""A model generates the pairs of a data set, batch by batch; the network alone is timed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..checkpoint import DPTNModel
from ..data.datasets import PreparedSet
from ..data.synthetic.figures import SyntheticPairs, draw_pairs, pair_seeds
from ..data.synthetic.pair_heatmaps import pair_heatmaps
from ..data.synthetic.pair_sheet import warped_source
from ..image_io import ImageError
from ..inference.box import Box
from ..inference.framing import Frame
from ..network import SourceFeatures
from ..pose import Canvas, People, Pose, draw_silhouette
from ..pose.heatmaps import pose_heatmaps
from .attention_accuracy import attention_peaks, joint_attention, near
from .cases import Case, Skipped
from .figure_scores import foreground_psnr, garment_error, joints_found, seen_in_both, whole_attention
from .masks import read_mask

BATCH = 8  # pairs generated at once


@dataclass(frozen=True, eq=False)
class _Loaded:
    """A pair of a data set, read and ready for the network."""

    number: int
    names: tuple[str, str]
    source: Tensor  # (3, H, W) in [0, 1]
    ground_truth: Tensor
    mask: Tensor  # (H, W) bool
    poses: tuple[Pose, Pose]


def generate_prepared(
    model: DPTNModel, data: PreparedSet, numbers: Iterable[int], *, batch: int = BATCH, masks: Path | None = None
) -> Iterator[Case | Skipped]:
    """Draw pairs of a prepared set.

    The network sees the whole image, as it does in training on such a set: stretched to its size, or with the
    image's edges going on where a model that keeps proportions wants another shape.

    Args:
        model: any DPTN model; its device and number format are used.
        data: the set.
        numbers: of the pairs in its list; any share of them.
        batch: pairs at once.
        masks: folder with a mask for each target image; None takes the silhouette of the target pose.

    Yields:
        The pairs, in batches; first those of a batch that could not be read.
    """
    frame = whole_frame(data.size, model)
    warm = False
    for some in batches_of(numbers, batch):
        loaded = []
        for number in some:
            found = _load(data, number, masks)
            if isinstance(found, Skipped):
                yield found
            else:
                loaded.append(found)
        if loaded:
            yield from _generate_loaded(model, frame, loaded, warm)
            warm = True


def whole_frame(size: tuple[int, int], model: DPTNModel) -> Frame:
    """The frame that shows all of an image of `size` (H, W), and no more than the model's framing needs."""
    height, width = size
    box = Box(0, 0, width, height)
    if model.framing == "fit":
        aspect = model.training_size[1] / model.training_size[0]
        wide, high = max(width, round(height * aspect)), max(height, round(width / aspect))
        box = Box(-((wide - width) // 2), -((high - height) // 2), wide, high)
    return Frame(box, Canvas(width, height), model.training_size)


def _load(data: PreparedSet, number: int, masks: Path | None) -> _Loaded | Skipped:
    names = data.pairs[number]
    try:
        source, ground_truth = (data.image(name) for name in names)
        poses = tuple(_pose(data, name) for name in names)
        mask = _silhouette(poses[1]) if masks is None else read_mask(masks, Path(names[1]).stem, data.size)
    except ImageError as error:
        return Skipped(number, *names, str(error))
    return _Loaded(number, names, source, ground_truth, mask, (poses[0], poses[1]))


def _pose(data: PreparedSet, name: str) -> Pose:
    points = data.annotations[name].astype(np.float64)
    present = points[:, 2:] > 0
    return Pose(np.where(present, points[:, :2], 0.0), present[:, 0].astype(np.float64), Canvas(*data.size[::-1]))


def _silhouette(pose: Pose) -> Tensor:
    return torch.from_numpy(draw_silhouette(People((pose,), pose.canvas))[..., 0] > 0)


def _generate_loaded(model: DPTNModel, frame: Frame, loaded: list[_Loaded], warm: bool) -> Iterator[Case]:
    images = torch.stack([frame.cut(pair.source) for pair in loaded]).to(model.device, model.dtype) * 2 - 1
    inside = [[frame.pose_inside(pair.poses[which]) for pair in loaded] for which in (0, 1)]
    source_maps, target_maps = (
        pose_heatmaps(poses, frame.size, model.heatmap_sigma, model.device, model.dtype) for poses in inside
    )
    features, generated, seconds = generate_timed(model, images, source_maps, target_maps, warm)
    points = torch.from_numpy(np.stack([pose.keypoints for pose in inside[1]])).float()
    with torch.inference_mode():
        attended = joint_attention(model.generator, features, target_maps, points.to(model.device)).cpu()
    peaks = attention_peaks(attended, features.grid[1], model.config.stride)
    for index, pair in enumerate(loaded):
        # distances are taken in the image's own pixels: the frame may stretch it
        found = near(
            frame.points_outside(peaks[index]),
            torch.tensor(pair.poses[0].keypoints, dtype=torch.float32),
            frame.canvas.height,
        )
        both = torch.from_numpy(inside[0][index].present & inside[1][index].present)
        yield Case(
            pair.number,
            *pair.names,
            generated=_on_canvas(generated[index], frame),
            ground_truth=pair.ground_truth,
            mask=pair.mask,
            source_image=pair.source,
            pose=pair.poses[1],
            joints=int(both.sum()),
            joints_right=int((found & both).sum()),
            seconds=seconds / len(loaded),
        )


def _on_canvas(generated: Tensor, frame: Frame) -> Tensor:
    """All of the canvas; a frame of exactly that is left as the network generated it, for the protocol to resize."""
    whole = Box(0, 0, frame.canvas.width, frame.canvas.height)
    return generated if frame.box == whole else frame.paste(generated, None)


def generate_figures(
    model: DPTNModel,
    seed: int,
    numbers: Iterable[int],
    *,
    batch: int = BATCH,
    compose: Callable[[DPTNModel, SyntheticPairs], Tensor] | None = None,
) -> Iterator[Case]:
    """Generate pairs of the drawn figures' set `seed`, at the model's training size, with their exact masks.

    Args:
        model: any DPTN model; its device and number format are used.
        seed: of the set.
        numbers: of its pairs; any share of them.
        batch: pairs at once; does not change the result.
        compose: gives the images that are scored, (B, 3, H, W) in [0, 1]; None: those of the model alone.
    """
    warm = False
    for some in batches_of(numbers, batch):
        seeds = torch.cat([pair_seeds(seed, number, 1, model.device) for number in some])
        pairs = draw_pairs(seeds, model.training_size)
        source_maps, target_maps = pair_heatmaps(model, pairs)
        features, generated, seconds = generate_timed(
            model, pairs.source.to(model.dtype), source_maps, target_maps, warm
        )
        warm = True
        if compose is not None:
            generated = compose(model, pairs)
        found = joints_found(whole_attention(model, features, target_maps), pairs, model.config.stride)
        more = _figure_scores(generated * 2 - 1, pairs)
        both = seen_in_both(pairs)
        for index, number in enumerate(some):
            yield Case(
                number,
                f"figure {number}",
                f"figure {number}, target",
                generated=generated[index],
                ground_truth=(pairs.target[index].clamp(-1, 1) + 1) / 2,
                mask=pairs.target_mask[index],
                source_image=(pairs.source[index].clamp(-1, 1) + 1) / 2,
                pose=known_pose(pairs, index),
                joints=int(both[index].sum()),
                joints_right=int((found & both)[index].sum()),
                seconds=seconds / len(some),
                more={name: float(values[index]) for name, values in more.items()},
            )


def _figure_scores(generated: Tensor, pairs: SyntheticPairs) -> dict[str, Tensor]:
    """Scores that only exact knowledge allows, (B,) each; see `METRICS`."""
    return {
        "foreground_psnr": foreground_psnr(generated, pairs.target, pairs.target_mask),
        "copy_psnr": foreground_psnr(pairs.source, pairs.target, pairs.target_mask),
        "warped_psnr": foreground_psnr(warped_source(pairs), pairs.target, pairs.target_mask & pairs.seen),
        "garment_colour_error": garment_error(generated, pairs),
    }


def known_pose(pairs: SyntheticPairs, index: int, *, source: bool = False) -> Pose:
    """The target pose of one pair, or its source pose, on the canvas of its image."""
    points, present = (
        (pairs.source_keypoints, pairs.source_present) if source else (pairs.target_keypoints, pairs.target_present)
    )
    there = present[index].cpu().numpy()
    xy = np.where(there[:, None], points[index].double().cpu().numpy(), 0.0)
    height, width = pairs.target.shape[2:]
    return Pose(xy, there.astype(np.float64), Canvas(width, height))


def generate_timed(
    model: DPTNModel, images: Tensor, source_maps: Tensor, target_maps: Tensor, warm: bool
) -> tuple[SourceFeatures, Tensor, float]:
    """Encoded sources, generated images (B, 3, h, w) in [0, 1], and the seconds both took together.

    Unless `warm`, the network runs once before, so that what happens only once is not timed.
    """
    images, source_maps, target_maps = (
        tensor.contiguous(memory_format=torch.channels_last) for tensor in (images, source_maps, target_maps)
    )

    def work() -> tuple[SourceFeatures, Tensor]:
        with torch.inference_mode():
            features = model.generator.encode_source(images, source_maps)
            return features, model.generator.transfer(features, target_maps)

    if not warm:
        work()
    (features, generated), seconds = _timed(model.device, work)
    return features, (generated.float().clamp(-1, 1) + 1) / 2, seconds


def _timed(
    device: torch.device, work: Callable[[], tuple[SourceFeatures, Tensor]]
) -> tuple[tuple[SourceFeatures, Tensor], float]:
    _wait_for(device)
    start = time.perf_counter()
    done = work()
    _wait_for(device)
    return done, time.perf_counter() - start


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def batches_of(numbers: Iterable[int], batch: int) -> Iterator[list[int]]:
    """Numbers, `batch` at a time."""
    left = iter(numbers)
    while some := list(islice(left, batch)):
        yield some
