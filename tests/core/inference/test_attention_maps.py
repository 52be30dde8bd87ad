"""All attention of an image in few bytes: what they stand for, how tokens become cells, the file."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
import safetensors.numpy
import torch
from torch import Tensor
from transfer_fixture import person, smooth_image, tiny_model

from dptn_core.inference import attention, attention_maps
from dptn_core.inference.attention import attention_at
from dptn_core.inference.transfer import Generated, encode_source, transfer

CANVAS = (120, 160)


def generated(size: tuple[int, int] = (32, 24), index: int = 0) -> Generated:
    source = encode_source(tiny_model(size), smooth_image(*CANVAS), person(CANVAS))
    poses = [person(CANVAS, (42, 35, 36, 90), sway=0.2, seed=seed) for seed in (1, 2)]
    return transfer(source, poses).generated.at(index)


def every_token(result: Generated) -> Tensor:
    """(T, 2) middles of the tokens in pixels of the target's canvas."""
    rows, columns = result.source.features.grid
    row, column = torch.meshgrid(torch.arange(rows) + 0.5, torch.arange(columns) + 0.5, indexing="ij")
    return result.frame.points_outside(torch.stack([column, row], -1).flatten(0, 1) * 8)


def exact(result: Generated, layer: int, head: int) -> np.ndarray:
    """(T, T) attention without any pooling."""
    return attention_at(result, every_token(result), layer=layer, head=head).flatten(1).numpy()


def cells_of(grid: tuple[int, int], block: int) -> list[list[int]]:
    """The tokens of each cell, spelt out."""
    rows, columns = grid
    return [
        [r * columns + c for r in range(top, min(top + block, rows)) for c in range(left, min(left + block, columns))]
        for top in range(0, rows, block)
        for left in range(0, columns, block)
    ]


@pytest.mark.parametrize("index", [0, 1, -1])
def test_every_layer_and_head_is_there_as_the_network_has_it(index):
    result = generated(index=index)
    maps = attention_maps.attention_maps(result)
    assert maps.values.shape == (2, 2, 12, 12) and maps.values.dtype == np.uint8
    assert maps.highest.shape == (2, 2, 12) and maps.highest.dtype == np.float32
    assert maps.grid == (4, 3) and maps.block == 1
    found = maps.probabilities()
    for layer in (0, 1):
        for head in (0, 1):
            wanted = exact(result, layer, head)
            assert np.allclose(maps.highest[layer, head], wanted.max(1), atol=1e-6)
            assert (np.abs(found[layer, head] - wanted) <= 0.004 * wanted.max(1, keepdims=True)).all()
            assert (maps.values[layer, head].max(1) == 255).all()


@pytest.mark.parametrize(
    ("size", "most", "block"), [((32, 24), 4, 2), ((40, 24), 6, 2), ((32, 24), 2, 3), ((56, 40), 9, 3)]
)
def test_large_grids_are_pooled_by_means_of_target_rows_and_sums_of_source_columns(size, most, block, monkeypatch):
    result = generated(size)
    grid = (size[0] // 8, size[1] // 8)
    monkeypatch.setattr(attention_maps, "MAX_CELLS", most)
    maps = attention_maps.attention_maps(result)
    cells = cells_of(grid, block)
    assert maps.block == block and maps.highest.shape == (2, 2, len(cells))
    full = exact(result, 1, 0)
    wanted = np.stack([[full[np.ix_(t, s)].sum(1).mean() for s in cells] for t in cells])
    assert np.allclose(wanted.sum(1), 1, atol=1e-5)
    assert np.allclose(maps.highest[1, 0], wanted.max(1), atol=1e-6)
    assert (np.abs(maps.probabilities()[1, 0] - wanted) <= 0.004 * wanted.max(1, keepdims=True)).all()


@pytest.mark.parametrize("most", [1024, 6])
def test_rows_taken_in_portions_are_the_same_rows(most, monkeypatch):
    result = generated((56, 40), 1)
    monkeypatch.setattr(attention_maps, "MAX_CELLS", most)
    whole = attention_maps.attention_maps(result)
    monkeypatch.setattr(attention, "ROWS_AT_ONCE", 7)
    portions = attention_maps.attention_maps(result)
    assert np.array_equal(whole.values, portions.values) and np.allclose(whole.highest, portions.highest)


def test_the_bytes_of_all_layers_and_heads_together_are_limited(monkeypatch):
    result = generated()
    monkeypatch.setattr(attention_maps, "MAX_VALUES", 4 * 12 * 12 - 1)
    maps = attention_maps.attention_maps(result)
    assert maps.block == 2 and maps.values.size <= 4 * 12 * 12 - 1
    monkeypatch.setattr(attention_maps, "MAX_VALUES", 0)
    assert attention_maps.attention_maps(result).values.shape == (2, 2, 1, 1)


def test_half_precision_models_are_asked_in_fp32():
    source = encode_source(tiny_model().to(dtype=torch.bfloat16), smooth_image(*CANVAS), person(CANVAS))
    maps = attention_maps.attention_maps(transfer(source, [person(CANVAS)]).generated.at(0))
    assert np.allclose(maps.probabilities().sum(-1), 1, atol=0.05)


def test_the_file_is_gzipped_safetensors():
    maps = attention_maps.attention_maps(generated())
    tensors = safetensors.numpy.load(gzip.decompress(maps.packed()))
    assert np.array_equal(tensors["values"], maps.values) and np.array_equal(tensors["highest"], maps.highest)
