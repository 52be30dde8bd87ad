"""A training step as `dptn train` does it against the plain way, one improvement after the other.

The plain way is what the field's training code does: each branch in a pass of its own, heat maps by numpy, a joint at a
time, fp32, the default memory layout. Every row adds one improvement to the row above; all rows have the same network,
batch and losses, and are run in turns.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dptn_core.bench.ratios import describe_device, heatmaps_by_loop, interleaved
from dptn_core.data.datasets.annotations import Keypoints, write_annotations, write_pairs
from dptn_core.data.synthetic.figures import draw_pairs, pair_seeds
from dptn_core.image_io import write_image
from dptn_core.network import Generator, GeneratorConfig
from dptn_core.pose.heatmaps import keypoint_heatmaps
from dptn_core.system.device import Precision, choose_precision
from dptn_core.system.distributed import alone
from dptn_core.training.batches import Batch, BatchRequest
from dptn_core.training.photograph_pairs import PhotographSource
from dptn_core.training.state import TrainingState, new_state
from dptn_core.training.steps import Objective, discriminator_gradients, generate, generator_gradients, update
from dptn_core.training.training_config import DataConfig, LossConfig, Stage, TrainingConfig

Numbers = dict[str, Any]
_SIZE, _SIGMA = 256, 6.0  # the paper's
_LOSSES = LossConfig(l1=5.0, reconstruction=0.0, foreground=1.0, attention=0.0, content=0.0, style=0.0)
_IMAGES = 24  # of the small set that reading is measured on


@dataclass(frozen=True)
class _Way:
    """How a step is done."""

    name: str
    one_batch: bool = False  # both branches in one batch, with the source's part of the first convolution once
    device_heatmaps: bool = False
    channels_last: bool = False
    fused: bool = False  # the optimisers' arithmetic in one pass over the weights
    precision: Precision = "fp32"


@dataclass(frozen=True)
class _Pairs:
    """A batch before its heat maps are made."""

    source: Tensor  # (B, 3, H, W)
    target: Tensor
    source_keypoints: Tensor  # (B, 18, 2)
    target_keypoints: Tensor
    present: Tensor  # (B, 18)


def measure_training(device: torch.device, rounds: int, batch: int | None = None) -> Numbers:
    """The table of `dptn bench train`.

    Args:
        device: to measure on.
        rounds: repetitions of each row; medians are taken.
        batch: pairs a step; 2 on a CPU, 16 elsewhere, when None.
    """
    count = batch or (2 if device.type == "cpu" else 16)
    config = TrainingConfig((Stage(_SIZE, _SIZE, count, 1),), losses=_LOSSES)
    best = choose_precision(device)
    ways = [_Way("plain: two passes, numpy heat maps, fp32, contiguous")]
    ways.append(replace(ways[-1], name="+ both branches in one batch", one_batch=True))
    ways.append(replace(ways[-1], name="+ heat maps on the device", device_heatmaps=True))
    ways.append(replace(ways[-1], name="+ channels-last", channels_last=True))
    ways.append(replace(ways[-1], name="+ fused optimisers", fused=True))
    if best != "fp32":
        ways.append(replace(ways[-1], name=f"+ {best}", precision=best))
    pairs = _figures(device, count)
    states = [_state(config, device, way) for way in ways]
    seconds = interleaved(
        device, rounds, *(lambda s=s, w=w: _step(s, pairs, w, device) for s, w in zip(states, ways, strict=True))
    )
    multiply_adds = _multiply_adds(count)
    rows = [
        {
            "way": way.name,
            "seconds": taken,
            "pairs_per_second": count / taken,
            "to_plain": seconds[0] / taken,
            "tera_flops": 2e-12 * multiply_adds / taken,
        }
        for way, taken in zip(ways, seconds, strict=True)
    ]
    numbers: Numbers = {"device": describe_device(device), "torch": torch.__version__, "batch": count, "rounds": rounds}
    numbers |= {"rows": rows, "speed_up": seconds[0] / seconds[-1], "reading": _reading(device, count, seconds[-1])}
    if device.type == "cpu":
        from benchmarks.training.shared import measure_shared

        numbers["run"] = measure_shared(max(1, rounds // 2))
    if device.type == "cuda":
        numbers["utilisation"] = _utilisation(lambda: _step(states[-1], pairs, ways[-1], device))
    return numbers


def report_training(numbers: Numbers) -> str:
    """The table in words."""
    reading = numbers["reading"]
    lines = [
        f"{numbers['device']}, torch {numbers['torch']}, paper-sized network, {_SIZE}x{_SIZE}, batches of "
        f"{numbers['batch']}, medians of {numbers['rounds']} rounds",
        "",
        f"{'':54}  ms a step  pairs/s  to plain  TFLOP/s",
    ]
    lines += [
        f"{row['way']:54}{row['seconds'] * 1e3:11.0f}{row['pairs_per_second']:9.2f}{row['to_plain']:10.2f}"
        f"{row['tera_flops']:9.2f}"
        for row in numbers["rows"]
    ]
    lines += [
        "",
        f"reading a pair of images: {reading['first'] * 1e3:.1f} ms the first time, {reading['again'] * 1e3:.2f} ms "
        f"from memory; a step waits {reading['wait'] * 1e3:.1f} ms for its batch ({reading['fraction']:.1%})",
    ]
    if "run" in numbers:
        run = numbers["run"]
        shared, alone = (statistics.median(run[name]) for name in ("shared", "alone"))
        lines.append(
            f"a run of the starter's config at {run['size']}, batches of {run['batch']}, drawing included: "
            f"{shared:.1f} pairs/s by {run['processes']} processes of {run['threads']} threads, {alone:.1f} by one"
        )
    if "utilisation" in numbers:
        lines.append(f"the GPU was busy {numbers['utilisation']}")
    return "\n".join(lines)


def two_passes(
    generator: Generator, image: Tensor, source_maps: Tensor, target_maps: Tensor
) -> tuple[Tensor, Tensor, list[Tensor]]:
    """What `Generator.forward` computes, each branch by itself, as the field's code does it."""

    def encoded(maps: Tensor) -> Tensor:
        features: Tensor = generator.pose_encoder(torch.cat([image, source_maps, maps], dim=1))
        return generator.residual_blocks(features)

    def tokens(features: Tensor) -> Tensor:
        return features.flatten(2).transpose(1, 2)

    reconstruction, transformation = encoded(source_maps), encoded(target_maps)
    texture = generator.source_encoder(image)
    source = generator.pose_transformer.encode_source(tokens(reconstruction), tokens(texture))
    attended, _ = generator.pose_transformer.forward_with_attention(tokens(transformation), source, ())
    features = attended.transpose(1, 2).reshape(transformation.shape)
    target_image = generator.output(generator.decoder(features))
    return target_image, generator.output(generator.decoder(reconstruction)), []


