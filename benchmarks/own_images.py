"""What fine-tuning a carrier on photographs of one's own brings, on pairs that were held back.

    python -m benchmarks.own_images SET CARRIER [CARRIER ...] [--model FILE] [--pairs 24] [--sheet sheet.png]

SET is a folder that 'dptn prepare folder' made; its test split is scored, with the true image's background. CARRIER is
a file, or "starter" for the one that ships. Over the person, as the built-in segmenter finds them in the true image.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from dptn_core.checkpoint import DPTNModel, load_model, starter_path
from dptn_core.commands.options import output_image
from dptn_core.data.datasets import PreparedSet, open_prepared
from dptn_core.data.synthetic.pair_sheet import tile
from dptn_core.evaluation.figure_scores import foreground_psnr
from dptn_core.evaluation.people_scores import mean_gradient
from dptn_core.image_io import write_image
from dptn_core.inference.carrier_file import load_carrier
from dptn_core.inference.source_texture import encode_texture
from dptn_core.inference.texture import composer
from dptn_core.inference.transfer import encode_source, transfer
from dptn_core.network.carrier import Carrier
from dptn_core.perceptual import SHIFT_TOLERANT, ShiftTolerantDistance
from dptn_core.pose import Pose
from dptn_core.segmentation import BlazePoseSegmenter, can_be_masked, load_segmenter, person_mask
from dptn_core.training.carrier_training.carrier_state import carrier_path

SHOWN = 8
NETWORK = "the model alone"


@dataclass(frozen=True)
class Pair:
    """A held-back pair."""

    source: Tensor  # (3, H, W) in [0, 1]
    target: Tensor  # (3, H, W)
    source_pose: Pose
    target_pose: Pose
    source_mask: Tensor  # (H, W) in [0, 1]
    target_mask: Tensor  # (H, W)


def read_pair(prepared: PreparedSet, names: tuple[str, str], segmenter: BlazePoseSegmenter) -> Pair:
    """One pair of a set."""
    images = [prepared.image(name) for name in names]
    poses = [prepared.pose(name) for name in names]
    masks = [person_mask(segmenter, image, pose) for image, pose in zip(images, poses, strict=True)]
    return Pair(*images, *poses, *masks)


def redrawn(model: DPTNModel, carriers: dict[str, Carrier], pair: Pair) -> dict[str, Tensor]:
    """The source in the target's pose, (3, H, W) in [0, 1], by the model alone and with each carrier."""
    encoded = encode_source(model, pair.source, pair.source_pose)
    answers = {NETWORK: transfer(encoded, [pair.target_pose]).images[0]}
    for name, carrier in carriers.items():
        texture = encode_texture(carrier, encoded, pair.source_mask)
        answers[name] = transfer(encoded, [pair.target_pose], compose=composer(carrier, texture)).images[0]
    return answers


def scores(image: Tensor, pair: Pair, distance: ShiftTolerantDistance) -> Tensor:
    """PSNR in dB, ST-LPIPS, and sharpness as a ratio to the truth's, over the person: (3,)."""
    mask = (pair.target_mask > 0.5)[None]
    ground_truth = pair.target[None] * 2 - 1
    shown = torch.where(mask[:, None], image[None] * 2 - 1, ground_truth)
    with torch.inference_mode():
        apart = distance(shown, ground_truth)
    sharp = mean_gradient(shown, mask) / mean_gradient(ground_truth, mask)
    return torch.cat([foreground_psnr(shown, ground_truth, mask), apart, sharp])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", type=Path)
    parser.add_argument("carriers", nargs="+", metavar="CARRIER")
    parser.add_argument("--model", type=Path, default=starter_path())
    parser.add_argument("--pairs", type=int, default=24)
    parser.add_argument(
        "--sheet", type=output_image, help="also write source, ground truth and every answer of some pairs"
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    model, segmenter = load_model(options.model), load_segmenter()
    carriers = {name: load_carrier("cpu", carrier_path(name)) for name in options.carriers}
    distance = ShiftTolerantDistance.load(SHIFT_TOLERANT.need("alexnet", "ST-LPIPS"), "alexnet")
    images = open_prepared(options.set, "test")
    names = [pair for pair in images.pairs if all(can_be_masked(images.pose(name)) for name in pair)]
    chosen = names[:: max(1, len(names) // options.pairs)][: options.pairs]
    found: dict[str, list[Tensor]] = {}
    rows = []
    for number, pair in enumerate(tqdm(chosen, unit="pair")):
        read = read_pair(images, pair, segmenter)
        answers = redrawn(model, carriers, read)
        for name, image in answers.items():
            found.setdefault(name, []).append(scores(image, read, distance))
        if number % max(1, len(chosen) // SHOWN) == 0 and len(rows) < SHOWN:
            rows.append(torch.stack([read.source, read.target, *answers.values()]))
    if options.sheet:
        write_image(options.sheet, tile([column * 2 - 1 for column in torch.stack(rows).unbind(1)], 2))
    print(f"{len(chosen)} held-back pairs of {options.set}, {images.size[1]}x{images.size[0]}, over the person\n")
    print(markdown({name: torch.stack(values) for name, values in found.items()}))


def markdown(tables: dict[str, Tensor]) -> str:
    """Means ± standard deviations of scores (N, 3), and carriers against the first one, pair by pair.

    Of those differences it is the standard error that is given.
    """
    head = ["| | PSNR, dB | ST-LPIPS | sharpness |", "|---|---|---|---|"]
    rows = [f"| {name} | {_cells(table.mean(0), table.std(0))} |" for name, table in tables.items()]
    (_, first), *others = [(name, table) for name, table in tables.items() if name != NETWORK]
    if not others:
        return "\n".join([*head, *rows])
    less = [(name, table - first) for name, table in others]
    error = len(first) ** 0.5
    against = [f"| {name} | {_cells(apart.mean(0), apart.std(0) / error, '+')} |" for name, apart in less]
    return "\n".join([*head, *rows, "\nMinus the first carrier, pair by pair:\n", *head, *against])


def _cells(mean: Tensor, spread: Tensor, sign: str = "") -> str:
    columns = zip(mean.tolist(), spread.tolist(), (2, 4, 2), strict=True)
    return " | ".join(f"{value:{sign}.{digits}f} ± {error:.{digits}f}" for value, error, digits in columns)


if __name__ == "__main__":
    main()
