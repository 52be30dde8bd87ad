"""`dptn prepare folder`: images of one's own, in every naming, damaged and hostile; stopped, and run again."""

from __future__ import annotations

import csv
import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from dptn_core.cli import main
from dptn_core.data.custom import image_folder as folders
from dptn_core.data.custom.image_folder import CONTACT_SHEET, LEFT_OUT, FolderPlan, Kept, draw_pairs_of, prepare_folder
from dptn_core.data.custom.image_folder import split_people as split
from dptn_core.data.custom.own_images import OwnImage, Quality, file_names, find_images
from dptn_core.data.datasets import DataFileError, open_prepared, read_annotations, write_pairs
from dptn_core.data.datasets.contact_sheet import write_contact_sheet
from dptn_core.detection import external
from dptn_core.detection.external import ExtractionError, wanted_weights
from dptn_core.image_io import read_image
from dptn_core.inference.framing import Box, Frame
from dptn_core.pose import Canvas, People, Pose

WIDTH, HEIGHT = 120, 160
SIZE = (64, 48)
PLAN = FolderPlan(size=SIZE)
# Somebody who stands in the middle, in shares of the image's sides.
BODY = np.array(
    [
        [0.5, 0.16], [0.5, 0.25], [0.4, 0.25], [0.36, 0.38], [0.34, 0.5], [0.6, 0.25], [0.64, 0.38], [0.66, 0.5],
        [0.44, 0.52], [0.43, 0.7], [0.43, 0.88], [0.56, 0.52], [0.57, 0.7], [0.57, 0.88],
        [0.48, 0.14], [0.52, 0.14], [0.46, 0.15], [0.54, 0.15],
    ]
)  # fmt: skip


def points(body: np.ndarray = BODY, scale: tuple[float, float] = (WIDTH, HEIGHT)) -> list[float]:
    """A body as OpenPose writes it; rows of NaN are missing."""
    there = np.isfinite(body).all(axis=1)
    xy = np.where(there[:, None], body * scale, 0.0)
    return np.column_stack([xy, there]).ravel().tolist()


def document(*bodies: list[float], canvas: tuple[int, int] | None = (WIDTH, HEIGHT)) -> dict[str, Any]:
    sides = {} if canvas is None else {"canvas_width": canvas[0], "canvas_height": canvas[1]}
    return {"people": [{"pose_keypoints_2d": body} for body in bodies], **sides}


