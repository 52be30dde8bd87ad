"""The one exception of this package, and how it quotes another library's."""

from __future__ import annotations


class ExtractionError(ValueError):
    """A pose cannot be extracted; the message names the file or package, what was found and the way out."""


def first_line(error: BaseException) -> str:
    """What `error` says, short enough for a message of ours."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__
