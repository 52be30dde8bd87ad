"""One step: the terms of the loss, and what the generator and the discriminator learn from them."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn
from training_fixture import ALONE, CPU, config_of, differences, step_of, weights

from dptn_core.data.synthetic.figures import draw_pairs, pair_seeds
from dptn_core.training.batches import make_batch
from dptn_core.training.state import new_state
from dptn_core.training.steps import Objective, generate, generator_gradients, update
from dptn_core.training.vgg_losses import PerceptualLoss

pytestmark = pytest.mark.usefixtures("one_thread")


def test_a_tiny_run_learns_a_fixed_batch():
    config = config_of(losses={"adversarial": 0.0})
    run_state = new_state(config, CPU)
    batch = make_batch(draw_pairs(pair_seeds(1, 0, 4), (32, 24)), 1.0, 8, 7.0)
    totals, attention = [], []
    for group in run_state.generator_optimiser.param_groups:
        group["lr"] = 3e-3
    objective = Objective(config.losses)
    for _ in range(60):
        generated = generate(run_state.generator, batch, objective)
        terms = generator_gradients(run_state, batch, generated, objective, adversarial=False)
        update(run_state, run_state.generator, run_state.generator_optimiser, 10.0, ALONE.average)
        totals.append(terms["total"].item())
        attention.append(terms["attention"].item())
    before, after = sum(totals[:5]) / 5, sum(totals[-5:]) / 5
    assert after < 0.7 * before, f"the loss went from {before:.3f} to {after:.3f} only"
    assert sum(attention[-5:]) < sum(attention[:5])


def tiny_vgg() -> PerceptualLoss:
    """VGG19's layers with two channels."""
    torch.manual_seed(4)
    layers: list[nn.Module] = []
    before = 3
    for convolutions in (2, 2, 4, 4, 4):
        for _ in range(convolutions):
            layers += [nn.Conv2d(before, 2, 3, padding=1), nn.ReLU(inplace=True)]
            before = 2
        layers.append(nn.MaxPool2d(2))
    return PerceptualLoss(nn.Sequential(*layers))


def test_the_total_is_the_weighted_sum_of_its_terms():
    config = config_of(losses={"adversarial_from": 0, "content": 0.5, "style": 500.0, "target_share": 0.8})
    terms = step_of(new_state(config, CPU), config, tiny_vgg())
    losses = config.losses
    total = losses.attention * terms["attention"] + losses.adversarial * terms["adversarial"]
    for branch, share in (("target", 0.8), ("source", 0.2)):
        total += share * losses.reconstruction * terms[f"{branch}_reconstruction"]
        total += share * (losses.content * terms[f"{branch}_content"] + losses.style * terms[f"{branch}_style"])
    assert terms["total"] == pytest.approx(total, rel=1e-4)


def test_terms_of_weight_0_are_not_computed():
    config = config_of(losses={"adversarial": 0.0, "attention": 0.0, "target_share": 1.0})
    terms = step_of(new_state(config, CPU), config)
    assert set(terms) == {"target_reconstruction", "gradient_norm", "total", "learning_rate", "pairs_per_second"}


def test_the_discriminator_joins_at_its_step_and_learns_more_slowly():
    config = config_of(losses={"adversarial": 2.0, "adversarial_from": 2})
    run_state = new_state(config, CPU)
    for step in range(4):
        before, generator = weights(run_state.discriminator), weights(run_state.generator)
        terms = step_of(run_state, config)
        joined = step >= 2
        assert ("discriminator" in terms, "adversarial" in terms) == (joined, joined), f"step {step}"
        unchanged = not differences(before, weights(run_state.discriminator))
        assert unchanged is not joined, f"step {step}"
        assert differences(generator, weights(run_state.generator)), f"step {step}: the generator learned nothing"
    rates = [o.param_groups[0]["lr"] for o in (run_state.discriminator_optimiser, run_state.generator_optimiser)]
    assert rates[0] == pytest.approx(0.1 * rates[1])
    assert all(parameter.requires_grad for parameter in run_state.discriminator.parameters())


def test_without_an_adversary_the_discriminator_rests():
    config = config_of(losses={"adversarial": 0.0, "adversarial_from": 0})
    run_state = new_state(config, CPU)
    before = weights(run_state.discriminator)
    terms = step_of(run_state, config)
    assert "discriminator" not in terms
    assert not differences(before, weights(run_state.discriminator))


def test_a_batch_in_parts_gives_the_gradients_of_the_whole():
    """With instance norm no image knows of another, so only the order of sums differs."""
    sections: dict[str, Any] = {
        "generator": {"norm": "instance"},
        "losses": {"adversarial": 0.0, "foreground": 1.0, "attention": 0.0},
        "stages": [{"height": 32, "width": 24, "batch": 4, "steps": 2}],
    }
    finished = {}
    for parts in (1, 2, 4):
        sections["stages"][0]["accumulate"] = parts
        config = config_of(**copy.deepcopy(sections))
        run_state = new_state(config, CPU)
        finished[parts] = [step_of(run_state, config)["total"] for _ in range(2)]
    assert finished[2] == pytest.approx(finished[1], rel=1e-4)
    assert finished[4] == pytest.approx(finished[1], rel=1e-4)


@pytest.mark.parametrize("gan", ["lsgan", "hinge", "wgan-gp"])
@pytest.mark.parametrize("parts", [1, 2])
def test_every_adversary_teaches_both_networks(gan, parts):
    stages = [{"height": 32, "width": 24, "batch": 2, "steps": 2, "accumulate": parts}]
    config = config_of(stages=stages, losses={"gan": gan, "adversarial_from": 0, "l1": 1.0})
    run_state = new_state(config, CPU)
    before = copy.deepcopy((run_state.generator.state_dict(), run_state.discriminator.state_dict()))
    values = step_of(run_state, config)
    assert ("gradient_penalty" in values) == (gan == "wgan-gp")
    assert {"discriminator", "adversarial", "target_l1", "source_l1"} <= values.keys()
    for network, old in zip((run_state.generator, run_state.discriminator), before, strict=True):
        assert any(not torch.equal(value, old[name]) for name, value in network.state_dict().items())
