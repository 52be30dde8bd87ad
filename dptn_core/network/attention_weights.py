"""Multi-head attention cut where the pose transformer needs it cut: projections, mixing, single rows."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .attention_target import AttentionTarget, cross_entropy
from .mkl import mkl_is_slow, on_plain_cpu
from .norms import upcast
from .onednn import linear, usable
from .row_attention import attend_by_rows
from .training_attention import MAX_MATRIX, attend_in_training, attend_supervised


class MultiHeadAttention(nn.Module):
    """Multi-head attention with the parameters of `torch.nn.MultiheadAttention`, batch first, no dropout.

    Queries, keys and values are projected by separate calls, so what belongs to the source is projected once
    and kept. Projected tensors are (B, heads, T, features / heads).
    """

    def __init__(self, features: int, heads: int) -> None:
        """Build for tokens of `features` channels; `heads` must divide them."""
        super().__init__()
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * features, features))  # query, key, value
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * features))
        self.out_proj = nn.Linear(features, features)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.out_proj.bias)

    def forward(self, tokens: Tensor) -> Tensor:
        """Self-attention: (B, T, features) -> (B, T, features)."""
        joint = linear(tokens, self.in_proj_weight, self.in_proj_bias)
        q, k, v = (self._split(part) for part in joint.chunk(3, dim=-1))
        return self.attend(q, k, v)

    def project_queries(self, tokens: Tensor) -> Tensor:
        """(B, T, features) -> (B, heads, T, features / heads)."""
        return self._project(tokens, 0)

    def project_keys(self, tokens: Tensor) -> Tensor:
        """(B, T, features) -> (B, heads, T, features / heads)."""
        return self._project(tokens, 1)

    def project_values(self, tokens: Tensor) -> Tensor:
        """(B, T, features) -> (B, heads, T, features / heads)."""
        return self._project(tokens, 2)

    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Mix projected values without ever holding the attention matrix; returns (B, T, features)."""
        return self._merge(_mixed(q, k, v))

    def attend_supervised(self, q: Tensor, k: Tensor, v: Tensor, target: AttentionTarget) -> tuple[Tensor, Tensor]:
        """`attend`, and how far attention is from where it should look, for a loss.

        Returns:
            (B, T, features) and the (B, T) cross-entropy of the heads' mean attention to `target`, fp32 at least.
        """
        if on_plain_cpu(q) and q.requires_grad:
            mixed, entropy = attend_supervised(q, k, v, target)
            return self._merge(mixed), entropy
        probabilities = self.rows(q, k)
        return self.attend_with(probabilities, v), cross_entropy(probabilities.mean(dim=1), target)

    def attend_with(self, probabilities: Tensor, v: Tensor) -> Tensor:
        """Mix projected values by the (B, heads, T, S) probabilities of `rows`; returns (B, T, features)."""
        return self._merge(probabilities.to(v.dtype) @ v)

    def rows(self, q_rows: Tensor, k: Tensor) -> Tensor:
        """Attention probabilities of some queries over all keys, computed in fp32 at least.

        Args:
            q_rows: (B, heads, R, features / heads), the projected queries that are asked about.
            k: (B, heads, S, features / heads), all projected keys.

        Returns:
            (B, heads, R, S), each row sums to 1.
        """
        with torch.autocast(k.device.type, enabled=False):
            scaled = upcast(q_rows) * q_rows.shape[-1] ** -0.5
            probabilities: Tensor = (scaled @ upcast(k).transpose(-2, -1)).softmax(dim=-1)
            return probabilities

    def _project(self, tokens: Tensor, part: int) -> Tensor:
        weight, bias = self.in_proj_weight.chunk(3)[part], self.in_proj_bias.chunk(3)[part]
        return self._split(linear(tokens, weight, bias))

    def _split(self, tokens: Tensor) -> Tensor:
        batch, count, features = tokens.shape
        heads = tokens.reshape(batch, count, self.heads, features // self.heads)  # B, T, d -> B, T, heads, d/heads
        return heads.transpose(1, 2)

    def _merge(self, mixed: Tensor) -> Tensor:
        tokens = mixed.transpose(1, 2).flatten(2)  # B, heads, T, d/heads -> B, T, d
        return linear(tokens, self.out_proj.weight, self.out_proj.bias)


def _mixed(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Scaled dot-product attention, by the fastest kernel there is: (B, heads, T, features / heads)."""
    if on_plain_cpu(q):
        if q.requires_grad and q.dtype == torch.bfloat16 and q.shape[2] * k.shape[2] <= MAX_MATRIX:
            return attend_in_training(q, k, v)
        by_onednn = q.dtype == torch.bfloat16 or (q.dtype == torch.float32 and usable())
        if by_onednn and mkl_is_slow() and not torch.is_grad_enabled():  # torch's kernel multiplies by MKL
            return attend_by_rows(q, k, v)
    return F.scaled_dot_product_attention(q, k, v)
