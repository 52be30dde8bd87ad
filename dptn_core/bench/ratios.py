"""Speed and memory on this machine, as ratios: both sides of each comparison are run in turns and medians compared."""

from __future__ import annotations

import math
import multiprocessing
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import torch

from ..data.synthetic.figures import draw_pairs, pair_seeds
from ..network import Generator, GeneratorConfig, SourceFeatures, initialise
from ..pose.heatmaps import keypoint_heatmaps
from ..system.device import cpu_is_good_at_bf16
from ..system.memory import counts_memory, forget_peak, resident_peak
from .plain_transfer import plain_transfer

_SIZE = 256  # the paper's images are 256 x 256

Numbers = dict[str, Any]


def measure(device: torch.device, rounds: int) -> Numbers:
    """Everything `dptn bench` shows.

    Args:
        device: to measure on.
        rounds: repetitions of each side; medians are taken.
    """
    numbers: Numbers = {"device": describe_device(device), "torch": torch.__version__, "rounds": rounds}
    numbers["transfer"] = _transfer(device, rounds)
    numbers["precision"] = _precision(device, rounds)
    numbers["heatmaps"] = _heatmaps(device, rounds)
    numbers["figures"] = _figures(device, rounds)
    numbers["training"] = _training(device, rounds)
    numbers["peak_memory_mib"] = {str(size): _peak_memory(device, size) for size in (256, 512)}
    return numbers


def report(numbers: Numbers) -> str:
    """The numbers in words."""
    transfer, precision, maps = numbers["transfer"], numbers["precision"], numbers["heatmaps"]
    figures, training = numbers["figures"], numbers["training"]
    memory = ", ".join(
        f"{size}x{size} " + ("not known on this system" if mib is None else f"{mib:.0f} MiB")
        for size, mib in numbers["peak_memory_mib"].items()
    )
    lines = [
        f"{numbers['device']}, torch {numbers['torch']}, medians of {numbers['rounds']} rounds",
        "",
        "paper-sized network (9.79 M), 256x256, fp32:",
        f"  encode + first pose   {transfer['first'] * 1e3:8.1f} ms"
        f"   {transfer['first_to_forward']:.2f} of forward without the self-reconstruction decoder",
        f"  each further pose     {transfer['further'] * 1e3:8.1f} ms   {transfer['further_to_first']:.2f} of first",
        f"  the plain way         {transfer['plain'] * 1e3:8.1f} ms   the whole network for each pose; the first pose "
        f"takes {transfer['first_to_plain']:.2f} of it, a further one {transfer['further_to_plain']:.2f}",
        f"  further pose in bf16  {transfer['further_in_bf16'] * 1e3:8.1f} ms   "
        f"{transfer['further_in_bf16_to_plain']:.2f} of the plain way in fp32",
    ]
    for name, values in precision.items():
        lines.append(
            f"starter in {name}, 256x256  {values['seconds'] * 1e3:8.1f} ms   {values['to_fp32']:.2f} of fp32, "
            f"{values['psnr']:.1f} dB between the images"
        )
    lines += [
        f"heat maps               {maps['speed_up']:8.1f} times faster than the per-joint numpy loop",
        f"figures                 {figures['pairs_per_second']:8.1f} pairs/s at 96x128",
        f"training                {training['images_per_second']:8.1f} images/s at 96x128, starter network, "
        f"{training['precision']}, drawing included",
        f"peak memory of one encode and transfer beyond the loaded program: {memory}",
    ]
    return "\n".join(lines)


