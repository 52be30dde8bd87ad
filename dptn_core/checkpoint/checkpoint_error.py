"""The one exception of this package, and how its messages list names."""

from __future__ import annotations


class CheckpointError(ValueError):
    """A model file that cannot be read or written; the message says which, what was found and the way out."""


def listed(names: list[str], most: int = 4) -> str:
    """The first few names of a list, for a message."""
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")
