"""Small geometry that several stages share. All rotations are (..., 3, 3), angles radians."""

from __future__ import annotations

import torch
from torch import Tensor

_ROWS = 8


def rotation(axis: str, angle: Tensor) -> Tensor:
    """Rotations (..., 3, 3) about "x", "y" or "z" by `angle` (...)."""
    c, s, o, i = angle.cos(), angle.sin(), torch.zeros_like(angle), torch.ones_like(angle)
    rows = {"x": (i, o, o, o, c, -s, o, s, c), "y": (c, o, s, o, i, o, -s, o, c), "z": (c, -s, o, s, c, o, o, o, i)}
    return torch.stack(rows[axis], -1).unflatten(-1, (3, 3))


def axis_rotation(axis: Tensor, angle: Tensor) -> Tensor:
    """Rotations (N, 3, 3) about unit vectors (N, 3) by `angle` (N,); Rodrigues' formula."""
    x, y, z = axis.unbind(-1)
    o = torch.zeros_like(x)
    cross = torch.stack([o, -z, y, z, o, -x, -y, x, o], -1).unflatten(-1, (3, 3))
    s, c = angle.sin()[:, None, None], angle.cos()[:, None, None]
    return torch.eye(3).to(axis) + s * cross + (1 - c) * (cross @ cross)


def unit(vectors: Tensor) -> Tensor:
    """Vectors (..., 3) brought to length 1."""
    return vectors / vectors.norm(dim=-1, keepdim=True).clamp(min=1e-9)


def smooth(x: Tensor) -> Tensor:
    """0 below 0, 1 above 1, a cubic between."""
    x = x.clamp(0, 1)
    return x * x * (3 - 2 * x)


def product(a: Tensor, b: Tensor) -> Tensor:
    """`a @ b` for (N, K) and (K, M), with the same rounding of a row whatever the other rows are.

    Matrix products choose their way of summing by the number of rows; a person must not depend on their batch.
    """
    parts = []
    for rows in a.split(_ROWS):
        padded = torch.cat([rows, rows.new_zeros(_ROWS - len(rows), rows.shape[1])])
        parts.append((padded @ b)[: len(rows)])
    return torch.cat(parts)
