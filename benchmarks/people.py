"""Models side by side on the fixed test set of rendered people, at 256x192 and 512x384 (height x width).

    python -m benchmarks.people a.safetensors b.safetensors [--pairs 500] [--size 192x256] [--sheet sheet.png]

The first row copies the source; scores are over the target person.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from tqdm import tqdm

from dptn_core.checkpoint import DPTNModel, load_model
from dptn_core.commands.options import output_image, size
from dptn_core.data.synthetic.pair_sheet import tile
from dptn_core.data.synthetic.people import TEST_PAIRS
from dptn_core.evaluation import PROTOCOLS, Ranking, generate_people, load_networks, means, score_cases
from dptn_core.image_io import write_image
from dptn_core.network.parameter_count import parameter_count

SIZES = ((256, 192), (512, 384))
SHOWN = 8
_OF_MODEL = (
    *(("masked_psnr", ".2f"), ("masked_ssim", ".3f"), ("masked_st-lpips", ".3f"), ("sharpness", ".2f")),
    *(("attention_accuracy", ".1%"), ("attention_5", ".1%")),
)
_OF_COPY = (
    *(("copy_psnr", ".2f"), ("copy_ssim", ".3f"), ("copy_st-lpips", ".3f"), ("copy_sharpness", ".2f")),
    *(("", ""), ("", "")),
)


def row(name: str, parameters: str, scores: Mapping[str, float], columns: Sequence[tuple[str, str]]) -> str:
    """One line of a Markdown table: metrics, each in its format."""
    cells = [f"{scores[metric]:{form}}" if metric in scores else "-" for metric, form in columns]
    return f"| {name} | {parameters} | {' | '.join(cells)} |"


def write_sheet(models: Mapping[str, DPTNModel], path: Path) -> None:
    """Source, target, and what each model generates, for the first pairs of the set."""
    rows = [list(generate_people(model, range(SHOWN), SIZES[0])) for model in models.values()]
    columns = [[one.source_image for one in rows[0]], [one.ground_truth for one in rows[0]]]
    columns += [[one.generated for one in cases] for cases in rows]
    write_image(path, tile([torch.stack(images) * 2 - 1 for images in columns], 2))


def main() -> None:
    """Print a table for each size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--pairs", type=int, default=TEST_PAIRS)
    parser.add_argument("--size", type=size, action="append", help="width x height (default: 192x256 and 384x512)")
    parser.add_argument("--sheet", type=output_image, help="also write an image of the first pairs")
    options = parser.parse_args()
    torch.set_num_threads(1)
    sizes = tuple(options.size or SIZES)
    models = {path.stem: load_model(path) for path in options.models}
    if options.sheet:
        write_sheet(models, options.sheet)
    protocol, networks = PROTOCOLS["exact"], load_networks(torch.device("cpu"))
    for height, width in sizes:
        rows = []
        for name, model in models.items():
            cases = tqdm(
                generate_people(model, range(options.pairs), (height, width)), total=options.pairs, unit="pair"
            )
            scores, _ = means(score_cases(cases, protocol, networks, Ranking()).rows)
            if not rows:
                rows.append(row("copying the source", "-", scores, _OF_COPY))
            rows.append(row(name, f"{parameter_count(model.generator):,}", scores, _OF_MODEL))
        print(
            f"\n| {height}x{width}, {options.pairs} pairs, protocol {protocol.name} | parameters | PSNR, dB | SSIM "
            "| ST-LPIPS | sharpness | attention 10 % | 5 % |"
        )
        print("|---" * 8 + "|", *rows, sep="\n")


if __name__ == "__main__":
    main()
