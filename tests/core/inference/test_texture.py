"""Texture: the source's own pixels on the target's canvas, at any size, behind any model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from transfer_fixture import person, smooth_image, tiny_model

from dptn_core.checkpoint import DPTNModel, load_model, starter_path
from dptn_core.image_io import read_image
from dptn_core.inference import texture as texture_module
from dptn_core.inference.carrier_file import TextureError, load_carrier
from dptn_core.inference.continuing import continuing
from dptn_core.inference.person_outline import covers, within
from dptn_core.inference.source_texture import encode_texture, working_frame
from dptn_core.inference.texture import compose_texture, composer, decide
from dptn_core.inference.texture_networks import compose_from, load_texturing, mask_of
from dptn_core.inference.transfer import Generated, encode_source, transfer
from dptn_core.network import Generator, GeneratorConfig
from dptn_core.pose import fit_to_person, load_pose_file
from dptn_core.pose.limb_transforms import CANDIDATES, nearness
from dptn_core.samples import FIGURE, FIGURE_POSE, POSES, STUDIO, STUDIO_POSE


@pytest.fixture(scope="module")
def texturing():
    return load_texturing()


@pytest.fixture(scope="module")
def figure():
    """The figure that ships, encoded by the starter."""
    image = read_image(FIGURE)
    return encode_source(load_model(starter_path()), image, load_pose_file(FIGURE_POSE)[0].largest())


@pytest.fixture(scope="module")
def compose(texturing, figure):
    return compose_from(texturing, figure)


def _psnr(a, b, mask):
    return float(-10 * ((a - b).square().mean(0)[mask].mean()).log10())


def test_a_person_in_their_own_pose_stays_who_they_are(figure, compose):
    result = transfer(figure, [figure.pose], compose=compose)
    inside = result.mattes[0] > 0.5
    assert 0.05 < inside.float().mean() < 0.5
    textured = _psnr(result.images[0], figure.image, inside)
    alone = _psnr(transfer(figure, [figure.pose]).images[0], figure.image, inside)
    assert textured > alone + 3  # the network alone blurs them
    assert textured > 22


def test_what_stands_still_is_the_sources_own(figure, compose):
    wave = fit_to_person([load_pose_file(POSES["wave"])[0].largest()], figure.pose)
    result = transfer(figure, wave, compose=compose)
    still = (result.invented[0] < 0.02) & (result.mattes[0] < 0.01)
    assert still.float().mean() > 0.3
    assert (result.images[0] - figure.image).abs().amax(0)[still].max() < 0.05


def test_nobody_is_left_where_the_person_stood(texturing):
    """The carrier is shown the background without the person: else it takes a head that stood there for a new one."""
    image = read_image(STUDIO)
    source = encode_source(load_model(starter_path()), image, load_pose_file(STUDIO_POSE)[0].largest())
    mask = mask_of(texturing.segmenter, image, [source.pose])
    textures = [encode_texture(texturing.carrier, source, mask)]
    textures.append(replace(textures[0], behind=None))
    height, width = image.shape[1:]
    lower = source.pose.transformed((0.9, 0.9), (0.05 * width, 0.08 * height), source.pose.canvas)
    inside = torch.tensor(np.column_stack([lower.keypoints / height, lower.present])).float()[None]
    grid = torch.meshgrid((torch.arange(width) + 0.5) / height, (torch.arange(height) + 0.5) / height, indexing="xy")
    left = (nearness(inside, torch.stack(grid, -1))[0].amax(0) < 0.15) & (textures[0].matte > 0.5)
    ghosts = []
    for texture in textures:
        result = transfer(source, [lower], compose=composer(texturing.carrier, texture))
        ghosts.append(float((result.images[0] - texture.background).abs().mean(0)[left].mean()))
    assert left.sum() > 200
    assert ghosts[0] < 0.5 * ghosts[1]


@pytest.mark.parametrize("size", [(512, 384), (1024, 768), (100, 333), (7, 5)])
def test_any_size_gives_an_image_and_two_masks_of_that_size(figure, compose, size):
    result = transfer(figure, [figure.pose], compose=compose, size=size)
    assert result.images.shape == (1, 3, *size)
    for mask in (result.mattes, result.invented):
        assert mask.shape == (1, *size)
        assert mask.min() >= 0 and mask.max() <= 1
    assert result.images.isfinite().all() and result.images.min() >= 0 and result.images.max() <= 1


def test_twice_the_size_is_the_same_image_with_more_detail(figure, compose):
    small, large = (
        transfer(figure, [figure.pose], compose=compose, size=size).images[0] for size in ((512, 384), (1024, 768))
    )
    shrunk = torch.nn.functional.avg_pool2d(large, 2)
    assert (shrunk - small).abs().mean() < 0.02


def test_strips_do_not_show(figure, compose, monkeypatch):
    whole = transfer(figure, [figure.pose], compose=compose).images
    monkeypatch.setattr(texture_module, "_PIXELS", 3000)
    torch.testing.assert_close(transfer(figure, [figure.pose], compose=compose).images, whole, atol=1e-4, rtol=0)


def test_a_sequence_is_composed_like_its_frames(figure, compose):
    poses = [load_pose_file(POSES[name])[0].largest() for name in ("wave", "cheer")]
    together = transfer(figure, poses, compose=compose, chunk=1)
    assert len(together.images) == len(together.mattes) == 2
    assert together.mattes[0].mean() > 0.03


def test_frames_follow_a_walk_and_the_background_stands_still(figure, compose):
    canvas = (1500, 512)
    first = person(canvas, (60, 60, 150, 390))
    walk = [first.transformed((1, 1), (200.0 * step, 0), first.canvas) for step in range(6)]
    result = transfer(figure, walk, compose=compose)
    made = result.generated
    assert len({frame.box.left for frame in made.frames}) == 6
    assert made.frame.box.width > 1.5 * max(frame.box.width for frame in made.frames)
    assert made.at(5).frame == made.frames[5] and made.at(5).still == made.frame
    nobody = result.mattes.amax(0) < 0.01
    assert 0.2 < nobody.float().mean() < 0.95
    spread = (result.images.amax(0) - result.images.amin(0)).amax(0)
    assert spread[nobody].max() < 0.02
    for matte, pose in zip(result.mattes, walk, strict=True):
        middle = (matte.mean(0) * torch.arange(canvas[0])).sum() / matte.mean(0).sum()
        assert abs(float(middle) - pose.keypoints[pose.present, 0].mean()) < 40


def test_another_canvas_takes_the_background_along(texturing):
    image = smooth_image(120, 160)
    source = encode_source(tiny_model(), image, person((120, 160)))
    result = transfer(source, [person((300, 200))], compose=compose_from(texturing, source))
    assert result.images.shape == (1, 3, 200, 300)
    assert result.images.isfinite().all()
    assert result.images[0].std() > 0.05


@pytest.mark.parametrize(
    ("framing", "config"),
    [
        ("stretch", GeneratorConfig()),
        ("fit", GeneratorConfig(base_features=16, norm="batch", texture_blocks=1, heads=4)),
    ],
)
def test_every_architecture_has_texture(texturing, framing, config):
    torch.manual_seed(0)
    model = DPTNModel(Generator(config).eval().requires_grad_(False), (64, 64), 1.5, framing, {})
    source = encode_source(model, smooth_image(176, 256), person((176, 256)))
    result = transfer(source, [person((176, 256), sway=0.1)], compose=compose_from(texturing, source))
    assert result.images.shape == (1, 3, 256, 176)
    assert result.images.isfinite().all()


@pytest.mark.parametrize("without", [(4, 7), (0, 14, 15, 16, 17), tuple(range(8, 14)), (1,)])
def test_joints_may_be_missing(texturing, without):
    source = encode_source(tiny_model(), smooth_image(120, 160), person((120, 160), without=without))
    result = transfer(source, [person((120, 160), sway=0.05)], compose=compose_from(texturing, source))
    assert result.images.isfinite().all()


def test_one_pixel_wide_images_do_not_break(texturing):
    source = encode_source(tiny_model(), smooth_image(6, 8), person((6, 8)))
    result = transfer(source, [person((6, 8), sway=0.1)], compose=compose_from(texturing, source))
    assert result.images.shape == (1, 3, 8, 6)
    assert result.images.isfinite().all()


def test_decisions_say_where_each_pixel_comes_from(texturing, figure):
    texture = encode_texture(texturing.carrier, figure, None)
    model = figure.model
    found: list[Generated] = []
    transfer(
        figure,
        [figure.pose],
        compose=lambda one, size: (found.append(one), composer(texturing.carrier, texture)(one, size))[1],
    )
    decision = decide(texturing.carrier, texture, found[0])
    at, choice = decision.correspondence(texture), decision.choice()
    assert at.shape == (*working_frame(figure.frame).size, 2) and choice.shape == at.shape[:2]
    assert choice.min() >= 0 and choice.max() < len(CANDIDATES)
    assert (choice == len(CANDIDATES) - 1).float().mean() > 0.3  # the background stays
    inside = figure.frame.box
    height, width = choice.shape
    y = (torch.arange(height) + 0.5) / height * inside.height + inside.top
    x = (torch.arange(width) + 0.5) / width * inside.width + inside.left
    own = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)
    off = (at - own).norm(dim=-1) / inside.height  # in the source's own pose, everything comes from where it is
    assert off.median() < 0.02
    assert model is found[0].source.model


def test_generated_pixels_take_the_colours_of_warped_ones_beside_them(texturing, figure, compose):
    """Beside warped pixels nothing jumps; where nothing is warped the generated image is left alone."""
    texture = encode_texture(texturing.carrier, figure, mask_of(texturing.segmenter, figure.image, [figure.pose]))
    found = _decided(texturing, texture, figure).found
    sure = found.carry[0, 0].sigmoid() * found.matte[0, 0].sigmoid() > 0.9
    tinted = replace(found, drawing=(found.warped + 0.2).clamp(0, 1))
    off = (continuing(tinted, texture) - found.warped[0]).abs().mean(0)[sure].mean()
    assert off < 0.3 * (tinted.drawing - found.warped)[0].abs().mean(0)[sure].mean()
    nothing = replace(tinted, carry=torch.full_like(found.carry, -20.0))
    assert torch.equal(continuing(nothing, texture), tinted.drawing[0])


def test_a_head_seen_from_the_front_keeps_its_outline(texturing, figure):
    """A matte that is sure of a person above the head leaves nothing there, as the source shows that nobody is."""
    texture = encode_texture(texturing.carrier, figure, mask_of(texturing.segmenter, figure.image, [figure.pose]))
    decision = _decided(texturing, texture, figure)
    head = CANDIDATES.index("head")
    choice = torch.full_like(decision.found.choice, -10.0)
    choice[:, head] = 10
    found = replace(
        decision.found,
        choice=choice,
        residual=torch.zeros_like(decision.found.residual),
        matte=torch.full_like(decision.found.matte, 10.0),
        seen=torch.full_like(decision.found.seen, -10.0),
        carry=torch.full_like(decision.found.carry, -10.0),
    )
    size = tuple(figure.image.shape[1:])
    beside = texture.matte < 0.02
    left = {
        same: compose_texture(replace(decision, found=found, same_head=same), texture, size).matte[beside].mean()
        for same in (True, False)
    }
    assert left[True] < 0.1 < 0.5 < left[False]


def test_heads_that_turn_away_may_change_their_outline(texturing, figure):
    texture = encode_texture(texturing.carrier, figure, None)
    turned = figure.pose.confidence.copy()
    turned[16] = 0  # an ear
    assert _decided(texturing, texture, figure).same_head
    assert not _decided(texturing, texture, figure, replace(figure.pose, confidence=turned)).same_head


def test_a_mask_that_holds_the_joints_bounds_the_person(texturing, figure):
    texture = encode_texture(texturing.carrier, figure, None)
    height, width = figure.image.shape[1:]
    everything = torch.ones(height, width)
    assert covers(everything, figure.pose)
    assert not covers(1 - everything, figure.pose)
    assert not covers(everything, replace(figure.pose, confidence=np.zeros(18)))
    doubtful = replace(texture.parts, logits=torch.zeros_like(texture.parts.logits))
    mask = torch.zeros_like(texture.parts.image[:, :1])
    mask[..., 100:150, 60:90] = 1
    person = 1 - within(doubtful, mask).parts[0, 0]
    assert person[125, 75] > 0.9
    assert person[95, 75] > 0.9  # hair and hems that the mask misses
    assert person[:60].max() < 0.01
    assert person[:, 130:].max() < 0.01
    sure = doubtful.logits.clone()
    sure[:, 1] = 20
    assert (1 - within(replace(doubtful, logits=sure), mask).parts[0, 0]).min() > 0.9  # the mask may be wrong


def _decided(texturing, texture, figure, pose=None):
    """The decision about a figure in a pose, or in its own."""
    kept = []

    def compose(generated, size):
        kept.append(decide(texturing.carrier, texture, generated))
        return compose_texture(kept[0], texture, size)

    transfer(figure, [pose or figure.pose], compose=compose)
    return kept[0]


def test_a_file_that_is_no_carrier_is_refused_by_name(tmp_path):
    path = tmp_path / "carrier.safetensors"
    with pytest.raises(TextureError, match=r"carrier\.safetensors cannot be read"):
        load_carrier(path=path)
    path.write_bytes(b"nothing")
    with pytest.raises(TextureError, match="install this package again"):
        load_carrier(path=path)
    with pytest.raises(TextureError, match="carrier"):
        load_carrier(path=starter_path())
