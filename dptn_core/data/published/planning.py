"""Find a set's published lists among the downloads, and the images they name."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from ..datasets.annotations import DataFileError, Keypoints, read_annotations, read_names, read_pairs
from ..datasets.prepared import Split, check_annotated
from .originals import Originals

SPLITS: tuple[Split, ...] = get_args(Split)
_MAX_OUTSIDE = 0.05  # of the images may have a keypoint beyond their edge; detectors overshoot now and then
_AUTHORS = (
    "The lists are linked to by their authors' pages: github.com/PangzeCheung/Dual-task-Pose-Transformer-Network (Data "
    "Preperation) has all, github.com/tengteng95/Pose-Transfer and github.com/RenYurui/Global-Flow-Local-Attention "
    "have theirs"
)


@dataclass(frozen=True)
class Lists:
    """The published files of one split: pairs, annotations and, where there is one, the list of its images."""

    pairs: Path
    annotations: Path
    names: Path | None


@dataclass(frozen=True)
class Requirements:
    """What every image and keypoint of a set must be.

    Attributes:
        size: (H, W) of every original.
        annotated: (H, W) of what the keypoints refer to.
        wrong_size: Why another size is refused, and what to do.
        wrong_keypoints: Why keypoints beyond `annotated` are refused, and what to do.
    """

    size: tuple[int, int]
    annotated: tuple[int, int]
    wrong_size: str
    wrong_keypoints: str


@dataclass(frozen=True)
class Part:
    """One split as it is going to be.

    Attributes:
        lists: The published files.
        pairs: Those whose images are there.
        left_out: How many pairs name a missing image.
        images: What is laid out, by name.
        missing: Names in the lists without an image.
    """

    lists: Lists
    pairs: tuple[tuple[str, str], ...]
    left_out: int
    images: Originals
    missing: tuple[str, ...]


def find_file(files: Sequence[Path], names: Sequence[str]) -> Path | None:
    """The file that has one of these names, in whatever case; earlier names go before, then earlier files."""
    by_name: dict[str, Path] = {}
    for path in files:
        by_name.setdefault(path.name.lower(), path)
    return next((by_name[name] for name in names if name in by_name), None)


def find_lists(
    downloads: Path,
    files: Sequence[Path],
    prefixes: Sequence[str],
    lacking: Sequence[str],
    names_wanted: bool,
) -> dict[Split, Lists]:
    """The lists of both splits among these files.

    Args:
        downloads: the folder of all of them, for messages.
        files: where to look, best first.
        prefixes: how their names may begin, best first.
        lacking: what else is known to be missing.
        names_wanted: whether train.lst and test.lst must be there.

    Raises:
        DataFileError: some are missing; the message names every one.
    """
    found: dict[Split, Lists] = {}
    unseen: list[str] = []

    def look(names: list[str], needed: bool = True, beside: Path | None = None) -> Path | None:
        # The same downloads may hold lists of another set, or of another version of this one.
        nearest = sorted(files, key=lambda file: file.parent != beside.parent) if beside else files
        path = find_file(nearest, names)
        if path is None and needed:
            unseen.append(" or ".join(names))
        return path

    first: Path | None = None
    for split in SPLITS:
        pairs = look([f"{prefix}-pairs-{split}.csv" for prefix in prefixes], beside=first)
        annotations = look([f"{prefix}-annotation-{split}.csv" for prefix in prefixes], beside=pairs)
        first = first or pairs
        names = look([f"{split}.lst"], names_wanted, beside=pairs)
        if pairs and annotations:
            found[split] = Lists(pairs, annotations, names)
    if lacking or unseen:
        way_out = f". {_AUTHORS}" if unseen else ""
        raise DataFileError(f"{downloads} lacks {'; '.join([*lacking, *unseen])}{way_out}")
    return found


def plan_part(lists: Lists, originals: Originals, always: Collection[str], must: Requirements) -> Part:
    """Read the lists of a split and find the images they name.

    Args:
        lists: the published files.
        originals: every image of the download that may belong to the split.
        always: names of images to lay out whether or not a list names them.
        must: what keypoints must be.

    Raises:
        DataFileError: a list that cannot be used.
    """
    pairs = read_pairs(lists.pairs)
    annotations = read_annotations(lists.annotations)
    check_annotated(lists.pairs, pairs, annotations)
    _check_keypoints(lists.annotations, annotations, must)
    named = dict.fromkeys(read_names(lists.names) if lists.names else [])
    named |= dict.fromkeys(name for pair in pairs for name in pair)
    missing = tuple(name for name in named if name not in originals)
    images = {name: originals[name] for name in (named | dict.fromkeys(sorted(always))) if name in originals}
    kept = tuple(pair for pair in pairs if pair[0] in originals and pair[1] in originals)
    return Part(lists, kept, len(pairs) - len(kept), images, missing)


def _check_keypoints(path: Path, annotations: Mapping[str, Keypoints], must: Requirements) -> None:
    height, width = must.annotated
    outside = sum(bool(((points[:, 0] >= width) | (points[:, 1] >= height)).any()) for points in annotations.values())
    if outside > _MAX_OUTSIDE * len(annotations):
        raise DataFileError(
            f"{path}: in {outside} of {len(annotations)} images keypoints lie beyond {width}x{height} pixels; "
            f"{must.wrong_keypoints}"
        )
