"""Training: a config that means what it says, a loss that falls, a run that survives being stopped at any moment."""

from __future__ import annotations

import copy
import dataclasses
import errno
import json
import logging
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from dptn_core import cli
from dptn_core.checkpoint import CheckpointError, load_model
from dptn_core.data.synthetic.figures import SyntheticPairs, draw_pairs, pair_seeds
from dptn_core.image_io import read_image
from dptn_core.network import GeneratorConfig
from dptn_core.system import files
from dptn_core.system.device import autocast, choose_precision
from dptn_core.system.distributed import alone
from dptn_core.training import (
    ConfigError,
    DivergedError,
    InterruptedRunError,
    ResumeError,
    RunOptions,
    TrainingConfig,
    find_config,
    load_config,
    loop,
    state,
    synthetic_batches,
    train,
)
from dptn_core.training.batches import make_batch, sigma_at
from dptn_core.training.loop import learning_rate, one_step
from dptn_core.training.state import load_state, new_state, save_state, update_average
from dptn_core.training.steps import Objective, draw, generator_gradients, update
from dptn_core.training.synthetic_batches import PairSource
from dptn_core.training.toml_tables import PRESETS, read_toml
from dptn_core.training.training_config import DataConfig, Stage
from dptn_core.training.vgg_losses import PerceptualLoss

ROOT = Path(__file__).parents[3]
OF_GENERATORS = sorted(path for path in PRESETS.glob("*.toml") if "kind" not in read_toml(path))
CPU = torch.device("cpu")
ALONE = alone(CPU)
ALONE_ON_CPU = ("--device", "cpu", "--processes", "1")

# Every part of a run, as small as it goes: two sizes, batch norm (which keeps statistics), the adversary joining late.
TINY: dict[str, Any] = {
    "stages": [
        {"height": 32, "width": 24, "batch": 2, "steps": 5, "final_learning_rate": 1e-4},
        {"height": 48, "width": 32, "batch": 2, "steps": 4, "learning_rate": 5e-4},
    ],
    "generator": {
        "base_features": 8,
        "max_features": 16,
        "norm": "batch",
        "residual_blocks": 1,
        "context_blocks": 1,
        "texture_blocks": 1,
    },
    "discriminator": {"base_features": 4, "max_features": 8, "layers": 2},
    "losses": {"content": 0.0, "style": 0.0, "adversarial_from": 3},
    "run": {"precision": "fp32", "save_every": 2, "sheet_every": 4, "log_every": 2},
}
ONE_STAGE = {"stages": [{"height": 32, "width": 24, "batch": 2, "steps": 16}], "run": {"save_every": 1}}


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """As the processes started here have it, so that sums are added in the same order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(synthetic_batches, "_PIXELS_AHEAD", 4 * 2 * 32 * 24)  # four batches of a tiny run
        yield
    torch.set_num_threads(threads)


def changed(values: dict[str, Any], **sections: Any) -> dict[str, Any]:
    """A config's tables with some keys changed: changed(TINY, run={"seed": 3})."""
    result = copy.deepcopy(values)
    for name, value in sections.items():
        if isinstance(value, dict):
            result.setdefault(name, {}).update(value)
        else:
            result[name] = value
    return result


def config_of(**sections: Any) -> TrainingConfig:
    return TrainingConfig.from_dict(changed(TINY, **sections))


