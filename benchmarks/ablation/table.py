"""Finished runs as one table, in Markdown and as JSON."""

from __future__ import annotations

import dataclasses
import json
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.ablation.runs import Budget, Run, Scores
from benchmarks.ablation.variants import FULL, VARIANTS, Variant
from dptn_core.system.files import written_beside

_DASH = "–"


@dataclasses.dataclass(frozen=True)
class Measure:
    """A column: what it is called, where it is found, and its decimals."""

    title: str
    field: str
    decimals: int

    def of(self, scores: Scores) -> float | None:
        """Its value, None where the variant has none."""
        value: float | None = getattr(scores, self.field)
        return value


MEASURES = (
    Measure("PSNR, dB", "psnr", 2),
    Measure("SSIM", "ssim", 4),
    Measure("foreground PSNR, dB", "foreground_psnr", 2),
    Measure("attention accuracy", "attention_accuracy", 3),
)


def write_results(folder: Path, runs: Sequence[Run], copying: Scores, budget: Budget) -> None:
    """Write results.md and results.json into `folder`.

    Args:
        folder: where.
        runs: the finished ones, all of `budget`.
        copying: scores of the source image itself.
        budget: what each run had.
    """
    with written_beside(folder / "results.md") as beside:
        beside.write_text(markdown(runs, copying, budget), encoding="utf-8")
    with written_beside(folder / "results.json") as beside:
        beside.write_text(json.dumps(summary(runs, copying, budget), indent=2) + "\n", encoding="utf-8")


def summary(runs: Sequence[Run], copying: Scores, budget: Budget) -> dict[str, Any]:
    """Everything the table says and the runs it was made of, ready for JSON."""
    return {
        "budget": dataclasses.asdict(budget),
        "copying": dataclasses.asdict(copying),
        "variants": {
            variant.key: {
                measure.field: _spread(_values(_of(variant, runs), measure))
                | {"minus_full": _spread(_differences(variant, runs, measure))}
                for measure in MEASURES
            }
            for variant in VARIANTS
        },
        "runs": [{k: v for k, v in dataclasses.asdict(run).items() if k != "budget"} for run in runs],
    }


def markdown(runs: Sequence[Run], copying: Scores, budget: Budget) -> str:
    """The table of means and spreads, and below it the differences to the full network."""
    titles = [measure.title for measure in MEASURES]
    means = [
        [variant.name, *_sizes(_of(variant, runs)), *(_cell(_values(_of(variant, runs), m), m) for m in MEASURES)]
        for variant in VARIANTS
    ]
    copied = [_plain(measure.of(copying), measure) for measure in MEASURES]
    differences = [
        [variant.name, *(_difference_cell(_differences(variant, runs, measure), measure) for measure in MEASURES)]
        for variant in VARIANTS
        if variant != FULL
    ]
    return "\n".join(
        [
            "# Does the paper's idea hold? DPTN without its parts, on drawn figures",
            "",
            *_metadata(runs, budget),
            "",
            *_rows(["", "parameters", "runs", *titles], [*means, ["the source image, unchanged", "", "", *copied]]),
            "",
            "Mean ± standard deviation over seeds (n − 1). Attention accuracy is the fraction of joints seen in both",
            "images at which the last block attends to a place within a tenth of the height of the ground-truth place;",
            "in the last row it is that of attending to the same place in the source. Protocol: torchmetrics SSIM,",
            "kept runs.",
            "",
            "Minus full DPTN, seed by seed (same first weights, same pairs in the same order); mean ± standard",
            "deviation of the differences, and each of them:",
            "",
            *_rows(["", *titles], differences),
            "",
        ]
    )


def _metadata(runs: Sequence[Run], budget: Budget) -> list[str]:
    dates = sorted({run.date for run in runs})
    minutes = sum(run.seconds for run in runs) / 60
    return [
        f"`python -m benchmarks.ablation`, {' to '.join(dict.fromkeys([*dates[:1], *dates[-1:]])) or 'no run yet'}; "
        f"{'; '.join(sorted({run.machine for run in runs}))}; {minutes:.0f} minutes of training, all runs added up.",
        "",
        f"Every run: {budget.steps} steps of {budget.batch} pairs at {budget.height} x {budget.width}, base features "
        f"{budget.base_features}, tokens of 4 pixels, instance",
        "norm, convolutions started orthogonal with gain 1 (the paper's 0.02 starts slower than so few steps can wait",
        "for), the same optimiser and learning rates; the averaged weights are scored on the same "
        f"{budget.test_pairs} drawn pairs, which no",
        "run trains on. The loss is the repository's reconstruction term on each branch; no adversary and no VGG19",
        "terms, so this says nothing about them. Attention is supervised in the last variant only.",
    ]


def _of(variant: Variant, runs: Sequence[Run]) -> list[Run]:
    return sorted((run for run in runs if run.variant == variant.key), key=lambda run: run.seed)


def _values(runs: Sequence[Run], measure: Measure) -> list[float]:
    return [value for run in runs if (value := measure.of(run.scores)) is not None]


def _differences(variant: Variant, runs: Sequence[Run], measure: Measure) -> list[float]:
    full = {run.seed: measure.of(run.scores) for run in _of(FULL, runs)}
    return [
        value - against
        for run in _of(variant, runs)
        if (value := measure.of(run.scores)) is not None and (against := full.get(run.seed)) is not None
    ]


def _spread(values: Sequence[float]) -> dict[str, Any]:
    return {
        "mean": statistics.fmean(values) if values else None,
        "deviation": statistics.stdev(values) if len(values) > 1 else None,
        "each": list(values),
    }


def _sizes(runs: Sequence[Run]) -> list[str]:
    return [f"{runs[0].parameters:,}" if runs else _DASH, str(len(runs))]


def _plain(value: float | None, measure: Measure) -> str:
    return _DASH if value is None else f"{value:.{measure.decimals}f}"


def _cell(values: Sequence[float], measure: Measure, sign: str = "") -> str:
    if not values:
        return _DASH
    shown: Callable[[float], str] = f"{{:{sign}.{measure.decimals}f}}".format
    deviation = f" ± {statistics.stdev(values):.{measure.decimals}f}" if len(values) > 1 else ""
    return shown(statistics.fmean(values)) + deviation


def _difference_cell(values: Sequence[float], measure: Measure) -> str:
    each = ", ".join(f"{value:+.{measure.decimals}f}" for value in values)
    return f"{_cell(values, measure, '+')} ({each})" if values else _DASH


def _rows(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [titles, ["---"] * len(titles), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]