def describe_device(device: torch.device) -> str:
    """A device in words."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type}, {torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()}"


def interleaved(device: torch.device, rounds: int, *sides: Callable[[], object]) -> list[float]:
    """Median seconds of each side, run in turns after one round of warming up."""
    times: list[list[float]] = [[] for _ in sides]
    for round_ in range(rounds + 1):
        for side, taken in zip(sides, times, strict=True):
            _wait(device)
            started = time.perf_counter()
            side()
            _wait(device)
            if round_:
                taken.append(time.perf_counter() - started)
    return [statistics.median(taken) for taken in times]


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def _paper_network(device: torch.device, dtype: torch.dtype = torch.float32) -> Generator:
    """The paper's network under weights that keep values of ordinary size all the way through."""
    from ..network import keep_norms_fp32

    torch.manual_seed(0)
    generator = Generator(GeneratorConfig())
    initialise(generator, gain=1.0)
    generator.eval().requires_grad_(False).to(device, dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
    keep_norms_fp32(generator)
    return generator


def _inputs(device: torch.device, size: int = _SIZE) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    pairs = draw_pairs(pair_seeds(3, 0, 1, device), (size, size))
    sigma = 6.0 * size / _SIZE
    source_maps = keypoint_heatmaps(pairs.source_keypoints, pairs.source_present, (size, size), sigma)
    target_maps = keypoint_heatmaps(pairs.target_keypoints, pairs.target_present, (size, size), sigma)
    last = torch.channels_last
    return (
        pairs.source.contiguous(memory_format=last),
        source_maps.contiguous(memory_format=last),
        target_maps.contiguous(memory_format=last),
    )


def _noise(device: torch.device, size: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Inputs that take no memory to make beyond their own; what they show does not matter."""
    last = torch.channels_last
    channels = (3, 18, 18)
    image, source_maps, target_maps = (
        torch.rand(1, count, size, size, device=device).contiguous(memory_format=last) for count in channels
    )
    return image, source_maps, target_maps


@torch.inference_mode()
def _transfer(device: torch.device, rounds: int) -> Numbers:
    generator = _paper_network(device)
    image, source_maps, target_maps = _inputs(device)
    kept: list[SourceFeatures] = [generator.encode_source(image, source_maps)]

    def first() -> torch.Tensor:
        kept[0] = generator.encode_source(image, source_maps)
        return generator.transfer(kept[0], target_maps)

    plain = plain_transfer(generator)
    half, half_kept, half_maps = _half(device, image, source_maps, target_maps)
    both, more, forward, decoder, plainly, more_in_half = interleaved(
        device,
        rounds,
        first,
        lambda: generator.transfer(kept[0], target_maps),
        lambda: generator(image, source_maps, target_maps),
        lambda: generator.reconstruct(kept[0]),
        lambda: plain(image, source_maps, target_maps),
        lambda: half.transfer(half_kept, half_maps),
    )
    return {
        "first": both,
        "further": more,
        "forward": forward,
        "self_reconstruction_decoder": decoder,
        "first_to_forward": both / (forward - decoder),
        "further_to_first": more / both,
        "plain": plainly,
        "first_to_plain": both / plainly,
        "further_to_plain": more / plainly,
        "further_in_bf16": more_in_half,
        "further_in_bf16_to_plain": more_in_half / plainly,
    }


def _half(
    device: torch.device, image: torch.Tensor, source_maps: torch.Tensor, target_maps: torch.Tensor
) -> tuple[Generator, SourceFeatures, torch.Tensor]:
    """The paper's network in bf16, the source as it knows it, and a pose."""
    generator = _paper_network(device, torch.bfloat16)
    source = generator.encode_source(image.bfloat16(), source_maps.bfloat16())
    return generator, source, target_maps.bfloat16()


@torch.inference_mode()
def _precision(device: torch.device, rounds: int) -> Numbers:
    wanted: dict[str, torch.dtype] = {}
    if device.type == "cuda":
        wanted = {"bf16": torch.bfloat16, "fp16": torch.float16}
    elif device.type == "cpu" and cpu_is_good_at_bf16():
        wanted = {"bf16": torch.bfloat16}
    results: Numbers = {}
    image, source_maps, target_maps = _inputs(device)
    full = _starter(device, torch.float32)
    for name, dtype in wanted.items():
        half = _starter(device, dtype)

        inputs = (image, source_maps, target_maps)
        wide, narrow = interleaved(
            device, rounds, partial(_whole_transfer, full, *inputs), partial(_whole_transfer, half, *inputs)
        )
        error = ((_whole_transfer(full, *inputs) - _whole_transfer(half, *inputs)) / 2).square().mean().item()
        results[name] = {"seconds": narrow, "to_fp32": narrow / wide, "psnr": -10 * math.log10(max(error, 1e-12))}
    return results


def _whole_transfer(
    generator: Generator, image: torch.Tensor, source_maps: torch.Tensor, target_maps: torch.Tensor
) -> torch.Tensor:
    dtype = generator.output.convolution.weight.dtype
    source = generator.encode_source(image.to(dtype), source_maps.to(dtype))
    return generator.transfer(source, target_maps.to(dtype)).float()


def _starter(device: torch.device, dtype: torch.dtype) -> Generator:
    """Trained weights: they tell how much precision costs a real image."""
    from ..checkpoint import load_model, starter_path

    return load_model(starter_path(), device, dtype).generator


def _heatmaps(device: torch.device, rounds: int) -> Numbers:
    poses = 10  # one after the other, as live posing asks for them
    points = torch.rand(poses, 1, 18, 2, device=device) * _SIZE
    present = torch.ones(1, 18, dtype=torch.bool, device=device)
    numpy_points = points.cpu().numpy()

    def separable() -> None:
        for pose in points:
            keypoint_heatmaps(pose, present, (_SIZE, _SIZE), 6.0)

    def loop() -> None:
        for keypoints in numpy_points[:, 0]:
            torch.from_numpy(heatmaps_by_loop(keypoints, _SIZE, 6.0)).to(device)

    fast, slow = interleaved(device, rounds, separable, loop)
    return {"seconds": fast, "loop_seconds": slow, "speed_up": slow / fast}


def heatmaps_by_loop(keypoints: np.ndarray, size: int, sigma: float) -> np.ndarray:
    """The plain way of the field's data loaders: an image a joint, stacked as the last axis, then moved first.

    Args:
        keypoints: (18, 2) xy pixels.
        size: of the square image.
        sigma: in pixels.

    Returns:
        (18, size, size) float32.
    """
    maps = np.zeros((size, size, 18), dtype=np.float32)
    for joint in range(18):
        x, y = keypoints[joint].astype(int)
        columns, rows = np.meshgrid(np.arange(size), np.arange(size))
        maps[..., joint] = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * sigma**2))
    return maps.transpose(2, 0, 1)


