"""Behaviour of the networks at many sizes, with tiny models."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import pytest
import torch
from generator_fixture import TINY, build, inputs
from torch import Tensor
from torch.nn import functional as F

from dptn_core.network import (
    Discriminator,
    DiscriminatorConfig,
    Generator,
    GeneratorConfig,
    initialise,
    keep_norms_fp32,
    official_to_ours,
    ours_to_official,
)

VARIANTS = [
    TINY,
    dataclasses.replace(TINY, norm="batch"),
    dataclasses.replace(TINY, heads=1, residual_blocks=3, context_blocks=1, texture_blocks=3),
    dataclasses.replace(TINY, heads=4, down_steps=2, residual_blocks=2, context_blocks=3, texture_blocks=1),
    dataclasses.replace(TINY, down_steps=4, image_channels=4, norm="batch"),
    dataclasses.replace(TINY, residual_blocks=0, context_blocks=0, texture_blocks=1, down_steps=1),
]


@pytest.mark.parametrize("size", [(64, 48), (40, 72), (64, 64)], ids=str)
@pytest.mark.parametrize("config", VARIANTS, ids=lambda config: f"{config.norm}-{config.down_steps}-{config.heads}")
def test_transfer_of_an_encoded_source_equals_forward(config: GeneratorConfig, size: tuple[int, int]) -> None:
    if size == (40, 72) and config.down_steps == 4:
        size = (48, 80)  # the next one that is divisible by 16
    generator = build(config)
    image, source, target = inputs(config, size=size)
    with torch.inference_mode():
        target_image, source_image = generator(image, source, target)
        features = generator.encode_source(image, source)
        assert features.grid == (size[0] // config.stride, size[1] // config.stride)
        assert features.image_size == size
        torch.testing.assert_close(generator.transfer(features, target), target_image, atol=1e-5, rtol=0)
        torch.testing.assert_close(generator.reconstruct(features), source_image, atol=1e-5, rtol=0)
    assert target_image.shape == source_image.shape == image.shape
    assert target_image.abs().max() <= 1


def test_one_source_with_many_poses_equals_one_by_one() -> None:
    generator = build()
    image, source, target = inputs(batch=3)
    with torch.inference_mode():
        features = generator.encode_source(image, source)
        first = features.select(0)
        together = generator.transfer(first, target)
        apart = torch.cat([generator.transfer(first, pose[None]) for pose in target])
        torch.testing.assert_close(together, apart, atol=1e-5, rtol=0)
        alone = generator.encode_source(image[:1], source[:1])
        torch.testing.assert_close(generator.transfer(alone, target), together, atol=1e-5, rtol=0)
        expanded = first.expand(3)
        assert expanded.batch_size == 3
        assert expanded.reconstruction.data_ptr() == features.reconstruction.data_ptr()  # a view, not a copy


def test_several_sources_are_served_pose_by_pose() -> None:
    generator = build()
    image, source, target = inputs(batch=2)
    with torch.inference_mode():
        features = generator.encode_source(image, source)
        together = generator.transfer(features, target)
        apart = torch.cat([generator.transfer(features.select(i), target[i : i + 1]) for i in range(2)])
    torch.testing.assert_close(together, apart, atol=1e-5, rtol=0)


def test_source_features_move_as_one() -> None:
    features = build().encode_source(*inputs()[:2]).to(dtype=torch.float64)
    tensors = [features.first_convolution, features.reconstruction]
    tensors += [tensor for pair in features.keys_and_values for tensor in pair]
    assert {tensor.dtype for tensor in tensors} == {torch.float64}
    with pytest.raises(IndexError, match="source 2 was asked for; there are 2"):
        features.select(2)
    assert features.select(-1).reconstruction.equal(features.reconstruction[1:])


def plain_norm(x: Tensor, module: torch.nn.Module) -> Tensor:
    mean, variance = x.mean(1, keepdim=True), x.var(1, correction=0, keepdim=True)
    return (x - mean) / (variance + 1e-5).sqrt() * module.weight + module.bias


def plain_attention(module: Any, q: Tensor, k: Tensor, v: Tensor, heads: int) -> tuple[Tensor, Tensor]:
    """torch's own multi-head attention under the same parameters."""
    reference = torch.nn.MultiheadAttention(q.shape[-1], heads, batch_first=True)
    reference.load_state_dict(module.state_dict())
    return reference(q, k, v, average_attn_weights=False)


