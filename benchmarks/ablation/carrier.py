"""What attention, the residual flow and rendered people bring the carrier, on the test set of rendered people.

    python -m benchmarks.ablation.carrier [--pairs 100] [--carrier FILE] [--model FILE] [--other NAME=FILE ...]
        [--out out/carrier-ablation.md]

In the repository's root. Of one carrier: whole; with attention's scores at 0, so that skeletons, colours and the
generated image alone choose; with the residual flow at 0; with both. `--other` adds carriers trained otherwise, such as

    dptn train --config carrier-without-attention.toml ...    # [disturb] no_attention = 1.0, other_attention = 0.0
    dptn train --config carrier-of-figures.toml ...           # [data] figures = 1.0

Each pair is rendered and generated once for all. Images are composed and compared at 192 x 144 pixels (height x width),
the size the carrier works at, over the true person; places where the source shows them. Differences to the whole
carrier are taken pair by pair, so that their spread is not that of the pairs.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Final

import torch
from torch import Tensor
from tqdm import tqdm

from dptn_core.checkpoint import load_model, starter_path
from dptn_core.commands.options import output_file
from dptn_core.data.synthetic.people import TEST_PAIRS, TEST_SEED, open_studio, render_pairs
from dptn_core.data.synthetic.synthetic_pairs import PeoplePairs, pair_seeds
from dptn_core.evaluation.figure_scores import foreground_psnr
from dptn_core.evaluation.people_scores import mean_gradient
from dptn_core.inference.carrier_file import CARRIER, load_carrier
from dptn_core.network.carrier import Carrier, CarrierInput, SourceParts, Warped
from dptn_core.perceptual import SHIFT_TOLERANT, ShiftTolerantDistance
from dptn_core.segmentation import load_segmenter
from dptn_core.system.files import written_beside
from dptn_core.training.carrier_training.carrier_losses import background_of, compose
from dptn_core.training.carrier_training.examples import Examples, given_of, make_examples

WHOLE: Final = "whole"
NEAR: Final = 0.02  # of the height, for places
SIZE: Final = (192, 144)
AT_ONCE: Final = 4
_MEASURES: Final = (
    *(("PSNR, dB", 2), ("ST-LPIPS", 3), ("sharpness", 2)),
    *(("places within 2 %", 3), ("matte, IoU", 3)),
)


class WithoutAttention(Carrier):
    """A carrier that is told nothing of attention."""

    def forward(self, given: CarrierInput, source: SourceParts | None = None) -> tuple[SourceParts, Warped]:
        """See Carrier."""
        return super().forward(replace(given, scores=torch.zeros_like(given.scores)), source)


def without_residual(carrier: Carrier) -> Carrier:
    """The same carrier, whose residual flow is 0 everywhere; it is changed."""
    with torch.no_grad():
        carrier.choose.weight[-2:] = 0
        if carrier.choose.bias is not None:
            carrier.choose.bias[-2:] = 0
    return carrier


def variants(path: Path) -> dict[str, Carrier]:
    """The carrier of a file, whole and without its parts."""
    weights = load_carrier("cpu", path).state_dict()

    def copy(kind: type[Carrier]) -> Carrier:
        carrier = kind()
        carrier.load_state_dict(weights)
        return carrier.eval().requires_grad_(False)

    return {
        WHOLE: copy(Carrier),
        "without attention": copy(WithoutAttention),
        "without residual flow": without_residual(copy(Carrier)),
        "skeletons alone: without both": without_residual(copy(WithoutAttention)),
    }


def main() -> None:
    """Write and print the table."""
    options = _parser().parse_args()
    torch.set_num_threads(1)
    model, segmenter, studio = load_model(options.model), load_segmenter(), open_studio()
    carriers = variants(options.carrier)
    for name, _, path in (other.partition("=") for other in options.other):
        carriers[name] = load_carrier("cpu", Path(path))
    distance = ShiftTolerantDistance.load(SHIFT_TOLERANT.need("alexnet", "ST-LPIPS"), "alexnet")
    found: dict[str, list[Tensor]] = {name: [] for name in carriers}
    for first in tqdm(range(0, options.pairs, AT_ONCE), unit="batch"):
        seeds = pair_seeds(TEST_SEED, first, min(AT_ONCE, options.pairs - first))
        ground_truth = render_pairs(studio, seeds, SIZE, split="test", faults=False)
        examples = make_examples(ground_truth, model, segmenter)
        for name, carrier in carriers.items():
            with torch.inference_mode():
                found[name] += scores(carrier(given_of(examples))[1], examples, ground_truth, distance).unbind(0)
        if options.out:
            with written_beside(options.out) as beside:
                beside.write_text(markdown(found) + "\n", encoding="utf-8")
    print(markdown(found))


def scores(found: Warped, examples: Examples, ground_truth: PeoplePairs, distance: ShiftTolerantDistance) -> Tensor:
    """Of B decisions: PSNR, ST-LPIPS, sharpness, fraction of right places, IoU of the matte, (B, 5)."""
    mask = ground_truth.target_mask
    image = compose(found, background_of(examples)) * 2 - 1
    shown = torch.where(mask[:, None], image, ground_truth.target)
    sharp = mean_gradient(shown, mask) / mean_gradient(ground_truth.target, mask)
    there = found.matte[:, 0] > 0
    union = (there & mask).sum((1, 2)) / (there | mask).sum((1, 2)).clamp(min=1)
    known = ground_truth.seen & mask
    off = (found.at[:, 0] - ground_truth.correspondence / SIZE[0]).norm(dim=-1)
    right = ((off < NEAR) & known).sum((1, 2)) / known.sum((1, 2))
    return torch.stack(
        [foreground_psnr(shown, ground_truth.target, mask), distance(shown, ground_truth.target), sharp, right, union],
        1,
    )


def markdown(found: dict[str, list[Tensor]]) -> str:
    """Means with standard deviations over pairs, and the differences to the whole carrier, pair by pair."""
    whole = torch.stack(found[WHOLE])
    titles = " | ".join(title for title, _ in _MEASURES)
    head = [f"| | {titles} |", "|---" * (len(_MEASURES) + 1) + "|"]
    lines = [f"{len(whole)} pairs of people-500 over the person; mean ± standard deviation over pairs.\n"]
    lines += head
    lines += [f"| {name} | {_cells(torch.stack(values))} |" for name, values in found.items()]
    lines += ["\nMinus the whole carrier, pair by pair; mean ± standard error.\n", *head]
    for name, values in found.items():
        if name != WHOLE:
            lines.append(f"| {name} | {_cells(torch.stack(values) - whole, error=True)} |")
    return "\n".join(lines)


def _cells(table: Tensor, *, error: bool = False) -> str:
    sign = "+" if error else ""
    cells = []
    for column, (_, digits) in zip(table.unbind(1), _MEASURES, strict=True):
        known = column[column.isfinite()]  # of some pairs the source shows nothing
        spread = float(known.std()) / (len(known) ** 0.5 if error else 1)
        cells.append(f"{float(known.mean()):{sign}.{digits}f} ± {spread:.{digits}f}")
    return " | ".join(cells)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.ablation.carrier",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--pairs", type=int, default=100, help=f"of {TEST_PAIRS} (default: 100)")
    parser.add_argument("--carrier", type=Path, default=CARRIER, help="default: the one that ships")
    parser.add_argument("--model", type=Path, default=starter_path(), help="default: the starter")
    parser.add_argument("--other", action="append", default=[], metavar="NAME=FILE", help="another carrier")
    parser.add_argument("--out", type=output_file, help="also write the table there, anew after every few pairs")
    return parser


if __name__ == "__main__":
    main()
