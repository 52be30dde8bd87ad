"""`dptn prepare folder`: whole sets, made again, stopped, and refused."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from image_folder_fixture import PLAN, SIZE, crowd, everything, in_lists, person, photograph, reason_for, said
from PIL import Image

from dptn_core.cli import main
from dptn_core.data.custom import image_folder as folders
from dptn_core.data.custom.image_folder import CONTACT_SHEET, LEFT_OUT, FolderPlan, prepare_folder
from dptn_core.data.custom.own_images import Quality
from dptn_core.data.datasets import DataFileError, open_prepared, write_pairs
from dptn_core.data.datasets.contact_sheet import write_contact_sheet


class TestSets:
    def test_by_person_nobody_is_in_both(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        root = crowd(tmp_path / "people", 5, 3)
        out = tmp_path / "out"
        assert (
            main(["prepare", "folder", str(root), "--out", str(out), "--size", "48x64", "--test-fraction", "0.4"]) == 0
        )
        printed = capsys.readouterr().out
        assert "train: 9 images, 18 pairs" in printed and "test: 6 images, 12 pairs" in printed
        assert "held out" not in printed and str(out / CONTACT_SHEET) in printed
        names = in_lists(out)
        train, test = (open_prepared(out, "train"), open_prepared(out, "test"))
        assert (train.kind, train.size, train.framing) == ("folder", SIZE, "fit")
        assert {name[:7] for name in names["train"]}.isdisjoint(name[:7] for name in names["test"])
        assert all(source[:7] == target[:7] for source, target in (*train.pairs, *test.pairs))
        assert sorted(path.name for path in out.iterdir()) == [
            "contact-sheet.jpg", "dptn-set.json", "left-out.csv", "own-annotation-test.csv", "own-annotation-train.csv",
            "own-pairs-test.csv", "own-pairs-train.csv", "test", "train",
        ]  # fmt: skip

    @pytest.mark.parametrize(("fraction", "says"), [("0", "no images were held out for testing\n"), ("1", "held out")])
    def test_fractions_at_both_ends(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], fraction: str, says: str
    ) -> None:
        root = crowd(tmp_path / "people", 1, 6)
        out = tmp_path / "out"
        assert (
            main(["prepare", "folder", str(root), "--out", str(out), "--size", "48x64", "--test-share", fraction]) == 0
        )
        assert says in capsys.readouterr().out
        assert len(open_prepared(out, "train").pairs) == (30 if fraction == "0" else 2)
        if fraction == "0":
            with pytest.raises(DataFileError, match="has no test pairs"):
                open_prepared(out, "test")

    def test_somebody_with_one_image_is_left_out_in_words(self, anna: Path, tmp_path: Path) -> None:
        person(anna / "ben" / "alone.png")
        assert reason_for(anna, tmp_path / "out", "alone.png").startswith("no other image of this person can be used")

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
    def test_images_that_are_gone_leave_the_set(self, tmp_path: Path) -> None:
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

    def test_another_size_replaces_every_image(self, anna: Path, tmp_path: Path) -> None:
        prepare_folder(anna, tmp_path / "out", FolderPlan(size=(128, 96)))
        prepare_folder(anna, tmp_path / "out", PLAN)
        in_lists(tmp_path / "out")

    def test_no_test_pairs_any_more_leaves_no_test_list(self, tmp_path: Path) -> None:
        root, out = crowd(tmp_path / "people", 1, 6), tmp_path / "out"
        prepare_folder(root, out, PLAN)
        open_prepared(out, "test")
        prepare_folder(root, out, FolderPlan(size=SIZE, test_fraction=0))
        assert in_lists(out)["test"] == set()
        with pytest.raises(DataFileError, match="has no test pairs"):
            open_prepared(out, "test")

    def test_a_run_with_nothing_fit_leaves_the_set_as_it_was(self, anna: Path, tmp_path: Path) -> None:
        out = tmp_path / "out"
        prepare_folder(anna, out, PLAN)
        before = everything(out)
        with pytest.raises(DataFileError, match="none of its 3 images can be used"):
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
            with pytest.raises(DataFileError, match="is not a prepared set"):
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
        assert capsys.readouterr().err.endswith("stopped; run the same command to resume\n")


class TestRefused:
    """One line, code 2, the value and the way out."""

    def test_nothing_fit_says_why_and_where_the_reasons_are(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for index in range(3):
            photograph(tmp_path / "anna" / f"{index}.png")
        error = said(capsys, tmp_path / "anna", "--out", tmp_path / "out", "--detector", "none")
        assert "none of its 3 images can be used; 3 because it has no pose file beside it" in error
        assert str(tmp_path / "out" / LEFT_OUT) in error

    def test_one_image_makes_no_pair(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        person(tmp_path / "anna" / "1.png")
        error = said(capsys, tmp_path / "anna", "--out", tmp_path / "out")
        assert "1 of 1 images can be used, but no two of them show the same person" in error

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
        assert f"{out / 'train'} holds files that 'dptn prepare folder' did not write" in said(
            capsys, anna, "--out", out
        )
        assert everything(out) == before
        (tmp_path / "market").mkdir()
        write_pairs(tmp_path / "market" / "market-pairs-test.csv", [("a", "b")])
        assert "already holds another set" in said(capsys, anna, "--out", tmp_path / "market")

    def test_the_set_may_lie_among_the_images(self, anna: Path, capsys: pytest.CaptureFixture[str]) -> None:
        for _ in range(2):
            assert main(["prepare", "folder", str(anna), "--out", str(anna / "set"), "--size", "48x64"]) == 0
            assert "train: 3 images, 6 pairs" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("options", "says"),
        [
            (["--least-keypoints", "19"], "--min-keypoints 19: a pose has 18"),
            (["--size", "8x64"], "--size 8x64 is too small"),
            (["--download"], "add --detector"),
            (["--weights", "x"], "add --detector"),
            (["--detector", "openpose", "--device", "cuda:77"], "--device cuda:77 cannot be used here"),
        ],
    )
    def test_options(
        self, anna: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], says: str
    ) -> None:
        assert says in said(capsys, anna, "--out", tmp_path / "out", *options)
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize("option", [["--test-share", "1.5"], ["--test-fraction", "nan"], ["--pairs", "0"]])
    def test_numbers_that_are_none(
        self, anna: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], option: list[str]
    ) -> None:
        with pytest.raises(SystemExit) as stopped:
            main(["prepare", "folder", str(anna), "--out", str(tmp_path / "out"), *option])
        assert stopped.value.code == 2 and f"got '{option[1]}'" in capsys.readouterr().err

    def test_a_full_disk_is_named_and_what_was_there_stays(
        self, anna: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        out = tmp_path / "out"
        monkeypatch.setattr(folders, "write_annotations", full)
        error = said(capsys, anna, "--out", out, "--size", "48x64")
        assert f"{out} cannot be written: No space left on device; once that is fixed, run the same command" in error
        monkeypatch.undo()
        prepare_folder(anna, out, PLAN)
        in_lists(out)

    def test_an_image_that_goes_away_in_between_is_named(
        self, anna: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        retract: Callable[..., None] = folders._retract

        def take_away(*arguments: Any) -> None:
            retract(*arguments)
            (anna / "1.png").unlink()

        monkeypatch.setattr(folders, "_retract", take_away)
        with pytest.raises(DataFileError, match=r"1\.png changed during the run.*Run the same command again"):
            prepare_folder(anna, tmp_path / "out", PLAN)
