"""Lay out a published set: pictures byte for byte, then its lists; what is missing is named, a second run goes on.

The lists are written last, so a folder opens as a prepared set only when every picture is in it.
"""

from __future__ import annotations

import os
import shutil
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import get_args

from ...atomic import remove_leftovers, written_beside
from .annotations import DataFileError, Keypoints, read_annotations, read_names, read_pairs, write_pairs
from .originals import Original, Originals, read_checked
from .prepared import PREFIXES, SetKind, Split, check_annotated

SPLITS: tuple[Split, ...] = get_args(Split)
_NAMED = 10  # of the missing pictures
_BLOCK = 4096  # bytes a small file takes up at least, on most disks
_MOST_OUTSIDE = 0.05  # of the pictures may have a keypoint beyond their edge; detectors overshoot now and then
_AUTHORS = (
    "The lists are linked to by their authors' pages: github.com/PangzeCheung/Dual-task-Pose-Transformer-Network (Data "
    "Preperation) has all, github.com/tengteng95/Pose-Transfer and github.com/RenYurui/Global-Flow-Local-Attention "
    "have the same ones"
)

Progress = Callable[[int, int], None]  # pictures done, and of how many


@dataclass(frozen=True)
class Lists:
    """The published files of one split: pairs, annotations and, where there is one, the list of its pictures."""

    pairs: Path
    annotations: Path
    names: Path | None


@dataclass(frozen=True)
class Published:
    """How many pictures and pairs of one split published results stand on; None where nobody says."""

    pictures: int | None
    pairs: int


@dataclass(frozen=True)
class Originality:
    """What every picture and keypoint of a set must be.

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
        pairs: Those whose pictures are there.
        left_out: How many pairs name a missing picture.
        pictures: What is laid out, by name.
        missing: Names in the lists without a picture.
    """

    lists: Lists
    pairs: tuple[tuple[str, str], ...]
    left_out: int
    pictures: Originals
    missing: tuple[str, ...]


@dataclass(frozen=True)
class SplitCounts:
    """What one split holds after building: pictures, pairs, and how many of the pictures were there before."""

    pictures: int
    pairs: int
    kept: int


@dataclass(frozen=True)
class Summary:
    """What `build` has done; every warning is a sentence."""

    splits: dict[Split, SplitCounts]
    warnings: tuple[str, ...]


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
    lacking = list(lacking)

    def look(names: list[str], needed: bool = True, beside: Path | None = None) -> Path | None:
        # Another set in the same downloads may have a train.lst too.
        nearest = sorted(files, key=lambda file: file.parent != beside.parent) if beside else files
        path = find_file(nearest, names)
        if path is None and needed:
            lacking.append(" or ".join(names))
        return path

    for split in SPLITS:
        pairs = look([f"{prefix}-pairs-{split}.csv" for prefix in prefixes])
        annotations = look([f"{prefix}-annotation-{split}.csv" for prefix in prefixes])
        names = look([f"{split}.lst"], names_wanted, beside=pairs)
        if pairs and annotations:
            found[split] = Lists(pairs, annotations, names)
    if lacking:
        raise DataFileError(f"{downloads} lacks {'; '.join(lacking)}. {_AUTHORS}")
    return found


