"""`dptn train`: train a network, or go on training one."""

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
    """Add --config and --out, both required, where data and weights come from, how long to train and on what."""
    parser.description = (
        "Train from a TOML config. Run the same command again to go on after a stop, even a sudden one."
    )
    parser.add_argument(
        "--config",
        type=Path,
        required=True,
        help="TOML file, or one that ships: figures, people, own, carrier, ...",
    )
    parser.add_argument(
        "--data",
        type=Path,
        help="folder that 'dptn prepare' made (for data.root in the config); of a config with rendered people, a set "
        "that 'dptn figures --keep' made (for data.kept); of a carrier's, one of these or another run's examples/",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the run: training.pt, sheets/, logs/")
    parser.add_argument(
        "--from",
        dest="start_from",
        metavar="MODEL",
        help="model to start from; starter: the one that ships. Of a carrier's config the models it works behind, "
        "separated by commas (default: starter)",
    )
    parser.add_argument(
        "--carrier",
        metavar="FILE",
        help="carrier to start from, of configs that train one; starter: the one that ships",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="only say what the run will take: time, memory, disk; writes nothing"
    )
    parser.add_argument("--steps", type=positive, help="stop after this many steps, to go on later")
    parser.add_argument(
        "--processes",
        type=positive,
        help="on a CPU: processes that share every batch; 1: all in one (default: one a core)",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (default: auto)")


def run(options: Namespace) -> None:
    """`dptn train`."""
    from ..system.distributed import place
    from ..system.launch import WAITING, run_together

    for name, value in WAITING.items():  # before torch is loaded
        os.environ.setdefault(name, value)
    from ..training import find_config, load_config
    from ..training.carrier_training import is_carrier_config
    from .train_carrier import check_carrier_options, train_a_carrier, train_what_comes_then

    path = find_config(options.config)
    if is_carrier_config(path):
        print(stopped_by_signals(partial(train_a_carrier, options)))
        return
    config = load_config(path)
    check_carrier_options(options, config)
    device = find_device(options.device)
    count, threads = _share(config, options.processes, device)
    work = partial(_train, options)
    said = run_together(count, threads, work) if count > 1 else stopped_by_signals(work)
    if said:
        print(said)
    if config.then and not options.dry_run and place()[0] == 0:
        print(stopped_by_signals(partial(train_what_comes_then, options, config)))


def _train(options: Namespace, should_stop: Callable[[], bool]) -> str:
    """Train, or try it, as one of the processes of a run; returns what is to be said of it, by the first of them."""
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
        logging.disable(logging.WARNING)  # the first process says it for all
    if options.dry_run:
        from ..training.dry_run import describe_run, measure_run

        cost = measure_run(config, run_options)  # with the others
        return describe_run(cost) if is_first() else ""
    path = train(config, run_options)
    return f"wrote {path}; 'dptn convert {path} model.safetensors' makes a model of it" if is_first() else ""


def _share(config: TrainingConfig, wanted: int | None, device: torch.device) -> tuple[int, int]:
    """How many processes a run is to have, and how many threads each.

    Raises:
        CommandError: several were asked for, and not on a CPU, or of one that was started with others.
    """
    from importlib.util import find_spec

    from ..system.cores import usable_cores
    from ..system.distributed import place
    from ..training.batch_shares import max_processes

    if place()[1] > 1:
        if wanted is not None:
            raise CommandError(
                f"--processes {wanted} is not for a command that is one of {place()[1]} processes already; leave it out"
            )
        return 1, 0
    if device.type != "cpu":
        if wanted not in (None, 1):
            raise CommandError(
                f"--processes {wanted} is for CPUs, and this run is on {device}; docs/training.md says how "
                "'accelerate launch' starts a process for each GPU"
            )
        return 1, 0
    cores = usable_cores()
    if wanted is None and find_spec("accelerate") is None:
        _LOG.info("accelerate is not installed, so one process does it all; several are faster on a CPU")
        return 1, cores
    asked = wanted or cores
    count = max_processes(config, asked)
    if count < asked:
        does = "does" if count == 1 else "do"
        batches = ", ".join(str(size) for size in sorted({stage.batch // stage.accumulate for stage in config.stages}))
        _LOG.info("batches of %s cannot be shared out evenly among %d processes; %d %s it", batches, asked, count, does)
    return count, max(1, cores // count)


def stopped_by_signals(work: Callable[[Callable[[], bool]], str]) -> str:
    """Do the work in this process; Ctrl-C and SIGTERM ask it to stop, the second time at once."""
    stop = threading.Event()

    def ask_to_stop(number: int, _: object) -> None:
        stop.set()
        signal.signal(number, signal.default_int_handler)

    signal.signal(signal.SIGINT, ask_to_stop)
    signal.signal(signal.SIGTERM, ask_to_stop)
    return work(stop.is_set)


def model_path(named: str | None) -> Path | None:
    """The model a run starts with; the starter that ships goes by its name wherever the command is run."""
    from ..checkpoint import STARTER

    if named is None:
        return None
    path = Path(named)
    return STARTER if not path.is_file() and path.name in ("starter", STARTER.name) else path
