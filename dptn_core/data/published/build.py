"""Lay out a published set: images byte for byte, then its lists; what is missing is named, a second run goes on.

The lists are written last, so a folder opens as a prepared set only when every image is in it.
"""

from __future__ import annotations

import os
import shutil
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ...system.files import remove_leftovers, written_beside
from ...system.folder_lock import alone_in
from ..datasets.annotations import DataFileError, read_names, write_pairs
from ..datasets.prepared import PREFIXES, SetKind, Split, check_other_sets
from .originals import Original, read_checked
from .planning import SPLITS, Part, Requirements

_NAMED = 10  # of the missing images
_BLOCK = 4096  # bytes a small file takes up at least, on most disks

Progress = Callable[[int, int], None]  # images done, and of how many


@dataclass(frozen=True)
class Published:
    """How many images and pairs of one split the published results use; None where it is not stated."""

    images: int | None
    pairs: int


@dataclass(frozen=True)
class SplitCounts:
    """What one split holds after building: images, pairs, and how many of the images were there before."""

    images: int
    pairs: int
    kept: int


@dataclass(frozen=True)
class Summary:
    """What `build` has done; every warning is a sentence."""

    splits: dict[Split, SplitCounts]
    warnings: tuple[str, ...]


def build(
    kind: SetKind,
    out: Path,
    parts: Mapping[Split, Part],
    must: Requirements,
    published: Mapping[Split, Published],
    allow_missing: bool = False,
    progress: Progress = lambda done, total: None,
) -> Summary:
    """Lay out a set in `out`. What an earlier, even a killed, run has done is kept.

    Args:
        kind: which set.
        out: folder for `train/`, `test/` and the lists.
        parts: what goes into it.
        must: what images must be.
        published: the counts to compare with.
        allow_missing: leave out pairs whose images are missing, instead of stopping.
        progress: called after every image.

    Raises:
        DataFileError: missing images, no room, or a file that cannot be read or written.
        ImageError: an image that is damaged or of another size.
    """
    for part in parts.values():  # the wrong images altogether are worse news than a few missing ones
        for original in islice(part.images.values(), 1):
            read_checked(original, must.size, must.wrong_size)
    warnings = _about_missing(parts, allow_missing)
    check_other_sets(out, kind)
    to_copy = _room_needed(out, parts)
    with _alone_in(out):
        if to_copy:
            _retract(kind, out)
        kept = _copy_images(out, parts, must, progress)
        _write_lists(kind, out, parts)
    splits = {split: SplitCounts(len(part.images), len(part.pairs), kept[split]) for split, part in parts.items()}
    return Summary(splits, (*warnings, *_compare(splits, published)))


def _about_missing(parts: Mapping[Split, Part], allowed: bool) -> list[str]:
    """Warnings about missing images, which are errors unless allowed."""
    said = []
    for split, part in parts.items():
        if part.missing:
            first = ", ".join(part.missing[:_NAMED])
            said.append(
                f"{len(part.missing)} {split} images of the lists are missing, {first}"
                f"{', ...' if len(part.missing) > _NAMED else ''} ({part.left_out} pairs use them)"
            )
    if said and not allowed:
        raise DataFileError(
            f"{'; '.join(said)}. Download or extract them again, or leave out their pairs with --allow-missing"
        )
    for part in parts.values():
        if not part.pairs:
            raise DataFileError(f"{part.lists.pairs} has no pair with both images")
    return [f"{sentence}; those pairs are left out" for sentence in said]


def _room_needed(out: Path, parts: Mapping[Split, Part]) -> int:
    """Bytes on disk for the images that are not there yet; an error where they are more than there is room for."""
    needed = sum(
        -(-original.size // _BLOCK) * _BLOCK
        for split, part in parts.items()
        for name, original in part.images.items()
        if _size_of(out / split / name) != original.size
    )
    places = (out.absolute(), *out.absolute().parents)
    with _writing(out):
        free = shutil.disk_usage(next((place for place in places if place.exists()), out)).free
    if needed > free:
        raise DataFileError(
            f"{out} needs {needed / 2**20:.1f} MiB, but {free / 2**20:.1f} MiB are free; free disk space or choose "
            "another --out"
        )
    return needed


def _retract(kind: SetKind, out: Path) -> None:
    """Take back the pair lists of an earlier run, so that the folder is no prepared set while images lack."""
    for path in (out / f"{PREFIXES[kind][0]}-pairs-{split}.csv" for split in SPLITS):
        if path.exists():
            with _writing(path):
                path.unlink()


def _copy_images(out: Path, parts: Mapping[Split, Part], must: Requirements, progress: Progress) -> dict[Split, int]:
    """Lay out every image that is not there whole; returns how many were."""
    total = sum(len(part.images) for part in parts.values())
    kept: dict[Split, int] = dict.fromkeys(parts, 0)
    done = 0
    for split, part in parts.items():
        folder = out / split
        with _writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            for leftover in folder.glob(".*.part"):
                leftover.unlink(missing_ok=True)
        for name, original in part.images.items():
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
    """Whether this image has been laid out before: of the CRC that the archive states, or of the same bytes."""
    if _size_of(path) != original.size:
        return False
    if original.checksum is None:
        return path.read_bytes() == original.read()
    return zlib.crc32(path.read_bytes()) == original.checksum


def _place(path: Path, data: bytes) -> None:
    """Write an image beside and rename it. Waiting for the disk is left to one `os.sync` for all of them."""
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
        os.sync()  # no list may outlive a power cut that its images do not
    prefix = PREFIXES[kind][0]
    for split, part in parts.items():
        _copy_file(part.lists.annotations, out / f"{prefix}-annotation-{split}.csv")
        if part.lists.names:
            _write_names(part.lists.names, out / f"{split}.lst", frozenset(part.missing))
    for split, part in parts.items():
        pairs = out / f"{prefix}-pairs-{split}.csv"
        if part.left_out:
            with _writing(pairs):
                write_pairs(pairs, part.pairs)
        else:
            _copy_file(part.lists.pairs, pairs)


def _write_names(source: Path, target: Path, missing: frozenset[str]) -> None:
    """The list of a split's images, without those that are missing."""
    if not missing:
        _copy_file(source, target)
        return
    names = [name for name in read_names(source) if name not in missing]
    with _writing(target), written_beside(target) as beside:
        beside.write_text("".join(f"{name}\n" for name in names), encoding="utf-8")


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
def _alone_in(out: Path) -> Iterator[None]:
    with ExitStack() as stack:
        with _writing(out):
            stack.enter_context(alone_in(out))
        yield


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Say which file could not be written; a full disk does not."""
    try:
        yield
    except OSError as error:
        raise DataFileError(
            f"{path} cannot be written: {error.strerror or error}; once that is fixed, run the same command to resume"
        ) from error


def _compare(splits: Mapping[Split, SplitCounts], published: Mapping[Split, Published]) -> list[str]:
    """A sentence for every count that is not the published one."""
    said = []
    for split, counts in splits.items():
        for what, found, wanted in (
            ("images", counts.images, published[split].images),
            ("pairs", counts.pairs, published[split].pairs),
        ):
            if wanted is not None and found != wanted:
                said.append(
                    f"{split} has {found} {what}, but the published set has {wanted}: results are not comparable"
                )
    return said
