"""What the carrier is taught, against the true correspondence, parts and mattes of synthetic pairs."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from ...network.carrier import PARTS, SourceParts, Warped, look_up, places, resized
from ...perceptual import ShiftTolerantDistance
from ...pose.limb_transforms import CANDIDATES, PART_OF, nearness
from ...system.device import autocast, choose_precision
from .examples import UNKNOWN, Examples

_HALF: Final = 127  # of 255
_FURTHEST: Final = 0.3  # frame heights; a place further off is simply wrong
_ARMS: Final = 3.0  # how much more the thin things one looks at count
_WORSE: Final = (1.2, 0.03, 0.07)  # carried colours may be this much further off than generated ones, and at least


def carrier_losses(
    source: SourceParts,
    found: Warped,
    examples: Examples,
    distance: ShiftTolerantDistance | None,
    perceptual: float = 1.5,
) -> dict[str, Tensor]:
    """Weighted terms of the objective, by name.

    Args:
        source: what the carrier made of the sources.
        found: what it decided.
        examples: the ground truth.
        distance: ST-LPIPS on the composed image, or None: left out.
        perceptual: its weight.
    """
    size = (examples.source.shape[-2], examples.source.shape[-1])
    half = (size[0] // 2, size[1] // 2)
    at = places(size, examples.source.device)
    matte = examples.target_matte.float() / 255
    person, weight = _person(examples)
    true = examples.flow.float() + at
    terms = _places(found, true, examples.seen * weight, half)
    terms |= _labels(source, found, examples, matte, half)
    bce = functional.binary_cross_entropy_with_logits(found.seen[:, 0], examples.seen.float(), reduction="none")
    terms["seen"] = 0.8 * (bce * person).sum() / person.sum().clamp(min=1)
    return terms | image_losses(found, examples, distance, perceptual)


def image_losses(
    found: Warped, examples: Examples, distance: ShiftTolerantDistance | None, perceptual: float = 1.5
) -> dict[str, Tensor]:
    """The terms that want no true correspondence, as photographs have none; arguments as in `carrier_losses`."""
    target = examples.target.float() / 255
    matte = examples.target_matte.float() / 255
    person, weight = _person(examples)
    count = person.sum().clamp(min=1)
    outline = examples.source_matte.float()[:, None] / 255
    inside = sum(found.weights[:, n] * look_up(outline, found.at[:, n])[:, 0] for n in range(2))
    # Carried pixels are judged by colours a few pixels wide: fine detail that sits a little off still looks right,
    # and an L1 on pixels would sooner have a blur.
    colour = (_box(found.warped) - _box(target)).abs().mean(1)
    generated_colour = (_box(found.drawing) - _box(target)).abs().mean(1)
    everywhere = weight.sum().clamp(min=1)
    factor, more, least = _WORSE
    fits = ((colour < (factor * generated_colour + more).clamp(min=least)) & (inside > 0.6)).float().detach()
    bce = functional.binary_cross_entropy_with_logits(found.carry[:, 0], fits, reduction="none")
    terms = {
        "colour": 1.5 * (colour * weight).sum() / everywhere,
        "on person": 0.5 * ((1 - inside) * weight).sum() / everywhere,
        "drawing": ((found.drawing - target).abs().mean(1) * person).sum() / count,
        "carry": 0.3 * (bce * person).sum() / count,
        "matte": 2 * _matte_loss(found.matte[:, 0], matte),
        "small": 0.2 * found.residual.abs().mean(),
    }
    if distance is not None:
        composed = compose(found, background_of(examples))
        cpu = composed.device.type == "cpu"
        with autocast("cpu", choose_precision("cpu") if cpu else "fp32"):
            apart = distance(composed * 2 - 1, target * 2 - 1)
        terms["perceptual"] = perceptual * apart.mean()
    return terms


def _person(examples: Examples) -> tuple[Tensor, Tensor]:
    """Where the target's person is, (B, H, W) bool, and how much each of their pixels counts."""
    person = examples.target_matte > _HALF
    near = nearness(examples.target_pose, places((person.shape[1], person.shape[2]), person.device))
    return person, person * (1 + _ARMS * near[:, :4].amax(1))


def compose(found: Warped, background: Tensor) -> Tensor:
    """The image at the working size, (B, 3, H, W)."""
    carry, matte = found.carry.sigmoid(), found.matte.sigmoid()
    person = carry * found.warped + (1 - carry) * found.drawing
    return matte * person + (1 - matte) * background


