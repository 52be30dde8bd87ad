"""Errors an artist can act on: they name the node, the input, the value and the way out."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor

from ..dptn_core.system.text import printable


class NodeError(ValueError):
    """An input a node cannot work with; the message names the node, the input, the value and the way out.

    The message is made printable: the host logs it, and a log that cannot hold it would end the host's worker thread.
    """

    def __init__(self, message: str) -> None:
        """Keep `message`, with escapes for what no log can hold."""
        super().__init__(printable(message))


def shown(value: object) -> str:
    """A value for a message: short whatever it is, and never an error of its own."""
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    if isinstance(value, int) and value.bit_length() > 64:  # Python refuses to print integers of thousands of digits
        return f"an integer of {value.bit_length()} bits"
    if value is None or isinstance(value, (int, float, str)):
        text = repr(value)
        return text if len(text) <= 80 else f"{text[:76]}..."
    return type(value).__name__


@contextmanager
def node_error_context(node: str, name: str | None = None) -> Iterator[None]:
    """Say of which node, and of which input, an error of the core is about.

    Only errors about bad input are touched; faults of the program and the host's own exceptions go through as they are.
    """
    try:
        yield
    except NodeError:
        raise
    except (ValueError, IndexError, OSError) as error:
        where = node if name is None else f"{node}, input '{name}'"
        raise NodeError(f"{where}: {error}") from loggable(error)


def loggable(error: Exception) -> Exception | None:
    """`error` as the cause of a NodeError; None where a log could not hold it, as the host logs causes too."""
    told = "".join(traceback.format_exception(error))
    return error if told == printable(told) else None
