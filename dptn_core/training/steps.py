"""One update of each network, by gradients of one or several parts of a batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..network import Generator
from ..perceptual import ShiftTolerantDistance
from ..system.device import Precision, autocast
from .adversarial import discriminator_loss, generator_loss, gradient_penalty
from .batches import Batch
from .losses import attention_loss, reconstruction_loss, weighted_mean
from .state import TrainingState
from .training_config import LossConfig
from .vgg_losses import PerceptualLoss

BothBranches = Callable[..., tuple[Tensor, Tensor, list[Tensor]]]
Terms = dict[str, Tensor]


@dataclass(frozen=True)
class Generated:
    """What the generator made of a batch, with its graph."""

    target: Tensor  # (B, 3, H, W)
    source: Tensor  # (B, 3, H, W)
    entropies: list[Tensor]  # (B, T) a Texture Transfer Block: how far attention is from where it should look


@dataclass(frozen=True)
class Objective:
    """The terms of the objective and how a step computes them.

    Attributes:
        losses: Weights.
        precision: Number format of convolutions and matrix products.
        perceptual: VGG19's terms, or None.
        both_branches: `Generator.forward_supervised`, or what torch.compile made of it; None: as it is.
        parts: Parts of a batch whose gradients are added up before an update.
        shift_tolerant: ST-LPIPS, or None.
    """

    losses: LossConfig
    precision: Precision = "fp32"
    perceptual: PerceptualLoss | None = None
    both_branches: BothBranches | None = None
    parts: int = 1
    shift_tolerant: ShiftTolerantDistance | None = None


def generate(generator: Generator, batch: Batch, objective: Objective) -> Generated:
    """Run both branches of the generator."""
    asked = batch.attention if objective.losses.attention else None
    run = objective.both_branches or generator.forward_supervised
    with autocast(batch.source.device, objective.precision):
        target, source, entropies = run(batch.source, batch.source_heatmaps, batch.target_heatmaps, asked)
    return Generated(target.float(), source.float(), entropies)


def discriminator_gradients(state: TrainingState, batch: Batch, generated: Generated, objective: Objective) -> Terms:
    """Add the discriminator's gradients, for telling generated targets from real ones; returns its loss."""
    losses = objective.losses
    fake = generated.target.detach()
    with autocast(batch.source.device, objective.precision):
        scores = state.discriminator(batch.target), state.discriminator(fake)
    loss = discriminator_loss(losses.gan, *(score.float() for score in scores))
    terms = {"discriminator": loss.detach()}
    if losses.gan == "wgan-gp":
        # in fp32: gradients of gradients are too small for less
        fraction = torch.rand(len(fake), device="cpu").to(fake.device)
        penalty = gradient_penalty(state.discriminator, batch.target.float(), fake, fraction)
        terms["gradient_penalty"] = penalty.detach()
        loss = loss + losses.gradient_penalty * penalty
    state.scaler.scale(loss / objective.parts).backward()
    return terms


def generator_gradients(
    state: TrainingState, batch: Batch, generated: Generated, objective: Objective, *, adversarial: bool
) -> Terms:
    """Add the gradients of the dual-task objective (paper section 3.4); returns its terms and their `total`."""
    losses = objective.losses
    terms: Terms = {}
    total = generated.target.new_zeros(())
    for name, image, ground_truth, mask, weight in (
        ("target", generated.target, batch.target, batch.target_mask, losses.target_share),
        ("source", generated.source, batch.source, batch.source_mask, 1 - losses.target_share),
    ):
        if weight:
            total = total + weight * _branch_loss(name, image, ground_truth, mask, batch.source, objective, terms)
    if generated.entropies and batch.attention_weight is not None:
        each = [attention_loss(entropy, batch.attention_weight) for entropy in generated.entropies]
        terms["attention"] = torch.stack(each).mean()
        total = total + losses.attention * terms["attention"]
    if adversarial:
        # only the generator learns from this term
        state.discriminator.requires_grad_(False)
        with autocast(generated.target.device, objective.precision):
            score = state.discriminator(generated.target)
        state.discriminator.requires_grad_(True)
        terms["adversarial"] = generator_loss(losses.gan, score.float())
        total = total + losses.adversarial * terms["adversarial"]
    state.scaler.scale(total / objective.parts).backward()
    terms["total"] = total
    return {name: value.detach() for name, value in terms.items()}


def _branch_loss(
    name: str,
    image: Tensor,
    ground_truth: Tensor,
    mask: Tensor | None,
    source: Tensor,
    objective: Objective,
    terms: Terms,
) -> Tensor:
    """The weighted sum of one branch's terms, which are put into `terms` under the branch's name."""
    losses = objective.losses
    total = image.new_zeros(())
    if mask is None:
        weight = image.new_ones(image.shape[0], 1, *image.shape[2:])
    else:
        weight = 1 + (losses.foreground - 1) * mask[:, None].to(image.dtype)
    if losses.l1:
        difference = weighted_mean((image - ground_truth).abs(), weight)
        terms[f"{name}_l1"] = difference
        total = total + losses.l1 * difference
    if losses.reconstruction:
        terms[f"{name}_reconstruction"] = reconstruction = reconstruction_loss(
            image, ground_truth, weight, chroma=losses.chroma, scales=losses.scales, gradient=losses.gradient
        )
        total = total + losses.reconstruction * reconstruction
    if objective.shift_tolerant is not None:
        # on the person most of all, as the terms over pixels: elsewhere a background is copied, not generated
        with autocast(image.device, objective.precision):
            apart = objective.shift_tolerant(image, ground_truth, weight)
        terms[f"{name}_perceptual"] = distance = apart.mean()
        total = total + losses.perceptual * distance
    if objective.perceptual is not None:
        # the source already resembles itself: only the target is compared with it
        against = source if losses.affinity and name == "target" else None
        with autocast(image.device, objective.precision):
            content, style, alike = objective.perceptual(image, ground_truth, against, losses.affinity_temperature)
        terms[f"{name}_content"], terms[f"{name}_style"] = content, style
        total = total + losses.content * content + losses.style * style
        if alike is not None:
            terms["affinity"] = alike
            total = total + losses.affinity * alike
    return total


def update(
    state: TrainingState, network: torch.nn.Module, optimiser: torch.optim.Optimizer, clip: float, average: Any
) -> Tensor:
    """Move a network by the gradients gathered so far and forget them; returns their norm.

    Args:
        state: for its gradient scaler.
        network: the generator or the discriminator.
        optimiser: the network's.
        clip: largest norm of all gradients together; 0: never clipped.
        average: called with the gradients, to average them over processes in place.
    """
    average([parameter.grad for parameter in network.parameters() if parameter.grad is not None])
    state.scaler.unscale_(optimiser)
    norm = torch.nn.utils.clip_grad_norm_(network.parameters(), clip or float("inf"))
    state.scaler.step(optimiser)
    optimiser.zero_grad(set_to_none=True)
    return norm.detach()
