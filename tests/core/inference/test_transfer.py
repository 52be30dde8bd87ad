"""From an image and poses to images: sizes, surroundings, batches, precision, and poses that cannot be drawn."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from transfer_fixture import person, smooth_image, tiny_model

from dptn_core.checkpoint import DPTNModel, load_model, save_model
from dptn_core.inference.framing import FramingError
from dptn_core.inference.transfer import Composed, EncodedSource, encode_source, transfer
from dptn_core.pose import Canvas, Pose

CANVAS = (120, 160)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> DPTNModel:
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_model(path, tiny_model())
    return load_model(path)


@pytest.fixture(scope="module")
def source(model) -> EncodedSource:
    return encode_source(model, smooth_image(*CANVAS), person(CANVAS))


def bent(seed: int, canvas: tuple[int, int] = CANVAS) -> Pose:
    """A person inside the frame of the standing one."""
    width, height = canvas
    return person(canvas, (0.35 * width, 0.22 * height, 0.3 * width, 0.56 * height), sway=0.2, seed=seed)


def aside(canvas: tuple[int, int] = CANVAS) -> Pose:
    return person(canvas, (0.55 * canvas[0], 0.15 * canvas[1], 0.4 * canvas[0], 0.7 * canvas[1]))


# Sizes and surroundings


@pytest.mark.parametrize("framing", ["fit", "stretch"])
@pytest.mark.parametrize(
    "canvas", [(90, 160), (160, 90), (20, 30), (30, 20), (8, 8), (500, 60), (256, 256), (176, 256)]
)
def test_pictures_of_every_shape_come_back_in_their_size(model, framing, canvas):
    image = smooth_image(*canvas)
    source = encode_source(model, image, person(canvas), framing=framing)
    result = transfer(source, [bent(1, canvas)])
    assert source.framing == framing
    assert result.generated.images.shape == (1, 3, 32, 24)
    assert result.images.shape == (1, 3, canvas[1], canvas[0])
    assert torch.isfinite(result.images).all()
    assert result.images.min() >= 0 and result.images.max() <= 1


def test_a_large_photograph_comes_back_in_its_size(model):
    canvas = (3000, 2000)
    image = torch.rand(3, 50, 75).repeat(1, 40, 40)
    result = transfer(encode_source(model, image, person(canvas)), [person(canvas)])
    assert result.images.shape == (1, 3, 2000, 3000)
    box = result.generated.frame.box
    assert torch.equal(result.images[0][:, :, : box.left], image[:, :, : box.left])
    assert torch.equal(result.images[0][:, :, box.right :], image[:, :, box.right :])


@pytest.mark.parametrize("canvas", [(200, 120), (64, 64), (31, 57), (640, 480)])
def test_the_canvas_of_the_target_pose_decides_the_size(source, canvas):
    result = transfer(source, [bent(2, canvas), bent(3, canvas)])
    assert result.images.shape == (2, 3, canvas[1], canvas[0])
    assert result.generated.frame.canvas == Canvas(*canvas)


def test_on_the_sources_canvas_everything_outside_the_frame_is_the_source_picture(model):
    canvas = (400, 300)
    image = torch.rand(3, 300, 400)
    source = encode_source(model, image, person(canvas, (150, 80, 90, 150)))
    result = transfer(source, [person(canvas, (160, 90, 70, 130)), person(canvas, (170, 85, 60, 120))])
    box = result.generated.frame.box
    assert result.generated.frame is source.frame
    outside = torch.ones(300, 400, dtype=torch.bool)
    outside[box.top : box.bottom, box.left : box.right] = False
    assert outside.sum() > 1000
    for drawn in result.images:
        assert torch.equal(drawn[:, outside], image[:, outside])


def test_on_another_canvas_nothing_of_the_source_picture_is_pasted(model):
    black = torch.zeros(3, 160, 120)
    result = transfer(encode_source(model, black, person(CANVAS)), [person((121, 160))])
    # Only the network's own colours, spread from the edge of its frame.
    assert result.images.min() >= result.generated.images.min() - 0.05
    assert result.images.max() <= result.generated.images.max() + 0.05


def test_where_the_person_left_is_drawn_again(source):
    pose = person(CANVAS, (0.5 * CANVAS[0], 0.2 * CANVAS[1], 0.45 * CANVAS[0], 0.6 * CANVAS[1]))
    frame = transfer(source, [pose]).generated.frame
    for one in (source.pose, pose):
        assert frame.pose_inside(one).present.all()


def test_the_picture_that_was_given_is_not_changed(model):
    image = smooth_image(*CANVAS)
    before = image.clone()
    transfer(encode_source(model, image, person(CANVAS)), [bent(1), aside()])
    assert torch.equal(image, before)


def test_the_drawing_is_what_the_network_says_about_the_cut_out_picture(model, source):
    pose = bent(4)
    result = transfer(source, [pose])
    image = source.frame.cut(source.image)[None] * 2 - 1
    features = model.generator.encode_source(image, transfer(source, [source.pose]).generated.heatmaps(0))
    expected = (model.generator.transfer(features, result.generated.heatmaps(0)) + 1) / 2
    torch.testing.assert_close(result.generated.images, expected, atol=1e-4, rtol=0)


def test_another_pose_gives_another_drawing_and_so_does_another_person(model, source):
    one, other = transfer(source, [bent(1), bent(2)]).generated.images
    assert (one - other).abs().max() > 0.01
    inverted = encode_source(model, 1 - source.image, source.pose)
    assert (transfer(inverted, [bent(1)]).generated.images[0] - one).abs().max() > 0.01


# Several poses


def test_poses_drawn_together_equal_poses_drawn_one_by_one(source):
    poses = [bent(seed) for seed in range(5)]
    together = transfer(source, poses)
    assert together.generated.poses == tuple(poses)
    alone = [transfer(source, [pose]) for pose in poses]
    assert all(one.generated.frame == together.generated.frame for one in alone)
    torch.testing.assert_close(together.images, torch.cat([one.images for one in alone]), atol=1e-5, rtol=0)


@pytest.mark.parametrize("chunk", [1, 2, 3, 5, 100])
def test_the_size_of_a_chunk_does_not_matter(source, chunk):
    poses = [bent(seed) for seed in range(5)]
    expected = transfer(source, poses)
    found = transfer(source, poses, chunk=chunk)
    torch.testing.assert_close(found.generated.images, expected.generated.images, atol=1e-5, rtol=0)


@pytest.mark.parametrize("chunk", [0, -1])
def test_a_chunk_of_nothing_is_refused(source, chunk):
    with pytest.raises(ValueError, match=f"expected a chunk of at least 1 pose, got {chunk}"):
        transfer(source, [bent(1)], chunk=chunk)


def test_a_sequence_that_leaves_the_sources_frame_shares_one_frame(source):
    poses = [source.pose.transformed((1, 1), (step * 8.0, 0), source.pose.canvas) for step in range(5)]
    result = transfer(source, poses)
    assert result.generated.frame != source.frame
    assert result.images.shape == (5, 3, 160, 120)
    assert all(result.generated.frame.pose_inside(pose).present.all() for pose in poses)


def test_progress_hears_of_every_chunk_with_its_drawings(source):
    heard = []
    result = transfer(
        source, [bent(seed) for seed in range(5)], chunk=2, progress=lambda done, drawn: heard.append((done, drawn))
    )
    assert [done for done, _ in heard] == [2, 4, 5]
    assert torch.equal(torch.cat([drawn for _, drawn in heard]), result.generated.images)


def test_progress_may_stop_the_work(source, monkeypatch):
    class Stopped(Exception):
        pass

    calls = []
    draw = source.model.generator.transfer_with_queries
    monkeypatch.setattr(source.model.generator, "transfer_with_queries", lambda *given: calls.append(1) or draw(*given))

    def stop(done, drawn):
        if done >= 4:
            raise Stopped

    with pytest.raises(Stopped):
        transfer(source, [bent(seed) for seed in range(8)], chunk=2, progress=stop)
    assert len(calls) == 2


def test_a_source_is_encoded_once_for_all_its_poses(model, monkeypatch):
    calls = []
    encode = model.generator.encode_source
    monkeypatch.setattr(model.generator, "encode_source", lambda *given: calls.append(1) or encode(*given))
    source = encode_source(model, smooth_image(*CANVAS), person(CANVAS))
    transfer(source, [bent(seed) for seed in range(9)], chunk=2)
    transfer(source, [aside()])
    assert len(calls) == 1


def test_results_are_ordinary_tensors_in_and_out_of_inference_mode(model):
    def images():
        return transfer(encode_source(model, smooth_image(*CANVAS), person(CANVAS)), [bent(1)]).images

    outside = images()
    assert not outside.is_inference() and not outside.requires_grad
    with torch.inference_mode():
        torch.testing.assert_close(images(), outside)


# Precision, size and model


def test_bf16_draws_nearly_what_fp32_draws(model):
    drawn = {}
    for dtype in (torch.float32, torch.bfloat16):
        source = encode_source(model.to(dtype=dtype), smooth_image(*CANVAS), person(CANVAS))
        result = transfer(source, [bent(1), bent(2)])
        assert result.generated.images.dtype == result.images.dtype == torch.float32
        drawn[dtype] = result.generated.images
    difference = (drawn[torch.float32] - drawn[torch.bfloat16]).abs()
    assert 0 < difference.mean() < 0.03


def test_the_network_can_work_at_another_size(model):
    source = encode_source(model, smooth_image(*CANVAS), person(CANVAS), size=(64, 56))
    result = transfer(source, [bent(1)])
    assert result.generated.images.shape == (1, 3, 64, 56)
    assert result.images.shape == (1, 3, 160, 120)
    box = source.frame.box
    assert box.width / box.height == pytest.approx(56 / 64, abs=0.02)


@pytest.mark.parametrize("size", [(33, 24), (32, 25), (8, 24), (0, 24), (-32, -24)])
def test_sizes_that_do_not_fit_the_network_are_refused_with_what_does(model, size):
    with pytest.raises(ValueError, match=f"multiples of 8, at least 16, got {size[1]}x{size[0]}"):
        encode_source(model, smooth_image(*CANVAS), person(CANVAS), size=size)


@pytest.mark.parametrize(("size", "framing"), [((64, 48), "fit"), ((48, 48), "stretch"), ((32, 64), "fit")])
def test_models_of_other_training_sizes_and_framings_use_their_own(size, framing):
    model = tiny_model(size, sigma=2.0, framing=framing)
    source = encode_source(model, smooth_image(*CANVAS), person(CANVAS))
    assert source.framing == framing and source.frame.size == size
    assert source.frame == encode_source(model, smooth_image(*CANVAS), person(CANVAS), framing=framing).frame
    assert transfer(source, [aside()]).images.shape == (1, 3, 160, 120)


def test_heat_maps_grow_with_the_size_the_network_works_at(model):
    spreads = []
    for size in ((32, 24), (64, 48), (128, 96)):
        source = encode_source(model, smooth_image(*CANVAS), person(CANVAS), size=size)
        maps = transfer(source, [source.pose]).generated.heatmaps(0)
        assert maps.shape == (1, 18, *size)
        assert maps.amax((0, 2, 3)).tolist() == pytest.approx([1.0] * 18)
        nose = maps[0, 0]
        row, column = divmod(int(nose.argmax()), size[1])
        spreads.append(math.sqrt(-0.5 / math.log(float(nose[row, column + 1]))))
        x, y = source.frame.pose_inside(source.pose).keypoints[0]
        assert (column, row) == (int(x), int(y))
    np.testing.assert_allclose(spreads, [1.0, 2.0, 4.0], rtol=1e-3)


def test_heat_maps_of_missing_joints_are_empty(source):
    pose = person(CANVAS, without=(4, 16, 17))
    maps = transfer(source, [source.pose, pose]).generated.heatmaps(1)
    filled = maps.amax((0, 2, 3)) > 0
    assert (~filled).nonzero().flatten().tolist() == [4, 16, 17]


# Poses that are hard or impossible


@pytest.mark.parametrize(
    "missing", [(0, 14, 15, 16, 17), tuple(range(8, 14)), (1,), tuple(range(4, 18)), tuple(range(14))]
)
def test_half_seen_people_are_drawn(model, missing):
    half = person(CANVAS, without=missing)
    source = encode_source(model, smooth_image(*CANVAS), half)
    result = transfer(source, [half, person(CANVAS)])
    assert torch.isfinite(result.images).all()


def test_a_person_partly_out_of_the_picture_is_drawn(model):
    out = person(CANVAS, (-30, 40, 80, 140))
    source = encode_source(model, smooth_image(*CANVAS), out)
    assert source.frame.pose_inside(out).present.sum() >= 4
    assert torch.isfinite(transfer(source, [person(CANVAS), person(CANVAS, (80, 30, 80, 110))]).images).all()


NOBODY = Pose(np.zeros((18, 2)), np.zeros(18), Canvas(*CANVAS))


@pytest.mark.parametrize(
    ("pose", "message"),
    [
        (NOBODY, "pose has 0 of 18 keypoints"),
        (person(CANVAS, (130, 20, 60, 110)), "pose lie inside its canvas of 120x160"),
        (person(CANVAS, (50, 50, 1, 1)), "pose lie within 1.0 pixels"),
    ],
)
def test_poses_without_a_person_are_refused_as_source_and_as_target(model, source, pose, message):
    with pytest.raises(FramingError, match=f"source {message}"):
        encode_source(model, smooth_image(*CANVAS), pose)
    with pytest.raises(FramingError, match=f"target {message}"):
        transfer(source, [pose])
    with pytest.raises(FramingError, match=f"target {message.replace('pose', 'pose 1', 1)}"):
        transfer(source, [bent(1), pose])


def test_no_pose_at_all_is_refused(source):
    with pytest.raises(FramingError, match="expected at least one target pose"):
        transfer(source, [])


def test_poses_on_several_canvases_are_refused(source):
    with pytest.raises(FramingError, match="bring all poses of a sequence to one canvas"):
        transfer(source, [person(CANVAS), person((50, 50))])


@pytest.mark.parametrize("factor", [0.5, 2, 3])
def test_a_source_pose_of_the_same_picture_in_another_size_is_scaled(model, factor):
    image = smooth_image(*CANVAS)
    pose = person((round(CANVAS[0] * factor), round(CANVAS[1] * factor)))
    scaled = encode_source(model, image, pose)
    expected = encode_source(model, image, person(CANVAS))
    assert scaled.frame == expected.frame and scaled.pose.canvas == Canvas(*CANVAS)
    torch.testing.assert_close(transfer(scaled, [bent(1)]).images, transfer(expected, [bent(1)]).images)


@pytest.mark.parametrize("canvas", [(160, 120), (160, 160), (1, 1), (120, 200)])
def test_a_source_pose_of_a_picture_of_another_shape_is_refused(model, canvas):
    with pytest.raises(FramingError, match=f"of the image, 120x160, got a canvas of {canvas[0]}x{canvas[1]};"):
        encode_source(model, smooth_image(*CANVAS), person(canvas))


def test_framings_differ_where_the_shape_of_the_network_does(model):
    fit, stretch = (
        encode_source(model, smooth_image(*CANVAS), person(CANVAS), framing=framing, size=(32, 32)).frame
        for framing in ("fit", "stretch")
    )
    assert fit.box.width / fit.box.height == pytest.approx(1, abs=0.02)
    assert stretch.box.width / stretch.box.height == pytest.approx(176 / 256, abs=0.02)


def test_heat_maps_of_any_image_are_those_of_its_pose(source):
    poses = [bent(1), bent(2)]
    generated = transfer(source, poses).generated
    alone = dataclasses.replace(generated, poses=(poses[1],))
    assert torch.equal(generated.heatmaps(1), alone.heatmaps(0))
    assert torch.equal(generated.heatmaps(-1), alone.heatmaps(0))


@pytest.mark.parametrize("index", [0, 1, -1])
def test_one_image_of_a_sequence_has_the_queries_that_made_it(source, index):
    seen = []

    def compose(generated, size):
        seen.append(generated)
        blank = generated.image.new_zeros(size)
        return Composed(blank.expand(3, -1, -1), blank, blank)

    result = transfer(source, [bent(1), bent(2)], compose=compose)
    one, expected = result.generated.at(index), seen[index]
    assert one.pose == expected.pose and one.frame == expected.frame and one.source is source
    assert torch.equal(one.image, result.generated.images[index])
    for queries, wanted in zip(one.queries, expected.queries, strict=True):
        torch.testing.assert_close(queries, wanted, atol=1e-5, rtol=0)


@pytest.mark.parametrize("index", [2, -3])
def test_an_image_that_is_not_there_is_refused_in_words(source, index):
    generated = transfer(source, [bent(1), bent(2)]).generated
    with pytest.raises(IndexError, match=f"expected the index of an image, -2 to 1, got {index}"):
        generated.at(index)


def test_results_are_frozen_and_hold_no_more_than_they_say(source):
    result = transfer(source, [bent(1)])
    before = {name: id(value) for name, value in vars(result.generated).items()}
    result.generated.at(0)
    assert {name: id(value) for name, value in vars(result.generated).items()} == before
    for one in (result, result.generated, result.generated.at(0)):
        with pytest.raises(dataclasses.FrozenInstanceError):
            one.images = None
