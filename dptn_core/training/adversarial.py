"""The adversarial terms: least squares (the paper's), hinge, and Wasserstein with a gradient penalty."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

Gan = Literal["lsgan", "hinge", "wgan-gp"]


def generator_loss(gan: Gan, score: Tensor) -> Tensor:
    """What the generator wants of the scores of its images, any shape: to be 1 (LSGAN), or to be high."""
    return ((score - 1) ** 2).mean() if gan == "lsgan" else -score.mean()


def discriminator_loss(gan: Gan, real: Tensor, fake: Tensor) -> Tensor:
    """What the discriminator wants of its scores of real and generated images, any shape.

    LSGAN (Mao et al. 2017): 1 and 0, the mean of both halves. Hinge (Lim and Ye 2017): above 1 and below -1, the mean
    of both halves. WGAN (Arjovsky et al. 2017): as far apart as they get; see `gradient_penalty`.
    """
    if gan == "lsgan":
        return 0.5 * (((real - 1) ** 2).mean() + (fake**2).mean())
    if gan == "hinge":
        return 0.5 * (functional.relu(1 - real).mean() + functional.relu(1 + fake).mean())
    return fake.mean() - real.mean()


def gradient_penalty(critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, fraction: Tensor) -> Tensor:
    """WGAN-GP (Gulrajani et al. 2017): squared distance of the critic's gradient from length 1, between both images.

    Args:
        critic: scores (B, 3, H, W) images.
        real, fake: (B, 3, H, W), without graph.
        fraction: (B,) in 0..1, where between them each image lies.

    Returns:
        Scalar, the mean over the batch, differentiable in the critic's weights.
    """
    between = torch.lerp(fake, real, fraction[:, None, None, None]).requires_grad_()
    (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    length = (slope.flatten(1).square().sum(1) + 1e-12).sqrt()
    return ((length - 1) ** 2).mean()
