"""Pairs of a kept set by number, changed or as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..synthetic_pairs import PeoplePairs
from .augment import augmented
from .manifest import KeptSetError, Manifest, read_manifest
from .one import OnePair, as_pairs
from .shards import read_from_shard
from .windows import fitted


@dataclass(frozen=True)
class KeptSet:
    """A set on disk; `len` says how many pairs it holds."""

    folder: Path
    manifest: Manifest

    def __len__(self) -> int:
        return self.manifest.pairs


def open_kept(folder: Path) -> KeptSet:
    """The set that `keep` made in a folder.

    Raises:
        KeptSetError: there is none, or not all of it.
    """
    manifest = read_manifest(folder)
    missing = [shard for shard in range(manifest.shards) if not manifest.path(folder, shard).is_file()]
    if missing:
        raise KeptSetError(
            f"{folder} lacks {len(missing)} of its {manifest.shards} files, "
            f"{manifest.path(folder, missing[0]).name} the first; run the command that made the set to resume"
        )
    return KeptSet(folder, manifest)


def read_pairs(
    kept: KeptSet, numbers: Sequence[int], augment_seed: int | None = None, *, size: tuple[int, int] | None = None
) -> PeoplePairs:
    """Pairs by the numbers of their use; the same number always gives the same pair, changed in the same way.

    Args:
        kept: the set.
        numbers: at least one, each at least 0. Use n shows pair n modulo the set's length: another round over the
            set shows the same pairs, changed otherwise.
        augment_seed: recolour garments, mirror and crop, by numbers that the seed and the use decide; None: do not.
        size: (H, W) of the images, pixels; None: the set's. Other proportions are cut from the middle.

    Returns:
        The pairs in the order of `numbers`, on the CPU; colours as WebP left them, the correspondence to an eighth of
        a pixel of the set's size.

    Raises:
        KeptSetError: a file is missing or damaged.
        ValueError: there are no numbers, or one is below 0.
    """
    if not len(numbers) or min(numbers) < 0:
        raise ValueError(f"numbers is {list(numbers)}; give one or more, from 0 on")
    wanted = size or kept.manifest.size
    by_shard: dict[int, list[int]] = {}
    for place, number in enumerate(numbers):
        by_shard.setdefault(int(number) % len(kept) // kept.manifest.shard_pairs, []).append(place)
    found: dict[int, OnePair] = {}
    for shard, places in by_shard.items():
        inside = [int(numbers[place]) % len(kept) % kept.manifest.shard_pairs for place in places]
        for place, pair in zip(places, read_from_shard(kept.folder, kept.manifest, shard, inside), strict=True):
            if augment_seed is None:
                found[place] = fitted(pair, wanted)
            else:
                found[place] = augmented(pair, (augment_seed, int(numbers[place])), wanted)
    return as_pairs([found[place] for place in range(len(numbers))])
