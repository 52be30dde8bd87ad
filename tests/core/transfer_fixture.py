"""A tiny random model, and people at any place and size of any canvas."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from dptn_core.checkpoint import DPTNModel
from dptn_core.network import Generator, GeneratorConfig, initialise
from dptn_core.pose import Canvas, Pose

TINY = GeneratorConfig(base_features=8, max_features=32, residual_blocks=1, context_blocks=1)

# A standing person in shares of the box around the keypoints, in OpenPose order.
STANDING = np.array(
    [
        *[(0.50, 0.04), (0.50, 0.16)],
        *[(0.25, 0.17), (0.10, 0.33), (0.00, 0.50), (0.75, 0.17), (0.90, 0.33), (1.00, 0.50)],
        *[(0.35, 0.50), (0.33, 0.75), (0.30, 1.00), (0.65, 0.50), (0.67, 0.75), (0.70, 1.00)],
        *[(0.45, 0.02), (0.55, 0.02), (0.38, 0.00), (0.62, 0.00)],
    ]
)


def tiny_model(
    training_size: tuple[int, int] = (32, 24), sigma: float = 1.0, framing: str = "fit", seed: int = 0
) -> DPTNModel:
    torch.manual_seed(seed)
    generator = Generator(TINY)
    initialise(generator)
    for tensor in generator.parameters():  # the paper's start is nearly zero, and every image nearly grey
        if tensor.ndim > 1:
            torch.nn.init.normal_(tensor.data, std=1 / math.sqrt(tensor[0].numel()))
    return DPTNModel(generator.eval().requires_grad_(False), training_size, sigma, framing, {})


def person(
    canvas: tuple[int, int],
    box: tuple[float, float, float, float] | None = None,
    *,
    without: Iterable[int] = (),
    sway: float = 0.0,
    seed: int = 0,
) -> Pose:
    """A person on a canvas (width, height).

    `box` is left, top, width and height of the keypoints, by default the middle of the canvas; `sway` moves every
    joint by up to this share of the box, but not out of it.
    """
    width, height = canvas
    left, top, across, down = box or (0.3 * width, 0.15 * height, 0.4 * width, 0.7 * height)
    places = STANDING + np.random.default_rng(seed).uniform(-sway, sway, STANDING.shape)
    xy = places.clip(0, 1) * (across, down) + (left, top)
    missing = set(without)
    return Pose.from_keypoints([None if i in missing else tuple(p) for i, p in enumerate(xy)], Canvas(width, height))


def smooth_image(width: int, height: int) -> Tensor:
    """(3, H, W) in [0, 1] without sharp edges, different everywhere."""
    x = torch.arange(width)[None, :] / width
    y = torch.arange(height)[:, None] / height
    waves = [torch.sin(2.0 * x + 1.5 * y), torch.cos(1.5 * x - 2.0 * y), torch.sin(3.0 * x * y + x)]
    return torch.stack([wave.expand(height, width) for wave in waves]) * 0.4 + 0.5
