"""`dptn train`: train a network, or go on training one."""

from __future__ import annotations

import logging
import shlex
import signal
import sys
import threading
from argparse import ArgumentParser, Namespace
from dataclasses import replace
from pathlib import Path

from .options import find_device, positive


def add_options(parser: ArgumentParser) -> None:
    """Options of the command."""
    parser.description = (
        "Train from a TOML config. Run the same command again to go on after a stop, even a sudden one."
    )
    parser.add_argument(
        "--config",
        type=Path,
        required=True,
        help="TOML file, or one that ships: figures, people, own, ...",
    )
    parser.add_argument(
        "--data",
        type=Path,
        help="folder that 'dptn prepare' made (for data.root in the config); of a config with rendered people, a set "
        "that 'dptn figures --keep' made (for data.kept)",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the run: training.pt, sheets/, logs/")
    parser.add_argument("--from", dest="start_from", type=Path, help="model to start from; starter: the one that ships")
    parser.add_argument(
        "--dry-run", action="store_true", help="only say what the run will take: time, memory, disk; writes nothing"
    )
    parser.add_argument("--steps", type=positive, help="stop after this many steps, to go on later")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (default: auto)")


def run(options: Namespace) -> None:
    """`dptn train`."""
    from ..processes import is_first
    from ..training import RunOptions, find_config, load_config, train, with_data

    config = load_config(find_config(options.config))
    if options.data:
        config = with_data(config, options.data)
    device = find_device(options.device)
    run_options = RunOptions(options.out, device, _model_path(options.start_from), stop_after=options.steps)
    first = is_first()
    if options.dry_run:
        from ..training.dry_run import describe_run, measure_run

        if first:  # of several processes; it measures what one alone would take
            print(describe_run(measure_run(config, run_options)))
        return
    if not first:
        logging.disable(logging.WARNING)  # the first process says it for all
    stop = threading.Event()

    def ask_to_stop(number: int, _: object) -> None:
        """Let the step end and the state be saved, for Ctrl-C and a job scheduler alike; the second time, at once."""
        stop.set()
        signal.signal(number, signal.default_int_handler)

    signal.signal(signal.SIGINT, ask_to_stop)
    signal.signal(signal.SIGTERM, ask_to_stop)
    command = shlex.join(["dptn", *sys.argv[1:]])
    path = train(config, replace(run_options, command=command, should_stop=stop.is_set))
    if first:
        print(f"wrote {path}; 'dptn convert {path} model.safetensors' makes a model of it")


def _model_path(named: Path | None) -> Path | None:
    """The model a run starts with; the starter that ships goes by its name wherever the command is run."""
    from ..checkpoint import STARTER

    ships = named is not None and not named.is_file() and named.name in ("starter", STARTER.name)
    return STARTER if ships else named