def write_toml(path: Path, values: dict[str, Any]) -> Path:
    lines = []
    for name, table in values.items():
        for each in table if isinstance(table, list) else [table]:
            lines.append(f"[[{name}]]" if isinstance(table, list) else f"[{name}]")
            lines += [f"{key} = {json.dumps(value)}" for key, value in each.items()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def run(folder: Path, config: TrainingConfig, **options: Any) -> Path:
    return train(config, RunOptions(folder, CPU, **options))


def step_of(run_state: Any, config: TrainingConfig, perceptual: PerceptualLoss | None = None) -> dict[str, float]:
    objective = Objective(config.losses, "fp32", perceptual)
    return one_step(run_state, config, PairSource(config.data, CPU), objective, ALONE)


def content_of(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return content


def differences(first: Any, second: Any, where: str = "") -> list[str]:
    """Names of everything that is not the same, bit for bit."""
    if isinstance(first, Tensor):
        same = isinstance(second, Tensor) and first.dtype == second.dtype and torch.equal(first, second)
        return [] if same else [where]
    if isinstance(first, dict) and isinstance(second, dict) and first.keys() == second.keys():
        return [name for key in first for name in differences(first[key], second[key], f"{where}/{key}")]
    if isinstance(first, list | tuple) and isinstance(second, list | tuple) and len(first) == len(second):
        return [n for i, pair in enumerate(zip(first, second, strict=True)) for n in differences(*pair, f"{where}/{i}")]
    return [] if first == second else [f"{where}: {first!r} and {second!r}"]


def assert_same_run(first: Path, second: Path) -> None:
    one, other = (content_of(path) for path in (first, second))
    for content in (one, other):
        assert content.pop("seconds") > 0
        metadata = content.pop("model_facts")  # holds date and hours
        assert metadata["provenance"]["steps"] == str(content["step"])
    found = differences(one, other)
    assert not found, f"{len(found)} things differ, first: {found[:5]}"


def weights(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in module.state_dict().items()}


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name not in ("training.pt", "logs", "sheets")]


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """Folder of a whole run that nobody disturbed."""
    folder = tmp_path_factory.mktemp("finished")
    run(folder, config_of(), command="dptn train --config tiny.toml")
    return folder


# The config.


@pytest.mark.parametrize("preset", OF_GENERATORS, ids=lambda p: p.stem)
def test_every_preset_loads(preset):
    config = load_config(preset)
    assert config.total_steps > 0
    assert TrainingConfig.from_dict(config.to_dict()) == config


def test_a_config_survives_plain_tables_and_a_file(tmp_path):
    config = config_of()
    assert TrainingConfig.from_dict(config.to_dict()) == config
    assert TrainingConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    assert load_config(write_toml(tmp_path / "tiny.toml", TINY)) == config
    assert config.generator == GeneratorConfig(
        base_features=8, max_features=16, norm="batch", residual_blocks=1, context_blocks=1, texture_blocks=1
    )
    assert config.stages[0].learning_rate == 1e-3, "what is not given should take its default"


def test_the_empty_config_is_the_papers():
    config = TrainingConfig.from_dict({})
    assert (config.generator, config.stages[0].batch) == (GeneratorConfig(), 32)
    assert (config.losses.reconstruction, config.losses.content, config.losses.style) == (5.0, 0.5, 500.0)
    assert (config.optimiser.beta1, config.optimiser.beta2, config.optimiser.discriminator_rate) == (0.5, 0.999, 0.1)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("colour = 1", "colour"),
        ("[losses]\nreconstrution = 1.0", "reconstrution.*allowed:.*reconstruction"),
        ("[[stages]]\nheight=32\nwidth=24\nbatch=2\nsteps=1\nrate=1", r"stages\[0\].*rate"),
        ("[generator]\nfeatures = 8", "generator.*features"),
        ("losses = 3", "losses is 3"),
        ("stages = 3", "stages is 3"),
        ("stages = [3]", r"stages\[0\] is 3"),
        ("[losses]\nscales = 4", "losses.scales is 4"),
        ('[losses]\nscales = [1, "2"]', r"losses.scales\[1\] is '2'"),
        ('[optimiser]\nbeta1 = "half"', "optimiser.beta1 is 'half'"),
        ("[optimiser]\nema = true", "optimiser.ema is True"),
        ("[run]\nseed = 1.5", "run.seed is 1.5"),
        ("[run]\nlog_every = true", "run.log_every is True"),
        ('[run]\nprecision = "fp8"', "run.precision is 'fp8'.*bf16"),
        ('[data]\nkind = "photos"', "data.kind is 'photos'"),
        ("[losses]\nchroma = nan", "losses.chroma"),
        ("[[stages]]\nheight=32\nwidth=24\nbatch=2\nsteps=1\nlearning_rate=nan", r"stages\[0\].learning_rate"),
        ("[[stages]]\nheight=32\nwidth=24\nbatch=2\nsteps=1\nlearning_rate=inf", r"stages\[0\].learning_rate"),
    ],
)
def test_unknown_keys_and_wrong_types_are_refused_by_name(tmp_path, text, words):
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=words) as caught:
        load_config(path)
    assert "wrong.toml" in str(caught.value), "the message should name the file"


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"stages": []}, "stages is empty"),
        (
            {"stages": [{"height": 36, "width": 24, "batch": 1, "steps": 1}]},
            r"stages\[0\].height is 36.*multiples of 8",
        ),
        ({"stages": [{"height": 32, "width": 8, "batch": 1, "steps": 1}]}, r"stages\[0\].width is 8.*from 16"),
        ({"stages": [{"height": 32, "width": 24, "batch": 0, "steps": 1}]}, r"stages\[0\].batch is 0"),
        ({"stages": [{"height": 32, "width": 24, "batch": 1, "steps": -1}]}, r"stages\[0\].steps is -1"),
        ({"stages": [{"height": 32, "width": 24, "batch": 1}]}, "steps"),
        (
            {"stages": [{"height": 32, "width": 24, "batch": 1, "steps": 1, "learning_rate": 0}]},
            r"stages\[0\].*learning_rate 0",
        ),
        (
            {"stages": [{"height": 32, "width": 24, "batch": 1, "steps": 1, "final_learning_rate": -1e-3}]},
            r"stages\[0\].*final_learning_rate -0.001",
        ),
        (
            {"stages": [{"height": 32, "width": 24, "batch": 1, "steps": 1, "final_learning_rate": 3e5}]},
            r"stages\[0\].*final_learning_rate 300000.*from 0 to 1",
        ),
        ({"stages": [{"height": 32, "width": 24, "batch": 1, "steps": 1, "decay": 1.5}]}, r"stages\[0\].*decay 1.5"),
        ({"losses": {"target_share": 1.2}}, "losses.target_share is 1.2"),
        ({"losses": {"scales": []}}, "losses.scales"),
        ({"losses": {"scales": [1, 0]}}, "losses.scales"),
        ({"losses": {"style": -1.0}}, "losses.style is -1"),
        ({"losses": {"adversarial_from": -1}}, "losses.adversarial_from is -1"),
        ({"data": {"heatmap_sigma": 0}}, "data.heatmap_sigma is 0"),
        ({"data": {"heatmap_sigma": 1e300}}, r"data.heatmap_sigma is 1e\+300; allowed: 0.1 to 1000"),
        ({"data": {"cache_gib": 1e308}}, r"data.cache_gib is 1e\+308; allowed: up to 1000000"),
        ({"optimiser": {"ema": 1.0}}, "optimiser.ema is 1"),
        ({"optimiser": {"beta1": 1.5}}, "optimiser.beta1 is 1.5"),
        ({"optimiser": {"clip": -1.0}}, "optimiser.clip is -1"),
        ({"run": {"save_every": 0}}, "run.save_every is 0"),
        ({"run": {"log_every": 0}}, "run.log_every is 0"),
        ({"run": {"sheet_every": -5}}, "run.sheet_every is -5"),
        ({"generator": {"heads": 3}}, "generator.*heads is 3"),
        ({"generator": {"base_features": 0}}, "base_features is 0"),
        ({"generator": {"norm": "layer"}}, "norm is 'layer'"),
        ({"discriminator": {"layers": 0}}, "discriminator.*layers is 0"),
        ({"discriminator": {"layers": 1_000_000}}, "discriminator.*layers is 1000000; .* at most 12"),
        ({"generator": {"context_blocks": 1_000_000}}, "generator.*context_blocks is 1000000; .* at most 100"),
    ],
)
def test_values_no_run_can_work_with_are_refused_by_name(sections, words):
    with pytest.raises(ConfigError, match=words):
        config_of(**sections)


