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


def expect(value: object, kind: type[_Kind], node: str, name: str, expected: str, way_out: str = "") -> _Kind:
    """`value`, if it has the type that the input takes; prompts by API may send anything.

    Args:
        value: what came.
        kind: its Python type.
        node: the node's name.
        name: of the input.
        expected: the type in the user's words.
        way_out: what to do; empty where the type says it.

    Raises:
        NodeError: it is something else.
    """
    if isinstance(value, kind):
        return value
    message = f"{node}, input '{name}': expected {expected}, got {type(value).__name__}"
    raise NodeError(f"{message}; {way_out}" if way_out else message)


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
        # the host logs the causes of an error too
        told = "".join(traceback.format_exception(error))
        raise NodeError(f"{where}: {error}") from (error if told == printable(told) else None)
