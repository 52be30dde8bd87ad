"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