def _figures(device: torch.device, rounds: int) -> Numbers:
    count = 16  # as many as the starter's training draws at a time
    (seconds,) = interleaved(device, rounds, lambda: draw_pairs(pair_seeds(3, 0, count, device), (128, 96)))
    return {"pairs_per_second": count / seconds}


def _training(device: torch.device, rounds: int) -> Numbers:
    from ..system.distributed import alone
    from ..training import load_config
    from ..training.loop import make_objective, one_step
    from ..training.state import new_state
    from ..training.synthetic_batches import PairSource
    from ..training.toml_tables import PRESETS

    config = load_config(PRESETS / "figures.toml")
    state = new_state(config, device)
    objective = make_objective(config, state, device)
    source = PairSource(config.data, device)
    stage = config.stages[-1]  # the one of the final size
    first_of_stage = config.total_steps - stage.steps

    def step() -> None:
        state.step = first_of_stage
        one_step(state, config, source, objective, alone(device))

    (seconds,) = interleaved(device, max(1, rounds // 2), step)
    return {"images_per_second": stage.batch / seconds, "precision": objective.precision}


def _peak_memory(device: torch.device, size: int) -> float | None:
    """MiB that one encode and transfer need at their peak, beyond the program and its weights, in a fresh process.

    None where the system does not count it (Windows and Apple's GPUs).
    """
    if not counts_memory(device):
        return None
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        return pool.submit(peak_memory_here, str(device), size).result()


@torch.inference_mode()
def peak_memory_here(device_name: str, size: int) -> float:
    """MiB by which one encode and transfer at `size` raise this process's peak; true in a fresh process only."""
    device = torch.device(device_name)
    generator = _paper_network(device)
    image, source_maps, target_maps = _noise(device, size)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        generator.transfer(generator.encode_source(image, source_maps), target_maps)
        return float(torch.cuda.max_memory_allocated(device) - before) / 2**20
    generator.transfer(*_warm(generator, device))
    before = forget_peak()
    generator.transfer(generator.encode_source(image, source_maps), target_maps)
    return (resident_peak() - before) / 2**20


def _warm(generator: Generator, device: torch.device) -> tuple[SourceFeatures, torch.Tensor]:
    """A tiny run first, so that libraries loaded on first use are not counted."""
    image, source_maps, target_maps = _noise(device, 64)
    return generator.encode_source(image, source_maps), target_maps
