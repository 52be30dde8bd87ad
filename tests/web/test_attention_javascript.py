"""The attention explorer's arithmetic against Python's: the same bytes, rows, columns, places and peaks."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from test_javascript import javascript, needs_node

from dptn_core.inference.attention import _peaks
from dptn_core.inference.attention_maps import AttentionMaps
from dptn_core.inference.box import Box
from dptn_core.inference.framing import Frame
from dptn_core.pose import Canvas

ROUND_TRIP = """
import { readFileSync } from "node:fs";
import { answer, cellAt, peakOf, pixels, readMaps } from "./web/attention/maps.mjs";
const { buffer, byteOffset, byteLength } = readFileSync(process.argv[1]);
const maps = readMaps(buffer.slice(byteOffset, byteOffset + byteLength));
const { frame, points, cells, choices, tokens } = JSON.parse(process.argv[2]);
const asked = choices.map((choice) =>
  ["target", "source"].map((side) => cells.map((cell) => {
    const map = answer(maps, choice, side, [cell]);
    return { map: [...map], peak: peakOf(maps, map) };
  })));
console.log(JSON.stringify({
  asked, sizes: [maps.layers, maps.heads, maps.rows, maps.columns, maps.block],
  cells: points.map((point) => cellAt(maps, frame, point)), pixels: tokens.map((token) => pixels(maps, frame, token)),
}));
"""


def packed(shares: np.ndarray, grid: tuple[int, int], block: int) -> AttentionMaps:
    highest = shares.max(-1)
    values = np.round(255 * np.sqrt(shares / highest[..., None])).astype(np.uint8)
    return AttentionMaps(values, highest.astype(np.float32), grid, block)


def some_attention(layers: int, heads: int, cells: int) -> np.ndarray:
    """Rows with a peak each, as a trained network has, and some that look everywhere."""
    scores = np.random.default_rng(3).standard_normal((layers, heads, cells, cells)) * 3
    scores[:, :, ::5] *= 0.01
    shares = np.exp(scores)
    return shares / shares.sum(-1, keepdims=True)


@needs_node
@pytest.mark.parametrize(("grid", "block"), [((6, 5), 1), ((12, 10), 2), ((9, 7), 2)])
def test_rows_columns_peaks_and_places_are_those_of_python(tmp_path: Path, grid, block):
    rows, columns = grid
    down, across = -(-rows // block), -(-columns // block)
    shares = some_attention(2, 3, down * across)
    maps = packed(shares, grid, block)
    file = tmp_path / "maps"
    file.write_bytes(gzip.decompress(maps.packed()))
    frame = Frame(Box(-13, 20, 71, 97), Canvas(100, 120), (8 * rows, 8 * columns))
    random = np.random.default_rng(4)
    points = random.uniform((-30, 0), (110, 140), (200, 2))
    cells = [0, 1, down * across - 1, across * 2 + 1]
    choices = [{"layer": 1, "head": 2}, {"layer": 0, "head": None}, {"layer": None, "head": None}]
    tokens = random.uniform(0, min(grid), (20, 2))
    found = javascript(
        ROUND_TRIP,
        str(file),
        json.dumps(
            {
                "frame": [-13, 20, 71, 97],
                "points": points.tolist(),
                "cells": cells,
                "choices": choices,
                "tokens": tokens.tolist(),
            }
        ),
    )
    assert found["sizes"] == [2, 3, rows, columns, block]
    inside = frame.points_inside(torch.from_numpy(points)).numpy() / 8
    column = inside[:, 0].clip(0, columns - 1).astype(int) // block
    row = inside[:, 1].clip(0, rows - 1).astype(int) // block
    assert found["cells"] == (row * across + column).tolist()
    assert np.allclose(found["pixels"], frame.points_outside(torch.from_numpy(tokens) * 8))
    for choice, (by_target, by_source) in zip(choices, found["asked"], strict=True):
        layers = slice(None) if choice["layer"] is None else slice(choice["layer"], choice["layer"] + 1)
        heads = slice(None) if choice["head"] is None else slice(choice["head"], choice["head"] + 1)
        exact = shares[layers, heads].mean((0, 1))
        bytewise = maps.probabilities()[layers, heads].mean((0, 1))
        limit = 0.004 * shares.max()
        for cell, target, source in zip(cells, by_target, by_source, strict=True):
            assert np.abs(np.array(target["map"]) - exact[cell]).max() <= limit
            assert np.abs(np.array(source["map"]) - exact[:, cell]).max() <= limit
            for answer, wanted in ((target, bytewise[cell]), (source, bytewise[:, cell])):
                assert np.allclose(answer["map"], wanted, atol=1e-6)
                if block > 1:
                    assert answer["peak"]["cell"] == wanted.argmax()
                    continue
                middle, mass = _peaks(torch.from_numpy(wanted).view(1, down, across))
                assert np.allclose([answer["peak"]["x"], answer["peak"]["y"]], middle[0], atol=1e-4)
                assert answer["peak"]["fraction"] == pytest.approx(float(mass), abs=1e-5)
            # what the bytes lose moves the peak by far less than a token
            middle, _ = _peaks(torch.from_numpy(exact[cell]).view(1, down, across))
            if block == 1:
                assert np.hypot(*(np.array([target["peak"]["x"], target["peak"]["y"]]) - middle[0].numpy())) < 0.1