def plan_part(lists: Lists, originals: Originals, always: Collection[str], must: Originality) -> Part:
    """Read the lists of a split and find the pictures they name.

    Args:
        lists: the published files.
        originals: every picture of the download that may belong to the split.
        always: names of pictures to lay out whether or not a list names them.
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
    pictures = {name: originals[name] for name in (named | dict.fromkeys(sorted(always))) if name in originals}
    kept = tuple(pair for pair in pairs if pair[0] in originals and pair[1] in originals)
    return Part(lists, kept, len(pairs) - len(kept), pictures, missing)


def build(
    kind: SetKind,
    out: Path,
    parts: Mapping[Split, Part],
    must: Originality,
    published: Mapping[Split, Published],
    allow_missing: bool = False,
    progress: Progress = lambda done, total: None,
) -> Summary:
    """Lay out a set in `out`. What an earlier, even a killed, run has done is kept.

    Args:
        kind: which set.
        out: folder for `train/`, `test/` and the lists.
        parts: what goes into it.
        must: what pictures must be.
        published: the counts to compare with.
        allow_missing: leave out pairs whose pictures are missing, instead of stopping.
        progress: is told after every picture.

    Raises:
        DataFileError: missing pictures, no room, or a file that cannot be read or written.
        PictureError: a picture that is damaged or of another size.
    """
    for part in parts.values():  # the wrong pictures altogether are worse news than a few missing ones
        for original in islice(part.pictures.values(), 1):
            read_checked(original, must.size, must.wrong_size)
    warnings = _about_missing(parts, allow_missing)
    _check_other_sets(kind, out)
    _check_room(out, parts)
    kept = _copy_pictures(out, parts, must, progress)
    _write_lists(kind, out, parts)
    splits = {split: SplitCounts(len(part.pictures), len(part.pairs), kept[split]) for split, part in parts.items()}
    return Summary(splits, (*warnings, *_compare(splits, published)))


def _check_keypoints(path: Path, annotations: Mapping[str, Keypoints], must: Originality) -> None:
    height, width = must.annotated
    outside = sum(bool(((points[:, 0] >= width) | (points[:, 1] >= height)).any()) for points in annotations.values())
    if outside > _MOST_OUTSIDE * len(annotations):
        raise DataFileError(
            f"{path}: in {outside} of {len(annotations)} pictures keypoints lie beyond {width}x{height} pixels; "
            f"{must.wrong_keypoints}"
        )


def _about_missing(parts: Mapping[Split, Part], allowed: bool) -> list[str]:
    """Warnings about missing pictures, which are errors unless allowed."""
    said = []
    for split, part in parts.items():
        if part.missing:
            first = ", ".join(part.missing[:_NAMED])
            said.append(
                f"{len(part.missing)} {split} pictures that the lists name are missing, {first}"
                f"{', ...' if len(part.missing) > _NAMED else ''} ({part.left_out} pairs name one of them)"
            )
    if said and not allowed:
        raise DataFileError(
            f"{'; '.join(said)}. Download or extract the pictures again, or leave those pairs out with --allow-missing"
        )
    for part in parts.values():
        if not part.pairs:
            raise DataFileError(
                f"{part.lists.pairs} has no pair whose pictures are both there, so nothing would be left"
            )
    return [f"{sentence}; those pairs are left out" for sentence in said]


def _check_other_sets(kind: SetKind, out: Path) -> None:
    for other, prefixes in PREFIXES.items():
        for path in (out / f"{prefix}-pairs-{split}.csv" for prefix in prefixes for split in SPLITS):
            if other != kind and path.exists():
                raise DataFileError(f"{out} holds another set already ({path.name}); choose another --out")


def _check_room(out: Path, parts: Mapping[Split, Part]) -> None:
    needed = sum(
        -(-original.size // _BLOCK) * _BLOCK
        for split, part in parts.items()
        for name, original in part.pictures.items()
        if _size_of(out / split / name) != original.size
    )
    existing = next(folder for folder in (out.absolute(), *out.absolute().parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    if needed > free:
        raise DataFileError(
            f"{out} needs {needed / 2**20:.1f} MiB, and {free / 2**20:.1f} MiB are free there; make room or choose "
            "another --out"
        )


def _copy_pictures(out: Path, parts: Mapping[Split, Part], must: Originality, progress: Progress) -> dict[Split, int]:
    """Lay out every picture that is not there whole; returns how many were."""
    total = sum(len(part.pictures) for part in parts.values())
    kept: dict[Split, int] = dict.fromkeys(parts, 0)
    done = 0
    for split, part in parts.items():
        folder = out / split
        with _writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            for leftover in folder.glob(".*.part"):
                leftover.unlink(missing_ok=True)
        for name, original in part.pictures.items():
            if _is_whole(folder / name, original):
                kept[split] += 1
            else:
                _place(folder / name, read_checked(original, must.size, must.wrong_size))
            done += 1
            progress(done, total)
    return kept


def _size_of(path: Path) -> int:
    """Bytes of a file, or -1 where there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _is_whole(path: Path, original: Original) -> bool:
    """Whether this picture has been laid out before: of the same size and, where the archive states it, CRC."""
    if _size_of(path) != original.size:
        return False
    return original.checksum is None or zlib.crc32(path.read_bytes()) == original.checksum


def _place(path: Path, data: bytes) -> None:
    """Write a picture beside and rename it. Waiting for the disk is left to one `os.sync` for all of them."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    with _writing(path):
        try:
            beside.write_bytes(data)
            os.replace(beside, path)
        finally:
            beside.unlink(missing_ok=True)


def _write_lists(kind: SetKind, out: Path, parts: Mapping[Split, Part]) -> None:
    """Write the lists under the name readers look for first, byte for byte where no pair is left out."""
    if hasattr(os, "sync"):  # not on Windows
        os.sync()  # no list may outlive a power cut that its pictures do not
    prefix = PREFIXES[kind][0]
    for split, part in parts.items():
        _copy_file(part.lists.annotations, out / f"{prefix}-annotation-{split}.csv")
        if part.lists.names:
            _copy_file(part.lists.names, out / f"{split}.lst")
    for split, part in parts.items():
        pairs = out / f"{prefix}-pairs-{split}.csv"
        if part.left_out:
            with _writing(pairs):
                write_pairs(pairs, part.pairs)
        else:
            _copy_file(part.lists.pairs, pairs)


def _copy_file(source: Path, target: Path) -> None:
    try:
        data = source.read_bytes()
    except OSError as error:
        raise DataFileError(f"{source} cannot be read: {error.strerror or error}") from error
    with _writing(target):
        remove_leftovers(target)
        with written_beside(target) as beside:
            beside.write_bytes(data)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Say which file could not be written; a full disk does not."""
    try:
        yield
    except OSError as error:
        raise DataFileError(
            f"{path} cannot be written: {error.strerror or error}; when that is mended, the same command goes on"
        ) from error


def _compare(splits: Mapping[Split, SplitCounts], published: Mapping[Split, Published]) -> list[str]:
    """A sentence for every count that is not the published one."""
    said = []
    for split, counts in splits.items():
        for what, found, wanted in (
            ("pictures", counts.pictures, published[split].pictures),
            ("pairs", counts.pairs, published[split].pairs),
        ):
            if wanted is not None and found != wanted:
                said.append(f"{split} has {found} {what}, the published set {wanted}: results will not compare")
    return said
