"""The metadata of a kept set: a small JSON file in its folder, written first and read by a run that resumes."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ....system.files import written_beside

FILE: Final = "set.json"
FORMAT: Final = 1  # of the shards
MAX_COUNT: Final = 10_000_000


class KeptSetError(ValueError):
    """A folder is no kept set, another one, or damaged; the message names folder or file and the way out."""


@dataclass(frozen=True)
class Manifest:
    """A set's metadata; two runs with the same metadata make the same files.

    Attributes:
        kind: Of people, such as "people".
        renderer: Version of what made the images; another one makes other images of the same seed.
        seed: Number of the endless set, see `pair_seeds`.
        height, width: Of the images, pixels.
        pairs: How many; pair n is the endless set's number n.
        shard_pairs: Pairs a file.
        quality: Of WebP, 0 to 100, for source and target.
        format: Of the files.
    """

    kind: str
    renderer: str
    seed: int
    height: int
    width: int
    pairs: int
    shard_pairs: int = 250
    quality: int = 90
    format: int = FORMAT

    def __post_init__(self) -> None:
        """Refuse what cannot be made.

        Raises:
            KeptSetError: a number is out of its range.
        """
        for name, low, high in (
            *(("height", 16, 16_383), ("width", 16, 16_383), ("quality", 0, 100)),  # WebP has no larger sides
            *(("pairs", 1, MAX_COUNT), ("shard_pairs", 1, 10_000), ("seed", 0, 2**31 - 1)),
        ):
            if not low <= getattr(self, name) <= high:
                raise KeptSetError(f"{name} is {getattr(self, name)}; allowed: {low} to {high}")

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) in pixels."""
        return self.height, self.width

    @property
    def shards(self) -> int:
        """How many files."""
        return -(-self.pairs // self.shard_pairs)

    def pairs_of(self, shard: int) -> range:
        """Numbers of the pairs in a shard; the last one may hold fewer."""
        first = shard * self.shard_pairs
        return range(first, min(first + self.shard_pairs, self.pairs))

    def path(self, folder: Path, shard: int) -> Path:
        """Of a shard's file."""
        return folder / f"pairs-{shard:05d}.safetensors"

    @property
    def stamp(self) -> str:
        """What every shard of the set carries: all metadata but the number of pairs, which may grow."""
        metadata = dataclasses.asdict(self)
        del metadata["pairs"]
        return json.dumps(metadata, sort_keys=True)


def read_manifest(folder: Path) -> Manifest:
    """The metadata of the set in a folder.

    Raises:
        KeptSetError: there is none, or it is damaged or of a newer version.
    """
    path = folder / FILE
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise KeptSetError(
            f"{folder} has no kept set ({FILE} is missing); make one with 'dptn figures --kind people --keep {folder}'"
        ) from None
    except (OSError, ValueError) as error:
        raise KeptSetError(f"{path} cannot be read ({error}); make the set again in an empty folder") from error
    hints = {field.name: field.type for field in dataclasses.fields(Manifest)}
    known = isinstance(values, dict) and all(
        name in values and type(values[name]).__name__ == wanted for name, wanted in hints.items()
    )
    if isinstance(values, dict) and isinstance(values.get("format"), int) and values["format"] > FORMAT:
        raise KeptSetError(f"{path} has format {values['format']}, but this version reads up to {FORMAT}; update it")
    if not known:
        raise KeptSetError(f"{path} does not describe a kept set; make the set again in an empty folder")
    return Manifest(**{name: values[name] for name in hints})


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the metadata, whole or not at all."""
    with written_beside(folder / FILE) as beside:
        beside.write_text(json.dumps(dataclasses.asdict(manifest), indent=2) + "\n", encoding="utf-8")


def check_same(folder: Path, wanted: Manifest) -> None:
    """Check that a folder has no set, or the wanted one, perhaps with fewer pairs.

    Raises:
        KeptSetError: it holds another one; the message names what differs.
    """
    if not (folder / FILE).exists():
        if folder.is_dir() and next(folder.glob("pairs-*.safetensors"), None) is not None:
            raise KeptSetError(f"{folder} holds shards of a set without its {FILE}; choose an empty folder")
        return
    found = read_manifest(folder)
    differing = [
        f"{field.name} is {getattr(found, field.name)} there, expected {getattr(wanted, field.name)}"
        for field in dataclasses.fields(Manifest)
        if field.name != "pairs" and getattr(found, field.name) != getattr(wanted, field.name)
    ]
    if differing:
        raise KeptSetError(f"{folder} holds another set: {', '.join(differing)}; choose another folder")
    begun = next(folder.glob("pairs-*.safetensors"), None) is not None
    if found.pairs > wanted.pairs and begun:
        raise KeptSetError(
            f"{folder} was begun for {found.pairs} pairs, got {wanted.pairs}; ask for at least as many, or choose "
            "another folder"
        )
