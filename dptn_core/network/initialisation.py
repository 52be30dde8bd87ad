"""The paper's initialisation (section 4): orthogonal convolutions, Xavier in the pose transformer."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from .attention_weights import MultiHeadAttention
from .norms import BatchNorm, InstanceNorm

_POWER_ITERATIONS = 15


def initialise(network: nn.Module, gain: float = 0.02) -> None:
    """Initialise a generator or a discriminator in place, from torch's global random state.

    Args:
        network: In fp32.
        gain: Gain of the orthogonal convolutions. Biases become 0, norm weights 1; the pose transformer's
            linear layers are Xavier-uniform whatever the gain.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.orthogonal_(_stored_weight(module), gain)
            _clear(module.bias)
            _refresh_spectral_norm(module)
        elif isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            _clear(module.bias)
        elif isinstance(module, MultiHeadAttention):
            nn.init.xavier_uniform_(module.in_proj_weight)
            _clear(module.in_proj_bias)
        elif isinstance(module, InstanceNorm | BatchNorm):
            nn.init.ones_(module.weight)
            _clear(module.bias)


def _clear(bias: Tensor | None) -> None:
    if bias is not None:
        nn.init.zeros_(bias)


def _stored_weight(module: nn.Conv2d | nn.ConvTranspose2d) -> Tensor:
    if parametrize.is_parametrized(module, "weight"):
        stored: Tensor = module.get_parameter("parametrizations.weight.original")
        return stored
    return module.weight


def _refresh_spectral_norm(module: nn.Module) -> None:
    """Let the power iteration follow the new weight, so the first evaluation is scaled right too."""
    if not parametrize.is_parametrized(module, "weight"):
        return
    was_training = module.training
    module.train()
    with torch.no_grad():
        for _ in range(_POWER_ITERATIONS):
            module.weight  # noqa: B018 - in training every access is one iteration
    module.train(was_training)
