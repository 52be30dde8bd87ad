"""`python -m benchmarks.training`: a training step against the plain way, as ratios measured in turns."""

from __future__ import annotations

import argparse
import json

from benchmarks.training.steps import measure_training, report_training
from dptn_core.commands.options import find_device, output_file, positive
from dptn_core.system.files import written_beside


def main() -> None:
    """Measure, print the table, and write the numbers where that is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=__doc__)
    parser.add_argument("--batch", type=positive, help="pairs a step (default: 2 on a CPU, 16 on a GPU)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, mps (default: auto)")
    parser.add_argument("--rounds", type=positive, default=5, help="repetitions; medians are shown (default: 5)")
    parser.add_argument("--out", type=output_file, help="also write the numbers as JSON")
    options = parser.parse_args()
    numbers = measure_training(find_device(options.device), options.rounds, options.batch)
    print(report_training(numbers))
    if options.out:
        with written_beside(options.out) as beside:
            beside.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
