"""An evaluation as a page to look at: one HTML file with everything in it and no scripts, from `report_page.html`."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .metrics import BY_NAME, METRICS, Metric
from .protocols import PROTOCOLS
from .scoring import Part

if TYPE_CHECKING:
    from jinja2 import Template

_FID: Final = Metric("fid", "FID, torchvision's Inception", False, 2)
_SMALL: Final = Metric("mobilenet-frechet", "Fréchet distance of MobileNetV2 (not FID)", False, 3)
_COLOURS: Final = Metric("colours_right", "garment colours right", True)
_ROWS: Final = (*METRICS[:6], _FID, _SMALL, *METRICS[6:], _COLOURS)
_TILES: Final = (BY_NAME["ssim"], BY_NAME["psnr"], BY_NAME["lpips"], _FID, BY_NAME["attention_accuracy"])
_BESIDE: Final = ("ssim", "psnr", "lpips", "st-lpips", "attention_accuracy")  # of a pair, next to what ranks it
_BARS: Final = 24
_BAR_HEIGHT: Final = 150  # pixels
_MAX_SKIPPED: Final = 100  # listed; pairs.csv has all


def page_template() -> Template:
    """The page, to be filled in.

    Raises:
        ModuleNotFoundError: Jinja, of the extra `train`, is not installed.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
    )
    environment.filters["base64"] = lambda data: base64.b64encode(data).decode()
    environment.globals |= {"short": _short, "counted": _counted, "metrics": BY_NAME, "max_skipped": _MAX_SKIPPED}
    return environment.get_template("report_page.html")


def page(summary: Mapping[str, Any], part: Part) -> str:
    """The whole page.

    Args:
        summary: from `summarise`.
        part: all pairs, with the images of the best and worst.
    """
    ranking, scores = part.shown.ranking.metric, summary["scores"]
    best, worst = part.shown.ends()
    missing: dict[str, list[str]] = {}
    for name, reason in summary["missing"].items():
        missing.setdefault(reason, []).append(name)
    prepared = summary["scored"].get("set") == "deepfashion"
    return page_template().render(
        summary=summary,
        missing=missing,
        tiles=[metric for metric in _TILES if metric.name in scores],
        rows=[metric for metric in _ROWS if metric.name in scores],
        published=PROTOCOLS[summary["protocol"]["name"]].published if prepared else {},
        ranking=ranking,
        bars=_bars([row.scores[ranking.name] for row in part.rows if ranking.name in row.scores]),
        best=best,
        worst=worst,
        beside=_BESIDE,
        notes=_notes(summary),
    )


def _short(name: str) -> str:
    return {"attention_accuracy": "attention"}.get(name, name.upper())


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _bars(values: Sequence[float]) -> dict[str, Any] | None:
    """How the pairs are spread: each bar's count and height in pixels; the mean in bars from the left."""
    if len(values) < 2 or min(values) == max(values):
        return None
    low, high = min(values), max(values)
    counts = [0] * _BARS
    for value in values:
        counts[min(int((value - low) / (high - low) * _BARS), _BARS - 1)] += 1
    heights = [(count, count / max(counts) * _BAR_HEIGHT) for count in counts]
    return {
        "heights": heights,
        "low": low,
        "high": high,
        "mean": (sum(values) / len(values) - low) / (high - low) * _BARS,
    }


def _notes(summary: Mapping[str, Any]) -> dict[str, str]:
    notes = dict(summary["notes"])
    if (images := summary["fid_images"]) is not None:
        notes["fid"] = f"{images['generated']:,} generated images against {images['real']}"
        if images["biased"]:
            notes["fid"] += "; with fewer than 10,000 images FID is biased upwards, compare equal numbers only"
        if images["real_skipped"]:
            notes["fid"] += f"; {len(images['real_skipped'])} real images could not be read"
    for name, lack in summary["partly_missing"].items():
        notes[name] = f"{lack['pairs']:,} pairs have none: {lack['reason']}"
    return notes
