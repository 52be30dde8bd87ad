"""One process at a time writes to a folder."""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_LOG = logging.getLogger(__name__)
_NAME = ".dptn.lock"
_UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR)


class FolderInUseError(ValueError):
    """Another process is writing to this folder."""


@contextmanager
def alone_in(folder: Path, option: str = "--out") -> Iterator[None]:
    """Keep other processes out of a folder, which is made if need be and taken away again if it stays empty.

    The operating system lets go of the lock when this process ends, however it ends.

    Args:
        folder: that this process writes to.
        option: with which a user names the folder, for the error.

    Raises:
        FolderInUseError: another process has it.
        OSError: it cannot be made or written to.
    """
    from filelock import FileLock, Timeout  # which torch brings along

    made = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / _NAME)
    try:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise FolderInUseError(
                f"another dptn command is at work in {folder}; wait for it, stop it, or choose another folder "
                f"with {option}"
            ) from None
        except (OSError, NotImplementedError) as error:
            if isinstance(error, OSError) and error.errno in _UNWRITABLE:
                raise
            # not every network drive has locks, and a full disk has no room for one
            _LOG.warning("%s cannot be locked (%s): make sure no other dptn command uses it", folder, error)
        try:
            yield
        finally:
            with suppress(OSError):  # Windows removes nothing that is open
                (folder / _NAME).unlink(missing_ok=True)
            lock.release()
    finally:
        if made:
            with suppress(OSError):  # there is something in it
                folder.rmdir()
