"""Examples on disk: files of equally many, made one after the other, read example by example."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ...system.files import written_beside
from .examples import Examples

FILE: Final = "examples.json"
SHARD: Final = 32  # examples a file: 33 MB at 192 x 256, and what is lost at most when a run is stopped
SHOWN: Final = "shown.safetensors"  # those of the sample grids, which training does not see
_FORMAT: Final = 2  # 1 had no `behind`


class ExamplesError(ValueError):
    """Examples on disk cannot be used; the message names the file, what is wrong and the way out."""


@dataclass(frozen=True)
class StoreMetadata:
    """What decides the examples; two runs with the same metadata make the same ones."""

    size: tuple[int, int]  # (H, W)
    made_of: Mapping[str, str]  # data, seed, generators and so on
    shard: int = SHARD
    format: int = _FORMAT


class ExampleStore:
    """The examples in a folder; only the process that makes them may call `add`."""

    def __init__(self, folder: Path, metadata: StoreMetadata) -> None:
        """Use a folder whose metadata is known; `open_store` reads it, `make_store` writes it."""
        self.folder, self.metadata = folder, metadata
        self._shards = 0

    def path(self, shard: int) -> Path:
        """Of a file."""
        return self.folder / f"{shard:05d}.safetensors"

    @property
    def shards(self) -> int:
        """How many files there are by now, from the first without a gap."""
        while self.path(self._shards).is_file():
            self._shards += 1
        return self._shards

    def __len__(self) -> int:
        return self.shards * self.metadata.shard

    def add(self, examples: Examples) -> None:
        """Write the next file.

        Raises:
            OSError: it cannot be written.
        """
        _save(self.path(self.shards), examples)

    def read(self, numbers: Sequence[int]) -> Examples:
        """Examples by number, each below `len(self)`.

        Raises:
            ExamplesError: a file is missing or damaged.
        """
        return _stacked([self._one(self.path(number // self.metadata.shard), number) for number in numbers])

    @property
    def has_shown(self) -> bool:
        """Whether those of the sample grids are made."""
        return (self.folder / SHOWN).is_file()

    def keep_shown(self, examples: Examples) -> None:
        """Write those of the sample grids."""
        _save(self.folder / SHOWN, examples)

    def shown(self) -> Examples:
        """Those of the sample grids; where none were kept, the first ones.

        Raises:
            ExamplesError: the file is damaged.
        """
        path = self.folder / SHOWN if self.has_shown else self.path(0)
        try:
            with safe_open(path, "pt") as file:
                return Examples.of({name: file.get_tensor(name)[:_MAX_SHOWN] for name in _NAMES})
        except (OSError, SafetensorError) as error:
            raise ExamplesError(f"{path} cannot be read ({error}); remove it, and the run makes it again") from error

    def _one(self, path: Path, number: int) -> dict[str, Tensor]:
        try:
            with safe_open(path, "pt") as file:
                return {name: file.get_slice(name)[number % self.metadata.shard] for name in _NAMES}
        except (OSError, SafetensorError, IndexError) as error:
            raise ExamplesError(
                f"{path} cannot be read ({error}); remove it and all files after it, and the run makes them again"
            ) from error


_NAMES: Final = tuple(field.name for field in fields(Examples))
_MAX_SHOWN: Final = 12


def make_store(folder: Path, metadata: StoreMetadata) -> ExampleStore:
    """The examples of a folder, none at first.

    Raises:
        ExamplesError: the folder holds other ones.
        OSError: it cannot be written.
    """
    if (folder / FILE).exists():
        found = open_store(folder)
        if found.metadata != metadata:
            names = sorted(
                name
                for name in {*metadata.made_of, *found.metadata.made_of}
                if metadata.made_of.get(name) != found.metadata.made_of.get(name)
            )
            differing = ", ".join(
                f"{name} is {found.metadata.made_of.get(name)} there, expected {metadata.made_of.get(name)}"
                for name in names
            )
            raise ExamplesError(
                f"{folder} holds other examples: {differing or 'their size or format differs'}; remove the folder "
                "or choose another --out"
            )
        return found
    with written_beside(folder / FILE) as beside:
        beside.write_text(json.dumps(dataclasses.asdict(metadata), indent=2) + "\n", encoding="utf-8")
    return ExampleStore(folder, metadata)


def is_store(named: str) -> bool:
    """Whether a config's `data.root` names examples that are made already."""
    return bool(named) and (Path(named) / FILE).is_file()


def open_store(folder: Path) -> ExampleStore:
    """The examples that a run has made.

    Raises:
        ExamplesError: the folder holds none that can be read.
    """
    path = folder / FILE
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        height, width = values["size"]
        metadata = StoreMetadata(
            (int(height), int(width)), dict(values["made_of"]), int(values["shard"]), values["format"]
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ExamplesError(
            f"{path} does not describe a carrier's examples ({error}); remove the folder, and the run makes them again"
        ) from error
    if metadata.format != _FORMAT or metadata.shard < 1:
        raise ExamplesError(f"{path} has format {metadata.format!r}, expected {_FORMAT}; make the examples again")
    return ExampleStore(folder, metadata)


def _stacked(rows: Sequence[Mapping[str, Tensor]]) -> Examples:
    return Examples.of({name: torch.stack([row[name] for row in rows]) for name in _NAMES})


def _save(path: Path, examples: Examples) -> None:
    with written_beside(path) as beside:
        save_file(examples.tensors(), beside)
