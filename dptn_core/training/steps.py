"""One update of each network."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..precision import Precision, autocast
from .batches import Batch
from .config import LossConfig, OptimiserConfig
from .losses import attention_loss, lsgan_discriminator_loss, lsgan_generator_loss, reconstruction_loss
from .perceptual import PerceptualLoss
from .state import TrainingState


@dataclass(frozen=True)
class Drawn:
    """What the generator made of a batch, with its graph."""

    target: Tensor  # (B, 3, H, W)
    source: Tensor  # (B, 3, H, W)
    attention: list[Tensor]  # (B, T, T) a Texture Transfer Block


def draw(state: TrainingState, batch: Batch, losses: LossConfig, precision: Precision) -> Drawn:
    """Run both branches of the generator."""
    layers = range(state.generator.config.texture_blocks) if losses.attention else ()
    with autocast(batch.source.device, precision):
        target, source, attention = state.generator.forward_with_attention(
            batch.source, batch.source_heatmaps, batch.target_heatmaps, tuple(layers)
        )
    return Drawn(target.float(), source.float(), attention)


def discriminator_step(state: TrainingState, batch: Batch, drawn: Drawn, precision: Precision) -> dict[str, Tensor]:
    """Teach the discriminator to tell drawn targets from real ones; returns its loss."""
    state.discriminator_optimiser.zero_grad(set_to_none=True)
    with autocast(batch.source.device, precision):
        real = state.discriminator(batch.target)
        fake = state.discriminator(drawn.target.detach())
    loss = lsgan_discriminator_loss(real.float(), fake.float())
    state.scaler.scale(loss).backward()
    state.scaler.step(state.discriminator_optimiser)
    return {"discriminator": loss.detach()}


def generator_step(
    state: TrainingState,
    batch: Batch,
    drawn: Drawn,
    losses: LossConfig,
    optimiser: OptimiserConfig,
    perceptual: PerceptualLoss | None,
    precision: Precision,
    *,
    adversarial: bool,
) -> dict[str, Tensor]:
    """Update the generator on the dual-task objective; returns its terms, `total`, and the gradients' norm."""
    state.generator_optimiser.zero_grad(set_to_none=True)
    terms: dict[str, Tensor] = {}
    branches = (
        ("target", drawn.target, batch.target, batch.target_mask, losses.target_share),
        ("source", drawn.source, batch.source, batch.source_mask, 1 - losses.target_share),
    )
    total = drawn.target.new_zeros(())
    for name, image, truth, mask, share in branches:
        if not share:
            continue
        weight = 1 + (losses.foreground - 1) * mask[:, None].to(image.dtype)
        terms[f"{name}_reconstruction"] = reconstruction = reconstruction_loss(
            image, truth, weight, chroma=losses.chroma, scales=losses.scales, gradient=losses.gradient
        )
        total = total + share * losses.reconstruction * reconstruction
        if perceptual is not None:
            with autocast(image.device, precision):
                content, style = perceptual(image, truth)
            terms[f"{name}_content"], terms[f"{name}_style"] = content, style
            total = total + share * (losses.content * content + losses.style * style)
    if drawn.attention:
        terms["attention"] = torch.stack(
            [attention_loss(rows, batch.attention, batch.attention_weight) for rows in drawn.attention]
        ).mean()
        total = total + losses.attention * terms["attention"]
    if adversarial:
        # only the generator learns from this term
        state.discriminator.requires_grad_(False)
        with autocast(drawn.target.device, precision):
            score = state.discriminator(drawn.target)
        state.discriminator.requires_grad_(True)
        terms["adversarial"] = lsgan_generator_loss(score.float())
        total = total + losses.adversarial * terms["adversarial"]

    state.scaler.scale(total).backward()
    state.scaler.unscale_(state.generator_optimiser)
    limit = optimiser.clip or float("inf")
    terms["gradient_norm"] = torch.nn.utils.clip_grad_norm_(state.generator.parameters(), limit)
    state.scaler.step(state.generator_optimiser)
    terms["total"] = total
    return {name: value.detach() for name, value in terms.items()}
