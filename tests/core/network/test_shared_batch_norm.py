"""Batch norm over several processes against that of one process with all batches."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from dptn_core.network.norms import BatchNorm
from dptn_core.system.launch import run_together

COUNT = 2
# and how far from one process each may be: in bf16 two numbers are rounded whose difference is the result
FORMATS = [(torch.float64, 1e-12), (torch.float32, 1e-5), (torch.bfloat16, 0.02)]
Results = dict[str, Tensor]


def batch(dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Features with means far from 0 and with a gradient whose mean is not 0 either, for all processes together."""
    random = torch.Generator().manual_seed(0)
    features = torch.randn(2 * COUNT, 5, 6, 4, generator=random, dtype=torch.float64) + 3
    features[COUNT:] *= 2  # each process's own statistics differ
    weight = torch.randn(features.shape, generator=random, dtype=torch.float64) + features.square() / 5
    return tuple(x.to(dtype).contiguous(memory_format=torch.channels_last) for x in (features, weight))  # type: ignore[return-value]


def results(features: Tensor, weight: Tensor, dtype: torch.dtype) -> Results:
    """What a norm makes of features, and of a gradient on its way back."""
    torch.manual_seed(1)
    norm = BatchNorm(features.shape[1]).train().to(torch.float32 if dtype == torch.bfloat16 else dtype)
    with torch.no_grad():
        norm.weight.normal_()
        norm.bias.normal_()
    features.requires_grad_()
    found = norm(features)
    (found * weight).sum().backward()
    # the parameters' gradients are added up over the processes elsewhere
    gradients = {"x": features.grad, "weight": norm.weight.grad, "bias": norm.bias.grad}
    means = {"mean": norm.running_mean, "variance": norm.running_var}
    return {"found": found.detach(), **gradients, **means}  # type: ignore[dict-item]


def share_all(_: Callable[[], bool]) -> dict[torch.dtype | str, list[Results]]:
    """The results of all processes, gathered: for each number format, and of the kernels for bf16 in float64."""
    from torch import distributed

    from dptn_core.network import norms

    distributed.init_process_group("gloo")
    found: dict[torch.dtype | str, list[Results]] = {dtype: _share(dtype) for dtype, _ in FORMATS}
    norms.BatchNorm.forward = lambda norm, x: norms.batch_normalised(  # type: ignore[method-assign]
        x, norm.weight, norm.bias, (norm.running_mean, norm.running_var), norm.momentum, norm.eps
    )
    found["kernels"] = _share(torch.float64)
    distributed.destroy_process_group()
    return found


def _share(dtype: torch.dtype) -> list[Results]:
    from torch import distributed

    mine = slice(2 * int(os.environ["RANK"]), 2 * int(os.environ["RANK"]) + 2)
    gathered: list[Any] = [None] * COUNT
    distributed.all_gather_object(gathered, results(*(x[mine].clone() for x in batch(dtype)), dtype))
    return gathered


@pytest.fixture(scope="module")
def shares() -> dict[torch.dtype | str, list[Results]]:
    """What `share_all` returns."""
    found: dict[torch.dtype | str, list[Results]] = run_together(COUNT, 1, share_all)
    return found


@pytest.mark.parametrize(("dtype", "error"), FORMATS)
def test_it_is_that_of_one_process(
    shares: dict[torch.dtype | str, list[Results]], dtype: torch.dtype, error: float
) -> None:
    parts = shares[dtype]
    wanted = results(*(x.double() for x in batch(dtype)), torch.float64)
    for name in ("found", "x"):
        together = torch.cat([one[name] for one in parts])
        assert together.dtype == dtype
        assert (together.double() - wanted[name]).norm() <= error * wanted[name].norm(), name
    for name in ("weight", "bias"):
        together = sum(one[name].double() for one in parts)
        assert (together - wanted[name]).norm() <= error * wanted[name].norm(), name
    for name in ("mean", "variance"):
        assert torch.equal(parts[0][name], parts[1][name]), "nobody averages them afterwards"
        assert (parts[0][name].double() - wanted[name]).norm() <= error * wanted[name].norm(), name


def test_the_arithmetic_of_the_kernels_for_bf16_is_exact(shares: dict[torch.dtype | str, list[Results]]) -> None:
    parts = shares["kernels"]
    wanted = results(*batch(torch.float64), torch.float64)
    torch.testing.assert_close(torch.cat([one["x"] for one in parts]), wanted["x"], rtol=1e-10, atol=1e-10)
    for name in ("mean", "variance"):
        torch.testing.assert_close(parts[0][name], wanted[name], rtol=1e-12, atol=1e-12)
