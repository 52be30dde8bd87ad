"""What the network looked at: rows, places, peaks, and the image that shows them."""

from __future__ import annotations

import colorsys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor
from transfer_fixture import person, smooth_image, tiny_model

from dptn_core.inference import attention
from dptn_core.inference.attention import attention_at, correspondence, peaks, tokens_at, warped
from dptn_core.inference.attention_maps import attention_maps
from dptn_core.inference.attention_plot import attention_image
from dptn_core.inference.transfer import Generated, GeneratedSequence, encode_source, transfer

CANVAS = (120, 160)
GRID = (4, 3)
TOKENS = GRID[0] * GRID[1]


@pytest.fixture(scope="module")
def generated() -> GeneratedSequence:
    source = encode_source(tiny_model(), smooth_image(*CANVAS), person(CANVAS))
    poses = [person(CANVAS, (42, 35, 36, 90), sway=0.2, seed=seed) for seed in (1, 2)]
    found = transfer(source, poses).generated
    assert found.frame == source.frame
    return found


@pytest.fixture
def result(generated) -> Generated:
    """The first image."""
    return generated.at(0)


@pytest.fixture
def looking_at(generated, monkeypatch):
    """Lets the network look wherever a test wants: the (T, T) matrix becomes its attention."""

    def replace(matrix: Tensor) -> Generated:
        def queries(source, heatmaps, layer=-1):
            """Each token asks with its own number."""
            return [torch.arange(TOKENS).view(1, 1, TOKENS, 1)] * config.texture_blocks

        def of(source, q_rows, layer=-1, average_heads=True):
            found = matrix[q_rows.flatten()][None]
            return found if average_heads else found[:, None].expand(-1, config.heads, -1, -1)

        config = generated.source.model.config
        monkeypatch.setattr(generated.source.model.generator, "attention_queries", queries)
        monkeypatch.setattr(generated.source.model.generator, "attention_of", of)
        return generated.at(0)

    return replace


@pytest.fixture
def asked(generated, monkeypatch):
    """How often poses were encoded to ask, and how many rows were computed at once, as the generator sees it."""
    generator = generated.source.model.generator
    encodings, rows = [], []

    def encode(*args):
        encodings.append(1)
        return encode_pose(*args)

    def count(q_rows, source, layer):
        rows.append(q_rows.shape[2])
        return compute(q_rows, source, layer)

    encode_pose, compute = generator._encode_pose, generator.pose_transformer.rows
    monkeypatch.setattr(generator, "_encode_pose", encode)
    monkeypatch.setattr(generator.pose_transformer, "rows", count)
    return SimpleNamespace(encodings=encodings, rows=rows)


def token_middles(result: Generated) -> Tensor:
    """(T, 2) middles of the tokens in pixels of the target's canvas."""
    row, column = torch.meshgrid(*(torch.arange(n) + 0.5 for n in GRID), indexing="ij")
    return result.frame.points_outside(torch.stack([column, row], -1).flatten(0, 1) * 8)


# Rows


@pytest.mark.parametrize("layer", [-1, 0, 1, -2])
@pytest.mark.parametrize("head", [None, 0, 1])
def test_attention_is_a_probability_over_the_source(result, layer, head):
    found = attention_at(result, token_middles(result), layer=layer, head=head)
    assert found.shape == (TOKENS, *GRID) and found.dtype == torch.float32
    assert found.min() >= 0
    torch.testing.assert_close(found.sum((1, 2)), torch.ones(TOKENS))


@pytest.mark.parametrize("index", [0, 1, -1])
def test_attention_is_the_generators_row_at_that_token(generated, index):
    source, result = generated.source, generated.at(index)
    tokens = [0, 7, 11, 7]
    for layer, head in ((-1, None), (0, None), (1, 1)):
        expected = source.model.generator.attention_rows(
            source.features, generated.heatmaps(index), tokens, layer, average_heads=head is None
        )[0]
        expected = expected if head is None else expected[head]
        found = attention_at(result, token_middles(result)[tokens], layer=layer, head=head)
        torch.testing.assert_close(found.flatten(1), expected)


def test_heads_layers_and_images_differ_and_heads_average_to_the_mean(generated, result):
    points = token_middles(result)
    heads = [attention_at(result, points, head=head) for head in (0, 1)]
    torch.testing.assert_close(sum(heads) / 2, attention_at(result, points))
    assert (heads[0] - heads[1]).abs().max() > 1e-4
    assert (attention_at(result, points, layer=0) - attention_at(result, points, layer=1)).abs().max() > 1e-4
    assert (attention_at(result, points) - attention_at(generated.at(1), points)).abs().max() > 1e-5


