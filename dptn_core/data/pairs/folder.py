"""`dptn prepare folder`: pictures of one's own as a prepared set.

The lists are written last, so that a run that was stopped leaves no set that opens; poses that a detector found are
kept, so that the next run need not look again.
"""

from __future__ import annotations

import csv
import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path

import numpy as np

from ...atomic import written_beside
from ...framing import frame_person
from ...pictures import write_picture
from ...pose import Pose
from .annotations import DataFileError, Keypoints, write_annotations, write_pairs
from .contact_sheet import write_contact_sheet
from .own_pictures import (
    Detect,
    OwnPicture,
    Quality,
    UnfitError,
    file_names,
    find_pictures,
    fit_person,
    people_in,
    read_own,
)
from .prepared import FACTS, FACTS_VERSION, PREFIXES, Split

LEFT_OUT = "left-out.csv"
CONTACT_SHEET = "contact-sheet.jpg"
_POSES = "poses"
_PREFIX = PREFIXES["folder"][0]
_SPLITS: tuple[Split, Split] = ("train", "test")
_PEOPLE_TO_SPLIT = 4  # with fewer people a share of everybody's pictures is held back instead


@dataclass(frozen=True)
class FolderPlan:
    """How a folder of pictures becomes a set."""

    size: tuple[int, int] = (256, 192)  # (H, W) of the set's pictures
    test_share: float = 0.1
    pairs_a_person: int = 2000  # at most, drawn by chance
    seed: int = 0
    quality: Quality = field(default_factory=Quality)


@dataclass(frozen=True)
class Kept:
    """A picture that is learnt from."""

    picture: OwnPicture
    name: str
    pose: Pose


@dataclass(frozen=True)
class FolderSummary:
    """What became of a folder."""

    people: int
    pictures: dict[Split, int]
    pairs: dict[Split, int]
    left_out: tuple[tuple[str, str], ...]  # picture, reason
    by_person: bool  # whether the test split holds people that training never sees


