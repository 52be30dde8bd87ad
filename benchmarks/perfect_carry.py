"""What the fixed test set of drawn figures leaves to be won: a model, and the same with its texture moved perfectly.

    python -m benchmarks.perfect_carry [--model FILE] [--pairs 500]

The second row is no model: wherever the source shows a pixel of the target's figure, that very pixel is moved there
along the true correspondence; the rest is the model's own image. It says how far better transport alone can go.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor
from torchmetrics.functional.image import structural_similarity_index_measure

from dptn_core.checkpoint import load_model, starter_path
from dptn_core.data.synthetic.figures import TEST_PAIRS, TEST_SEED, SyntheticPairs, draw_pairs, pair_seeds
from dptn_core.data.synthetic.pair_heatmaps import pair_heatmaps
from dptn_core.data.synthetic.pair_sheet import warped_source
from dptn_core.evaluation.figure_scores import COLOUR_RIGHT, foreground_psnr, garment_error

BATCH = 10


def scores(generated: Tensor, pairs: SyntheticPairs) -> Tensor:
    """PSNR over the figure in dB, SSIM over the frame, and whether the garments' colours are right: (3, B)."""
    index = structural_similarity_index_measure(
        (generated + 1) / 2, (pairs.target + 1) / 2, sigma=1.5, data_range=1.0, reduction="none"
    )
    right = garment_error(generated, pairs) < COLOUR_RIGHT
    return torch.stack(
        [foreground_psnr(generated, pairs.target, pairs.target_mask), torch.as_tensor(index), right.float()]
    )


def main() -> None:
    """Print both rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=starter_path())
    parser.add_argument("--pairs", type=int, default=TEST_PAIRS)
    options = parser.parse_args()
    model = load_model(options.model)
    rows: dict[str, list[Tensor]] = {"the model": [], "moved perfectly": []}
    for first in range(0, options.pairs, BATCH):
        count = min(BATCH, options.pairs - first)
        pairs = draw_pairs(pair_seeds(TEST_SEED, first, count, model.device), model.training_size)
        source_maps, target_maps = pair_heatmaps(model, pairs)
        with torch.inference_mode():
            generated = model.generator.transfer(model.generator.encode_source(pairs.source, source_maps), target_maps)
        warped = torch.where((pairs.seen & pairs.target_mask)[:, None], warped_source(pairs), generated)
        for name, image in zip(rows, (generated, warped), strict=True):
            rows[name].append(scores(image, pairs))
    print(f"{'':18}{'PSNR, figure':>14}{'SSIM':>8}{'colours right':>15}")
    for name, found in rows.items():
        psnr, ssim, right = torch.cat(found, 1).mean(1).tolist()
        print(f"{name:18}{psnr:>11.2f} dB{ssim:>8.3f}{right:>15.1%}")


if __name__ == "__main__":
    main()