@pytest.mark.parametrize("content", [b"[run", b"seed = ", b"\xff\xfe\x00", b"run = 1\nrun = 2"])
def test_what_is_no_toml_is_refused_with_the_file_named(tmp_path, content):
    path = tmp_path / "broken.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"broken\.toml"):
        load_config(path)


def test_a_missing_config_and_a_folder_are_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"absent\.toml: no such file"):
        load_config(tmp_path / "absent.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path)


def test_steps_belong_to_their_stage():
    config = config_of()
    first, second = config.stages
    found = [config.stage_at(step) for step in (0, 4, 5, 8)]
    assert found == [(first, 0), (first, 4), (second, 0), (second, 3)]
    assert config.total_steps == 9
    assert config.stage_at(100) == (second, 3), "after the end the last step counts"


def test_the_rate_is_flat_and_then_falls_linearly():
    flat = Stage(32, 24, 1, 11, learning_rate=0.2)
    assert {learning_rate(flat, step) for step in range(11)} == {0.2}
    falling = dataclasses.replace(flat, final_learning_rate=0.1)
    assert [learning_rate(falling, step) for step in (0, 5, 10)] == pytest.approx([0.2, 0.15, 0.1])
    late = dataclasses.replace(falling, decay=0.5)
    assert [learning_rate(late, step) for step in (0, 5, 6, 10)] == pytest.approx([0.2, 0.2, 0.18, 0.1])
    assert learning_rate(Stage(32, 24, 1, 1, learning_rate=0.2, final_learning_rate=0.0), 0) == 0.2


# Batches and steps.


def test_pairs_come_by_number_however_they_are_asked_for():
    wanted = draw_pairs(pair_seeds(1, 0, 14), (32, 24))
    source = PairSource(DataConfig(), CPU)
    asked = [(0, 2), (2, 2), (4, 3), (7, 2), (12, 2), (3, 2), (3, 2)]  # on, past what was drawn ahead, back, again
    for first, count in asked:
        found = source.pairs(first, count, (32, 24), (first + count, first + 2 * count, 40))
        assert len(found) == count
        different = differences(vars(wanted[first : first + count]), vars(found))
        assert not different, f"{count} pairs from {first}: {different}"
    assert tuple(source.pairs(3, 2, (48, 32)).source.shape) == (2, 3, 48, 32)
    assert not torch.equal(PairSource(DataConfig(seed=2), CPU).pairs(0, 2, (32, 24)).source, wanted[:2].source)


def test_a_batch_holds_heat_maps_and_attention_of_its_size():
    batch = make_batch(draw_pairs(pair_seeds(1, 0, 2), (32, 24)), 0.75, 8, 7.0)
    assert tuple(batch.source_heatmaps.shape) == tuple(batch.target_heatmaps.shape) == (2, 18, 32, 24)
    tokens, share = batch.attention
    assert tuple(batch.attention_weight.shape) == (2, 12)
    assert tokens.shape == share.shape == (2, 12, 64)
    assert tokens.min() >= 0 and tokens.max() < 12


def test_heat_maps_shrink_with_the_picture():
    assert sigma_at(DataConfig(), 256) == 6.0
    assert sigma_at(DataConfig(heatmap_sigma=4.0), 64) == 1.0


def test_tokens_of_the_figure_count_more_for_attention():
    pairs = draw_pairs(pair_seeds(1, 0, 4), (64, 48))
    even, weighted = (make_batch(pairs, 1.5, 8, foreground) for foreground in (1.0, 7.0))
    figure = torch.nn.functional.avg_pool2d(pairs.target_mask.float()[:, None], 8).flatten(1)
    assert torch.allclose(weighted.attention_weight, even.attention_weight * (1 + 6 * figure), atol=1e-5)


def test_a_tiny_run_learns_a_fixed_batch():
    config = config_of(losses={"adversarial": 0.0})
    run_state = new_state(config, CPU)
    batch = make_batch(draw_pairs(pair_seeds(1, 0, 4), (32, 24)), 1.0, 8, 7.0)
    totals, attention = [], []
    for group in run_state.generator_optimiser.param_groups:
        group["lr"] = 3e-3
    objective = Objective(config.losses)
    for _ in range(60):
        drawn = draw(run_state.generator, batch, objective)
        terms = generator_gradients(run_state, batch, drawn, objective, adversarial=False)
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


@pytest.mark.parametrize(("step", "share"), [(0, 0.9), (9, 9 / 19), (10_000, 0.05)])
def test_averaged_weights_follow_faster_at_first(step, share):
    average, current = nn.BatchNorm1d(4), nn.BatchNorm1d(4)
    with torch.no_grad():
        current.weight.fill_(3.0)
        current.running_mean.fill_(-2.0)
        current.num_batches_tracked.fill_(7)
    update_average(average, current, 0.95, step)
    assert torch.allclose(average.weight, torch.full((4,), 1 + 2 * share))
    assert torch.allclose(average.running_mean, torch.full((4,), -2 * share))
    assert average.num_batches_tracked == 7, "whole numbers are copied"
    assert torch.equal(current.weight, torch.full((4,), 3.0))


def test_a_step_moves_the_averaged_weights_by_the_formula():
    config = config_of(optimiser={"ema": 0.3})
    run_state = new_state(config, CPU)
    for step in range(3):
        before = weights(run_state.ema)
        step_of(run_state, config)
        decay = min(0.3, (1 + step) / (10 + step))
        for name, value in run_state.generator.named_parameters():
            wanted = decay * before[name] + (1 - decay) * value
            found = run_state.ema.state_dict()[name]
            assert torch.allclose(found, wanted, atol=1e-6), f"{name} after step {step}"
    assert not any(parameter.requires_grad for parameter in run_state.ema.parameters())
    assert not run_state.ema.training


def test_the_seed_decides_the_first_weights():
    first, again, other = (weights(new_state(config_of(run={"seed": s}), CPU).generator) for s in (1, 1, 2))
    assert not differences(first, again)
    assert differences(first, other)


# A whole run and what it leaves behind.


def test_a_run_leaves_checkpoint_sheets_and_logs(finished):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    content = content_of(finished / "training.pt")
    assert (content["step"], content["pairs_used"]) == (9, 18)
    sheets = sorted(path.name for path in (finished / "sheets").iterdir())
    assert sheets == ["0000004.png", "0000008.png"]
    # six lines of two strips of five images, in the size of the last stage
    assert tuple(read_image(finished / "sheets" / sheets[0]).shape) == (3, 6 * 48, 2 * 5 * 32)
    assert not leftovers(finished)
    events = EventAccumulator(str(finished / "logs"))
    events.Reload()
    assert [event.step for event in events.Scalars("total")] == [2, 4, 6, 8]
    assert {"target_reconstruction", "attention", "adversarial", "learning_rate"} <= set(events.Tags()["scalars"])


def test_a_checkpoint_is_a_model_with_its_averaged_weights_and_facts(finished):
    model = load_model(finished / "training.pt")
    ema = content_of(finished / "training.pt")["ema"]
    assert not differences(dict(ema), weights(model.generator))
    assert model.config == config_of().generator
    assert (model.training_size, model.framing) == ((48, 32), "fit")
    assert model.heatmap_sigma == pytest.approx(6 * 48 / 256)
    assert model.provenance["command"] == "dptn train --config tiny.toml"
    assert model.provenance["steps"] == "9"
    assert TrainingConfig.from_dict(json.loads(model.provenance["training"])) == config_of()


def test_a_checkpoint_is_converted(finished, tmp_path, capsys):
    target = tmp_path / "tiny.safetensors"
    assert cli.main(["convert", str(finished / "training.pt"), str(target)]) == 0
    assert str(target) in capsys.readouterr().out
    converted, trained = load_model(target), load_model(finished / "training.pt")
    assert not differences(weights(trained.generator), weights(converted.generator))
    assert converted.training_size == trained.training_size


def test_a_finished_run_has_nothing_left_to_do(finished):
    before = (finished / "training.pt").read_bytes()
    assert run(finished, config_of()) == finished / "training.pt"
    assert (finished / "training.pt").read_bytes() == before


# Going on.


@pytest.mark.parametrize("stops", [(4,), (1, 5)], ids=str)
def test_a_run_in_pieces_equals_a_run_in_one(finished, tmp_path, stops):
    for stop in stops:
        run(tmp_path, config_of(), stop_after=stop)
    assert content_of(tmp_path / "training.pt")["step"] == sum(stops)
    assert_same_run(run(tmp_path, config_of()), finished / "training.pt")


def test_random_numbers_go_on_where_they_were(tmp_path):
    """Training draws none today; should a layer ever do so, a resumed run has to draw the same."""
    config, path = config_of(), tmp_path / "training.pt"
    first = new_state(config, CPU)
    torch.rand(3)
    save_state(path, first, config, loop.model_metadata(config, first, PairSource(config.data, CPU), ""))
    wanted = torch.rand(4)
    load_state(path, config, CPU)
    assert torch.equal(torch.rand(4), wanted)


def test_a_stop_asked_for_saves_and_the_run_goes_on_as_if_nothing_happened(finished, tmp_path):
    asked = iter([False, False, False, True])
    with pytest.raises(InterruptedRunError, match=r"step 3.*training\.pt"):
        train(config_of(), RunOptions(tmp_path, CPU, should_stop=lambda: next(asked)))
    assert content_of(tmp_path / "training.pt")["step"] == 3
    assert_same_run(run(tmp_path, config_of()), finished / "training.pt")


def test_what_a_killed_process_left_is_removed(tmp_path):
    (tmp_path / ".training.4711.part.pt").write_bytes(b"half a file")
    (tmp_path / "other.part.pt").write_bytes(b"somebody's")
    run(tmp_path, config_of(), stop_after=1)
    assert not (tmp_path / ".training.4711.part.pt").exists()
    assert (tmp_path / "other.part.pt").exists()


def started(tmp_path: Path, steps: int) -> tuple[subprocess.Popen[str], Path, Path]:
    """`dptn train` as a process of its own, its config and its checkpoint."""
    values = changed(TINY, **ONE_STAGE)
    values["stages"][0]["steps"] = steps
    config = write_toml(tmp_path / "tiny.toml", values)
    command = ["-m", "dptn_core.cli", "train", "--config", str(config), "--out", str(tmp_path / "run")]
    process = subprocess.Popen(
        [sys.executable, *command, "--device", "cpu", "--processes", "1"],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        # where the tests themselves run in the background, Ctrl-C is ignored and would be here as well
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    return process, config, tmp_path / "run" / "training.pt"


def wait_for_step(process: subprocess.Popen[str], path: Path, step: int) -> None:
    deadline = time.monotonic() + 120
    while not (path.exists() and content_of(path)["step"] >= step):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise AssertionError(f"no step {step} was reached: {process.communicate()[1][-2000:]}")
        time.sleep(0.02)


@pytest.mark.skipif(os.name == "nt", reason="no such signals there")
def test_a_run_killed_at_any_moment_goes_on_to_the_same_end(tmp_path):
    process, config_path, path = started(tmp_path, steps=16)
    wait_for_step(process, path, random.randint(2, 5))  # noqa: S311
    time.sleep(random.uniform(0, 0.15))  # noqa: S311
    process.kill()
    assert process.wait() == -signal.SIGKILL, "the run was over before it was killed; give it more steps"
    process.stderr.close()
    survived = content_of(path)["step"]
    assert 2 <= survived < 16
    assert cli.main(["train", "--config", str(config_path), "--out", str(tmp_path / "run"), *ALONE_ON_CPU]) == 0
    whole = run(tmp_path / "whole", load_config(config_path))
    assert_same_run(path, whole)


@pytest.mark.skipif(os.name == "nt", reason="no such signals there")
def test_ctrl_c_saves_and_exits_with_130(tmp_path):
    process, config_path, path = started(tmp_path, steps=100_000)
    wait_for_step(process, path, 2)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors[-2000:]
    assert "dptn train: stopped at step" in errors
    assert "Traceback" not in errors
    assert not leftovers(path.parent)
    step = content_of(path)["step"]
    resumed = run(path.parent, load_config(config_path), stop_after=1)
    assert_same_run(resumed, run(tmp_path / "whole", load_config(config_path), stop_after=step + 1))


@pytest.mark.skipif(os.name == "nt", reason="no such signals there")
def test_a_folder_has_one_run_at_a_time(tmp_path, capsys):
    process, config_path, path = started(tmp_path, steps=100_000)
    wait_for_step(process, path, 1)
    again = ["train", "--config", str(config_path), "--out", str(path.parent), *ALONE_ON_CPU, "--steps", "1"]
    assert cli.main(again) == 2
    assert f"another dptn command is at work in {path.parent}" in capsys.readouterr().err
    assert process.poll() is None, "the run that was first should go on"
    process.kill()  # it can let go of nothing itself
    process.communicate()
    step = content_of(path)["step"]
    assert cli.main(again) == 0
    assert content_of(path)["step"] == step + 1
    assert not leftovers(path.parent)


def test_a_folder_that_cannot_be_written_to_is_refused_at_the_start(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("mine")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ConfigError, match=r"file is a file; a run wants a folder"):
            run(folder, config_of())

    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("filelock.BaseFileLock.acquire", refused)
    with pytest.raises(ConfigError, match=r"read cannot be written to \(Read-only file system\); choose another"):
        run(tmp_path / "read", config_of())
    assert not (tmp_path / "read").exists()


def test_a_start_that_is_refused_leaves_no_folder(tmp_path):
    with pytest.raises(CheckpointError):
        run(tmp_path / "run", config_of(), start_from=tmp_path / "none.pth")
    assert not (tmp_path / "run").exists()


def test_a_finished_run_says_so(finished, caplog):
    with caplog.at_level(logging.INFO):
        run(finished, config_of())
    assert "nothing is left to do: 9 of 9 steps are done" in caplog.text


# Writing.


@pytest.fixture
def begun(tmp_path) -> tuple[Path, bytes]:
    """A run that has saved once, and its checkpoint's bytes."""
    path = run(tmp_path / "run", config_of(), stop_after=1)
    return path, path.read_bytes()


@pytest.mark.parametrize("error", [OSError("no space left"), KeyboardInterrupt(), MemoryError()], ids=repr)
def test_a_checkpoint_cut_off_while_written_leaves_the_old_one(begun, monkeypatch, error):
    path, before = begun

    def half(content: object, where: Path) -> None:
        Path(where).write_bytes(b"PK half a checkpoint")
        raise error

    monkeypatch.setattr(state.torch, "save", half)
    with pytest.raises(type(error)):
        run(path.parent, config_of(), stop_after=1)
    assert path.read_bytes() == before
    assert not leftovers(path.parent)
    monkeypatch.undo()
    run(path.parent, config_of(), stop_after=1)
    assert content_of(path)["step"] == 2


def test_a_checkpoint_that_cannot_be_renamed_leaves_the_old_one(begun, monkeypatch):
    path, before = begun

    def refused(*_: object) -> None:
        raise PermissionError("in use")

    monkeypatch.setattr(files.os, "replace", refused)
    with pytest.raises(OSError, match=r"training.pt could not be written at step \d+; the checkpoint.*\(in use\)"):
        run(path.parent, config_of(), stop_after=1)
    assert path.read_bytes() == before
    assert not leftovers(path.parent)


def test_a_disk_that_is_full_for_a_while_costs_no_step(tmp_path, monkeypatch, caplog):
    """Only what is written last has to be written."""
    saves = []

    def full(content: object, path: Path) -> None:
        saves.append(path)
        if len(saves) < 3:
            raise RuntimeError("PytorchStreamWriter failed writing file: No space left on device")
        write(content, path)

    write = torch.save
    monkeypatch.setattr(state.torch, "save", full)
    path = run(tmp_path, config_of())
    assert content_of(path)["step"] == 9
    assert caplog.text.count("No space left on device") == 2
    assert "there is no checkpoint yet" in caplog.text
    assert "training goes on" in caplog.text
    assert not leftovers(tmp_path)


def test_logs_that_cannot_be_written_cost_no_step(tmp_path, monkeypatch, caplog):
    tensorboard = pytest.importorskip("torch.utils.tensorboard")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tensorboard.SummaryWriter, "add_scalar", full)
    monkeypatch.setattr(tensorboard.SummaryWriter, "close", full)
    path = run(tmp_path, config_of(run={"log_every": 1}))
    assert content_of(path)["step"] == 9
    assert caplog.text.count("training goes on without them") == 1


def test_logs_that_cannot_be_begun_cost_no_step(tmp_path, monkeypatch, caplog):
    tensorboard = pytest.importorskip("torch.utils.tensorboard")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tensorboard, "SummaryWriter", full)
    path = run(tmp_path, config_of())
    assert content_of(path)["step"] == 9
    assert "logs cannot be written ([Errno 28] No space left on device)" in caplog.text


