"""Which number format to compute in on a given device."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Literal

import torch

Precision = Literal["fp32", "bf16", "fp16"]
PrecisionChoice = Literal["auto", "fp32", "bf16", "fp16"]
DTYPES: dict[Precision, torch.dtype] = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def cpu_is_good_at_bf16() -> bool:
    """Whether this CPU multiplies bf16 natively (AVX512-BF16 or AMX); elsewhere bf16 is emulated and slower."""
    listed = getattr(torch.cpu, "get_capabilities", None)  # torch 2.10 and later
    if listed is not None:
        return any(listed().get(name) for name in ("avx512_bf16", "amx_bf16"))
    older = getattr(torch.cpu, "_is_avx512_bf16_supported", None)  # torch 2.6 and later; fp32 is right everywhere
    return bool(older is not None and older())


def choose_precision(device: torch.device | str, choice: PrecisionChoice = "auto") -> Precision:
    """Resolve "auto": bf16 where the device is good at it, fp16 on older GPUs, fp32 elsewhere.

    Raises:
        ValueError: fp16 was asked for on a CPU, which has no fast path for it.
    """
    device = torch.device(device)
    if choice != "auto":
        if choice == "fp16" and device.type == "cpu":
            raise ValueError("expected precision bf16 or fp32 on a CPU, got fp16")
        return choice
    if device.type == "cuda":
        # emulated bf16 exists before Ampere and is slow there
        return "bf16" if torch.cuda.get_device_capability(device)[0] >= 8 else "fp16"
    if device.type == "cpu" and cpu_is_good_at_bf16():
        return "bf16"
    return "fp32"


def autocast(device: torch.device | str, precision: Precision) -> AbstractContextManager[object]:
    """Context in which convolutions and matrix products run in `precision`."""
    return torch.autocast(torch.device(device).type, DTYPES[precision], enabled=precision != "fp32")
