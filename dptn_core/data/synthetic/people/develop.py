"""From scene light to an image as a camera would save it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .person import column
from .scene import Scene


def develop(light: Tensor, scenes: Sequence[Scene], image: Tensor) -> Tensor:
    """Exposure, a film's curve and saturation: linear light (..., 3) to sRGB in [0, 1].

    Args:
        light: of the scenes' images.
        scenes: B of them.
        image: (...) which of the 2B images each value belongs to.
    """
    scene = image % len(scenes)
    tone, saturation = (column(scenes, name, light.device)[scene] for name in ("tone", "saturation"))
    light = light.clamp(min=0)
    grey = light.mean(-1, keepdim=True)
    x = (grey + (light - grey) * saturation).clamp(min=0) * (1 + 0.25 * tone)
    # Narkowicz's fit of a filmic curve, mixed with one that only bends near white
    film = (x * (2.51 * x * 0.6 + 0.03) / (x * (2.43 * x * 0.6 + 0.59) + 0.14)).clamp(0, 1)
    plain = torch.where(x < 0.7, x, 0.7 + 0.3 * (1 - torch.exp(-(x - 0.7) / 0.3)))
    x = plain * (1 - 0.7 * tone) + film * 0.7 * tone
    srgb = torch.where(x <= 0.0031308, 12.92 * x, 1.055 * x.clamp(min=1e-6) ** (1 / 2.4) - 0.055)
    return srgb.clamp(0, 1)
