"""Files that are files, and files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

_BESIDE = re.compile(r"\.(?P<stem>.*)\.\d+\.part(?P<suffix>\.[^.]*)?", re.DOTALL)


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


def real_path(path: Path) -> Path:
    """Where a path leads, whether or not anything is there; of links that go round in circles, as far as they lead.

    `Path.resolve` raises RuntimeError for such links before Python 3.13.
    """
    return Path(os.path.realpath(path))


@contextmanager
def written_beside(path: Path) -> Iterator[Path]:
    """Yield a path to write to; on success it is renamed to `path`, on failure removed and `path` left as it was.

    The name keeps the suffix, which decides the format for many writers. File and folder are on the disk when this
    returns, and the file may be read by whoever may read any other new one.

    Raises:
        OSError: it cannot be written; what the system says is said of `path`.
    """
    beside = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = _mode_of_new_files(beside)
        try:
            yield beside
            if stat.S_IMODE(beside.stat().st_mode) != mode:  # safetensors lets nobody but the owner read its files
                beside.chmod(mode)
            with beside.open("rb+") as file:
                os.fsync(file.fileno())
            os.replace(beside, path)
            sync_folder(path.parent)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        if error.errno is None or str(error.filename) not in ("None", str(beside)):
            raise
        # a full disk names no file, and nobody has heard of the one beside
        raise OSError(error.errno, error.strerror, str(path)) from error


def _mode_of_new_files(path: Path) -> int:
    """Permissions that the system gives to a file made at `path`, where none is left behind.

    The umask tells the same, but can only be read by setting it, for all threads.
    """
    path.touch()
    try:
        return stat.S_IMODE(path.stat().st_mode)
    finally:
        path.unlink()


def check_writable(path: Path) -> None:
    """Check that a file can be written at `path`, before the work whose result it takes; nothing is made.

    Raises:
        OSError: a folder lies there, or its own folder can neither be written nor made.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "it is a folder", str(path))
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, f"{folder} is not a folder", str(path))
    if not os.access(folder, os.W_OK):
        raise PermissionError(errno.EACCES, f"no permission to write in {folder}", str(path))


def sync_folder(folder: Path) -> None:
    """Have the disk keep the names in a folder, where the system can: Windows and some network drives cannot."""
    with suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def names_a_stream(name: str, system: str = os.name) -> bool:
    """Whether Windows takes a name for a stream hidden in another file, as `x.json:y`; elsewhere colons are letters."""
    return system == "nt" and ":" in os.path.basename(name)


def remove_leftovers(*paths: Path) -> None:
    """Remove what killed processes left beside `paths`; the caller is the only one that writes them."""
    names = defaultdict(set)
    for path in paths:
        names[path.parent].add(path.name)
    for folder, own in names.items():
        for name in os.listdir(folder) if folder.is_dir() else ():
            found = _BESIDE.fullmatch(name)
            if found and found["stem"] + (found["suffix"] or "") in own:
                (folder / name).unlink(missing_ok=True)
