"""`dptn figures --keep`: render a set once and keep it on disk."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from .options import positive

if TYPE_CHECKING:
    from ..data.synthetic.kept import Renderer


def add_options(parser: ArgumentParser) -> None:
    """Add --keep, the folder of a set that is rendered to train from, and --processes, above 0, that render it."""
    parser.add_argument(
        "--keep",
        type=Path,
        metavar="FOLDER",
        help="people: instead of an image, render a set of pairs into this folder, to train from; the same command "
        "goes on after a stop, and adds pairs where more are asked for",
    )
    parser.add_argument(
        "--processes", type=positive, help="that render a kept set, with one thread each (default: one for each core)"
    )


def keep(
    folder: Path,
    open_renderer: Callable[[], Renderer],
    *,
    kind: str,
    renderer: str,
    seed: int,
    size: tuple[int, int],
    pairs: int,
    processes: int | None = None,
) -> None:
    """Make or finish a kept set, with a progress bar.

    Args:
        folder: of the set.
        open_renderer: called once in every process; see `data.synthetic.kept.keep`.
        kind, renderer, seed, pairs: of the set, see `Manifest`.
        size: (H, W) in pixels.
        processes: None: one for each core.

    Raises:
        KeptSetError: the folder holds another set or cannot be written to, or a process died.
        FolderInUseError: another run is at work there.
    """
    from tqdm import tqdm

    from ..data.synthetic.kept import Manifest
    from ..data.synthetic.kept import keep as keep_set

    manifest = Manifest(kind, renderer, seed, size[0], size[1], pairs)
    with tqdm(total=pairs, unit="pair", dynamic_ncols=True) as bar:

        def show(done: int) -> None:
            """Pairs of an earlier run do not count as speed."""
            if not bar.n:
                bar.initial = done
            bar.update(done - bar.n)

        made = keep_set(open_renderer, folder, manifest, processes=processes, progress=show)
    size_on_disk = sum(path.stat().st_size for path in folder.iterdir())
    print(f"{folder} holds {pairs} pairs of {size[1]}x{size[0]}, {size_on_disk / 1e6:.1f} MB; {made} files were made")