def test_attention_is_computed_in_fp32_for_half_precision_models():
    source = encode_source(tiny_model().to(dtype=torch.bfloat16), smooth_image(*CANVAS), person(CANVAS))
    found = attention_at(transfer(source, [person(CANVAS)]).generated.at(0), torch.tensor([[60.0, 80.0]]))
    assert found.dtype == torch.float32
    assert float(found.sum()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"head": 2}, "expected an attention head from 0 to 1, got 2"),
        ({"head": -1}, "got -1"),
        ({"layer": 2}, "layer is 2; there are 2 texture transfer blocks, 0 to 1"),
        ({"layer": -3}, "layer is -3"),
    ],
)
def test_what_does_not_exist_is_refused_in_words(result, options, message):
    with pytest.raises(IndexError, match=message):
        attention_at(result, torch.tensor([[60.0, 80.0]]), **options)
    with pytest.raises(IndexError, match=message):
        correspondence(result, **options)


def test_no_points_give_no_maps(result):
    found = attention_at(result, torch.zeros(0, 2))
    assert found.shape == (0, *GRID)
    assert peaks(found, result.source).shape == (0, 2)


# Places


def test_every_place_of_the_frame_belongs_to_the_token_that_drew_it(result):
    assert tokens_at(result, token_middles(result)).tolist() == list(range(TOKENS))
    corners = token_middles(result)[:, None] + torch.tensor(
        [[x, y] for x in (-0.49, 0.49) for y in (-0.49, 0.49)]
    ) * torch.tensor([result.frame.box.width / GRID[1], result.frame.box.height / GRID[0]])
    assert tokens_at(result, corners.flatten(0, 1)).view(TOKENS, 4).tolist() == [[t] * 4 for t in range(TOKENS)]


def test_places_outside_the_frame_belong_to_its_nearest_token(result):
    box = result.frame.box
    places = {
        (box.left - 50, box.top - 50): 0,
        (box.right + 50, box.top - 50): 2,
        (box.left - 50, box.bottom + 50): 9,
        (box.right + 9999, box.bottom + 9999): 11,
        (box.right, box.bottom): 11,
        (box.left - 1, box.top + box.height / 2 + 1): 6,
    }
    found = tokens_at(result, torch.tensor(list(places), dtype=torch.float64))
    assert found.tolist() == list(places.values()) and found.dtype == torch.int64


def test_whole_pixels_are_places_too(result):
    points = token_middles(result).round()
    assert torch.equal(tokens_at(result, points.long()), tokens_at(result, points))


# Peaks


def spot(places: dict[tuple[int, int], float]) -> Tensor:
    found = torch.zeros(1, *GRID)
    for (row, column), share in places.items():
        found[0, row, column] = share
    return found


@pytest.mark.parametrize(
    ("places", "middle"),
    [
        ({(2, 1): 1.0}, (1.5, 2.5)),
        ({(0, 0): 1.0}, (0.5, 0.5)),
        ({(3, 2): 1.0}, (2.5, 3.5)),
        ({(1, 0): 0.5, (1, 1): 0.5}, (1.0, 1.5)),
        ({(1, 1): 0.5, (2, 1): 0.25, (0, 1): 0.25}, (1.5, 1.5)),
        ({(0, 0): 0.6, (3, 2): 0.4}, (0.5, 0.5)),  # what is far from the peak does not pull it
        ({}, (0.0, 0.0)),
    ],
)
def test_the_peak_is_the_middle_of_the_attention_around_its_highest_token(result, places, middle):
    expected = result.source.frame.points_outside(torch.tensor([middle]) * 8)
    torch.testing.assert_close(peaks(spot(places), result.source), expected)


# Correspondence


def test_attention_on_the_same_token_carries_the_source_onto_itself(looking_at):
    result = looking_at(torch.eye(TOKENS))
    for head in (None, 1):
        found = correspondence(result, head=head)
        assert found.source.shape == (*GRID, 2) and found.confidence.shape == GRID
        torch.testing.assert_close(found.source.flatten(0, 1), token_middles(result))
        torch.testing.assert_close(found.confidence, torch.ones(GRID))
        view = result.source.frame.cut(result.source.image)
        torch.testing.assert_close(warped(result.source, found), view, atol=1e-4, rtol=0)


def test_attention_on_the_token_to_the_right_carries_the_source_to_the_left(looking_at):
    column = torch.arange(TOKENS) % GRID[1]
    right = torch.arange(TOKENS) + (column < GRID[1] - 1)
    result = looking_at(torch.eye(TOKENS)[right])
    moved = warped(result.source, correspondence(result))
    view = result.source.frame.cut(result.source.image)
    torch.testing.assert_close(moved[:, :, :16], view[:, :, 8:], atol=1e-4, rtol=0)


