"""Where torch multiplies matrices on a CPU by MKL, and whether that is the slow way there."""

from __future__ import annotations

import contextlib
import functools
import platform
from pathlib import Path

import torch
from torch import Tensor

_VENDOR = ("AMD", "AuthenticAMD")


def on_plain_cpu(x: Tensor) -> bool:
    """Whether kernels for CPUs can be called by hand: `x` is there, and nobody traces the network to compile it."""
    return x.device.type == "cpu" and not torch.compiler.is_compiling()


@functools.cache
def mkl_is_slow() -> bool:
    """Whether this CPU is one on which MKL leaves the wide instructions unused: AMD's.

    Measured on Zen 5: a core multiplies fp32 at 106 GFLOP/s by MKL and at 261 by oneDNN, which torch has for
    convolutions. On Intel's MKL is as fast.
    """
    listed = getattr(torch.cpu, "get_capabilities", None)  # torch 2.10 and later
    said = [str(listed().get("cpu_name", ""))] if listed is not None else []
    said.append(platform.processor())  # Windows
    with contextlib.suppress(OSError):  # not Linux
        said += Path("/proc/cpuinfo").read_text(encoding="utf-8").partition("\n\n")[0].splitlines()  # of one core
    return any(vendor in line for line in said for vendor in _VENDOR)
