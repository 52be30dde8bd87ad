"""Meshes of quads: reading, subdividing, cutting into triangles."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Array = npt.NDArray[Any]
_Row = dict[int, float]


def read_obj(path: Path) -> tuple[Array, dict[str, Array]]:
    """Texture coordinates (T, 2) and, by group, quads (Q, 4, 2) of (vertex, texture coordinate) of a Wavefront file."""
    uv: list[list[float]] = []
    groups: dict[str, list[list[list[int]]]] = defaultdict(list)
    group = ""
    with path.open(encoding="utf-8") as file:
        for line in file:
            word = line.split()
            if not word:
                continue
            if word[0] == "vt":
                uv.append([float(value) for value in word[1:3]])
            elif word[0] == "g":
                group = word[1]
            elif word[0] == "f":
                groups[group].append([[int(i) - 1 for i in corner.split("/")[:2]] for corner in word[1:]])
    return np.array(uv, np.float32), {name: np.array(quads) for name, quads in groups.items()}


def triangles(quads: Array) -> Array:
    """Two triangles a quad: (Q, 4, ...) to (2Q, 3, ...)."""
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])


def subdivide(quads: Array, count: int) -> tuple[Tensor, Array]:
    """One step of Catmull and Clark's subdivision.

    Args:
        quads: (Q, 4) vertex numbers; an edge of one quad only is a border.
        count: vertices of the mesh they index.

    Returns:
        The new vertices as a sparse (N, count) matrix over the old ones, and the new quads (4Q, 4).
    """
    edges: dict[tuple[int, int], int] = {}
    edge_faces: dict[int, list[int]] = defaultdict(list)
    vertex_faces: dict[int, list[int]] = defaultdict(list)
    vertex_edges: dict[int, set[int]] = defaultdict(set)
    for face, quad in enumerate(quads):
        for i in range(4):
            a, b = int(quad[i]), int(quad[(i + 1) % 4])
            edge = edges.setdefault((min(a, b), max(a, b)), len(edges))
            edge_faces[edge].append(face)
            vertex_faces[a].append(face)
            vertex_edges[a].add(edge)
            vertex_edges[b].add(edge)
    ends = list(edges)
    used = sorted(vertex_faces)
    face_rows: list[_Row] = [{int(v): 0.25 for v in quad} for quad in quads]
    edge_rows = [_edge_row(end, [face_rows[f] for f in edge_faces[edge]]) for edge, end in enumerate(ends)]
    vertex_rows = [
        _vertex_row(v, ends, edge_faces, vertex_edges[v], [face_rows[f] for f in vertex_faces[v]]) for v in used
    ]
    rows = vertex_rows + edge_rows + face_rows
    number = {v: i for i, v in enumerate(used)}
    new = []
    for face, quad in enumerate(quads):
        for i in range(4):
            a, b, d = int(quad[i]), int(quad[(i + 1) % 4]), int(quad[i - 1])
            ab, da = (len(used) + edges[(min(p, q), max(p, q))] for p, q in ((a, b), (d, a)))
            new.append([number[a], ab, len(used) + len(ends) + face, da])
    index = np.array([(r, c) for r, row in enumerate(rows) for c in row]).T
    value = np.array([weight for row in rows for weight in row.values()], np.float32)
    matrix = torch.sparse_coo_tensor(
        torch.from_numpy(index), torch.from_numpy(value), (len(rows), count), check_invariants=True
    )
    return matrix.coalesce(), np.array(new)


def _add(row: _Row, other: _Row, weight: float) -> None:
    for key, value in other.items():
        row[key] = row.get(key, 0.0) + value * weight


def _edge_row(end: tuple[int, int], faces: list[_Row]) -> _Row:
    row: _Row = {}
    inner = len(faces) == 2
    _add(row, {end[0]: 1.0, end[1]: 1.0}, 0.25 if inner else 0.5)
    for face in faces if inner else []:
        _add(row, face, 0.25)
    return row


def _vertex_row(
    vertex: int, ends: list[tuple[int, int]], edge_faces: dict[int, list[int]], mine: set[int], faces: list[_Row]
) -> _Row:
    border = [edge for edge in sorted(mine) if len(edge_faces[edge]) != 2]
    if len(border) == 1:
        return {vertex: 1.0}
    row: _Row = {}
    if border:
        _add(row, {vertex: 1.0}, 0.75)
        for edge in border[:2]:
            a, b = ends[edge]
            _add(row, {(a if b == vertex else b): 1.0}, 0.125)
    else:
        n = len(faces)
        _add(row, {vertex: 1.0}, (n - 3) / n)
        for face in faces:
            _add(row, face, 1 / n / n)
        for edge in sorted(mine):
            _add(row, {ends[edge][0]: 0.5, ends[edge][1]: 0.5}, 2 / n / len(mine))
    total = sum(row.values())
    return {key: weight / total for key, weight in row.items()}
