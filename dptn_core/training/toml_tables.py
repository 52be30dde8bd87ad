"""Typed values of TOML tables, and the TOML files that ship."""

from __future__ import annotations

import dataclasses
import math
import sys
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_Config = TypeVar("_Config")
PRESETS = Path(__file__).parent / "presets"


class ConfigError(ValueError):
    """A training config that cannot be used; the message names the file, the key, the value and what is allowed."""


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a file.

    Raises:
        ConfigError: the file is missing, no TOML, or empty.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        names = ", ".join(sorted(file.stem for file in PRESETS.glob("*.toml")))
        raise ConfigError(f"{path}: no such file; configs that ship: {names}") from None
    except RecursionError:
        raise ConfigError(f"{path}: cannot be read as TOML: nested too deeply") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as TOML: {error}") from error
    if not tables:  # an editor or a full disk that saved nothing; the default run takes weeks
        raise ConfigError(f"{path}: expected at least one key, got an empty config; begin with one of {PRESETS}")
    return tables


def load_table(cls: type[_Config], path: Path) -> _Config:
    """A dataclass of a file's tables.

    Raises:
        ConfigError: the file is missing, not TOML, or holds a key or value that is not allowed; the message names it.
    """
    try:
        return build(cls, read_toml(path), str(path))
    except ConfigError as error:
        raise error if str(path) in str(error) else ConfigError(f"{path}: {error}") from error


def find_config(named: Path) -> Path:
    """The file that is meant: of that path, or one that ships, by its name with or without `.toml`."""
    ships = PRESETS / f"{named.name.removesuffix('.toml')}.toml"
    return ships if not named.is_file() and len(named.parts) == 1 and ships.is_file() else named


def build(cls: type[_Config], values: object, where: str) -> _Config:
    """A dataclass of a table, and of the tables in it.

    Raises:
        ConfigError: an unknown key, a value of another type, or one the dataclass refuses.
    """
    if not isinstance(values, Mapping):
        raise ConfigError(f"{where} is {values!r}; expected a table")
    hints = typing.get_type_hints(cls)
    unknown = sorted(str(key) for key in values if key not in hints)
    if unknown:
        raise ConfigError(f"{where} has unknown keys {', '.join(unknown)}; allowed: {', '.join(hints)}")
    try:
        return cls(**{key: _convert(hints[key], value, f"{where}.{key}") for key, value in values.items()})
    except TypeError as error:
        raise ConfigError(f"{where}: {error}") from error
    except ValueError as error:
        raise error if isinstance(error, ConfigError) else ConfigError(f"{where}: {error}") from error


def _convert(hint: Any, value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(hint):
        return build(typing.cast("type[Any]", hint), value, where)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise ConfigError(f"{where} is {value!r}; expected a list")
        return tuple(_convert(arguments[0], item, f"{where}[{index}]") for index, item in enumerate(value))
    if origin is Literal:
        if value not in arguments:
            raise ConfigError(f"{where} is {value!r}; allowed: {', '.join(map(str, arguments))}")
        return value
    if origin in (types.UnionType, typing.Union):
        return None if value is None else _convert(arguments[0], value, where)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        try:
            value = float(value)
        except OverflowError:
            raise ConfigError(f"{where} is too large a number") from None
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise ConfigError(f"{where} is {value!r}; expected type {hint.__name__}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"{where} is {value}; expected a finite number")
    return value
