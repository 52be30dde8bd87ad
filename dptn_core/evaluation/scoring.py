"""Cases in, scores out: a process may score any share of the pairs, and shares are merged."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from ..perceptual import MOBILENET, SHIFT_TOLERANT, ShiftTolerantDistance
from ..perceptual import shift_tolerant as st_lpips
from . import lpips_distance as lpips
from .cases import Case, Skipped
from .frechet import FeatureMoments, InceptionFeatures, Moments
from .lpips_distance import PerceptualDistance
from .metric_weights import ALEXNET, INCEPTION
from .mobilenet import MobileNetFeatures
from .protocols import Protocol
from .ranked_examples import Ranking, Shown
from .similarity import ImageTooSmallError, blanked, box_ssim, exact_gaussian_ssim, gaussian_ssim, l1, psnr

_TRUNK: Final = "alexnet"  # of ST-LPIPS; fastest, and the most tolerant of shifts beside what it says of blur
_COPIED: Final = {"masked_psnr": "copy_psnr", "masked_ssim": "copy_ssim", "masked_st-lpips": "copy_st-lpips"}
_ROOM: Final = 0.12  # of the person's height, around them, where exact distances on the person look
_MIN_ROOM: Final = 16  # pixels


@dataclass(frozen=True, eq=False)
class Networks:
    """What the learned metrics need, where it is at hand.

    Attributes:
        device: Where images are compared.
        lpips: None without AlexNet's weights.
        inception: None without Inception's.
        shift_tolerant: ST-LPIPS, None without its package.
        mobilenet: None without MobileNetV2's package.
        missing: Why, and the way out, by metric.
    """

    device: torch.device
    lpips: PerceptualDistance | None = None
    inception: InceptionFeatures | None = None
    shift_tolerant: ShiftTolerantDistance | None = None
    mobilenet: MobileNetFeatures | None = None
    missing: dict[str, str] = field(default_factory=dict)


def load_networks(device: torch.device, alexnet: Path | None = None, inception: Path | None = None) -> Networks:
    """Load the networks whose weights are at the given paths, in torch's cache or in packages; nothing is downloaded.

    Raises:
        WeightFileError: a path names no file, or a file holds something else.
    """
    alexnet, inception = ALEXNET.find(alexnet), INCEPTION.find(inception)
    missing: dict[str, str] = {}
    if alexnet is None:
        missing |= dict.fromkeys(("lpips", "masked_lpips"), ALEXNET.missing)
    if inception is None:
        missing["fid"] = INCEPTION.missing
    shift_tolerant, mobilenet = SHIFT_TOLERANT.find(_TRUNK), MOBILENET.find("mobilenet_v2")
    if shift_tolerant is None:
        missing |= dict.fromkeys(("st-lpips", "masked_st-lpips"), SHIFT_TOLERANT.missing)
    if mobilenet is None:
        missing["mobilenet-frechet"] = MOBILENET.missing
    return Networks(
        device,
        None if alexnet is None else PerceptualDistance.load(alexnet).to(device),
        None if inception is None else InceptionFeatures.load(inception).to(device),
        None if shift_tolerant is None else ShiftTolerantDistance.load(shift_tolerant, _TRUNK).to(device),
        None if mobilenet is None else MobileNetFeatures.load(mobilenet).to(device),
        missing,
    )


@dataclass(frozen=True)
class Row:
    """Scores of one pair; a metric that could not be taken is left out."""

    number: int
    source: str
    target: str
    scores: dict[str, float]
    joints: int | None = None
    joints_right: int | None = None
    seconds: float | None = None


@dataclass(frozen=True, eq=False)
class Part:
    """Scores of some of the pairs.

    Attributes:
        rows: One a pair.
        skipped: Pairs without scores.
        missing: Metrics some pairs have no score of, and why.
        features: Moments of the generated images for FID, or None without Inception.
        ground_truth_features: Those of the ground truth, or None where nobody asked for them.
        shown: The best and worst pairs with their images.
        small_features: Moments of the generated images for the distance of MobileNetV2's features, or None without it.
        ground_truth_small_features: Those of the ground truth, or None where nobody asked for them.
    """

    rows: list[Row]
    skipped: list[Skipped]
    missing: dict[str, str]
    features: Moments | None
    ground_truth_features: Moments | None
    shown: Shown
    small_features: Moments | None = None
    ground_truth_small_features: Moments | None = None


def score_cases(
    cases: Iterable[Case | Skipped],
    protocol: Protocol,
    networks: Networks,
    ranking: Ranking,
    *,
    ground_truth_side: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Part:
    """Score pairs one after the other.

    Args:
        cases: the pairs, or a process' share of them.
        protocol: how images are prepared.
        networks: of the learned metrics.
        ranking: which pairs to show.
        ground_truth_side: gather the features of the ground truth as well, where no other images stand for the
            real ones.
        progress: called with the number of pairs done; may raise to stop.
    """
    rows: list[Row] = []
    skipped: list[Skipped] = []
    missing: dict[str, str] = {}
    shown = Shown(ranking)
    both = (networks.inception, networks.mobilenet)
    generated_side = [None if network is None else FeatureMoments(network) for network in both]
    real_side = [None if network is None or not ground_truth_side else FeatureMoments(network) for network in both]
    for case in cases:
        if isinstance(case, Skipped):
            skipped.append(case)
        else:
            row, generated, ground_truth, reasons = score_case(case, protocol, networks)
            rows.append(row)
            missing = reasons | missing
            shown.offer(row.scores, row.number, case, generated)
            for side, image in ((generated_side, generated), (real_side, ground_truth)):
                for gathered in side:
                    if gathered is not None:
                        gathered.add(protocol.for_distance(image))
        if progress is not None:
            progress(len(rows) + len(skipped))
    features, small = (_moments(gathered) for gathered in generated_side)
    ground_truth_features, ground_truth_small = (_moments(gathered) for gathered in real_side)
    return Part(rows, skipped, missing, features, ground_truth_features, shown, small, ground_truth_small)


def _moments(gathered: FeatureMoments | None) -> Moments | None:
    return None if gathered is None else gathered.moments()


def merge(parts: Iterable[Part]) -> Part:
    """All pairs of several processes, in the order of their numbers.

    Raises:
        ValueError: there are no parts.
    """
    first, *others = parts
    for other in others:
        first = Part(
            sorted([*first.rows, *other.rows], key=lambda row: row.number),
            sorted([*first.skipped, *other.skipped], key=lambda skipped: skipped.number),
            other.missing | first.missing,
            _added(first.features, other.features),
            _added(first.ground_truth_features, other.ground_truth_features),
            first.shown.merged(other.shown),
            _added(first.small_features, other.small_features),
            _added(first.ground_truth_small_features, other.ground_truth_small_features),
        )
    return first


def share_of(count: int, process: int, processes: int) -> range:
    """The pairs of one of several processes: every `processes`-th of `count`, from `process` on."""
    return range(process, count, processes)


def _added(one: Moments | None, other: Moments | None) -> Moments | None:
    if one is None or other is None:
        return one or other
    return one + other


def score_case(case: Case, protocol: Protocol, networks: Networks) -> tuple[Row, Tensor, Tensor, dict[str, str]]:
    """The scores, generated image and ground truth as the protocol has them, and why scores are missing."""
    device = networks.device
    size = (case.ground_truth.shape[1], case.ground_truth.shape[2])
    ground_truth = protocol.as_read(case.ground_truth.to(device), size)
    prepare = protocol.as_read if case.from_file else protocol.as_saved
    generated = prepare(case.generated.to(device), size)
    mask = None
    if case.mask is not None and bool(case.mask.any()):
        mask = protocol.mask_for(case.mask.to(device), (generated.shape[1], generated.shape[2]))
    scores, reasons = _compare(generated, ground_truth, mask, protocol, networks)
    if case.copied is not None:
        copied, _ = _compare(protocol.as_saved(case.copied.to(device), size), ground_truth, mask, protocol, networks)
        scores |= {ours: copied[name] for name, ours in _COPIED.items() if name in copied}
    if case.joints:
        scores["attention_accuracy"] = (case.joints_right or 0) / case.joints
    scores |= case.more
    row = Row(case.number, case.source, case.target, scores, case.joints, case.joints_right, case.seconds)
    return row, generated, ground_truth, reasons


def _compare(
    generated: Tensor, ground_truth: Tensor, mask: Tensor | None, protocol: Protocol, networks: Networks
) -> tuple[dict[str, float], dict[str, str]]:
    scores, reasons = _similarities(generated, ground_truth, mask, protocol)
    distances, too_small = _distances(generated, ground_truth, mask, protocol, networks)
    return scores | distances, reasons | too_small


def _similarities(
    generated: Tensor, ground_truth: Tensor, mask: Tensor | None, protocol: Protocol
) -> tuple[dict[str, float], dict[str, str]]:
    generated, ground_truth = protocol.for_similarity(generated), protocol.for_similarity(ground_truth)
    mask = None if mask is None else protocol.mask_for_similarity(mask)
    sigma = protocol.gaussian_sigma
    scores = {"psnr": psnr(generated, ground_truth), "l1": l1(generated, ground_truth)}
    reasons = {}
    try:
        scores["ssim_gaussian"] = (exact_gaussian_ssim if protocol.exact else gaussian_ssim)(
            generated, ground_truth, sigma
        )
        if mask is not None and protocol.exact:
            scores["masked_ssim"] = exact_gaussian_ssim(generated, ground_truth, sigma, mask)
        elif mask is not None:
            # outside the person both images are black, as mask-SSIM has it since Ma et al. (NIPS 2017)
            scores["masked_ssim"] = gaussian_ssim(
                blanked(generated, mask, 0.0), blanked(ground_truth, mask, 0.0), sigma
            )
        scores["ssim"] = box_ssim(generated, ground_truth, protocol.box)
    except ImageTooSmallError as error:
        reasons["ssim"] = str(error)
    if mask is not None and bool(mask.any()):
        scores |= {"masked_psnr": psnr(generated, ground_truth, mask), "masked_l1": l1(generated, ground_truth, mask)}
    return scores, reasons


def _distances(
    generated: Tensor, ground_truth: Tensor, mask: Tensor | None, protocol: Protocol, networks: Networks
) -> tuple[dict[str, float], dict[str, str]]:
    generated, ground_truth = (protocol.for_distance(image) * 2 - 1 for image in (generated, ground_truth))
    compared = {"": (generated, ground_truth)}
    if mask is not None:
        inside = protocol.mask_for(mask, (generated.shape[1], generated.shape[2]))
        compared["masked_"] = _on_the_person(generated, ground_truth, inside, exact=protocol.exact)
    scores: dict[str, float] = {}
    reasons: dict[str, str] = {}
    for name, called, network, smallest in (
        ("lpips", "LPIPS", networks.lpips, lpips.MIN_SIDE),
        ("st-lpips", "ST-LPIPS", networks.shift_tolerant, st_lpips.MIN_SIDE),
    ):
        if network is None:
            continue
        for where, (ours, theirs) in compared.items():
            height, width = ours.shape[1:]
            if min(height, width) < smallest:
                reason = f"{called} needs images of at least {smallest} pixels a side, got {width}x{height}"
                reasons[where + name] = reason
                continue
            with torch.inference_mode():
                scores[where + name] = float(network(ours[None], theirs[None]))
    return scores, reasons


def _on_the_person(generated: Tensor, ground_truth: Tensor, mask: Tensor, *, exact: bool) -> tuple[Tensor, Tensor]:
    """Both images (3, H, W) in [-1, 1] where nothing but the person differs."""
    if not exact:
        # outside the person both images are grey, the middle of [-1, 1], as the authors' masked LPIPS has it
        return blanked(generated, mask, 0.0), blanked(ground_truth, mask, 0.0)
    rows, columns = (mask.any(axis).nonzero()[:, 0] for axis in (1, 0))
    room = int(_ROOM * len(rows)) + _MIN_ROOM
    top, left = max(0, int(rows[0]) - room), max(0, int(columns[0]) - room)
    window = (slice(None), slice(top, int(rows[-1]) + room), slice(left, int(columns[-1]) + room))
    return torch.where(mask, generated, ground_truth)[window], ground_truth[window]
