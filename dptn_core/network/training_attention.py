"""Attention with gradients on a CPU, one image at a time: the (heads, T, S) matrices stay in the processor's cache.

Torch's own kernel multiplies twice as much in its backward pass, and autograd over plain products keeps several fp32
matrices of T x S. Here one matrix of probabilities is kept, in the inputs' format. The arithmetic is that of the plain
computation, with care for what half precision would round away:

- logits are rounded after their row's largest was subtracted, so those that matter are close to 0;
- rows of the logits' gradient sum to 0; where they are differences of large numbers, as at the places that a supervised
  row should look at, what rounding leaves of their sums is taken off the queries' gradient.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from .attention_target import FLOOR, AttentionTarget

MAX_MATRIX = 2**21  # cells a head, 4 MiB in bf16; torch's kernel, which keeps none, is faster on larger ones

_softmax_backward = torch.ops.aten._softmax_backward_data.out


def attend_in_training(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Scaled dot-product attention with gradients: (B, heads, T, d), (B, heads, S, d) twice -> (B, heads, T, d)."""
    mixed, _ = _ImageByImage.apply(q, k, v, None, None)
    return mixed


def attend_supervised(q: Tensor, k: Tensor, v: Tensor, target: AttentionTarget) -> tuple[Tensor, Tensor]:
    """`attend_in_training`, and the (B, T) cross-entropy of the heads' mean attention to `target`, fp32 at least."""
    mixed, entropy = _ImageByImage.apply(q, k, v, target.tokens, target.share)
    return mixed, entropy


class _ImageByImage(torch.autograd.Function):
    """What both functions compute; without a target the cross-entropy is None."""

    @staticmethod
    def forward(
        ctx: Any, q: Tensor, k: Tensor, v: Tensor, index: Tensor | None, share: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        batch, heads, count, features = q.shape
        scale = features**-0.5
        with torch.autocast("cpu", enabled=False):
            scaled = (q * scale).contiguous()
            k, v = k.contiguous(), v.contiguous()  # products of heads that lie apart take half as long again
            mixed = _token_major(q, v.shape[-1])
            kept = q.new_empty(batch, heads, count, k.shape[2])  # probabilities
            attended: list[Tensor] = []
            for image in range(batch):
                _probabilities(scaled[image], k[image], out=kept[image])
                mixed[image] = torch.bmm(kept[image], v[image])
                if index is not None:
                    attended.append(kept[image].gather(-1, index[image].expand(heads, -1, -1)))
            ctx.scale = scale
            if index is None or share is None:
                ctx.save_for_backward(scaled, k, v, kept)
                return mixed, None
            by_head = torch.stack(attended).to(_wide(q))  # B, heads, T, K
            ctx.save_for_backward(scaled, k, v, kept, index, share, by_head)
            return mixed, -(share * (by_head.mean(1) + FLOOR).log()).sum(-1)

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, mixed_gradient: Tensor, entropy_gradient: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor, None, None]:
        q, k, v, kept, *supervised = ctx.saved_tensors
        batch, heads, count, _ = q.shape
        q_gradient, k_gradient, v_gradient = (_token_major(x, x.shape[-1]) for x in (q, k, v))
        pull, index = None, None
        if supervised and entropy_gradient is not None:
            index, share, by_head = supervised
            pull = (-share / (by_head.mean(1) + FLOOR) * (entropy_gradient / heads).unsqueeze(-1)).to(q.dtype)
        probabilities_gradient, logits_gradient = (q.new_empty(heads, count, k.shape[2]) for _ in range(2))
        for image in range(batch):
            gradient, probabilities = mixed_gradient[image].contiguous(), kept[image]
            torch.bmm(gradient, v[image].transpose(1, 2), out=probabilities_gradient)
            if pull is not None and index is not None:
                for of_head in probabilities_gradient:
                    of_head.scatter_add_(-1, index[image], pull[image])
            _softmax_backward(probabilities_gradient, probabilities, -1, q.dtype, grad_input=logits_gradient)
            q_gradient[image] = torch.bmm(logits_gradient, k[image])
            if pull is not None and q.dtype == torch.bfloat16:
                q_gradient[image] -= _leftover(logits_gradient, probabilities, k[image])
            k_gradient[image] = torch.bmm(logits_gradient.transpose(1, 2), q[image])
            v_gradient[image] = torch.bmm(probabilities.transpose(1, 2), gradient)
        return q_gradient.mul_(ctx.scale), k_gradient, v_gradient, None, None


def _probabilities(q: Tensor, k: Tensor, out: Tensor) -> None:
    """Softmax over the products of (heads, T, d) and (heads, S, d)."""
    torch.bmm(q, k.transpose(1, 2), out=out)
    if q.dtype == torch.bfloat16:
        # once more, less each row's largest: it goes in as one more channel, so that the sum is rounded after that
        largest = _row_maxima(out)
        ones = k.new_ones(len(k), k.shape[1], 1)
        torch.bmm(torch.cat([q, -largest], -1), torch.cat([k, ones], -1).transpose(1, 2), out=out)
    torch.softmax(out, -1, out=out)


def _row_maxima(x: Tensor) -> Tensor:
    """`x.amax(-1, keepdim=True)` of bf16, three times as fast: its bits are compared as integers.

    Those of numbers from 0 up are in order, and those below 0 in reverse, after them.
    """
    bits = x.view(torch.int16)
    largest = bits.amax(-1, keepdim=True)
    return torch.where(largest < 0, bits.amin(-1, keepdim=True), largest).view(x.dtype)


def _leftover(logits_gradient: Tensor, probabilities: Tensor, k: Tensor) -> Tensor:
    """What rounding adds to the queries' gradient: rows of the logits' gradient sum to 0, but for it."""
    sums = torch.bmm(logits_gradient, k.new_ones(*k.shape[:2], 1))  # heads, T, 1
    return torch.bmm(probabilities, k).mul_(sums)


def _wide(x: Tensor) -> torch.dtype:
    """What sums are taken in: fp32 at least."""
    return torch.promote_types(x.dtype, torch.float32)


def _token_major(like: Tensor, features: int) -> Tensor:
    """An empty (B, heads, T, features) that is (B, T, heads, features) in memory, as projections want it."""
    batch, heads, count, _ = like.shape
    return like.new_empty(batch, count, heads, features).transpose(1, 2)
