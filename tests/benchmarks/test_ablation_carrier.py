"""The ablation of the carrier takes away what it says, and its table says what was measured."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from transfer_fixture import tiny_model

from benchmarks import own_images
from benchmarks.ablation.carrier import WHOLE, markdown, variants
from dptn_core.data.synthetic.figures import draw_pairs, pair_seeds
from dptn_core.network.carrier import Carrier, CarrierInput
from dptn_core.training.carrier_training.examples import given_of, make_examples
from dptn_core.training.carrier_training.shipping import write_carrier


@pytest.fixture(scope="module")
def taken_apart(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Carrier]:
    torch.manual_seed(1)
    carrier = Carrier()
    torch.nn.init.normal_(carrier.choose.weight)
    path = tmp_path_factory.mktemp("carrier") / "carrier.safetensors"
    write_carrier(path, carrier, {})
    return variants(path)


@pytest.fixture(scope="module")
def given() -> CarrierInput:
    return given_of(make_examples(draw_pairs(pair_seeds(3, 0, 1), (48, 32)), tiny_model((48, 32)), None))


def test_each_variant_lacks_what_its_name_says(taken_apart, given):
    other = replace(given, scores=torch.rand(given.scores.shape, generator=torch.Generator().manual_seed(2)))
    for name, carrier in taken_apart.items():
        with torch.inference_mode():
            first, second = (carrier(each)[1] for each in (given, other))
        deaf = torch.equal(first.choice, second.choice)
        still = not first.residual.any()
        assert deaf == (name in ("without attention", "skeletons alone: without both")), name
        assert still == (name in ("without residual flow", "skeletons alone: without both")), name


def test_differences_are_taken_pair_by_pair():
    whole = [torch.tensor([10.0, 0.1, 1.0, 0.5, 0.9]), torch.tensor([20.0, 0.3, 1.0, 0.7, 0.9])]
    found = {WHOLE: whole, "less": [row - torch.tensor([1.0, 0.0, 0.0, 0.1, 0.0]) for row in whole]}
    text = markdown(found)
    assert "2 pairs of people-500" in text
    assert "| whole | 15.00 ± 7.07 | 0.200 ± 0.141 | 1.00 ± 0.00 | 0.600 ± 0.141 | 0.900 ± 0.000 |" in text
    assert "| less | -1.00 ± 0.00 | +0.000 ± 0.000 | +0.00 ± 0.00 | -0.100 ± 0.000 | +0.000 ± 0.000 |" in text


def test_own_pictures_are_compared_pair_by_pair():
    before = torch.tensor([[18.0, 0.06, 0.8], [20.0, 0.08, 0.8]])
    tables = {own_images.NETWORK: before, "before": before, "after": before + torch.tensor([0.5, -0.01, 0.0])}
    text = own_images.markdown(tables)
    assert "| before | 19.00 ± 1.41 | 0.0700 ± 0.0141 | 0.80 ± 0.00 |" in text
    assert text.endswith("| after | +0.50 ± 0.00 | -0.0100 ± 0.0000 | +0.00 ± 0.00 |")
    assert "Minus" not in own_images.markdown({"before": before})
