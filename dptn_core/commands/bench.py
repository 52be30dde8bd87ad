"""`dptn bench`: measure speed and memory on this machine."""

from __future__ import annotations

import argparse
import json
from argparse import ArgumentParser, Namespace
from pathlib import Path

from .options import CommandError, find_device, positive


def add_options(parser: ArgumentParser) -> None:
    """Add --device, --rounds and --out; options that a measurement starts itself with are hidden from --help."""
    parser.description = (
        "Measure ratios within one run, both sides interleaved: encode once against forward, precision, heat maps, "
        "figures, training, memory."
    )
    parser.add_argument("what", nargs="?", choices=("all", "train"), default="all", help=argparse.SUPPRESS)
    parser.add_argument("--batch", type=positive, help=argparse.SUPPRESS)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, mps (default: auto)")
    parser.add_argument("--rounds", type=positive, default=5, help="repetitions; medians are shown (default: 5)")
    parser.add_argument("--out", type=Path, help="also write the numbers as JSON")


def run(options: Namespace) -> None:
    """`dptn bench`."""
    from ..bench.ratios import measure, report
    from ..system.files import written_beside

    if options.what == "train":
        raise CommandError("bench train moved: run `python -m benchmarks.training` in a checkout of the repository")
    numbers = measure(find_device(options.device), options.rounds)
    print(report(numbers))
    if options.out:
        with written_beside(options.out) as beside:
            beside.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")
