"""Texture on the fixed test set of rendered people at 512x384 (height x width), against the ground truth.

    python -m benchmarks.texture MODEL [--carrier FILE] [--pairs 500] [--size 384x512] [--sheet sheet.png]

The bound takes every pixel that the source shows from its true origin, and the rest from the network.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import torch
from tqdm import tqdm

from dptn_core.checkpoint import load_model, starter_path
from dptn_core.commands.options import output_image, size
from dptn_core.data.synthetic.pair_sheet import tile
from dptn_core.data.synthetic.people import TEST_PAIRS, TEST_SEED, open_studio, render_pairs
from dptn_core.data.synthetic.synthetic_pairs import pair_seeds
from dptn_core.evaluation import load_networks
from dptn_core.evaluation.people_scores import scaled
from dptn_core.evaluation.texture_scores import compose_pair, score_texture
from dptn_core.image_io import write_image
from dptn_core.inference.carrier_file import CARRIER, load_carrier
from dptn_core.network.parameter_count import parameter_count
from dptn_core.segmentation import load_segmenter

SHOWN = 12


COLUMNS = (
    *("masked_ssim", "masked_st-lpips", "sharpness"),
    *("flow_2", "seen_auc", "target_iou", "source_iou"),
)


def row(name: str, scores: Mapping[str, float]) -> str:
    """One line of a Markdown table."""
    cells = [f"{scores[metric]:.3f}" if metric in scores else "-" for metric in COLUMNS]
    return f"| {name} | {scores['masked_psnr']:.2f} | {' | '.join(cells)} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, nargs="?", default=starter_path())
    parser.add_argument("--carrier", type=Path, default=CARRIER)
    parser.add_argument("--pairs", type=int, default=TEST_PAIRS)
    parser.add_argument("--size", type=size, default=(512, 384), help="width x height (default: 384x512)")
    parser.add_argument("--sheet", type=output_image, help="also write an image of the first pairs")
    options = parser.parse_args()
    torch.set_num_threads(1)
    model, carrier, segmenter = load_model(options.model), load_carrier(path=options.carrier), load_segmenter()
    if options.sheet:
        ground_truth = render_pairs(
            open_studio(), pair_seeds(TEST_SEED, 0, SHOWN), options.size, split="test", faults=False
        )
        made = [compose_pair(model, carrier, segmenter, ground_truth, n) for n in range(SHOWN)]
        alone = torch.cat([scaled(one.generated.image[None] * 2 - 1, options.size) for one in made])
        columns = [ground_truth.source, ground_truth.target, alone]
        columns.append(torch.stack([one.composed.image for one in made]) * 2 - 1)
        columns += [
            torch.stack([getattr(one.composed, name) for one in made])[:, None].expand(-1, 3, -1, -1) * 2 - 1
            for name in ("matte", "invented")
        ]
        write_image(options.sheet, tile(columns, 2))
    networks = load_networks(torch.device("cpu"))
    with tqdm(total=options.pairs, unit="pair") as bar:
        table = score_texture(
            model,
            carrier,
            segmenter,
            networks,
            options.size,
            pairs=options.pairs,
            progress=lambda done: bar.update(done - bar.n),
        )
    height, width = options.size
    print(
        f"\nGenerator {parameter_count(model.generator):,} parameters, carrier {parameter_count(carrier):,}.\n"
        f"\n| {height}x{width}, {options.pairs} pairs, protocol exact | PSNR, dB | SSIM | ST-LPIPS | sharpness "
        "| flow within 2 % | AUC of seen | IoU of target | of source |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for name, scores in table.items():
        print(row(name, scores))


if __name__ == "__main__":
    main()
