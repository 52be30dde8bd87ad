"""Lists, annotations and prepared folders: every spelling that is read, and every one that is refused in words."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dptn_core.data.datasets import (
    DataFileError,
    open_prepared,
    read_annotations,
    read_pairs,
    write_annotations,
    write_pairs,
)
from dptn_core.data.datasets.annotations import read_names
from dptn_core.data.datasets.prepared import METADATA, PREFIXES
from dptn_core.image_io import ImageError

Y = [20, 30, -1, *range(40, 55)]
X = [80, 90, 70, *range(60, 75)]


def written(folder: Path, text: str | bytes, name: str = "file.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


class TestPairs:
    @pytest.mark.parametrize(
        "text",
        [
            "from,to\na.jpg,b.jpg\nb.jpg,a.jpg\n",
            "from,to\r\na.jpg,b.jpg\r\nb.jpg,a.jpg\r\n",
            "\ufefffrom,to\na.jpg,b.jpg\nb.jpg,a.jpg",
            "a.jpg,b.jpg\nb.jpg,a.jpg\n",
            ",from,to\n0,a.jpg,b.jpg\n1,b.jpg,a.jpg\n",
            "to,from\nb.jpg,a.jpg\na.jpg,b.jpg\n",
            "From , To\n a.jpg , b.jpg\n\nb.jpg,a.jpg\n,\n",
            '"from","to"\n"a.jpg","b.jpg"\n"b.jpg","a.jpg"\n',
            "from,to,score\na.jpg,b.jpg,1\nb.jpg,a.jpg,2\n",
        ],
        ids=["plain", "windows", "bom", "no header", "index", "swapped", "spaces", "quoted", "more columns"],
    )
    def test_every_spelling_is_read(self, tmp_path: Path, text: str) -> None:
        assert read_pairs(written(tmp_path, text)) == [("a.jpg", "b.jpg"), ("b.jpg", "a.jpg")]

    def test_what_is_written_is_read(self, tmp_path: Path) -> None:
        pairs = [("a.jpg", "b, c.jpg"), ('d "e".jpg', "ä.jpg")]
        write_pairs(tmp_path / "pairs.csv", pairs)
        assert read_pairs(tmp_path / "pairs.csv") == pairs

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("", "no pairs"),
            ("from,to\n", "no pairs"),
            ("from,to\na.jpg\n", "line 2"),
            ("from,to\na.jpg,b.jpg\n\nc.jpg,\n", "line 4"),
            ("from,to\n../a.jpg,b.jpg\n", "inside the folder"),
            ("from,to\n/etc/passwd,b.jpg\n", "inside the folder"),
            ("from,to\n..\\a.jpg,b.jpg\n", "inside the folder"),
            ("from,to\nC:/a.jpg,b.jpg\n", "inside the folder"),
            ("from,to\na\0.jpg,b.jpg\n", "a"),
            ("<html>" + "x" * 200_000 + "</html>", "is not CSV"),
            (b"\xff\xfe\x00from", "cannot be read"),
        ],
    )
    def test_what_is_no_list_is_refused_in_words(self, tmp_path: Path, text: str | bytes, says: str) -> None:
        with pytest.raises(DataFileError, match=says) as raised:
            read_pairs(written(tmp_path, text))
        assert "file.csv" in str(raised.value) and len(str(raised.value)) < 400

    def test_no_file_and_a_folder_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(DataFileError, match="no such file"):
            read_pairs(tmp_path / "none.csv")
        with pytest.raises(DataFileError, match="cannot be read"):
            read_pairs(tmp_path)


class TestNames:
    def test_names_are_read_in_order(self, tmp_path: Path) -> None:
        assert read_names(written(tmp_path, "\ufeffb.jpg \r\n\r\na.jpg")) == ["b.jpg", "a.jpg"]

    @pytest.mark.parametrize(("text", "says"), [("\n", "no names"), ("a.jpg\n../b.jpg\n", "line 2")])
    def test_what_is_no_list_is_refused(self, tmp_path: Path, text: str, says: str) -> None:
        with pytest.raises(DataFileError, match=says):
            read_names(written(tmp_path, text))


class TestAnnotations:
    @pytest.mark.parametrize(
        "text",
        [
            f"name:keypoints_y:keypoints_x\na.jpg:{Y}:{X}\n",
            f"name:keypoints_y:keypoints_x\na.jpg: {Y}: {X}\n",
            f"name: keypoints_y: keypoints_x\r\na.jpg: {Y}: {X}\r\n",
            f"\ufeffname:keypoints_y:keypoints_x\na.jpg:{Y}:{X}",
            f"\nname:keypoints_y:keypoints_x\n\na.jpg:{Y}:{X}\n",
            f"a.jpg: {Y}: {X}\n",
            f"name:keypoints_x:keypoints_y\na.jpg:{X}:{Y}\n",
            f":name:keypoints_y:keypoints_x\n0:a.jpg:{Y}:{X}\n",
            f"name:keypoints_y:keypoints_x\na.jpg:{[float(y) for y in Y]}:{[float(x) for x in X]}\n",
            f"name:keypoints_y:keypoints_x\na.jpg:{json.dumps([None if y < 0 else y for y in Y])}:{X}\n",
            f"name:keypoints_y:keypoints_x\na.jpg:{json.dumps([float('nan') if y < 0 else y for y in Y])}:{X}\n",
        ],
        ids=[
            "plain", "spaces", "windows", "bom", "blank lines", "no header", "x first", "index", "floats", "null", "nan"
        ],
    )  # fmt: skip
    def test_every_spelling_is_read(self, tmp_path: Path, text: str) -> None:
        points = read_annotations(written(tmp_path, text))["a.jpg"]
        assert points.shape == (18, 3) and points.dtype == np.float32
        assert points[0].tolist() == [80, 20, 1] and points[3].tolist() == [60, 40, 1]
        assert points[2].tolist() == [0, 0, 0]  # missing in y alone is missing

    def test_missing_in_x_alone_is_missing(self, tmp_path: Path) -> None:
        points = read_annotations(written(tmp_path, f"a.jpg:{list(range(18))}:{[-1, *range(17)]}"))["a.jpg"]
        assert points[0].tolist() == [0, 0, 0] and points[1].tolist() == [0, 1, 1]

    def test_what_is_written_is_read_and_cut_off_to_whole_pixels(self, tmp_path: Path) -> None:
        points = np.random.default_rng(1).uniform(0, 175, (18, 3)).astype(np.float32)
        points[:, 2] = np.arange(18) % 2
        write_annotations(tmp_path / "annotation.csv", {"a.jpg": points})
        again = read_annotations(tmp_path / "annotation.csv")["a.jpg"]
        there = points[:, 2] > 0
        assert (again[:, 2] == points[:, 2]).all() and (again[~there] == 0).all()
        assert (again[there, :2] == np.trunc(points[there, :2])).all()

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("", "no annotations"),
            ("name:keypoints_y:keypoints_x\n", "no annotations"),
            ("name:y:x\na:[]:[]\n", "no column keypoints_x, keypoints_y"),
            (f"a.jpg:{Y}\n", "line 1 has 2 fields"),
            (f"name:keypoints_y:keypoints_x\na.jpg:{Y}:{X[:-1]}\n", "line 2: keypoints_x has 17"),
            (f"a.jpg:{Y}:[np.int64(3)]\n", "list of numbers"),
            (f"a.jpg:{Y}:3\n", "list of numbers"),
            (f"a.jpg:{Y}:" + "[" * 100_000 + "\n", "list of numbers"),
            (f"a.jpg:{Y}:[1e999999, {'9' * 400}]\n", "list of numbers|holds 2"),
            (f"a.jpg:{Y}:{[[1]] * 18}\n", "list of numbers"),
            (f"a.jpg:{Y}:{json.dumps('1' * 18)}\n", "expected a list of numbers"),
            (f"../a.jpg:{Y}:{X}\n", "inside the folder"),
        ],
    )
    def test_what_is_no_annotation_is_refused_in_words(self, tmp_path: Path, text: str, says: str) -> None:
        with pytest.raises(DataFileError, match=says) as raised:
            read_annotations(written(tmp_path, text))
        assert "file.csv" in str(raised.value) and len(str(raised.value)) < 400

    def test_points_that_belong_to_no_picture_are_missing(self, tmp_path: Path) -> None:
        far = [1e9, float("inf"), *X[2:]]
        points = read_annotations(written(tmp_path, f"a.jpg:{json.dumps(X)}:{json.dumps(far)}"))["a.jpg"]
        assert points[:3, 2].tolist() == [0, 0, 1]


def prepared(root: Path, prefix: str, size: tuple[int, int]) -> Path:
    """A prepared folder with two images a split; size is (width, height)."""
    for split in ("train", "test"):
        (root / split).mkdir(parents=True)
        names = [f"{split}{index}.png" for index in range(2)]
        for index, name in enumerate(names):
            ramp = np.arange(size[0], dtype=np.uint8)[None, :, None] + np.zeros((size[1], 1, 3), np.uint8)
            Image.fromarray(np.uint8(ramp + index)).save(root / split / name)
        write_pairs(root / f"{prefix}-pairs-{split}.csv", [(names[0], names[1]), (names[1], names[0])])
        points = np.array([X, Y, [1] * 18], np.float32).T
        write_annotations(root / f"{prefix}-annotation-{split}.csv", dict.fromkeys(names, points))
    return root


class TestPreparedSets:
    @pytest.mark.parametrize("prefix", PREFIXES["deepfashion"])
    @pytest.mark.parametrize("width", [256, 176])
    def test_deepfashion_in_both_spellings_and_both_widths(self, tmp_path: Path, prefix: str, width: int) -> None:
        found = open_prepared(prepared(tmp_path, prefix, (width, 256)), "test")
        assert (found.kind, found.size, found.framing) == ("deepfashion", (256, 176), "stretch")
        assert found.pairs == (("test0.png", "test1.png"), ("test1.png", "test0.png"))
        assert found.annotations["test0.png"].shape == (18, 3)
        found.check_first()
        image = found.image("test0.png")
        assert image.shape == (3, 256, 176) and image.dtype == torch.float32
        assert round(image[0, 0, 0].item() * 255) == (40 if width == 256 else 0)  # the middle of a square image

    def test_market_is_neither_cut_nor_stretched(self, tmp_path: Path) -> None:
        found = open_prepared(prepared(tmp_path, "market", (64, 128)), "train")
        assert (found.kind, found.size, found.framing) == ("market", (128, 64), "fit")
        assert found.image("train1.png").shape == (3, 128, 64)

    def test_a_folder_of_ones_own_states_its_size(self, tmp_path: Path) -> None:
        root = prepared(tmp_path, "own", (48, 64))
        (root / METADATA).write_text('{"version": 1, "height": 64, "width": 48}')
        found = open_prepared(root, "train")
        assert (found.kind, found.size) == ("folder", (64, 48))
        assert found.image("train0.png").shape == (3, 64, 48)

    @pytest.mark.parametrize(
        "metadata",
        [
            "", "[]", "{", '{"version": 1}', '{"version": 2, "height": 64, "width": 48}',
            '{"version": 1, "height": -1, "width": 48}', '{"version": 1, "height": "64", "width": 48}',
        ],
    )  # fmt: skip
    def test_metadata_that_cannot_be_used_are_refused(self, tmp_path: Path, metadata: str) -> None:
        root = prepared(tmp_path, "own", (48, 64))
        (root / METADATA).write_text(metadata)
        with pytest.raises(DataFileError, match="prepare the folder again"):
            open_prepared(root, "train")

    def test_pictures_of_the_wrong_size_are_refused_with_the_reason(self, tmp_path: Path) -> None:
        found = open_prepared(prepared(tmp_path, "fasion-resize", (750, 1101)), "train")
        with pytest.raises(ImageError, match=r"750x1101.*High-resolution.*img\.zip"):
            found.check_first()

    def test_a_picture_may_have_another_format(self, tmp_path: Path) -> None:
        root = prepared(tmp_path, "fasion-resize", (176, 256))
        found = open_prepared(root, "train")
        Image.open(root / "train" / "train0.png").save(root / "train" / "other.webp")
        assert found.path("other.jpg").name == "other.webp"
        with pytest.raises(ImageError, match=r"none\.jpg: no such file"):
            found.image("none.jpg")

    def test_what_is_no_prepared_set_says_how_to_make_one(self, tmp_path: Path) -> None:
        with pytest.raises(DataFileError, match="no such folder; make one with 'dptn prepare'"):
            open_prepared(tmp_path / "none", "train")
        with pytest.raises(DataFileError, match=r"fasion-resize-pairs-train\.csv.*own-pairs-train\.csv.*dptn prepare"):
            open_prepared(tmp_path, "train")

    def test_lists_of_different_sets_are_refused(self, tmp_path: Path) -> None:
        root = prepared(tmp_path, "market", (64, 128))
        write_pairs(root / "market-pairs-train.csv", [("train0.png", "stranger.png")])
        with pytest.raises(DataFileError, match=r"1 images without an annotation, stranger\.png"):
            open_prepared(root, "train")
        (root / "market-annotation-test.csv").unlink()
        with pytest.raises(DataFileError, match=r"market-annotation-test\.csv: no such file"):
            open_prepared(root, "test")
