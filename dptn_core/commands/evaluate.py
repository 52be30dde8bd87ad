"""`dptn evaluate`: score a model on drawn figures or on a data set, or drawn images beside true ones."""

from __future__ import annotations

import json
import logging
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .options import CommandError, add_model, find_device, load_model_of, positive, size

if TYPE_CHECKING:
    import torch

    from ..checkpoint import DPTNModel
    from ..evaluation import FidReference, Networks, Part, Protocol
    from ..evaluation.cases import Case, Skipped
    from ..evaluation.ranked_examples import Ranking

_LOG = logging.getLogger(__name__)
_FIGURES = 500
_PEOPLE = 500  # `TEST_PAIRS` of people, said once more because --help imports nothing heavy
_PROTOCOLS = ("dptn", "pidm", "cfld")
# `evaluation.metrics.RANKABLE`, said once more because --help imports nothing heavy; a test keeps them equal
_RANKED_BY = (
    *("ssim", "ssim_gaussian", "psnr", "l1", "lpips", "st-lpips"),
    *("masked_ssim", "masked_psnr", "masked_l1", "masked_lpips", "masked_st-lpips"),
    *("attention_accuracy", "foreground_psnr", "garment_colour_error"),
)


def add_options(parser: ArgumentParser) -> None:
    """Add what is scored (a fixed set, a prepared one or two folders of images), how, and with which weights.

    Numbers are above 0, sizes WIDTHxHEIGHT; `run` refuses options that do not go together.
    """
    parser.description = (
        "Score a model on the fixed test set of drawn figures; with --data on a data set; or, with --generated-images "
        "and --ground-truth-images, score images that are there already. Prints JSON. A metric without weights "
        "is null and says which file it wants; nothing is ever downloaded."
    )
    parser.add_argument(
        "--set",
        choices=("figures-500", "people-500"),
        default="figures-500",
        help="fixed test set: drawn figures, or rendered people that training never samples (default: figures-500)",
    )
    parser.add_argument(
        "--size",
        type=size,
        action="append",
        metavar="WxH",
        help="people-500: compare images at this size; may be given again (default: 192x256)",
    )
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="prepared data set to draw and score")
    parser.add_argument("--split", choices=("test", "train"), default="test", help="of the data set (default: test)")
    parser.add_argument(
        "--generated-images",
        "--drawn-pictures",
        type=Path,
        metavar="FOLDER",
        help="images to score",
    )
    parser.add_argument(
        "--ground-truth-images",
        "--true-pictures",
        type=Path,
        metavar="FOLDER",
        help="what they should show: files of the same name, or drawn ones named <source>_2_<target>_vis",
    )
    parser.add_argument("--pairs-list", type=Path, metavar="CSV", help="from,to: which drawn images must be there")
    parser.add_argument(
        "--pairs", type=positive, help="score the first so many pairs (default: all; 500 drawn figures)"
    )
    parser.add_argument("--batch", type=positive, default=8, help="pairs drawn at once (default: 8)")
    parser.add_argument(
        "--protocol",
        choices=_PROTOCOLS,
        help="whose way of preparing images for SSIM, PSNR, LPIPS and FID (default: dptn)",
    )
    parser.add_argument(
        "--masks",
        type=Path,
        metavar="FOLDER",
        help="masks of the person, named like the target images (default: a data set's pose silhouettes)",
    )
    parser.add_argument(
        "--fid-real",
        type=Path,
        metavar="PLACE",
        help="FID's other side: a folder, a prepared set (its training images), or the .npz of an earlier report "
        "(default: the data set's training images, or else the true ones)",
    )
    parser.add_argument("--alexnet-weights", type=Path, metavar="FILE", help="for LPIPS: alexnet-owt-*.pth")
    parser.add_argument("--inception-weights", type=Path, metavar="FILE", help="for FID: inception_v3_google-*.pth")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="write scores.json, pairs.csv and report.html here")
    parser.add_argument(
        "--rank-by", choices=_RANKED_BY, default="ssim", help="what the report's best and worst go by (default: ssim)"
    )
    add_model(parser)


def run(options: Namespace) -> None:
    """`dptn evaluate`."""
    _check(options)
    if options.generated_images is not None:
        _score_folders(options)
    elif options.data is not None:
        _score_data(options)
    elif options.set == "people-500":
        _print_people(options)
    elif options.out is not None or options.protocol is not None:
        _score_figures(options)
    else:
        _print_figures(options)


