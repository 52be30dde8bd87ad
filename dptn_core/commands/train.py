"""`dptn train`: train a network, or go on training one."""

from __future__ import annotations

import shlex
import signal
import sys
import threading
from argparse import ArgumentParser, Namespace
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
        help="TOML file, or one that ships: figures, own, ...",
    )
    parser.add_argument("--data", type=Path, help="folder that 'dptn prepare' made (for data.root in the config)")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run: training.pt, sheets/, logs/")
    parser.add_argument("--from", dest="start_from", type=Path, help="model to start from; starter: the one that ships")
    parser.add_argument("--steps", type=positive, help="stop after this many steps, to go on later")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (default: auto)")


def run(options: Namespace) -> None:
    """`dptn train`."""
    from ..training import RunOptions, find_config, load_config, train, with_data

    config = load_config(find_config(options.config))
    if options.data:
        config = with_data(config, options.data)
    stop = threading.Event()

    def ask_to_stop(number: int, _: object) -> None:
        """Let the step end and the state be saved, for Ctrl-C and a job scheduler alike; the second time, at once."""
        stop.set()
        signal.signal(number, signal.default_int_handler)

    signal.signal(signal.SIGINT, ask_to_stop)
    signal.signal(signal.SIGTERM, ask_to_stop)
    path = train(
        config,
        RunOptions(
            folder=options.out,
            device=find_device(options.device),
            start_from=_model_path(options.start_from),
            command=shlex.join(["dptn", *sys.argv[1:]]),
            stop_after=options.steps,
            should_stop=stop.is_set,
        ),
    )
    print(f"wrote {path}; 'dptn convert {path} model.safetensors' makes a model of it")


def _model_path(named: Path | None) -> Path | None:
    """The model a run starts with; the starter that ships goes by its name wherever the command is run."""
    from ..checkpoint import STARTER

    ships = named is not None and not named.exists() and named.name in ("starter", STARTER.name)
    return STARTER if ships else named
