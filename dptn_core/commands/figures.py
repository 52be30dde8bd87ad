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
    from ..data.synthetic.pairs import SyntheticPairs


def add_options(parser: ArgumentParser) -> None:
    """Options of the command."""
    parser.description = (
        "Make pairs of drawn figures or rendered people: source, target, and the source's pixels moved along the true "
        "correspondence (magenta where the source does not show the place). Rendered people need the extra train."
    )
    parser.add_argument(
        "--kind", choices=("figures", "people"), default="figures", help="drawn or rendered (default: figures)"
    )
    parser.add_argument(
        "--test-set", action="store_true", help="people: the fixed test set people-500, which training never samples"
    )
    parser.add_argument("--out", type=Path, default=Path("out/figures.png"), help="picture to write")
    parser.add_argument("--pairs", type=positive, default=16, help="how many (default: 16)")
    parser.add_argument("--seed", type=natural, default=1, help="which endless set (default: 1)")
    parser.add_argument("--first", type=natural, default=0, help="number of the first pair (default: 0)")
    parser.add_argument("--size", type=size, default=(256, 192), help="width x height of a figure (default: 192x256)")

    parser.add_argument(
        "--character",
        type=Path,
        help="instead: write one character in many poses into this folder, pictures and pose files to train with",
    )
    parser.add_argument("--pictures", type=positive, default=60, help="of the character (default: 60)")
    keep.add_options(parser)


def run(options: Namespace) -> None:
    """`dptn figures`."""
    import numpy as np

    from ..data.figures import write_character
    from ..data.sheet import pair_sheet
    from ..data.synthetic.pairs import pair_seeds
    from ..pictures import check_format, write_picture

    if options.character:
        for path in write_character(options.character, options.seed, options.pictures, options.size):
            print(f"wrote {path}")
        return
    if options.keep:
        _keep(options)
        return
    if options.processes:
        raise CommandError("--processes belongs to --keep; leave it out")
    check_format(options.out)
    make = _maker(options)
    seeds = pair_seeds(options.seed, options.first, options.pairs)
    # One line at a time: drawing takes much more memory than the sheet.
    lines = [pair_sheet(make(line, options.size), columns=4) for line in seeds.split(4)]
    write_picture(options.out, np.concatenate(lines))
    print(f"wrote {options.out}")


def _maker(options: Namespace) -> Callable[[Tensor, tuple[int, int]], SyntheticPairs]:
    """Makes pairs of seeds and a size (H, W).

    Raises:
        CommandError: options that do not go together, or a missing package.
    """
    if options.kind == "figures":
        from ..data.figures import draw_pairs

        if options.test_set:
            raise CommandError("--test-set shows rendered people; add --kind people")
        return draw_pairs
    try:
        from ..data.synthetic.people import TEST_SEED, open_studio, render_pairs

        studio = open_studio()
    except ModuleNotFoundError as error:
        raise CommandError(
            f"--kind people needs the package {error.name}, which is not installed; "
            'pip install "dptn-pose-transfer[train]"'
        ) from error
    if options.test_set:
        options.seed = TEST_SEED
    return partial(render_pairs, studio, split="test" if options.test_set else "train")


def _keep(options: Namespace) -> None:
    """Keep the pairs on disk.

    Raises:
        CommandError: they are not of rendered people, or start with another pair than the first.
    """
    if options.kind != "people":
        raise CommandError("--keep is for rendered people, drawn figures are drawn as fast as read; add --kind people")
    if options.first:
        raise CommandError("--keep begins with the first pair; leave out --first, or choose another --seed")
    _maker(options)  # what is missing is said, and what is worked out once is there, before there are many processes
    from ..data.synthetic.people.version import renderer_version

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
    from ..data.synthetic.people import open_studio, render_pairs

    return partial(render_pairs, open_studio(), split="test" if test else "train")
