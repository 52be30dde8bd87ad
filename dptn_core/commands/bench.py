"""`dptn bench`: measure speed and memory on this machine."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path

from .options import find_device, positive


def add_options(parser: ArgumentParser) -> None:
    """Options of the command."""
    parser.description = (
        "Measure ratios within one run, both sides interleaved: encode once against forward, precision, heat maps, "
        "figures, training, memory."
    )
    parser.add_argument(
        "what", nargs="?", choices=("all", "train"), default="all", help="train: a training step against the plain way"
    )
    parser.add_argument("--batch", type=positive, help="train: pairs a step (default: 2 on a CPU, 16 on a GPU)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, mps (default: auto)")
    parser.add_argument("--rounds", type=positive, default=5, help="repetitions; medians are shown (default: 5)")
    parser.add_argument("--out", type=Path, help="also write the numbers as JSON")


def run(options: Namespace) -> None:
    """`dptn bench`."""
    from ..atomic import written_beside
    from ..bench import measure, report

    device = find_device(options.device)
    if options.what == "train":
        from ..bench_training import measure_training, report_training

        numbers = measure_training(device, options.rounds, options.batch)
        print(report_training(numbers))
    else:
        numbers = measure(device, options.rounds)
        print(report(numbers))
    if options.out:
        with written_beside(options.out) as beside:
            beside.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")
