"""Errors an artist can act on: they name the node, the input, the value and the way out."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from ..dptn_core.system.text import printable


class NodeError(ValueError):
    """An input a node cannot work with; the message names the node, the input, the value and the way out.

    The message is made printable: the host logs it, and a log that cannot hold it would end the host's worker thread.
    """

    def __init__(self, message: str) -> None:
        """Keep `message`, with escapes for what no log can hold."""
        super().__init__(printable(message))


_Kind = TypeVar("_Kind")


def expect(value: object, kind: type[_Kind], block: str, name: str, way_out: str) -> _Kind:
    """`value`, if it is what the input wants; wires of any kind, and prompts by API, may bring anything.

    Raises:
        NodeError: it is something else.
    """
    if isinstance(value, kind):
        return value
    raise NodeError(f"{block}, input '{name}': this is {type(value).__name__}, and {way_out}")


@contextmanager
def speaking_for(block: str, name: str | None = None) -> Iterator[None]:
    """Say of which node, and of which input, an error of the core is about.

    Only errors about bad input are touched; faults of the program and the host's own exceptions go through as they are.
    """
    try:
        yield
    except NodeError:
        raise
    except (ValueError, IndexError, OSError) as error:
        where = block if name is None else f"{block}, input '{name}'"
        # the host logs the causes of an error too
        told = "".join(traceback.format_exception(error))
        raise NodeError(f"{where}: {error}") from (error if told == printable(told) else None)
