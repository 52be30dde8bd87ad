"""What an evaluation found, as one JSON document."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from .fid_reference import FidReference
from .figure_scores import COLOUR_RIGHT
from .frechet import Moments, frechet_distance
from .metrics import METRICS, PER_JOINT
from .protocols import Protocol
from .scoring import Part, Row
from .similarity import MAX_DECIBELS

VERSION = 2  # 1: figures without a report had an SSIM of another library, and with one went through JPEG
# null where missing, never absent
_ALWAYS = ("ssim", "ssim_gaussian", "psnr", "l1", "lpips", "st-lpips", "fid", "mobilenet-frechet")
# keys of reports before, written beside the new ones for whoever reads them
_FORMER = {
    "images_per_second": "pictures_per_second",
    "seconds_per_image": "seconds_per_picture",
    "generated": "drawn",  # of fid_pictures
}
_FEW = 10_000  # images; with fewer, FID is biased upwards noticeably


class NothingScoredError(ValueError):
    """Not a single pair could be scored."""


def summarise(
    part: Part,
    protocol: Protocol,
    scored: Mapping[str, Any],
    *,
    mask: str | None,
    real: FidReference | None,
    missing: Mapping[str, str],
) -> dict[str, Any]:
    """Means over all pairs and everything needed to repeat them; nothing but what JSON knows.

    Args:
        part: all pairs.
        protocol: it was scored under.
        scored: what was scored, in names: kind, data, model, ...
        mask: what masked scores are taken on, in words, or None without masks.
        real: FID's other side, or None.
        missing: metrics that could not be taken at all, and why.

    Raises:
        NothingScoredError: there are no scores.
    """
    if not part.rows:
        first = f"; the first: {part.skipped[0].reason}" if part.skipped else ""
        raise NothingScoredError(f"none of the {len(part.skipped)} pairs could be scored{first}")
    reasons = {**part.missing, **missing}
    scores, partly = means(part.rows)
    if real is not None:
        for name, generated, ground_truth in (
            ("fid", part.features, real.moments),
            ("mobilenet-frechet", part.small_features, real.small),
        ):
            if (distance := _frechet(name, generated, ground_truth, reasons)) is not None:
                scores[name] = distance
    if mask is None:
        for name in ("masked_ssim", "masked_psnr", "masked_l1"):
            reasons[name] = "needs masks: name their folder with --masks"
    elif not any("masked_psnr" in row.scores for row in part.rows):
        reasons |= dict.fromkeys(("masked_ssim", "masked_psnr", "masked_l1"), "nobody is inside any of the masks")
    ordered = {name: scores.get(name) for name in _ALWAYS} | scores
    return {
        "version": VERSION,
        "protocol": _described(protocol),
        "scored": dict(scored),
        "pairs": len(part.rows),
        "scores": ordered,
        "missing": {name: reason for name, reason in reasons.items() if ordered.get(name) is None},
        "partly_missing": {
            name: {"pairs": count, "reason": reasons.get(name, "no mask or no keypoints in these pairs")}
            for name, count in partly.items()
        },
        "speed": _speed(part),
        "fid_images": (fid := _fid_images(part, real)),
        "fid_pictures": None if fid is None else {_FORMER.get(key, key): value for key, value in fid.items()},
        "attention_joints": sum(row.joints or 0 for row in part.rows) or None,
        "notes": _notes(part, mask),
        "skipped": [dataclasses.asdict(skipped) for skipped in part.skipped],
    }


def means(rows: Sequence[Row]) -> tuple[dict[str, float], dict[str, int]]:
    """Mean of every metric over the pairs that have it, and how many pairs lack it where only some do."""
    found, partly = {}, {}
    joints = sum(row.joints or 0 for row in rows)
    for metric in METRICS:
        values = [(row.scores[metric.name], row.joints or 0) for row in rows if metric.name in row.scores]
        if not values:
            continue
        found[metric.name] = (
            sum(value * count for value, count in values) / joints
            if metric.name in PER_JOINT
            else sum(value for value, _ in values) / len(values)
        )
        if len(values) < len(rows):
            partly[metric.name] = len(rows) - len(values)
    errors = [row.scores["garment_colour_error"] for row in rows if "garment_colour_error" in row.scores]
    if errors:
        found["colours_right"] = sum(error < COLOUR_RIGHT for error in errors) / len(errors)
    return found, partly


def _frechet(name: str, generated: Moments | None, real: Moments | None, reasons: dict[str, str]) -> float | None:
    if generated is None or real is None:
        return None
    for count, whose in ((generated.count, "generated"), (real.count, "real")):
        if count < 2:
            reasons[name] = f"needs at least 2 {whose} images, got {count}"
            return None
    distance = frechet_distance(generated, real)
    if not math.isfinite(distance):
        reasons[name] = f"comes out as {distance}: features or statistics are too large to be those of images"
        return None
    return distance


def _described(protocol: Protocol) -> dict[str, Any]:
    described = dataclasses.asdict(protocol)
    described.pop("published")
    for name in ("size", "distance_size"):
        size = described[name]
        described[name] = None if size is None else f"{size[1]}x{size[0]}"
    return described


def _speed(part: Part) -> dict[str, float] | None:
    seconds = [row.seconds for row in part.rows if row.seconds is not None]
    if not seconds or sum(seconds) <= 0:
        return None
    each = sum(seconds) / len(seconds)
    found = {"images_per_second": 1 / each, "seconds_per_image": each}
    return found | {_FORMER[name]: value for name, value in found.items()}


def _fid_images(part: Part, real: FidReference | None) -> dict[str, Any] | None:
    if part.features is None or real is None or real.moments is None:
        return None
    return {
        "generated": part.features.count,
        "real": real.about,
        "real_skipped": list(real.skipped),
        "biased": part.features.count < _FEW,
    }


def _notes(part: Part, mask: str | None) -> dict[str, str]:
    notes = {"psnr": f"mean of each pair's decibels; identical images count {MAX_DECIBELS:.0f} dB"}
    if mask is not None:
        notes["mask"] = mask
    if part.small_features is not None:
        notes["mobilenet-frechet"] = (
            f"Fréchet distance of 96 features of MobileNetV2, {part.small_features.count:,} generated images; not "
            "comparable with FID, only with itself at equal numbers of images"
        )
    if any(row.seconds is not None for row in part.rows):
        notes["speed"] = "encoding the source and generating the target, warm; no reading, saving or scoring"
    if any("sharpness" in row.scores for row in part.rows):
        notes["sharpness"] = (
            "mean brightness step between neighbouring pixels of the person, as a ratio to the ground truth's; noise "
            "and seams count as detail"
        )
    if any(row.joints for row in part.rows):
        notes["attention_accuracy"] = (
            "fraction of keypoints present in both poses at which the last block's attention peaks within 10 % of the "
            "image's height of the ground-truth place"
        )
    return notes
