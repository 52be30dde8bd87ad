"""`dptn bench`: measure speed and memory on this machine."""

from __future__ import annotations

import argparse
import json
from argparse import ArgumentParser, Namespace

from .options import CommandError, find_device, output_file, positive


def add_options(parser: ArgumentParser) -> None:
    """Add --device, --rounds and --out; what `dptn bench` took before is accepted and answered with its new place."""
    parser.description = (
        "Measure speed and memory on this machine. Each ratio compares two interleaved measurements: encoding once and "
        "forward passes, number formats, heat maps, figures, training."
    )
    parser.add_argument("what", nargs="?", choices=("all", "train"), default="all", help=argparse.SUPPRESS)
    parser.add_argument("--batch", type=positive, help=argparse.SUPPRESS)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, mps (default: auto)")
    parser.add_argument("--rounds", type=positive, default=5, help="repetitions; medians are shown (default: 5)")
    parser.add_argument("--out", type=output_file, help="also write the numbers as JSON")


def run(options: Namespace) -> None:
    """Measure `--rounds` rounds on a device, print the report, and write the numbers as JSON to `--out`.

    Raises:
        CommandError: the device cannot be used, or `bench train` was asked for.
    """
    from ..bench.ratios import measure, report
    from ..system.files import written_beside

    if options.what == "train":
        raise CommandError("bench train has moved; run 'python -m benchmarks.training' in a checkout of the repository")
    numbers = measure(find_device(options.device), options.rounds)
    print(report(numbers))
    if options.out:
        with written_beside(options.out) as beside:
            beside.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")
