"""Examples disturbed at random: other lights, and other models than the one they were made with."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import torch
from torch import Tensor

from ...network.carrier import CarrierInput
from .carrier_config import Disturbances
from .examples import Examples, given_of, mirrored

# Standard deviations at full strength: of each channel's gain, and of the logarithm of gamma.
_GAIN: Final = 0.08
_GAMMA: Final = 0.2
_TINT: Final = 0.08  # of what a model generated, a channel
_NOISE: Final = 0.03  # and a pixel
_WEAKER: Final = (0.4, 1.2)  # factors of attention
_STRAY: Final = (0.3, 0.15)  # fraction of places with stray attention, and how much at most
_ONE_HEAD: Final = 0.36  # of the disturbed: the largest of the heads is the mean
_JITTER: Final = 0.004  # frame heights: how far off detectors find joints
_LOST: Final = 0.02  # fraction of joints that they miss
_UNKNOWN: Final = 0.5  # mask where nobody looked


def disturbed(examples: Examples, how: Disturbances, dice: torch.Generator) -> tuple[CarrierInput, Examples]:
    """What the carrier is to see of B examples, and the ground truth that belongs to it.

    Args:
        examples: on the CPU; they stay as they are.
        how: what is disturbed how often.
        dice: decides everything; on the CPU.
    """
    if _chance(1, dice).item() < 0.5:
        examples = mirrored(examples)
    given = given_of(examples)
    count = len(examples)
    gain = 1 + how.colour * _GAIN * torch.randn(count, 3, 1, 1, generator=dice)
    gamma = torch.exp(how.colour * _GAMMA * torch.randn(count, 1, 1, 1, generator=dice))
    source, target, generated, behind = (
        _lit(image, gain, gamma) for image in (examples.source, examples.target, examples.generated, examples.behind)
    )
    given = replace(
        given,
        source=source,
        behind=behind,
        generated=_drawn_otherwise(generated, how, dice),
        scores=_attended_otherwise(given.scores, how, dice),
        mask=torch.where(_chance(count, dice)[:, None, None, None] < how.no_mask, _UNKNOWN, given.mask),
        source_pose=_found_otherwise(given.source_pose, dice),
        target_pose=_found_otherwise(given.target_pose, dice),
    )
    return given, replace(examples, source=(source * 255).byte(), target=(target * 255).byte())


def _lit(image: Tensor, gain: Tensor, gamma: Tensor) -> Tensor:
    return ((image.float() / 255).clamp(1e-3, 1).pow(gamma) * gain).clamp(0, 1)


def _attended_otherwise(scores: Tensor, how: Disturbances, dice: torch.Generator) -> Tensor:
    """Scores (B, 2, K, h, w): none, weaker ones with some stray, or those of one head alone."""
    count = len(scores)
    kind = _chance(count, dice)[:, None, None, None, None]
    one_head = how.no_attention + how.other_attention * _ONE_HEAD
    fraction, most = _STRAY
    stray = most * torch.rand(scores.shape, generator=dice) * (torch.rand(scores.shape, generator=dice) < fraction)
    factor = _WEAKER[0] + (_WEAKER[1] - _WEAKER[0]) * torch.rand(count, 1, 1, 1, 1, generator=dice)
    other = torch.where(kind < one_head, scores[:, :1].expand_as(scores), (scores * factor + stray).clamp(0, 1))
    scores = torch.where(kind < how.no_attention + how.other_attention, other, scores)
    return torch.where(kind < how.no_attention, 0.0, scores)


def _drawn_otherwise(generated: Tensor, how: Disturbances, dice: torch.Generator) -> Tensor:
    """What a model generated (B, 3, h, w): a flat colour, or its colours off."""
    count = len(generated)
    kind = _chance(count, dice)[:, None, None, None]
    tint = _TINT * torch.randn(count, 3, 1, 1, generator=dice)
    other = (generated + tint + _NOISE * torch.randn(generated.shape, generator=dice)).clamp(0, 1)
    flat = generated.mean((2, 3), keepdim=True).expand_as(generated)
    generated = torch.where(kind < how.no_drawing + how.other_drawing, other, generated)
    return torch.where(kind < how.no_drawing, flat, generated)


def _found_otherwise(pose: Tensor, dice: torch.Generator) -> Tensor:
    """A pose (B, 18, 3) as another detector might have found it."""
    moved = pose.clone()
    moved[..., :2] += _JITTER * torch.randn(moved[..., :2].shape, generator=dice) * moved[..., 2:]
    return moved * (torch.rand(*pose.shape[:2], 1, generator=dice) > _LOST)


def _chance(count: int, dice: torch.Generator) -> Tensor:
    return torch.rand(count, generator=dice)