def photograph(path: Path, shade: int = 0, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Path:
    """An image without a pose, dark with a bright nose, so that cutting shows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((size[1], size[0], 3), 20 + shade % 100, np.uint8)
    x, y = (BODY[0] * size).astype(int)
    pixels[y - 3 : y + 4, x - 3 : x + 4] = 250
    Image.fromarray(pixels).save(path)
    return path


def person(path: Path, shade: int = 0, pose: object = None) -> Path:
    """An image with its pose beside it; `pose` is what the file holds instead."""
    photograph(path, shade)
    content = document(points()) if pose is None else pose
    path.with_suffix(".json").write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def crowd(root: Path, people: int, images: int) -> Path:
    for number in range(people):
        for index in range(images):
            person(root / f"person{number}" / f"{index:02}.png", 10 * number + index)
    return root


@pytest.fixture
def anna(tmp_path: Path) -> Path:
    """One person, three good images."""
    for index in range(3):
        person(tmp_path / "anna" / f"{index}.png", index)
    return tmp_path / "anna"


def reason_for(root: Path, out: Path, name: str, plan: FolderPlan = PLAN, **how: Any) -> str:
    """Why an image was left out, where the rest of the folder was kept."""
    summary = prepare_folder(root, out, plan, **how)
    found = {Path(path).name: reason for path, reason in summary.left_out}
    assert list(found) == [name], found
    with (out / LEFT_OUT).open(newline="", encoding="utf-8") as file:
        assert [tuple(row) for row in csv.reader(file)] == [("picture", "reason"), *summary.left_out]
    return found[name]


def said(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """What a refused command says: one line, and code 2."""
    capsys.readouterr()
    assert main(["prepare", "folder", *map(str, arguments)]) == 2
    error = capsys.readouterr().err
    error = error.rpartition("\r")[2] if "\r" in error else error  # what stands before is the progress bar
    assert error.splitlines()[-1].startswith("dptn prepare: "), error
    return error.splitlines()[-1]


def everything(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def in_lists(out: Path) -> dict[str, set[str]]:
    """Names each split's annotations hold; each is an image that can be read, and no other image lies there."""
    found: dict[str, set[str]] = {}
    for name in ("train", "test"):
        path = out / f"own-annotation-{name}.csv"
        lines = path.read_text(encoding="utf-8").splitlines()
        found[name] = set(read_annotations(path)) if len(lines) > 1 else set()
        there = {file.name for file in (out / name).iterdir()} if (out / name).is_dir() else set()
        assert there == found[name]
        for file in there:
            assert read_image(out / name / file).shape[1:] == SIZE
    return found


class TestFinding:
    def test_a_folder_is_a_person_and_the_pictures_outside_are_another(self, tmp_path: Path) -> None:
        for name in ("b/2.JPG", "b/deeper/1.png", "a/1.webp", "loose.png", ".hidden.png", ".git/x.png"):
            photograph(tmp_path / name.replace(".JPG", ".jpg"))
        (tmp_path / "b" / "2.jpg").rename(tmp_path / "b" / "2.JPG")
        (tmp_path / "notes.txt").write_text("no image")
        found = find_images(tmp_path)
        assert [(one.path.relative_to(tmp_path).as_posix(), one.person) for one in found] == [
            ("a/1.webp", "a"), ("b/2.JPG", "b"), ("b/deeper/1.png", "b"), ("loose.png", "."),
        ]  # fmt: skip

    def test_a_folder_of_the_same_name_inside_is_somebody_else(self, tmp_path: Path) -> None:
        photograph(tmp_path / "anna" / "1.png")
        photograph(tmp_path / "anna" / "anna" / "1.png")
        assert len({one.person for one in find_images(tmp_path / "anna")}) == 2

    def test_links_are_followed_once_and_never_upwards(self, tmp_path: Path) -> None:
        photograph(tmp_path / "elsewhere" / "1.png")
        root = tmp_path / "root"
        photograph(root / "a" / "1.png")
        (root / "b").symlink_to(tmp_path / "elsewhere")
        (root / "b2").symlink_to(root / "b")
        (root / "a" / "loop").symlink_to(root)
        (root / "a" / "up").symlink_to(tmp_path)
        (root / "c.png").symlink_to(root / "a" / "1.png")
        (root / "lost.png").symlink_to(root / "nowhere.png")
        os.mkfifo(root / "pipe.png")
        (root / "piped.png").symlink_to(root / "pipe.png")
        found = [one.path.relative_to(root).as_posix() for one in find_images(root)]
        assert found == ["a/1.png", "b/1.png", "c.png", "lost.png"]

    def test_prepared_sets_and_the_folder_to_leave_are_left(self, anna: Path, tmp_path: Path) -> None:
        prepare_folder(anna, tmp_path / "anna" / "set", PLAN)
        prepare_folder(anna, tmp_path / "anna" / "other set", PLAN)
        assert len(find_images(anna)) == 3
        photograph(anna / "half made" / "1.png")
        assert len(find_images(anna)) == 4 and len(find_images(anna, anna / "half made")) == 3

    def test_nothing_to_find_says_what_is_looked_for(self, tmp_path: Path) -> None:
        with pytest.raises(DataFileError, match="none: no such folder; name one with images"):
            find_images(tmp_path / "none")
        (tmp_path / "film.mp4").write_bytes(b"film")
        with pytest.raises(DataFileError, match=r"holds no images \(.*\.png.*of a video, save its frames"):
            find_images(tmp_path)

    def test_a_folder_that_cannot_be_read_is_named(self, anna: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        scan = os.scandir

        def refuse(path: Any) -> Any:
            if Path(path).name == "locked":
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
            return scan(path)

        (anna / "locked").mkdir()
        monkeypatch.setattr(os, "scandir", refuse)
        with pytest.raises(DataFileError, match=r"anna/locked cannot be read: Permission denied; make it readable"):
            find_images(anna)


class TestNames:
    def names(self, root: Path, *paths: str) -> list[str]:
        return list(file_names([OwnImage(root / path, "") for path in paths], root))

    def test_names_have_the_person_in_them_and_no_folders(self, tmp_path: Path) -> None:
        root = tmp_path / "all"
        assert self.names(root, "anna/1.jpg", "anna/deep/1.jpg", "1.jpg") == [
            "anna-1.png", "anna-deep-1.png", "all-1.png",
        ]  # fmt: skip

    def test_no_two_are_equal_whatever_counts(self, tmp_path: Path) -> None:
        composed, decomposed = "\u00e9", "e\u0301"
        found = self.names(
            tmp_path, "a/1.jpg", "a/1.png", "A/1.jpg", "a/1-2.png", "a-1/x.png", "a/1-x.png",
            f"{composed}/1.png", f"{decomposed}/1.png", "stra\u00dfe/1.png", "STRASSE/1.png",
        )  # fmt: skip
        assert len({name.casefold() for name in found}) == len(found) == 10
        assert found[0] == "a-1.png" and found[1] == "a-1-2.png"

    def test_what_lists_and_systems_use_is_replaced(self, tmp_path: Path) -> None:
        odd = [
            'a:b,"c"?',
            " spaced . ",
            "\u3000wide\u3000",
            "line\u2028\x85\x0bend",
            "\udcff\udcfe",
            "人物 ♥",
            "x" * 250,
        ]
        names = self.names(tmp_path, *(f"p/{part}.png" for part in odd), "..../a.png")
        annotations = "".join(f"{name}: {[1] * 18}: {[1] * 18}\n" for name in names)
        path = tmp_path / "annotations.csv"
        path.write_text(annotations, encoding="utf-8")
        assert list(read_annotations(path)) == names  # each is one line and one field, nothing stripped from it
        assert names[0] == "p-a_b__c__.png" and names[5] == "p-人物 ♥.png"
        assert all(len(name.encode()) < 180 and "/" not in name and not name.startswith(".") for name in names)

    @pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names themselves")
    def test_pictures_of_every_such_name_are_laid_out(self, tmp_path: Path) -> None:
        root = tmp_path / "人 物"
        for part in ("a:b", "1,2", "\u3000wide", "line\u2028end", "x" * 240, "♥"):
            person(root / "p:q" / f"{part}.png")
        os.rename(root / "p:q" / "♥.png", os.fsencode(root / "p:q") + b"/\xff\xfe.png")  # no text at all
        os.rename(root / "p:q" / "♥.json", os.fsencode(root / "p:q") + b"/\xff\xfe.json")
        person(root / "p:q" / "Equal.png")
        person(root / "p:q" / "equal.png")
        photograph(root / "p:q" / "equal.bmp")
        (root / "p:q" / "gone\udcff.png").symlink_to("nowhere")
        summary = prepare_folder(root, tmp_path / "out", PLAN)
        assert sum(summary.images.values()) == 9 and len(summary.left_out) == 1
        in_lists(tmp_path / "out")
        for name in ("train", "test"):
            found = open_prepared(tmp_path / "out", name)
            assert all(found.image(one).shape == (3, *SIZE) for pair in found.pairs for one in pair)
        assert "gone\\udcff.png" in (tmp_path / "out" / LEFT_OUT).read_text(encoding="utf-8")


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
        ids=["pixels", "list", "larger canvas", "shares", "shares, no canvas", "no canvas", "blocks", "nobody else",
             "a stray joint", "byte order mark"],
    )  # fmt: skip
    def test_every_spelling_says_the_same(self, anna: Path, tmp_path: Path, written: object) -> None:
        prepare_folder(anna, tmp_path / "plain", PLAN)
        person(anna / "1.png", 1, written)
        assert not prepare_folder(anna, tmp_path / "out", PLAN).left_out
        wanted, got = (read_annotations(tmp_path / o / "own-annotation-train.csv") for o in ("plain", "out"))
        assert np.abs(wanted["anna-1.png"] - got["anna-1.png"]).max() <= 1

    def test_keypoints_lie_where_they_show_in_the_cut_picture(self, anna: Path, tmp_path: Path) -> None:
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
            (document(points(), points(BODY * 0.5)), "shows 2 people; cut it"),
            (document(points(), points(BODY * 0.5), points(BODY * 0.1)), "shows 2 people"),  # one is far away
            (document(), "1.json holds nobody"),
            ({"title": "of a gallery"}, "1.json holds nobody"),
            (document([0.0] * 54), "1.json holds nobody"),
            (document(points(np.where(np.arange(18)[:, None] < 7, BODY, np.nan))), "only 7 of 18.*at least 8"),
            (document(points(BODY + np.array([0.53, 0]))), r"only \d of 18 keypoints"),  # half of them beyond the edge
            (document(points(np.where(np.arange(18)[:, None] > 1, BODY, np.nan))), "neither nose nor neck"),
            (document(points(BODY * 0.4)), r"person is \d+ pixels tall; at least 96"),
            (document(points(BODY * 0 + 0.5)), "pixels tall"),
            (document(points(), canvas=(HEIGHT, WIDTH)), "is for an image of 160x120, and this one is 120x160"),
            (document(points(scale=(800, 1000)), canvas=None), "beyond the image's 120x160; give it canvas_width"),
            ([document(points())] * 2, "holds 2 images; one is wanted"),
            ([], "holds 0 images"),
            ("", "is empty"),
            ("{", "is not JSON"),
            ("[" * 100_000, "nested too deeply"),
            ("null", "must be a list of images"),
            ('{"people": 3}', "people must be a list"),
            ('{"people": [{"pose_keypoints_2d": [1, 2]}]}', "got 2"),
            (json.dumps(document([1e300] * 54)), "within 1000000 of zero"),
            (json.dumps(document([float("nan")] * 54)), "must be finite"),
            ('{"people": [{"pose_keypoints_2d": [' + "9" * 5000 + ", 1, 1]}]}", "cannot be used"),
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
        assert "not a text file in UTF-8" in reason_for(anna, tmp_path / "out", "1.png")

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
        assert "turned upright where the camera says so" in reason_for(anna, tmp_path / "out", "2.png")


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

    def test_a_frame_too_large_to_cut_leaves_one_picture_out_and_stops_nothing(
        self, anna: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from dptn_core.inference import framing

        body = BODY.copy()
        body[4], body[7] = (0.0, 0.5), (1.0, 0.5)
        person(anna / "1.png", 1, document(points(body)))
        monkeypatch.setattr(framing, "MAX_PIXELS", 22_000)
        assert "million pixels" in reason_for(anna, tmp_path / "out", "1.png")


class Watcher:
    """A detector that says what it is told and counts."""

    def __init__(self, *bodies: np.ndarray, error: Exception | None = None) -> None:
        self.bodies, self.error, self.calls = bodies, error, 0

    def __call__(self, image: torch.Tensor) -> People:
        self.calls += 1
        if self.error:
            raise self.error
        assert image.shape[0] == 3 and image.dtype == torch.float32 and 0 <= image.min() <= image.max() <= 1
        canvas = Canvas(image.shape[2], image.shape[1])
        scale = np.array([canvas.width, canvas.height])
        return People(tuple(Pose(body * scale, np.full(18, 0.5), canvas) for body in self.bodies), canvas)


class TestDetector:
    @pytest.fixture
    def bare(self, tmp_path: Path) -> Path:
        for index in range(3):
            photograph(tmp_path / "anna" / f"{index}.png", index)
        return tmp_path / "anna"

    def test_it_looks_where_no_pose_file_is_and_once(self, bare: Path, tmp_path: Path) -> None:
        person(bare / "0.png")
        detect = Watcher(BODY)
        out = tmp_path / "out"
        first = prepare_folder(bare, out, PLAN, detect)
        assert (detect.calls, first.left_out) == (2, ())
        lists = {name: data for name, data in everything(out).items() if name.endswith(".csv")}
        assert prepare_folder(bare, out, PLAN, detect) == first and detect.calls == 2
        assert prepare_folder(bare, out, PLAN) == first  # nor is a detector needed for what is known
        assert {name: data for name, data in everything(out).items() if name.endswith(".csv")} == lists

    def test_other_pictures_of_the_same_name_and_other_detectors_are_looked_at_anew(
        self, bare: Path, tmp_path: Path
    ) -> None:
        detect, out = Watcher(BODY), tmp_path / "out"
        prepare_folder(bare, out, FolderPlan(size=SIZE, detector="one"), detect)
        photograph(bare / "1.png", 77)
        os.utime(bare / "1.png", (1, 1))  # copied with its date
        prepare_folder(bare, out, FolderPlan(size=SIZE, detector="one"), detect)
        assert detect.calls == 4
        prepare_folder(bare, out, FolderPlan(size=SIZE, detector="other"), detect)
        assert detect.calls == 7

    def test_a_pose_does_not_move_to_another_picture_when_one_is_taken_away(self, bare: Path, tmp_path: Path) -> None:
        detect, out = Watcher(BODY), tmp_path / "out"
        photograph(bare / "1.bmp", 50)  # comes before 1.png, and takes its name when that is what it is
        prepare_folder(bare, out, PLAN, detect)
        (bare / "1.bmp").unlink()
        os.utime(bare / "1.png", (1, 1))
        prepare_folder(bare, out, PLAN, detect)
        assert detect.calls == 5  # four, and the one whose name is another's now

    @pytest.mark.parametrize("spoilt", [b"", b"{}", b"[1]", b"[" * 9999, b"\xff", b'[{"picture": 1, "detector": ""}]'])
    def test_what_is_remembered_and_spoilt_is_found_anew(self, bare: Path, tmp_path: Path, spoilt: bytes) -> None:
        detect, out = Watcher(BODY), tmp_path / "out"
        prepare_folder(bare, out, PLAN, detect)
        (out / "poses" / "anna-1.json").write_bytes(spoilt)
        assert not prepare_folder(bare, out, PLAN, detect).left_out and detect.calls == 4

    @pytest.mark.parametrize(
        ("detect", "says"),
        [
            (None, "no pose file beside it, and no detector was chosen"),
            (Watcher(), "nobody was found"),
            (Watcher(BODY, BODY * 0.9), "2 people"),
            (Watcher(error=ExtractionError("out of memory")), "the detector failed on it: out of memory"),
        ],
    )
    def test_reasons(self, anna: Path, tmp_path: Path, detect: Watcher | None, says: str) -> None:
        (anna / "1.json").unlink()
        assert says in reason_for(anna, tmp_path / "out", "1.png", detect=detect)

    def test_the_command_runs_it(
        self, bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:

        detect, thresholds = Watcher(BODY), []

        class Loaded:
            @staticmethod
            def detect(image: torch.Tensor, *, threshold: float) -> People:
                thresholds.append(threshold)
                return detect(image)

        monkeypatch.setattr(external, "find_weights", lambda wanted, places: places[0])
        monkeypatch.setattr(external, "load_openpose", lambda path, device: Loaded)
        arguments = ["prepare", "folder", str(bare), "--out", str(tmp_path / "out"), "--size", "48x64"]
        arguments += ["--detector", "openpose", "--device", "cpu"]
        assert main([*arguments, "--threshold", "0.4"]) == 0
        assert main([*arguments, "--threshold", "0.4"]) == 0
        assert thresholds == [0.4] * 3
        assert main([*arguments, "--threshold", "0.6"]) == 0
        assert thresholds == [0.4] * 3 + [0.6] * 3

    @pytest.mark.parametrize(("detector", "named"), [("openpose", "body_pose_model.pth"), ("vitpose", "ViTPose")])
    def test_missing_weights_are_one_line_with_every_way_out(
        self, bare: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
        detector: str, named: str,
    ) -> None:  # fmt: skip

        monkeypatch.setattr(wanted_weights, "_cached", lambda wanted: iter(()))
        error = said(capsys, bare, "--out", tmp_path / "out", "--detector", detector, "--device", "cpu")
        for words in (named, "huggingface.co", "--download", "--weights FOLDER", "licence", str(tmp_path / "out")):
            assert words in error
        assert not (tmp_path / "out").exists()


def kept(**people: int) -> list[Kept]:
    """So many images of everybody."""
    canvas = Canvas(10, 10)
    pose, frame = Pose(np.ones((18, 2)), np.ones(18), canvas), Frame(Box(0, 0, 10, 10), canvas, SIZE)
    return [
        Kept(OwnImage(Path(f"{name}/{index}.png"), name), f"{name}-{index}.png", pose, frame)
        for name, count in people.items()
        for index in range(count)
    ]


def people_of(images: list[Kept]) -> set[str]:
    return {one.image.person for one in images}


MANY = {f"p{number}": 3 for number in range(20)}


class TestSplitting:
    @pytest.mark.parametrize(("share", "held"), [(0.1, 2), (0.001, 1), (0.5, 10), (1.0, 19)])
    def test_many_people_are_split_by_person(self, share: float, held: int) -> None:
        images = kept(**MANY)
        splits, by_person = split(images, share, 0)
        assert by_person and len(people_of(splits["test"])) == held
        assert not people_of(splits["train"]) & people_of(splits["test"])
        assert sorted(one.name for part in splits.values() for one in part) == sorted(one.name for one in images)

    @pytest.mark.parametrize(("share", "held"), [(0.1, 2), (0.5, 5), (1.0, 8), (0.0, 0)])
    def test_of_few_people_pictures_are_held_back(self, share: float, held: int) -> None:
        splits, by_person = split(kept(anna=10, ben=10), share, 0)
        assert not by_person
        for name in ("anna", "ben"):
            counts = {part: sum(one.image.person == name for one in images) for part, images in splits.items()}
            assert counts == {"train": 10 - held, "test": held}

    @pytest.mark.parametrize("count", [2, 3])
    def test_a_pair_to_learn_from_comes_first(self, count: int) -> None:
        splits, _ = split(kept(anna=count), 1.0, 0)
        assert (len(splits["train"]), len(splits["test"])) == (count, 0)

    def test_none_are_held_back_of_many_either(self) -> None:
        splits, by_person = split(kept(**MANY), 0.0, 0)
        assert not by_person and not splits["test"]

    def test_another_seed_is_another_split_and_the_same_is_the_same(self) -> None:
        first, again, other = (people_of(split(kept(**MANY), 0.2, seed)[0]["test"]) for seed in (1, 1, 2))
        assert first == again != other

    def test_more_people_move_nobody_from_training_into_the_test(self) -> None:
        before, _ = split(kept(**MANY), 0.2, 0)
        more, _ = split(kept(**MANY, late=3), 0.2, 0)
        assert people_of(more["test"]) - {"late"} <= people_of(before["test"])


class TestPairs:
    def test_every_ordered_pair_of_a_person_and_no_other(self) -> None:
        pairs = draw_pairs_of(kept(anna=3, ben=2), 100, 0)
        names = [f"anna-{index}.png" for index in range(3)]
        assert sorted(pairs) == sorted([*permutations(names, 2), *permutations(["ben-0.png", "ben-1.png"], 2)])

    @pytest.mark.parametrize("most", [1, 7, 89, 90])
    def test_drawn_by_chance_none_comes_twice(self, most: int) -> None:
        pairs = draw_pairs_of(kept(anna=10, ben=10), most, 3)
        assert len(set(pairs)) == len(pairs) == 2 * most
        assert all(source != target and source[:3] == target[:3] for source, target in pairs)
        assert pairs == draw_pairs_of(kept(anna=10, ben=10), most, 3)

    def test_very_many_pictures_cost_what_is_drawn(self) -> None:
        assert len(set(draw_pairs_of(kept(film=20_000), 50, 0))) == 50

    def test_chance_reaches_every_pair(self) -> None:
        found = {pair for seed in range(200) for pair in draw_pairs_of(kept(anna=4), 3, seed)}
        assert len(found) == 12


class TestSets:
    def test_by_person_nobody_is_in_both(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        root = crowd(tmp_path / "people", 5, 3)
        out = tmp_path / "out"
        assert main(["prepare", "folder", str(root), "--out", str(out), "--size", "48x64", "--test-share", "0.4"]) == 0
        printed = capsys.readouterr().out
        assert "train: 9 images, 18 pairs" in printed and "test: 6 images, 12 pairs" in printed
        assert "held back" not in printed and str(out / CONTACT_SHEET) in printed
        names = in_lists(out)
        train, test = (open_prepared(out, "train"), open_prepared(out, "test"))
        assert (train.kind, train.size, train.framing) == ("folder", SIZE, "fit")
        assert {name[:7] for name in names["train"]}.isdisjoint(name[:7] for name in names["test"])
        assert all(source[:7] == target[:7] for source, target in (*train.pairs, *test.pairs))
        assert sorted(path.name for path in out.iterdir()) == [
            "contact-sheet.jpg", "dptn-set.json", "left-out.csv", "own-annotation-test.csv", "own-annotation-train.csv",
            "own-pairs-test.csv", "own-pairs-train.csv", "test", "train",
        ]  # fmt: skip

    @pytest.mark.parametrize(("share", "says"), [("0", "nothing was held back for testing\n"), ("1", "held back")])
    def test_shares_at_both_ends(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], share: str, says: str
    ) -> None:
        root = crowd(tmp_path / "people", 1, 6)
        out = tmp_path / "out"
        assert main(["prepare", "folder", str(root), "--out", str(out), "--size", "48x64", "--test-share", share]) == 0
        assert says in capsys.readouterr().out
        assert len(open_prepared(out, "train").pairs) == (30 if share == "0" else 2)
        if share == "0":
            with pytest.raises(DataFileError, match="has no test pairs"):
                open_prepared(out, "test")

    def test_somebody_with_one_picture_is_left_out_in_words(self, anna: Path, tmp_path: Path) -> None:
        person(anna / "ben" / "alone.png")
        assert reason_for(anna, tmp_path / "out", "alone.png").startswith("no other image of this person is fit")

    def test_two_runs_are_equal_byte_for_byte(self, anna: Path, tmp_path: Path) -> None:
        prepare_folder(anna, tmp_path / "one", PLAN)
        prepare_folder(anna, tmp_path / "two", PLAN)
        assert everything(tmp_path / "one") == everything(tmp_path / "two")

    def test_progress_counts_both_passes_and_ends_full(self, anna: Path, tmp_path: Path) -> None:
        photograph(anna / "no pose.png")
        told: list[tuple[int, int]] = []
        prepare_folder(anna, tmp_path / "out", PLAN, progress=lambda done, total: told.append((done, total)))
        assert [done for done, _ in told] == list(range(1, 8)) and told[-1] == (7, 7) and told[0] == (1, 8)

    def test_the_contact_sheet_shows_everybody_and_frames_the_test(self, tmp_path: Path) -> None:
        root = crowd(tmp_path / "people", 1, 14)
        prepare_folder(root, tmp_path / "out", FolderPlan(size=(256, 192)))
        sheet = Image.open(tmp_path / "out" / CONTACT_SHEET).convert("RGB")
        assert sheet.size == (12 * 120, 2 * 174)
        pixels = np.asarray(sheet).astype(int)
        corners = pixels[1::174, 1::120]
        blue = (np.abs(corners - (0, 114, 178)) < 40).all(axis=2)
        assert blue.sum() == 2 and blue.ravel()[12:14].all()
        assert (pixels[160:174, 120:240].max(axis=2) < 100).sum() > 20  # a name
        cell = pixels[:160, :120]
        assert (cell.max(axis=2) - cell.min(axis=2) > 100).sum() > 100  # a skeleton in colours

    def test_the_contact_sheet_stays_small(self, tmp_path: Path) -> None:
        path = photograph(tmp_path / "1.png", size=(2048, 16))
        keypoints = np.ones((18, 3), np.float32)
        write_contact_sheet(tmp_path / "sheet.jpg", [("train", path, keypoints)] * 97)
        width, height = Image.open(tmp_path / "sheet.jpg").size
        assert width <= 12 * 160 and height <= 8 * 174


class TestAgain:
    def test_pictures_that_are_gone_leave_the_set(self, tmp_path: Path) -> None:
        root, out = crowd(tmp_path / "people", 5, 3), tmp_path / "out"
        prepare_folder(root, out, PLAN)
        shutil.rmtree(root / "person2")
        (root / "person1" / "00.png").unlink()
        person(root / "person0" / "99.png")
        summary = prepare_folder(root, out, PLAN)
        names = in_lists(out)  # which sees that no other image lies there: they would count as the set's
        assert "person0-99.png" in names["train"] | names["test"]
        assert not any(
            name.startswith("person2") or name == "person1-00.png" for part in names.values() for name in part
        )
        assert sum(summary.images.values()) == 3 + 2 + 3 + 3 + 1
        prepare_folder(root, tmp_path / "anew", PLAN)
        assert everything(out) == everything(tmp_path / "anew")

    def test_another_size_replaces_every_picture(self, anna: Path, tmp_path: Path) -> None:
        prepare_folder(anna, tmp_path / "out", FolderPlan(size=(128, 96)))
        prepare_folder(anna, tmp_path / "out", PLAN)
        in_lists(tmp_path / "out")

    def test_no_test_pairs_any_more_leaves_no_test_list(self, tmp_path: Path) -> None:
        root, out = crowd(tmp_path / "people", 1, 6), tmp_path / "out"
        prepare_folder(root, out, PLAN)
        open_prepared(out, "test")
        prepare_folder(root, out, FolderPlan(size=SIZE, test_share=0))
        assert in_lists(out)["test"] == set()
        with pytest.raises(DataFileError, match="has no test pairs"):
            open_prepared(out, "test")

    def test_a_run_with_nothing_fit_leaves_the_set_as_it_was(self, anna: Path, tmp_path: Path) -> None:
        out = tmp_path / "out"
        prepare_folder(anna, out, PLAN)
        before = everything(out)
        with pytest.raises(DataFileError, match="none of its 3 images is fit"):
            prepare_folder(anna, out, FolderPlan(size=SIZE, quality=Quality(height=5000)))
        after = everything(out)
        assert after.pop(LEFT_OUT) != before.pop(LEFT_OUT) and after == before

    @pytest.mark.parametrize(("when", "earlier"), [(2, True), (8, True), (11, False)])
    def test_a_killed_run_opens_as_no_set_of_halves_and_the_same_command_goes_on(
        self, tmp_path: Path, when: int, earlier: bool
    ) -> None:
        root, out = crowd(tmp_path / "people", 1, 6), tmp_path / "out"
        if earlier:  # of other images
            person(root / "person0" / "old.png")
            prepare_folder(root, out, FolderPlan(size=(96, 72)))
            (root / "person0" / "old.png").unlink()
        script = (
            "import os, signal, sys; from pathlib import Path\n"
            "from dptn_core.data.custom.image_folder import FolderPlan, prepare_folder\n"
            f"kill = lambda done, total: done == {when} and os.kill(os.getpid(), signal.SIGKILL)\n"
            "prepare_folder(Path(sys.argv[1]), Path(sys.argv[2]), FolderPlan(size=(64, 48)), progress=kill)\n"
        )
        command = [sys.executable, "-c", script, str(root), str(out)]
        killed = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        if earlier and when == 2:  # nothing of the earlier set was touched yet
            assert open_prepared(out, "train").size == (96, 72)
        else:
            with pytest.raises(DataFileError, match="no prepared set"):
                open_prepared(out, "train")
        if (out / "train").is_dir():
            (out / "train" / ".x.1.part.png").write_bytes(b"half")
        prepare_folder(root, out, PLAN)
        prepare_folder(root, tmp_path / "at once", PLAN)
        assert everything(out) == everything(tmp_path / "at once")

    def test_a_stop_ends_with_a_word(
        self, anna: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def stop(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(folders, "_cut", stop)
        assert main(["prepare", "folder", str(anna), "--out", str(tmp_path / "out")]) == 130
        assert capsys.readouterr().err.endswith("stopped; the same command goes on where this one was\n")


class TestRefused:
    """One line, code 2, the value and the way out."""

    def test_nothing_fit_says_why_and_where_the_reasons_are(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for index in range(3):
            photograph(tmp_path / "anna" / f"{index}.png")
        error = said(capsys, tmp_path / "anna", "--out", tmp_path / "out", "--detector", "none")
        assert "none of its 3 images is fit to learn from; 3 because there is no pose file beside it" in error
        assert str(tmp_path / "out" / LEFT_OUT) in error

    def test_one_picture_makes_no_pair(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        person(tmp_path / "anna" / "1.png")
        error = said(capsys, tmp_path / "anna", "--out", tmp_path / "out")
        assert "1 of 1 images are fit to learn from, and no two of them show the same person" in error

    def test_folders_that_do_not_fit_together(
        self, anna: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert "none: no such folder" in said(capsys, tmp_path / "none", "--out", tmp_path / "out")
        assert "is a file; name a folder" in said(capsys, anna, "--out", anna / "1.png")
        for out in (anna, tmp_path):
            assert "choose another --out" in said(capsys, anna, "--out", out)
        (tmp_path / "empty").mkdir()
        assert "holds no images" in said(capsys, tmp_path / "empty", "--out", tmp_path / "out")
        assert not (tmp_path / "out").exists() and len(everything(anna)) == 6

    def test_files_of_others_are_not_mixed_with(
        self, anna: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        out = tmp_path / "out"
        photograph(out / "train" / "holiday.png")
        before = everything(out)
        assert f"{out / 'train'} holds files that do not come from here" in said(capsys, anna, "--out", out)
        assert everything(out) == before
        (tmp_path / "market").mkdir()
        write_pairs(tmp_path / "market" / "market-pairs-test.csv", [("a", "b")])
        assert "holds another set already" in said(capsys, anna, "--out", tmp_path / "market")

    def test_the_set_may_lie_among_the_pictures(self, anna: Path, capsys: pytest.CaptureFixture[str]) -> None:
        for _ in range(2):
            assert main(["prepare", "folder", str(anna), "--out", str(anna / "set"), "--size", "48x64"]) == 0
            assert "train: 3 images, 6 pairs" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("options", "says"),
        [
            (["--least-keypoints", "19"], "--min-keypoints 19: a pose has 18"),
            (["--size", "8x64"], "--size 8x64 is too small"),
            (["--download"], "choose one by --detector"),
            (["--weights", "x"], "choose one by --detector"),
            (["--detector", "openpose", "--device", "cuda:77"], "--device cuda:77 cannot be used here"),
        ],
    )
    def test_options(
        self, anna: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], says: str
    ) -> None:
        assert says in said(capsys, anna, "--out", tmp_path / "out", *options)
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize("option", [["--test-share", "1.5"], ["--test-share", "nan"], ["--pairs", "0"]])
    def test_numbers_that_are_none(
        self, anna: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], option: list[str]
    ) -> None:
        with pytest.raises(SystemExit) as stopped:
            main(["prepare", "folder", str(anna), "--out", str(tmp_path / "out"), *option])
        assert stopped.value.code == 2 and f"'{option[1]}' is not a" in capsys.readouterr().err

    def test_a_full_disk_is_named_and_what_was_there_stays(
        self, anna: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        out = tmp_path / "out"
        monkeypatch.setattr(folders, "write_annotations", full)
        error = said(capsys, anna, "--out", out, "--size", "48x64")
        assert f"{out} cannot be written: No space left on device; when that is mended, the same command" in error
        monkeypatch.undo()
        prepare_folder(anna, out, PLAN)
        in_lists(out)

    def test_a_picture_that_goes_away_in_between_is_named(
        self, anna: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        retract: Callable[..., None] = folders._retract

        def take_away(*arguments: Any) -> None:
            retract(*arguments)
            (anna / "1.png").unlink()

        monkeypatch.setattr(folders, "_retract", take_away)
        with pytest.raises(DataFileError, match=r"1\.png changed meanwhile.*Run the same command again"):
            prepare_folder(anna, tmp_path / "out", PLAN)
