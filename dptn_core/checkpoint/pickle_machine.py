"""Pickles of weights, read opcode by opcode: containers, text and numbers come out, nothing is ever imported or called.

`torch.load(weights_only=True)` promises the same, but releases of torch broke that promise (CVE-2025-32434,
CVE-2026-24747), and hosts run whichever torch they have. Here a pickle is data: each name that stands for a class or
function is looked up in a table of the few that files of weights need, and anything else is refused by its name.
Opcodes as in the standard library's `pickletools`.
"""

from __future__ import annotations

import pickletools
from collections import OrderedDict
from collections.abc import Callable, Mapping
from mmap import mmap
from typing import IO, Any, Final, cast

MAX_OPCODES: Final = 5_000_000  # a checkpoint of a thousand tensors has some forty thousand
_MAX_INTEGER_BYTES: Final = 16  # torch's own magic number has ten


class PickleError(ValueError):
    """The pickle is damaged, or holds what no file of weights does."""


class ForbiddenName(PickleError):
    """The pickle names a class or function that is not in the table; nothing of it was imported.

    Attributes:
        name: As the pickle spells it, with its module.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"it names {name}")
        self.name = name


def read_pickle(file: IO[bytes] | mmap, known: Mapping[str, object], persistent: Callable[[Any], object]) -> object:
    """Read one pickle and leave the file behind its end.

    Args:
        file: At the start of the pickle.
        known: What each dotted name stands for that the pickle may use; it may call those that are functions.
        persistent: Called with what stands in the pickle for something outside it.

    Raises:
        ForbiddenName: It names anything else.
        PickleError: It is damaged.
    """
    machine = _Machine(known, persistent)
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(cast(IO[bytes], file))):
            if count >= MAX_OPCODES:
                raise PickleError(f"it has more than {MAX_OPCODES:,} steps")
            if opcode.name == "STOP":
                return machine.pop()
            machine.step(opcode.name, argument)
    except PickleError:
        raise
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, MemoryError) as error:
        raise PickleError(f"{type(error).__name__}: {error}") from error
    raise PickleError("it has no end")


_MARK: Final = object()
_PUSHED: Final = frozenset(
    (
        *("BININT", "BININT1", "BININT2", "INT", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
        *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "STRING", "BINSTRING", "SHORT_BINSTRING"),
        *("BINBYTES", "SHORT_BINBYTES"),
    )
)
_IGNORED: Final = frozenset(("PROTO", "FRAME"))
_CONSTANTS: Final[Mapping[str, object]] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_SHORT_TUPLES: Final = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class _Machine:
    """The stack and the memory of one pickle."""

    def __init__(self, known: Mapping[str, object], persistent: Callable[[Any], object]) -> None:
        self.known = known
        self.calls = {id(value) for value in known.values() if callable(value)}
        self.persistent = persistent
        self.stack: list[Any] = []
        self.memo: dict[int, object] = {}

    def step(self, name: str, argument: Any) -> None:
        if name in _PUSHED:
            self.stack.append(_checked(argument))
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name])
        elif name in _SHORT_TUPLES:
            self.stack.append(tuple(self.last(_SHORT_TUPLES[name])))
        elif name not in _IGNORED:
            try:
                handle = getattr(self, f"on_{name.lower()}")
            except AttributeError:
                raise PickleError(f"it holds {name}, which weights never need") from None
            handle(argument)

    def pop(self) -> Any:
        value = self.stack.pop()
        if value is _MARK:
            raise PickleError("its parts do not fit together")
        return value

    def last(self, count: int) -> list[Any]:
        return [self.pop() for _ in range(count)][::-1]

    def since_mark(self) -> list[Any]:
        found: list[Any] = []
        while (value := self.stack.pop()) is not _MARK:
            found.append(value)
        return found[::-1]

    def top(self, kind: type) -> Any:
        if not isinstance(self.stack[-1], kind):
            raise PickleError("its parts do not fit together")
        return self.stack[-1]

    def on_mark(self, _: object) -> None:
        self.stack.append(_MARK)

    def on_empty_dict(self, _: object) -> None:
        self.stack.append({})

    def on_dict(self, _: object) -> None:
        pairs = self.since_mark()
        self.stack.append({_key(name): value for name, value in zip(pairs[::2], pairs[1::2], strict=True)})

    def on_setitem(self, _: object) -> None:
        key, value = self.last(2)
        self.top(dict)[_key(key)] = value

    def on_setitems(self, _: object) -> None:
        pairs = self.since_mark()
        self.top(dict).update((_key(name), value) for name, value in zip(pairs[::2], pairs[1::2], strict=True))

    def on_empty_list(self, _: object) -> None:
        self.stack.append([])

    def on_list(self, _: object) -> None:
        self.stack.append(self.since_mark())

    def on_append(self, _: object) -> None:
        value = self.pop()
        self.top(list).append(value)

    def on_appends(self, _: object) -> None:
        values = self.since_mark()
        self.top(list).extend(values)

    def on_tuple(self, _: object) -> None:
        self.stack.append(tuple(self.since_mark()))

    def on_pop(self, _: object) -> None:
        self.stack.pop()

    def on_pop_mark(self, _: object) -> None:
        self.since_mark()

    def on_dup(self, _: object) -> None:
        self.stack.append(self.stack[-1])

    def on_put(self, index: int) -> None:
        self.memo[index] = self.stack[-1]

    on_binput = on_long_binput = on_put

    def on_memoize(self, _: object) -> None:
        self.memo[len(self.memo)] = self.stack[-1]

    def on_get(self, index: int) -> None:
        self.stack.append(self.memo[index])

    on_binget = on_long_binget = on_get

    def on_global(self, spelled: str) -> None:
        self.stack.append(self.named(spelled.replace(" ", ".", 1)))

    def on_stack_global(self, _: object) -> None:
        module, name = self.last(2)
        self.stack.append(self.named(f"{module}.{name}"))

    def named(self, name: str) -> object:
        if name not in self.known:
            raise ForbiddenName(name)
        return self.known[name]

    def on_reduce(self, _: object) -> None:
        function, arguments = self.last(2)
        if id(function) not in self.calls or not isinstance(arguments, tuple):
            raise PickleError("its parts do not fit together")
        self.stack.append(function(*arguments))

    def on_build(self, _: object) -> None:
        """Drop an object's attributes: a state dict's are of no use to us."""
        self.pop()
        self.top(dict)

    def on_persid(self, argument: str) -> None:
        self.stack.append(self.persistent(argument))

    def on_binpersid(self, _: object) -> None:
        self.stack.append(self.persistent(self.pop()))


def ordered_dict(pairs: object = ()) -> OrderedDict[object, object]:
    """What pickles of all ages mean by `collections.OrderedDict`, empty or with a list of pairs."""
    if not isinstance(pairs, list | tuple) or not all(
        isinstance(pair, list | tuple) and len(pair) == 2 for pair in pairs
    ):
        raise PickleError("its parts do not fit together")
    return OrderedDict((_key(name), value) for name, value in pairs)


def _key(name: object) -> object:
    """What a dictionary may name an entry by. Deeply nested tuples end the process when Python hashes them."""
    if name is not None and not isinstance(name, str | int | float):
        raise PickleError("it names an entry neither by text nor by a number")
    return name


def _checked(argument: Any) -> object:
    if isinstance(argument, int) and argument.bit_length() > 8 * _MAX_INTEGER_BYTES:
        raise PickleError("it holds a number of more than a hundred bits")
    return argument
