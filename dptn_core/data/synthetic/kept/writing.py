"""Render a set and keep it: shard by shard, by all cores, going on where an earlier run was stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from torch import Tensor

from ....system.cores import usable_cores
from ....system.folder_lock import alone_in
from ..synthetic_pairs import PeoplePairs, pair_seeds
from .manifest import KeptSetError, Manifest, check_same, write_manifest
from .one import OnePair, as_one
from .shards import fault, write_shard
from .workers import Maker, share_work

Renderer = Callable[[Tensor, tuple[int, int]], PeoplePairs]  # seeds (B,) int64 and (H, W) -> B pairs

_AT_ONCE = 10  # pairs rendered in one call


def keep(
    open_renderer: Callable[[], Renderer],
    folder: Path,
    manifest: Manifest,
    *,
    processes: int | None = None,
    progress: Callable[[int], None] = lambda pairs: None,
) -> int:
    """Render every shard that the folder lacks; intact ones of an earlier run are kept, damaged ones made again.

    Args:
        open_renderer: called once in every process, which it must be possible to send it to (a function of a module,
            or `functools.partial` of one). The same seed must give the same pair in any batch.
        folder: is made if need be.
        manifest: what to make.
        processes: how many, with one thread each; None: as many as cores. With 1, this process does the work.
        progress: called with how many pairs are rendered, first with those of earlier runs.

    Returns:
        How many shards were made.

    Raises:
        KeptSetError: the folder holds another set or cannot be written to, or a process died.
        FolderInUseError: another run is at work there.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(alone_in(folder, "--keep"))
        except OSError as error:
            raise KeptSetError(
                f"{folder} cannot be written to ({error.strerror or error}); choose another folder"
            ) from error
        check_same(folder, manifest)
        wanted = [shard for shard in range(manifest.shards) if fault(folder, manifest, shard)]
        write_manifest(folder, manifest)
        done = manifest.pairs - sum(len(manifest.pairs_of(shard)) for shard in wanted)
        progress(done)
        make = partial(_open_maker, open_renderer, folder, manifest)
        count = min(processes or usable_cores(), len(wanted))
        for pairs in share_work(make, wanted, count):
            done += pairs
            progress(done)
    return len(wanted)


def _open_maker(open_renderer: Callable[[], Renderer], folder: Path, manifest: Manifest) -> Maker:
    """Called in the process that does the work; what it returns makes a shard and tells how many pairs it has made."""
    render = open_renderer()

    def make(shard: int) -> Iterator[int]:
        numbers = manifest.pairs_of(shard)
        ones: list[OnePair] = []
        for seeds in pair_seeds(manifest.seed, numbers.start, len(numbers)).split(_AT_ONCE):
            pairs = render(seeds, manifest.size)
            ones += [as_one(pairs, index) for index in range(len(pairs))]
            if len(ones) == len(numbers):
                write_shard(folder, manifest, shard, ones)
            yield len(pairs)

    return make