def _check(options: Namespace) -> None:
    """Refuse options that say two things at once, before anything is loaded.

    Raises:
        CommandError: they do; the message names them.
    """
    folders = (options.generated_images, options.ground_truth_images)
    _check_set(options)
    if (folders[0] is None) != (folders[1] is None):
        raise CommandError("--generated-images and --ground-truth-images go together; give both")
    if folders[0] is not None:
        for name in ("data", "model"):
            if getattr(options, name) is not None:
                raise CommandError(f"--generated-images scores images that are there; leave out --{name}")
    elif options.pairs_list is not None:
        raise CommandError("--pairs-list belongs to --generated-images; a data set has a list of its own")
    if options.data is None and folders[0] is None:
        for name in ("masks", "fid_real", "alexnet_weights", "inception_weights"):
            if getattr(options, name) is not None and options.out is None and options.protocol is None:
                raise CommandError(f"--{name.replace('_', '-')} wants --out, --protocol, --data or --generated-images")
        if options.masks is not None:
            raise CommandError("drawn figures have exact masks of their own; leave out --masks")
    # looked at after the images were drawn, which may take hours
    if (place := options.fid_real) is not None:
        if not place.exists():
            raise CommandError(f"--fid-real names {place}, which is not there")
        if not place.is_dir() and place.suffix != ".npz":
            raise CommandError(f"--fid-real names {place}; a folder of images, a prepared set or an .npz is wanted")
    if options.masks is not None and not options.masks.is_dir():
        raise CommandError(f"--masks names {options.masks}, which is no folder")


def _check_set(options: Namespace) -> None:
    people = options.set == "people-500"
    if options.size and not people:
        raise CommandError("--size belongs to --set people-500; figures are drawn at the model's own size")
    if people:
        for name in ("data", "generated_images", "masks", "fid_real", "out", "protocol"):
            if getattr(options, name) is not None:
                raise CommandError(f"--set people-500 goes without --{name.replace('_', '-')}; leave it out")
        if options.rank_by != "ssim":
            raise CommandError("--rank-by belongs to a report, and --set people-500 writes none; leave it out")
        if (options.pairs or 0) > _PEOPLE:
            raise CommandError(f"--set people-500 holds {_PEOPLE} pairs; {options.pairs} were asked for")


def _print_people(options: Namespace) -> None:
    try:
        from ..data.synthetic.people import TEST_PAIRS
        from ..evaluation.people_scores import score_people
        from ..perceptual import SHIFT_TOLERANT, ShiftTolerantDistance
    except ModuleNotFoundError as error:
        raise _wants_packages(error) from error

    model = load_model_of(options)
    count = options.pairs or TEST_PAIRS
    weights = SHIFT_TOLERANT.find("alexnet")
    if weights is None:
        _LOG.warning("st_lpips is null: %s", SHIFT_TOLERANT.missing)
    distance = None if weights is None else ShiftTolerantDistance.load(weights, "alexnet")
    sizes = tuple(options.size or [(256, 192)])
    try:
        with _bar(count, "pair") as step:
            tables = score_people({"model": model}, sizes, pairs=count, distance=distance, progress=step)
    except ModuleNotFoundError as error:
        raise _wants_packages(error) from error
    except ValueError as error:
        raise CommandError(f"--size: {error}") from error
    print(json.dumps({name: [asdict(scores) for scores in rows] for name, rows in tables.items()}, indent=2))


def _wants_packages(error: ModuleNotFoundError) -> CommandError:
    return CommandError(
        f"--set people-500 needs the package {error.name}, which is not installed; "
        'pip install "dptn-pose-transfer[train]"'
    )


def _print_figures(options: Namespace) -> None:
    from ..evaluation import evaluate_drawn

    model = load_model_of(options)
    count = options.pairs or _FIGURES
    with _bar(count, "pair") as step:
        scores = evaluate_drawn(model, pairs=count, progress=step)
    print(json.dumps(asdict(scores), indent=2))


def _score_figures(options: Namespace) -> None:
    from ..data.synthetic.figures import TEST_SEED
    from ..evaluation import draw_figures, score_cases

    protocol, networks, ranking = _tools(options)
    model = load_model_of(options)
    count = options.pairs or _FIGURES
    score = partial(
        score_cases, protocol=protocol, networks=networks, ranking=ranking, true_side=options.fid_real is None
    )
    part = _shared(model.device, count, partial(draw_figures, model, TEST_SEED, batch=options.batch), score)
    if part is None:
        return
    height, width = model.training_size
    scored = {
        "kind": "drawn figures",
        "set": f"number {TEST_SEED}, {width}x{height}",
        **_model_metadata(options, model),
    }
    _finish(options, part, protocol, networks, scored, "the figures' exact masks", options.fid_real)


def _score_data(options: Namespace) -> None:
    from ..data.datasets import open_prepared
    from ..evaluation import draw_prepared, score_cases

    data = open_prepared(options.data, options.split)
    protocol, networks, ranking = _tools(options)
    model = load_model_of(options)
    count = min(options.pairs or len(data.pairs), len(data.pairs))
    score = partial(score_cases, protocol=protocol, networks=networks, ranking=ranking)
    draw = partial(draw_prepared, model, data, batch=options.batch, masks=options.masks)
    part = _shared(model.device, count, draw, score)
    if part is None:
        return
    scored = {
        "kind": "data set",
        "data": str(options.data),
        "set": data.kind,
        "split": options.split,
        **_model_metadata(options, model),
    }
    mask = f"the masks in {options.masks}" if options.masks else "silhouettes of the target poses"
    _finish(options, part, protocol, networks, scored, mask, options.fid_real or options.data)


