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
    parser.add_argument("--config", type=Path, required=True, help="TOML file; examples: dptn_core/training/presets")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run: training.pt, sheets/, logs/")
    parser.add_argument("--from", dest="start_from", type=Path, help="model whose weights the run starts with")
    parser.add_argument("--steps", type=positive, help="stop after this many steps, to go on later")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (default: auto)")


def run(options: Namespace) -> None:
    """`dptn train`."""
    from ..training import RunOptions, load_config, train

    config = load_config(options.config)
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
            start_from=options.start_from,
            command=shlex.join(["dptn", *sys.argv[1:]]),
            stop_after=options.steps,
            should_stop=stop.is_set,
        ),
    )
    print(f"wrote {path}; 'dptn convert {path} model.safetensors' makes a model of it")
