"""Encoding, transfer, attention, texture, training and nodes on a GPU: on one that is none, and on a real one if any.

A tensor left on the CPU fails here. `device_checks.py` runs all of them in one process for each device.
"""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import torch

SCRIPT = Path(__file__).with_name("device_checks.py")
CHECKS = ("mixing", "images", "attention", "texture", "training_step", "carrier_step", "nodes")


@cache
def told_by(device: str) -> dict[str, str]:
    run = subprocess.run(
        [sys.executable, str(SCRIPT), device], capture_output=True, text=True, check=False, timeout=900
    )
    assert run.returncode == 0, run.stderr[-3000:]
    told: dict[str, str] = json.loads(run.stdout.splitlines()[-1])
    return told


@pytest.mark.parametrize("check", CHECKS)
def test_on_a_gpu_that_is_none(check: str) -> None:
    told = told_by("pretended")
    if "skipped" in told:
        pytest.skip(told["skipped"])
    assert not told[check], told[check]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU on this machine")
@pytest.mark.parametrize("check", [*CHECKS, "half"])
def test_on_a_real_gpu(check: str) -> None:
    """`half`: bf16 and fp16 against fp32."""
    told = told_by("cuda")
    assert not told[check], told[check]
