"""Which images the renderer makes: a set that is kept on disk must not go on with others."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Final

VERSION: Final = 3  # one more whenever the same seed gives another image or other ground truth


def renderer_version() -> str:
    """Version of the images, with that of the package their bodies come from."""
    try:
        return f"{VERSION}, anny {version('anny')}"
    except PackageNotFoundError:
        return f"{VERSION}, anny of an unknown version"
