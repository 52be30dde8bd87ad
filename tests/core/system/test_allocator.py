"""Memory that is kept between the steps of training."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

from dptn_core.system.allocator import keep_freed_memory

ROOT = Path(__file__).parents[3]
GLIBC = sys.platform.startswith("linux") and hasattr(ctypes.CDLL(None), "mallopt")


@pytest.mark.skipif(not GLIBC, reason="glibc alone can be told")
def test_blocks_are_given_again_without_new_pages() -> None:
    code = """
import resource, sys
import torch
from dptn_core.system.allocator import keep_freed_memory
if sys.argv[1] == "kept":
    assert keep_freed_memory()
def faults():
    for _ in range(3):
        torch.empty(20_000_000).fill_(1.0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(60):
        torch.empty(20_000_000).fill_(1.0)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(faults())
"""
    counts = {}
    for way in ("kept", "plain"):
        done = subprocess.run([sys.executable, "-c", code, way], cwd=ROOT, capture_output=True, text=True, check=True)
        counts[way] = int(done.stdout)
    assert counts["kept"] * 10 < counts["plain"], counts


def test_other_systems_are_left_alone(monkeypatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not keep_freed_memory()
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())  # another C library
    assert not keep_freed_memory()
