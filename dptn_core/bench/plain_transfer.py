"""The plain way of a transfer, for the benchmark to compare with: what the field's test code computes, as it does it.

The whole network runs for every pose: both poses are encoded from concatenated inputs, attention is torch's
MultiheadAttention, which holds its whole matrix to return it, norms are torch's. The self-reconstruction decoder is
left out, as it is for tests. The weights are those of the generator it is made from.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..network import Generator

Transfer = Callable[[Tensor, Tensor, Tensor], Tensor]


def plain_transfer(generator: Generator) -> Transfer:
    """A function of source image, source and target heat maps that draws what `generator.transfer` draws.

    Args:
        generator: with instance norm, in fp32; it is copied.
    """
    generator = copy.deepcopy(generator)
    norms = {name: _torch_norm(child) for name, child in generator.named_modules() if _is_norm(child)}
    for name, norm in norms.items():
        parent, _, own = name.rpartition(".")
        setattr(generator.get_submodule(parent), own, norm)
    attentions = {
        name: _torch_attention(cast("Any", child))
        for name, child in generator.named_modules()
        if name.endswith("_attention")
    }
    transformer: Any = generator.pose_transformer

    def attend(name: str, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        mixed: Tensor = attentions[f"pose_transformer.{name}"](q, k, v)[0]
        return mixed

    def features(heatmaps: Tensor, given: Tensor) -> Tensor:
        encoded: Tensor = generator.residual_blocks(generator.pose_encoder(torch.cat([given, heatmaps], dim=1)))
        return encoded

    def transfer(image: Tensor, source_maps: Tensor, target_maps: Tensor) -> Tensor:
        given = torch.cat([image, source_maps], dim=1)
        reconstruction, transformation = features(source_maps, given), features(target_maps, given)
        texture = _tokens(generator.source_encoder(image))
        context, tokens = _tokens(reconstruction), _tokens(transformation)
        for index, block in enumerate(transformer.context_blocks):
            found = attend(f"context_blocks.{index}.self_attention", context, context, context)
            context = _fed(block, _over(block.self_norm, context + found))
        for index, block in enumerate(transformer.texture_blocks):
            found = attend(f"texture_blocks.{index}.self_attention", tokens, tokens, tokens)
            tokens = _over(block.self_norm, tokens + found)
            found = attend(f"texture_blocks.{index}.cross_attention", tokens, context, texture)
            tokens = _fed(block, _over(block.cross_norm, tokens + found))
        x = _over(transformer.final_norm, tokens).transpose(1, 2).reshape(transformation.shape)
        for block in cast("Any", generator.decoder).blocks:
            raised = block.convolution(F.leaky_relu(block.norm_1(x), 0.1))
            x = block.up(F.leaky_relu(block.norm_2(raised), 0.1)) + block.bypass(x)
        generated: Tensor = generator.output.convolution(
            F.pad(F.leaky_relu(x, 0.1), (1, 1, 1, 1), mode="reflect")
        ).tanh()
        return generated

    return transfer


def _is_norm(module: nn.Module) -> bool:
    return type(module).__name__ == "InstanceNorm"


def _torch_norm(norm: Any) -> nn.Module:
    torchs = nn.InstanceNorm2d(len(norm.weight), eps=norm.eps, affine=True).to(norm.weight)
    torchs.load_state_dict(norm.state_dict())
    return torchs.eval()


def _torch_attention(attention: Any) -> nn.Module:
    features = attention.out_proj.in_features
    torchs = nn.MultiheadAttention(features, attention.heads, batch_first=True).to(attention.in_proj_weight)
    torchs.load_state_dict(attention.state_dict())
    return torchs.eval()


def _tokens(features: Tensor) -> Tensor:
    return features.flatten(2).transpose(1, 2)  # B, d, h, w -> B, T, d


def _over(norm: Any, tokens: Tensor) -> Tensor:
    normalised: Tensor = norm(tokens.transpose(1, 2).unsqueeze(-1))
    return normalised.squeeze(-1).transpose(1, 2)


def _fed(block: Any, tokens: Tensor) -> Tensor:
    hidden = F.leaky_relu(block.feed_forward.first(tokens), 0.1)
    return _over(block.feed_forward_norm, tokens + block.feed_forward.second(hidden))
