"""`dptn prepare`: lay out a set of images to train and test on."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..system.files import real_path
from .options import CommandError, check_out, find_device, fraction, natural, positive, size

if TYPE_CHECKING:
    from torch import Tensor

    from ..data.published.build import Progress, Summary
    from ..pose import People


_JOINTS = 18
_MIN_SIDE = 16  # pixels
_REASONS = 5  # for leaving images out that are printed; the list has them all


class _Set(NamedTuple):
    """One kind of set: its line in `--help`, its options, and the function that makes it."""

    summary: str
    add_options: Callable[[ArgumentParser], None]
    run: Callable[[Namespace], None]


def add_options(parser: ArgumentParser) -> None:
    """Add a subcommand for each kind of set: folder, deepfashion and market, with their own options."""
    parser.description = "Prepare a set of images with keypoints for 'dptn train' and 'dptn evaluate'."
    sets = parser.add_subparsers(dest="set", required=True, metavar="SET")
    for name, kind in _SETS.items():
        kind.add_options(sets.add_parser(name, help=kind.summary))


def run(options: Namespace) -> None:
    """Lay out the set that the subcommand names, and print how many images and pairs it has.

    Raises:
        CommandError: options that cannot work.
        DataFileError, ImageError: what is missing from the downloads or the folder, or cannot be read.
    """
    _SETS[options.set].run(options)


def _deepfashion_options(parser: ArgumentParser) -> None:
    parser.description = (
        "Prepare DeepFashion (In-shop Clothes Retrieval Benchmark) from img.zip, or the img folder in it, and the "
        "lists that the authors of DPTN, GFLA and PATN publish. After a stop, run the same command again to resume."
    )
    _published_options(parser)
    parser.add_argument("--password", help="password of img.zip, from the owners of the data set")


def _market_options(parser: ArgumentParser) -> None:
    parser.description = (
        "Prepare Market-1501 from Market-1501-v15.09.15.zip, or what is in it, and the lists that the authors of DPTN, "
        "GFLA and PATN publish. After a stop, run the same command again to resume."
    )
    _published_options(parser)


def _published_options(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--from", dest="downloads", type=Path, required=True, help="folder of the downloads, searched recursively"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the set")
    parser.add_argument(
        "--allow-missing", action="store_true", help="leave out pairs with missing images instead of stopping"
    )


def _prepare_deepfashion(options: Namespace) -> None:
    from ..data.published.deepfashion import prepare_deepfashion

    _prepare_published(options, partial(prepare_deepfashion, password=options.password))


def _prepare_market(options: Namespace) -> None:
    from ..data.published.market import prepare_market

    _prepare_published(options, prepare_market)


def _prepare_published(options: Namespace, prepare: Callable[..., Summary]) -> None:
    if not options.downloads.is_dir():
        raise CommandError(f"--from {options.downloads}: no such folder")
    check_out(options.out)
    if real_path(options.out) == real_path(options.downloads):
        raise CommandError(f"--out {options.out} is the folder of the downloads; name another folder")
    with _bar() as progress:
        summary = prepare(options.downloads, options.out, allow_missing=options.allow_missing, progress=progress)
    for split, counts in summary.splits.items():
        kept = f", {counts.kept} of them already there" if counts.kept else ""
        print(f"{split}: {counts.images} images{kept}, {counts.pairs} pairs")
    for warning in summary.warnings:
        print(f"warning: {warning}")
    print(f"wrote {options.out}")


def _folder_options(parser: ArgumentParser) -> None:
    parser.description = (
        "Prepare an image folder: a folder for each person, or one folder for one person, such as the frames of a "
        "video. Poses come from OpenPose JSON files beside the images (name.json, name_keypoints.json or "
        "name.pose.json), else from a detector. Images that cannot be used are left out and listed with the reason. "
        "Run the same command again after a stop, or when images were added or removed."
    )
    parser.add_argument("folder", type=Path, help="folder of images, or of folders of images, one for each person")
    parser.add_argument("--out", type=Path, required=True, help="folder for the set")
    parser.add_argument("--size", type=size, default=(256, 192), help="width x height of the set (default: 192x256)")
    parser.add_argument(
        "--detector",
        choices=("built-in", "vitpose", "openpose", "none"),
        default="built-in",
        help="for images without a pose file, as in Extract Pose; none: leave them out (default: built-in)",
    )
    parser.add_argument(
        "--weights", type=Path, action="append", default=[], help="folder with the detector's weights (repeatable)"
    )
    parser.add_argument("--download", action="store_true", help="download the detector's weights if they are missing")
    parser.add_argument("--threshold", type=fraction, default=0.3, help="minimum score of a keypoint (default: 0.3)")
    parser.add_argument("--device", default="auto", help="for the detector: auto, cpu, cuda, mps (default: auto)")
    parser.add_argument(
        "--test-fraction",
        "--test-share",
        type=fraction,
        default=0.1,
        help="held out for testing, 0 to 1 (default: 0.1)",
    )
    parser.add_argument("--pairs", type=positive, default=2000, help="maximum of pairs for each person (default: 2000)")
    parser.add_argument("--seed", type=natural, default=0, help="seed of the split and the pairs (default: 0)")
    parser.add_argument(
        "--min-keypoints",
        "--least-keypoints",
        type=positive,
        default=8,
        help="minimum number of keypoints, of 18, to keep an image (default: 8)",
    )
    parser.add_argument(
        "--min-height",
        "--least-height",
        type=positive,
        default=96,
        help="minimum height of the person in pixels (default: 96)",
    )


def _prepare_folder(options: Namespace) -> None:
    from ..data.custom.image_folder import CONTACT_SHEET, LEFT_OUT, FolderPlan, prepare_folder
    from ..data.custom.own_images import Quality

    check_out(options.out)
    if not options.folder.is_dir():
        raise CommandError(f"{options.folder}: no such folder; name one with images")
    if (options.weights or options.download) and options.detector in ("built-in", "none"):
        raise CommandError(
            "--weights and --download are for detectors that do not ship; add --detector vitpose or openpose"
        )
    if options.min_keypoints > _JOINTS:
        raise CommandError(
            f"--min-keypoints {options.min_keypoints}: a pose has {_JOINTS} keypoints; give 1 to {_JOINTS}"
        )
    if min(options.size) < _MIN_SIDE:
        height, width = options.size
        raise CommandError(f"--size {width}x{height} is too small to show a person; give sides of at least {_MIN_SIDE}")
    detect, detector = (None, "") if options.detector == "none" else _detector(options)
    plan = FolderPlan(
        size=options.size,
        test_fraction=options.test_fraction,
        pairs_a_person=options.pairs,
        seed=options.seed,
        quality=Quality(options.min_keypoints, options.min_height),
        detector=detector,
    )
    with _bar() as progress:
        summary = prepare_folder(options.folder, options.out, plan, detect, progress)
    for split in summary.images:
        print(f"{split}: {summary.images[split]} images, {summary.pairs[split]} pairs")
    if not summary.images["test"]:
        asked = options.test_fraction > 0
        print("no images were held out for testing" + (": there are too few" if asked else ""))
    elif not summary.by_person:
        print(f"too few people ({summary.people}) to hold some out for testing; held out images of each instead")
    for reason, count in Counter(reason for _, reason in summary.left_out).most_common(_REASONS):
        print(f"left out {count}: {reason}")
    if summary.left_out:
        print(f"left out {len(summary.left_out)} in total, listed in {options.out / LEFT_OUT}")
    print(f"wrote {options.out}; check {options.out / CONTACT_SHEET} before you train")


def _detector(options: Namespace) -> tuple[Callable[[Tensor], People], str]:
    """The detector that the options choose, and a description of it and its settings."""
    from ..detection import external

    if options.detector == "built-in":
        from ..detection import detect_people, load_movenet

        network = load_movenet(find_device(options.device))
        return partial(detect_people, network, threshold=options.threshold), f"built-in, threshold {options.threshold}"

    folders = [*options.weights, options.out / "weights"]  # the last is where an earlier run may have put them

    def weights(wanted: external.Weights) -> Path:
        found = external.find_weights(wanted, folders)
        if found is not None:
            return found
        if not options.download:
            advice = "Add --download, or --weights FOLDER with the folder that holds them"
            raise CommandError(f"{external.missing_weights_message(wanted, folders)}. {advice}")
        return external.download_weights(wanted, folders[0])

    device = find_device(options.device)
    described = f"{options.detector}, threshold {options.threshold}"
    if options.detector == "openpose":
        found = external.load_openpose(weights(external.OPENPOSE_BODY), device)
    else:
        persons = external.find_weights(external.PERSONS, folders)
        if persons is None and options.download:
            persons = weights(external.PERSONS)
        if persons is None:
            described += ", whole images"
            print(
                f"without {external.PERSONS.name} each image counts as one person who fills it, even if it shows two; "
                "add --download to fetch it"
            )
        found = external.load_vitpose(weights(external.VITPOSE), device, persons)
    return partial(found.detect, threshold=options.threshold), described


_SETS = {
    "folder": _Set("images of your own", _folder_options, _prepare_folder),
    "deepfashion": _Set("DeepFashion, from the original downloads", _deepfashion_options, _prepare_deepfashion),
    "market": _Set("Market-1501, from the original downloads", _market_options, _prepare_market),
}


@contextmanager
def _bar() -> Iterator[Progress]:
    """A progress bar; Ctrl-C ends it with a message that says how to resume."""
    from tqdm import tqdm

    bars: list[tqdm] = []  # none before there is anything to count, so that an error stays a single line

    def progress(done: int, total: int) -> None:
        if not bars:
            bars.append(tqdm(total=total, unit="image", dynamic_ncols=True))
        bars[0].total = total  # less than thought where images are left out on the way
        bars[0].update(done - bars[0].n)

    try:
        yield progress
    except KeyboardInterrupt:
        raise KeyboardInterrupt("stopped; run the same command to resume") from None
    finally:
        for bar in bars:
            bar.close()
