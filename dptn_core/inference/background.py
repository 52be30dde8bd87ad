"""The background behind a person, filled from what surrounds it."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def fill_background(image: Tensor, hole: Tensor, *, seed: int = 0) -> Tensor:
    """Pull-push."""
    hole = (hole > 0.05).float()[None, None]
    levels = [(image[None] * (1 - hole), 1 - hole)]
    while min(levels[-1][0].shape[-2:]) > 2:
        a, b = levels[-1]
        levels.append(
            (
                functional.avg_pool2d(a, 2, ceil_mode=True, count_include_pad=False),
                functional.avg_pool2d(b, 2, ceil_mode=True, count_include_pad=False),
            )
        )
    colour, weight = levels[-1]
    guess = colour / weight.clamp(min=1e-4)
    for colour, weight in reversed(levels[:-1]):
        guess = functional.interpolate(guess, colour.shape[-2:], mode="bilinear", align_corners=False)
        guess = torch.where(weight > 1e-3, colour / weight.clamp(min=1e-3), guess) * weight + guess * (1 - weight)
    return torch.where(hole > 0, guess, image[None])[0]