def test_the_thread_that_writes_logs_keeps_quiet_about_a_full_disk(tmp_path, monkeypatch, capfd):
    pytest.importorskip("torch.utils.tensorboard")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    before = threading.excepthook
    monkeypatch.setattr("tensorboard.summary.writer.record_writer.RecordWriter.write", full)
    path = run(tmp_path, config_of(run={"log_every": 1}))
    assert content_of(path)["step"] == 9
    assert "Traceback" not in capfd.readouterr().err
    assert threading.excepthook is before


def test_files_appear_whole_under_their_suffix_in_folders_that_are_made(tmp_path):
    path = tmp_path / "some" / "folder" / "picture.png"
    with files.written_beside(path) as beside:
        assert beside.suffix == ".png"
        assert beside.parent == path.parent
        beside.write_bytes(b"whole")
        assert not path.exists()
    assert path.read_bytes() == b"whole"
    assert [p.name for p in path.parent.iterdir()] == ["picture.png"]


# Stopping before a broken state is kept.


def not_a_number_from(step: int) -> type[PairSource]:
    class Broken(PairSource):
        def pairs(self, first: int, count: int, size: tuple[int, int], upcoming: Sequence[int] = ()) -> SyntheticPairs:
            found = super().pairs(first, count, size, upcoming)
            return dataclasses.replace(found, target=found.target * float("nan")) if first >= 2 * step else found

    return Broken


