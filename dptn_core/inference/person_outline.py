"""A segmenter's mask as the limit of a source person: what lies far outside is nobody, whatever it looks like."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from ..network.carrier import SourceParts
from ..pose import Pose

_COVERED: Final = 0.85  # of the joints in the image, for a mask to be believed: drawn figures are often only half seen
_BODY: Final = slice(1, 14)  # OpenPose joints from neck to ankles
_MASK: Final = 0.5
_TRACE: Final = 0.1  # of the mask, from which on it may still be the person
_MARGIN: Final = 0.04  # frame heights around the mask: hair, hems and hands that it misses
_UNSURE: Final = 0.05  # of the background: with less of it the carrier is surer than the mask
_NOBODY: Final = 12.0  # logit


def covers(mask: Tensor, pose: Pose) -> bool:
    """Whether a mask (H, W) holds nearly all joints of a pose, on whatever canvas, so that it is this person's.

    The face does not count: segmenters take caps and helmets for things.
    """
    height, width = mask.shape
    xy = pose.keypoints[_BODY][pose.present[_BODY]] * (width / pose.canvas.width, height / pose.canvas.height)
    x, y = torch.from_numpy(xy).floor().long().unbind(1)
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    if not bool(inside.any()):
        return False
    found = mask[y[inside].to(mask.device), x[inside].to(mask.device)] > _MASK
    return float(found.float().mean()) >= _COVERED


def within(parts: SourceParts, mask: Tensor) -> SourceParts:
    """Body parts of a source, doubtful ones no further from its mask than hair may be.

    Args:
        parts: of one source, at the working size h x w.
        mask: (1, 1, h, w) in [0, 1], on the same device.
    """
    radius = max(1, round(_MARGIN * mask.shape[2]))
    near = (mask > _TRACE).float()
    for kernel in ((2 * radius + 1, 1), (1, 2 * radius + 1)):
        near = functional.max_pool2d(near, kernel, 1, (kernel[0] // 2, kernel[1] // 2))
    soft = functional.avg_pool2d(functional.pad(near, (2,) * 4, mode="replicate"), 5, 1)
    unsure = (parts.parts[:, :1] / _UNSURE).clamp(max=1)
    background = parts.logits[:, :1] + _NOBODY * unsure * (1 - soft)
    return replace(parts, logits=torch.cat([background, parts.logits[:, 1:]], 1))
