"""Whole evaluations: a model draws a data set or drawn figures, shares are merged, and the report is written."""

from __future__ import annotations

import csv
import dataclasses
import html
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch
from evaluation_fixture import (
    FASHION,
    NAMES,
    image,
    make_set,
    random_alexnet,
    random_inception,
    random_packages,
    write_all,
)
from transfer_fixture import tiny_model

from dptn_core.checkpoint import DPTNModel, load_model, save_model, starter_path
from dptn_core.cli import main
from dptn_core.commands.evaluate import _PAIRS, _PEOPLE_SIZE, _PROTOCOLS, _RANKED_BY
from dptn_core.data.datasets import open_prepared
from dptn_core.data.synthetic import figures, people
from dptn_core.evaluation import (
    PROTOCOLS,
    Case,
    Networks,
    Ranking,
    Skipped,
    generate_figures,
    generate_prepared,
    generation,
    load_networks,
    means,
    merge,
    score_cases,
    share_of,
    summarise,
    to_json,
    write_report,
)
from dptn_core.evaluation.fid_reference import FidReference
from dptn_core.evaluation.frechet import Moments, frechet_distance, moments_of
from dptn_core.evaluation.generation import whole_frame
from dptn_core.evaluation.metrics import BY_NAME, RANKABLE
from dptn_core.evaluation.people_scores import SIZE
from dptn_core.evaluation.summary import NothingScoredError
from dptn_core.inference.box import Box
from dptn_core.inference.carrier_file import load_carrier
from dptn_core.network.parameter_count import paper_parameter_count, parameter_count
from dptn_core.pose import Pose
from dptn_core.system.folder_lock import alone_in

DPTN = PROTOCOLS["dptn"]
CPU = torch.device("cpu")
NETWORKS = Networks(CPU)


@pytest.fixture(scope="module")
def model() -> DPTNModel:
    return tiny_model((64, 64), sigma=1.5, framing="stretch")


