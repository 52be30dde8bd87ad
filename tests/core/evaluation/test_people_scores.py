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
from dptn_core.data.synthetic.synthetic_pairs import pair_seeds
from dptn_core.evaluation import (
    PROTOCOLS,
    Networks,
    Ranking,
    generate_people,
    load_networks,
    means,
    people_scores,
    people_set,
    score_cases,
)
from dptn_core.evaluation.figure_scores import foreground_psnr
from dptn_core.evaluation.people_scores import mean_gradient
from dptn_core.image_io import read_image
from dptn_core.network import SourceFeatures

SIZES = ((128, 96), (192, 144))


@pytest.fixture(scope="module")
def starter() -> DPTNModel:
    return load_model(starter_path())


def people_means(model: DPTNModel, pairs: int, size: tuple[int, int], **more: int) -> dict[str, float]:
    cases = generate_people(model, range(pairs), size, **more)
    return means(score_cases(cases, PROTOCOLS["exact"], Networks(torch.device("cpu")), Ranking()).rows)[0]


def test_a_model_is_scored_beside_copying_the_source(starter: DPTNModel) -> None:
    cases = list(generate_people(starter, range(5), SIZES[0], batch=2))
    assert [case.number for case in cases] == [0, 1, 2, 3, 4]
    assert all(case.generated.shape == case.ground_truth.shape == (3, *SIZES[0]) and case.mask.any() for case in cases)
    scores, _ = means(score_cases(cases, PROTOCOLS["exact"], Networks(torch.device("cpu")), Ranking()).rows)
    assert all(5 < scores[name] < 30 for name in ("masked_psnr", "copy_psnr"))
    assert all(-1 < scores[name] < 1 for name in ("masked_ssim", "copy_ssim"))
    assert scores["masked_psnr"] > scores["copy_psnr"] + 1
    assert scores["sharpness"] < scores["copy_sharpness"]
    assert 0 < scores["attention_5"] <= scores["attention_accuracy"] <= 1


def test_scores_do_not_depend_on_the_batch(starter: DPTNModel) -> None:
    first, second = (people_means(starter, 4, SIZES[0], batch=batch) for batch in (1, 4))
    assert first["masked_psnr"] == pytest.approx(second["masked_psnr"], abs=1e-3)
    assert first["masked_ssim"] == pytest.approx(second["masked_ssim"], abs=1e-4)
    assert first["attention_accuracy"] == second["attention_accuracy"]


def test_a_size_too_small_is_refused_first(starter: DPTNModel) -> None:
    with pytest.raises(ValueError, match="got 16 x 16"):
        people_set(starter, "the starter", 2, 8, None, (16, 16))


def test_scores_over_the_person_are_those_of_plain_formulas(starter: DPTNModel) -> None:
    """The second computation: PSNR in closed form, SSIM's map by torchmetrics, ST-LPIPS by hand in the person's box."""
    metrics = pytest.importorskip("torchmetrics.functional.image")
    (case,) = generate_people(starter, [3], SIZES[0])
    networks = load_networks(torch.device("cpu"))
    (row,) = score_cases([case], PROTOCOLS["exact"], networks, Ranking()).rows
    mask = case.mask & inner(case.mask, 5)  # libraries continue borders differently
    assert torch.equal(mask, case.mask), "nobody stands at the border of this pair"
    wanted = foreground_psnr(case.generated[None] * 2 - 1, case.ground_truth[None] * 2 - 1, mask[None])
    assert row.scores["masked_psnr"] == pytest.approx(float(wanted), abs=1e-4)
    _, similar = metrics.structural_similarity_index_measure(
        case.generated[None].double(),
        case.ground_truth[None].double(),
        sigma=1.5,
        data_range=1.0,
        return_full_image=True,
    )
    assert row.scores["masked_ssim"] == pytest.approx(float(similar[0][:, mask].mean()), abs=1e-6)
    if networks.shift_tolerant is not None:
        rows, columns = (mask.any(axis).nonzero()[:, 0].tolist() for axis in (1, 0))
        room = int(0.12 * len(rows)) + 16
        top, left = max(0, rows[0] - room), max(0, columns[0] - room)
        shown, ground_truth = (
            image[:, top : rows[-1] + room, left : columns[-1] + room] * 2 - 1
            for image in (torch.where(mask, case.generated, case.ground_truth), case.ground_truth)
        )
        assert row.scores["masked_st-lpips"] == pytest.approx(
            float(networks.shift_tolerant(shown[None], ground_truth[None])), rel=1e-5
        )


def inner(mask: Tensor, margin: int) -> Tensor:
    inside = torch.zeros_like(mask)
    inside[margin:-margin, margin:-margin] = True
    return inside


def test_copying_is_scored_against_the_truth_of_its_size(starter: DPTNModel) -> None:
    ground_truth = render_pairs(open_studio(), pair_seeds(TEST_SEED, 0, 3), SIZES[0], split="test", faults=False)
    wanted = foreground_psnr(ground_truth.source, ground_truth.target, ground_truth.target_mask).mean()
    assert people_means(starter, 3, SIZES[0])["copy_psnr"] == pytest.approx(float(wanted), abs=1e-3)


def test_the_truth_itself_scores_best_and_a_blur_is_not_sharp(
    starter: DPTNModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    ground_truth = render_pairs(open_studio(), pair_seeds(TEST_SEED, 0, 3), SIZES[0], split="test", faults=False)

    def answer(sigma: int):
        def generate(
            model: DPTNModel, source: Tensor, *maps: Tensor, **_: object
        ) -> tuple[SourceFeatures, Tensor, float]:
            image = ground_truth.target
            if sigma:
                image = functional.avg_pool2d(image, 2 * sigma + 1, 1, sigma, count_include_pad=False)
            return model.generator.encode_source(source, maps[0]), (image + 1) / 2, 1.0

        return generate

    rows = {}
    for sigma in (0, 2):
        monkeypatch.setattr(people_scores, "generate_timed", answer(sigma))
        rows[sigma] = people_means(starter, 3, SIZES[0])
    assert rows[0]["masked_psnr"] > 60 and rows[0]["masked_ssim"] > 0.999
    assert rows[0]["sharpness"] == pytest.approx(1, abs=0.01)
    assert rows[2]["masked_psnr"] < 40 and rows[2]["sharpness"] < 0.75


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
    found = json.loads(done.stdout)
    assert [one["scored"]["set"] for one in found] == ["people-500, 96x128", "people-500, 48x64"]
    assert all(one["protocol"]["name"] == "exact" and one["scores"]["copy_psnr"] > 5 for one in found)


def test_people_can_have_a_report(tmp_path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--set", "people-500", "--pairs", "2", "--size", "96x128", "--rank-by", "sharpness", "--device", "cpu"]
    assert main(["evaluate", *given, "--out", str(tmp_path)]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert json.loads((tmp_path / "scores.json").read_text()) == printed
    assert "Worst by sharpness" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--size", "64x48"], "--size belongs to --set people-500"),
        (["--set", "people-500", "--out", "x", "--size", "64x64", "--size", "96x96"], "--out takes one report"),
        (["--set", "people-500", "--masks", "x"], "exact masks of their own"),
        (["--set", "people-500", "--data", "x"], "goes without --data"),
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
        (["--kind", "people", "--test-set", "--first", "499", "--pairs", "3"], "has 500 pairs"),
        (["--kind", "people", "--character", "x"], "leave out --kind people"),
    ],
)
def test_options_of_figures_that_do_not_go_together_are_refused(
    options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["figures", *options]) != 0
    assert said in capsys.readouterr().err
