"""What is said before a run, and what the training benchmark compares."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import torch

from benchmarks.training.steps import two_passes
from dptn_core import cli
from dptn_core.checkpoint import CheckpointError
from dptn_core.data.synthetic.figures import write_character
from dptn_core.network import Discriminator, DiscriminatorConfig, Generator, GeneratorConfig
from dptn_core.training import ConfigError, RunOptions, TrainingConfig, train, with_data
from dptn_core.training.dry_run import describe_run, measure_run
from dptn_core.training.training_config import LossConfig, Stage

CPU = torch.device("cpu")
SMALL = GeneratorConfig(base_features=8, max_features=16, residual_blocks=1, context_blocks=1, texture_blocks=1)
JUDGE = DiscriminatorConfig(base_features=4, max_features=8, layers=2)


def config_of(*stages: Stage) -> TrainingConfig:
    return TrainingConfig(stages, SMALL, JUDGE, losses=LossConfig(content=0.0, style=0.0))


def test_a_dry_run_says_what_a_run_takes_and_writes_nothing(tmp_path):
    config = config_of(Stage(32, 24, 2, 1000), Stage(48, 32, 2, 500))
    cost = measure_run(config, RunOptions(tmp_path / "run", CPU))
    assert not (tmp_path / "run").exists()
    assert cost.generator_parameters == sum(p.numel() for p in Generator(SMALL).parameters())
    assert [stage.stage for stage in cost.stages] == list(config.stages)
    assert all(0 < each.seconds_a_step < 60 for each in cost.stages)
    assert cost.free > 0
    said = describe_run(cost)
    assert f"{cost.generator_parameters:,}" in said
    assert "24x32, batches of 2, 1,000 steps" in said
    assert "32x48, batches of 2, 500 steps" in said


def test_the_checkpoint_is_about_as_large_as_was_said(tmp_path):
    config = config_of(Stage(32, 24, 2, 1))
    cost = measure_run(config, RunOptions(tmp_path / "run", CPU))
    written = train(config, RunOptions(tmp_path / "run", CPU)).stat().st_size
    assert cost.checkpoint == pytest.approx(written, rel=0.6)


def test_a_discriminator_that_never_learns_takes_less_room(tmp_path):
    config = config_of(Stage(32, 24, 2, 1))
    lonely = replace(config, losses=replace(config.losses, adversarial=0.0))
    with_adversary, without = (measure_run(one, RunOptions(tmp_path, CPU)).checkpoint for one in (config, lonely))
    weights = sum(value.numel() * value.element_size() for value in Discriminator(JUDGE).state_dict().values())
    assert with_adversary - without == 2 * weights


def test_a_run_with_nothing_left_says_so(tmp_path):
    config = config_of(Stage(32, 24, 2, 1))
    train(config, RunOptions(tmp_path / "run", CPU))
    assert "none left to do" in describe_run(measure_run(config, RunOptions(tmp_path / "run", CPU)))


def test_a_run_that_does_not_fit_into_memory_is_refused_in_a_line(tmp_path, capsys, monkeypatch):
    def too_much(*_: object) -> None:
        torch.empty(1 << 60, dtype=torch.uint8)  # refused by torch itself, in its own words

    monkeypatch.setattr("dptn_core.training.dry_run.one_step", too_much)
    path = tmp_path / "tiny.toml"
    path.write_text("[[stages]]\nheight = 48\nwidth = 32\nbatch = 2\nsteps = 7\n[generator]\nbase_features = 8\n")
    command = ["train", "--config", str(path), "--out", str(tmp_path / "run"), "--dry-run", "--device", "cpu"]
    assert cli.main([*command, "--processes", "1"]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("dptn train: not enough memory (") and last.endswith("images in [[stages]]")


def test_a_disk_that_is_too_small_is_said_before_the_start(tmp_path, monkeypatch):
    cost = measure_run(config_of(Stage(32, 24, 2, 1)), RunOptions(tmp_path / "run", CPU))
    assert "warning" not in describe_run(cost)
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000})())
    tight = measure_run(config_of(Stage(32, 24, 2, 1)), RunOptions(tmp_path / "run", CPU))
    assert "not enough disk space" in describe_run(tight)


def test_the_command_prints_it(tmp_path, capsys):
    path = tmp_path / "tiny.toml"
    path.write_text("[[stages]]\nheight = 48\nwidth = 32\nbatch = 2\nsteps = 7\n[generator]\nbase_features = 8\n")
    out = tmp_path / "run"
    command = ["train", "--config", str(path), "--out", str(out), "--device", "cpu", "--dry-run", "--processes", "2"]
    assert cli.main(command) == 0
    said = capsys.readouterr().out
    assert re.search(r"processes +2, each with an equal part of every batch", said)
    assert re.search(r"stage +32x48, batches of 2, 7 steps of \d+\.\d\d s", said)
    assert not out.exists()


def test_a_run_that_has_begun_is_told_what_is_left_of_it(tmp_path):
    config = config_of(Stage(32, 24, 2, 3), Stage(48, 32, 2, 5))
    options = RunOptions(tmp_path / "run", CPU, stop_after=4)
    assert [each.steps for each in measure_run(config, options).stages] == [3, 1]
    train(config, options)
    before = (tmp_path / "run" / "training.pt").read_bytes()
    left = measure_run(config, RunOptions(tmp_path / "run", CPU))
    assert [(each.stage, each.steps) for each in left.stages] == [(config.stages[1], 4)]
    assert (tmp_path / "run" / "training.pt").read_bytes() == before


def test_what_the_run_would_refuse_is_refused(tmp_path):
    config = config_of(Stage(32, 24, 2, 1))
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="file is a file"):
        measure_run(config, RunOptions(tmp_path / "file", CPU))
    with pytest.raises(CheckpointError, match="no such file"):
        measure_run(config, RunOptions(tmp_path / "run", CPU, start_from=tmp_path / "none.safetensors"))


def test_a_stage_that_would_stretch_people_is_refused_before_the_first_step(tmp_path):
    list(write_character(tmp_path / "anna", 3, 8, (96, 72)))
    given = ["prepare", "folder", str(tmp_path / "anna"), "--out", str(tmp_path / "set"), "--size", "24x32"]
    assert cli.main([*given, "--least-height", "20", "--test-share", "0"]) == 0
    config = with_data(config_of(Stage(32, 24, 2, 1), Stage(32, 32, 2, 1)), tmp_path / "set")
    with pytest.raises(ConfigError, match=r"a stage is 32x32, but the images of .* are 24x32"):
        train(config, RunOptions(tmp_path / "run", CPU))
    assert not (tmp_path / "run" / "training.pt").exists()


def test_the_plain_way_of_the_benchmark_computes_the_same():
    torch.manual_seed(0)
    generator = Generator(SMALL)
    image, source, target = torch.randn(2, 3, 32, 24), torch.rand(2, 18, 32, 24), torch.rand(2, 18, 32, 24)
    plain, ours = two_passes(generator, image, source, target), generator(image, source, target)
    for found, wanted in zip(plain[:2], ours, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)