@pytest.fixture(scope="module")
def model_file(model, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_model(path, model)
    return path


@pytest.fixture(scope="module")
def fashion(tmp_path_factory) -> Path:
    return make_set(tmp_path_factory.mktemp("fashion"))


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("weights")
    return random_alexnet(folder), random_inception(folder)


@pytest.fixture
def no_cache(tmp_path, monkeypatch) -> None:
    """Neither files in torch's cache nor packages with weights."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.setattr("dptn_core.perceptual.packages.find_spec", lambda _: None)


@pytest.fixture(scope="module")
def found_in_packages(tmp_path_factory):
    return random_packages(tmp_path_factory.mktemp("packages"))


@pytest.fixture
def packages(found_in_packages, monkeypatch) -> None:
    """Random weights where packages would hold theirs."""
    monkeypatch.setattr("dptn_core.perceptual.packages.WeightPackage.find", found_in_packages)


def scored(cases, networks=NETWORKS, protocol=DPTN, **more):
    return score_cases(cases, protocol, networks, Ranking(), **more)


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "pairs.csv").open(newline="") as file:
        return list(csv.DictReader(file))


# Drawing a data set.


def test_the_network_sees_all_of_the_picture(model):
    assert whole_frame(FASHION, model).box == Box(0, 0, 176, 256)
    fit = whole_frame(FASHION, dataclasses.replace(model, framing="fit", training_size=(128, 96)))
    assert fit.box == Box(-8, 0, 192, 256), "a model that keeps proportions sees the edges go on"
    market = whole_frame((128, 64), dataclasses.replace(model, framing="fit", training_size=(128, 64)))
    assert market.box == Box(0, 0, 64, 128)


def test_a_set_is_drawn_pair_by_pair(model, fashion):
    cases = list(generate_prepared(model, open_prepared(fashion, "test"), range(4), batch=3))
    assert [(case.number, case.source, case.target) for case in cases] == [
        (i, f"{NAMES[i]}.png", f"{NAMES[(i + 1) % 4]}.png") for i in range(4)
    ]
    case = cases[0]
    assert isinstance(case, Case)
    assert tuple(case.generated.shape) == (3, 64, 64), "as the network drew it: the protocol resizes it"
    assert torch.equal(case.ground_truth, image(1)) and torch.equal(case.source_image, image(0))
    assert case.mask is not None and 0 < case.mask.float().mean() < 1
    assert case.joints == 18 and 0 <= case.joints_right <= 18
    assert case.seconds is not None and case.seconds > 0


def test_the_drawing_is_that_of_transfer(model, fashion):
    """The second computation: the same pair by the public way from image to image."""
    from dptn_core.inference.transfer import encode_source, transfer

    data = open_prepared(fashion, "test")
    (case,) = generate_prepared(model, data, [2])
    poses = [
        Pose.from_keypoints([tuple(p) for p in data.annotations[name][:, :2]], case.pose.canvas)
        for name in data.pairs[2]
    ]
    generated = transfer(encode_source(model, data.image(data.pairs[2][0]), poses[0]), poses[1:]).generated.images[0]
    assert torch.allclose(case.generated, generated.clamp(0, 1), atol=1e-5)


def test_attention_is_that_of_the_whole_map(model, fashion):
    """The second computation: all rows of the attention, looked up joint by joint in plain Python."""
    from dptn_core.pose.heatmaps import pose_heatmaps

    data = open_prepared(fashion, "test")
    (case,) = generate_prepared(model, data, [1])
    source, target = (data.annotations[name][:, :2] for name in data.pairs[1])
    frame = whole_frame(data.size, model)
    maps = [
        pose_heatmaps([frame.pose_inside(Pose.from_keypoints([tuple(p) for p in xy], frame.canvas))], (64, 64), 1.5)
        for xy in (source, target)
    ]
    with torch.inference_mode():
        features = model.generator.encode_source(frame.cut(data.image(data.pairs[1][0]))[None] * 2 - 1, maps[0])
        attention = model.generator.attention_rows(features, maps[1], range(64))[0]
    right = 0
    for (x0, y0), (x1, y1) in zip(source, target, strict=True):
        row = int(y1 / 256 * 64) // 8 * 8 + int(x1 / 176 * 64) // 8
        peak = int(attention[row].argmax())
        x, y = (peak % 8 * 8 + 4) * 176 / 64, (peak // 8 * 8 + 4) * 256 / 64
        right += np.hypot(x - x0, y - y0) <= 25.6
    assert case.joints_right == right


def test_what_cannot_be_read_is_skipped_and_named(model, tmp_path):
    data = open_prepared(make_set(tmp_path, broken=("three",)), "test")
    part = scored(generate_prepared(model, data, range(4), batch=2))
    assert [row.number for row in part.rows] == [0, 3]
    assert [skipped.number for skipped in part.skipped] == [1, 2]
    assert all("three.png is not an image" in skipped.reason for skipped in part.skipped)


def test_nothing_to_score_is_an_error_that_says_why():
    part = scored([Skipped(0, "a", "b", "a.png: no such file")])
    with pytest.raises(NothingScoredError, match=r"none of the 1 pairs .*a\.png: no such file"):
        summarise(part, DPTN, {}, mask=None, real=None, missing={})


def test_scores_do_not_depend_on_the_batch(model, fashion):
    data = open_prepared(fashion, "test")
    one, four = (scored(generate_prepared(model, data, range(4), batch=batch)) for batch in (1, 4))
    for a, b in zip(one.rows, four.rows, strict=True):
        assert a.scores == pytest.approx(b.scores, rel=1e-3, abs=1e-4)


def test_shares_of_several_processes_make_the_whole(model, fashion, weights):
    data = open_prepared(fashion, "test")
    networks = load_networks(torch.device("cpu"), *weights)
    whole, *shares = (
        score_cases(
            generate_prepared(model, data, numbers, batch=1), DPTN, networks, Ranking(count=1), ground_truth_side=True
        )
        for numbers in (range(4), share_of(4, 0, 3), share_of(4, 1, 3), share_of(4, 2, 3))
    )
    assert [len(share.rows) for share in shares] == [2, 1, 1]
    merged = merge(shares)
    assert [row.number for row in merged.rows] == [0, 1, 2, 3]
    for a, b in zip(merged.rows, whole.rows, strict=True):
        assert a.scores == b.scores
    for ours, theirs in (
        (merged.features, whole.features),
        (merged.ground_truth_features, whole.ground_truth_features),
    ):
        assert ours.count == theirs.count == 4
        assert np.allclose(ours.mean, theirs.mean, rtol=1e-4, atol=1e-6)
    assert [pair.number for pair in merged.shown.best] == [pair.number for pair in whole.shown.best]
    assert [pair.number for pair in merged.shown.worst] == [pair.number for pair in whole.shown.worst]


def test_best_and_worst_are_those_of_the_ranking():
    ground_truth = image(1, (64, 64))
    cases = [
        Case(
            n,
            "",
            f"n{n}",
            (ground_truth + 0.02 * n * (image(2, (64, 64)) - 0.5)).clamp(0, 1),
            ground_truth,
            from_file=True,
        )
        for n in (3, 0, 5, 1, 4, 2)
    ]
    for metric, best in (("ssim", [0, 1]), ("l1", [0, 1])):
        shown = score_cases(cases, DPTN, NETWORKS, Ranking(BY_NAME[metric], 2)).shown
        assert [pair.number for pair in shown.best] == best
        assert [pair.number for pair in shown.worst] == [5, 4]
    few = score_cases(cases[:3], DPTN, NETWORKS, Ranking(BY_NAME["ssim"], 2)).shown
    assert [[pair.number for pair in end] for end in few.ends()] == [[0, 3], [5]], "no pair is shown twice"


def test_pictures_too_small_for_a_window_lack_that_score_and_say_so():
    one = image(1, (48, 40))
    part = scored([Case(0, "", "a", one, one)])
    summary = summarise(part, DPTN, {}, mask=None, real=None, missing={})
    assert summary["scores"]["ssim"] is None and "51 pixels" in summary["missing"]["ssim"]
    assert summary["scores"]["ssim_gaussian"] > 0.5


# Drawn figures.


def test_the_unsaved_scores_of_figures_do_not_depend_on_the_protocol(model):
    small = dataclasses.replace(model, framing="fit", training_size=(64, 48))
    exact, saved = (
        means(scored(generate_figures(small, 2022, range(5), batch=2), protocol=PROTOCOLS[name]).rows)[0]
        for name in ("exact", "dptn")
    )
    for name in ("foreground_psnr", "copy_psnr", "warped_psnr", "attention_accuracy", "garment_colour_error"):
        assert saved[name] == exact[name], name
    assert saved["psnr"] != exact["psnr"], "JPEG costs something"


# Reports.


class Images(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.sources: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.sources += [value for name, value in attrs if name in ("src", "href")]


def test_a_report_is_whole_strict_and_of_one_piece(tmp_path, model, fashion):
    data = open_prepared(fashion, "test")
    part = scored(generate_prepared(model, data, range(4)))
    part.skipped.append(Skipped(9, "<b>", "<script>alert(1)</script>", "a & b"))
    summary = summarise(
        part, DPTN, {"kind": "data set", "set": "deepfashion"}, mask="x", real=None, missing={"fid": "<i>"}
    )
    write_report(tmp_path / "out", part, summary, None)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["pairs.csv", "report.html", "scores.json"]
    text = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    page = Images()
    page.feed(text)
    assert "script" not in page.tags and "<i>" not in text and "&lt;script&gt;" in text
    assert page.sources and all(source.startswith("data:image/jpeg;base64,") for source in page.sources)
    assert len(page.sources) == 4 * 4, "source, pose, drawn and target of four pairs"
    assert not re.search(r"https?://|@import|url\(", text)
    assert "0.7112" in text, "the published value stands beside ours"
    read = json.loads((tmp_path / "out" / "scores.json").read_text(), parse_constant=pytest.fail)
    assert read["pairs"] == 4 and read["skipped"][0]["reason"] == "a & b"
    speed = read["speed"]
    assert speed["images_per_second"] == speed["pictures_per_second"] == pytest.approx(1 / speed["seconds_per_image"])
    rows = table(tmp_path / "out")
    assert [row["number"] for row in rows] == ["0", "1", "2", "3", "9"]
    assert rows[4]["skipped"] == "a & b" and rows[4]["ssim"] == ""
    assert np.mean([float(row["ssim"]) for row in rows[:4]]) == pytest.approx(read["scores"]["ssim"])


def test_a_distance_that_is_no_number_is_missing(monkeypatch):
    one = image(1, (64, 64))
    part = scored([Case(0, "", "a", one, one, from_file=True)])
    moments = Moments.of(np.ones((3, 4)))
    monkeypatch.setattr("dptn_core.evaluation.summary.frechet_distance", lambda *_: float("nan"))
    part = dataclasses.replace(part, features=moments)
    found = summarise(part, DPTN, {}, mask=None, real=FidReference(moments, "some"), missing={})
    assert found["scores"]["fid"] is None and "comes out as nan" in found["missing"]["fid"]
    to_json(found)


def test_json_knows_no_infinity():
    one = image(1, (64, 64))
    part = scored([Case(0, "", "a", one, one, from_file=True)])
    summary = summarise(part, DPTN, {}, mask=None, real=None, missing={})
    assert json.loads(to_json(summary))["scores"]["psnr"] == 100.0
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json({"psnr": float("inf")})


# The command.


def run(capsys, *words: object) -> dict:
    assert main(["evaluate", *map(str, words), "--device", "cpu"]) == 0
    said = capsys.readouterr()
    return json.loads(said.out, parse_constant=pytest.fail)


def test_a_model_on_a_data_set(capsys, tmp_path, model_file, fashion, no_cache):
    out = tmp_path / "out"
    found = run(capsys, "--data", fashion, "--model", model_file, "--pairs", 3, "--out", out, "--rank-by", "l1")
    assert found["pairs"] == 3 and found["scored"]["set"] == "deepfashion"
    assert found["notes"]["mask"] == "silhouettes of the target poses"
    assert found["scores"]["lpips"] is None and found["scores"]["fid"] is None
    assert "alexnet-owt-*.pth" in found["missing"]["lpips"] and "--inception-weights" in found["missing"]["fid"]
    assert 0 < found["scores"]["masked_psnr"] < 100 and 0 <= found["scores"]["attention_accuracy"] <= 1
    assert "Worst by L1" in (out / "report.html").read_text()
    assert json.loads((out / "scores.json").read_text()) == found


def test_with_weights_every_metric_is_taken(capsys, tmp_path, model_file, fashion, weights, packages):
    words = (
        "--data",
        fashion,
        "--model",
        model_file,
        "--alexnet-weights",
        weights[0],
        "--inception-weights",
        weights[1],
    )
    found = run(capsys, *words, "--out", tmp_path / "out")
    assert found["missing"] == {}
    assert found["scores"]["lpips"] > 0 and found["scores"]["masked_lpips"] > 0 and found["scores"]["fid"] > 0
    assert 0 < found["scores"]["masked_st-lpips"] < found["scores"]["st-lpips"]
    assert found["scores"]["mobilenet-frechet"] > 0
    assert "not comparable with FID" in found["notes"]["mobilenet-frechet"]
    assert "not comparable with FID" in (tmp_path / "out" / "report.html").read_text()
    assert {"st-lpips", "masked_st-lpips"} <= table(tmp_path / "out")[0].keys()
    assert found["fid_images"]["real"].startswith("4 images of") and found["fid_images"]["biased"]
    assert found["fid_images"]["generated"] == found["fid_pictures"]["drawn"] == 4
    kept = run(capsys, *words, "--fid-real", tmp_path / "out" / "fid-real.npz")
    assert kept["scores"]["fid"] == pytest.approx(found["scores"]["fid"], rel=1e-3)
    assert "only Inception's statistics of them" in kept["missing"]["mobilenet-frechet"]


def test_without_inception_the_small_distance_is_taken_all_the_same(
    capsys, tmp_path, model_file, fashion, no_cache, packages
):
    words = ("--data", fashion, "--model", model_file, "--rank-by", "st-lpips", "--out", tmp_path / "out")
    found = run(capsys, *words)
    assert found["scores"]["fid"] is None and found["scores"]["mobilenet-frechet"] > 0
    assert "Worst by ST-LPIPS" in (tmp_path / "out" / "report.html").read_text()
    assert not (tmp_path / "out" / "fid-real.npz").exists()


def test_scores_do_not_depend_on_how_pairs_are_shared_out(packages):
    """The learned metrics, one pair after the other or merged of two processes; the second computation is by hand."""
    networks = load_networks(CPU)
    cases = [Case(n, "", f"{n}", image(n, (96, 64)), image(n + 9, (96, 64)), from_file=True) for n in range(5)]
    whole = scored(cases, networks, ground_truth_side=True)
    parts = merge([scored(cases[n::2], networks, ground_truth_side=True) for n in range(2)])
    for one, other in zip(whole.rows, parts.rows, strict=True):
        assert one.scores["st-lpips"] == pytest.approx(other.scores["st-lpips"], rel=1e-5)
    distance = networks.shift_tolerant(cases[3].generated[None] * 2 - 1, cases[3].ground_truth[None] * 2 - 1)
    assert whole.rows[3].scores["st-lpips"] == pytest.approx(float(distance), rel=1e-5)
    assert parts.small_features.count == parts.ground_truth_small_features.count == 5
    wanted = frechet_distance(
        *(
            moments_of([getattr(case, name) for case in cases], networks.mobilenet)
            for name in ("generated", "ground_truth")
        )
    )
    assert frechet_distance(parts.small_features, parts.ground_truth_small_features) == pytest.approx(wanted, rel=1e-3)


def test_pictures_too_small_for_st_lpips_lack_it_and_say_so(packages):
    one = image(1, (20, 40))
    part = scored([Case(0, "", "a", one, one)], load_networks(CPU))
    assert "st-lpips" not in part.rows[0].scores
    assert part.missing["st-lpips"] == "ST-LPIPS needs images of at least 21 pixels a side, got 40x20"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("other.npz", "was taken under protocol pidm"),
        ("nan.npz", "not finite"),
        ("text.npz", "holds no statistics"),
        ("file", "expected a folder of images, a prepared set or an .npz, got"),
    ],
)
def test_a_wrong_real_side_is_refused_before_anything_is_drawn(
    capsys, tmp_path, model_file, fashion, weights, monkeypatch, name, says
):
    np.savez(tmp_path / "other.npz", mu=np.zeros(2048), sigma=np.eye(2048), count=5, protocol="pidm")
    np.savez(tmp_path / "nan.npz", mu=np.full(2048, np.nan), sigma=np.eye(2048))
    for other in ("text.npz", "file"):
        (tmp_path / other).write_text("nothing")
    monkeypatch.setattr(
        "dptn_core.evaluation.scored_sets.generate_prepared", lambda *_, **__: pytest.fail("drew before it looked")
    )
    words = ("--data", fashion, "--model", model_file, "--inception-weights", weights[1], "--fid-real", tmp_path / name)
    assert main(["evaluate", *map(str, words), "--device", "cpu"]) == 2
    error = capsys.readouterr().err
    assert says in error and name in error


def test_identical_folders_are_nothing_apart(capsys, tmp_path, weights, packages):
    for folder in ("drawn", "true"):
        write_all(tmp_path / folder, {f"{n}.png": image(n) for n in range(3)})
    found = run(
        capsys,
        *("--drawn-pictures", tmp_path / "drawn", "--true-pictures", tmp_path / "true"),
        *("--alexnet-weights", weights[0], "--inception-weights", weights[1], "--out", tmp_path / "out"),
    )
    scores = found["scores"]
    assert scores["ssim"] == pytest.approx(1) and scores["psnr"] == 100 and scores["l1"] == 0
    assert scores["st-lpips"] == 0 and scores["mobilenet-frechet"] == pytest.approx(0, abs=1e-6)
    assert scores["lpips"] == 0 and scores["fid"] == pytest.approx(0, abs=1e-6)
    assert found["speed"] is None
    assert "--masks" in found["missing"]["masked_psnr"]


def test_masks_of_ones_own_are_used_and_named(capsys, tmp_path):
    generated, ground_truth, mask = torch.full((3, 64, 64), 0.9), torch.zeros(3, 64, 64), torch.zeros(3, 64, 64)
    mask[:, 20:40, 20:40] = 1
    generated[:, 20:40, 20:40] = 0.2
    for folder, one in (("drawn", generated), ("true", ground_truth), ("masks", mask)):
        write_all(tmp_path / folder, {"a.png": one})
    found = run(
        capsys,
        *("--drawn-pictures", tmp_path / "drawn", "--true-pictures", tmp_path / "true", "--masks", tmp_path / "masks"),
    )
    assert found["scores"]["masked_l1"] == pytest.approx(0.2, abs=1e-3)
    assert str(tmp_path / "masks") in found["notes"]["mask"]


def test_masks_with_nobody_inside_are_said_to_be(capsys, tmp_path):
    for folder in ("drawn", "true"):
        write_all(tmp_path / folder, {"a.png": image(1)})
    write_all(tmp_path / "masks", {"a.png": torch.zeros_like(image(1))})
    folders = [word for name in ("drawn", "true") for word in (f"--{name}-pictures", tmp_path / name)]
    found = run(capsys, *folders, "--masks", tmp_path / "masks")
    assert found["missing"]["masked_psnr"] == found["missing"]["masked_ssim"] == "nobody is inside any of the masks"
    assert found["scores"].get("masked_psnr") is None and found["scores"]["psnr"] == 100


def test_a_report_without_its_ranking_says_so(capsys, tmp_path):
    for folder in ("drawn", "true"):
        write_all(tmp_path / folder, {"a.png": torch.full((3, 4, 4), 0.5)})  # too small for a window of SSIM
    folders = [word for name in ("drawn", "true") for word in (f"--{name}-pictures", tmp_path / name)]
    found = run(capsys, *folders, "--out", tmp_path / "out")
    assert "Best and worst by SSIM" in (shown := (tmp_path / "out" / "report.html").read_text())
    assert f"No pair can be ranked by this metric: {found['missing']['ssim']}" in html.unescape(shown)


def test_drawn_figures_can_have_a_report(capsys, tmp_path, model_file):
    found = run(capsys, "--model", model_file, "--pairs", 3, "--out", tmp_path / "out", "--protocol", "pidm")
    assert found["protocol"]["name"] == "pidm" and found["notes"]["mask"] == "the figures' exact masks"
    assert {"foreground_psnr", "colours_right", "ssim"} <= found["scores"].keys()
    assert len(table(tmp_path / "out")) == 3


@pytest.mark.parametrize("chosen", ["figures-500", "people-500"])
def test_a_report_changes_no_score(capsys, tmp_path, model_file, chosen, packages):
    """For every metric: what is printed without --out is what is printed with it, saved, and shown."""
    if chosen == "people-500":
        pytest.importorskip("anny", reason="rendering people wants the extra train")
    words = ("--set", chosen, "--model", model_file, "--pairs", 2, "--precision", "fp32")
    alone, beside = run(capsys, *words), run(capsys, *words, "--out", tmp_path)
    assert alone["protocol"]["name"] == "exact"
    assert alone.keys() == beside.keys()
    assert alone["scores"] == beside["scores"]
    assert json.loads((tmp_path / "scores.json").read_text()) == beside
    page = (tmp_path / "report.html").read_text()
    for name, value in alone["scores"].items():
        if name in BY_NAME and value is not None:
            assert f"{value:.{BY_NAME[name].digits + 1}f}" in page, name
    assert "protocol exact" in page and f"{alone['scored']['parameters']:,}" in page and "9,794,371" in page


def test_a_report_of_another_version_is_refused_before_anything_is_generated(capsys, tmp_path, model_file, monkeypatch):
    (tmp_path / "scores.json").write_text('{"version": 1}')
    monkeypatch.setattr("dptn_core.evaluation.score_set", lambda *_: pytest.fail("scored before it looked"))
    assert main(["evaluate", "--model", str(model_file), "--pairs", "2", "--out", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "is of version 1" in said and "delete that report, or choose another folder" in said


def test_one_evaluation_at_a_time_writes_a_report_and_clears_up_after_a_killed_one(capsys, tmp_path, model_file):
    words = ["--model", model_file, "--pairs", 2, "--out", tmp_path]
    for name in (".pairs.4194305.part.csv", ".scores.4194305.part.json", ".fid-real.4194305.part.npz", "notes.txt"):
        (tmp_path / name).touch()
    with alone_in(tmp_path):
        assert main(["evaluate", *map(str, words)]) == 2
    assert f"another dptn command is at work in {tmp_path}" in capsys.readouterr().err
    run(capsys, *words)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt", "pairs.csv", "report.html", "scores.json"]


def test_without_the_packages_of_a_report_the_command_says_so_first(capsys, tmp_path, model_file, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    assert main(["evaluate", "--model", str(model_file), "--out", str(tmp_path)]) == 2
    assert "jinja2 is not installed; pip install 'dptn-pose-transfer[train]'" in capsys.readouterr().err


def test_only_what_needs_a_package_asks_for_it(model_file):
    asking = {"figures-500": "skimage", "people-500": "warp"}
    code = f"""
import sys
for name in ("skimage", "warp", "anny", "jinja2", "OpenEXR"):
    sys.modules[name] = None
from dptn_core.cli import main
for chosen in {[*asking]!r}:
    options = ["--set", chosen, "--model", {str(model_file)!r}, "--pairs", "1", "--device", "cpu"]
    assert main(["evaluate", *options]) == 2
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for package, line in zip(asking.values(), done.stderr.splitlines()[-2:], strict=True):
        assert line == f"dptn evaluate: {package} is not installed; pip install 'dptn-pose-transfer[train]'"


def test_parameters_are_counted_not_typed_in():
    assert parameter_count(load_model(starter_path()).generator) == 1_383_795
    assert parameter_count(load_carrier()) == 888_188
    assert paper_parameter_count() == 9_794_371


def test_options_that_cannot_work_end_in_one_line(capsys, tmp_path, model_file, fashion, no_cache):
    (tmp_path / "file").write_text("")
    data = ["--data", fashion, "--model", model_file]
    for words, said in {
        ("--drawn-pictures", tmp_path): "go together",
        ("--drawn-pictures", tmp_path, "--true-pictures", tmp_path, "--data", fashion): "leave out --data",
        ("--drawn-pictures", tmp_path / "no", "--true-pictures", tmp_path): "no such folder",
        ("--pairs-list", tmp_path / "x.csv"): "--pairs-list belongs to --generated-images",
        ("--masks", tmp_path, "--out", tmp_path / "o"): "exact masks of their own",
        ("--data", tmp_path): "is not a prepared set",
        (*data, "--masks", tmp_path / "no"): "which is not a folder",
        (*data, "--fid-real", tmp_path / "no"): "which is not there",
        (*data, "--out", tmp_path / "file" / "in"): "choose another folder",
        (*data, "--rank-by", "lpips"): "--rank-by lpips needs alexnet-owt-*.pth",
        (*data, "--rank-by", "st-lpips"): "pip install --no-deps stlpips-pytorch==0.0.2",
        (*data, "--alexnet-weights", tmp_path / "no.pth"): "which is not a file",
    }.items():
        assert main(["evaluate", *map(str, words)]) == 2, words
        line = capsys.readouterr().err.strip().splitlines()[-1]
        assert line.startswith("dptn evaluate: ") and said in line, words


def test_an_interrupted_evaluation_leaves_no_report(capsys, tmp_path, model_file, fashion, monkeypatch):

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(generation, "generate_timed", interrupt)
    words = ["evaluate", "--data", str(fashion), "--model", str(model_file), "--out", str(tmp_path / "out")]
    assert main(words) == 130
    assert not list((tmp_path / "out").rglob("*"))


def test_the_command_offers_what_there_is():
    assert _RANKED_BY == RANKABLE
    assert tuple(PROTOCOLS) == _PROTOCOLS
    assert (_PAIRS, _PEOPLE_SIZE) == (figures.TEST_PAIRS, SIZE) == (people.TEST_PAIRS, SIZE)
