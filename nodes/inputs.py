"""What comes into a node, checked against the node's own schema before it runs.

The host checks numbers that are typed in, and types of wires that declare one. A wildcard, a link of another pack and
the API may bring anything.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import wraps
from numbers import Real
from typing import Any

from .errors import NodeError, shown
from .host import io
from .images import check_batch, check_mask
from .types import HostedAttention, HostedModel, HostedSource

Limits = Mapping[str, tuple[int, int]]

# by the type that the schema states: Python's type, its name in words, and what to do where something else came
_KINDS: dict[str, tuple[type | tuple[type, ...], str, str]] = {
    "DPTN_MODEL": (HostedModel, "DPTN_MODEL", "connect Load DPTN Model"),
    "DPTN_SOURCE": (HostedSource, "DPTN_SOURCE", "connect Encode Source"),
    "DPTN_ATTENTION": (HostedAttention, "DPTN_ATTENTION", "connect Transfer Pose"),
    "POSE_KEYPOINT": ((list, tuple, dict, str), "pose data", "connect a node with a POSE_KEYPOINT output"),
    "STRING": (str, "text", "type it in, or connect a node that sends text"),
    "COMBO": (str, "text", "choose it in the node"),
    "BOOLEAN": (bool, "true or false", "set it in the node"),
}


def checks_inputs(
    *, files: Collection[str] = (), limits: Limits | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a node's `execute` check all that it is called with by the node's schema.

    Args:
        files: combos whose options are files. They may have come since the schema was made, so only text is asked for.
        limits: least and largest number, for inputs to which a link may bring more than the widget offers.

    Returns:
        A decorator. What it makes of `execute` takes inputs by name, and raises NodeError where one is missing, unknown
        or not as the schema describes it.
    """

    def decorate(execute: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(execute)
        def checked(cls: type[io.ComfyNode], **values: object) -> Any:
            schema = cls.define_schema()
            node = schema.display_name.split(" (")[0].removesuffix(" for ControlNet")  # as the other messages do
            known = {each.id: each for each in schema.inputs}
            _check_names(node, known, values)
            return execute(cls, **{n: _checked(node, known[n], v, files, limits or {}) for n, v in values.items()})

        return checked

    return decorate


def _check_names(node: str, known: Mapping[str, Any], values: Mapping[str, object]) -> None:
    """Every input that the node needs has come, and no other."""
    for name in values:
        if name not in known:
            raise NodeError(
                f"{node}, input {shown(name)}: this version of the node has no such input; remove it from the "
                "prompt, or update DPTN Pose Transfer"
            )
    for name, each in known.items():
        if name not in values and not each.optional:
            raise NodeError(f"{node}, input '{name}': expected a value, got nothing; connect it or set it in the node")


def _checked(node: str, each: Any, value: object, files: Collection[str], limits: Limits) -> object:
    """The value of one input, as its node takes it."""
    name, kind = each.id, each.get_io_type()
    if value is None and each.optional and not hasattr(each, "default"):
        return None  # a socket to which nothing is connected
    if kind == "IMAGE":
        return check_batch(value, node, name)
    if kind == "MASK":
        return check_mask(value, node, name)
    if kind in ("INT", "FLOAT"):
        low, high = limits.get(name, (each.min, each.max))
        return _number(value, low, high, f"{node}, input '{name}'", whole=kind == "INT")
    if kind not in _KINDS:
        return value  # a form of other packs: the node that takes it reads it
    types, words, way_out = _KINDS[kind]
    if not isinstance(value, types):
        raise NodeError(f"{node}, input '{name}': expected {words}, got {shown(value)}; {way_out}")
    if kind == "COMBO" and name not in files and value not in each.options:
        raise NodeError(f"{node}, input '{name}': expected {_either(each.options)}, got {shown(value)}; {way_out}")
    return value


def _number(value: object, low: float, high: float, where: str, *, whole: bool) -> int | float:
    """A number within limits; 512.0 counts as whole, as nodes that calculate send it."""
    real = isinstance(value, Real) and not isinstance(value, bool)
    if not real or not low <= value <= high:  # type: ignore[operator]  # mypy does not know that real numbers compare
        raise NodeError(f"{where}: expected {low:g} to {high:g}, got {shown(value)}; set it in the node")
    if not whole:
        return float(value)  # type: ignore[arg-type]
    if value != int(value):  # type: ignore[call-overload]
        raise NodeError(f"{where}: expected a whole number, got {shown(value)}; set it in the node, or round it")
    return int(value)  # type: ignore[call-overload]


def _either(options: Iterable[str]) -> str:
    *most, last = (f"'{option}'" for option in options)
    return f"{', '.join(most)} or {last}"
