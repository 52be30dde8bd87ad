"""How many CPU cores this process may keep busy."""

from __future__ import annotations

import contextlib
import math
import os
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")  # of a container: microseconds of CPU time in each period, or "max"


def usable_cores() -> int:
    """Cores that this process may use: physical ones, those it is bound to, those its container pays for."""
    limits = [os.cpu_count() or 1]
    if hasattr(os, "sched_getaffinity"):  # not on Windows and macOS
        limits.append(len(os.sched_getaffinity(0)))
    with contextlib.suppress(ImportError):
        import psutil  # which accelerate brings along

        limits.append(psutil.cpu_count(logical=False) or limits[0])
    with contextlib.suppress(OSError, ValueError):
        quota, period = _QUOTA.read_text(encoding="ascii").split()
        limits.append(math.ceil(int(quota) / int(period)))
    return max(1, min(limits))
