"""One run a folder at a time."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .config import ConfigError

_LOG = logging.getLogger(__name__)
_NAME = ".training.lock"


class FolderInUseError(ValueError):
    """Another process is training in this folder."""


def check_folder(folder: Path) -> None:
    """See that a run can have this folder.

    Raises:
        ConfigError: it is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file; a run wants a folder for its checkpoints")


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep other runs out of a folder; the operating system lets go of it when this process ends, however it ends.

    Raises:
        FolderInUseError: another run has it.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder / _NAME)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        raise FolderInUseError(
            f"another run is training in {folder}, and would overwrite this one's checkpoints; wait for it, stop it, "
            "or choose another folder with --out"
        ) from None
    except (OSError, NotImplementedError) as error:  # not every network drive has locks
        _LOG.warning("%s cannot be locked (%s): see to it that no other run uses it", folder, error)
    try:
        yield
    finally:
        lock.release()
