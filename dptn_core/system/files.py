"""Files that are files, and files that appear whole or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


class NoFileError(OSError):
    """A folder, a device or a pipe where a file was asked for; `strerror` says so."""


@contextmanager
def opened_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file opened for reading; a pipe would have us wait for somebody to write into it, a device may never end.

    Raises:
        NoFileError: something that is no file lies there.
        OSError: it cannot be opened.
        ValueError: the path has a null byte.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise NoFileError(0, "it is a folder" if stat.S_ISDIR(mode) else "it is a device or a pipe", str(path))
    except OSError:
        os.close(descriptor)
        raise
    with os.fdopen(descriptor, "rb") as file:
        yield file


@contextmanager
def written_beside(path: Path) -> Iterator[Path]:
    """Yield a path to write to; on success it is renamed to `path`, on failure removed and `path` left as it was.

    The name keeps the suffix, which decides the format for many writers.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        yield beside
        with beside.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def remove_leftovers(path: Path) -> None:
    """Remove what killed processes left beside `path`; the caller is the only one that writes it."""
    for leftover in path.parent.glob(f".{path.stem}.*.part{path.suffix}"):
        leftover.unlink(missing_ok=True)
