"""`dptn prepare deepfashion | market` on small downloads in the published layout, whole, broken and hostile."""

from __future__ import annotations

import errno
import io
import os
import shutil
import signal
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image

from dptn_core.cli import main
from dptn_core.data.datasets import DataFileError, open_prepared
from dptn_core.data.datasets.annotations import read_names
from dptn_core.data.published import build as building
from dptn_core.data.published.deepfashion import LIST_PREFIXES, flat_name, prepare_deepfashion
from dptn_core.data.published.market import prepare_market
from dptn_core.evaluation.fid_reference import images_of

TRAIN = (
    "img/WOMEN/Skirts/id_00000629/04_3_back.jpg",
    "img/WOMEN/Skirts/id_00000629/04_1_front.jpg",
    "img/MEN/Tees_Tanks/id_00000080/01_7_additional.jpg",
    "img/MEN/Tees_Tanks/id_00000080/01_1_front.jpg",
)
TEST = ("img/WOMEN/Blouses_Shirts/id_00005233/01_4_full.jpg", "img/WOMEN/Blouses_Shirts/id_00005233/01_2_side.jpg")
FIRST = "fashionWOMENSkirtsid0000062904_3back.jpg"
MARKET = {
    "train": ("0002_c1s1_000451_03.jpg", "0002_c1s1_000551_01.jpg", "0007_c2s3_070952_01.jpg"),
    "test": ("0001_c1s1_001051_03.jpg", "0001_c2s1_000301_01.jpg", "0000_c1s1_000151_01.jpg"),
}
JUNK = "-1_c1s1_000401_03.jpg"


def jpeg(shade: int, size: tuple[int, int] = (256, 256)) -> bytes:
    """A small image whose bytes differ by shade; size is (width, height)."""
    image = Image.new("RGB", size, (shade % 256, 90, 200))
    image.putpixel((shade % size[0], 0), (255, 0, 0))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG")
    return buffer.getvalue()


def flat(path: str) -> str:
    name = flat_name(path)
    assert name
    return name


def members(paths: Iterable[str] = TRAIN + TEST, size: tuple[int, int] = (256, 256)) -> dict[str, bytes]:
    return {path: jpeg(number, size) for number, path in enumerate(paths)}


