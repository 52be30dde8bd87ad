"""What several test files want of attention targets."""

from __future__ import annotations

import torch
from torch import Tensor

from dptn_core.network import AttentionTarget


def dense(target: AttentionTarget, tokens: int | None = None) -> Tensor:
    """The (B, T, S) matrix that a target stands for; S is T unless given."""
    room = target.share.new_zeros(*target.share.shape[:2], tokens or target.share.shape[1])
    return room.scatter_add(-1, target.tokens, target.share)


def listed(matrix: Tensor) -> AttentionTarget:
    """A (B, T, S) matrix as a target that lists all source tokens."""
    return AttentionTarget(torch.arange(matrix.shape[-1]).expand(matrix.shape).contiguous(), matrix)