def background_of(examples: Examples) -> Tensor:
    """What lies behind the person, (B, 3, H, W), as far as either image shows it."""
    target, source = (getattr(examples, name).float() / 255 for name in ("target", "source"))
    free = [1 - getattr(examples, f"{name}_matte").float()[:, None] / 255 for name in ("target", "source")]
    # the hole both leave takes the mean colour of what surrounds it
    wide = functional.avg_pool2d(torch.cat([source * free[1], free[1]], 1), 8)
    wide = resized(functional.avg_pool2d(wide, 5, 1, 2), (source.shape[-2], source.shape[-1]))
    filled = wide[:, :3] / wide[:, 3:].clamp(min=1e-2)
    behind = source * free[1] + filled * (1 - free[1])
    return target * free[0] + behind * (1 - free[0])


def _places(found: Warped, true: Tensor, seen: Tensor, half: tuple[int, int]) -> dict[str, Tensor]:
    """How far off the chosen places are where the ground truth is known."""
    count = seen.sum().clamp(min=1)
    off = (found.at - true[:, None]).square().sum(-1).clamp(min=1e-10).sqrt().clamp(max=_FURTHEST)
    offs = (off * found.weights).sum(1)
    every = found.transforms.at(places(half, true.device)) - true[:, None, ::2, ::2]
    every = every.square().sum(-1).sqrt().clamp(max=_FURTHEST)
    every = every.masked_fill(~found.transforms.exists[..., None, None], _FURTHEST)
    chosen = (found.choice.softmax(1) * every).sum(1)
    known = seen[:, ::2, ::2]
    return {
        "places": 4 * (offs * seen).sum() / count,
        "choice": 4 * (chosen * known).sum() / known.sum().clamp(min=1),
    }


def _labels(
    source: SourceParts, found: Warped, examples: Examples, matte: Tensor, half: tuple[int, int]
) -> dict[str, Tensor]:
    """Body parts of source and target where they are known; person or not everywhere."""
    labels = examples.source_parts.long()
    known = labels != UNKNOWN
    labels = labels.masked_fill(~known, -100)
    inside = _arm_parts(examples.source_parts)
    every = functional.cross_entropy(source.logits, labels, reduction="none", ignore_index=-100) * (1 + 2 * inside)
    parts = every.sum() / known.sum().clamp(min=1)
    log = source.logits.log_softmax(1)
    rest = torch.logsumexp(log[:, 1:], 1)
    source_matte = examples.source_matte.float() / 255
    outline = -(source_matte * rest.clamp(min=-12) + (1 - source_matte) * log[:, 0].clamp(min=-12)).mean()

    table = torch.zeros(len(CANDIDATES), PARTS, device=labels.device)
    table[torch.arange(len(CANDIDATES)), torch.tensor(PART_OF)] = 1
    probable = found.choice.softmax(1)
    parts_chosen = torch.einsum("bkhw,kp->bphw", probable, table)
    small = resized(matte[:, None], half)[:, 0]
    wanted = examples.target_parts[:, ::2, ::2]
    asked = wanted != UNKNOWN
    picked = parts_chosen.gather(1, wanted.long().clamp(max=PARTS - 1)[:, None])[:, 0]
    reachable = (found.transforms.exists.float() @ table).gather(1, wanted.flatten(1).long().clamp(max=PARTS - 1))
    asked = asked & (reachable.view_as(wanted) > 0)
    nll = -picked.clamp(min=1e-4).log() * asked * (1 + 2 * _arm_parts(wanted))
    stays = probable[:, -1].clamp(1e-4, 1 - 1e-4)
    silhouette = -(small * (1 - stays).log() + (1 - small) * stays.log()).mean()
    return {
        "source parts": 0.5 * parts,
        "source matte": outline,
        "target parts": 0.5 * nll.sum() / asked.sum().clamp(min=1),
        "silhouette": 0.5 * silhouette,
    }


def _arm_parts(labels: Tensor) -> Tensor:
    return ((labels >= 3) & (labels <= 8)).float()


def _matte_loss(logit: Tensor, matte: Tensor) -> Tensor:
    """Cross-entropy that counts edges more, and Dice."""
    edge = 1 + 3 * (_highest(matte[:, None]) + _highest(-matte[:, None]))[:, 0].clamp(0, 1)
    every = functional.binary_cross_entropy_with_logits(logit, matte, reduction="none") * edge
    soft = logit.sigmoid()
    dice = 1 - (2 * (soft * matte).sum((1, 2)) + 1) / (soft.sum((1, 2)) + matte.sum((1, 2)) + 1)
    return every.mean() + 0.5 * dice.mean()


def _box(image: Tensor) -> Tensor:
    padded = functional.pad(image, (2, 2, 2, 2), mode="replicate")
    return functional.avg_pool2d(functional.avg_pool2d(padded, (1, 5), 1), (5, 1), 1)


def _highest(image: Tensor) -> Tensor:
    """The largest value within three pixels."""
    across = functional.max_pool2d(image, (1, 7), 1, (0, 3))
    return functional.max_pool2d(across, (7, 1), 1, (3, 0))