def zipped(path: Path, contents: dict[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in contents.items():
            archive.writestr(name, data)
    return path


def extracted(folder: Path, contents: dict[str, bytes]) -> None:
    for name, data in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def lists(folder: Path, prefix: str, split: str, names: list[str], width: int = 176) -> None:
    """Pairs of neighbours both ways, annotations with spaces as PATN writes them."""
    folder.mkdir(parents=True, exist_ok=True)
    pairs = [pair for a, b in pairwise(names) for pair in ((a, b), (b, a))]
    (folder / f"{prefix}-pairs-{split}.csv").write_text("from,to\n" + "".join(f"{a},{b}\n" for a, b in pairs))
    y, x = list(range(20, 38)), [width - 20 + joint for joint in range(17)] + [-1]
    rows = "".join(f"{name}: {y}: {x}\n" for name in names)
    (folder / f"{prefix}-annotation-{split}.csv").write_text("name:keypoints_y:keypoints_x\n" + rows)


def fashion_lists(folder: Path, prefix: str = "fasion-resize", width: int = 176) -> None:
    for split, paths in (("train", TRAIN), ("test", TEST)):
        names = [flat(path) for path in paths]
        lists(folder, prefix, split, names, width)
        (folder / f"{split}.lst").write_text("\n".join(names) + "\n")


@pytest.fixture
def downloads(tmp_path: Path) -> Path:
    """DeepFashion as it is downloaded: img.zip and the lists, in one folder."""
    folder = tmp_path / "downloads"
    zipped(folder / "img.zip", members())
    fashion_lists(folder)
    return folder


@pytest.fixture
def market(tmp_path: Path) -> Path:
    """Market-1501 as it is downloaded."""
    folder = tmp_path / "market"
    root = "Market-1501-v15.09.15"
    contents = {
        f"{root}/bounding_box_{split}/{name}": jpeg(number, (64, 128))
        for split, names in MARKET.items()
        for number, name in enumerate((*names, JUNK))
    }
    contents |= {f"{root}/bounding_box_test/Thumbs.db": b"windows", f"{root}/query/0001_c1s1_001051_00.jpg": b"no"}
    zipped(folder / f"{root}.zip", contents)
    for split, names in MARKET.items():
        lists(folder, "market", split, list(names[:2]), 64)
    return folder


def everything(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def said(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """What a refused command says: one line, and code 2."""
    capsys.readouterr()
    assert main(["prepare", *map(str, arguments)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and error.startswith("dptn prepare: "), error
    return error


class TestNames:
    @pytest.mark.parametrize(
        ("path", "name"),
        [
            ("img/WOMEN/Skirts/id_00000629/04_3_back.jpg", "fashionWOMENSkirtsid0000062904_3back.jpg"),
            ("img/MEN/Denim/id_00000080/01_1_front.jpg", "fashionMENDenimid0000008001_1front.jpg"),
            (
                "img/WOMEN/Blouses_Shirts/id_00005233/01_1_front.jpg",
                "fashionWOMENBlouses_Shirtsid0000523301_1front.jpg",
            ),
            ("MEN/Pants/id_00001105/02_7_additional.jpg", "fashionMENPantsid0000110502_7additional.jpg"),
            ("../../WOMEN/Skirts/id_00000629/04_3_back.jpg", "fashionWOMENSkirtsid0000062904_3back.jpg"),
            ("img/Sheer_Blouse/img_00000001.jpg", None),
            ("img/WOMEN/Skirts/id_00000629/", None),
            ("img/WOMEN/Skirts/id_00000629/Thumbs.db", None),
        ],
    )
    def test_paths_of_the_archive_become_names_of_the_lists(self, path: str, name: str | None) -> None:
        assert flat_name(path) == name


class TestDeepFashion:
    def test_the_layout_opens_and_pictures_are_the_bytes_of_the_archive(
        self, downloads: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        out = tmp_path / "out"
        assert main(["prepare", "deepfashion", "--from", str(downloads), "--out", str(out)]) == 0
        contents = members()
        for split, paths in (("train", TRAIN), ("test", TEST)):
            assert {path.name for path in (out / split).iterdir()} == {flat(path) for path in paths}
            for path in paths:
                assert (out / split / flat(path)).read_bytes() == contents[path]
            for name in (f"fasion-resize-pairs-{split}.csv", f"fasion-resize-annotation-{split}.csv", f"{split}.lst"):
                assert (out / name).read_bytes() == (downloads / name).read_bytes()
        found = open_prepared(out, "train")
        assert found.kind == "deepfashion" and len(found.pairs) == 6
        assert found.image(found.pairs[0][0]).shape == (3, 256, 176)
        printed = capsys.readouterr().out
        assert "train: 4 images, 6 pairs" in printed and "test: 2 images, 2 pairs" in printed
        for found_and_published in (("4 images", 48674), ("6 pairs", 101966), ("2 images", 4038), ("2 pairs", 8570)):
            warning = "{}, but the published set has {}".format(*found_and_published)
            assert warning in printed

    @pytest.mark.parametrize("prefix", LIST_PREFIXES)
    def test_lists_of_every_spelling_are_found_and_written_under_the_first(
        self, downloads: Path, tmp_path: Path, prefix: str
    ) -> None:
        for path in downloads.glob("*.csv"):
            path.rename(path.with_name(path.name.replace("fasion-resize", prefix).upper()))
        prepare_deepfashion(downloads, tmp_path / "out")
        assert {path.name for path in (tmp_path / "out").glob("*.csv")} == {
            f"fasion-resize-{kind}-{split}.csv" for kind in ("pairs", "annotation") for split in ("train", "test")
        }
        assert len(open_prepared(tmp_path / "out", "test").pairs) == 2

    def test_everything_may_lie_deeper_as_extracted_or_nested(self, tmp_path: Path) -> None:
        nested = tmp_path / "nested"
        zipped(nested / "In-shop Clothes Retrieval Benchmark" / "Img" / "img.zip", members())
        fashion_lists(nested / "lists" / "google drive")
        tree = tmp_path / "tree"
        extracted(tree / "DeepFashion", members())
        fashion_lists(tree)
        linked = tmp_path / "linked"
        fashion_lists(linked)
        (linked / "img").symlink_to(tree / "DeepFashion" / "img")
        (linked / "again").symlink_to(linked)
        outs = [tmp_path / f"{folder.name} out" for folder in (nested, tree, linked)]
        for folder, out in zip((nested, tree, linked), outs, strict=True):
            prepare_deepfashion(folder, out)
        assert everything(outs[0]) == everything(outs[1]) == everything(outs[2])

    def test_the_extracted_folder_goes_before_a_locked_archive(self, downloads: Path, tmp_path: Path) -> None:
        (downloads / "img.zip").write_bytes(locked(members(), "secret"))
        extracted(downloads, members())
        assert prepare_deepfashion(downloads, tmp_path / "out").splits["train"].images == 4

    def test_out_may_lie_among_the_downloads(self, downloads: Path) -> None:
        out = downloads / "a" / "out"
        prepare_deepfashion(downloads, out)
        before = everything(out)
        (downloads / "img.zip").rename(downloads / "a" / "img.zip")
        prepare_deepfashion(downloads, out)
        assert everything(out) == before

    def test_resized_annotations_are_preferred(self, downloads: Path, tmp_path: Path) -> None:
        fashion_lists(downloads / "a", prefix="fasion", width=256)
        prepare_deepfashion(downloads, tmp_path / "out")
        assert open_prepared(tmp_path / "out", "train").annotations[FIRST][0, 0] == 156

    def test_keypoints_of_uncropped_pictures_are_refused(self, downloads: Path, tmp_path: Path) -> None:
        fashion_lists(downloads, width=256)
        with pytest.raises(DataFileError, match=r"4 of 4 images.*beyond 176x256.*use fasion-resize-annotation"):
            prepare_deepfashion(downloads, tmp_path / "out")

    def test_warnings_end_where_counts_are_the_published_ones(
        self, downloads: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        counts = {"train": building.Published(4, 6), "test": building.Published(2, 2)}
        monkeypatch.setattr("dptn_core.data.published.deepfashion.PUBLISHED", counts)
        assert prepare_deepfashion(downloads, tmp_path / "out").warnings == ()


class TestWhatIsMissing:
    def test_files_are_named_with_every_spelling_and_where_to_get_them(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "empty").mkdir()
        error = said(capsys, "deepfashion", "--from", tmp_path / "empty", "--out", tmp_path / "out")
        for part in ("img.zip", "fasion-resize-pairs-train.csv or fashion-resize-pairs-train.csv or fasion-pairs-train",
                     "fasion-resize-annotation-test.csv", "train.lst", "test.lst", "InShopRetrieval.html",
                     "PangzeCheung/Dual-task-Pose-Transformer-Network", "tengteng95/Pose-Transfer"):  # fmt: skip
            assert part in error
        error = said(capsys, "market", "--from", tmp_path / "empty", "--out", tmp_path / "out")
        for part in ("Market-1501-v15.09.15.zip", "bounding_box_train", "market-pairs-test.csv", "project_reid.html"):
            assert part in error
        assert not (tmp_path / "out").exists()

    def test_a_single_missing_list_is_named_alone(self, downloads: Path, tmp_path: Path) -> None:
        (downloads / "fasion-resize-annotation-test.csv").unlink()
        with pytest.raises(DataFileError) as raised:
            prepare_deepfashion(downloads, tmp_path / "out")
        assert "annotation-test" in str(raised.value) and "pairs" not in str(raised.value)
        assert "img.zip" not in str(raised.value)

    def test_lists_of_two_versions_are_not_mixed(self, downloads: Path, tmp_path: Path) -> None:
        (downloads / "a").mkdir()  # comes first, and has all but the pairs to train with
        for name in ("annotation-train", "annotation-test", "pairs-test"):
            text = (downloads / f"fasion-resize-{name}.csv").read_text()
            (downloads / "a" / f"fasion-resize-{name}.csv").write_text(text.replace(".jpg", "-of-another.jpg"))
        (downloads / "b").mkdir()
        for path in downloads.glob("*-resize-*.csv"):
            path.rename(downloads / "b" / path.name)
        prepare_deepfashion(downloads, tmp_path / "out")
        assert len(open_prepared(tmp_path / "out", "train").pairs) == 6
        assert len(open_prepared(tmp_path / "out", "test").pairs) == 2

    def test_pictures_are_named_and_nothing_is_written(
        self, downloads: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        zipped(downloads / "img.zip", members(TRAIN[1:] + TEST[:1]))
        error = said(capsys, "deepfashion", "--from", downloads, "--out", tmp_path / "out")
        assert f"1 train images of the lists are missing, {FIRST} (2 pairs" in error
        assert f"1 test images of the lists are missing, {flat(TEST[1])} (2 pairs" in error
        assert "--allow-missing" in error
        assert not (tmp_path / "out").exists()

    def test_the_first_ten_are_named(self, downloads: Path, tmp_path: Path) -> None:
        more = [f"fashionMENPantsid0000000{index:02d}_1front.jpg" for index in range(12)]
        (downloads / "train.lst").write_text("\n".join([*more, FIRST]))
        with pytest.raises(DataFileError) as raised:
            prepare_deepfashion(downloads, tmp_path / "out")
        assert "12 train images" in str(raised.value)
        assert more[9] in str(raised.value) and more[10] not in str(raised.value)

    def test_allowed_they_are_left_out_and_said(
        self, downloads: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        whole = (downloads / "img.zip").read_bytes()
        zipped(downloads / "img.zip", members(TRAIN[1:] + TEST))
        arguments = ["prepare", "deepfashion", "--from", str(downloads), "--out", str(tmp_path / "out")]
        assert main([*arguments, "--allow-missing"]) == 0
        printed = capsys.readouterr().out
        assert f"missing, {FIRST} (2 pairs use them); those pairs are left out" in printed
        assert "train: 3 images, 4 pairs" in printed
        found = open_prepared(tmp_path / "out", "train")
        assert len(found.pairs) == 4 and all(found.path(name) for pair in found.pairs for name in pair)
        assert read_names(tmp_path / "out" / "train.lst") == [flat(path) for path in TRAIN[1:]]
        (downloads / "img.zip").write_bytes(whole)
        assert main(arguments) == 0
        assert len(open_prepared(tmp_path / "out", "train").pairs) == 6
        assert (tmp_path / "out" / "train.lst").read_bytes() == (downloads / "train.lst").read_bytes()

    def test_where_nothing_is_left_even_allowed_ones_are_an_error(self, downloads: Path, tmp_path: Path) -> None:
        zipped(downloads / "img.zip", members(TRAIN))
        with pytest.raises(DataFileError, match="has no pair with both images"):
            prepare_deepfashion(downloads, tmp_path / "out", allow_missing=True)
        zipped(downloads / "img.zip", members(TRAIN + TEST[:1]))
        with pytest.raises(DataFileError, match="has no pair with both images"):
            prepare_deepfashion(downloads, tmp_path / "out", allow_missing=True)

    def test_folders_are_checked(self, downloads: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert "no such folder" in said(capsys, "deepfashion", "--from", tmp_path / "none", "--out", tmp_path / "out")
        assert "name another" in said(capsys, "deepfashion", "--from", downloads, "--out", downloads)
        (tmp_path / "file").write_text("")
        assert "is a file" in said(capsys, "deepfashion", "--from", downloads, "--out", tmp_path / "file")
        error = said(capsys, "deepfashion", "--from", downloads, "--out", tmp_path / "file" / "below")
        assert str(tmp_path / "file" / "below") in error and "choose another folder" in error


class TestWrongImages:
    @pytest.mark.parametrize("size", [(750, 1101), (1101, 750), (256, 255), (512, 512), (176, 256)])
    def test_another_size_is_refused_with_the_reason_before_anything_is_written(
        self, downloads: Path, tmp_path: Path, size: tuple[int, int], capsys: pytest.CaptureFixture[str]
    ) -> None:
        zipped(downloads / "img.zip", members(TRAIN[1:] + TEST, size))  # even where some are missing
        error = said(capsys, "deepfashion", "--from", downloads, "--out", tmp_path / "out")
        assert f"is {size[0]}x{size[1]}; expected 256x256" in error and "img_highres.zip" in error
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize("as_zip", [True, False])
    def test_the_high_resolution_download_is_recognised(self, tmp_path: Path, as_zip: bool) -> None:
        folder = tmp_path / "downloads"
        fashion_lists(folder)
        contents = {
            path.replace("img/", "img_highres/"): data for path, data in members(size=(750, 1101)).items()
        }  # fmt: skip
        if as_zip:
            zipped(folder / "img_highres.zip", contents)
        else:
            extracted(folder, contents)
        with pytest.raises(ValueError, match=r"750x1101; expected 256x256.*img_highres"):
            prepare_deepfashion(folder, tmp_path / "out")
        zipped(folder / "img.zip", members())  # with the right one beside it, it does no harm
        assert prepare_deepfashion(folder, tmp_path / "out").splits["train"].images == 4

    def test_one_of_another_size_among_the_rest_stops_it(self, downloads: Path, tmp_path: Path) -> None:
        zipped(downloads / "img.zip", members() | {TRAIN[2]: jpeg(3, (300, 256))})
        with pytest.raises(ValueError, match=r"01_7_additional\.jpg is 300x256"):
            prepare_deepfashion(downloads, tmp_path / "out")
        with pytest.raises(DataFileError, match="is not a prepared set"):
            open_prepared(tmp_path / "out", "train")

    @pytest.mark.parametrize("data", [b"", b"<html>", jpeg(1)[:600]])
    def test_a_damaged_picture_is_named(self, downloads: Path, tmp_path: Path, data: bytes) -> None:
        (downloads / "img.zip").unlink()
        extracted(downloads, members() | {TRAIN[1]: data})
        with pytest.raises(ValueError, match=r"04_1_front\.jpg is damaged.*download it again"):
            prepare_deepfashion(downloads, tmp_path / "out")
        assert not (tmp_path / "out" / "train" / flat(TRAIN[1])).exists()

    def test_another_benchmark_of_deepfashion_is_recognised(self, downloads: Path, tmp_path: Path) -> None:
        zipped(downloads / "img.zip", {"img/Sheer_Blouse/img_00000001.jpg": jpeg(1)})
        with pytest.raises(DataFileError, match="another benchmark"):
            prepare_deepfashion(downloads, tmp_path / "out")


class TestHostileArchives:
    def test_members_that_lead_out_write_nothing_outside(self, downloads: Path, tmp_path: Path) -> None:
        hostile = {
            "../../../evil.jpg": jpeg(1),
            "/etc/evil.jpg": jpeg(1),
            "../../WOMEN/../id_1/../../evil_1.jpg": jpeg(1),
            "img/WOMEN/../id_1/evil_1.jpg": jpeg(1),
        }
        zipped(downloads / "img.zip", hostile | members())
        before = everything(tmp_path)
        prepare_deepfashion(downloads, tmp_path / "out")
        added = {name for name in everything(tmp_path) if name not in before}
        assert all(name.startswith("out/") for name in added) and not any("evil" in name for name in added)

    def test_a_list_that_names_such_a_member_is_refused(self, downloads: Path, tmp_path: Path) -> None:
        zipped(downloads / "img.zip", members() | {"img/WOMEN/../id_1/x_1.jpg": jpeg(1)})
        with (downloads / "train.lst").open("a") as file:
            file.write("../train/evil.jpg\n")
        with pytest.raises(DataFileError, match=r"train\.lst, line 5"):
            prepare_deepfashion(downloads, tmp_path / "out")

    @pytest.mark.filterwarnings("ignore:Duplicate name")
    def test_the_same_picture_twice_is_one_and_two_of_a_name_are_refused(self, downloads: Path, tmp_path: Path) -> None:
        with zipfile.ZipFile(downloads / "img.zip", "a") as archive:
            archive.writestr(TRAIN[0], jpeg(0))
            archive.writestr("copy/" + TRAIN[0], jpeg(0))
        assert prepare_deepfashion(downloads, tmp_path / "out").splits["train"].images == 4
        with zipfile.ZipFile(downloads / "img.zip", "a") as archive:
            archive.writestr("copy/" + TRAIN[1], jpeg(200))
        with pytest.raises(DataFileError, match=rf"different images named {flat(TRAIN[1])}"):
            prepare_deepfashion(downloads, tmp_path / "out")

    @pytest.mark.parametrize("part", [0.0, 0.3, 0.9, 0.999])
    def test_a_truncated_archive_is_refused(self, downloads: Path, tmp_path: Path, part: float) -> None:
        whole = (downloads / "img.zip").read_bytes()
        (downloads / "img.zip").write_bytes(whole[: int(len(whole) * part)])
        with pytest.raises(DataFileError, match=r"img\.zip is not a complete zip file.*download it again"):
            prepare_deepfashion(downloads, tmp_path / "out")
        assert not (tmp_path / "out").exists()

    def test_a_damaged_member_is_named(self, downloads: Path, tmp_path: Path) -> None:
        path = downloads / "img.zip"
        with zipfile.ZipFile(path) as archive:
            info = archive.getinfo(TRAIN[2])
        data = bytearray(path.read_bytes())
        data[info.header_offset + 30 + len(info.filename) + info.compress_size // 2] ^= 0xFF
        path.write_bytes(data)
        with pytest.raises(DataFileError, match=r"01_7_additional\.jpg is damaged"):
            prepare_deepfashion(downloads, tmp_path / "out")
        with pytest.raises(DataFileError, match="is not a prepared set"):
            open_prepared(tmp_path / "out", "train")

    def test_a_bomb_is_refused_by_what_it_states(self, downloads: Path, tmp_path: Path) -> None:
        zipped(downloads / "img.zip", members() | {TRAIN[0]: b"\0" * (33 * 2**20)})
        with pytest.raises(DataFileError, match="too large for an image of this set"):
            prepare_deepfashion(downloads, tmp_path / "out")


class TestLockedArchives:
    def test_the_password_opens_it(self, downloads: Path, tmp_path: Path) -> None:
        (downloads / "img.zip").write_bytes(locked(members(), "secret"))
        arguments = ["prepare", "deepfashion", "--from", str(downloads), "--out", str(tmp_path / "out")]
        assert main([*arguments, "--password", "secret"]) == 0
        assert (tmp_path / "out" / "train" / FIRST).read_bytes() == members()[TRAIN[0]]

    def test_without_it_or_with_another_it_says_what_to_do(
        self, downloads: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (downloads / "img.zip").write_bytes(locked(members(), "secret"))
        arguments = ["deepfashion", "--from", downloads, "--out", tmp_path / "out"]
        error = said(capsys, *arguments)
        assert "needs a password" in error and "owners" in error and "--password" in error
        assert "with that password" in said(capsys, *arguments, "--password", "guess")
        assert not (tmp_path / "out").exists()

    def test_aes_has_its_own_message(self, downloads: Path, tmp_path: Path) -> None:
        (downloads / "img.zip").write_bytes(locked(members(), "secret", method=99))
        with pytest.raises(DataFileError, match=r"encrypted with AES.*extract it"):
            prepare_deepfashion(downloads, tmp_path / "out", "secret")


class TestGoingOn:
    def test_a_killed_run_opens_as_no_set_and_the_same_command_goes_on(
        self, downloads: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        out = tmp_path / "out"
        script = (
            "import os, signal, sys; from pathlib import Path\n"
            "from dptn_core.data.published.deepfashion import prepare_deepfashion\n"
            "kill = lambda done, total: done == 3 and os.kill(os.getpid(), signal.SIGKILL)\n"
            "prepare_deepfashion(Path(sys.argv[1]), Path(sys.argv[2]), progress=kill)\n"
        )
        command = [sys.executable, "-c", script, str(downloads), str(out)]
        killed = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert len(list((out / "train").iterdir())) == 3
        with pytest.raises(DataFileError, match="is not a prepared set"):
            open_prepared(out, "train")
        (out / "train" / f".{FIRST}.1.part").write_bytes(b"half")
        assert main(["prepare", "deepfashion", "--from", str(downloads), "--out", str(out)]) == 0
        assert "train: 4 images, 3 of them already there" in capsys.readouterr().out
        assert not list(out.rglob(".*"))
        prepare_deepfashion(downloads, tmp_path / "at once")
        assert everything(out) == everything(tmp_path / "at once")

    @pytest.mark.parametrize("as_zip", [True, False])
    def test_only_whole_pictures_are_kept(self, downloads: Path, tmp_path: Path, as_zip: bool) -> None:
        if not as_zip:
            (downloads / "img.zip").unlink()
            extracted(downloads, members())
        out = tmp_path / "out"
        prepare_deepfashion(downloads, out)
        whole = everything(out)
        (out / "train" / FIRST).write_bytes(b"short")
        other = out / "train" / flat(TRAIN[1])
        other.write_bytes(b"x" * len(other.read_bytes()))
        untouched = out / "train" / flat(TRAIN[3])
        os.utime(untouched, (1, 1))
        assert prepare_deepfashion(downloads, out).splits["train"].kept == 4 - 2
        assert everything(out) == whole and untouched.stat().st_mtime == 1

    def test_pictures_of_longer_lists_before_are_none_of_the_set(self, downloads: Path, tmp_path: Path) -> None:
        prepare_deepfashion(downloads, tmp_path / "out")
        lists(downloads, "fasion-resize", "train", [flat(path) for path in TRAIN[:2]])
        (downloads / "train.lst").write_text("".join(f"{flat(path)}\n" for path in TRAIN[:3]))
        prepare_deepfashion(downloads, tmp_path / "out")
        assert len(list((tmp_path / "out" / "train").iterdir())) == 4
        assert images_of(open_prepared(tmp_path / "out", "train")) == {flat(path) for path in TRAIN[:3]}

    def test_a_stop_ends_with_a_word(
        self, downloads: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def stop(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(building, "_place", stop)
        assert main(["prepare", "deepfashion", "--from", str(downloads), "--out", str(tmp_path / "out")]) == 130
        assert capsys.readouterr().err.endswith("stopped; run the same command to resume\n")

    def test_a_full_disk_is_one_line_and_leaves_no_half_picture(
        self, downloads: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write = Path.write_bytes

        def fill(path: Path, data: bytes) -> int:
            if flat(TRAIN[2]) not in path.name:
                return write(path, data)
            write(path, data[:100])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(Path, "write_bytes", fill)
        out = tmp_path / "out"
        capsys.readouterr()
        assert main(["prepare", "deepfashion", "--from", str(downloads), "--out", str(out)]) == 2
        last = capsys.readouterr().err.rstrip("\n").rpartition("\n")[2]
        assert last.startswith(f"dptn prepare: {out / 'train' / flat(TRAIN[2])} cannot be written: No space left")
        assert "same command" in last
        assert sorted(path.name for path in out.rglob("*.*")) == sorted(map(flat, TRAIN[:2]))

    def test_room_is_looked_for_first(self, downloads: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(building, "_BLOCK", 2**20)
        usage = shutil.disk_usage(tmp_path)._replace(free=3 * 2**20)
        monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
        with pytest.raises(DataFileError, match=r"needs 6\.0 MiB, but 3\.0 MiB are free"):
            prepare_deepfashion(downloads, tmp_path / "out")
        assert not (tmp_path / "out").exists()
        monkeypatch.undo()
        prepare_deepfashion(downloads, tmp_path / "out")
        monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=0))
        prepare_deepfashion(downloads, tmp_path / "out")  # which needs nothing more

    def test_a_finished_set_that_lost_a_picture_is_none_until_it_is_whole_again(
        self, downloads: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        out = tmp_path / "out"
        prepare_deepfashion(downloads, out)
        whole = everything(out)
        (out / "test" / flat(TEST[1])).unlink()

        def stop(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(building, "_place", stop)
        with pytest.raises(KeyboardInterrupt):
            prepare_deepfashion(downloads, out)
        with pytest.raises(DataFileError, match="is not a prepared set"):
            open_prepared(out, "train")
        monkeypatch.undo()
        prepare_deepfashion(downloads, out)
        assert everything(out) == whole

    def test_another_set_is_not_built_into(self, downloads: Path, market: Path, tmp_path: Path) -> None:
        prepare_deepfashion(downloads, tmp_path / "out")
        with pytest.raises(DataFileError, match="already holds another set"):
            prepare_market(market, tmp_path / "out")


class TestMarket:
    def test_the_layout_opens_with_all_persons_and_no_junk(
        self, market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        out = tmp_path / "out"
        assert main(["prepare", "market", "--from", str(market), "--out", str(out)]) == 0
        for split, names in MARKET.items():
            assert {path.name for path in (out / split).iterdir()} == set(names)
            for number, name in enumerate(names):
                assert (out / split / name).read_bytes() == jpeg(number, (64, 128))
            for kind in ("pairs", "annotation"):
                name = f"market-{kind}-{split}.csv"
                assert (out / name).read_bytes() == (market / name).read_bytes()
        found = open_prepared(out, "test")
        assert found.kind == "market" and found.image(found.pairs[0][0]).shape == (3, 128, 64)
        printed = capsys.readouterr().out
        for found_and_published in (("2 pairs", 263632), ("2 pairs", 12000), ("3 images", 12936)):
            warning = "{}, but the published set has {}".format(*found_and_published)
            assert warning in printed
        assert "test has 3 images" not in printed

    def test_extracted_folders_give_the_same(self, market: Path, tmp_path: Path) -> None:
        prepare_market(market, tmp_path / "out")
        with zipfile.ZipFile(market / "Market-1501-v15.09.15.zip") as archive:
            archive.extractall(market / "deeper")
        (market / "Market-1501-v15.09.15.zip").unlink()
        prepare_market(market, tmp_path / "again")
        assert everything(tmp_path / "out") == everything(tmp_path / "again")

    def test_junk_is_laid_out_where_a_list_names_it(self, market: Path, tmp_path: Path) -> None:
        (market / "train.lst").write_text("\n".join([*MARKET["train"], JUNK]))
        prepare_market(market, tmp_path / "out")
        assert (tmp_path / "out" / "train" / JUNK).is_file() and (tmp_path / "out" / "train.lst").is_file()
        assert not (tmp_path / "out" / "test" / JUNK).exists()

    def test_both_sets_may_lie_in_the_same_downloads(self, downloads: Path, market: Path, tmp_path: Path) -> None:
        for path in market.iterdir():
            path.rename(downloads / path.name)
        assert prepare_market(downloads, tmp_path / "market out").splits["train"].images == 3
        assert prepare_deepfashion(downloads, tmp_path / "fashion out").splits["train"].images == 4
        assert not (tmp_path / "market out" / "train.lst").exists()

    def test_test_pictures_are_not_taken_from_the_other_folder(self, market: Path, tmp_path: Path) -> None:
        lists(market, "market", "test", list(MARKET["train"][:2]), 64)
        with pytest.raises(DataFileError, match=f"2 test images of the lists are missing, {MARKET['train'][0]}"):
            prepare_market(market, tmp_path / "out")

    def test_an_archive_without_the_folders_is_refused(self, market: Path, tmp_path: Path) -> None:
        zipped(market / "Market-1501-v15.09.15.zip", {"readme.txt": b""})
        with pytest.raises(DataFileError, match="no bounding_box_train and no bounding_box_test"):
            prepare_market(market, tmp_path / "out")

    def test_pictures_of_another_size_and_keypoints_of_another_set_are_refused(
        self, market: Path, tmp_path: Path
    ) -> None:
        lists(market, "market", "train", list(MARKET["train"][:2]), 176)
        with pytest.raises(DataFileError, match="beyond 64x128 pixels; they belong to another set"):
            prepare_market(market, tmp_path / "out")
        lists(market, "market", "train", list(MARKET["train"][:2]), 64)
        for split, names in MARKET.items():
            extracted(market / f"bounding_box_{split}", dict.fromkeys(names, jpeg(1, (128, 256))))
        with pytest.raises(ValueError, match="is 128x256; expected 64x128"):
            prepare_market(market, tmp_path / "out")


def locked(contents: dict[str, bytes], password: str, method: int = 0) -> bytes:
    """A zip file locked in the traditional way (APPNOTE.TXT of the format, 6.1); `method` is only stated."""
    body, directory = b"", b""
    for name, data in contents.items():
        checksum = zlib.crc32(data)
        stored = _encrypt(bytes(11) + bytes([checksum >> 24]) + data, password.encode())
        fields = (20, 1, method, 0, 0, checksum, len(stored), len(data), len(name), 0)
        directory += struct.pack("<4sH5H3L5H2L", b"PK\1\2", 20, *fields, 0, 0, 0, 0, len(body)) + name.encode()
        body += struct.pack("<4s5H3L2H", b"PK\3\4", *fields) + name.encode() + stored
    count = len(contents)
    return body + directory + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(directory), len(body), 0)


def _encrypt(data: bytes, password: bytes) -> bytes:
    keys = [0x12345678, 0x23456789, 0x34567890]

    def crc(byte: int, key: int) -> int:
        return zlib.crc32(bytes([byte]), key ^ 0xFFFFFFFF) ^ 0xFFFFFFFF

    def update(byte: int) -> None:
        keys[0] = crc(byte, keys[0])
        keys[1] = ((keys[1] + (keys[0] & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
        keys[2] = crc(keys[1] >> 24, keys[2])

    for byte in password:
        update(byte)
    result = bytearray()
    for byte in data:
        mask = keys[2] | 2
        result.append(byte ^ ((mask * (mask ^ 1)) >> 8 & 0xFF))
        update(byte)
    return bytes(result)