def _state(config: TrainingConfig, device: torch.device, way: _Way) -> TrainingState:
    state = new_state(config, device, scaled=way.precision == "fp16")
    if not way.fused:
        for optimiser in (state.generator_optimiser, state.discriminator_optimiser):
            optimiser.param_groups[0]["fused"] = None  # torch's own choice
    if not way.channels_last:
        for network in (state.generator, state.discriminator):
            network.to(memory_format=torch.contiguous_format)
    return state


def _step(state: TrainingState, pairs: _Pairs, way: _Way, device: torch.device) -> None:
    layout = torch.channels_last if way.channels_last else torch.contiguous_format
    maps = _maps_on_device if way.device_heatmaps else _maps_by_numpy

    def laid_out(tensor: Tensor) -> Tensor:
        return tensor.to(device).contiguous(memory_format=layout)

    batch = Batch(
        laid_out(pairs.source),
        laid_out(pairs.target),
        laid_out(maps(pairs.source_keypoints, pairs.present, device)),
        laid_out(maps(pairs.target_keypoints, pairs.present, device)),
        None,
        None,
    )
    plain = (
        None if way.one_batch else lambda image, source, target, _: two_passes(state.generator, image, source, target)
    )
    objective = Objective(_LOSSES, way.precision, None, plain)
    average = alone(device).average
    generated = generate(state.generator, batch, objective)
    discriminator_gradients(state, batch, generated, objective)
    update(state, state.discriminator, state.discriminator_optimiser, 0.0, average)
    generator_gradients(state, batch, generated, objective, adversarial=True)
    update(state, state.generator, state.generator_optimiser, 10.0, average)
    state.scaler.update()


