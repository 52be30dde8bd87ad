"""Scores on drawn figures, on cases whose score is known."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from evaluation_fixture import figure_means
from torch import Tensor

from dptn_core.checkpoint import DPTNModel
from dptn_core.data.synthetic.figures import TEST_SEED, SyntheticPairs, draw_pairs, pair_seeds
from dptn_core.evaluation import PROTOCOLS, Networks, Ranking, generate_figures, means, score_cases
from dptn_core.evaluation.figure_scores import foreground_psnr, garment_error, joint_hits
from dptn_core.network import Generator, GeneratorConfig, initialise

SIZE, STRIDE = (64, 48), 8
ROWS, COLUMNS = SIZE[0] // STRIDE, SIZE[1] // STRIDE


@pytest.fixture(scope="module")
def model() -> DPTNModel:
    torch.manual_seed(1)
    generator = Generator(
        GeneratorConfig(base_features=8, max_features=16, residual_blocks=1, context_blocks=1, texture_blocks=1)
    )
    initialise(generator)
    return DPTNModel(generator.eval().requires_grad_(False), (32, 24), 0.75, "fit", {})


@pytest.fixture(scope="module")
def pairs() -> SyntheticPairs:
    return draw_pairs(pair_seeds(6, 0, 8), SIZE)


# Foreground PSNR.


def test_psnr_has_its_closed_form_over_the_mask_alone():
    ground_truth = torch.zeros(3, 3, 8, 6)
    mask = torch.zeros(3, 8, 6, dtype=torch.bool)
    mask[:, 2:5, 1:4] = True
    image = ground_truth + 1.0  # wrong outside the mask, which does not count
    for number, gap in enumerate((0.2, 0.02, 2.0)):
        image[number, :, 2:5, 1:4] = gap
    found = foreground_psnr(image, ground_truth, mask)
    # images span 2, so a gap of 0.2 is a tenth of the range
    assert found.tolist() == pytest.approx([20.0, 40.0, 0.0], abs=1e-3)


def test_psnr_averages_squares_over_pixels_and_channels():
    image, ground_truth = (torch.rand(1, 3, 8, 6, generator=torch.Generator().manual_seed(n)) * 2 - 1 for n in (0, 1))
    mask = torch.rand(1, 8, 6, generator=torch.Generator().manual_seed(2)) < 0.5
    squares = [
        ((image[0, c, y, x] - ground_truth[0, c, y, x]).item() / 2) ** 2 for c in range(3) for y, x in mask[0].nonzero()
    ]
    wanted = -10 * math.log10(sum(squares) / len(squares))
    assert foreground_psnr(image, ground_truth, mask).item() == pytest.approx(wanted, abs=1e-3)


def test_psnr_of_equal_pictures_and_of_an_empty_mask_is_finite():
    image = torch.rand(1, 3, 8, 6)
    assert foreground_psnr(image, image, torch.ones(1, 8, 6, dtype=torch.bool)).item() == pytest.approx(100.0)
    assert torch.isfinite(foreground_psnr(image, -image, torch.zeros(1, 8, 6, dtype=torch.bool))).all()


# Where attention peaks.


def with_joints_in_tokens(pairs: SyntheticPairs) -> tuple[SyntheticPairs, Tensor, Tensor]:
    """The same pairs with all joints visible in tokens of their own; also the tokens, (B, 18) source and target."""
    batch = len(pairs)
    random = torch.Generator().manual_seed(3)
    tokens = torch.stack([torch.randperm(ROWS * COLUMNS, generator=random)[:18] for _ in range(2 * batch)])

    def middles(token: Tensor) -> Tensor:
        place = torch.stack([token % COLUMNS, token // COLUMNS], -1) * STRIDE + STRIDE / 2
        return place + torch.rand(place.shape, generator=random) * 4 - 2

    source, target = tokens.chunk(2)
    shown = torch.ones(batch, 18, dtype=torch.bool)
    changed = dataclasses.replace(
        pairs,
        source_keypoints=middles(source),
        target_keypoints=middles(target),
        source_visible=shown,
        target_visible=shown,
    )
    return changed, source, target


def attention_with_peaks(source: Tensor, target: Tensor) -> Tensor:
    """(B, T, T), for each joint's target token a peak at its source token on a ground of noise."""
    count = ROWS * COLUMNS
    attention = torch.rand(len(source), count, count, generator=torch.Generator().manual_seed(4))
    attention[torch.arange(len(source))[:, None], target, source] += 5
    return attention / attention.sum(-1, keepdim=True)