def test_not_a_number_stops_the_run_and_keeps_the_last_good_checkpoint(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "PairSource", not_a_number_from(3))
    with pytest.raises(DivergedError, match=r"step 3: .*total.* is not a number any more.*learning rate"):
        run(tmp_path, config_of())
    content = content_of(tmp_path / "training.pt")
    assert content["step"] == 2
    broken = [
        name for part in ("generator", "ema") for name, value in content[part].items() if not value.isfinite().all()
    ]
    assert not broken, f"{broken[:3]} were saved broken"


def test_the_command_line_says_so_in_a_line_and_the_run_can_go_on(finished, tmp_path, monkeypatch, capsys):
    config = write_toml(tmp_path / "tiny.toml", TINY)
    command = ["train", "--config", str(config), "--out", str(tmp_path / "run"), *ALONE_ON_CPU]
    monkeypatch.setattr(loop, "PairSource", not_a_number_from(3))
    assert cli.main(command) == 2
    errors = capsys.readouterr().err
    assert "dptn train: step 3" in errors
    assert "Traceback" not in errors
    monkeypatch.undo()
    assert cli.main(command) == 0
    assert_same_run(tmp_path / "run" / "training.pt", finished / "training.pt")


@pytest.mark.parametrize("limit", [4.0, 0.0])
def test_a_loss_that_runs_away_stops_the_run_unless_told_not_to(tmp_path, limit):
    config = config_of(**changed(ONE_STAGE, run={"save_every": 100, "divergence": limit}))
    config = dataclasses.replace(config, stages=(dataclasses.replace(config.stages[0], steps=203),))
    late = new_state(config, CPU)
    late.step, late.pairs_used, late.mean_loss, late.best_loss = 201, 402, 0.01, 0.0005
    path = tmp_path / "training.pt"
    save_state(path, late, config, loop.model_metadata(config, late, PairSource(config.data, CPU), ""))
    if limit:
        with pytest.raises(DivergedError, match=r"step 201: the averaged loss .* more than 4.0 times its best"):
            run(tmp_path, config)
        assert content_of(path)["step"] == 201
    else:
        run(tmp_path, config)
        assert content_of(path)["step"] == 203