def _figures(device: torch.device, count: int) -> _Pairs:
    pairs = draw_pairs(pair_seeds(3, 0, count), (_SIZE, _SIZE)).to(device)
    present = torch.ones(count, 18, dtype=torch.bool, device=device)
    return _Pairs(pairs.source, pairs.target, pairs.source_keypoints, pairs.target_keypoints, present)


def _maps_on_device(keypoints: Tensor, present: Tensor, device: torch.device) -> Tensor:
    return keypoint_heatmaps(keypoints, present, (_SIZE, _SIZE), _SIGMA)


def _maps_by_numpy(keypoints: Tensor, present: Tensor, device: torch.device) -> Tensor:
    each = [heatmaps_by_loop(pose, _SIZE, _SIGMA) for pose in keypoints.cpu().numpy()]
    return torch.from_numpy(np.stack(each))


def _multiply_adds(count: int) -> float:
    """Of the generator in one step, forward and backward, by torch's own counter; the discriminator adds few."""
    from torch.utils.flop_counter import FlopCounterMode

    with torch.device("meta"):
        generator = Generator(GeneratorConfig())
        image, maps = torch.empty(count, 3, _SIZE, _SIZE), torch.empty(count, 18, _SIZE, _SIZE)
        with FlopCounterMode(display=False) as counter:
            target, source = generator(image, maps, maps)
            (target.sum() + source.sum()).backward()
    return counter.get_total_flops() / 2


def _reading(device: torch.device, count: int, step: float) -> Numbers:
    """Seconds it takes to read a pair, and that a step of `step` seconds waits for its batch once reading ahead."""
    with tempfile.TemporaryDirectory() as folder:
        pairs = _small_set(Path(folder))
        source = PhotographSource(DataConfig(kind="pictures", root=folder), device)
        size, stride = (_SIZE, _SIZE), 8
        started = time.perf_counter()
        source.batch(BatchRequest(0, pairs, size, stride, 1.0))
        first = (time.perf_counter() - started) / pairs
        started = time.perf_counter()
        source.batch(BatchRequest(pairs, pairs, size, stride, 1.0))
        again = (time.perf_counter() - started) / pairs
        waits = []
        for number in range(2 * pairs, 2 * pairs + 8 * count, count):
            started = time.perf_counter()
            source.batch(BatchRequest(number, count, size, stride, 1.0, (number + count, number + 2 * count)))
            waits.append(time.perf_counter() - started)
            time.sleep(min(step, 0.2))  # the step itself
    wait = sorted(waits)[len(waits) // 2]
    return {"first": first, "again": again, "wait": wait, "fraction": wait / (wait + step)}


def _small_set(folder: Path) -> int:
    """Lay out drawn figures as DeepFashion does; returns the number of pairs."""
    annotations: dict[str, Keypoints] = {}
    names = []
    for first in range(0, _IMAGES, 4):
        pairs = draw_pairs(pair_seeds(4, first, 4), (256, 176))
        for index in range(4):
            name = f"figure{first + index}.jpg"
            write_image(folder / "train" / name, (pairs.source[index] + 1) / 2)
            points = pairs.source_keypoints[index].numpy()
            annotations[name] = np.concatenate([points, np.ones((18, 1))], 1).astype(np.float32)
            names.append(name)
    write_annotations(folder / "fasion-resize-annotation-train.csv", annotations)
    pairs = list(zip(names, names[1:] + names[:1], strict=True))
    write_pairs(folder / "fasion-resize-pairs-train.csv", pairs)
    return len(pairs)


def _utilisation(step: Any) -> str:
    """How much of the time the GPU computes, as its driver says after some steps."""
    for _ in range(10):
        step()
    try:
        return f"{torch.cuda.utilization()} % of the time"
    except (ModuleNotFoundError, RuntimeError) as error:
        return f"for an unknown fraction of the time ({error})"
