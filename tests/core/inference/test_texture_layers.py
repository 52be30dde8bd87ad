"""What is as large as the source's image, looked up bit by bit, against torch's own sampling of the whole."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch.nn import functional

from dptn_core.image_io import resize
from dptn_core.inference import source_texture, texture_layers
from dptn_core.inference.box import Box
from dptn_core.inference.framing import Frame
from dptn_core.inference.source_texture import hole_around
from dptn_core.inference.texture_layers import background_at, coarser, looked_up
from dptn_core.pose import Canvas

RANDOM = torch.Generator().manual_seed(3)
LAYERS = torch.rand(40, 30, 4, generator=RANDOM).half()


def test_colours_between_pixels_and_beyond_the_edge_are_those_of_grid_sample():
    at = torch.rand(500, 2, generator=RANDOM) * 1.4 - 0.2
    whole = LAYERS.float().permute(2, 0, 1)[None]
    wanted = functional.grid_sample(whole, at[None, None] * 2 - 1, padding_mode="border", align_corners=False)
    assert torch.allclose(looked_up(LAYERS, at), wanted[0, :, 0].T, atol=1e-5)


def test_coarser_layers_are_those_of_the_whole():
    small = coarser(LAYERS, (16, 12))
    assert small.dtype == torch.float16
    assert torch.allclose(small.float(), resize(LAYERS.float().permute(2, 0, 1), (16, 12)).permute(1, 2, 0), atol=1e-3)


@pytest.mark.parametrize("size", [(50, 80), (17, 9)])
def test_on_another_canvas_the_background_goes_on_mirrored(size, monkeypatch):
    monkeypatch.setattr(texture_layers, "_BAND", 100)
    background = torch.rand(3, 40, 30, generator=RANDOM).half()
    source = Frame(Box(3, 5, 20, 30), Canvas(30, 40), (64, 48))
    texture = SimpleNamespace(background=background, matte=LAYERS[..., 3], frame=source)
    target, lies = Frame(Box(0, 0, 80, 50), Canvas(80, 50), (64, 48)), Box(30, 10, 15, 25)
    image, invented = background_at(texture, target, lies, size)
    y = (torch.arange(size[0]) + 0.5) / size[0] * 50
    x = (torch.arange(size[1]) + 0.5) / size[1] * 80
    y, x = ((y - 10) / 25 * 30 + 5) / 40, ((x - 30) / 15 * 20 + 3) / 30
    grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)[None] * 2 - 1
    planes = torch.cat([background, LAYERS[None, ..., 3]]).float()[None]
    wanted = functional.grid_sample(planes, grid, padding_mode="reflection", align_corners=False)[0]
    assert torch.allclose(image, wanted[:3], atol=1e-4)
    outside = (grid[0].abs() > 1).any(-1)
    assert outside.any()
    assert torch.allclose(invented, torch.where(outside, 1.0, wanted[3]), atol=1e-4)


@pytest.mark.parametrize("height", [30, 700, 2000])
def test_a_hole_reaches_as_far_as_its_radius_in_every_direction(height, monkeypatch):
    monkeypatch.setattr(source_texture, "_BAND", 200)
    matte = torch.zeros(70, 60)
    matte[30, 20] = 1
    radius = max(1, round(0.012 * height))
    wanted = functional.max_pool2d(matte[None], 2 * radius + 1, 1, radius)[0]
    assert torch.equal(hole_around(matte, height), wanted)