def test_a_falling_loss_is_never_taken_for_divergence(tmp_path):
    config = config_of(**ONE_STAGE)
    late = new_state(config, CPU)
    late.step, late.mean_loss = 500, 1.0
    for total in (0.9, 0.5, 3.0, 2.0):
        loop._check(late, config, {"total": total})
    assert late.best_loss <= late.mean_loss < 4 * late.best_loss


# What a run cannot go on from.


def foreign_checkpoint(path: Path, what: str) -> None:
    content = content_of(path)
    if what == "cut short":
        path.write_bytes(path.read_bytes()[:-1000])
    elif what == "empty":
        path.write_bytes(b"")
    elif what == "text":
        path.write_text("this is no checkpoint")
    elif what == "only weights":
        torch.save(content["generator"], path)
    elif what == "a list":
        torch.save([1, 2, 3], path)
    elif what == "incomplete":
        del content["generator_optimiser"]
        torch.save(content, path)
    elif what == "no recent loss":
        del content["recent_loss"]
        torch.save(content, path)
    elif what == "half a network":
        content["ema"] = dict(list(content["ema"].items())[:3])
        torch.save(content, path)
    elif what == "no groups":
        content["generator_optimiser"]["param_groups"] = []
        torch.save(content, path)
    elif what == "words for numbers":
        content["step"] = "seven"
        torch.save(content, path)
    elif what == "no random state":
        content["random"] = 4
        torch.save(content, path)
    elif what == "no numbers":
        next(value for value in content["generator"].values() if value.is_floating_point())[0] = float("nan")
        torch.save(content, path)
    else:
        content["config"]["run"]["colour_of_the_bar"] = "green"
        torch.save(content, path)


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("cut short", "cannot be read as a training checkpoint.*move it away"),
        ("empty", "cannot be read as a training checkpoint.*move it away"),
        ("text", "cannot be read as a training checkpoint.*move it away"),
        ("only weights", "is no training checkpoint; move it away"),
        ("a list", "is no training checkpoint; move it away"),
        ("incomplete", "has no generator_optimiser"),
        ("no recent loss", "has no recent_loss"),
        ("half a network", r"is damaged \(RuntimeError: .*move it away"),
        ("no groups", r"is damaged \(ValueError: .*move it away"),
        ("words for numbers", r"is damaged \(ValueError: .*move it away"),
        ("no random state", r"is damaged \(AttributeError: .*move it away"),
        ("no numbers", "holds weights that are not numbers any more; move it away"),
        ("another version", "written by another version.*colour_of_the_bar"),
    ],
)
def test_a_file_no_run_can_go_on_from_is_refused_in_words(begun, what, words):
    path, _ = begun
    foreign_checkpoint(path, what)
    before = path.read_bytes()
    with pytest.raises(ResumeError, match=f"(?s){words}") as caught:
        run(path.parent, config_of())
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == before, "the file is the user's to move away"


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"generator": {"base_features": 4}}, "holds a generator of .*base_features=8.*wants .*base_features=4"),
        ({"generator": {"norm": "instance"}}, "holds a generator"),
        ({"discriminator": {"layers": 3}}, "holds a discriminator of .*layers=2.*wants .*layers=3"),
    ],
)
def test_networks_of_other_sizes_are_refused(begun, sections, words):
    path, before = begun
    with pytest.raises(ResumeError, match=words):
        run(path.parent, config_of(**sections))
    assert path.read_bytes() == before


