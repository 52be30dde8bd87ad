"""What attention, the residual flow and rendered people bring the carrier, on the test set of rendered people.

    python -m benchmarks.ablation.carrier [--pairs 40] [--size 192x256] [--carrier FILE] [--model FILE]
        [--other NAME=FILE ...] [--out out/carrier-ablation.md]

In the repository's root. Of one carrier: whole; with attention's scores at 0, so that skeletons, colours and the
generated image alone choose; with the residual flow at 0; with both. `--other` adds carriers trained otherwise, such as

    dptn train --config carrier-without-attention.toml ...    # [disturb] no_attention = 1.0, other_attention = 0.0
    dptn train --config carrier-of-figures.toml ...           # [data] figures = 1.0

Each pair is generated once for all; composed images are compared at --size over the true person, and places where the
source shows them. After every pair's score its difference to the whole carrier's is taken, so that the spread of a
difference is not that of the pairs.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Final

import torch
from torch import Tensor
from tqdm import tqdm

from dptn_core.atomic import written_beside
from dptn_core.checkpoint import DPTNModel, load_model, starter_path
from dptn_core.commands.options import size
from dptn_core.data.synthetic.pairs import PeoplePairs, pair_seeds
from dptn_core.data.synthetic.people import TEST_PAIRS, TEST_SEED, open_studio, render_pairs
from dptn_core.evaluation.drawn import foreground_psnr
from dptn_core.evaluation.people import mean_gradient
from dptn_core.inference.carrier_file import CARRIER, load_carrier
from dptn_core.inference.source_texture import encode_texture
from dptn_core.inference.texture import Decision, compose_texture, decide
from dptn_core.network.carrier import Carried, Carrier, CarrierInput, SourceParts
from dptn_core.perceptual import SHIFT_TOLERANT, ShiftTolerantDistance
from dptn_core.pose import Canvas, Pose
from dptn_core.segmentation import BlazePoseSegmenter, can_be_masked, load_segmenter, person_mask
from dptn_core.transfer import Composed, Generated, encode_source, transfer

WHOLE: Final = "whole"
NEAR: Final = 0.02  # of the height, for places
_MEASURES: Final = (
    *(("PSNR, dB", 2), ("ST-LPIPS", 3), ("sharpness", 2)),
    *(("places within 2 %", 3), ("matte, IoU", 3)),
)


class WithoutAttention(Carrier):
    """A carrier that is told nothing of attention."""

    def forward(self, given: CarrierInput, source: SourceParts | None = None) -> tuple[SourceParts, Carried]:
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
    for number in tqdm(range(options.pairs), unit="pair"):
        seeds = pair_seeds(TEST_SEED, number, 1)
        truth = render_pairs(studio, seeds, options.size, split="test", faults=False)
        for name, values in _scores_of(truth, model, carriers, segmenter, distance).items():
            found[name].append(values)
        if options.out and (number % 10 == 9 or number == options.pairs - 1):
            with written_beside(options.out) as beside:
                beside.write_text(markdown(found, options.size) + "\n", encoding="utf-8")
    print(markdown(found, options.size))


def markdown(found: dict[str, list[Tensor]], size: tuple[int, int]) -> str:
    """Means with standard deviations over pairs, and the differences to the whole carrier, pair by pair."""
    whole = torch.stack(found[WHOLE])
    titles = " | ".join(title for title, _ in _MEASURES)
    head = [f"| | {titles} |", "|---" * (len(_MEASURES) + 1) + "|"]
    lines = [f"{len(whole)} pairs of people-500 at {size[1]}x{size[0]}, over the person; mean ± standard deviation.\n"]
    lines += head
    lines += [f"| {name} | {_cells(torch.stack(values))} |" for name, values in found.items()]
    lines += ["\nMinus the whole carrier, pair by pair; mean ± standard error.\n", *head]
    for name, values in found.items():
        if name != WHOLE:
            lines.append(f"| {name} | {_cells(torch.stack(values) - whole, error=True)} |")
    return "\n".join(lines)


def _cells(table: Tensor, *, error: bool = False) -> str:
    spread = table.std(0) / len(table) ** 0.5 if error else table.std(0)
    sign = "+" if error else ""
    return " | ".join(
        f"{mean:{sign}.{digits}f} ± {std:.{digits}f}"
        for mean, std, (_, digits) in zip(table.nanmean(0).tolist(), spread.tolist(), _MEASURES, strict=True)
    )


def _scores_of(
    truth: PeoplePairs,
    model: DPTNModel,
    carriers: dict[str, Carrier],
    segmenter: BlazePoseSegmenter,
    distance: ShiftTolerantDistance,
) -> dict[str, Tensor]:
    """Scores of every carrier on one pair."""
    image = (truth.source[0] + 1) / 2
    height, width = image.shape[1:]
    poses = [
        _pose(points, present, Canvas(width, height))
        for points, present in (
            (truth.source_keypoints[0], truth.source_present[0]),
            (truth.target_keypoints[0], truth.target_present[0]),
        )
    ]
    encoded = encode_source(model, image, poses[0])
    mask = person_mask(segmenter, image, poses[0]) if can_be_masked(poses[0]) else None
    answers: dict[str, Tensor] = {}

    def compose(generated: Generated, size: tuple[int, int]) -> Composed:
        """By every carrier; the whole one's goes on."""
        composed: dict[str, Composed] = {}
        for name, carrier in carriers.items():
            texture = encode_texture(carrier, encoded, mask)
            decision = decide(carrier, texture, generated)
            composed[name] = compose_texture(decision, texture, size)
            answers[name] = torch.cat(
                [
                    _image_scores(composed[name], truth, distance),
                    _near(decision.correspondence(texture), truth, texture),
                ]
            )
        return composed[WHOLE]

    transfer(encoded, [poses[1]], compose=compose)
    return {name: values[[0, 1, 2, 4, 3]] for name, values in answers.items()}


