"""The one exception of this package, and how its messages list names."""

from __future__ import annotations

from typing import Final

_MAX_SHOWN: Final = 80  # characters


class CheckpointError(ValueError):
    """A model file that cannot be read or written; the message says which, what was found and the way out."""


def listed(names: list[str], most: int = 4) -> str:
    """The first few names of a list, for a message."""
    return ", ".join(name[:_MAX_SHOWN] for name in names[:most]) + (", ..." if len(names) > most else "")


def shortened(value: object) -> str:
    """A value of a file for a message, whatever its size."""
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "..."
