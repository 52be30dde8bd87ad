"""The weights that ship: what they carry along, and that they still draw as well as when they were committed."""

from __future__ import annotations

import json

import pytest
import torch

from dptn_core.checkpoint import STARTER, DPTNModel, load_model, starter_path
from dptn_core.evaluation import evaluate_drawn
from dptn_core.training import TrainingConfig


@pytest.fixture(scope="module")
def starter() -> DPTNModel:
    return load_model(starter_path())


def test_the_starter_is_small_enough_for_the_repository():
    assert STARTER.stat().st_size < 25 * 2**20


def test_the_starter_says_how_it_was_made(starter):
    made = starter.provenance
    assert made["command"].startswith("dptn train --config")
    assert int(made["steps"]) > 0 and made["seed"] and made["date"] and made["data"]
    config = TrainingConfig.from_dict(json.loads(made["training"]))
    assert config.generator == starter.config
    assert starter.training_size == (config.stages[-1].height, config.stages[-1].width)


def test_the_starter_draws_better_than_copying_and_looks_in_the_right_places(starter):
    scores = evaluate_drawn(starter, pairs=40)
    assert scores.foreground_psnr > scores.copy_psnr + 5.5
    assert scores.warped_psnr > scores.copy_psnr + 7
    assert scores.ssim > 0.77
    assert scores.attention_accuracy >= 0.84


def test_the_starter_draws_the_same_in_bf16(starter):
    whole, half = evaluate_drawn(starter, pairs=4), evaluate_drawn(starter.to(dtype=torch.bfloat16), pairs=4)
    assert half.foreground_psnr == pytest.approx(whole.foreground_psnr, abs=0.1)
