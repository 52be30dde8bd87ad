"""`dptn prepare folder`: every spelling of a pose file and of an image is read, or left out with the reason."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from image_folder_fixture import BODY, HEIGHT, PLAN, WIDTH, document, person, photograph, points, reason_for
from PIL import Image

from dptn_core.data.custom.image_folder import FolderPlan, prepare_folder
from dptn_core.data.datasets import open_prepared, read_annotations
from dptn_core.image_io import read_image


class TestPoseFiles:
    @pytest.mark.parametrize("ending", [".json", "_keypoints.json", ".pose.json"])
    def test_every_naming_is_found(self, anna: Path, tmp_path: Path, ending: str) -> None:
        (anna / "1.json").rename(anna / f"1{ending}")
        assert not prepare_folder(anna, tmp_path / "out", PLAN).left_out

    @pytest.mark.parametrize(
        "written",
        [
            document(points()),
            [document(points())],
            document(points(scale=(2 * WIDTH, 2 * HEIGHT)), canvas=(2 * WIDTH, 2 * HEIGHT)),
            document(points(scale=(1, 1))),
            document(points(scale=(1, 1)), canvas=None),
            document(points(), canvas=None),
            document(points(scale=(128, 160)), canvas=(128, 160)),  # a detector's, which works in blocks of 64
            document(points(), [0.0] * 54),
            document(points(), points(np.where(np.arange(18)[:, None] < 1, BODY, np.nan))),  # a speck
            "\ufeff" + json.dumps(document(points())),
        ],
        ids=["pixels", "list", "larger canvas", "fractions", "fractions, no canvas", "no canvas", "blocks",
             "nobody else", "a stray joint", "byte order mark"],
    )  # fmt: skip
    def test_every_spelling_says_the_same(self, anna: Path, tmp_path: Path, written: object) -> None:
        prepare_folder(anna, tmp_path / "plain", PLAN)
        person(anna / "1.png", 1, written)
        assert not prepare_folder(anna, tmp_path / "out", PLAN).left_out
        wanted, got = (read_annotations(tmp_path / o / "own-annotation-train.csv") for o in ("plain", "out"))
        assert np.abs(wanted["anna-1.png"] - got["anna-1.png"]).max() <= 1

    def test_keypoints_lie_where_they_show_in_the_cut_image(self, anna: Path, tmp_path: Path) -> None:
        prepare_folder(anna, tmp_path / "out", FolderPlan())
        found = open_prepared(tmp_path / "out", "train")
        for name, keypoints in found.annotations.items():
            image = found.image(name)
            assert image.shape == (3, 256, 192)
            x, y = keypoints[0, :2].astype(int)
            assert keypoints[:, 2].all() and image[:, y, x].min() > 0.9  # the bright nose
            assert (image > 0.5).float().mean() < 0.05

    @pytest.mark.parametrize(
        ("written", "says"),
        [
            (document(points(), points(BODY * 0.5)), "shows 2 people; crop it"),
            (document(points(), points(BODY * 0.5), points(BODY * 0.1)), "shows 2 people"),  # one is far away
            (document(), "1.json contains no person"),
            ({"title": "of a gallery"}, "1.json contains no person"),
            (document([0.0] * 54), "1.json contains no person"),
            (document(points(np.where(np.arange(18)[:, None] < 7, BODY, np.nan))), "only 7 of 18.*expected at least 8"),
            (document(points(BODY + np.array([0.53, 0]))), r"only \d of 18 keypoints"),  # half of them beyond the edge
            (document(points(np.where(np.arange(18)[:, None] > 1, BODY, np.nan))), "neither the nose nor the neck"),
            (document(points(BODY * 0.4)), r"person is \d+ pixels tall; expected at least 96"),
            (document(points(BODY * 0 + 0.5)), "pixels tall"),
            (document(points(), canvas=(HEIGHT, WIDTH)), "is for an image of 160x120, but this one is 120x160"),
            (document(points(scale=(800, 1000)), canvas=None), "outside the image of 120x160; add canvas_width"),
            ([document(points())] * 2, "expected 1 image, got 2"),
            ([], "expected 1 image, got 0"),
            ("", "is empty"),
            ("{", "is not JSON"),
            ("[" * 100_000, "nested too deeply"),
            ("null", "must be a list of images"),
            ('{"people": 3}', "people must be a list"),
            ('{"people": [{"pose_keypoints_2d": [1, 2]}]}', "got 2"),
            (json.dumps(document([1e300] * 54)), "within 1000000 of zero"),
            (json.dumps(document([float("nan")] * 54)), "must be finite"),
            ('{"people": [{"pose_keypoints_2d": [' + "9" * 5000 + ", 1, 1]}]}", "cannot be read"),
            ('{"people": [], "canvas_width": 1e9, "canvas_height": 3}', "canvas_width must be"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_learnt_from_is_left_out_with_the_reason(
        self, anna: Path, tmp_path: Path, written: object, says: str
    ) -> None:
        person(anna / "1.png", 1, written)
        reason = reason_for(anna, tmp_path / "out", "1.png")
        assert re.search(says, reason) and len(reason) < 400, reason

    def test_a_pose_file_of_other_bytes_is_left_out(self, anna: Path, tmp_path: Path) -> None:
        (anna / "1.json").write_bytes(b"\xff\xd8\xff\xe0")
        assert "is not UTF-8 text" in reason_for(anna, tmp_path / "out", "1.png")

    def test_points_a_little_beyond_the_edge_squeeze_nothing(self, anna: Path, tmp_path: Path) -> None:
        prepare_folder(anna, tmp_path / "plain", PLAN)
        body = BODY.copy()
        body[4] = (1.02, 0.5)  # and no canvas is named
        person(anna / "1.png", 1, document(points(body), canvas=None))
        assert not prepare_folder(anna, tmp_path / "out", PLAN).left_out
        wanted, got = (read_annotations(tmp_path / o / "own-annotation-train.csv") for o in ("plain", "out"))
        assert got["anna-1.png"][4].tolist() == [0, 0, 0]  # what is not in the image cannot be learnt
        others = [joint for joint in range(18) if joint != 4]
        assert np.abs(wanted["anna-1.png"] - got["anna-1.png"])[others].max() <= 2

    def test_photographs_are_turned_upright_and_their_poses_are_meant_so(self, anna: Path, tmp_path: Path) -> None:
        prepare_folder(anna, tmp_path / "plain", PLAN)
        lying = Image.open(anna / "1.png").transpose(Image.Transpose.ROTATE_90)
        exif = lying.getexif()
        exif[0x0112] = 6  # to be turned by a quarter, as telephones have it
        (anna / "1.png").unlink()
        lying.save(anna / "1.jpg", quality=100, exif=exif)
        assert Image.open(anna / "1.jpg").size == (HEIGHT, WIDTH)
        assert not prepare_folder(anna, tmp_path / "out", PLAN).left_out
        plain, turned = (read_image(tmp_path / o / "train" / "anna-1.png") for o in ("plain", "out"))
        assert (plain - turned).abs().max() < 0.2
        person(anna / "2.png", 2, document(points(scale=(HEIGHT, WIDTH)), canvas=(HEIGHT, WIDTH)))
        assert "once turned upright" in reason_for(anna, tmp_path / "out", "2.png")


class TestImages:
    @pytest.mark.parametrize(
        ("content", "says"),
        [
            (b"", "not an image"),
            (b"GIF89a", "cannot be read|not an image"),
            (b"<svg onload='x'/>", "not an image"),
            ("cut short", "cannot be read"),
            ("a bomb", "far too large; images of up to"),
        ],
    )
    def test_those_that_cannot_be_read_are_named(
        self, anna: Path, tmp_path: Path, content: str | bytes, says: str
    ) -> None:
        path = anna / "1.png"
        if content == "cut short":
            noise = np.random.default_rng(1).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
            Image.fromarray(noise).save(path)
            path.write_bytes(path.read_bytes()[:-3000])
        elif content == "a bomb":
            Image.new("1", (20_000, 20_000)).save(path)
        else:
            assert isinstance(content, bytes)
            path.write_bytes(content)
        reason = reason_for(anna, tmp_path / "out", "1.png")
        assert reason.startswith("it cannot be read: ") and re.search(says, reason), reason

    def test_formats_that_cannot_be_read_here_are_named_too(self, anna: Path, tmp_path: Path) -> None:
        (anna / "3.heic").write_bytes(b"\0\0\0\x18ftypheic")
        assert "is not an image in a format that can be read here" in reason_for(anna, tmp_path / "out", "3.heic")

    @pytest.mark.parametrize("mode", ["RGBA", "L", "P", "1", "CMYK", "I;16", "LA"])
    def test_every_mode_of_colour_is_read(self, anna: Path, tmp_path: Path, mode: str) -> None:
        suffix = ".tif" if mode == "CMYK" else ".png"
        image = Image.new(mode, (WIDTH, HEIGHT))
        (anna / "1.png").unlink()
        image.save(anna / f"1{suffix}")
        assert not prepare_folder(anna, tmp_path / "out", PLAN).left_out

    def test_what_is_kept_is_learnt_from_at_any_proportions(self, anna: Path, tmp_path: Path) -> None:
        photograph(anna / "1.png", 1, size=(1200, 160))
        person_at = document(points(), canvas=(1200, 160))
        (anna / "1.json").write_text(json.dumps(person_at))
        for size in ((16, 64), (64, 16), (256, 192)):
            out = tmp_path / f"out{size[0]}"
            assert not prepare_folder(anna, out, FolderPlan(size=size)).left_out
            assert read_image(out / "train" / "anna-1.png").shape[1:] == size

    def test_a_frame_too_large_to_cut_leaves_one_image_out_and_stops_nothing(
        self, anna: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from dptn_core.inference import framing

        body = BODY.copy()
        body[4], body[7] = (0.0, 0.5), (1.0, 0.5)
        person(anna / "1.png", 1, document(points(body)))
        monkeypatch.setattr(framing, "MAX_PIXELS", 22_000)
        assert "million pixels" in reason_for(anna, tmp_path / "out", "1.png")
