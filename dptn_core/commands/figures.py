"""`dptn figures`: draw pairs of figures to look at."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from .options import natural, positive, size


def add_options(parser: ArgumentParser) -> None:
    """Options of the command."""
    parser.description = (
        "Draw pairs of figures: source, target, and the source's pixels carried along the true correspondence "
        "(magenta where the source does not show the place)."
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


def run(options: Namespace) -> None:
    """`dptn figures`."""
    import numpy as np

    from ..data.figures import draw_pairs, pair_seeds, write_character
    from ..data.sheet import pair_sheet
    from ..pictures import check_format, write_picture

    if options.character:
        for path in write_character(options.character, options.seed, options.pictures, options.size):
            print(f"wrote {path}")
        return
    check_format(options.out)
    seeds = pair_seeds(options.seed, options.first, options.pairs)
    # One line at a time: drawing takes much more memory than the sheet.
    lines = [pair_sheet(draw_pairs(line, options.size), columns=4) for line in seeds.split(4)]
    write_picture(options.out, np.concatenate(lines))
    print(f"wrote {options.out}")
