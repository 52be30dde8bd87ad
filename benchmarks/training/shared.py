"""A run as `dptn train` does it on a CPU: one process for each core, which split every batch, against one.

Real steps of the starter's config at its final size, with drawing, exchange and all; nothing is written.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from dptn_core.system.allocator import keep_freed_memory
from dptn_core.system.cores import usable_cores
from dptn_core.system.distributed import join_processes
from dptn_core.system.launch import run_together
from dptn_core.training import load_config
from dptn_core.training.loop import make_objective, one_step, open_source
from dptn_core.training.state import new_state
from dptn_core.training.toml_tables import PRESETS

Numbers = dict[str, Any]
_CONFIG = PRESETS / "figures.toml"
_WARM = 3  # steps before the clock runs
_STEPS = 20  # of each measurement: twice as many as are made at a time


def measure_shared(rounds: int) -> Numbers:
    """Pairs a second of a shared run and of one process of one thread, in turns.

    Args:
        rounds: of each; medians are taken.
    """
    config = load_config(_CONFIG)
    cores = usable_cores()
    stage = config.stages[-1]
    count = replace(config, stages=(stage,)).max_processes(cores)
    speeds: dict[str, list[float]] = {"shared": [], "alone": []}
    for _ in range(rounds):
        if count > 1:
            speeds["shared"].append(run_together(count, max(1, cores // count), _pairs_per_second))
        speeds["alone"].append(run_together(1, 1, _pairs_per_second))  # started in the same way
    return {
        "processes": count,
        "threads": max(1, cores // count),
        "size": f"{stage.width}x{stage.height}",
        "batch": stage.batch,
        "shared": speeds["shared"] or speeds["alone"],
        "alone": speeds["alone"],
    }


def _pairs_per_second(should_stop: Callable[[], bool]) -> float:
    """What one of the processes of a run measures."""
    keep_freed_memory()
    config = load_config(_CONFIG)
    processes = join_processes(torch.device("cpu"))
    state = new_state(config, processes.device)
    objective = make_objective(config, state, processes.device)
    source = open_source(config, processes.device)
    stage = config.stages[-1]
    step = partial(one_step, state, config, source, objective, processes)
    started = 0.0
    for number in range(_WARM + _STEPS):
        if number == _WARM:
            processes.wait()
            started = time.perf_counter()
        state.step = config.total_steps - stage.steps  # all steps are of the last stage
        processes.anybody(should_stop())
        step()
    processes.wait()
    seconds = time.perf_counter() - started
    processes.end()
    return stage.batch * _STEPS / seconds
