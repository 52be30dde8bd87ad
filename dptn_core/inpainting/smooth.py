"""A hole filled smoothly, from what is known around it, in a pyramid (pull and push)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def smooth_fill(image: Tensor, known: Tensor) -> Tensor:
    """An image whose hole is filled by a smooth surface through what is known.

    Args:
        image: (C, H, W); what is not known is not read.
        known: (H, W), somewhere True; or how well each pixel is known, 0 to 1, somewhere above 0.

    Returns:
        (C, H, W); where fully known it is `image`.
    """
    share = known[None, None].to(image)
    levels = [(torch.where(share > 0, image * share, 0), share)]
    while max(share.shape[2:]) > 1:
        pad = (0, share.shape[3] % 2, 0, share.shape[2] % 2)
        sums, share = (functional.avg_pool2d(functional.pad(x, pad), 2) for x in levels[-1])
        levels.append((sums, share))
    filled = levels[-1][0] / levels[-1][1]
    for sums, share in reversed(levels[:-1]):
        wide = functional.interpolate(filled, sums.shape[2:], mode="bilinear", align_corners=False)
        filled = torch.where(share > 0, sums / share.clamp(min=1e-9), 0)
        filled = torch.lerp(wide, filled, share.clamp(max=1))
    return filled[0]
