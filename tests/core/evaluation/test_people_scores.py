"""Scores on rendered people."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from dptn_core.checkpoint import DPTNModel, load_model, starter_path
from dptn_core.cli import main
from dptn_core.data.synthetic.people import TEST_SEED, open_studio, render_pairs
from dptn_core.data.synthetic.synthetic_pairs import SyntheticPairs, pair_seeds
from dptn_core.evaluation import people_scores
from dptn_core.evaluation.figure_scores import foreground_psnr
from dptn_core.evaluation.people_scores import COPY, mean_gradient, score_people
from dptn_core.image_io import read_image

SIZES = ((128, 96), (192, 144))


@pytest.fixture(scope="module")
def starter() -> DPTNModel:
    return load_model(starter_path())


def test_a_model_is_scored_beside_copying_the_source(starter: DPTNModel) -> None:
    seen = []
    tables = score_people({"starter": starter}, SIZES, pairs=5, batch=2, progress=seen.append)
    assert list(tables) == [COPY, "starter"]
    assert seen == [2, 4, 5]
    for rows in tables.values():
        assert [(row.height, row.width) for row in rows] == list(SIZES)
        assert all(row.pairs == 5 and 5 < row.psnr < 30 and -1 < row.ssim < 1 for row in rows)
    copied, generated = (tables[name][0] for name in (COPY, "starter"))
    assert copied.attention_10 is None and copied.st_lpips is None
    assert generated.psnr > copied.psnr + 1
    assert generated.sharpness < copied.sharpness
    assert 0 < generated.attention_5 <= generated.attention_10 <= 1


def test_scores_do_not_depend_on_the_batch(starter: DPTNModel) -> None:
    first, second = (score_people({"m": starter}, SIZES[:1], pairs=4, batch=batch)["m"][0] for batch in (1, 4))
    assert first.psnr == pytest.approx(second.psnr, abs=1e-3)
    assert first.ssim == pytest.approx(second.ssim, abs=1e-4)
    assert first.attention_10 == second.attention_10


def test_scores_do_not_depend_on_the_other_sizes(starter: DPTNModel) -> None:
    alone = score_people({"m": starter}, SIZES[:1], pairs=2)["m"][0]
    after = score_people({"m": starter}, ((40, 48), SIZES[0]), pairs=2)["m"][1]
    assert alone == after


def test_a_size_too_small_is_refused_first(starter: DPTNModel) -> None:
    with pytest.raises(ValueError, match="got 16 x 16"):
        score_people({"m": starter}, ((16, 16),), pairs=2, progress=lambda _: pytest.fail("began"))


def test_copying_is_scored_against_the_truth_of_its_size() -> None:
    ground_truth = render_pairs(open_studio(), pair_seeds(TEST_SEED, 0, 3), SIZES[0], split="test", faults=False)
    wanted = foreground_psnr(ground_truth.source, ground_truth.target, ground_truth.target_mask).mean()
    assert score_people({}, SIZES[:1], pairs=3)[COPY][0].psnr == pytest.approx(float(wanted), abs=1e-3)


def test_the_truth_itself_scores_best_and_a_blur_is_not_sharp(
    starter: DPTNModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(sigma: int):
        def generate(model: DPTNModel, pairs: SyntheticPairs) -> tuple[Tensor, Tensor]:
            image = pairs.target
            if sigma:
                image = functional.avg_pool2d(image, 2 * sigma + 1, 1, sigma, count_include_pad=False)
            return image, torch.ones(3, 2, dtype=torch.bool)

        return generate

    monkeypatch.setattr(people_scores, "shrunk", lambda pairs, size: pairs)
    rows = {}
    for sigma in (0, 2):
        monkeypatch.setattr(people_scores, "_generate", answer(sigma))
        rows[sigma] = score_people({"m": starter}, pairs=3)["m"][0]
    assert rows[0].psnr > 60 and rows[0].ssim > 0.999 and rows[0].sharpness == pytest.approx(1, abs=0.01)
    assert rows[2].psnr < 40 and rows[2].sharpness < 0.75


def test_mean_gradient_counts_steps_inside_the_mask_only() -> None:
    image = torch.zeros(1, 3, 6, 6)
    image[..., 3:] = 1.0  # one step of half the range between columns 2 and 3
    everywhere = torch.ones(1, 6, 6, dtype=torch.bool)
    assert mean_gradient(image, everywhere).item() == pytest.approx(6 * 0.5 / 60)
    left = everywhere.clone()
    left[..., 3:] = False
    assert mean_gradient(image, left).item() == 0


def test_the_command_prints_json_alone() -> None:
    options = ["--set", "people-500", "--pairs", "1", "--size", "96x128", "--size", "48x64", "--device", "cpu"]
    code = f"import sys; from dptn_core.cli import main; sys.exit(main(['evaluate', *{options!r}]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    tables = json.loads(done.stdout)
    assert [(row["width"], row["height"]) for row in tables["model"]] == [(96, 128), (48, 64)]
    assert tables[COPY][0]["attention_10"] is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--size", "64x48"], "--size belongs to --set people-500"),
        (["--set", "people-500", "--out", "x"], "goes without --out"),
        (["--set", "people-500", "--data", "x"], "goes without --data"),
        (["--set", "people-500", "--rank-by", "psnr"], "--rank-by belongs to a report"),
        (["--set", "people-500", "--pairs", "501"], "holds 500 pairs; 501 were asked for"),
        (["--set", "people-500", "--size", "16x16"], "got 16 x 16"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", *options]) != 0
    assert said in capsys.readouterr().err


def test_figures_shows_people_and_the_test_set(tmp_path) -> None:
    for name, more in (("train.png", []), ("test.png", ["--test-set"])):
        out = tmp_path / name
        assert not main(["figures", "--kind", "people", "--pairs", "1", "--size", "48x64", "--out", str(out), *more])
        assert out.stat().st_size > 5_000
    # the test set as it is scored, without what happens to photographs
    ground_truth = render_pairs(open_studio(), pair_seeds(TEST_SEED, 0, 1), (64, 48), split="test", faults=False)
    shown = read_image(tmp_path / "test.png")[:, :64, :48]
    assert torch.allclose(shown, (ground_truth.source[0] + 1) / 2, atol=0.005)
    assert not torch.allclose(read_image(tmp_path / "train.png")[:, :64, :48], shown, atol=0.1)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--test-set"], "add --kind people"),
        (["--kind", "people", "--test-set", "--seed", "5"], "leave out --seed"),
        (["--kind", "people", "--test-set", "--first", "499", "--pairs", "3"], "holds 500 pairs"),
        (["--kind", "people", "--character", "x"], "leave out --kind people"),
    ],
)
def test_options_of_figures_that_do_not_go_together_are_refused(
    options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["figures", *options]) != 0
    assert said in capsys.readouterr().err
