"""Where attention should look, for losses on it."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

FLOOR = 1e-6  # added to a probability before its logarithm, so that a place nobody looked at costs a finite amount


class AttentionTarget(NamedTuple):
    """The source tokens each target token should look at, and how much at each.

    A target token's pixels come from a few source tokens only, so these are listed; the (B, T, S) matrix they stand
    for is nearly empty.
    """

    tokens: Tensor  # (B, T, K) int64, source tokens; one may be listed several times
    share: Tensor  # (B, T, K), each row sums to 1, or to 0 where nobody knows


def cross_entropy(attention: Tensor, target: AttentionTarget) -> Tensor:
    """Cross-entropy of attention (B, T, S), averaged over heads, to the target: (B, T), fp32 at least."""
    attended = attention.gather(-1, target.tokens)
    return -(target.share * (attended + FLOOR).log()).sum(-1)
