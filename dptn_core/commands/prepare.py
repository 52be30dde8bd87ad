"""`dptn prepare`: lay out a set of pictures to train and test on."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from .options import CommandError

if TYPE_CHECKING:
    from ..data.pairs.build import Progress, Summary


class _Set(NamedTuple):
    """One kind of set: what `--help` says of it, its options, and what makes it."""

    summary: str
    add_options: Callable[[ArgumentParser], None]
    run: Callable[[Namespace], None]


def add_options(parser: ArgumentParser) -> None:
    """Options of the command: another level of commands, one for each set."""
    parser.description = "Lay out a set of pictures with keypoints, for 'dptn train' and 'dptn evaluate'."
    sets = parser.add_subparsers(dest="set", required=True, metavar="SET")
    for name, kind in _SETS.items():
        kind.add_options(sets.add_parser(name, help=kind.summary))


def run(options: Namespace) -> None:
    """`dptn prepare`."""
    _SETS[options.set].run(options)


def _deepfashion_options(parser: ArgumentParser) -> None:
    parser.description = (
        "Lay out DeepFashion (In-shop Clothes Retrieval Benchmark) from img.zip, or the img folder in it, and the "
        "lists that the authors of DPTN, GFLA and PATN publish. Run the same command again to go on after a stop."
    )
    _published_options(parser)
    parser.add_argument("--password", help="of img.zip, from the owners of the data set")


def _market_options(parser: ArgumentParser) -> None:
    parser.description = (
        "Lay out Market-1501 from Market-1501-v15.09.15.zip, or what is in it, and the lists that the authors of DPTN, "
        "GFLA and PATN publish. Run the same command again to go on after a stop."
    )
    _published_options(parser)


def _published_options(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--from", dest="downloads", type=Path, required=True, help="folder of the downloads; searched with all below it"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the set")
    parser.add_argument(
        "--allow-missing", action="store_true", help="leave out pairs whose pictures are missing, instead of stopping"
    )


def _prepare_deepfashion(options: Namespace) -> None:
    from ..data.pairs.deepfashion import prepare_deepfashion

    _check_folders(options)
    with _bar() as progress:
        summary = prepare_deepfashion(options.downloads, options.out, options.password, options.allow_missing, progress)
    _report(options.out, summary)


def _prepare_market(options: Namespace) -> None:
    from ..data.pairs.market import prepare_market

    _check_folders(options)
    with _bar() as progress:
        summary = prepare_market(options.downloads, options.out, options.allow_missing, progress)
    _report(options.out, summary)


_SETS = {
    "deepfashion": _Set("DeepFashion, from the original downloads", _deepfashion_options, _prepare_deepfashion),
    "market": _Set("Market-1501, from the original downloads", _market_options, _prepare_market),
}


def _check_folders(options: Namespace) -> None:
    if not options.downloads.is_dir():
        raise CommandError(f"--from {options.downloads}: no such folder")
    if options.out.exists() and not options.out.is_dir():
        raise CommandError(f"--out {options.out} is a file; name a folder")
    if options.out.resolve() == options.downloads.resolve():
        raise CommandError(f"--out {options.out} is the folder of the downloads; name another one")


@contextmanager
def _bar() -> Iterator[Progress]:
    """A progress bar, and a word for whoever stops it."""
    from tqdm import tqdm

    bars: list[tqdm] = []  # none before there is anything to count, so that an error stays a single line

    def progress(done: int, total: int) -> None:
        if not bars:
            bars.append(tqdm(total=total, unit="picture", dynamic_ncols=True))
        bars[0].update(done - bars[0].n)

    try:
        yield progress
    except KeyboardInterrupt:
        raise KeyboardInterrupt("stopped; the same command goes on where this one was") from None
    finally:
        for bar in bars:
            bar.close()


def _report(out: Path, summary: Summary) -> None:
    for split, counts in summary.splits.items():
        kept = f", {counts.kept} of them there before" if counts.kept else ""
        print(f"{split}: {counts.pictures} pictures{kept}, {counts.pairs} pairs")
    for warning in summary.warnings:
        print(f"warning: {warning}")
    print(f"wrote {out}")
