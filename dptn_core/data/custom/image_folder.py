"""`dptn prepare folder`: an image folder as a prepared set.

The annotations are written before the images and the pair lists after all else: a run that was stopped leaves no set
that opens, and the next run knows what it left behind. Poses that a detector found are kept from run to run.
"""

from __future__ import annotations

import csv
import hashlib
import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path

import numpy as np

from ...image_io import write_image
from ...inference.framing import Frame, FramingError, frame_person
from ...pose import Pose
from ...system.files import real_path, written_beside
from ...system.folder_lock import alone_in
from ..datasets.annotations import DataFileError, Keypoints, read_annotations, write_annotations, write_pairs
from ..datasets.contact_sheet import write_contact_sheet
from ..datasets.prepared import METADATA, METADATA_VERSION, PREFIXES, Split, check_other_sets
from .own_images import (
    Detect,
    OwnImage,
    Quality,
    UnfitError,
    file_names,
    find_images,
    fit_person,
    people_in,
    read_own,
)
from .pose_cache import PoseCache

LEFT_OUT = "left-out.csv"
CONTACT_SHEET = "contact-sheet.jpg"
_POSES = "poses"
_PREFIX = PREFIXES["folder"][0]
_SPLITS: tuple[Split, Split] = ("train", "test")
_PEOPLE_TO_SPLIT = 4  # with fewer people a fraction of everybody's images is held back instead

Progress = Callable[[int, int], None]
LeftOut = list[tuple[str, str]]  # image, reason


@dataclass(frozen=True)
class FolderPlan:
    """How a folder of images becomes a set."""

    size: tuple[int, int] = (256, 192)  # (H, W) of the set's images
    test_fraction: float = 0.1
    pairs_a_person: int = 2000  # at most, sampled
    seed: int = 0
    quality: Quality = field(default_factory=Quality)
    detector: str = ""  # which, and its settings: poses that another one found in an earlier run are not used


@dataclass(frozen=True)
class Kept:
    """An image that is learnt from: its name in the set, the person, and the part of the image around them."""

    image: OwnImage
    name: str
    pose: Pose
    frame: Frame


@dataclass(frozen=True)
class FolderSummary:
    """What became of a folder."""

    people: int
    images: dict[Split, int]
    pairs: dict[Split, int]
    left_out: tuple[tuple[str, str], ...]  # image, reason
    by_person: bool  # whether the test split holds people that training never sees


def prepare_folder(
    root: Path,
    out: Path,
    plan: FolderPlan,
    detect: Detect | None = None,
    progress: Progress = lambda done, total: None,
) -> FolderSummary:
    """Make a prepared set of the images under `root`.

    What an earlier run has put into `out` is replaced; its images that do not belong to the set any more are removed.

    Args:
        root: a folder for each person, or one folder for one person; frames of a video are such a folder.
        out: folder for the set; may lie in `root`.
        plan: sizes, fractions and what is fit.
        detect: finds the people of images that have no pose file beside them.
        progress: called with the images done, of both passes together, and how many that will be.

    Raises:
        DataFileError: no images, too few fit ones to make a pair for training, or `out` is of no use: it holds
            something else, `root` lies in it, or it cannot be written.
    """
    if real_path(root).is_relative_to(real_path(out)):
        raise DataFileError(f"{root} lies inside --out {out}; choose another --out")
    images = find_images(root, out)
    _check_out(out)
    with _writing(out), alone_in(out):
        fit, left_out = _judge(images, root, out, plan, detect, progress)
        kept = _with_company(fit, left_out)
        _write_left_out(out / LEFT_OUT, left_out)
        if not kept:
            raise DataFileError(_too_few(root, fit, left_out, out / LEFT_OUT))
        splits, by_person = split_people(kept, plan.test_fraction, plan.seed)
        pairs = {split: sample_pairs(splits[split], plan.pairs_a_person, plan.seed) for split in _SPLITS}
        _retract(out, splits)
        _write_images(out, splits, plan.size, lambda done: progress(len(images) + done, len(images) + len(kept)))
        with written_beside(out / METADATA) as beside:
            sides = {"height": plan.size[0], "width": plan.size[1]}
            metadata = {"version": METADATA_VERSION, **sides, "by_person": by_person}
            beside.write_text(json.dumps(metadata, indent=2) + "\n", encoding="utf-8")
        for split in reversed(_SPLITS):
            if pairs[split]:
                write_pairs(_pair_list(out, split), pairs[split])
    return FolderSummary(
        people=len({one.image.person for one in kept}),
        images={split: len(splits[split]) for split in _SPLITS},
        pairs={split: len(pairs[split]) for split in _SPLITS},
        left_out=tuple(left_out),
        by_person=by_person,
    )


