"""What rendering needs and takes seconds to work out is worked out once and kept in the user's cache folder."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from torch import Tensor

from ....system.files import remove_leftovers, written_beside

_LOG = logging.getLogger(__name__)

Baked = tuple[dict[str, Tensor], dict[str, object]]


def cache_folder() -> Path:
    """`$DPTN_CACHE`, or the place this system has for such files."""
    if named := os.environ.get("DPTN_CACHE"):
        return Path(named)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "dptn" / "cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dptn"


def baked(name: str, version: str, bake: Callable[[], Baked]) -> tuple[Mapping[str, Tensor], dict[str, object]]:
    """Tensors and metadata that `bake` makes, from the cache if they are there.

    Args:
        name: of the file.
        version: of what makes it; another version is another file.
        bake: makes tensors, and metadata that JSON can hold. Processes that ask at once wait for the first.

    Raises:
        OSError: the cache folder cannot be written.
    """
    from filelock import FileLock
    from safetensors import SafetensorError, safe_open
    from safetensors.torch import save_file

    path = cache_folder() / f"{name}-{version}.safetensors"
    if not path.exists():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(path.with_suffix(".lock")):
                if not path.exists():
                    remove_leftovers(path)
                    _LOG.info("computing %s once, into %s", name, path)
                    tensors, described = bake()
                    metadata = {"facts": json.dumps(described)}
                    with written_beside(path) as beside:
                        save_file({key: value.contiguous() for key, value in tensors.items()}, beside, metadata)
        except OSError as error:
            raise OSError(
                f"the cache folder {path.parent} cannot be written to ({error.strerror or error}); "
                "set DPTN_CACHE to another folder"
            ) from error
    try:
        with safe_open(path, "pt") as file:
            return {key: file.get_tensor(key) for key in file.keys()}, json.loads(file.metadata()["facts"])  # noqa: SIM118
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise OSError(f"{path} is damaged ({error}); delete it, and it is made again") from error