def test_attention_everywhere_is_hardly_sure(looking_at):
    result = looking_at(torch.full((TOKENS, TOKENS), 1 / TOKENS))
    confidence = correspondence(result).confidence
    assert confidence.max() < 9.1 / TOKENS


def test_the_correspondence_is_the_peak_of_every_token_and_the_same_in_portions(generated, monkeypatch):
    result = generated.at(1)
    whole = correspondence(result, layer=0)
    asked = peaks(attention_at(result, token_middles(result), layer=0), result.source)
    torch.testing.assert_close(whole.source.flatten(0, 1), asked)
    assert whole.confidence.min() > 0 and whole.confidence.max() <= 1
    monkeypatch.setattr(attention, "ROWS_AT_ONCE", 5)
    portions = correspondence(result, layer=0)
    torch.testing.assert_close(portions.source, whole.source)
    torch.testing.assert_close(portions.confidence, whole.confidence)


def test_an_image_is_encoded_once_however_often_it_is_asked_and_never_all_rows_are_held(generated, asked, monkeypatch):
    monkeypatch.setattr(attention, "ROWS_AT_ONCE", 5)
    result = generated.at(1)
    correspondence(result, layer=0)
    assert asked.rows == [5, 5, 2]
    correspondence(result, head=1)
    attention_at(result, token_middles(result)[:4])
    attention_maps(result)
    assert max(asked.rows) == 5 and sum(asked.rows) == 4 * TOKENS + 4
    attention_image(result)
    assert len(asked.encodings) == 1
    other = generated.at(0)
    first, second = (attention_at(one, token_middles(one)[:4]) for one in (other, result))
    assert len(asked.encodings) == 2 and (first - second).abs().max() > 1e-5


def test_warped_images_hold_only_colours_of_the_source(result):
    view = result.source.frame.cut(result.source.image)
    moved = warped(result.source, correspondence(result))
    assert moved.shape == view.shape
    assert view.min() - 1e-5 <= moved.min() and moved.max() <= view.max() + 1e-5


# The image


@pytest.mark.parametrize("missing", [(), (1, 3, 4, 16), tuple(range(4, 18)), tuple(range(14))])
def test_the_attention_picture_has_four_panels_whatever_joints_there_are(missing):
    source = encode_source(tiny_model(), smooth_image(*CANVAS), person(CANVAS))
    image = attention_image(transfer(source, [person(CANVAS, without=missing)]).generated.at(0))
    assert image.dtype == np.uint8
    assert image.shape == (512, 4 * 384 + 3 * 6, 3)
    for gap in range(3):
        left = (gap + 1) * 384 + gap * 6
        assert (image[:, left : left + 6] == 255).all()
        assert not (image[:, left - 6 : left] == 255).all()


@pytest.mark.parametrize(("size", "canvas"), [((32, 64), (300, 100)), ((64, 16), (100, 300))])
def test_the_attention_picture_has_the_shape_of_the_networks_pictures(size, canvas):
    source = encode_source(tiny_model(size), smooth_image(*canvas), person(canvas))
    image = attention_image(transfer(source, [person((50, 60)), person((50, 60))]).generated.at(-1), layer=0)
    assert image.shape == (512, 4 * (512 * size[1] // size[0]) + 3 * 6, 3)


def test_joints_outside_the_canvas_are_not_shown_and_do_no_harm(result):
    pose = person(CANVAS, (70, 30, 90, 110))
    image = attention_image(transfer(result.source, [pose]).generated.at(0))
    assert image.shape[0] == 512


def test_the_attention_picture_marks_each_joint_of_the_target_and_where_it_looked(result, looking_at):
    looking_at(torch.eye(TOKENS))
    # Four joints on four tokens, or marks would hide each other.
    shown = (1, 4, 7, 10)
    pose = person(CANVAS, (14, 35, 90, 90), without=set(range(18)) - set(shown))
    asked = transfer(result.source, [pose]).generated.at(0)
    assert asked.frame == result.source.frame
    points = torch.from_numpy(asked.pose.keypoints[list(shown)])
    tokens = tokens_at(asked, points).tolist()
    assert len(set(tokens)) == 4
    image = attention_image(asked).astype(int)
    for joint, point, token in zip(shown, asked.frame.points_inside(points) * 16, tokens, strict=True):
        colour = [round(c * 255) for c in colorsys.hsv_to_rgb(joint / 14, 0.9, 1.0)]
        assert image[int(point[1]), int(point[0])].tolist() == colour
        rows, columns = np.nonzero((image[:, 390:774] == colour).all(-1))
        middle = ((token % 3 + 0.5) * 128, (token // 3 + 0.5) * 128)
        assert (columns.mean(), rows.mean()) == pytest.approx(middle, abs=2)
