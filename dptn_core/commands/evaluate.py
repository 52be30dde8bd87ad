"""`dptn evaluate`: score a model on drawn figures or on a data set, or generated images beside true ones."""

from __future__ import annotations

import logging
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .options import CommandError, add_model, find_device, load_model_of, positive, size

if TYPE_CHECKING:
    from ..data.datasets import PreparedSet
    from ..evaluation import Networks, Protocol, Ranking
    from ..evaluation.image_folders import Match
    from ..evaluation.scored_sets import ScoredSet

_LOG = logging.getLogger(__name__)
# Said once more because --help imports nothing heavy; a test keeps them equal to `TEST_PAIRS` and `people_scores.SIZE`.
_PAIRS, _PEOPLE_SIZE = 500, (256, 192)
_PROTOCOLS = ("exact", "dptn", "pidm", "cfld")
# `evaluation.metrics.RANKABLE`, said once more because --help imports nothing heavy; a test keeps them equal
_RANKED_BY = (
    *("ssim", "ssim_gaussian", "psnr", "l1", "lpips", "st-lpips"),
    *("masked_ssim", "masked_psnr", "masked_l1", "masked_lpips", "masked_st-lpips"),
    *("attention_accuracy", "foreground_psnr", "garment_colour_error", "sharpness", "attention_5"),
)


def add_options(parser: ArgumentParser) -> None:
    """Add what is scored (a fixed set, a prepared one or two folders of images), how, and with which weights.

    Numbers are above 0, sizes WIDTHxHEIGHT; `run` refuses options that do not go together.
    """
    parser.description = (
        "Score a model on the fixed test set of drawn figures; with --data on a data set; or, with --generated-images "
        "and --ground-truth-images, score images that are there already. Prints the JSON that --out saves, or "
        "a list of it where --size is given more than once. A metric without weights is null and says which file it "
        "needs; nothing is ever downloaded."
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
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="prepared data set to generate and score")
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
        help="ground truth: files of the same name; generated images may also be named <source>_2_<target>_vis",
    )
    parser.add_argument("--pairs-list", type=Path, metavar="CSV", help="from,to: pairs that must be present")
    parser.add_argument(
        "--pairs", type=positive, help="score only the first PAIRS pairs (default: all; 500 figures or people)"
    )
    parser.add_argument("--batch", type=positive, default=8, help="pairs generated at once (default: 8)")
    parser.add_argument(
        "--protocol",
        choices=_PROTOCOLS,
        help="how images are prepared for SSIM, PSNR, LPIPS and FID: exact compares what the network generated, in "
        "float32; the others are those of papers (default: exact for drawn figures and rendered people, else dptn)",
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
        "(default: the data set's training images, or else the ground truth)",
    )
    parser.add_argument("--alexnet-weights", type=Path, metavar="FILE", help="for LPIPS: alexnet-owt-*.pth")
    parser.add_argument("--inception-weights", type=Path, metavar="FILE", help="for FID: inception_v3_google-*.pth")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="write scores.json, pairs.csv and report.html here")
    parser.add_argument(
        "--rank-by",
        choices=_RANKED_BY,
        default="ssim",
        help="metric to rank the report's pairs by (default: ssim)",
    )
    add_model(parser)


def run(options: Namespace) -> None:
    """`dptn evaluate`."""
    from ..evaluation import report_folder
    from ..system.distributed import is_first

    _check(options)
    matches, data = _opened(options)
    # of several processes the first one writes
    with nullcontext() if options.out is None or not is_first() else report_folder(options.out):
        _score(options, matches, data)


def _score(options: Namespace, matches: list[Match] | None, data: PreparedSet | None) -> None:
    """Score every set, write the report, and print the scores."""
    from ..evaluation import score_set, to_json, write_report

    protocol, networks, ranking = _tools(options)
    summaries = []
    for pairs in _sets(options, matches, data):
        scored = score_set(pairs, protocol, networks, ranking, _bar)
        if scored is None:  # another process has all of it
            continue
        part, summary, real = scored
        if options.out is not None:
            write_report(options.out, part, summary, real)
            _LOG.info("wrote %s", options.out / "report.html")
        _warn(summary)
        summaries.append(summary)
    if summaries:
        print(to_json(summaries[0] if len(summaries) == 1 else summaries))


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
    if options.data is None and folders[0] is None and options.masks is not None:
        raise CommandError("drawn figures and rendered people have exact masks of their own; leave out --masks")
    # looked at after the images were drawn, which may take hours
    if (place := options.fid_real) is not None:
        if not place.exists():
            raise CommandError(f"--fid-real names {place}, which is not there")
        if not place.is_dir() and place.suffix != ".npz":
            raise CommandError(f"--fid-real: expected a folder of images, a prepared set or an .npz, got {place}")
    if options.masks is not None and not options.masks.is_dir():
        raise CommandError(f"--masks names {options.masks}, which is not a folder")


