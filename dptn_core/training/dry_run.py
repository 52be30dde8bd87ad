"""`dptn train --dry-run`: the cost of a run, measured on a few steps whose results are discarded."""

from __future__ import annotations

import shutil
import statistics
import time
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from ..network.parameter_count import parameter_count
from ..system.distributed import join_processes
from ..system.memory import counts_memory, forget_peak, resident_peak
from .loop import CHECKPOINT, DivergedError, RunOptions, begin, make_objective, one_step, open_source
from .sample_grid import PAIRS_SHOWN
from .state import TrainingState
from .training_config import Stage, TrainingConfig

_TIMED = 2  # steps of each stage, after one that sets things up
_SHEET_BYTES_A_PIXEL = 1.5  # of a PNG of people, about


@dataclass(frozen=True)
class StageCost:
    """Cost of one stage."""

    stage: Stage
    steps: int  # that are to be done
    seconds_a_step: float

    @property
    def seconds(self) -> float:
        """Of all that is to be done."""
        return self.seconds_a_step * self.steps


@dataclass(frozen=True)
class RunCost:
    """Cost of a run, in bytes and seconds."""

    generator_parameters: int
    discriminator_parameters: int
    images: str
    precision: str
    stages: tuple[StageCost, ...]
    processes: int
    memory: int | None  # of all processes, beyond the loaded program; None where the system does not count it
    on_gpu: bool
    checkpoint: int
    sheets: int
    free: int


def measure_run(config: TrainingConfig, options: RunOptions) -> RunCost:
    """Do a few steps of every stage and discard them; nothing is written. All processes of a run must take part.

    Raises:
        DataFileError, ImageError, ConfigError, ResumeError and so on: what `train` would raise.
    """
    device = options.device
    config = replace(config, run=replace(config.run, divergence=0.0))  # its steps are out of their order
    source = open_source(config, device)
    before = _count_from_here(device)
    processes = join_processes(device)
    state = begin(options.folder / CHECKPOINT, config, options, processes)
    until = config.total_steps if options.stop_after is None else state.step + options.stop_after
    done = state.step
    objective = make_objective(config, state, device)
    costs = []
    first = 0
    for stage in config.stages:
        times: list[float] = []
        todo = max(0, min(first + stage.steps, until) - max(first, done))
        for step in range(_TIMED + 1 if todo else 0):
            state.step = first + stage.steps - 1  # with all that joins in the course of the stage
            started = time.perf_counter()
            try:
                one_step(state, config, source, objective, processes)
            except DivergedError:
                raise DivergedError(
                    "the loss is not finite after the first steps; lower the learning rate or the weights of the losses"
                ) from None
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            if step:
                times.append(time.perf_counter() - started)
        if todo:
            costs.append(StageCost(stage, todo, statistics.median(times)))
        first += stage.steps
    needed = processes.gather(_counted(device, before))
    processes.end()
    last = config.stages[-1]
    shown = sum(cost.steps for cost in costs) // config.run.sheet_every
    sheet = 5 * PAIRS_SHOWN * last.height * last.width * _SHEET_BYTES_A_PIXEL
    return RunCost(
        generator_parameters=parameter_count(state.generator),
        discriminator_parameters=parameter_count(state.discriminator),
        images=source.description,
        precision=objective.precision,
        stages=tuple(costs),
        processes=processes.count,
        memory=None if None in needed else sum(one for one in needed if one is not None),
        on_gpu=device.type != "cpu",
        checkpoint=_checkpoint_bytes(state, adversary=config.losses.adversarial > 0),
        sheets=round(shown * sheet),
        free=shutil.disk_usage(existing(options.folder)).free,
    )


def describe_run(cost: RunCost) -> str:
    """The costs as lines of text, with a warning where the disk is too small."""
    adversary = f", discriminator {cost.discriminator_parameters:,}"
    total = sum(stage.seconds for stage in cost.stages)
    disk = 2 * cost.checkpoint + cost.sheets
    lines = [
        f"parameters   generator {cost.generator_parameters:,}{adversary}",
        f"images       {cost.images}",
        f"precision    {cost.precision}",
    ]
    if cost.processes > 1:
        lines.append(f"processes    {cost.processes}, each with an equal part of every batch")
    if not cost.stages:
        lines.append("steps        none left to do")
    for each in cost.stages:
        stage = each.stage
        lines.append(
            f"stage        {stage.width}x{stage.height}, batches of {stage.batch}, {each.steps:,} steps of "
            f"{each.seconds_a_step:.2f} s: {duration(each.seconds)}"
        )
    where = "of the GPU, at the peak" if cost.on_gpu else "at the peak, beyond the loaded program"
    memory = "unknown on this system" if cost.memory is None else f"{cost.memory / 2**20:,.0f} MiB {where}"
    lines += [
        f"time         {duration(total)}, if nothing else runs",
        f"memory       {memory}",
        f"disk         {disk / 2**20:,.0f} MiB: checkpoint {cost.checkpoint / 2**20:,.0f} MiB, twice while it is "
        f"written, sample grids about {cost.sheets / 2**20:,.0f} MiB; {cost.free / 2**20:,.0f} MiB free",
    ]
    if disk > cost.free:
        lines.append("warning: not enough disk space for this run; free some, or choose another --out")
    return "\n".join(lines)


def _checkpoint_bytes(state: TrainingState, *, adversary: bool) -> int:
    """Weights, their average, and two moments in Adam of each that learns."""

    def size(network: nn.Module) -> int:
        return sum(tensor.numel() * tensor.element_size() for tensor in network.state_dict().values())

    return 4 * size(state.generator) + (3 if adversary else 1) * size(state.discriminator)


def existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    folder = folder.absolute()
    while not folder.exists():
        folder = folder.parent
    return folder


def _count_from_here(device: torch.device) -> int:
    """Bytes in use now; the peak is counted from here."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return torch.cuda.memory_allocated(device)
    return forget_peak() if counts_memory(device) else 0


def _counted(device: torch.device, before: int) -> int | None:
    if not counts_memory(device):
        return None
    return (torch.cuda.max_memory_allocated(device) if device.type == "cuda" else resident_peak()) - before


def duration(seconds: float) -> str:
    """A duration as text: days and hours, hours and minutes, minutes, or seconds."""
    minutes, _ = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} days {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min" if minutes else f"{seconds:.0f} s"
