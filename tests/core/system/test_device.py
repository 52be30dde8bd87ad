"""Number formats of a device."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from training_fixture import CPU

from dptn_core.system.device import autocast, choose_precision


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
