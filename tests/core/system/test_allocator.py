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
import resource
import torch
from dptn_core.system.allocator import keep_freed_memory
def faults():
    for _ in range(8):  # the heap grows
        torch.empty(20_000_000).fill_(1.0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(12):
        torch.empty(20_000_000).fill_(1.0)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
plain = faults()
assert keep_freed_memory()
print(plain, faults())
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    plain, kept = map(int, done.stdout.split())
    assert kept * 10 < plain, (kept, plain)


def test_other_systems_are_left_alone(monkeypatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not keep_freed_memory()
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())  # another C library
    assert not keep_freed_memory()
