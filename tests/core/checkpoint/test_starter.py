"""The weights that ship: what they carry along, and that they still draw as well as when they were committed."""

from __future__ import annotations

import json

import pytest
import torch
from evaluation_fixture import figure_means

from dptn_core.checkpoint import STARTER, DPTNModel, load_model, starter_path
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
    scores = figure_means(starter, 40)
    assert scores["foreground_psnr"] > scores["copy_psnr"] + 6.2
    assert scores["warped_psnr"] > scores["copy_psnr"] + 9.5
    assert scores["ssim"] > 0.783 and scores["ssim_gaussian"] > 0.763
    assert scores["attention_accuracy"] > 0.905


def test_the_starter_draws_the_same_in_bf16(starter):
    whole, half = (figure_means(starter.to(dtype=dtype), 4) for dtype in (torch.float32, torch.bfloat16))
    assert half["foreground_psnr"] == pytest.approx(whole["foreground_psnr"], abs=0.1)
