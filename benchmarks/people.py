"""Models side by side on the fixed test set of rendered people, at 256x192 and 512x384 (height x width).

    python -m benchmarks.people a.safetensors b.safetensors [--pairs 500] [--size 192x256] [--sheet sheet.png]

Every pair is rendered once for all models; the first row copies the source.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from tqdm import tqdm

from dptn_core.checkpoint import DPTNModel, load_model
from dptn_core.commands.options import size
from dptn_core.data.synthetic.pair_sheet import tile
from dptn_core.data.synthetic.people import TEST_PAIRS, TEST_SEED, open_studio, render_pairs
from dptn_core.data.synthetic.synthetic_pairs import pair_seeds
from dptn_core.evaluation.people_scores import PeopleScores, generated, score_people
from dptn_core.image_io import write_image
from dptn_core.perceptual import SHIFT_TOLERANT, ShiftTolerantDistance

SIZES = ((256, 192), (512, 384))
SHOWN = 8


def row(name: str, scores: PeopleScores) -> str:
    """One line of a Markdown table."""
    numbers = [f"{scores.psnr:.2f} dB", f"{scores.ssim:.3f}"]
    numbers.append("-" if scores.st_lpips is None else f"{scores.st_lpips:.3f}")
    numbers.append(f"{scores.sharpness:.2f}")
    numbers += ["-" if near is None else f"{near:.1%}" for near in (scores.attention_10, scores.attention_5)]
    return f"| {name} | {' | '.join(numbers)} |"


def write_sheet(models: dict[str, DPTNModel], path: Path) -> None:
    """Source, target, and what each model generates, for the first pairs of the set."""
    ground_truth = render_pairs(open_studio(), pair_seeds(TEST_SEED, 0, SHOWN), SIZES[0], split="test", faults=False)
    columns = [
        ground_truth.source,
        ground_truth.target,
        *(generated(model, ground_truth, SIZES[0]) for model in models.values()),
    ]
    write_image(path, tile(columns, 2))


def main() -> None:
    """Print a table for each size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--pairs", type=int, default=TEST_PAIRS)
    parser.add_argument("--size", type=size, action="append", help="width x height (default: 192x256 and 384x512)")
    parser.add_argument("--sheet", type=Path, help="also write an image of the first pairs")
    options = parser.parse_args()
    torch.set_num_threads(1)
    sizes = tuple(options.size or SIZES)
    models = {path.stem: load_model(path) for path in options.models}
    if options.sheet:
        write_sheet(models, options.sheet)
    distance = ShiftTolerantDistance.load(SHIFT_TOLERANT.need("alexnet", "ST-LPIPS"), "alexnet")
    with tqdm(total=options.pairs, unit="pair") as bar:
        tables = score_people(
            models, sizes, pairs=options.pairs, distance=distance, progress=lambda done: bar.update(done - bar.n)
        )
    for number, (height, width) in enumerate(sizes):
        print(
            f"\n| {height}x{width}, {options.pairs} pairs | PSNR | SSIM | ST-LPIPS | sharpness | attention 10 % | 5 % |"
        )
        print("|---|---|---|---|---|---|---|")
        for name, scores in tables.items():
            print(row(name, scores[number]))


if __name__ == "__main__":
    main()
