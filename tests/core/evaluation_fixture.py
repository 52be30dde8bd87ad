"""What the tests of the evaluation share: weights of the right layout with random numbers, images, a small set."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from shift_tolerant_fixture import random_file
from torch import Tensor
from transfer_fixture import person, smooth_image

from dptn_core.checkpoint import DPTNModel
from dptn_core.data.datasets import write_annotations, write_pairs
from dptn_core.evaluation import PROTOCOLS, Networks, Ranking, generate_figures, means, score_cases
from dptn_core.image_io import write_image
from dptn_core.perceptual.packages import WeightPackage

FASHION = (256, 176)
NAMES = ("one", "two", "three", "four")


def random_alexnet(folder: Path) -> Path:
    """A file as torchvision's, without the classifier, which nobody reads."""
    from torchvision.models import alexnet

    with torch.device("meta"):
        network = alexnet(weights=None)
    path = folder / "alexnet-owt-random.pth"
    torch.save({name: _random(name, value) for name, value in network.state_dict().items() if "features" in name}, path)
    return path


def random_inception(folder: Path) -> Path:
    """A file as torchvision's, the auxiliary classifier and all."""
    from torchvision.models import Inception3

    with torch.device("meta"):
        network = Inception3(init_weights=False)
    path = folder / "inception_v3_google-random.pth"
    torch.save({name: _random(name, value) for name, value in network.state_dict().items()}, path)
    return path


def random_mobilenet(folder: Path) -> Path:
    """A file as torchvision's, the last layers and the classifier among it."""
    from torchvision.models import mobilenet_v2

    with torch.device("meta"):
        network = mobilenet_v2(weights=None)
    path = folder / "mobilenet_v2-random.pth"
    torch.save({name: _random(name, value) for name, value in network.state_dict().items()}, path)
    return path


def random_packages(folder: Path) -> Callable[[WeightPackage, str], Path | None]:
    """What finds random weights where the packages would hold theirs, to stand for `WeightPackage.find`."""
    files = {"alexnet": random_file(folder, "alexnet"), "mobilenet_v2": random_mobilenet(folder)}
    return lambda _, network: files.get(network)


def _random(name: str, like: Tensor) -> Tensor:
    """Numbers that keep activations from dying out or growing."""
    if not like.is_floating_point():
        return torch.zeros(like.shape, dtype=like.dtype)
    if like.ndim > 1:
        source = torch.Generator().manual_seed(len(name) + like.numel())
        return torch.randn(like.shape, generator=source) * (2 / like[0].numel()) ** 0.5
    return torch.zeros(like.shape) if "bias" in name or "mean" in name else torch.ones(like.shape)


def image(seed: int, size: tuple[int, int] = FASHION) -> Tensor:
    """(3, H, W) in [0, 1], whole 255ths, with edges and noise."""
    height, width = size
    random = torch.Generator().manual_seed(seed)
    noise = torch.rand(3, height, width, generator=random)
    blocks = torch.rand(3, -(-height // 16), -(-width // 16), generator=random)
    blocks = blocks.repeat_interleave(16, 1).repeat_interleave(16, 2)[:, :height, :width]
    return ((0.6 * blocks + 0.3 * smooth_image(width, height) + 0.1 * noise) * 255).round() / 255


def make_set(root: Path, *, broken: tuple[str, ...] = ()) -> Path:
    """A prepared DeepFashion of four images and four pairs a split; images named in `broken` are no images."""
    points = {}
    for number, name in enumerate(NAMES):
        pose = person((FASHION[1], FASHION[0]), sway=0.1, seed=number)
        points[f"{name}.png"] = np.concatenate([pose.keypoints, np.ones((18, 1))], 1).astype(np.float32)
    pairs = [(f"{NAMES[i]}.png", f"{NAMES[(i + 1) % 4]}.png") for i in range(4)]
    for split in ("train", "test"):
        write_pairs(root / f"fasion-resize-pairs-{split}.csv", pairs)
        write_annotations(root / f"fasion-resize-annotation-{split}.csv", points)
        for number, name in enumerate(NAMES):
            write_image(root / split / f"{name}.png", image(number + 10 * (split == "train")))
    for name in broken:
        (root / "test" / f"{name}.png").write_bytes(b"no image")
    return root


def figure_means(model: DPTNModel, pairs: int, *, seed: int = 2022, **more: Any) -> dict[str, float]:
    """Mean scores of a model on the first `pairs` drawn figures under `exact`, without learned metrics."""
    cases = generate_figures(model, seed, range(pairs), **more)
    part = score_cases(cases, PROTOCOLS["exact"], Networks(torch.device("cpu")), Ranking())
    return means(part.rows)[0]


def write_all(folder: Path, images: dict[str, Tensor]) -> Path:
    for name, one in images.items():
        write_image(folder / name, one)
    return folder


def by_windows(
    one: Tensor, other: Tensor, side: int, window: Callable[[np.ndarray], np.ndarray] | None = None, reach: float = 1.0
) -> float:
    """SSIM by plain loops over all windows in float64: a second computation.

    Without `window` every pixel counts the same and variances are of a sample; with it, weights come from it and
    variances are of the whole.
    """
    x, y = one.double().numpy(), other.double().numpy()
    weights = np.full((side, side), 1 / side**2) if window is None else window(np.arange(side) - side // 2)
    unbiased = side**2 / (side**2 - 1) if window is None else 1.0
    small, smaller = (0.01 * reach) ** 2, (0.03 * reach) ** 2
    found = []
    for channel in range(3):
        for top in range(x.shape[1] - side + 1):
            for left in range(x.shape[2] - side + 1):
                a, b = (image[channel, top : top + side, left : left + side] for image in (x, y))
                mean_a, mean_b = (a * weights).sum(), (b * weights).sum()
                variance = ((a - mean_a) ** 2 * weights).sum() + ((b - mean_b) ** 2 * weights).sum()
                both = ((a - mean_a) * (b - mean_b) * weights).sum() * unbiased
                found.append(
                    (2 * mean_a * mean_b + small)
                    / (mean_a**2 + mean_b**2 + small)
                    * (2 * both + smaller)
                    / (variance * unbiased + smaller)
                )
    return float(np.mean(found))
