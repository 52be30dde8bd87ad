"""An evaluation as a page to look at: one HTML file with everything in it and no scripts."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from .metrics import BY_NAME, METRICS, Metric
from .page_style import STYLE
from .protocols import PROTOCOLS
from .ranked_examples import ShownPair
from .scoring import Part

_TILES = ("ssim", "psnr", "lpips", "fid", "attention_accuracy")
_BARS = 24
_MAX_SKIPPED = 100  # listed; pairs.csv has all
_FID = Metric("fid", "FID, torchvision's Inception", False, 2)
_SMALL = Metric("mobilenet-frechet", "Fréchet distance of MobileNetV2 (not FID)", False, 3)
_COLOURS = Metric("colours_right", "garment colours right", True)
_SHORT = {"attention_accuracy": "attention"}


def page(summary: Mapping[str, Any], part: Part) -> str:
    """The whole page.

    Args:
        summary: from `summarise`.
        part: all pairs, with the images of the best and worst.
    """
    ranking = part.shown.ranking.metric
    values = [row.scores[ranking.name] for row in part.rows if ranking.name in row.scores]
    best, worst = part.shown.ends()
    parts = [
        _header(summary),
        _missing(summary),
        f'<section class="tiles">{"".join(_tile(name, summary) for name in _TILES)}</section>',
        f'<section class="columns">{_table(summary)}{_histogram(values, ranking)}</section>',
        _gallery(f"Worst by {ranking.label}", worst, ranking),
        _gallery(f"Best by {ranking.label}", best, ranking),
        "" if values else _no_ranking(summary, ranking),
        _skipped(summary["skipped"]),
        _notes(summary),
    ]
    title = escape(f"Evaluation, protocol {summary['protocol']['name']}")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(part for part in parts if part)
        + "\n</main>\n</body>\n</html>\n"
    )


def _header(summary: Mapping[str, Any]) -> str:
    protocol = summary["protocol"]
    metadata = "".join(
        f"<div><dt>{escape(str(name).replace('_', ' '))}</dt><dd>{escape(str(value))}</dd></div>"
        for name, value in summary["scored"].items()
        if value is not None
    )
    pairs = f"{summary['pairs']:,} pair{'' if summary['pairs'] == 1 else 's'}"
    if summary["skipped"]:
        pairs += f", {len(summary['skipped']):,} skipped"
    return (
        f"<header><h1>{pairs} under protocol <em>{escape(protocol['name'])}</em></h1>"
        f"<p>{escape(protocol['about'])}</p><dl>{metadata}</dl></header>"
    )


def _tile(name: str, summary: Mapping[str, Any]) -> str:
    metric = _FID if name == "fid" else BY_NAME[name]
    value = summary["scores"].get(name)
    if value is None and name == "attention_accuracy":
        return ""
    if name == "attention_accuracy":
        shown, unit = f"{100 * value:.0f}", "%"
    else:
        shown, unit = ("missing", "") if value is None else (f"{value:.{metric.digits}f}", metric.unit)
    state = ' class="none"' if value is None else ""
    return f"<div{state}><b>{shown}<small>{unit}</small></b><span>{_short(name)} {_arrow(metric)}</span></div>"


def _short(name: str) -> str:
    return _SHORT.get(name, name.upper())


def _arrow(metric: Metric) -> str:
    return "&uarr;" if metric.higher_is_better else "&darr;"


def _missing(summary: Mapping[str, Any]) -> str:
    reasons: dict[str, list[str]] = {}
    for name, reason in summary["missing"].items():
        reasons.setdefault(reason, []).append(name)
    lines = "".join(f"<p><b>{escape(', '.join(names))}</b> {escape(reason)}.</p>" for reason, names in reasons.items())
    return f'<section class="missing"><h2>Missing</h2>{lines}</section>' if lines else ""


def _table(summary: Mapping[str, Any]) -> str:
    scores = summary["scores"]
    published = _published(summary)
    lines = []
    for metric in [*METRICS[:6], _FID, _SMALL, *METRICS[6:], _COLOURS]:
        value = scores.get(metric.name)
        if value is None and metric.name not in scores:
            continue
        shown = "&ndash;" if value is None else f"{value:.{metric.digits + 1}f}"
        unit = f" {metric.unit}" if metric.unit and value is not None else ""
        known = f"{published[metric.name]:g}" if metric.name in published else ""
        theirs = f"<td>{known}</td>" if published else ""
        lines.append(f"<tr><th>{escape(metric.label)} {_arrow(metric)}</th><td>{shown}{unit}</td>{theirs}</tr>")
    if summary["speed"]:
        speed = f"{summary['speed']['pictures_per_second']:.3g} pictures/s"
        lines.append(f"<tr><th>speed of drawing</th><td>{speed}</td>{'<td></td>' if published else ''}</tr>")
    head = '<tr class="head"><th></th><td>here</td><td>published</td></tr>' if published else ""
    return f"<div><h2>Means over all pairs</h2><table>{head}{''.join(lines)}</table></div>"


def _published(summary: Mapping[str, Any]) -> Mapping[str, float]:
    if summary["scored"].get("set") != "deepfashion":
        return {}
    return PROTOCOLS[summary["protocol"]["name"]].published


def _histogram(values: Sequence[float], metric: Metric) -> str:
    """How the pairs are spread, as bars; the line is the mean."""
    if len(values) < 2 or min(values) == max(values):
        return ""
    low, high = min(values), max(values)
    counts = [0] * _BARS
    for value in values:
        counts[min(int((value - low) / (high - low) * _BARS), _BARS - 1)] += 1
    width, height = 20, 150
    bars = "".join(
        f'<rect x="{index * width + 1}" y="{height - count / max(counts) * height:.1f}" width="{width - 2}" '
        f'height="{count / max(counts) * height:.1f}"><title>{count} pairs</title></rect>'
        for index, count in enumerate(counts)
    )
    mean = (sum(values) / len(values) - low) / (high - low) * _BARS * width
    return (
        f"<div><h2>Pairs by {escape(metric.label)}</h2>"
        f'<svg viewBox="0 -4 {_BARS * width} {height + 26}" role="img" aria-label="histogram">{bars}'
        f'<line x1="{mean:.1f}" x2="{mean:.1f}" y1="-4" y2="{height}"/>'
        f'<text x="0" y="{height + 18}">{low:.{metric.digits}f}</text>'
        f'<text x="{_BARS * width}" y="{height + 18}" text-anchor="end">{high:.{metric.digits}f}</text></svg></div>'
    )


def _gallery(title: str, pairs: Iterable[ShownPair], metric: Metric) -> str:
    cards = "".join(_card(pair, metric) for pair in pairs)
    return f'<section><h2>{escape(title)}</h2><div class="cards">{cards}</div></section>' if cards else ""


def _no_ranking(summary: Mapping[str, Any], metric: Metric) -> str:
    reason = summary["missing"].get(metric.name, "no pair has one")
    return (
        f"<section><h2>Best and worst by {escape(metric.label)}</h2><p>They cannot be told: {escape(reason)}. "
        "<code>--rank-by</code> takes another metric.</p></section>"
    )


def _card(pair: ShownPair, metric: Metric) -> str:
    images = "".join(
        f'<figure><img src="data:image/jpeg;base64,{base64.b64encode(data).decode()}" width="{width}" '
        f'height="{height}" alt="{escape(label)}"><figcaption>{escape(label)}</figcaption></figure>'
        for label, data, width, height in pair.images
    )
    others = ", ".join(
        f"{_short(name)} {pair.scores[name]:.{BY_NAME[name].digits}f}"
        for name in ("ssim", "psnr", "lpips", "st-lpips", "attention_accuracy")
        if name in pair.scores and name != metric.name
    )
    names = " &rarr; ".join(f"<code>{escape(name)}</code>" for name in (pair.source, pair.target) if name)
    return (
        f'<article><div class="strip">{images}</div>'
        f"<p><b>{pair.value:.{metric.digits}f}{' ' + metric.unit if metric.unit else ''}</b> "
        f"pair {pair.number}; {others}</p><p>{names}</p></article>"
    )


def _skipped(skipped: Sequence[Mapping[str, Any]]) -> str:
    if not skipped:
        return ""
    lines = "".join(
        f"<li>pair {one['number']}, <code>{escape(one['target'])}</code>: {escape(one['reason'])}</li>"
        for one in skipped[:_MAX_SKIPPED]
    )
    more = len(skipped) - _MAX_SKIPPED
    rest = f"<p>... and {more:,} more, all named in pairs.csv.</p>" if more > 0 else ""
    return f'<section class="skipped"><h2>{len(skipped):,} skipped</h2><ul>{lines}</ul>{rest}</section>'


def _notes(summary: Mapping[str, Any]) -> str:
    notes = dict(summary["notes"])
    if (images := summary["fid_pictures"]) is not None:
        notes["fid"] = f"{images['drawn']:,} drawn images against {images['real']}"
        if images["biased"]:
            notes["fid"] += "; with fewer than 10,000 images FID is biased upwards, compare equal numbers only"
        if images["real_skipped"]:
            notes["fid"] += f"; {len(images['real_skipped'])} real images could not be read"
    for name, lack in summary["partly_missing"].items():
        notes[name] = f"{lack['pairs']:,} pairs have none: {lack['reason']}"
    lines = "".join(
        f"<div><dt>{escape(name.replace('_', ' '))}</dt><dd>{escape(text)}</dd></div>" for name, text in notes.items()
    )
    return f'<section class="notes"><h2>Notes</h2><dl>{lines}</dl></section>'