def _pair_list(out: Path, split: Split) -> Path:
    return out / f"{_PREFIX}-pairs-{split}.csv"


def _annotation_list(out: Path, split: Split) -> Path:
    return out / f"{_PREFIX}-annotation-{split}.csv"


def _check_out(out: Path) -> None:
    """Refuse a folder whose images are somebody else's: they would end up among those of the set, or be replaced."""
    check_other_sets(out, "folder")
    for split in _SPLITS:
        folder = out / split
        if not _annotation_list(out, split).exists() and folder.is_dir() and any(folder.iterdir()):
            raise DataFileError(f"{folder} holds files that 'dptn prepare folder' did not write; choose another --out")


@contextmanager
def _writing(out: Path) -> Iterator[None]:
    """Say what could not be written; a full disk does not."""
    try:
        yield
    except OSError as error:
        raise DataFileError(
            f"{error.filename or out} cannot be written: {error.strerror or error}; once that is fixed, run the "
            "same command again to continue"
        ) from error


def _judge(
    images: list[OwnImage], root: Path, out: Path, plan: FolderPlan, detect: Detect | None, progress: Progress
) -> tuple[list[Kept], LeftOut]:
    """Which images are fit to learn from, and which are not, and why."""
    cache = PoseCache(out / _POSES, plan.detector)
    kept: list[Kept] = []
    left_out: LeftOut = []
    for done, (image, name) in enumerate(zip(images, file_names(images, root), strict=True), 1):
        try:
            people = people_in(image.path, read_own(image.path), name, cache, detect)
            pose = fit_person(people, plan.quality)
            kept.append(Kept(image, name, pose, frame_person(pose, plan.size, "fit")))
        except (UnfitError, FramingError) as reason:
            left_out.append((str(image.path), str(reason)))
        progress(done, 2 * len(images))
    return kept, left_out


def _with_company(fit: list[Kept], left_out: LeftOut) -> list[Kept]:
    """The images whose person has another one; the rest goes to `left_out`, as a pair takes two."""
    counts = Counter(one.image.person for one in fit)
    alone = [one for one in fit if counts[one.image.person] < 2]
    left_out += [
        (str(one.image.path), "no other image of this person can be used, and a pair takes two") for one in alone
    ]
    return [one for one in fit if counts[one.image.person] > 1]


def split_people(kept: list[Kept], fraction: float, seed: int) -> tuple[dict[Split, list[Kept]], bool]:
    """Training and test images: by person, or, of few people, by holding back some images of each.

    Chance gives each person, and each image, a place of its own in the queue for the test split, so that more
    images in a later run move few of the others.

    Args:
        kept: images; of each person at least two.
        fraction: for testing, 0 to 1; something is always left to learn from.
        seed: of the chance.

    Returns:
        The images of each split, and whether it was by person.
    """
    people: dict[str, list[Kept]] = {}
    for one in kept:
        people.setdefault(one.image.person, []).append(one)
    by_person = len(people) >= _PEOPLE_TO_SPLIT and fraction > 0
    names: set[str] = set()  # of the images held back
    if by_person:
        count = min(max(1, round(fraction * len(people))), len(people) - 1)
        names = {one.name for person in _queue(people, seed)[:count] for one in people[person]}
    elif fraction > 0:
        for images in people.values():
            # two are left to learn from, and two make a pair to test
            count = min(max(2, round(fraction * len(images))), len(images) - 2)
            if count >= 2:
                names.update(_queue([one.name for one in images], seed)[:count])
    train = [one for one in kept if one.name not in names]
    return {"train": train, "test": [one for one in kept if one.name in names]}, by_person


