"""Does the paper's idea hold? Train DPTN and what is left of it without its parts, and compare.

    python -m benchmarks.ablation [--steps N] [--seeds 3] [--pairs 200] [--out out/ablation] [--device cpu]

In the repository's root. On drawn figures, three seeds each, all with the same small budget: full DPTN; without the
self-reconstruction branch (its loss weight 0, keys from the transformation branch); without the Pose Transformer Module
(decoder straight from the encoder); with attention supervision. Writes results.md and results.json into the folder
--out, renewed after each run. Finished runs are kept there and not done again: stop with Ctrl-C at any time, the same
command resumes. All twelve runs should take about half an hour on two CPU cores that do nothing else.

results.md and results.json beside this file are such a table, and what it says about the paper.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks.ablation.runs import Budget, Run, RunFileError, do_run, kept_run, score_copying
from benchmarks.ablation.table import markdown, write_results
from benchmarks.ablation.variants import FULL, VARIANTS, Variant
from dptn_core.commands.options import output_folder

_STOPPED = 130  # what a shell reports of a command that Ctrl-C ended


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what is missing, write and print the table; returns the exit status."""
    options = _parser().parse_args(arguments)
    budget = Budget(steps=options.steps, test_pairs=options.pairs)
    device = torch.device(options.device)
    runs: list[Run] = []
    try:
        copying = score_copying(budget.config(FULL, 0), budget.test_pairs, device)
        # seed by seed, so that a table of fewer seeds is whole early
        for seed in range(options.seeds):
            for variant in VARIANTS:
                runs.append(_kept_or_done(variant, seed, budget, device, options.out))
                write_results(options.out, runs, copying, budget)
    except KeyboardInterrupt:
        wanted = options.seeds * len(VARIANTS)
        print(
            f"stopped; {len(runs)} of {wanted} runs are in {options.out}; run the same command to resume",
            flush=True,
        )
        return _STOPPED
    except RunFileError as error:
        print(error, file=sys.stderr)
        return 1
    print(markdown(runs, copying, budget))
    return 0


def _kept_or_done(variant: Variant, seed: int, budget: Budget, device: torch.device, folder: Path) -> Run:
    from tqdm import tqdm

    path = folder / "runs" / f"{variant.key}-{seed}.json"
    kept = kept_run(path, budget)
    if kept is not None:
        return kept
    with tqdm(total=budget.steps, desc=f"{variant.name}, seed {seed}", unit="step", mininterval=1.0) as bar:

        def progress(loss: float) -> None:
            bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
            bar.update()

        run = do_run(variant, seed, budget, device, progress)
    run.save(path)
    return run


def _parser() -> argparse.ArgumentParser:
    default = Budget()
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.ablation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--steps", type=_count, default=default.steps, help="of every run (default: %(default)s)")
    parser.add_argument("--seeds", type=_count, default=3, help="seeds 0 to N - 1 (default: %(default)s)")
    parser.add_argument("--pairs", type=_count, default=default.test_pairs, help="test pairs (default: %(default)s)")
    parser.add_argument("--out", type=output_folder, default=Path("out/ablation"), help="folder (default: %(default)s)")
    parser.add_argument("--device", default="cpu", help="as torch names it (default: %(default)s)")
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no number of 1 or more")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