def _check_set(options: Namespace) -> None:
    people = options.set == "people-500"
    if options.size and not people:
        raise CommandError("--size belongs to --set people-500; figures are generated at the model's own size")
    if people:
        for name in ("data", "generated_images"):
            if getattr(options, name) is not None:
                raise CommandError(f"--set people-500 goes without --{name.replace('_', '-')}; leave it out")
        if options.out is not None and len(options.size or ()) > 1:
            raise CommandError("--out takes one report; give --size once")
        if (options.pairs or 0) > _PAIRS:
            raise CommandError(f"--set people-500 holds {_PAIRS} pairs; {options.pairs} were asked for")


def _opened(options: Namespace) -> tuple[list[Match] | None, PreparedSet | None]:
    """Matched images of the two folders, or the data set, if they are to be scored."""
    from ..data.datasets import open_prepared, read_pairs
    from ..evaluation import match_folders

    if options.generated_images is not None:
        listed = read_pairs(options.pairs_list) if options.pairs_list is not None else None
        return match_folders(options.generated_images, options.ground_truth_images, listed), None
    return None, None if options.data is None else open_prepared(options.data, options.split)


def _tools(options: Namespace) -> tuple[Protocol, Networks, Ranking]:
    """Protocol, networks of the metrics and ranking; whatever is wrong is said before pairs are generated."""
    from ..evaluation import PROTOCOLS, Ranking, load_networks
    from ..evaluation.frechet import load_moments
    from ..evaluation.metrics import BY_NAME

    networks = load_networks(find_device(options.device), options.alexnet_weights, options.inception_weights)
    if (reason := networks.missing.get(options.rank_by)) is not None:
        raise CommandError(f"--rank-by {options.rank_by} {reason}")
    synthetic = options.data is None and options.generated_images is None
    protocol = PROTOCOLS[options.protocol or ("exact" if synthetic else "dptn")]
    if options.fid_real is not None and options.fid_real.suffix == ".npz":
        load_moments(options.fid_real, protocol.name)
    return protocol, networks, Ranking(BY_NAME[options.rank_by])


def _sets(options: Namespace, matches: list[Match] | None, data: PreparedSet | None) -> list[ScoredSet]:
    """What is to be scored: one set, or people-500 at each size."""
    from ..evaluation import figures_set, folders_set, people_set, prepared_set

    masks, real = options.masks, options.fid_real
    if matches is not None:
        folders = {
            "drawn": options.generated_images,
            "true": options.ground_truth_images,
            "pairs_list": options.pairs_list,
        }
        about = {name: None if path is None else str(path) for name, path in folders.items()}
        return [folders_set(matches[: options.pairs], about, find_device(options.device), real, masks)]
    model = load_model_of(options)
    name = str(options.model) if options.model is not None else "the starter that ships"
    if data is not None:
        count = min(options.pairs or len(data.pairs), len(data.pairs))
        return [prepared_set(model, name, count, options.batch, real, data, masks)]
    count = options.pairs or _PAIRS
    if options.set == "people-500":
        sizes = options.size or [_PEOPLE_SIZE]
        return [people_set(model, name, count, options.batch, real, size) for size in sizes]
    return [figures_set(model, name, count, options.batch, real)]


def _warn(summary: Mapping[str, Any]) -> None:
    for reason in dict.fromkeys(summary["missing"].values()):
        names = ", ".join(name for name, why in summary["missing"].items() if why == reason)
        _LOG.warning("missing: %s %s", names, reason)
    if summary["skipped"]:
        first = summary["skipped"][0]["reason"]
        _LOG.warning("%d pairs were skipped; the first: %s", len(summary["skipped"]), first)


@contextmanager
def _bar(total: int | None, unit: str) -> Iterator[Callable[[int], None]]:
    """A progress bar that is told how many are done."""
    from tqdm import tqdm

    with tqdm(total=total, unit=unit, dynamic_ncols=True) as bar:
        yield lambda done: bar.update(done - bar.n) and None
