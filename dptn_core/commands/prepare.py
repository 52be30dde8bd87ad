"""`dptn prepare`: lay out a set of images to train and test on."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from .options import CommandError, find_device, fraction, natural, positive, size

if TYPE_CHECKING:
    from torch import Tensor

    from ..data.published.build import Progress, Summary
    from ..pose import People


_JOINTS = 18
_MIN_SIDE = 16  # pixels
_REASONS = 5  # for leaving images out that are printed; the list has them all


class _Set(NamedTuple):
    """One kind of set: what `--help` says of it, its options, and what makes it."""

    summary: str
    add_options: Callable[[ArgumentParser], None]
    run: Callable[[Namespace], None]


def add_options(parser: ArgumentParser) -> None:
    """Add a subcommand for each kind of set, with options of its own; one of them is required."""
    parser.description = "Lay out a set of images with keypoints, for 'dptn train' and 'dptn evaluate'."
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
        "--allow-missing", action="store_true", help="leave out pairs whose images are missing, instead of stopping"
    )


def _prepare_deepfashion(options: Namespace) -> None:
    from ..data.published.deepfashion import prepare_deepfashion

    _check_folders(options)
    with _bar() as progress:
        summary = prepare_deepfashion(options.downloads, options.out, options.password, options.allow_missing, progress)
    _report(options.out, summary)


def _prepare_market(options: Namespace) -> None:
    from ..data.published.market import prepare_market

    _check_folders(options)
    with _bar() as progress:
        summary = prepare_market(options.downloads, options.out, options.allow_missing, progress)
    _report(options.out, summary)


def _folder_options(parser: ArgumentParser) -> None:
    parser.description = (
        "Lay out images of your own: a folder for each person, or one folder for one person (frames of a video are "
        "such a folder). Poses come from OpenPose JSON files beside the images (name.json, name_keypoints.json or "
        "name.pose.json), and where there is none from a detector. Images that cannot be learnt from are left out "
        "and listed with the reason. Run the same command again after a stop, or when images were added or removed."
    )
    parser.add_argument("folder", type=Path, help="folder of images, or of a folder of images a person")
    parser.add_argument("--out", type=Path, required=True, help="folder for the set")
    parser.add_argument("--size", type=size, default=(256, 192), help="width x height of the set (default: 192x256)")
    parser.add_argument(
        "--detector",
        choices=("built-in", "vitpose", "openpose", "none"),
        default="built-in",
        help="finds poses where no pose file is: those of Extract Pose, or none (default: built-in, which ships)",
    )
    parser.add_argument(
        "--weights", type=Path, action="append", default=[], help="folder with the detector's weights (repeatable)"
    )
    parser.add_argument("--download", action="store_true", help="fetch the detector's weights if they are missing")
    parser.add_argument("--threshold", type=fraction, default=0.3, help="least keypoint score (default: 0.3)")
    parser.add_argument("--device", default="auto", help="for the detector: auto, cpu, cuda, mps (default: auto)")
    parser.add_argument("--test-share", type=fraction, default=0.1, help="held back for testing, 0 to 1 (default: 0.1)")
    parser.add_argument("--pairs", type=positive, default=2000, help="pairs a person at most (default: 2000)")
    parser.add_argument("--seed", type=natural, default=0, help="of the split and the pairs (default: 0)")
    parser.add_argument(
        "--min-keypoints", "--least-keypoints", type=positive, default=8, help="of 18, to keep an image (default: 8)"
    )
    parser.add_argument(
        "--min-height", "--least-height", type=positive, default=96, help="of the person in pixels (default: 96)"
    )


def _prepare_folder(options: Namespace) -> None:
    from ..data.custom.image_folder import CONTACT_SHEET, LEFT_OUT, FolderPlan, prepare_folder
    from ..data.custom.own_images import Quality

    if options.out.exists() and not options.out.is_dir():
        raise CommandError(f"--out {options.out} is a file; name a folder")
    if not options.folder.is_dir():
        raise CommandError(f"{options.folder}: no such folder; name one with images")
    if (options.weights or options.download) and options.detector in ("built-in", "none"):
        raise CommandError(
            "--weights and --download are for detectors that do not ship; choose one by --detector vitpose or openpose"
        )
    if options.min_keypoints > _JOINTS:
        raise CommandError(f"--min-keypoints {options.min_keypoints}: a pose has {_JOINTS}, so give 1 to {_JOINTS}")
    if min(options.size) < _MIN_SIDE:
        height, width = options.size
        raise CommandError(f"--size {width}x{height} is too small to show a person; give {_MIN_SIDE} or more a side")
    detect, detector = (None, "") if options.detector == "none" else _detector(options)
    plan = FolderPlan(
        size=options.size,
        test_share=options.test_share,
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
        asked = options.test_share > 0
        print("nothing was held back for testing" + (": there are too few images" if asked else ""))
    elif not summary.by_person:
        print(f"too few people ({summary.people}) to keep some for testing: images of each were held back instead")
    for reason, count in Counter(reason for _, reason in summary.left_out).most_common(_REASONS):
        print(f"left out {count}: {reason}")
    if summary.left_out:
        print(f"left out {len(summary.left_out)} in all; {options.out / LEFT_OUT} names them")
    print(f"wrote {options.out}; look at {options.out / CONTACT_SHEET} before you train")


def _detector(options: Namespace) -> tuple[Callable[[Tensor], People], str]:
    """The detector that is asked for, and words that tell it from others."""
    from functools import partial

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
            advice = "Here: --download, or --weights FOLDER where they lie already"
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
                f"without {external.PERSONS.name} each image is taken for one person who fills it: two people in "
                "one are not told apart. --download fetches it"
            )
        found = external.load_vitpose(weights(external.VITPOSE), device, persons)
    return partial(found.detect, threshold=options.threshold), described


_SETS = {
    "folder": _Set("images of your own", _folder_options, _prepare_folder),
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
        bars[0].total = total  # less than thought where images are left out on the way
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
        print(f"{split}: {counts.images} images{kept}, {counts.pairs} pairs")
    for warning in summary.warnings:
        print(f"warning: {warning}")
    print(f"wrote {out}")
