"""ST-LPIPS by network and slices: what forward and backward cost, and how it ranks distortions.

    python -m benchmarks.perceptual_loss [--rounds 7]

Prints benchmarks/perceptual_loss.md. Costs are of one image of 256x176 on one thread, all sides in turns; distances are
of the photograph that ships, at 256x256, each divided by the distance of the blurred one.
"""

from __future__ import annotations

import argparse
import io
import statistics
import time

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch import Tensor

from dptn_core.image_io import read_image
from dptn_core.perceptual import SHIFT_TOLERANT, ShiftTolerantDistance
from dptn_core.perceptual.shift_tolerant import TrunkName
from dptn_core.samples import PHOTOGRAPH
from dptn_core.system.device import Precision, autocast

_WAYS: tuple[tuple[TrunkName, int], ...] = (("alexnet", 2), ("alexnet", 5), ("vgg16", 2), ("vgg16", 3), ("vgg16", 5))
_PRECISIONS: tuple[Precision, ...] = ("fp32", "bf16")
_SIDE, _SHIFT = 256, 2


def distortions() -> tuple[Tensor, dict[str, Tensor]]:
    """The photograph (1, 3, 256, 256) in [-1, 1], and what is done to it."""
    image = read_image(PHOTOGRAPH)
    whole = Image.fromarray((image.permute(1, 2, 0) * 255).byte().numpy())
    wide = whole.resize((_SIDE + _SHIFT, _SIDE), Image.Resampling.LANCZOS)
    cropped = wide.crop((0, 0, _SIDE, _SIDE))
    file = io.BytesIO()
    cropped.save(file, "jpeg", quality=30)
    return _tensor(cropped), {
        "shift of 2 px": _tensor(wide.crop((_SHIFT, 0, _SIDE + _SHIFT, _SIDE))),
        "JPEG 30": _tensor(Image.open(file)),
        "blur of 2 px": _tensor(cropped.filter(ImageFilter.GaussianBlur(2))),
    }


def _tensor(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float() / 127.5 - 1


def seconds(distance: ShiftTolerantDistance, image: Tensor, ground_truth: Tensor, precision: Precision) -> float:
    """Of one forward and backward pass."""
    image = image.clone().requires_grad_()
    started = time.perf_counter()
    with autocast(image.device, precision):
        found = distance(image, ground_truth)
    found.sum().backward()
    return time.perf_counter() - started


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    torch.set_num_threads(1)
    networks = {
        (trunk, slices): ShiftTolerantDistance.load(SHIFT_TOLERANT.need(trunk, "this benchmark"), trunk, slices)
        for trunk, slices in _WAYS
    }
    image, ground_truth = torch.rand(2, 1, 3, 256, 176, generator=torch.Generator().manual_seed(1)) * 2 - 1
    times: dict[tuple[TrunkName, int, Precision], list[float]] = {}
    for _ in range(options.rounds + 1):  # the first warms up
        for (trunk, slices), network in networks.items():
            for precision in _PRECISIONS:
                times.setdefault((trunk, slices, precision), []).append(
                    seconds(network, image, ground_truth, precision)
                )
    whole, changed = distortions()
    squares = {name: float((one - whole).square().mean()) for name, one in changed.items()}
    print("# ST-LPIPS by network and slices\n")
    print(
        f"`python -m benchmarks.perceptual_loss --rounds {options.rounds}`: forward and backward of one 256x176 image"
    )
    print("on one thread, ms, median (least); distances in hundredths of the blurred photograph's.\n")
    print("| network | slices | fp32 | bf16 | " + " | ".join(changed) + " |")
    print("|---" * (4 + len(changed)) + "|")
    for (trunk, slices), network in networks.items():
        spent = [times[trunk, slices, precision][1:] for precision in _PRECISIONS]
        cells = [f"{1e3 * statistics.median(one):.0f} ({1e3 * min(one):.0f})" for one in spent]
        found = {name: float(network(one, whole)) for name, one in changed.items()}
        cells += [f"{100 * value / found['blur of 2 px']:.1f}" for value in found.values()]
        print(f"| {trunk} | {slices} | " + " | ".join(cells) + " |")
    cells = [f"{100 * value / squares['blur of 2 px']:.1f}" for value in squares.values()]
    print("| squared error | | | | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