def test_everything_else_may_change_on_the_way(begun):
    path, _ = begun
    stage = {"height": 16, "width": 16, "batch": 1, "steps": 3, "learning_rate": 1e-4}
    config = config_of(stages=[stage], losses={"attention": 0.0}, optimiser={"beta1": 0.9})
    run(path.parent, config)
    content = content_of(path)
    assert (content["step"], content["pairs_used"]) == (3, 4)
    assert content["generator_optimiser"]["param_groups"][0]["betas"] == (0.9, 0.999)
    assert load_model(path).training_size == (16, 16)


def test_a_run_may_change_its_number_format(begun):
    """One begun without scaled gradients goes on with them, as when it moves to a GPU without bf16."""
    path, _ = begun
    scaled = load_state(path, config_of(), CPU, scaled=True)
    assert scaled.scaler.is_enabled()
    save_state(
        path, scaled, config_of(), loop.model_metadata(config_of(), scaled, PairSource(config_of().data, CPU), "")
    )
    assert not load_state(path, config_of(), CPU, scaled=False).scaler.is_enabled()


# Starting from a model, and without VGG19.


def test_a_run_starts_from_a_models_weights(finished, tmp_path):
    still = {"height": 32, "width": 24, "batch": 2, "steps": 1, "learning_rate": 1e-12}
    config = config_of(stages=[still], losses={"adversarial": 0.0})
    path = run(tmp_path, config, start_from=finished / "training.pt")
    given, content = load_model(finished / "training.pt"), content_of(path)
    for name, value in given.generator.named_parameters():
        for part in ("generator", "ema"):
            assert torch.allclose(content[part][name], value, atol=1e-6), f"{part} {name}"
    assert content["step"] == 1


def test_a_run_does_not_start_from_a_model_of_other_sizes_or_none(finished, tmp_path):
    with pytest.raises(ValueError, match=r"training\.pt has the sizes .*base_features=8.*wants .*base_features=4"):
        run(tmp_path, config_of(generator={"base_features": 4}), start_from=finished / "training.pt")
    with pytest.raises(CheckpointError, match="no such file"):
        run(tmp_path, config_of(), start_from=tmp_path / "absent.safetensors")
    assert not (tmp_path / "training.pt").exists()


def test_missing_vgg_weights_are_told_once_and_training_goes_on(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "cache"))
    with caplog.at_level(logging.WARNING, logger="dptn_core"):
        path = run(tmp_path / "run", config_of(losses={"content": 0.5, "style": 500.0}), stop_after=3)
    told = [record.getMessage() for record in caplog.records if "VGG19" in record.getMessage()]
    assert len(told) == 1, told
    assert content_of(path)["step"] == 3


def test_no_word_of_vgg_where_nobody_asked_for_it(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "cache"))
    with caplog.at_level(logging.WARNING, logger="dptn_core"):
        run(tmp_path / "run", config_of(), stop_after=1)
    assert not [record for record in caplog.records if "VGG19" in record.getMessage()]


def test_vgg_weights_named_and_missing_stop_the_run_before_it_begins(tmp_path):
    config = config_of(losses={"content": 0.5, "vgg": str(tmp_path / "absent.pth")})
    with pytest.raises(FileNotFoundError, match=r"absent\.pth"):
        run(tmp_path / "run", config)


@pytest.mark.parametrize("steps", ["0", "-3", "many"])
def test_a_number_of_steps_that_is_none_is_refused(tmp_path, steps, capsys):
    with pytest.raises(SystemExit):
        cli.main(["train", "--config", "a.toml", "--out", str(tmp_path), "--steps", steps])
    assert "--steps" in capsys.readouterr().err


# Number formats.


def test_a_cpu_computes_in_what_it_is_good_at(monkeypatch):
    for good, wanted in ((True, "bf16"), (False, "fp32")):
        monkeypatch.setattr("dptn_core.system.device.cpu_is_good_at_bf16", lambda good=good: good)
        assert choose_precision("cpu") == wanted
    assert choose_precision("cpu", "fp32") == "fp32"
    assert choose_precision(CPU, "bf16") == "bf16"
    with pytest.raises(ValueError, match="bf16 or fp32 on a CPU, got fp16"):
        choose_precision("cpu", "fp16")


def test_autocast_computes_in_the_chosen_format_and_not_at_all_in_fp32():
    layer, values = nn.Linear(4, 4), torch.ones(1, 4)
    with autocast("cpu", "bf16"):
        assert layer(values).dtype == torch.bfloat16
    with autocast("cpu", "fp32"):
        assert layer(values).dtype == torch.float32


def test_bf16_trains_and_keeps_weights_in_fp32(tmp_path):
    path = run(tmp_path, config_of(run={"precision": "bf16"}), stop_after=4)
    content = content_of(path)
    assert {value.dtype for value in content["ema"].values() if value.is_floating_point()} == {torch.float32}
    assert content["mean_loss"] > 0


# What may take the place of the last good checkpoint.


def test_a_run_that_goes_astray_does_not_overwrite_its_last_good_checkpoint(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "_SETTLED", 3)
    config = config_of(**changed(ONE_STAGE, run={"divergence": 4.0}))
    config = dataclasses.replace(config, stages=(dataclasses.replace(config.stages[0], steps=400),))
    losses = iter([1.0] * 6 + [9.0] * 500)

    def step(state: Any, *_: Any) -> dict[str, float]:
        values = {"total": next(losses)}
        loop._check(state, config, values)
        state.step += 1
        return values | {"pairs_per_second": 1.0}

    monkeypatch.setattr(loop, "one_step", step)
    with pytest.raises(DivergedError):
        run(tmp_path, config)
    saved = content_of(tmp_path / "training.pt")
    assert saved["step"] <= 7
    assert saved["recent_loss"] < 1.9