def _queue(names: Iterable[str], seed: int) -> list[str]:
    """Names in an order of chance that stays the same for each two of them, whoever else is there."""
    return sorted(names, key=lambda name: hashlib.sha256(f"{seed} {name}".encode(errors="surrogatepass")).digest())


def sample_pairs(images: list[Kept], most: int, seed: int) -> list[tuple[str, str]]:
    """Every ordered pair of two images of the same person, or a sample of `most` of them a person."""
    people: dict[str, list[str]] = {}
    for one in images:
        people.setdefault(one.image.person, []).append(one.name)
    dice = random.Random(seed)  # noqa: S311
    pairs: list[tuple[str, str]] = []
    for names in people.values():
        count = len(names) * (len(names) - 1)
        if count <= most:
            pairs += list(permutations(names, 2))
            continue
        for number in dice.sample(range(count), most):
            source, target = divmod(number, len(names) - 1)
            pairs.append((names[source], names[target + (target >= source)]))
    return pairs


def _retract(out: Path, splits: dict[Split, list[Kept]]) -> None:
    """Take back the pair lists of an earlier run, and the images it wrote that are of the set no more."""
    for split in _SPLITS:
        _pair_list(out, split).unlink(missing_ok=True)
    for folder in (out, out / _POSES, *(out / split for split in _SPLITS)):
        for leftover in folder.glob(".*.part.*"):  # of a killed run
            leftover.unlink(missing_ok=True)
    for split in _SPLITS:
        try:
            earlier = read_annotations(_annotation_list(out, split))
        except DataFileError:  # no earlier run, or it had no image for this split
            continue
        for name in earlier.keys() - {one.name for one in splits[split]}:
            (out / split / name).unlink(missing_ok=True)


def _write_images(
    out: Path, splits: dict[Split, list[Kept]], size: tuple[int, int], progress: Callable[[int], None]
) -> None:
    """Annotations, images and contact sheet."""
    shown: list[tuple[Split, Path, Keypoints]] = []
    for split in _SPLITS:
        annotations = {one.name: _keypoints(one) for one in splits[split]}
        # an earlier run that was stopped here is to be cleared away after, too
        write_annotations(_annotation_list(out, split), annotations)
        for one in splits[split]:
            path = out / split / one.name
            _cut(one, path)
            shown.append((split, path, annotations[one.name]))
            progress(len(shown))
    write_contact_sheet(out / CONTACT_SHEET, shown)


def _keypoints(one: Kept) -> Keypoints:
    """(18, 3), in the set's image."""
    pose = one.frame.pose_inside(one.pose)
    return np.concatenate([pose.keypoints, pose.present[:, None]], 1).astype(np.float32)


def _cut(one: Kept, path: Path) -> None:
    """Write the person's part of an image at the set's size."""
    try:
        image = read_own(one.image.path)
    except UnfitError as error:
        raise DataFileError(f"{one.image.path} changed during the run: {error}. Run the same command again") from error
    write_image(path, one.frame.cut(image))


def _write_left_out(path: Path, left_out: LeftOut) -> None:
    # names that are no text on this system are written as escapes
    with written_beside(path) as beside, beside.open("w", encoding="utf-8", errors="backslashreplace", newline="") as f:
        writer = csv.writer(f, lineterminator="\n")
        writer.writerow(("picture", "reason"))
        writer.writerows(left_out)


def _too_few(root: Path, fit: list[Kept], left_out: LeftOut, listed: Path) -> str:
    if fit:
        return (
            f"{root}: {len(fit)} of {len(left_out)} images can be used, but no two of them show the same person "
            f"(reasons for the others: {listed}). Put all images of one person into one folder"
        )
    reason, count = Counter(reason for _, reason in left_out).most_common(1)[0]
    return f"{root}: none of its {len(left_out)} images can be used; {count} because {reason} (all reasons: {listed})"
