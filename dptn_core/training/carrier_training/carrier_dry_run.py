"""`dptn train --dry-run` of a carrier: the cost of a run, measured on a few steps whose results are discarded."""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...network.parameter_count import parameter_count
from ..dry_run import duration, existing
from ..loop import shift_tolerant
from .carrier_config import CarrierConfig
from .carrier_loop import CHECKPOINT, CarrierRunOptions, CarrierTask, one_carrier_step, open_maker
from .carrier_state import CarrierState, load_carrier_state, new_carrier_state
from .making import AT_ONCE
from .store import ExampleStore, StoreMetadata, is_store, make_store, open_store

_TIMED: Final = 2  # steps, after one that sets things up


@dataclass(frozen=True)
class _Made:
    """A few examples, and the cost of all of them."""

    store: ExampleStore
    what: str
    seconds: float
    bytes: int


def describe_carrier_run(config: CarrierConfig, options: CarrierRunOptions) -> str:
    """Cost of a run, as lines of text; nothing is written into its folder.

    Raises:
        ConfigError and so on: what `train_carrier` would raise.
    """
    path = options.folder / CHECKPOINT
    begun = path.exists()
    state = load_carrier_state(path, config, options.device) if begun else new_carrier_state(config, options.device)
    left = max(0, config.stage.steps - state.step)
    if options.stop_after is not None:
        left = min(left, options.stop_after)
    with _few_examples(config, options) as made:
        seconds = _seconds_a_step(state, config, options, made.store) if left else 0.0
    stage = config.stage
    free = shutil.disk_usage(existing(options.folder)).free
    count = parameter_count(state.carrier)
    lines = [
        f"parameters   {count:,}",
        f"examples     {made.what}",
        f"stage        {stage.width}x{stage.height}, batches of {stage.batch}, {left:,} steps of {seconds:.2f} s: "
        f"{duration(left * seconds)}",
        f"meanwhile    examples are made: {duration(made.seconds)}" if made.seconds else "meanwhile    nothing",
        f"disk         {made.bytes / 2**20:,.0f} MiB of examples; {free / 2**20:,.0f} MiB free",
    ]
    if made.bytes > free:
        lines.append("warning: not enough disk space for this run; free some, or lower data.examples")
    return "\n".join(lines)


@contextmanager
def _few_examples(config: CarrierConfig, options: CarrierRunOptions) -> Iterator[_Made]:
    if is_store(config.data.root):
        store = open_store(Path(config.data.root))
        yield _Made(store, f"{len(store):,} in {store.folder}, already made", 0.0, 0)
        return
    maker = open_maker(config, options.models)
    started = time.perf_counter()
    few = maker.examples(0, range(AT_ONCE))
    each = (time.perf_counter() - started) / AT_ONCE
    size = sum(tensor.nbytes for tensor in few.tensors().values()) // AT_ONCE
    with tempfile.TemporaryDirectory() as folder:
        store = make_store(Path(folder), StoreMetadata(config.size, maker.made_of, shard=AT_ONCE))
        store.add(few)
        count = config.data.examples
        yield _Made(store, f"{count:,} of {maker.made_of['data']}", each * count, size * count)


def _seconds_a_step(
    state: CarrierState, config: CarrierConfig, options: CarrierRunOptions, store: ExampleStore
) -> float:
    task = CarrierTask(config, store, {}, shift_tolerant(config.losses.perceptual, options.device), options.device)
    times = []
    for _ in range(_TIMED + 1):
        state.step = config.stage.steps - 1  # with all that joins in the course of the run
        started = time.perf_counter()
        one_carrier_step(state, task, len(store))
        times.append(time.perf_counter() - started)
    return statistics.median(times[1:])
