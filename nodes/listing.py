"""Files below a folder, each folder read anew only when its time says that it has changed.

The host asks for a node's options several times a prompt, and people keep tens of thousands of images in `input`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

_SETTLED = 2 * 10**9  # nanoseconds: some file systems count in steps of this, within which a change leaves no trace
_MAX_FOLDERS = 4096  # that are remembered


def files_below(folder: Path, *suffixes: str) -> Iterator[str]:
    """Files of a folder and the folders in it that end with a suffix in any case, relative to it, with slashes.

    Links to folders are not followed; folders that cannot be read count as empty.
    """
    waiting = [""]
    while waiting:
        inside = waiting.pop()
        files, folders = _content(os.path.join(folder, inside), suffixes)
        yield from (inside + name for name in files)
        waiting += [f"{inside}{name}/" for name in folders]


def _content(folder: str, suffixes: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of files with one of the suffixes, and of folders, in one folder."""
    try:
        changed = os.stat(folder).st_mtime_ns
        settled = time.time_ns() - changed > _SETTLED
        return _remembered(folder, suffixes, changed) if settled else _read(folder, suffixes)
    except OSError:
        return (), ()


@lru_cache(_MAX_FOLDERS)
def _remembered(folder: str, suffixes: tuple[str, ...], changed: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What `_read` finds in a folder that was changed at this time."""
    return _read(folder, suffixes)


def _read(folder: str, suffixes: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    files, folders = [], []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.name)
            elif os.path.splitext(entry.name)[1].lower() in suffixes and _is_file(entry):
                files.append(entry.name)
    return tuple(files), tuple(folders)


def _is_file(entry: os.DirEntry[str]) -> bool:
    """Whether an entry leads to a file; links that go round in circles lead to none."""
    try:
        return entry.is_file()
    except OSError:
        return False