def plain_cross_attention(generator: Generator, image: Tensor, source: Tensor, target: Tensor) -> list[Tensor]:
    """Every cross-attention, computed the long way round."""
    heads, slope, transformer = generator.config.heads, 0.1, generator.pose_transformer

    def feed_forward(block: Any, x: Tensor) -> Tensor:
        hidden = F.leaky_relu(block.feed_forward.first(x), slope)
        return plain_norm(x + block.feed_forward.second(hidden), block.feed_forward_norm)

    def features(heatmaps: Tensor) -> Tensor:
        encoded = generator.pose_encoder(torch.cat([image, source, heatmaps], 1))
        return generator.residual_blocks(encoded).flatten(2).mT

    context = features(source)
    for block in transformer.context_blocks:
        attended = plain_attention(block.self_attention, context, context, context, heads)[0]
        context = feed_forward(block, plain_norm(context + attended, block.self_norm))
    texture, tokens, found = generator.source_encoder(image).flatten(2).mT, features(target), []
    for block in transformer.texture_blocks:
        attended = plain_attention(block.self_attention, tokens, tokens, tokens, heads)[0]
        tokens = plain_norm(tokens + attended, block.self_norm)
        attended, weights = plain_attention(block.cross_attention, tokens, context, texture, heads)
        found.append(weights)
        tokens = feed_forward(block, plain_norm(tokens + attended, block.cross_norm))
    return found


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_attention_rows_equal_a_plain_computation(heads: int) -> None:
    config = dataclasses.replace(TINY, heads=heads)
    generator = build(config)
    image, source, target = inputs(config)
    rows = [0, 17, 3, 47]
    with torch.inference_mode():
        features = generator.encode_source(image, source)
        expected = plain_cross_attention(generator, image, source, target)
        for layer in (0, 1, -1):
            found = generator.attention_rows(features, target, rows, layer, average_heads=False)
            torch.testing.assert_close(found, expected[layer][:, :, rows], atol=1e-6, rtol=1e-4)
            torch.testing.assert_close(found.sum(-1), torch.ones(2, heads, 4))
            averaged = generator.attention_rows(features, target, torch.tensor(rows), layer)
            torch.testing.assert_close(averaged, found.mean(1))
        first, queries = generator.attention_queries(features, target)
        torch.testing.assert_close(generator.attention_queries(features, target, 0), [first])
        torch.testing.assert_close(generator.attention_of(features, queries[:, :, rows]), averaged)


def test_forward_with_attention_returns_the_same_pictures_and_whole_matrices() -> None:
    generator = build()
    image, source, target = inputs()
    *images, attention = generator.forward_with_attention(image, source, target, [-1, 0])
    for found, expected in zip(images, generator(image, source, target), strict=True):
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    features = generator.encode_source(image, source)
    for layer, matrix in zip((1, 0), attention, strict=True):
        expected = generator.attention_rows(features, target, range(48), layer)
        torch.testing.assert_close(matrix, expected, atol=1e-6, rtol=1e-4)
    attention[0].square().sum().backward()
    gradient = generator.pose_transformer.texture_blocks[1].cross_attention.in_proj_weight.grad
    assert gradient is not None and gradient.abs().sum() > 0


@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_gradients_reach_every_parameter(norm: Any) -> None:
    config = dataclasses.replace(TINY, norm=norm)
    generator = build(config).train()
    target_image, source_image = generator(*inputs(config))
    (target_image.square().mean() + source_image.square().mean()).backward()
    assert [name for name, p in generator.named_parameters() if p.grad is None or not p.grad.isfinite().all()] == []
    silent = [name for name, p in generator.named_parameters() if p.grad is not None and not p.grad.any()]
    assert silent == []


@pytest.mark.parametrize("config", VARIANTS, ids=lambda config: f"{config.norm}-{config.down_steps}-{config.heads}")
def test_generator_names_map_one_to_one(config: GeneratorConfig) -> None:
    ours = list(Generator(config).state_dict())
    official = [ours_to_official(key) for key in ours]
    assert len(set(official)) == len(ours)
    assert [official_to_ours(key) for key in official] == ours


@pytest.mark.parametrize("layers", [1, 3, 4])
def test_discriminator_names_map_one_to_one(layers: int) -> None:
    ours = list(Discriminator(DiscriminatorConfig(base_features=4, layers=layers)).state_dict())
    official = [ours_to_official(key, "discriminator") for key in ours]
    assert len(set(official)) == len(ours)
    assert [official_to_ours(key, "discriminator") for key in official] == ours


@pytest.mark.parametrize("key", ["block0.model.2.weight", "encoder01.model.0.weight", "PTM.norm.weight", ""])
def test_foreign_names_are_refused(key: str) -> None:
    with pytest.raises(KeyError, match="is not a canonical key of the official generator"):
        official_to_ours(key)
    with pytest.raises(KeyError, match="is not a key of this generator"):
        ours_to_official(key)


