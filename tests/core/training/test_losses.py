"""Loss terms, each against a closed form or a second, plainer computation."""

from __future__ import annotations

import math
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from attention_fixture import dense, listed
from safetensors.torch import save_file
from torch import Tensor, nn

from dptn_core.checkpoint.weight_files import WeightFileError
from dptn_core.network import cross_entropy
from dptn_core.training.adversarial import Gan, discriminator_loss, generator_loss, gradient_penalty
from dptn_core.training.losses import attention_loss, attention_target, reconstruction_loss
from dptn_core.training.vgg_losses import PerceptualLoss, affinity, find_vgg_weights, gram


def random(*shape: int, seed: int = 0, spread: float = 1.0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * spread


def assert_close(found: Tensor | float, wanted: float, relative: float = 1e-5) -> None:
    found = found.detach().item() if isinstance(found, Tensor) else found
    assert found == pytest.approx(wanted, rel=relative), f"{found} is not {wanted}"


def assert_learns(loss: Tensor, *inputs: Tensor) -> None:
    gradients = torch.autograd.grad(loss, inputs)
    for gradient in gradients:
        assert torch.isfinite(gradient).all(), "a gradient is not finite"
        assert gradient.abs().max() > 0, "nothing can be learned from it"


# Reconstruction.

PLAIN = {"chroma": 1.0, "scales": (1,), "gradient": 0.0}


def areas(values: np.ndarray, scale: int) -> np.ndarray:
    """Means of whole squares of (H, W); what is left at the right and lower edge is dropped."""
    height, width = values.shape[0] // scale * scale, values.shape[1] // scale * scale
    whole = values[:height, :width].reshape(height // scale, scale, width // scale, scale)
    return whole.mean((1, 3))


def reconstruction_by_loops(image, ground_truth, weight, chroma, scales, gradient) -> float:
    """The definition in numpy: one row, one channel, one scale after the other."""
    image, ground_truth, weight = (np.asarray(v, dtype=np.float64) for v in (image, ground_truth, weight))
    r, g, b = np.moveaxis(image - ground_truth, 1, 0)
    channels = [
        0.299 * r + 0.587 * g + 0.114 * b,
        chroma * (-0.169 * r - 0.331 * g + 0.5 * b),
        chroma * (0.5 * r - 0.419 * g - 0.081 * b),
    ]
    total = 0.0
    for scale in scales:
        for row in range(len(image)):
            share = areas(weight[row, 0], scale)
            above = sum((np.abs(areas(channel[row], scale)) * share).sum() for channel in channels)
            total += above / (3 * share.sum()) / len(scales) / len(image)
    if gradient:
        bright = channels[0]
        down, across = bright[:, 1:] - bright[:, :-1], bright[:, :, 1:] - bright[:, :, :-1]
        for steps, share in ((down, weight[:, 0, 1:]), (across, weight[:, 0, :, 1:])):
            each = (np.abs(steps) * share).sum((1, 2)) / (3 * share.sum((1, 2)))
            total += gradient * each.mean()
    return float(total)


def test_equal_pictures_cost_nothing():
    image = random(2, 3, 16, 12)
    loss = reconstruction_loss(image, image, torch.ones(2, 1, 16, 12), chroma=2.4, scales=(1, 2, 4, 8), gradient=1.0)
    assert loss.item() == 0


def test_an_even_grey_difference_costs_a_third_of_itself_at_every_scale():
    """Grey differs in brightness only, one of three channels, and has no steps."""
    ground_truth = random(2, 3, 16, 12)
    for scales in ((1,), (2,), (1, 2, 4)):
        loss = reconstruction_loss(
            ground_truth + 0.3, ground_truth, torch.ones(2, 1, 16, 12), chroma=5.0, scales=scales, gradient=1.0
        )
        assert_close(loss, 0.1, 1e-3)


def test_a_checkerboard_vanishes_at_the_coarser_scale():
    ys, xs = torch.meshgrid(torch.arange(8), torch.arange(8), indexing="ij")
    ground_truth = torch.zeros(1, 3, 8, 8)
    image = ((ys + xs) % 2 * 2.0 - 1).expand(1, 3, 8, 8)
    one = torch.ones(1, 1, 8, 8)
    assert_close(reconstruction_loss(image, ground_truth, one, chroma=0.0, scales=(1,), gradient=0.0), 1 / 3, 1e-3)
    assert reconstruction_loss(image, ground_truth, one, chroma=0.0, scales=(2,), gradient=0.0).item() < 1e-6
    # every neighbour differs by 2, in both directions
    assert_close(reconstruction_loss(image, ground_truth, one, chroma=0.0, scales=(2,), gradient=1.0), 4 / 3, 1e-3)


def test_chroma_weighs_colour_and_leaves_brightness_alone():
    ground_truth, one = torch.zeros(1, 3, 8, 8), torch.ones(1, 1, 8, 8)
    red = ground_truth.clone()
    red[:, 0] = 1.0
    for chroma in (0.0, 1.0, 2.4):
        loss = reconstruction_loss(red, ground_truth, one, chroma=chroma, scales=(1,), gradient=0.0)
        assert_close(loss, (0.299 + chroma * (0.169 + 0.5)) / 3)


def test_pixels_count_by_their_weight_and_those_of_weight_0_not_at_all():
    ground_truth = torch.zeros(1, 3, 8, 8)
    image = ground_truth.clone()
    image[..., :4] = 0.6
    weight = torch.ones(1, 1, 8, 8)
    weight[..., :4] = 3.0
    assert_close(reconstruction_loss(image, ground_truth, weight, **PLAIN), 0.2 * 3 / 4, 1e-3)
    weight[..., :4] = 0.0
    assert reconstruction_loss(image, ground_truth, weight, **PLAIN).item() == 0
    # only the proportion counts
    some = 0.5 + random(1, 1, 8, 8).abs()
    assert_close(
        reconstruction_loss(image, ground_truth, 7 * some, **PLAIN),
        reconstruction_loss(image, ground_truth, some, **PLAIN).item(),
    )


@pytest.mark.parametrize("size", [(16, 12), (19, 13)])
@pytest.mark.parametrize(
    ("chroma", "scales", "gradient"), [(2.4, (1, 2, 4, 8), 1.0), (1.0, (1,), 0.0), (0.5, (2, 3), 0.3)]
)
def test_reconstruction_agrees_with_loops(size, chroma, scales, gradient):
    image, ground_truth = random(2, 3, *size, seed=1), random(2, 3, *size, seed=2)
    weight = random(2, 1, *size, seed=3).abs() + 0.1
    options = {"chroma": chroma, "scales": scales, "gradient": gradient}
    image.requires_grad_()
    loss = reconstruction_loss(image, ground_truth, weight, **options)
    assert_close(loss, reconstruction_by_loops(image.detach(), ground_truth, weight, **options))
    assert_learns(loss, image)


def test_scales_larger_than_the_picture_are_left_out():
    image, ground_truth, weight = random(1, 3, 8, 6, seed=1), random(1, 3, 8, 6, seed=2), torch.ones(1, 1, 8, 6)
    loss = reconstruction_loss(image, ground_truth, weight, chroma=1.0, scales=(1, 8), gradient=0.0)
    assert torch.isfinite(loss)
    assert 0 < loss.item() <= reconstruction_loss(image, ground_truth, weight, **PLAIN).item() * (1 + 1e-6)


# The adversary.


def test_least_squares_terms_have_their_closed_form():
    score = torch.tensor([[1.0, 0.0], [0.5, 3.0]])
    assert_close(generator_loss("lsgan", score), (0 + 1 + 0.25 + 4) / 4)
    assert_close(discriminator_loss("lsgan", score, score), 0.5 * ((0 + 1 + 0.25 + 4) / 4 + (1 + 0 + 0.25 + 9) / 4))
    assert discriminator_loss("lsgan", torch.ones(3), torch.zeros(3)).item() == 0


def test_hinge_terms_have_their_closed_form():
    real, fake = torch.tensor([2.0, 0.5, -1.0]), torch.tensor([-2.0, -0.5, 1.0])
    assert_close(discriminator_loss("hinge", real, fake), 0.5 * ((0 + 0.5 + 2) / 3 + (0 + 0.5 + 2) / 3))
    assert_close(generator_loss("hinge", fake), (2 + 0.5 - 1) / 3)


def test_wasserstein_terms_have_their_closed_form():
    real, fake = torch.tensor([2.0, 0.5]), torch.tensor([-2.0, 1.0])
    assert_close(discriminator_loss("wgan-gp", real, fake), -0.5 - 1.25)
    assert_close(generator_loss("wgan-gp", fake), 0.5)


def test_the_gradient_penalty_of_a_linear_critic_is_known():
    """Its gradient is its weight everywhere, whatever lies between the images."""
    weight = random(1, 3, 4, 5, seed=3).requires_grad_()
    real, fake, share = random(2, 3, 4, 5, seed=1), random(2, 3, 4, 5, seed=2), torch.tensor([0.2, 0.9])
    penalty = gradient_penalty(lambda x: (x * weight).flatten(1).sum(1), real, fake, share)
    assert_close(penalty.detach(), (weight.detach().norm().item() - 1) ** 2, relative=1e-4)
    assert_learns(penalty, weight)


def test_the_gradient_penalty_looks_between_the_pictures():
    """The critic sum(x^2) / 2 has the gradient x."""
    real, fake, share = random(2, 3, 4, 5, seed=1), random(2, 3, 4, 5, seed=2), torch.tensor([0.25, 0.5])
    between = fake + share[:, None, None, None] * (real - fake)
    wanted = ((between.flatten(1).norm(dim=1) - 1) ** 2).mean()
    penalty = gradient_penalty(lambda x: (x**2).flatten(1).sum(1) / 2, real, fake, share)
    assert_close(penalty.detach(), wanted.item(), relative=1e-4)


@pytest.mark.parametrize("gan", get_args(Gan))
def test_the_generator_wants_what_the_discriminator_refuses(gan):
    drawn = torch.full((4, 1, 2, 2), 0.3, requires_grad=True)
    upwards = torch.autograd.grad(generator_loss(gan, drawn), drawn)[0]
    downwards = torch.autograd.grad(discriminator_loss(gan, torch.ones(4, 1, 2, 2), drawn), drawn)[0]
    assert (upwards < 0).all()
    assert (downwards > 0).all()
    assert_learns(generator_loss(gan, drawn), drawn)


# Attention.


def attention_target_by_loops(correspondence: np.ndarray, seen: np.ndarray, stride: int, samples: int):
    """Every sampled pixel of every target token shares its vote between the four source tokens around its place."""
    batch, height, width, _ = correspondence.shape
    rows, columns = height // stride, width // stride
    target, known = np.zeros((batch, rows * columns, rows * columns)), np.zeros((batch, rows * columns))
    inner = [(i * stride + stride // 2) // samples for i in range(samples)]
    for b in range(batch):
        for token in range(rows * columns):
            for dy in inner:
                for dx in inner:
                    y, x = token // columns * stride + dy, token % columns * stride + dx
                    if not seen[b, y, x]:
                        continue
                    known[b, token] += 1 / samples**2
                    place_x, place_y = correspondence[b, y, x] / stride - 0.5
                    for row in (math.floor(place_y), math.floor(place_y) + 1):
                        for column in (math.floor(place_x), math.floor(place_x) + 1):
                            vote = (1 - abs(place_y - row)) * (1 - abs(place_x - column))
                            kept = min(max(row, 0), rows - 1) * columns + min(max(column, 0), columns - 1)
                            target[b, token, kept] += vote
            if known[b, token]:
                target[b, token] /= target[b, token].sum()
    return target, known


@pytest.mark.parametrize(("stride", "samples"), [(8, 4), (4, 4), (8, 2), (2, 4)])
def test_attention_targets_agree_with_loops(stride, samples):
    rng = np.random.default_rng(stride)
    height, width = 4 * stride, 3 * stride
    correspondence = rng.uniform(0, 1, (2, height, width, 2)) * [width, height]
    seen = rng.random((2, height, width)) < 0.6
    seen[0, :stride, :stride] = False
    target, known = attention_target(
        torch.from_numpy(correspondence).float(), torch.from_numpy(seen), stride, samples=samples
    )
    target = dense(target)
    wanted, wanted_known = attention_target_by_loops(correspondence, seen, stride, samples)
    assert np.abs(target.numpy() - wanted).max() < 1e-4
    assert np.abs(known.numpy() - wanted_known).max() < 1e-6
    assert known[0, 0] == 0
    assert not target[0, 0].any(), "a token of which nothing is seen should want nothing"
    sums = target.sum(-1)
    assert torch.allclose(sums[known > 0], torch.ones_like(sums[known > 0]), atol=1e-5)


def test_what_stays_where_it_is_is_looked_for_there():
    ys, xs = torch.meshgrid(torch.arange(32) + 0.5, torch.arange(24) + 0.5, indexing="ij")
    own = torch.stack([xs, ys], -1)[None]
    target, known = attention_target(own, torch.ones(1, 32, 24, dtype=torch.bool), 8)
    assert (known == 1).all()
    assert torch.equal(dense(target).argmax(-1), torch.arange(12)[None])


def test_attention_loss_has_its_closed_form():
    attention = torch.tensor([[[0.5, 0.25, 0.25], [0.1, 0.1, 0.8], [0.2, 0.3, 0.5]]], requires_grad=True)
    target = torch.tensor([[[1.0, 0.0, 0.0], [0.0, 0.5, 0.5], [0.0, 0.0, 0.0]]])
    weight = torch.tensor([[2.0, 1.0, 0.0]])
    wanted = (2 * -math.log(0.5) - 0.5 * (math.log(0.1) + math.log(0.8))) / 3
    loss = attention_loss(cross_entropy(attention, listed(target)), weight)
    assert_close(loss, wanted, 1e-4)
    assert_learns(loss, attention)


def test_attention_loss_is_least_at_the_truth_and_finite_at_its_opposite():
    target = torch.softmax(random(1, 6, 6), -1)
    weight = torch.ones(1, 6)
    best = attention_loss(cross_entropy(target, listed(target)), weight)
    for seed in range(5):
        other = torch.softmax(random(1, 6, 6, seed=seed + 1), -1)
        assert attention_loss(cross_entropy(other, listed(target)), weight) > best
    nowhere = torch.zeros(1, 6, 6, requires_grad=True)
    loss = attention_loss(cross_entropy(nowhere, listed(target)), weight)
    assert torch.isfinite(loss)
    assert_learns(loss, nowhere)


def test_where_nothing_is_known_attention_costs_nothing():
    attention = torch.softmax(random(2, 4, 4), -1)
    loss = attention_loss(cross_entropy(attention, listed(torch.zeros(2, 4, 4))), torch.zeros(2, 4))
    assert loss.item() == 0


# VGG19.

# (blocks of VGG19, convolutions a block, channels); a name like relu3_2 is the 2nd ReLU of the 3rd block.
_CONVOLUTIONS = (2, 2, 4, 4, 4)
_CHANNELS = (64, 128, 256, 512, 512)
CONTENT = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
STYLE = ("relu2_2", "relu3_4", "relu4_4", "relu5_2")


def counted_layers() -> list[str]:
    """What stands at each index of torchvision's `features`, by counting through the published network."""
    names = []
    for block, convolutions in enumerate(_CONVOLUTIONS, start=1):
        for number in range(1, convolutions + 1):
            names += [f"conv{block}_{number}", f"relu{block}_{number}"]
        names.append(f"pool{block}")
    return names


@pytest.fixture(scope="module")
def vgg_weights() -> dict[str, Tensor]:
    """Random weights under torchvision's names, scaled so that features neither vanish nor explode."""
    weights, before = {}, 3
    generator = torch.Generator().manual_seed(11)
    for index, name in enumerate(counted_layers()):
        if name.startswith("conv"):
            channels = _CHANNELS[int(name[4]) - 1]
            weights[f"features.{index}.weight"] = torch.randn(channels, before, 3, 3, generator=generator) * math.sqrt(
                2 / (9 * before)
            )
            weights[f"features.{index}.bias"] = torch.randn(channels, generator=generator) * 0.05
            before = channels
    return weights


@pytest.fixture(scope="module")
def perceptual(vgg_weights, tmp_path_factory) -> PerceptualLoss:
    path = tmp_path_factory.mktemp("vgg") / "vgg19-tiny.pth"
    torch.save(vgg_weights, path)
    return PerceptualLoss.load(path)


def features_by_name(image: Tensor, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """VGG19 written out in functional calls."""
    found = {}
    for index, name in enumerate(counted_layers()):
        if name.startswith("conv"):
            image = nn.functional.conv2d(
                image, weights[f"features.{index}.weight"], weights[f"features.{index}.bias"], padding=1
            )
        elif name.startswith("relu"):
            image = image.clamp(min=0)
            found[name] = image
        else:
            image = nn.functional.max_pool2d(image, 2)
        if name == "relu5_2":
            break
    return found


def test_gram_matrices_are_channel_products_over_everything():
    features = random(2, 3, 4, 5)
    found = gram(features)
    assert tuple(found.shape) == (2, 3, 3)
    for b in range(2):
        for i in range(3):
            for j in range(3):
                wanted = float((features[b, i].double() * features[b, j].double()).sum()) / (3 * 4 * 5)
                assert float(found[b, i, j]) == pytest.approx(wanted, abs=1e-6)


def test_content_and_style_agree_with_a_second_computation(perceptual, vgg_weights):
    image = random(2, 3, 32, 24, seed=1, spread=0.5).clamp(-1, 1).requires_grad_()
    ground_truth = random(2, 3, 32, 24, seed=2, spread=0.5).clamp(-1, 1)
    content, style, _ = perceptual(image, ground_truth)
    drawn = {k: v.detach().double().numpy() for k, v in features_by_name(image.detach(), vgg_weights).items()}
    wanted = {k: v.double().numpy() for k, v in features_by_name(ground_truth, vgg_weights).items()}

    def by_einsum(values: np.ndarray) -> np.ndarray:
        return np.einsum("bihw,bjhw->bij", values, values) / np.prod(values.shape[1:])

    assert_close(content, sum(np.abs(drawn[n] - wanted[n]).mean() for n in CONTENT), 1e-4)
    assert_close(style, sum(np.abs(by_einsum(drawn[n]) - by_einsum(wanted[n])).mean() for n in STYLE), 1e-4)
    assert_learns(content, image)
    image.grad = None
    assert_learns(perceptual(image, ground_truth)[1], image)


def test_equal_pictures_have_equal_features(perceptual):
    image = random(1, 3, 32, 24).clamp(-1, 1)
    assert [term.item() for term in perceptual(image, image, image)] == [0, 0, 0]


def test_vgg_is_never_trained(perceptual):
    assert not any(parameter.requires_grad for parameter in perceptual.parameters())


def test_weights_load_from_safetensors_and_with_the_classifier_beside_them(tmp_path, vgg_weights, perceptual):
    path = tmp_path / "vgg19.safetensors"
    save_file({**vgg_weights, "classifier.6.bias": torch.zeros(1000)}, path)
    again = PerceptualLoss.load(path)
    image, ground_truth = random(1, 3, 16, 16, seed=1), random(1, 3, 16, 16, seed=2)
    for found, wanted in zip(
        again(image, ground_truth, ground_truth), perceptual(image, ground_truth, ground_truth), strict=True
    ):
        assert torch.equal(found, wanted)


@pytest.mark.parametrize("what", ["other weights", "cut short", "text", "no weights at all"])
def test_files_that_hold_no_vgg_are_refused_by_name(tmp_path, what):
    path = tmp_path / "wrong.pth"
    if what == "other weights":
        torch.save({"features.0.weight": torch.zeros(64, 3, 3, 3)}, path)
    elif what == "no weights at all":
        torch.save([1, 2], path)
    elif what == "text":
        path.write_text("not found")
    else:
        torch.save({"features.0.weight": torch.zeros(64, 3, 3, 3)}, path)
        path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(WeightFileError, match=r"wrong\.pth") as raised:
        PerceptualLoss.load(path)
    assert "\n" not in str(raised.value), "an error is one line"


def test_a_named_file_is_taken_and_a_missing_one_is_refused(tmp_path):
    path = tmp_path / "here.pth"
    path.touch()
    assert find_vgg_weights(str(path)) == path
    with pytest.raises(WeightFileError, match=r"losses\.vgg: .*absent\.pth"):
        find_vgg_weights(str(tmp_path / "absent.pth"))
    with pytest.raises(WeightFileError):
        find_vgg_weights(str(tmp_path))


def test_torchvisions_cache_is_looked_into_and_may_be_empty(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    assert find_vgg_weights() is None
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "vgg16-397923af.pth").touch()
    assert find_vgg_weights() is None
    cached = tmp_path / "checkpoints" / "vgg19-dcbb9e9d.pth"
    cached.touch()
    assert find_vgg_weights() == Path(cached)


# Affinity to the source (DPTN-TA).


def affinity_by_loops(features: Tensor, source: Tensor, temperature: float) -> np.ndarray:
    """The definition in numpy: one place of the one image against each of the other's."""
    query, key = (np.asarray(x, np.float64) for x in (features, source))
    shares = np.zeros((len(query), query[0, 0].size, key[0, 0].size))
    for b in range(len(query)):
        for n, (y, x) in enumerate(np.ndindex(query.shape[2:])):
            alike = []
            for v, u in np.ndindex(key.shape[2:]):
                one, other = query[b, :, y, x], key[b, :, v, u]
                alike.append(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)) / temperature)
            shares[b, n] = np.exp(alike) / np.exp(alike).sum()
    return shares


@pytest.mark.parametrize("temperature", [1.0, 0.1])
def test_affinity_is_the_softmax_of_cosines(temperature):
    features, source = random(2, 5, 3, 4, seed=1), random(2, 5, 2, 3, seed=2)
    found = affinity(features, source, temperature)
    np.testing.assert_allclose(found.numpy(), affinity_by_loops(features, source, temperature), rtol=1e-5)


def test_places_without_features_are_alike_to_all():
    found = affinity(torch.zeros(1, 4, 2, 2), random(1, 4, 2, 3, seed=1))
    np.testing.assert_allclose(found.numpy(), 1 / 6, rtol=1e-6)


def test_the_affinity_term_is_the_distance_of_affinities_at_two_layers(perceptual):
    image, ground_truth, source = (random(1, 3, 32, 32, seed=seed).tanh() for seed in (1, 2, 3))
    _, _, found = perceptual(image, ground_truth, source, 0.5)
    wanted = 0.0
    drawn, true, known = (perceptual.activations(x) for x in (image, ground_truth, source))
    for layer in (20, 29):
        pair = (affinity_by_loops(x[layer], known[layer], 0.5) for x in (drawn, true))
        wanted += float(np.abs(np.subtract(*pair)).mean())
    assert_close(found, wanted, relative=1e-4)


def test_the_affinity_term_teaches_the_drawn_picture(perceptual):
    image = random(1, 3, 32, 32, seed=1).tanh().requires_grad_()
    ground_truth, source = random(1, 3, 32, 32, seed=2).tanh(), random(1, 3, 32, 32, seed=3).tanh()
    assert_learns(perceptual(image, ground_truth, source)[2], image)
