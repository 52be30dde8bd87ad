"""How the C library hands memory back, which training on a CPU would rather it did not."""

from __future__ import annotations

import ctypes
import sys

# Of glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_MAX_BLOCK = 2**30  # bytes
_MAX_KEPT = 2**31 - 1  # bytes, the largest int


def keep_freed_memory() -> bool:
    """Have this process keep memory it frees, for its next step; returns whether that could be arranged.

    glibc gives blocks of a megabyte and more back at once, and the system clears the pages of each new one: training
    at 96x128 took 26,000 page faults a step, and 6 % less time without them. Only glibc needs, and knows, this.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_MMAP_THRESHOLD, _MAX_BLOCK)) and bool(mallopt(_TRIM_THRESHOLD, _MAX_KEPT))