def test_weights_that_an_update_broke_are_not_saved(tmp_path, monkeypatch):
    config = config_of(run={"save_every": 1})

    def step(state: Any, *arguments: Any) -> dict[str, float]:
        values = one_step(state, *arguments)
        if state.step == 3:
            next(state.generator.parameters()).data.fill_(1e25)
        return values

    monkeypatch.setattr(loop, "one_step", step)
    with pytest.raises(DivergedError):
        run(tmp_path, config)
    assert content_of(tmp_path / "training.pt")["step"] == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"losses": {"adversarial": 1.0}, "generator": {"down_steps": 2}}, "discriminator has"),
        ({"generator": {"image_channels": 1}}, "generator.image_channels"),
        ({"generator": {"pose_channels": 17}}, "generator.pose_channels"),
        ({"run": {"seed": 2**70}}, "run.seed"),
        ({"data": {"seed": 2**31}}, "data.seed"),
        ({"data": {"heatmap_sigma": 1e-30}}, "data.heatmap_sigma"),
        ({"losses": {"style": 10**400}}, "losses.style"),
        ({"stages": [{"height": 24, "width": 32, "batch": 10**19, "steps": 1}]}, "batch"),
        ({"stages": [{"height": 2**40, "width": 32, "batch": 1, "steps": 1}]}, "height"),
        ({"stages": [{"height": 24, "width": 32, "batch": 1, "steps": 1, "learning_rate": 1e300}]}, "learning_rate"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_would_fail_only_later_is_refused_at_the_start(change, words):
    values = {"stages": [{"height": 24, "width": 32, "batch": 1, "steps": 1}], **change}
    values.setdefault("losses", {"adversarial": 0.0})
    with pytest.raises(ConfigError, match=words):
        TrainingConfig.from_dict(values)


def test_a_config_nested_too_deeply_is_refused(tmp_path):
    (tmp_path / "deep.toml").write_text("a=" + "[" * 20_000)
    with pytest.raises(ConfigError, match="nested"):
        load_config(tmp_path / "deep.toml")


# Batches in parts, schedules, other adversaries.


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


def test_parts_that_do_not_fit_the_batch_are_refused():
    with pytest.raises(ConfigError, match=r"accumulate is 3; allowed: equal parts of a batch of 2"):
        config_of(stages=[{"height": 32, "width": 24, "batch": 2, "steps": 1, "accumulate": 3}])


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


def test_rates_rise_stay_and_fall():
    flat = Stage(32, 24, 2, 100, learning_rate=1.0, warmup=4)
    assert [learning_rate(flat, step) for step in (0, 1, 4, 99)] == pytest.approx([0.2, 0.4, 1.0, 1.0])
    linear = Stage(32, 24, 2, 101, learning_rate=1.0, final_learning_rate=0.0, decay=0.5)
    assert [learning_rate(linear, step) for step in (0, 50, 75, 100)] == pytest.approx([1.0, 1.0, 0.5, 0.0])
    cosine = dataclasses.replace(linear, decay=1.0, schedule="cosine")
    wanted = [1.0, (1 + 2**-0.5) / 2, 0.5, 0.0]
    assert [learning_rate(cosine, step) for step in (0, 25, 50, 100)] == pytest.approx(wanted)


def test_without_vgg_the_papers_l1_gets_help_from_the_term_over_several_scales(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    config = config_of(losses={"l1": 5.0, "reconstruction": 0.0, "content": 0.5})
    objective = loop.make_objective(config, new_state(config, CPU), CPU)
    assert objective.perceptual is None
    assert objective.losses.reconstruction == 5.0
    assert "no VGG19 weights" in caplog.text


# Configs that ship.


@pytest.mark.parametrize("name", [path.stem for path in OF_GENERATORS])
def test_configs_that_ship_can_be_read_and_named(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).mkdir()  # a folder of that name, of images perhaps, is no config
    assert find_config(Path(name)) == find_config(Path(f"{name}.toml")) == PRESETS / f"{name}.toml"
    load_config(find_config(Path(name)))


def test_a_config_of_ones_own_comes_before_one_that_ships(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.toml").write_text("[run]\nseed = 9\n")
    assert load_config(find_config(Path("own.toml"))).run.seed == 9


def test_the_papers_settings_are_those_of_the_presets():
    """Design, section 4."""
    fashion, market, affine = (load_config(find_config(Path(name))) for name in ("fashion", "market", "fashion-ta"))
    for config in (fashion, affine):
        assert config.generator == GeneratorConfig()
        assert (config.losses.l1, config.losses.adversarial, config.losses.target_share) == (5.0, 2.0, 0.5)
        assert config.discriminator.layers == 4
        assert sigma_at(config.data, 256) == 6.0
    assert (market.losses.l1, market.losses.adversarial, market.losses.target_share) == (2.0, 5.0, 0.8)
    assert market.discriminator.layers == 3
    assert sigma_at(market.data, 128) == 6.0
    assert (fashion.losses.affinity, affine.losses.affinity) == (0.0, 100.0)
    for config, pairs in ((fashion, 101_966), (market, 263_632), (affine, 101_966)):
        stage = config.stages[0]
        assert stage.steps * stage.batch == pytest.approx(200 * pairs, rel=1e-3)
        assert (stage.batch, stage.learning_rate, stage.final_learning_rate, stage.decay) == (32, 2e-4, 0.0, 0.5)
        assert (config.losses.content, config.losses.style, config.losses.gan) == (0.5, 500.0, "lsgan")
        assert (config.losses.reconstruction, config.losses.foreground, config.losses.attention) == (0.0, 1.0, 0.0)
        assert (config.optimiser.beta1, config.optimiser.discriminator_rate) == (0.5, 0.1)