def _score_folders(options: Namespace) -> None:
    from ..data.datasets import read_pairs
    from ..evaluation import match_folders, read_matches, score_cases

    pairs = read_pairs(options.pairs_list) if options.pairs_list is not None else None
    matches = match_folders(options.generated_images, options.ground_truth_images, pairs)
    protocol, networks, ranking = _tools(options)
    count = min(options.pairs or len(matches), len(matches))
    score = partial(
        score_cases, protocol=protocol, networks=networks, ranking=ranking, true_side=options.fid_real is None
    )
    read = partial(read_matches, matches, masks=options.masks)
    part = _shared(find_device(options.device), count, read, score)
    if part is None:
        return
    scored = {
        "kind": "two folders",
        "drawn": str(options.generated_images),
        "true": str(options.ground_truth_images),
        "pairs_list": str(options.pairs_list) if options.pairs_list is not None else None,
    }
    mask = f"the masks in {options.masks}" if options.masks else None
    _finish(options, part, protocol, networks, scored, mask, options.fid_real)


def _shared(
    device: torch.device,
    count: int,
    cases_of: Callable[[range], Iterable[Case | Skipped]],
    score: Callable[..., Part],
) -> Part | None:
    """Score this process's share of `count` pairs; the first process receives all of them, the others None."""
    from ..evaluation import merge, share_of
    from ..system.distributed import join_processes

    team = join_processes(device)
    numbers = share_of(count, team.rank, team.count)
    with _bar(len(numbers), "pair") as step:
        part = score(cases_of(numbers), progress=step)
    parts = team.gather(part)
    team.wait()
    team.end()  # one that leaves without a word may be torn down by the other's going
    return merge(parts) if team.is_main else None


def _tools(options: Namespace) -> tuple[Protocol, Networks, Ranking]:
    """Protocol, networks of the metrics and ranking; whatever is wrong is said before pairs are drawn."""
    from ..evaluation import PROTOCOLS, check_folder, load_networks
    from ..evaluation.frechet import load_moments
    from ..evaluation.metrics import BY_NAME
    from ..evaluation.ranked_examples import Ranking

    if options.out is not None:
        check_folder(options.out)
    networks = load_networks(find_device(options.device), options.alexnet_weights, options.inception_weights)
    if (reason := networks.missing.get(options.rank_by)) is not None:
        raise CommandError(f"--rank-by {options.rank_by} {reason}")
    protocol = PROTOCOLS[options.protocol or "dptn"]
    if options.fid_real is not None and options.fid_real.suffix == ".npz":
        load_moments(options.fid_real, protocol.name)
    return protocol, networks, Ranking(BY_NAME[options.rank_by])


def _model_metadata(options: Namespace, model: DPTNModel) -> dict[str, str]:
    return {
        "model": str(options.model) if options.model is not None else "the starter that ships",
        "device": str(model.device),
        "precision": str(model.dtype).removeprefix("torch."),
        "batch": str(options.batch),
    }


def _finish(
    options: Namespace,
    part: Part,
    protocol: Protocol,
    networks: Networks,
    scored: dict[str, Any],
    mask: str | None,
    real_place: Path | None,
) -> None:
    """Take FID, write the report, say what is missing, print the summary."""
    from ..evaluation import summarise, to_json, write_report

    missing = dict(networks.missing)
    real = _real(part, protocol, networks, real_place, missing)
    summary = summarise(part, protocol, scored, mask=mask, real=real, missing=missing)
    if options.out is not None:
        write_report(options.out, part, summary, real)
        _LOG.info("wrote %s", options.out / "report.html")
    for reason in dict.fromkeys(summary["missing"].values()):
        names = ", ".join(name for name, why in summary["missing"].items() if why == reason)
        _LOG.warning("missing: %s %s", names, reason)
    if summary["skipped"]:
        first = summary["skipped"][0]["reason"]
        _LOG.warning("%d pairs were skipped; the first: %s", len(summary["skipped"]), first)
    print(to_json(summary))


def _real(
    part: Part, protocol: Protocol, networks: Networks, place: Path | None, missing: dict[str, str]
) -> FidReference | None:
    from ..evaluation import FidReference, read_fid_reference
    from ..evaluation.image_folders import FolderError

    if networks.inception is None and networks.mobilenet is None:
        return None
    if place is None:
        if part.true_features is None and part.true_small_features is None:
            return None
        return FidReference(part.true_features, "the true images of the same pairs", small=part.true_small_features)
    try:
        with _bar(None, "real image") as step:
            real = read_fid_reference(place, protocol, networks, progress=lambda done, _: step(done))
    except FolderError as error:
        reason = f"wants real images, and {error}; name others with --fid-real"
        for name, network in (("fid", networks.inception), ("mobilenet-frechet", networks.mobilenet)):
            if network is not None:
                missing[name] = reason
        return None
    if networks.mobilenet is not None and real.small is None:
        missing["mobilenet-frechet"] = f"wants real images, and {place} holds Inception's statistics of them only"
    return real


@contextmanager
def _bar(total: int | None, unit: str) -> Iterator[Callable[[int], None]]:
    """A progress bar that is told how many are done."""
    from tqdm import tqdm

    with tqdm(total=total, unit=unit, dynamic_ncols=True) as bar:
        yield lambda done: bar.update(done - bar.n) and None
