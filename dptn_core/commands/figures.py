"""`dptn figures`: synthetic pairs to look at, or a character to train with."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from . import keep
from .options import CommandError, natural, positive, size

if TYPE_CHECKING:
    from torch import Tensor

    from ..data.synthetic.kept import Renderer
    from ..data.synthetic.people import Studio
    from ..data.synthetic.synthetic_pairs import SyntheticPairs


def add_options(parser: ArgumentParser) -> None:
    """Add the options of pairs to show, of a character (--character) and of a kept set (--keep)."""
    parser.description = (
        "Show pairs of drawn figures or rendered people: source, target, and the source warped by the ground-truth "
        "correspondence (magenta where the source does not show the place). Rendered people need the extra train."
    )
    parser.add_argument(
        "--kind", choices=("figures", "people"), default="figures", help="drawn or rendered (default: figures)"
    )
    parser.add_argument(
        "--test-set", action="store_true", help="people: the fixed test set people-500, which training never sees"
    )
    parser.add_argument("--out", type=Path, default=Path("out/figures.png"), help="image to write")
    parser.add_argument("--pairs", type=positive, default=16, help="number of pairs (default: 16)")
    parser.add_argument("--seed", type=natural, help="seed of the set (default: 1)")
    parser.add_argument("--first", type=natural, default=0, help="number of the first pair (default: 0)")
    parser.add_argument("--size", type=size, default=(256, 192), help="width x height of an image (default: 192x256)")

    parser.add_argument(
        "--character",
        type=Path,
        help="write one character in many poses into this folder instead, as images and pose files to train on",
    )
    parser.add_argument(
        "--images", "--pictures", type=positive, default=60, help="number of images of the character (default: 60)"
    )
    keep.add_options(parser)


def run(options: Namespace) -> None:
    """Write a sheet of pairs, a character's images and poses, or a kept set, as `options` say.

    Raises:
        CommandError: options that do not go together, or packages that are not installed.
    """
    import numpy as np

    from ..data.synthetic.figures import write_character
    from ..data.synthetic.pair_sheet import pair_sheet
    from ..data.synthetic.synthetic_pairs import pair_seeds
    from ..image_io import check_format, write_image
    from ..system.files import remove_leftovers

    _check(options)
    if options.character:
        for path in write_character(options.character, options.seed, options.images, options.size):
            print(f"wrote {path}")
        return
    if options.keep:
        _keep(options)
        return
    if options.processes:
        raise CommandError("--processes is for --keep; leave it out")
    check_format(options.out)
    make = _maker(options)
    seeds = pair_seeds(options.seed, options.first, options.pairs)
    # One line at a time: drawing takes much more memory than the sheet.
    lines = [pair_sheet(make(line, options.size), columns=4) for line in seeds.split(4)]
    remove_leftovers(options.out)
    write_image(options.out, np.concatenate(lines))
    print(f"wrote {options.out}")


def _check(options: Namespace) -> None:
    """Set `options.seed`, and refuse options that do not go together.

    Raises:
        CommandError: the message names the option to change.
    """
    if options.character and options.kind == "people":
        raise CommandError("--character draws a figure; leave out --kind people")
    if options.test_set:
        from ..data.synthetic.people.held_out import TEST_PAIRS, TEST_SEED

        if options.kind != "people":
            raise CommandError("--test-set shows rendered people; add --kind people")
        if options.seed is not None:
            raise CommandError("--test-set has its own seed; leave out --seed")
        if options.first + options.pairs > TEST_PAIRS:
            raise CommandError(f"--test-set has {TEST_PAIRS} pairs; lower --first or --pairs")
        options.seed = TEST_SEED
    elif options.seed is None:
        options.seed = 1


def _maker(options: Namespace) -> Callable[[Tensor, tuple[int, int]], SyntheticPairs]:
    """Makes pairs of seeds and a size (H, W).

    Raises:
        CommandError: options that do not go together, or a missing package.
    """
    if options.kind == "figures":
        from ..data.synthetic.figures import draw_pairs

        return draw_pairs
    try:
        from ..data.synthetic.people import open_studio

        studio = open_studio()
    except ModuleNotFoundError as error:
        raise CommandError(
            f"--kind people needs the package {error.name}, which is not installed; "
            'pip install "dptn-pose-transfer[train]"'
        ) from error
    return _people_of(options.test_set, studio)


def _keep(options: Namespace) -> None:
    """Keep the pairs on disk.

    Raises:
        CommandError: they are not of rendered people, or start with another pair than the first.
    """
    if options.kind != "people":
        raise CommandError("--keep is for rendered people (figures are as fast to draw as to read); add --kind people")
    if options.first:
        raise CommandError("--keep starts at the first pair; leave out --first, or choose another --seed")
    _maker(options)  # fails on missing packages and fills the cache before there are many processes
    from ..data.synthetic.people.renderer_version import renderer_version

    keep.keep(
        options.keep,
        partial(_open_people, options.test_set),
        kind="people, test" if options.test_set else "people",
        renderer=renderer_version(),
        seed=options.seed,
        size=options.size,
        pairs=options.pairs,
        processes=options.processes,
    )


def _open_people(test: bool) -> Renderer:
    """Called in every process that renders."""
    from ..data.synthetic.people import open_studio

    return _people_of(test, open_studio())


def _people_of(test: bool, studio: Studio) -> Renderer:
    """Renders training pairs, with a camera's faults; or the test set, as `dptn evaluate` scores it."""
    from ..data.synthetic.people import render_pairs

    return partial(render_pairs, studio, split="test" if test else "train", faults=not test)
