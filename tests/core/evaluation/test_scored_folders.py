"""Two folders of images: which belong together, and what is skipped."""

from __future__ import annotations

import pytest
import torch
from evaluation_fixture import FASHION, image, write_all

from dptn_core.evaluation import PROTOCOLS, Case, Networks, Ranking, Skipped, match_folders, read_matches, score_cases
from dptn_core.evaluation.image_folders import FolderError, list_images

NETWORKS = Networks(torch.device("cpu"))


def matched(tmp_path, generated, ground_truth, pairs=None):
    for folder, names in (("drawn", generated), ("true", ground_truth)):
        write_all(tmp_path / folder, {name: image(1, (16, 16)) for name in names})
    return match_folders(tmp_path / "drawn", tmp_path / "true", pairs)


def names(matches):
    return [
        (match.names, match.generated is not None, match.ground_truth is not None, match.source is not None)
        for match in matches
    ]


def test_equal_names_belong_together_whatever_the_suffix(tmp_path):
    found = matched(tmp_path, ["b.png", "a.jpg"], ["a.png", "b.png", "c.png"])
    assert names(found) == [(("", "a"), True, True, False), (("", "b"), True, True, False)]


def test_the_authors_names_hold_source_and_target(tmp_path):
    found = matched(tmp_path, ["x_3back_2_y_1front_vis.jpg"], ["x_3back.png", "y_1front.png"])
    assert names(found) == [(("x_3back", "y_1front"), True, True, True)]


def test_names_without_vis_and_names_that_hold_what_stands_between(tmp_path):
    found = matched(tmp_path, ["a_2_b.png", "s_2_p_2_q_vis.png"], ["b.png", "p_2_q.png"])
    assert names(found) == [(("a", "b"), True, True, False), (("s", "p_2_q"), True, True, False)]


def test_a_list_says_which_pairs_must_be_there(tmp_path):
    pairs = [("a.jpg", "b.jpg"), ("b.jpg", "a.jpg"), ("a.jpg", "c.jpg")]
    found = matched(tmp_path, ["a_2_b_vis.jpg", "a.png"], ["a.png", "b.png", "c.png"], pairs)
    assert names(found) == [
        (("a", "b"), True, True, True),
        (("b", "a"), True, True, True),
        (("a", "c"), False, True, True),
    ]


def test_with_a_list_a_plain_target_name_counts_where_it_is_the_only_one(tmp_path):
    found = matched(tmp_path, ["a.png", "b.png"], ["a.png", "b.png"], [("x", "a"), ("y", "a"), ("x", "b")])
    assert [match.generated is not None for match in found] == [False, False, True]


def test_folders_that_have_nothing_in_common_are_refused(tmp_path):
    with pytest.raises(FolderError, match=r"no image in .* matches one in .* \(for example a and b\)"):
        matched(tmp_path, ["a.png"], ["b.png"])


def test_missing_and_empty_folders_are_refused(tmp_path):
    with pytest.raises(FolderError, match="no such folder"):
        list_images(tmp_path / "none")
    with pytest.raises(FolderError, match="holds no images"):
        list_images(tmp_path)


def test_of_several_formats_png_counts(tmp_path):
    write_all(tmp_path, {"a.jpg": image(1, (8, 8)), "a.png": image(1, (8, 8)), "a.webp": image(1, (8, 8))})
    assert list_images(tmp_path)["a"].suffix == ".png"


def test_what_cannot_be_read_is_skipped_and_named(tmp_path):
    write_all(tmp_path / "drawn", {f"{name}.png": image(1, (64, 64)) for name in "abcd"})
    write_all(tmp_path / "true", {f"{name}.png": image(2, (64, 64)) for name in "abc"})
    (tmp_path / "drawn" / "b.png").write_bytes(b"broken")
    (tmp_path / "masks").mkdir()
    write_all(tmp_path / "masks", {"a.png": torch.ones(3, 64, 64)})
    matches = match_folders(tmp_path / "drawn", tmp_path / "true")
    found = list(read_matches(matches, range(4), tmp_path / "masks"))
    assert isinstance(found[0], Case) and found[0].mask is not None and found[0].mask.all()
    reasons = [one.reason for one in found[1:] if isinstance(one, Skipped)]
    assert len(reasons) == 3
    assert "b.png is not an image" in reasons[0] and "no mask c.png" in reasons[1] and "no ground truth" in reasons[2]


def test_squares_of_deepfashion_are_cut_beside_their_middle(tmp_path):
    square = image(3, (256, 256))
    write_all(tmp_path / "true", {"a.png": square})
    write_all(tmp_path / "drawn", {"a.png": square[:, :, 40:216]})
    (case,) = read_matches(match_folders(tmp_path / "drawn", tmp_path / "true"), [0])
    assert isinstance(case, Case) and torch.equal(case.ground_truth, case.generated)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_identical_folders_have_the_best_scores_under_every_protocol(tmp_path, name):
    for folder in ("drawn", "true"):
        write_all(tmp_path / folder, {"a.png": image(1), "b.png": image(2)})
    matches = match_folders(tmp_path / "drawn", tmp_path / "true")
    part = score_cases(read_matches(matches, range(2)), PROTOCOLS[name], NETWORKS, Ranking())
    for row in part.rows:
        assert row.scores["ssim"] == pytest.approx(1) and row.scores["ssim_gaussian"] == pytest.approx(1)
        assert (row.scores["psnr"], row.scores["l1"]) == (100.0, 0.0)


def test_files_are_not_saved_as_jpeg_a_second_time(tmp_path):
    """What is read from a file has been rounded and compressed already."""
    ground_truth = image(4)
    case = Case(0, "", "a", ground_truth, ground_truth, from_file=True)
    again = Case(1, "", "a", ground_truth, ground_truth)
    part = score_cases([case, again], PROTOCOLS["dptn"], NETWORKS, Ranking())
    assert part.rows[0].scores["psnr"] == 100.0
    assert part.rows[1].scores["psnr"] < 60


def test_pictures_of_another_size_are_brought_to_the_true_ones(tmp_path):
    generated = torch.nn.functional.interpolate(image(5)[None], (256, 256), mode="bilinear")[0]
    case = Case(0, "", "a", generated, image(5), from_file=True)
    (row,) = score_cases([case], PROTOCOLS["dptn"], NETWORKS, Ranking()).rows
    assert row.scores["ssim"] > 0.9 and tuple(image(5).shape[1:]) == FASHION
