"""How much memory this process has needed at its peak."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import torch

_PROC = Path("/proc/self")


def counts_memory(device: torch.device) -> bool:
    """Whether the system tells what was needed on such a device: not on Windows, nor on Apple's GPUs."""
    return device.type == "cuda" or (device.type == "cpu" and sys.platform != "win32")


def forget_peak() -> int:
    """Let the count of peak memory start anew, where the system can, and return what it starts from, bytes."""
    with contextlib.suppress(OSError):  # not Linux: the peak so far, which is higher, is all there is to start from
        (_PROC / "clear_refs").write_text("5")
    return resident_peak()


def resident_peak() -> int:
    """Highest resident memory of this process since `forget_peak`, bytes."""
    if (_PROC / "status").exists():
        line = next(line for line in (_PROC / "status").read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    import resource  # not on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
