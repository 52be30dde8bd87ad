"""`dptn train`: train a network, or resume a run."""

from __future__ import annotations

import logging
import os
import shlex
import signal
import sys
import threading
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from .options import CommandError, find_device, positive

if TYPE_CHECKING:
    import torch

    from ..training import TrainingConfig

_LOG = logging.getLogger(__name__)


def add_options(parser: ArgumentParser) -> None:
    """Add --config, --data, --out and the other options of `dptn train`, which `run` reads."""
    parser.description = (
        "Train a generator or a carrier from a TOML config. After a stop, even a sudden one, run the same command "
        "again to resume."
    )
    parser.add_argument(
        "--config",
        type=Path,
        required=True,
        help="TOML file, or the name of a preset: figures, people, own, carrier, ...",
    )
    parser.add_argument(
        "--data",
        type=Path,
        help="folder that 'dptn prepare' made (data.root in the config); for a config with rendered people, a set that "
        "'dptn figures --keep' made (data.kept); for a carrier, one of these or the examples/ of another run",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the run: training.pt, sheets/, logs/")
    parser.add_argument(
        "--from",
        dest="start_from",
        metavar="MODEL",
        help="model to start from; starter: the one that ships. For a carrier, the generators it works behind, "
        "separated by commas (default: starter)",
    )
    parser.add_argument(
        "--carrier",
        metavar="FILE",
        help="carrier to start from, for configs that train one; starter: the one that ships",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="print the time, memory and disk space of the run, and write nothing"
    )
    parser.add_argument("--steps", type=positive, help="stop after this many steps, to resume later")
    parser.add_argument(
        "--processes",
        type=positive,
        help="on a CPU: processes that split every batch among them (default: one for each core)",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (default: auto)")


def run(options: Namespace) -> None:
    """Train as `options` say, in one process or several, then the carrier that the config names in `then`.

    Raises:
        CommandError: options that do not fit the config.
        ConfigError, DataFileError and so on: what `training.train` and `train_carrier` raise.
    """
    from ..system.distributed import place
    from ..system.launch import WAITING, run_together

    for name, value in WAITING.items():  # before torch is loaded
        os.environ.setdefault(name, value)
    from ..training import find_config, load_config
    from ..training.carrier_training import is_carrier_config
    from .train_carrier import check_carrier_options, train_a_carrier, train_next_carrier

    path = find_config(options.config)
    if is_carrier_config(path):
        print(stopped_by_signals(partial(train_a_carrier, options)))
        return
    config = load_config(path)
    check_carrier_options(options, config)
    device = find_device(options.device)
    count, threads = _processes_and_threads(config, options.processes, device)
    work = partial(_train, options)
    message = run_together(count, threads, work) if count > 1 else stopped_by_signals(work)
    if message:
        print(message)
    if config.then and not options.dry_run and place()[0] == 0:
        print(stopped_by_signals(partial(train_next_carrier, options, config)))


def _train(options: Namespace, should_stop: Callable[[], bool]) -> str:
    """Train, or measure a dry run, as one of the processes of a run; returns the message that the first one prints."""
    from ..system.allocator import keep_freed_memory
    from ..system.distributed import is_first
    from ..training import RunOptions, find_config, load_config, train, with_data

    config = load_config(find_config(options.config))
    if options.data:
        config = with_data(config, options.data)
    keep_freed_memory()
    device, command = find_device(options.device), shlex.join(["dptn", *sys.argv[1:]])
    run_options = RunOptions(
        options.out, device, model_path(options.start_from), command, options.steps, should_stop=should_stop
    )
    if not is_first():
        logging.disable(logging.WARNING)  # the first process logs for all
    if options.dry_run:
        from ..training.dry_run import describe_run, measure_run

        cost = measure_run(config, run_options)  # with the others
        return describe_run(cost) if is_first() else ""
    path = train(config, run_options)
    return f"wrote {path}; to make a model of it: dptn convert {path} model.safetensors" if is_first() else ""


def _processes_and_threads(config: TrainingConfig, wanted: int | None, device: torch.device) -> tuple[int, int]:
    """How many processes a run gets, and how many threads each (0: torch's default).

    Raises:
        CommandError: --processes on a GPU, or in a process that a launcher started with others.
    """
    from importlib.util import find_spec

    from ..system.cores import usable_cores
    from ..system.distributed import place

    if place()[1] > 1:
        if wanted is not None:
            raise CommandError(
                f"--processes {wanted}: this command already is one of {place()[1]} processes; leave the option out"
            )
        return 1, 0
    if device.type != "cpu":
        if wanted not in (None, 1):
            raise CommandError(
                f"--processes {wanted} is for CPUs, but this run is on {device}; start a process for each GPU with "
                "'accelerate launch' (docs/training.md)"
            )
        return 1, 0
    cores = usable_cores()
    if wanted is None and find_spec("accelerate") is None:
        _LOG.info("accelerate is not installed; running one process, where several would be faster")
        return 1, cores
    asked = wanted or cores
    count = config.max_processes(asked)
    if count < asked:
        batches = ", ".join(str(size) for size in sorted({stage.batch // stage.accumulate for stage in config.stages}))
        _LOG.info("batches of %s do not split evenly among %d processes; running %d", batches, asked, count)
    return count, max(1, cores // count)


def stopped_by_signals(work: Callable[[Callable[[], bool]], str]) -> str:
    """Run `work` in this process and return its message; Ctrl-C or SIGTERM asks it to stop, a second one stops it."""
    stop = threading.Event()

    def ask_to_stop(number: int, _: object) -> None:
        stop.set()
        signal.signal(number, signal.default_int_handler)

    signal.signal(signal.SIGINT, ask_to_stop)
    signal.signal(signal.SIGTERM, ask_to_stop)
    return work(stop.is_set)


def model_path(named: str | None) -> Path | None:
    """The model a run starts with; "starter" is the one that ships, unless a file has that name."""
    from ..checkpoint import STARTER

    if named is None:
        return None
    path = Path(named)
    return STARTER if not path.is_file() and path.name in ("starter", STARTER.name) else path
