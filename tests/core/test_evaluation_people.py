"""Scores on rendered people."""

from __future__ import annotations

import json

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from dptn_core.checkpoint import DPTNModel, load_model, starter_path
from dptn_core.cli import main
from dptn_core.data.synthetic.pairs import SyntheticPairs, pair_seeds
from dptn_core.data.synthetic.people import TEST_SEED, open_studio, render_pairs
from dptn_core.evaluation import people
from dptn_core.evaluation.drawn import foreground_psnr
from dptn_core.evaluation.people import COPY, mean_gradient, score_people

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
    assert 0 < generated.attention_5 < generated.attention_10 <= 1


def test_scores_do_not_depend_on_the_batch(starter: DPTNModel) -> None:
    first, second = (score_people({"m": starter}, SIZES[:1], pairs=4, batch=batch)["m"][0] for batch in (1, 4))
    assert first.psnr == pytest.approx(second.psnr, abs=1e-3)
    assert first.ssim == pytest.approx(second.ssim, abs=1e-4)
    assert first.attention_10 == second.attention_10


def test_copying_is_scored_against_the_truth_of_its_size() -> None:
    truth = render_pairs(open_studio(), pair_seeds(TEST_SEED, 0, 3), SIZES[0], split="test", faults=False)
    wanted = foreground_psnr(truth.source, truth.target, truth.target_mask).mean()
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

    rows = {}
    for sigma in (0, 2):
        monkeypatch.setattr(people, "_generate", answer(sigma))
        rows[sigma] = score_people({"m": starter}, SIZES[:1], pairs=3)["m"][0]
    assert rows[0].psnr > 60 and rows[0].ssim > 0.999 and rows[0].sharpness == pytest.approx(1, abs=0.01)
    assert rows[2].psnr < 35 and rows[2].sharpness < 0.75


def test_mean_gradient_counts_steps_inside_the_mask_only() -> None:
    image = torch.zeros(1, 3, 6, 6)
    image[..., 3:] = 1.0  # one step of half the range between columns 2 and 3
    everywhere = torch.ones(1, 6, 6, dtype=torch.bool)
    assert mean_gradient(image, everywhere).item() == pytest.approx(6 * 0.5 / 60)
    left = everywhere.clone()
    left[..., 3:] = False
    assert mean_gradient(image, left).item() == 0


def test_the_command_prints_scores_by_size(capsys: pytest.CaptureFixture[str]) -> None:
    main(["evaluate", "--set", "people-500", "--pairs", "2", "--size", "96x128", "--size", "48x64", "--device", "cpu"])
    tables = json.loads(capsys.readouterr().out)
    assert [(row["width"], row["height"]) for row in tables["model"]] == [(96, 128), (48, 64)]
    assert tables[COPY][0]["attention_10"] is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--size", "64x48"], "--size belongs to --set people-500"),
        (["--set", "people-500", "--out", "x"], "goes without --out"),
        (["--set", "people-500", "--data", "x"], "goes without --data"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", *options]) != 0
    assert said in capsys.readouterr().err


def test_figures_shows_people_and_the_test_set(tmp_path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, more in (("train.png", []), ("test.png", ["--test-set"])):
        out = tmp_path / name
        assert not main(["figures", "--kind", "people", "--pairs", "1", "--size", "48x64", "--out", str(out), *more])
        assert out.stat().st_size > 5_000
    assert (tmp_path / "train.png").read_bytes() != (tmp_path / "test.png").read_bytes()
    assert main(["figures", "--test-set", "--out", str(tmp_path / "x.png")]) != 0
    assert "--kind people" in capsys.readouterr().err