def prepare_folder(
    root: Path,
    out: Path,
    plan: FolderPlan,
    detect: Detect | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> FolderSummary:
    """Make a prepared set of the pictures under `root`.

    Args:
        root: a folder for each person, or one folder for one person; frames of a video are such a folder.
        out: folder for the set.
        plan: sizes, shares and what is fit.
        detect: finds the people of pictures that have no pose file beside them.
        progress: called with the pictures done, of both passes together, and how many that will be.

    Raises:
        DataFileError: no pictures, or too few fit ones to make a pair for training.
        OSError: `out` cannot be written.
    """
    pictures = find_pictures(root)
    pictures = [picture for picture in pictures if not picture.path.resolve().is_relative_to(out.resolve())]
    kept, left_out = _judge(pictures, root, out, plan.quality, detect, progress)
    splits, by_person = split_people(kept, plan.test_share, plan.seed)
    pairs = {split: draw_pairs_of(splits[split], plan.pairs_a_person, plan.seed) for split in _SPLITS}
    _write_left_out(out / LEFT_OUT, left_out)
    if not pairs["train"]:
        raise DataFileError(_too_few(root, kept, left_out, out / LEFT_OUT))
    for split in _SPLITS:  # the lists of an earlier run may name other pictures
        (out / f"{_PREFIX}-pairs-{split}.csv").unlink(missing_ok=True)
    shown: list[tuple[Split, Path, Keypoints]] = []
    for split in _SPLITS:
        annotations: dict[str, Keypoints] = {}
        for one in splits[split]:
            path = out / split / one.name
            annotations[one.name] = _cut(one, path, plan.size)
            shown.append((split, path, annotations[one.name]))
            progress(len(pictures) + len(shown), len(pictures) + len(kept))
        write_annotations(out / f"{_PREFIX}-annotation-{split}.csv", annotations)
    write_contact_sheet(out / CONTACT_SHEET, shown)
    with written_beside(out / FACTS) as beside:
        facts = {"version": FACTS_VERSION, "height": plan.size[0], "width": plan.size[1], "by_person": by_person}
        beside.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    for split in reversed(_SPLITS):
        if pairs[split]:
            write_pairs(out / f"{_PREFIX}-pairs-{split}.csv", pairs[split])
    return FolderSummary(
        people=len({one.picture.person for one in kept}),
        pictures={split: len(splits[split]) for split in _SPLITS},
        pairs={split: len(pairs[split]) for split in _SPLITS},
        left_out=tuple(left_out),
        by_person=by_person,
    )


def _judge(
    pictures: list[OwnPicture],
    root: Path,
    out: Path,
    quality: Quality,
    detect: Detect | None,
    progress: Callable[[int, int], None],
) -> tuple[list[Kept], list[tuple[str, str]]]:
    kept: list[Kept] = []
    left_out: list[tuple[str, str]] = []
    for done, (picture, name) in enumerate(zip(pictures, file_names(pictures, root), strict=True), 1):
        try:
            remembered = (out / _POSES / name).with_suffix(".json")
            people = people_in(picture.path, read_own(picture.path), remembered, detect)
            kept.append(Kept(picture, name, fit_person(people, quality)))
        except UnfitError as reason:
            left_out.append((str(picture.path), str(reason)))
        progress(done, 2 * len(pictures))
    return kept, left_out


def split_people(kept: list[Kept], share: float, seed: int) -> tuple[dict[Split, list[Kept]], bool]:
    """Training and test pictures: by person, or, of few people, by holding back some pictures of each.

    Returns:
        The pictures of each split, and whether it was by person.
    """
    people: dict[str, list[Kept]] = {}
    for one in kept:
        people.setdefault(one.picture.person, []).append(one)
    pairable = [name for name, pictures in people.items() if len(pictures) > 1]
    dice = random.Random(seed)  # noqa: S311  # a split, not a secret
    if len(pairable) >= _PEOPLE_TO_SPLIT and share > 0:
        held = set(dice.sample(pairable, max(1, round(share * len(pairable)))))
        train = [one for one in kept if one.picture.person not in held]
        return {"train": train, "test": [one for one in kept if one.picture.person in held]}, True
    test: list[Kept] = []
    for pictures in people.values():
        # two are left to learn from, and two make a pair to test
        count = min(max(2, round(share * len(pictures))), len(pictures) - 2) if share > 0 else 0
        test += dice.sample(pictures, count) if count >= 2 else []
    names = {one.name for one in test}
    return {"train": [one for one in kept if one.name not in names], "test": test}, False


def draw_pairs_of(pictures: list[Kept], most: int, seed: int) -> list[tuple[str, str]]:
    """Every ordered pair of two pictures of the same person, or `most` of them a person, drawn by chance."""
    people: dict[str, list[str]] = {}
    for one in pictures:
        people.setdefault(one.picture.person, []).append(one.name)
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


def _cut(one: Kept, path: Path, size: tuple[int, int]) -> Keypoints:
    """Write the person's part of a picture at the set's size; returns its keypoints there."""
    frame = frame_person(one.pose, size, "fit")
    pose = frame.pose_inside(one.pose)
    write_picture(path, frame.cut(read_own(one.picture.path)))
    return np.concatenate([pose.keypoints, pose.present[:, None]], 1).astype(np.float32)


def _write_left_out(path: Path, left_out: list[tuple[str, str]]) -> None:
    with written_beside(path) as beside, beside.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("picture", "reason"))
        writer.writerows(left_out)


def _too_few(root: Path, kept: list[Kept], left_out: list[tuple[str, str]], listed: Path) -> str:
    message = f"{root}: {len(kept)} pictures are fit to learn from, and no two of them show the same person"
    if left_out:
        reason, count = Counter(reason for _, reason in left_out).most_common(1)[0]
        message += f"; {len(left_out)} were left out, {count} because {reason} (all reasons: {listed})"
    return message
