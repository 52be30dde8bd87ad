"""The network is the published one: same names and shapes, same outputs under the same weights.

The fixture's arrays were computed in fp32, where two correct implementations need not agree to 1e-4: with
weights this sharp (attention projections times three) the transformation branch amplifies rounding. Measured
on the same weights, a fp64 run and fp32 runs of this network with other kernels (instance_norm, explicit
softmax, undivided first convolution, one thread, no oneDNN) all lie 2e-4 to 3e-4 apart on average in
`image_t` and up to 1.7e-2 in single pixels, and as far from the fixture. So what is well conditioned is held
to 1e-4, and what is not is held to that spread, in fp64 as well as in fp32.
"""

from __future__ import annotations

import pytest
import torch
from network_fixture import (
    canonical_entries,
    load_reference,
    official_entries,
    reference_inputs,
    reference_numbers,
    reference_outputs,
)
from torch import Tensor

from dptn_core.network import (
    Discriminator,
    Generator,
    SourceFeatures,
    canonical_official,
    official_to_ours,
    ours_to_official,
)

Outputs = tuple[Tensor, Tensor, SourceFeatures]


@pytest.fixture(scope="module")
def expected() -> dict[str, Tensor]:
    return reference_outputs()


@pytest.fixture(scope="module", params=[torch.float32, torch.float64], ids=["fp32", "fp64"])
def generator(request: pytest.FixtureRequest) -> Generator:
    network = Generator()
    load_reference(network)
    return network.to(request.param)


@pytest.fixture(scope="module")
def outputs(generator: Generator) -> Outputs:
    dtype = next(generator.parameters()).dtype
    image, source, target = (array.to(dtype) for array in reference_inputs())
    with torch.inference_mode():
        features = generator.encode_source(image, source)
        return generator.transfer(features, target), generator.reconstruct(features), features


@pytest.fixture(scope="module")
def discriminator() -> Discriminator:
    network = Discriminator()
    load_reference(network)
    return network


def error(found: Tensor, wanted: Tensor) -> Tensor:
    assert found.shape == wanted.shape
    return (found.double() - wanted.double()).abs()


def test_parameter_counts_are_the_published_ones() -> None:
    assert sum(p.numel() for p in Generator().parameters()) == 9_794_371
    assert sum(p.numel() for p in Discriminator().parameters()) == 664_577


@pytest.mark.parametrize(("build", "name"), [(Generator, "generator"), (Discriminator, "discriminator")])
def test_every_official_tensor_has_its_place_and_shape(build: type[torch.nn.Module], name: str) -> None:
    official = {entry["key"]: tuple(entry["shape"]) for entry in canonical_entries(name)}
    ours = {key: tuple(value.shape) for key, value in build().state_dict().items()}
    assert {official_to_ours(key, name): shape for key, shape in official.items()} == ours
    assert {ours_to_official(key, name) for key in ours} == set(official)


def test_second_names_lead_to_the_first() -> None:
    for entry in official_entries("generator"):
        assert canonical_official(entry["key"]) == entry.get("same_as", entry["key"])


def test_self_reconstruction_matches(outputs: Outputs, expected: dict[str, Tensor]) -> None:
    assert error(outputs[1], expected["image_s"]).max() < 1e-4


def test_transfer_matches(outputs: Outputs, expected: dict[str, Tensor]) -> None:
    # These weights amplify rounding: in fp32 the means are 3.6e-4 to 5.6e-4, by the CPU's kernels, and in fp64 2.6e-4,
    # as the array itself was computed in fp32. What holds the network is the fp64 array, to 1e-8.
    difference = error(outputs[0], expected["image_t"])
    assert difference.mean() < 8e-4
    assert difference.max() < 3e-2
    assert (difference > 3e-3).double().mean() < 0.05  # rounding, not structure: few pixels carry it


@pytest.mark.parametrize(("layer", "mean", "most"), [(0, 3e-7, 1e-3), (1, 3e-6, 4e-3)])
def test_cross_attention_matches(
    generator: Generator, outputs: Outputs, expected: dict[str, Tensor], layer: int, mean: float, most: float
) -> None:
    target = reference_inputs()[2].to(outputs[0].dtype)
    with torch.inference_mode():
        rows = generator.attention_rows(outputs[2], target, expected["attention_rows"], layer)
    difference = error(rows, expected[f"attention_{layer}"])
    assert difference.mean() < mean
    assert difference.max() < most


def test_discriminator_matches(discriminator: Discriminator, expected: dict[str, Tensor]) -> None:
    with torch.inference_mode():
        assert error(discriminator(expected["image_t"]), expected["discriminator_t"]).max() < 1e-4


def test_loss_terms_match(outputs: Outputs, discriminator: Discriminator, expected: dict[str, Tensor]) -> None:
    image, numbers = reference_inputs()[0], reference_numbers()
    with torch.inference_mode():
        scores = discriminator(outputs[0].float())
    assert error(outputs[0], image).mean().item() == pytest.approx(numbers["l1_t"], abs=1e-4)
    assert error(outputs[1], image).mean().item() == pytest.approx(numbers["l1_s"], abs=1e-4)
    assert ((scores - 1) ** 2).mean().item() == pytest.approx(numbers["gan_real"], abs=1e-4)
    assert (scores**2).mean().item() == pytest.approx(numbers["gan_fake"], abs=1e-4)
