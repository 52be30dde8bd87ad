"""What the fixed test set of drawn figures leaves to be won: a model, alone and with texture, and perfect texture.

    python -m benchmarks.perfect_carry [--model FILE] [--pairs 500]

The last row is no model: wherever the source shows a pixel of the target's figure, that very pixel is moved there
along the true correspondence; the rest is the model's own image. It says how far better transport alone can go.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor

from dptn_core.checkpoint import DPTNModel, load_model, starter_path
from dptn_core.data.synthetic.figures import TEST_PAIRS, TEST_SEED, SyntheticPairs
from dptn_core.data.synthetic.pair_heatmaps import pair_heatmaps
from dptn_core.data.synthetic.pair_sheet import warped_source
from dptn_core.evaluation import PROTOCOLS, Ranking, generate_figures, load_networks, means, score_cases
from dptn_core.evaluation.texture_scores import composing
from dptn_core.inference.texture_networks import load_texturing
from dptn_core.network.parameter_count import parameter_count


def moved_perfectly(model: DPTNModel, pairs: SyntheticPairs) -> Tensor:
    """The model's image with every pixel the source shows in its true place, (B, 3, H, W) in [0, 1]."""
    source_maps, target_maps = pair_heatmaps(model, pairs)
    with torch.inference_mode():
        image = model.generator.transfer(model.generator.encode_source(pairs.source, source_maps), target_maps)
    moved = torch.where((pairs.seen & pairs.target_mask)[:, None], warped_source(pairs), image)
    return (moved.clamp(-1, 1) + 1) / 2


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=starter_path())
    parser.add_argument("--pairs", type=int, default=TEST_PAIRS)
    options = parser.parse_args()
    model, protocol, texturing = load_model(options.model), PROTOCOLS["exact"], load_texturing()
    networks = load_networks(model.device)
    answers = {
        "the model": None,
        "with texture": composing(texturing.carrier, texturing.segmenter),
        "moved perfectly": moved_perfectly,
    }
    print(f"protocol {protocol.name}, {parameter_count(model.generator):,} parameters\n")
    print(f"{'':18}{'PSNR, figure':>14}{'SSIM, box':>11}{'Gaussian':>10}{'ST-LPIPS':>10}{'colours right':>15}")
    for name, compose in answers.items():
        cases = generate_figures(model, TEST_SEED, range(options.pairs), compose=compose)
        found, _ = means(score_cases(cases, protocol, networks, Ranking()).rows)
        psnr, box, bell = (found[metric] for metric in ("foreground_psnr", "ssim", "ssim_gaussian"))
        distance = f"{found['st-lpips']:.3f}" if "st-lpips" in found else "-"
        print(f"{name:18}{psnr:>11.2f} dB{box:>11.3f}{bell:>10.3f}{distance:>10}{found['colours_right']:>15.1%}")


if __name__ == "__main__":
    main()
