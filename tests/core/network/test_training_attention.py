"""Attention with gradients on a CPU against the plain computation."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from dptn_core.network import AttentionTarget, cross_entropy
from dptn_core.network.training_attention import _row_maxima, attend_in_training, attend_supervised

Results = tuple[list[Tensor], list[Tensor]]  # outputs, gradients


def case(dtype: torch.dtype, sharpness: float = 3.0, seed: int = 0, sources: int = 80) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys and values laid out as projections lay them out; keys have a common part, as trained ones do."""
    random = torch.Generator().manual_seed(seed)

    def tokens(count: int) -> Tensor:
        return torch.randn(2, count, 3 * 16, generator=random, dtype=torch.float64).view(2, count, 3, 16)

    common = torch.randn(16, generator=random, dtype=torch.float64)
    q, k, v = sharpness * tokens(60), tokens(sources) + 2 * common, tokens(sources)
    return tuple(x.transpose(1, 2).to(dtype).requires_grad_() for x in (q, k, v))  # type: ignore[return-value]


def target_of(q: Tensor, k: Tensor, listed: int = 12) -> AttentionTarget:
    """Half of the shares where attention is largest already, as in a network that has learned; with repetitions."""
    random = torch.Generator().manual_seed(5)
    logits = (q.detach().double() @ k.detach().double().transpose(2, 3)).mean(1)
    likely = logits.topk(listed // 2, -1).indices
    index = torch.cat([likely, torch.randint(0, k.shape[2], likely.shape, generator=random)], -1)
    index[:, :, 1] = index[:, :, 0]
    share = torch.rand(index.shape, generator=random, dtype=torch.float64)
    share = share / share.sum(-1, keepdim=True)
    share[0, :5] = 0  # nobody knows
    return AttentionTarget(index, share)


def plainly(q: Tensor, k: Tensor, v: Tensor, target: AttentionTarget | None) -> tuple[Tensor, Tensor | None]:
    probabilities = (q @ k.transpose(2, 3) / math.sqrt(q.shape[-1])).softmax(-1)
    return probabilities @ v, None if target is None else cross_entropy(probabilities.mean(1), target)


def gradients(given: tuple[Tensor, ...], mixed: Tensor, entropy: Tensor | None, weight: Tensor) -> list[Tensor]:
    """Of a sum over the output alone, then over the cross-entropy alone."""
    found = list(torch.autograd.grad((mixed.to(weight) * weight).sum(), given, retain_graph=True))
    if entropy is not None:
        found += torch.autograd.grad(entropy.sum(), given[:2])
    return found


def both_ways(dtype: torch.dtype, supervised: bool, sharpness: float = 3.0) -> tuple[list[Tensor], list[Tensor]]:
    given = case(dtype, sharpness)
    exact = tuple(x.detach().double().requires_grad_() for x in given)
    target = target_of(*given[:2]) if supervised else None
    weight = torch.randn(given[0].shape, generator=torch.Generator().manual_seed(9), dtype=torch.float64)
    if target is None:
        mixed, entropy = attend_in_training(*given), None
    else:
        mixed, entropy = attend_supervised(*given, AttentionTarget(target.tokens, target.share.to(torch.float32)))
    wanted, wanted_entropy = plainly(*exact, target)
    ours = [mixed, *([entropy] if entropy is not None else []), *gradients(given, mixed, entropy, weight)]
    theirs = [wanted, *([wanted_entropy] if wanted_entropy is not None else [])]
    theirs += gradients(exact, wanted, wanted_entropy, weight)
    return ours, theirs


@pytest.mark.parametrize("supervised", [False, True])
@pytest.mark.parametrize("sharpness", [0.5, 3.0, 5.0])
def test_in_bf16_results_and_gradients_are_within_a_percent(supervised: bool, sharpness: float) -> None:
    for ours, exact in zip(*both_ways(torch.bfloat16, supervised, sharpness), strict=True):
        assert ours.isfinite().all()
        assert (ours.double() - exact).norm() <= 0.01 * exact.norm()


@pytest.mark.parametrize(("dtype", "error"), [(torch.float32, 1e-5), (torch.float64, 1e-7)])
def test_in_wider_formats_they_are_those_of_the_plain_way(dtype: torch.dtype, error: float) -> None:
    for ours, exact in zip(*both_ways(dtype, supervised=True), strict=True):
        assert (ours.double() - exact).norm() <= error * exact.norm()


def test_in_fp64_without_rounded_shares_they_are_exact() -> None:
    q, k, v = case(torch.float64)
    target = target_of(q, k)
    few = tuple(x[:1, :2, :9, :5].detach().requires_grad_() for x in (q, k, v))
    asked = AttentionTarget(target.tokens[:1, :9] % 9, target.share[:1, :9])
    assert torch.autograd.gradcheck(lambda *given: attend_supervised(*given, asked), few)
    torch.testing.assert_close(attend_supervised(q, k, v, target), plainly(q, k, v, target), rtol=1e-12, atol=1e-12)


def test_row_maxima_are_exact_whatever_the_signs() -> None:
    random = torch.Generator().manual_seed(2)
    rows = torch.randn(3, 40, 70, generator=random) * 10 ** torch.randint(-3, 4, (3, 40, 1), generator=random)
    rows[0] = -rows[0].abs()  # none from 0 up
    rows[1, :5] = -0.0
    rows[1, :5, 3] = -1.0
    rows[2, 0, 5] = torch.inf
    rows[2, 1, 7:] = -torch.inf
    rows = rows.to(torch.bfloat16)
    assert torch.equal(_row_maxima(rows), rows.amax(-1, keepdim=True))


def test_the_output_is_laid_out_token_by_token_so_that_heads_merge_without_a_copy() -> None:
    mixed = attend_in_training(*case(torch.bfloat16))
    assert mixed.transpose(1, 2).is_contiguous()


def test_an_output_nobody_learns_from_is_no_obstacle() -> None:
    q, k, v = case(torch.float64)
    target = target_of(q, k)
    _, entropy = attend_supervised(q, k, v, target)
    found = torch.autograd.grad(entropy.sum(), (q, k))
    wanted = torch.autograd.grad(plainly(q, k, v, target)[1].sum(), (q, k))  # type: ignore[union-attr]
    torch.testing.assert_close(found, wanted)
    mixed, _ = attend_supervised(q, k, v, target)
    found = torch.autograd.grad(mixed.square().sum(), (q, k, v))
    wanted = torch.autograd.grad(plainly(q, k, v, None)[0].square().sum(), (q, k, v))
    torch.testing.assert_close(found, wanted)