def test_configs_survive_a_dictionary_and_refuse_unknown_keys() -> None:
    for config in VARIANTS:
        assert GeneratorConfig.from_dict(config.to_dict()) == config
    assert DiscriminatorConfig.from_dict({"layers": 3}) == DiscriminatorConfig(layers=3)
    with pytest.raises(ValueError, match="GeneratorConfig has no ngf; allowed: image_channels, "):
        GeneratorConfig.from_dict({"ngf": 64})
    with pytest.raises(ValueError, match="DiscriminatorConfig has no norm"):
        DiscriminatorConfig.from_dict({"norm": "batch"})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"heads": 3}, "heads is 3; allowed: a divisor of the 256 token features"),
        ({"norm": "layer"}, "norm is 'layer'; allowed: instance, batch"),
        ({"down_steps": 0}, "down_steps is 0; allowed: an integer of at least 1"),
        ({"residual_blocks": -1}, "residual_blocks is -1; allowed: an integer of at least 0"),
        ({"base_features": 64.0}, "base_features is 64.0; allowed: an integer of at least 1"),
        ({"base_features": 1024}, "base_features is 1024; allowed: at most max_features, which is 512"),
    ],
)
def test_impossible_sizes_are_refused_in_words(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GeneratorConfig(**values)


def test_misfits_are_refused_in_words() -> None:
    generator = build()
    image, source, target = inputs()
    features = generator.encode_source(image, source)
    with pytest.raises(ValueError, match=r"expected image of shape \(batch, 3, height, width\), got \(2, 5, 64, 48\)"):
        generator.encode_source(source, source)
    with pytest.raises(ValueError, match=r"image is 60 x 48 .* divisible by 8: resize or pad it to 64 x 48"):
        generator.encode_source(image[:, :, :60], source[:, :, :60])
    with pytest.raises(ValueError, match=r"image is 8 x 8 .* a single token"):
        generator.encode_source(image[:, :, :8, :8], source[:, :, :8, :8])
    with pytest.raises(ValueError, match="source_heatmaps holds 1 and image 2"):
        generator.encode_source(image, source[:1])
    with pytest.raises(ValueError, match="target_heatmaps is 32 x 48 and the source 64 x 48"):
        generator.transfer(features, target[:, :, :32])
    with pytest.raises(ValueError, match="2 sources cannot meet 3 target poses"):
        generator.transfer(features, torch.cat([target, target[:1]]))
    with pytest.raises(ValueError, match="expected target_heatmaps of shape"):
        generator.transfer(features, target[0])
    with pytest.raises(IndexError, match="rows reach from 0 to 48; there are 48 tokens"):
        generator.attention_rows(features, target, [0, 48])
    with pytest.raises(IndexError, match="layer is 2; there are 2 texture transfer blocks"):
        generator.attention_rows(features, target, [0], layer=2)
    with pytest.raises(ValueError, match="divisible by 16"):
        Discriminator()(image[:, :, :40])


def test_the_smallest_picture_works() -> None:
    image, source, target = inputs(size=(16, 8))
    assert build()(image, source, target)[0].shape == image.shape


@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_bf16_keeps_norms_in_fp32_and_stays_close(norm: Any) -> None:
    config = dataclasses.replace(TINY, norm=norm)
    exact = build(config)
    half = copy.deepcopy(exact).to(torch.bfloat16)
    keep_norms_fp32(half)
    half.load_state_dict(exact.state_dict())
    widths = {p.dtype for name, p in half.named_parameters() if "norm" in name}
    assert widths == {torch.float32}
    arguments = inputs(config)
    with torch.inference_mode():
        found = half(*(x.bfloat16() for x in arguments))[0]
        expected = exact(*arguments)[0]
    assert found.dtype == torch.bfloat16
    assert (found.float() - expected).abs().mean() < 0.02


def test_channels_last_gives_the_same_picture() -> None:
    generator = build()
    arguments = inputs()
    with torch.inference_mode():
        expected = generator(*arguments)[0]
        generator = generator.to(memory_format=torch.channels_last)
        found = generator(*(x.to(memory_format=torch.channels_last) for x in arguments))[0]
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_initialisation_is_orthogonal_and_leaves_norms_neutral() -> None:
    generator, discriminator = build(), Discriminator(DiscriminatorConfig(base_features=4, layers=2))
    initialise(generator, gain=0.02)
    rows = generator.residual_blocks[0].convolution_1.weight.flatten(1)
    torch.testing.assert_close(rows @ rows.T, 0.02**2 * torch.eye(len(rows)), atol=1e-6, rtol=0)
    for name, parameter in generator.named_parameters():
        if parameter.ndim == 1:
            assert (parameter == (1 if name.endswith("weight") else 0)).all(), name
    assert generator.pose_transformer.context_blocks[0].feed_forward.first.weight.std() > 0.1
    initialise(discriminator)
    weight = discriminator.eval().first.down.weight.flatten(1)
    assert torch.linalg.matrix_norm(weight, ord=2).item() == pytest.approx(1, abs=0.05)
    assert discriminator(inputs()[0]).shape == (2, 1, 16, 12)