def test_attention_that_peaks_at_every_joint_hits_every_joint(pairs):
    placed, source, target = with_joints_in_tokens(pairs)
    hits = joint_hits(attention_with_peaks(source, target), placed, STRIDE)
    assert (hits.dtype, hits.shape) == (torch.bool, (len(pairs) * 18,))
    assert hits.all()


def test_attention_that_peaks_elsewhere_hits_none(pairs):
    placed, source, target = with_joints_in_tokens(pairs)
    column, row = source % COLUMNS, source // COLUMNS
    elsewhere = (row + 4) % ROWS * COLUMNS + (column + 3) % COLUMNS
    assert not joint_hits(attention_with_peaks(elsewhere, target), placed, STRIDE).any()
    # one token aside is more than a tenth of the height away from where the joint is
    beside = row * COLUMNS + (column + 1) % COLUMNS
    assert joint_hits(attention_with_peaks(beside, target), placed, STRIDE).float().mean() < 0.4


def test_joints_hidden_in_either_picture_do_not_count(pairs):
    placed, source, target = with_joints_in_tokens(pairs)
    hidden = placed.source_visible.clone()
    hidden[:, 3:] = False
    half = placed.target_visible.clone()
    half[0] = False
    placed = dataclasses.replace(placed, source_visible=hidden, target_visible=half)
    wrong = source.clone()
    wrong[1, 0] = (wrong[1, 0] + ROWS * COLUMNS // 2) % (ROWS * COLUMNS)
    hits = joint_hits(attention_with_peaks(wrong, target), placed, STRIDE)
    assert hits.tolist() == [False] + [True] * ((len(pairs) - 1) * 3 - 1)


def test_joints_off_the_canvas_are_looked_up_at_its_edge(pairs):
    placed, source, target = with_joints_in_tokens(pairs)
    outside = placed.target_keypoints + 1000
    hits = joint_hits(
        attention_with_peaks(source, target), dataclasses.replace(placed, target_keypoints=outside), STRIDE
    )
    assert len(hits) == len(pairs) * 18


# Garment colours.


def test_garments_of_the_true_picture_have_no_error(pairs):
    assert garment_error(pairs.target, pairs).tolist() == [0.0] * len(pairs)


def test_a_garment_error_is_the_shift_of_the_mean_colour(pairs):
    shifted = pairs.target.clone()
    shifted[:, 2] += 0.5  # of a range of 2
    found = garment_error(shifted, pairs)
    counted = found > 0
    assert counted.float().mean() > 0.5, "most figures should show enough of their garments"
    assert found[counted].tolist() == pytest.approx([0.25] * int(counted.sum()), abs=1e-4)


def test_what_is_not_the_figure_does_not_count_as_garment(pairs):
    image = torch.where(pairs.target_mask[:, None], pairs.target, -pairs.target)
    assert garment_error(image, pairs).max() == 0


def test_noise_around_the_right_mean_is_no_garment_error():
    """Colours are compared as means: a pattern in another place is a small error, another colour a large one."""
    pairs = draw_pairs(pair_seeds(6, 0, 8), (128, 96))
    noise = torch.randn(pairs.target.shape, generator=torch.Generator().manual_seed(5)) * 0.3
    assert garment_error(pairs.target + noise, pairs).mean() < 0.07


# All together.


def test_a_model_is_scored_in_numbers_that_can_be(model):
    done: list[int] = []
    cases = generate_figures(model, 2022, range(4), batch=3)
    part = score_cases(cases, PROTOCOLS["exact"], Networks(torch.device("cpu")), Ranking(), progress=done.append)
    assert done == [1, 2, 3, 4] and len(part.rows) == 4
    scores, partly = means(part.rows)
    assert not partly
    assert 0 < scores["foreground_psnr"] < 60
    assert 0 < scores["copy_psnr"] < 60
    assert -1 <= scores["ssim_gaussian"] <= 1
    assert 0 <= scores["attention_accuracy"] <= 1
    assert 0 < sum(row.joints for row in part.rows) <= 4 * 18
    assert 0 <= scores["garment_colour_error"] <= 1
    assert 0 <= scores["colours_right"] <= 1


def test_what_is_unsaved_is_what_exact_compares(model):
    """Two computations: over a batch in [-1, 1], and one image after the other as the protocol has it."""
    scores = figure_means(model, 4)
    assert scores["foreground_psnr"] == pytest.approx(scores["masked_psnr"], abs=1e-4)


def test_scores_do_not_depend_on_the_batch(model):
    one, four = (figure_means(model, 4, batch=batch) for batch in (1, 4))
    for name, value in one.items():
        assert value == pytest.approx(four[name], rel=1e-4, abs=1e-5), name


def test_another_test_set_gives_other_scores(model):
    first, other = (figure_means(model, 2, seed=seed) for seed in (2022, 7))
    assert first["copy_psnr"] != other["copy_psnr"]
    assert TEST_SEED == 2022, "the test set of a release is number 2022"


class Perfect:
    """Stands in for a model: it knows the test set."""

    def __init__(self, model: DPTNModel, ground_truth: SyntheticPairs) -> None:
        self.config, self.training_size, self.heatmap_sigma = model.config, SIZE, 1.5
        self.device, self.dtype = torch.device("cpu"), torch.float32
        self.generator = self
        self.ground_truth = ground_truth
        self.grid = (ROWS, COLUMNS)

    def encode_source(self, image: Tensor, heatmaps: Tensor) -> Perfect:
        assert torch.equal(image, self.ground_truth.source)
        assert tuple(heatmaps.shape) == (len(self.ground_truth), 18, *SIZE)
        return self

    def transfer(self, source: Perfect, heatmaps: Tensor) -> Tensor:
        assert tuple(heatmaps.shape) == (len(self.ground_truth), 18, *SIZE)
        return self.ground_truth.target

    def attention_rows(self, source: Perfect, heatmaps: Tensor, rows: Tensor) -> Tensor:
        assert rows.tolist() == list(range(ROWS * COLUMNS))
        return torch.eye(ROWS * COLUMNS).expand(len(self.ground_truth), -1, -1)


def test_the_truth_itself_gets_the_best_scores(model):
    ground_truth = draw_pairs(pair_seeds(2022, 0, 3), SIZE)
    part = score_cases(
        generate_figures(Perfect(model, ground_truth), 2022, range(3), batch=3),
        PROTOCOLS["exact"],
        Networks(torch.device("cpu")),
        Ranking(),
    )
    scores, _ = means(part.rows)
    assert scores["foreground_psnr"] == pytest.approx(100.0)
    assert scores["copy_psnr"] < 40
    assert scores["ssim_gaussian"] == scores["masked_ssim"] == pytest.approx(1.0, abs=1e-4)
    assert scores["garment_colour_error"] == pytest.approx(0.0, abs=1e-6) and scores["colours_right"] == 1.0
    still = (ground_truth.source_keypoints - ground_truth.target_keypoints).norm(dim=-1)
    both = ground_truth.source_visible & ground_truth.target_visible
    assert sum(row.joints for row in part.rows) == both.sum()
    # it always looks at the same place, so only joints that hardly moved can be hits
    assert scores["attention_accuracy"] <= (still[both] < 0.1 * SIZE[0] + STRIDE).float().mean()
