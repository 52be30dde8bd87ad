"""What `dptn evaluate` scores: pairs of a model or of two folders, and what is said of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from ..checkpoint import DPTNModel
from ..data.datasets import PreparedSet
from ..data.synthetic.figures import TEST_SEED
from ..network.parameter_count import paper_parameter_count, parameter_count
from ..system.distributed import join_processes
from .cases import Case, Skipped
from .fid_reference import FidReference, read_fid_reference
from .generation import generate_figures, generate_prepared
from .image_folders import FolderError, Match, read_matches
from .people_scores import generate_people
from .protocols import Protocol
from .ranked_examples import Ranking
from .scoring import Networks, Part, merge, score_cases, share_of
from .summary import summarise

Bar = Callable[[int | None, str], AbstractContextManager[Callable[[int], None]]]
"""Opens a progress bar over so many of a unit, which is told how many are done."""


@dataclass(frozen=True, eq=False)
class ScoredSet:
    """Pairs to be scored.

    Attributes:
        count: How many.
        device: What computes.
        cases: Reads or generates the pairs of these numbers.
        scored: What they are, by name, for the report.
        mask: What scores on the person are taken on, in words, or None without masks.
        real: Where FID's reference images are; None takes the ground-truth images of the pairs.
    """

    count: int
    device: torch.device
    cases: Callable[[range], Iterable[Case | Skipped]]
    scored: dict[str, Any]
    mask: str | None
    real: Path | None


def figures_set(model: DPTNModel, name: str, count: int, batch: int, real: Path | None) -> ScoredSet:
    """The fixed test set of drawn figures; `name` says where the model comes from."""
    height, width = model.training_size
    about = {"kind": "drawn figures", "set": f"number {TEST_SEED}, {width}x{height}"}
    cases = partial(generate_figures, model, TEST_SEED, batch=batch)
    return ScoredSet(count, model.device, cases, about | _about(model, name, batch), "the figures' exact masks", real)


def people_set(
    model: DPTNModel, name: str, count: int, batch: int, real: Path | None, size: tuple[int, int]
) -> ScoredSet:
    """The fixed test set of rendered people, compared at `size`, (H, W).

    Raises:
        ModuleNotFoundError: rendering people needs packages of the extra `train`.
        ValueError: the size is too small.
    """
    from ..data.synthetic.people import check_size

    check_size(size)
    about = {"kind": "rendered people", "set": f"people-500, {size[1]}x{size[0]}"}
    cases = partial(generate_people, model, size=size, batch=batch)
    return ScoredSet(count, model.device, cases, about | _about(model, name, batch), "the people's exact masks", real)


def prepared_set(
    model: DPTNModel, name: str, count: int, batch: int, real: Path | None, data: PreparedSet, masks: Path | None
) -> ScoredSet:
    """A split of a prepared data set; `masks` holds a mask for each target image, or None takes silhouettes."""
    about = {"kind": "data set", "data": str(data.root), "set": data.kind, "split": data.split}
    cases = partial(generate_prepared, model, data, batch=batch, masks=masks)
    mask = f"the masks in {masks}" if masks else "silhouettes of the target poses"
    return ScoredSet(count, model.device, cases, about | _about(model, name, batch), mask, real or data.root)


def folders_set(
    matches: Sequence[Match], about: dict[str, Any], device: torch.device, real: Path | None, masks: Path | None
) -> ScoredSet:
    """Images of two folders, matched; `about` says which folders."""
    cases = partial(read_matches, matches, masks=masks)
    mask = f"the masks in {masks}" if masks else None
    return ScoredSet(len(matches), device, cases, {"kind": "two folders", **about}, mask, real)


def _about(model: DPTNModel, name: str, batch: int) -> dict[str, Any]:
    return {
        "model": name,
        "parameters": parameter_count(model.generator),
        "paper_parameters": paper_parameter_count(),
        "device": str(model.device),
        "precision": str(model.dtype).removeprefix("torch."),
        "batch": str(batch),
    }


def score_set(
    pairs: ScoredSet, protocol: Protocol, networks: Networks, ranking: Ranking, bar: Bar
) -> tuple[Part, dict[str, Any], FidReference | None] | None:
    """Score this process' share of the pairs; the first process receives all of them, the others None.

    Args:
        pairs: what to score.
        protocol: how images are prepared.
        networks: of the learned metrics.
        ranking: which pairs to show.
        bar: shows how far it is.

    Returns:
        All pairs, what `summarise` says of them, and FID's reference.

    Raises:
        NothingScoredError: there are no scores.
    """
    team = join_processes(pairs.device)
    numbers = share_of(pairs.count, team.rank, team.count)
    with bar(len(numbers), "pair") as step:
        ground_truth_side = pairs.real is None
        part = score_cases(
            pairs.cases(numbers), protocol, networks, ranking, ground_truth_side=ground_truth_side, progress=step
        )
    parts = team.gather(part)
    team.wait()
    team.end()  # one that leaves without a word may be torn down by the other's going
    if not team.is_main:
        return None
    whole, missing = merge(parts), dict(networks.missing)
    real = _real(whole, protocol, networks, pairs.real, missing, bar)
    return whole, summarise(whole, protocol, pairs.scored, mask=pairs.mask, real=real, missing=missing), real


def _real(
    part: Part, protocol: Protocol, networks: Networks, place: Path | None, missing: dict[str, str], bar: Bar
) -> FidReference | None:
    """FID's reference; why a distance cannot be taken goes into `missing`."""
    if networks.inception is None and networks.mobilenet is None:
        return None
    if place is None:
        if part.ground_truth_features is None and part.ground_truth_small_features is None:
            return None
        return FidReference(
            part.ground_truth_features, "the ground truth of the same pairs", small=part.ground_truth_small_features
        )
    try:
        with bar(None, "real image") as step:
            real = read_fid_reference(place, protocol, networks, progress=lambda done, _: step(done))
    except FolderError as error:
        reason = f"needs real images, but {error}; name others with --fid-real"
        for name, network in (("fid", networks.inception), ("mobilenet-frechet", networks.mobilenet)):
            if network is not None:
                missing[name] = reason
        return None
    if networks.mobilenet is not None and real.small is None:
        missing["mobilenet-frechet"] = f"needs real images, but {place} holds only Inception's statistics of them"
    return real
