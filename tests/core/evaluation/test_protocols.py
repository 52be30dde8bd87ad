"""What each protocol makes of an image, against OpenCV and Pillow."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from evaluation_fixture import FASHION, image
from PIL import Image

from dptn_core.evaluation import PROTOCOLS
from dptn_core.evaluation.protocols import beside, interpolate, to_levels

EXACT, DPTN, PIDM, CFLD = (PROTOCOLS[name] for name in ("exact", "dptn", "pidm", "cfld"))


def grey_levels(one):
    return (one * 255).round().byte().permute(1, 2, 0).numpy()


def test_the_published_protocols_are_those_of_the_field():
    published = {name: one for name, one in PROTOCOLS.items() if not one.exact}
    assert {name: (one.box, one.gaussian_sigma) for name, one in published.items()} == {
        "dptn": (51, 1.5),
        "pidm": (51, 1.2),
        "cfld": (51, 1.5),
    }
    assert DPTN.published["fid"] == 11.4556


def test_exact_changes_nothing():
    generated = torch.rand(3, 96, 64, generator=torch.Generator().manual_seed(1))
    for prepare in (EXACT.as_saved, EXACT.as_read):
        assert prepare(generated, (96, 64)) is generated
        assert tuple(prepare(generated, (48, 32)).shape) == (3, 48, 32)
    assert EXACT.for_similarity(generated) is EXACT.for_distance(generated) is generated


def test_dptn_pads_deepfashion_with_forty_white_columns_on_either_side():
    padded = DPTN.for_similarity(image(1))
    assert tuple(padded.shape) == (3, 256, 256)
    assert (padded[:, :, :40] == 1).all() and (padded[:, :, 216:] == 1).all()
    assert torch.equal(padded[:, :, 40:216], image(1))
    mask = DPTN.mask_for_similarity(torch.ones(FASHION, dtype=torch.bool))
    assert mask.sum() == 256 * 176 and not mask[:, :40].any()


def test_dptn_leaves_market_and_everything_else_unpadded():
    for size in ((128, 64), (128, 96), (256, 256)):
        one = image(1, size)
        assert torch.equal(DPTN.for_similarity(one), one)
        assert torch.equal(DPTN.for_distance(one), one)


def test_dptn_compares_distances_unpadded():
    assert tuple(DPTN.for_distance(image(1)).shape) == (3, *FASHION)


def test_dptn_resizes_as_opencv_and_saves_as_jpeg():
    cv2 = pytest.importorskip("cv2")
    generated = torch.rand(3, 256, 256, generator=torch.Generator().manual_seed(1))
    resized = cv2.resize((generated * 255).byte().permute(1, 2, 0).numpy(), (176, 256))
    lossless = to_levels(interpolate(to_levels(generated, cut_off=True), FASHION))
    gap = np.abs(grey_levels(lossless).astype(int) - resized)
    assert gap.max() <= 1 and gap.mean() < 0.05  # OpenCV rounds its weights to 1/2048
    saved = DPTN.as_saved(generated, FASHION)
    assert tuple(saved.shape) == (3, *FASHION)
    assert 0.01 < (saved - lossless).abs().mean() < 0.3, "JPEG at 75 leaves its marks on noise"


def test_jpeg_is_pillows_at_75(tmp_path):
    Image.fromarray(grey_levels(image(2))).save(tmp_path / "one.jpg", quality=75)
    wanted = np.asarray(Image.open(tmp_path / "one.jpg"))
    assert np.array_equal(grey_levels(DPTN.as_saved(image(2), FASHION)), wanted)


def test_bilinear_interpolation_is_opencvs_in_floats():
    cv2 = pytest.importorskip("cv2")
    one = image(3, (256, 256))
    wanted = cv2.resize(one.permute(1, 2, 0).numpy(), (176, 256))
    assert np.abs(interpolate(one, FASHION).permute(1, 2, 0).numpy() - wanted).max() < 1e-5
    assert torch.equal(PIDM.for_distance(one), interpolate(one, FASHION))


@pytest.mark.parametrize(("protocol", "size", "start"), [(PIDM, (256, 256), FASHION), (CFLD, FASHION, (512, 352))])
def test_true_pictures_are_resized_as_pillow_does_it(protocol, size, start):
    one = image(4, start)
    wanted = Image.fromarray(grey_levels(one)).resize(size[::-1], Image.Resampling.BICUBIC)
    found = protocol.as_read(one, start)
    assert tuple(found.shape) == (3, *size)
    assert np.abs(grey_levels(found).astype(int) - np.asarray(wanted)).max() <= 1


def test_cfld_and_dptn_cut_levels_off_and_pidm_rounds():
    generated = torch.full((3, *FASHION), 100.9 / 255)
    assert grey_levels(CFLD.as_saved(generated, FASHION)).max() == 100
    assert grey_levels(PIDM.as_saved(generated, FASHION)).min() == 101
    assert grey_levels(to_levels(generated, cut_off=True)).max() == 100


def test_whole_levels_survive_being_cut_off():
    levels = torch.arange(256) / 255
    assert torch.equal(to_levels(levels, cut_off=True), levels)


@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=str)
def test_a_picture_of_the_protocols_own_size_is_left_alone(protocol):
    size = protocol.size or FASHION
    assert torch.equal(protocol.as_read(image(5, size), size), image(5, size))


def test_masks_go_where_the_pictures_go():
    mask = torch.zeros(FASHION, dtype=torch.bool)
    mask[64:128, 44:88] = True
    moved = PIDM.mask_for(mask, (256, 256))
    assert moved.sum() == 64 * 64 and moved[64:128, 64:128].all()


def test_squares_are_cut_beside_drawn_pictures_of_their_middle():
    square = image(6, (256, 256))
    assert torch.equal(beside(square, FASHION), square[:, :, 40:216])
    assert torch.equal(beside(square, (256, 256)), square)