def _image_scores(composed: Composed, truth: PeoplePairs, distance: ShiftTolerantDistance) -> Tensor:
    """PSNR, ST-LPIPS, sharpness and the matte's intersection over union."""
    mask = truth.target_mask
    shown = torch.where(mask[:, None], composed.image[None] * 2 - 1, truth.target)
    with torch.inference_mode():
        apart = distance(shown, truth.target)
    sharp = mean_gradient(shown, mask) / mean_gradient(truth.target, mask)
    there = composed.matte[None] > 0.5
    union = (there & mask).sum() / (there | mask).sum().clamp(min=1)
    return torch.cat([foreground_psnr(shown, truth.target, mask), apart, sharp, union[None]])


def _near(decision: Decision, places: Tensor, truth: PeoplePairs) -> Tensor:
    """Share of the person's pixels that the source shows whose place (h, w, 2), pixels of the source, is right."""
    height, width = truth.seen.shape[1:]
    box = decision.frame.box
    rows = (box.top + (torch.arange(places.shape[0]) + 0.5) * box.height / places.shape[0]).long()
    columns = (box.left + (torch.arange(places.shape[1]) + 0.5) * box.width / places.shape[1]).long()
    inside = ((rows >= 0) & (rows < height))[:, None] & ((columns >= 0) & (columns < width))
    rows, columns = rows.clamp(0, height - 1)[:, None], columns.clamp(0, width - 1)
    known = inside & truth.seen[0, rows, columns] & truth.target_mask[0, rows, columns]
    off = (places - truth.correspondence[0, rows, columns]).norm(dim=-1)
    return (off[known] < NEAR * height).float().mean()[None]


def _pose(points: Tensor, present: Tensor, canvas: Canvas) -> Pose:
    xy = torch.where(present[:, None], points, 0.0).double().numpy()
    return Pose(xy, present.double().numpy(), canvas)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.ablation.carrier",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--pairs", type=int, default=40, help=f"of {TEST_PAIRS} (default: 40)")
    parser.add_argument("--size", type=size, default=(256, 192), help="width x height (default: 192x256)")
    parser.add_argument("--carrier", type=Path, default=CARRIER, help="default: the one that ships")
    parser.add_argument("--model", type=Path, default=starter_path(), help="default: the starter")
    parser.add_argument("--other", action="append", default=[], metavar="NAME=FILE", help="another carrier")
    parser.add_argument("--out", type=Path, help="also write the table there, anew every ten pairs")
    return parser


if __name__ == "__main__":
    main()
