"""The background behind a person: what is copied, what is never copied, what stays as it was, and every shape."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from dptn_core.inpainting import background
from dptn_core.inpainting.alignment import aligned_moves
from dptn_core.inpainting.background import fill_background
from dptn_core.inpainting.labelling import labelled
from dptn_core.inpainting.look import Look
from dptn_core.inpainting.patches import Patches
from dptn_core.inpainting.seams import corrected
from dptn_core.inpainting.smooth import smooth_fill


def person_hole(height: int, width: int) -> Tensor:
    """A head above a body, with soft edges."""
    y = torch.linspace(0, 1, height)[:, None]
    x = torch.linspace(0, 1, width)
    body = ((x - 0.5).abs() < 0.12) & (y > 0.3) & (y < 0.9)
    head = ((x - 0.5) ** 2 + (y - 0.25) ** 2) < 0.008
    hole = (body | head).float()
    return functional.avg_pool2d(hole[None, None], 5, 1, 2)[0, 0]


def noise(height: int, width: int, seed: int = 1, smooth: int = 3) -> Tensor:
    """Something like a lawn: green, rough."""
    rough = torch.rand(3, height + smooth - 1, width + smooth - 1, generator=torch.Generator().manual_seed(seed))
    rough = functional.avg_pool2d(rough[None], smooth, 1)[0]
    return (rough * torch.tensor([0.5, 0.9, 0.4])[:, None, None]).clamp(0, 1)


@pytest.mark.parametrize("size", [(192, 160), (384, 512), (700, 300)])
def test_outside_the_hole_every_bit_stays(size):
    image, hole = noise(*size), person_hole(*size)
    before = image.clone()
    out = fill_background(image, hole)
    assert out.shape == image.shape and out.dtype == torch.float32
    assert torch.equal(out[:, hole <= 0.05], image[:, hole <= 0.05])
    assert torch.equal(image, before)
    assert out.min() >= 0 and out.max() <= 1


@pytest.mark.parametrize("size", [(160, 120), (512, 384), (1024, 768)])
def test_nothing_of_the_person_is_copied(size):
    """The person is magenta, which is nowhere else; where the hole is soft they show through as far as it says."""
    hole = person_hole(*size)
    image = noise(*size) * torch.tensor([0.6, 1.0, 0.6])[:, None, None] + torch.tensor([0.0, 0.1, 0.0])[:, None, None]
    image[:, hole > 0.05] = torch.tensor([1.0, 0.0, 1.0])[:, None]
    out = fill_background(image, hole)
    inside = out[:, hole >= 0.5]
    known = image[:, hole <= 0.05]
    for channel in (0, 2):  # a correction of colours goes a little beyond what is known
        assert inside[channel].max() < known[channel].max() + 0.1
    assert inside[1].min() > known[1].min() - 0.1


def test_what_lies_in_the_hole_changes_nothing():
    hole = person_hole(300, 240)
    image = noise(300, 240)
    other = torch.where(hole > 0.05, torch.rand(image.shape, generator=torch.Generator().manual_seed(3)), image)
    first, second = fill_background(image, hole), fill_background(other, hole)
    assert torch.equal(first[:, hole >= 0.5], second[:, hole >= 0.5])


def test_the_same_seed_gives_the_same_image():
    image, hole = noise(200, 200), person_hole(200, 200)
    assert torch.equal(fill_background(image, hole, seed=4), fill_background(image, hole, seed=4))


def roughness(image: Tensor, where: Tensor) -> float:
    """The mean difference of neighbours."""
    both = where[:, 1:] & where[:, :-1]
    return float((image[:, :, 1:] - image[:, :, :-1]).abs()[:, both].mean())


@pytest.mark.parametrize("size", [(256, 256), (1024, 768)])
def test_the_fill_is_as_rough_as_its_surroundings(size):
    image, hole = noise(*size), person_hole(*size)
    out = fill_background(image, hole)
    inside, outside = roughness(out, hole >= 0.5), roughness(image, hole <= 0.05)
    assert inside == pytest.approx(outside, rel=0.1)
    assert roughness(smooth_fill(image, hole <= 0.05), hole >= 0.5) < 0.2 * outside


@pytest.mark.parametrize("size", [(256, 256), (1000, 760)])
def test_stripes_and_a_horizon_go_on_behind_the_person(size):
    """A picket fence above a floor: periodic, with hard lines."""
    height, width = size
    hole = person_hole(height, width)
    x, y = torch.arange(width), torch.arange(height)[:, None]
    fence = ((x // (width // 32)) % 2).float().expand(height, -1) * 0.6 + 0.2
    ground_truth = torch.where(y < int(0.7 * height), fence, torch.full_like(fence, 0.4))[None].repeat(3, 1, 1)
    image = torch.where(hole > 0.05, 0.0, ground_truth)
    out = fill_background(image, hole)
    inside = hole >= 0.5
    error = (out - ground_truth).abs()[:, inside].mean()
    smooth = (smooth_fill(image, hole <= 0.05) - ground_truth).abs()[:, inside].mean()
    assert error < 0.03 and smooth > 0.1


def test_light_that_changes_across_the_image_leaves_no_steps():
    hole = (person_hole(320, 320) > 0.05).float()
    light = torch.linspace(0.3, 0.8, 320).expand(3, 320, 320)
    image = (light + 0.05 * (noise(320, 320) - 0.3)).clamp(0, 1)
    out = fill_background(torch.where(hole > 0, 0.0, image), hole)
    assert (functional.avg_pool2d(out - light, 9, 1, 4).abs()).max() < 0.05  # a move by 32 pixels changes light so much


def test_an_empty_hole_changes_nothing():
    image = noise(40, 50)
    assert torch.equal(fill_background(image, torch.zeros(40, 50)), image)
    assert torch.equal(fill_background(image, torch.full((40, 50), 0.05)), image)


def test_a_hole_that_is_everything_becomes_the_mean_colour():
    image = noise(40, 50)
    out = fill_background(image, torch.ones(40, 50))
    assert torch.allclose(out, image.mean(dim=(1, 2), keepdim=True).expand_as(image))


def test_a_soft_edge_goes_over_from_the_image_to_the_fill():
    image = torch.full((3, 64, 64), 0.5)
    hole = torch.zeros(64, 64)
    hole[20:40, 20:40] = 1.0
    hole[20:40, 16:20] = 0.275  # half way
    image[:, 20:40, 16:20] = 0.9
    out = fill_background(image, hole)
    assert torch.allclose(out[:, 20:40, 16:20], torch.tensor(0.7), atol=0.01)
    assert torch.allclose(out[:, 20:40, 20:40], torch.tensor(0.5), atol=0.01)


@pytest.mark.parametrize(
    ("size", "box"),
    [
        ((1, 1), (0, 1, 0, 1)),
        ((1, 9), (0, 1, 2, 4)),
        ((2, 3), (0, 1, 0, 1)),
        ((16, 16), (4, 12, 4, 12)),
        ((16, 16), (1, 15, 1, 15)),
        ((64, 64), (1, 63, 1, 63)),
        ((64, 48), (0, 64, 0, 47)),
        ((64, 48), (0, 64, 10, 30)),
        ((97, 61), (20, 97, 0, 40)),
        ((200, 200), (0, 200, 0, 190)),
        ((200, 200), (8, 192, 8, 192)),
        ((300, 20), (100, 200, 0, 20)),
        ((257, 129), (128, 129, 64, 65)),
        ((5, 900), (0, 5, 300, 500)),
        ((1500, 2000), (700, 800, 900, 1000)),
    ],
)
def test_every_shape_is_filled(size, box):
    image = noise(*size, smooth=1)
    hole = torch.zeros(size)
    hole[box[0] : box[1], box[2] : box[3]] = 1.0
    marked = torch.where(hole > 0.05, torch.tensor([1.0, 0.0, 1.0])[:, None, None], image)
    out = fill_background(marked, hole)
    assert torch.isfinite(out).all() and out.min() >= 0 and out.max() <= 1
    assert torch.equal(out[:, hole == 0], image[:, hole == 0])
    if not hole.all():
        assert not ((out[0] > 0.9) & (out[1] < 0.1) & (out[2] > 0.9)).any()


def test_two_holes_far_apart_and_pixels_strewn_about():
    image = noise(300, 300)
    hole = (torch.rand(300, 300, generator=torch.Generator().manual_seed(2)) > 0.98).float()
    hole[20:60, 20:60] = 1.0
    hole[220:280, 200:290] = 1.0
    out = fill_background(torch.where(hole > 0, 1.0, image), hole)
    assert torch.isfinite(out).all() and out[2][hole > 0].max() < 0.6  # the lawn's blue ends at 0.4


def test_large_photographs_take_little_memory_and_time():
    image, hole = noise(3000, 4000, smooth=1), person_hole(3000, 4000)
    out = fill_background(image, hole)
    assert torch.equal(out[:, hole == 0], image[:, hole == 0])
    assert roughness(out, hole >= 0.5) == pytest.approx(roughness(image, hole == 0), rel=0.2)


@pytest.mark.parametrize(
    ("image", "hole", "words"),
    [
        (torch.zeros(8, 8), torch.zeros(8, 8), r"image is \(8, 8\)"),
        (torch.zeros(1, 8, 8), torch.zeros(8, 8), r"image is \(1, 8, 8\)"),
        (torch.zeros(3, 8, 8, dtype=torch.float64), torch.zeros(8, 8), "float64"),
        (torch.zeros(3, 0, 8), torch.zeros(0, 8), r"image is \(3, 0, 8\)"),
        (torch.zeros(3, 8, 8), torch.zeros(8, 9), r"hole is \(8, 9\)"),
    ],
)
def test_bad_input_is_named(image, hole, words):
    with pytest.raises(ValueError, match=words):
        fill_background(image, hole)


def test_nothing_is_copied_from_places_to_avoid():
    """Another person, red, stands beside the hole, in front of a wall whose copies there would fit best."""
    image, hole = noise(256, 256), (person_hole(256, 256) > 0.05).float()
    avoid = torch.zeros(256, 256)
    avoid[60:240, 20:70] = 1.0
    image[:, avoid > 0] = torch.tensor([1.0, 0.0, 0.0])[:, None]
    out = fill_background(torch.where(hole > 0, 1.0, image), hole, avoid=avoid)
    assert torch.equal(out[:, hole == 0], image[:, hole == 0])
    assert out[0][hole > 0].max() < 0.7
    with pytest.raises(ValueError, match=r"avoid is \(8, 8\)"):
        fill_background(image, hole, avoid=torch.zeros(8, 8))


def test_what_is_there_only_once_is_rarer_than_what_repeats():
    image = noise(200, 200).permute(1, 2, 0)
    image[80:110, 20:50] = torch.tensor([0.9, 0.1, 0.8])
    image[90:100, 30:40] = torch.tensor([0.1, 0.9, 0.9])
    known = torch.ones(200, 200, dtype=torch.bool)
    known[60:160, 100:140] = False
    rarity = Patches(image * known[..., None], known, known).rarity(known.shape, torch.Generator().manual_seed(0))
    assert rarity.shape == (200, 200)
    assert rarity[95, 35] > 1.5 * rarity[known].median()


def test_a_smooth_fill_of_a_plane_is_near_the_plane_and_exact_where_known():
    plane = torch.linspace(0, 1, 64).expand(3, 48, 64)
    known = torch.ones(48, 64, dtype=torch.bool)
    known[16:32, 24:40] = False
    filled = smooth_fill(torch.where(known, plane, torch.nan), known)
    assert torch.equal(filled[:, known], plane[:, known])
    assert (filled - plane).abs().max() < 0.1


def test_moves_are_labelled_so_that_a_pattern_goes_on():
    """Of three moves only one keeps the stripes in step."""
    stripes = ((torch.arange(96) // 4) % 2).float().expand(64, 96)
    image = stripes[..., None].repeat(1, 1, 3)
    known = torch.ones(64, 96, dtype=torch.bool)
    known[20:44, 40:56] = False
    sources = functional.max_pool2d((~known).float()[None, None], 7, 1, 3)[0, 0] == 0
    moves = torch.tensor([[0, -27], [0, -32], [0, 29]])
    look = Look(image * known[..., None], known, torch.zeros(64, 96))
    found = labelled(look, image * known[..., None], sources, moves, torch.Generator().manual_seed(0))
    assert found is not None and (found == torch.tensor([0, -32])).all()


def test_moves_become_exact_in_the_large_image():
    large = noise(256, 256, smooth=5)
    hole = torch.zeros(256, 256, dtype=torch.bool)
    hole[96:160, 96:128] = True
    shifted = torch.roll(large, (13, 50), (1, 2))  # what is at y, x is found at y - 13, x - 50
    large = torch.where(torch.arange(256) > 90, shifted, large)
    known = functional.max_pool2d(hole.float()[None, None], 8)[0, 0] == 0
    moves = torch.tensor([[-2, -6]]).expand(int((~known).sum()), 2)
    exact = aligned_moves(large, known, moves, 8, 4)
    assert (exact == torch.tensor([-13, -50])).all()


def test_corrections_are_nothing_where_copies_fit_and_close_a_step_where_they_do_not():
    image = torch.full((32, 64, 3), 0.5)
    known = torch.ones(32, 64, dtype=torch.bool)
    known[8:24, 40:56] = False
    moves = torch.tensor([[0, -30]]).expand(256, 2)
    assert corrected(image, known, moves).abs().max() == 0
    image[:, :30] = 0.45  # copied from here
    added = corrected(image, known, moves)
    assert added.mean() == pytest.approx(0.05, abs=0.02)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="wants a CUDA device")
def test_an_image_on_a_cuda_device_stays_there_and_is_filled_alike():
    image, hole = noise(256, 200), person_hole(256, 200)
    out = fill_background(image.cuda(), hole.cuda())
    assert out.device.type == "cuda"
    assert np.abs(out.cpu() - fill_background(image, hole)).max() < 1e-3


@pytest.mark.parametrize("limit", ["_MAX_PIXELS", "_MAX_SMOOTH"])
def test_a_large_image_is_filled_at_a_smaller_size(monkeypatch, limit):
    """What it costs does not grow with the image; what is known stays as it is."""
    image, hole = noise(320, 240), person_hole(320, 240)
    if limit == "_MAX_SMOOTH":
        hole = torch.maximum(hole, (noise(320, 240, 9, smooth=1)[0] > 0.001).float())  # nothing is left to copy
    monkeypatch.setattr(background, limit, 5000)
    out = fill_background(torch.where(hole > 0, 0.0, image), hole)
    assert torch.equal(out[:, hole == 0], image[:, hole == 0])
    assert out.isfinite().all()
    lawn = image.mean(dim=(1, 2))
    assert (out[:, hole >= 0.5].mean(dim=1) - lawn).abs().max() < 0.1
