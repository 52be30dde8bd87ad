"""Images of one's own: which are found in a folder, and the names they get in a prepared set."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from image_folder_fixture import PLAN, SIZE, in_lists, person, photograph

from dptn_core.data.custom.image_folder import LEFT_OUT, prepare_folder
from dptn_core.data.custom.own_images import OwnImage, file_names, find_images
from dptn_core.data.datasets import DataFileError, open_prepared, read_annotations


class TestFinding:
    def test_a_folder_is_a_person_and_the_images_outside_are_another(self, tmp_path: Path) -> None:
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
        with pytest.raises(DataFileError, match="none: no such folder; name a folder of images"):
            find_images(tmp_path / "none")
        (tmp_path / "film.mp4").write_bytes(b"film")
        with pytest.raises(DataFileError, match=r"holds no images \(.*\.png.*for a video, save its frames"):
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
    def test_images_of_every_such_name_are_laid_out(self, tmp_path: Path) -> None:
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
