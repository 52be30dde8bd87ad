"""Pairs of photographs for training: every pair once a round, mirrored alike, read ahead; damaged ones skipped."""

from __future__ import annotations

import dataclasses
import logging
import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from attention_fixture import dense
from PIL import Image

from dptn_core.cli import main
from dptn_core.data.custom.image_folder import FolderPlan, prepare_folder
from dptn_core.data.datasets import DataFileError, PreparedSet, write_annotations, write_pairs
from dptn_core.data.datasets.prepared import METADATA
from dptn_core.data.synthetic.figures import write_character
from dptn_core.image_io import ImageError
from dptn_core.pose import Canvas, People, Pose, draw_silhouette
from dptn_core.pose.heatmaps import pose_heatmaps
from dptn_core.training import ConfigError
from dptn_core.training.batches import Batch, BatchRequest, sigma_at
from dptn_core.training.photograph_pairs import PhotographSource
from dptn_core.training.training_config import DataConfig

SIZE = (64, 48)
IMAGES = 5
NAMES = [f"p{index}.png" for index in range(IMAGES)]
PAIRS = [(a, b) for a in NAMES for b in NAMES if a != b]
STRIDE = 4


def make_set(
    root: Path, size: tuple[int, int] = SIZE, prefix: str = "own", splits: tuple[str, ...] = ("train",)
) -> Path:
    """Images that can be told apart by their first pixel; (H, W)."""
    dice = np.random.default_rng(5)
    for split in splits:
        (root / split).mkdir(parents=True, exist_ok=True)
        annotations = {}
        for index, name in enumerate(NAMES):
            pixels = dice.integers(0, 256, (*size, 3), np.uint8)
            pixels[0, 0], pixels[0, -1] = 10 * index, 10 * index
            Image.fromarray(pixels).save(root / split / name)
            points = np.column_stack([dice.integers(1, size[1] - 1, 18), dice.integers(1, size[0] - 1, 18)])
            annotations[name] = np.column_stack([points, dice.random(18) < 0.9]).astype(np.float32)
        write_annotations(root / f"{prefix}-annotation-{split}.csv", annotations)
        write_pairs(root / f"{prefix}-pairs-{split}.csv", PAIRS)
    (root / METADATA).write_text(f'{{"version": 1, "height": {size[0]}, "width": {size[1]}}}')
    return root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_set(tmp_path / "set")


def source_of(root: Path, **data: Any) -> PhotographSource:
    return PhotographSource(DataConfig(kind="pictures", root=str(root), **data), "cpu")


def batch_of(source: PhotographSource, first: int = 0, count: int = len(PAIRS), **how: Any) -> Batch:
    return source.batch(BatchRequest(first, count, how.pop("size", SIZE), STRIDE, how.pop("foreground", 1.0), **how))


def indices(images: torch.Tensor) -> list[int]:
    """Which images these are."""
    return ((images[:, 0, 0, 0] + 1) * 127.5 / 10).round().int().tolist()


def pairs_in(batch: Batch) -> list[tuple[str, str]]:
    names = zip(indices(batch.source), indices(batch.target), strict=True)
    return [(NAMES[source], NAMES[target]) for source, target in names]


def same(one: Batch, other: Batch) -> bool:
    for field in dataclasses.fields(Batch):
        first, second = getattr(one, field.name), getattr(other, field.name)
        if (first is None) != (second is None) or (first is not None and not torch.equal(first, second)):
            return False
    return True


class TestOrder:
    def test_each_pair_comes_once_a_round_in_another_order_each_round(self, root: Path) -> None:
        source = source_of(root)
        rounds = [pairs_in(batch_of(source, number * len(PAIRS))) for number in range(3)]
        for one in rounds:
            assert sorted(one) == sorted(PAIRS)
        assert rounds[0] != rounds[1] != rounds[2] != rounds[0] and rounds[0] != PAIRS

    def test_a_number_is_a_pair_whoever_asks_and_however(self, root: Path) -> None:
        whole = batch_of(source_of(root, mirror=True), 0, 60, foreground=4.0)
        other = source_of(root, mirror=True, workers=1, cache_gib=0.0)
        for first, count in ((33, 20), (7, 3), (0, 1), (57, 3)):  # also back, and across the rounds
            part = batch_of(other, first, count, foreground=4.0, upcoming=(first + count, 0))
            for field in ("source", "target", "source_heatmaps", "target_heatmaps", "source_mask", "target_mask"):
                assert torch.equal(getattr(part, field), getattr(whole, field)[first : first + count]), field

    def test_seeds_tell_orders_apart(self, root: Path) -> None:
        first, again, other = (batch_of(source_of(root, seed=seed, mirror=True)) for seed in (1, 1, 2))
        assert same(first, again) and pairs_in(first) != pairs_in(other)

    def test_orders_of_past_rounds_are_forgotten(self, root: Path) -> None:
        source = source_of(root)
        for number in range(0, 40 * len(PAIRS), len(PAIRS)):
            batch_of(source, number + 3, 4, upcoming=(number + 7, number + 11))
        assert len(source._orders) <= 3 and len(source._ahead) <= 2


class TestImages:
    def test_limbs_say_where_attention_should_look_in_the_mirror_as_well(self, root: Path) -> None:
        plain, mirrored = (
            batch_of(PhotographSource(DataConfig(kind="pictures", root=str(root), mirror=mirror), "cpu", limbs=True))
            for mirror in (False, True)
        )
        assert plain.attention is not None and plain.attention_weight is not None
        assert mirrored.attention is not None and mirrored.attention_weight is not None
        assert (plain.attention_weight.sum(1) > 0).all()
        grid = (SIZE[0] // STRIDE, SIZE[1] // STRIDE)
        flipped = 0
        for number in range(len(PAIRS)):
            weight, rows = plain.attention_weight[number], dense(plain.attention)[number]
            if not torch.equal(plain.source[number], mirrored.source[number]):
                flipped += 1
                weight = weight.view(grid).flip(1).flatten()
                rows = rows.view(*grid, *grid).flip(1, 3).flatten(2).flatten(0, 1)
            assert (weight != mirrored.attention_weight[number]).float().mean() < 0.05  # some lie just at the limit
            same_rows = (weight > 0) & (mirrored.attention_weight[number] > 0)
            assert (rows[same_rows] - dense(mirrored.attention)[number][same_rows]).abs().max(1).values.median() < 1e-4
        assert 0 < flipped < len(PAIRS)

    def test_values_shapes_and_layout(self, root: Path) -> None:
        batch = batch_of(source_of(root, mirror=True), 0, 8, foreground=4.0)
        for images in (batch.source, batch.target):
            assert images.shape == (8, 3, *SIZE) and images.dtype == torch.float32
            assert images.is_contiguous(memory_format=torch.channels_last)
            assert -1 <= images.min() < -0.9 and 0.9 < images.max() <= 1
        for maps in (batch.source_heatmaps, batch.target_heatmaps):
            assert maps.shape == (8, 18, *SIZE) and maps.min() >= 0 and maps.max() == 1
        for mask in (batch.source_mask, batch.target_mask):
            assert mask is not None and mask.shape == (8, *SIZE) and mask.dtype == torch.bool
        assert batch.attention is None and batch.attention_weight is None
        assert batch_of(source_of(root)).source_mask is None  # where all pixels count the same

    def test_pictures_heat_maps_and_masks_are_those_of_the_set(self, root: Path) -> None:
        source = source_of(root)
        batch = batch_of(source, 0, 6, foreground=2.0)
        for index, names in enumerate(pairs_in(batch)):
            for name, images, maps, masks in zip(
                names,
                (batch.source, batch.target),
                (batch.source_heatmaps, batch.target_heatmaps),
                (batch.source_mask, batch.target_mask),
                strict=True,
            ):
                file = torch.from_numpy(np.asarray(Image.open(root / "train" / name)).copy()).permute(2, 0, 1)
                assert torch.allclose(images[index], file / 127.5 - 1, atol=1e-6)
                pose = pose_of(source._train, name)
                assert torch.allclose(maps[index], pose_heatmaps([pose], SIZE, sigma_at(source._data, SIZE[0]))[0])
                assert masks is not None
                assert (masks[index].numpy() == (draw_silhouette(People((pose,), pose.canvas))[..., 0] > 0)).all()

    @pytest.mark.parametrize("mirror", [False, True])
    def test_a_mirrored_pair_is_the_set_mirrored_by_hand(self, tmp_path: Path, root: Path, mirror: bool) -> None:
        """Of a set whose files are flipped and whose keypoints are renamed, the mirrored pairs are the plain ones."""
        by_hand = tmp_path / "by hand"
        plain = source_of(root)
        (by_hand / "train").mkdir(parents=True)
        annotations = {}
        for name, keypoints in plain._train.annotations.items():
            pixels = np.asarray(Image.open(root / "train" / name))
            Image.fromarray(pixels[:, ::-1]).save(by_hand / "train" / name)
            # keypoints are whole pixels: their middles, half a pixel further, are what is mirrored
            middles = Pose(keypoints[:, :2] + 0.5, keypoints[:, 2].astype(float), Canvas(SIZE[1], SIZE[0]))
            seen = middles.mirrored()
            annotations[name] = np.column_stack([seen.keypoints, seen.present]).astype(np.float32)
        write_annotations(by_hand / "own-annotation-train.csv", annotations)
        for name in ("own-pairs-train.csv", METADATA):
            (by_hand / name).write_bytes((root / name).read_bytes())

        got = batch_of(source_of(root, mirror=mirror), 0, 40, foreground=2.0)
        wanted = {flip: batch_of(source_of(folder), 0, 40, foreground=2.0) for flip, folder in
                  ((False, root), (True, by_hand))}  # fmt: skip
        flipped = [not torch.equal(a, b) for a, b in zip(got.source, wanted[False].source, strict=True)]
        assert sum(flipped) in (range(10, 31) if mirror else (0,))
        for index, flip in enumerate(flipped):
            for field in ("source", "target", "source_heatmaps", "target_heatmaps"):
                assert torch.equal(getattr(got, field)[index], getattr(wanted[flip], field)[index]), field
            for field in ("source_mask", "target_mask"):
                plain_mask = getattr(wanted[False], field)[index]
                assert torch.equal(getattr(got, field)[index], plain_mask.flip(1) if flip else plain_mask), field

    def test_a_pair_is_mirrored_in_some_rounds_and_not_in_others(self, root: Path) -> None:
        source, plain = source_of(root, mirror=True), source_of(root)
        flips: Counter[tuple[str, str]] = Counter()
        for number in range(0, 10 * len(PAIRS), len(PAIRS)):
            one, other = batch_of(source, number), batch_of(plain, number)
            flips.update(pair for pair, a, b in zip(pairs_in(other), one.source, other.source, strict=True)
                         if not torch.equal(a, b))  # fmt: skip
        assert len(flips) == len(PAIRS) and max(flips.values()) < 10

    def test_a_stage_may_be_smaller_and_keypoints_go_with_it(self, root: Path) -> None:
        source = source_of(root)
        small = batch_of(source, 0, 4, size=(32, 24))
        large = batch_of(source, 0, 4)
        assert small.source.shape == (4, 3, 32, 24)
        for joint in range(18):
            there = large.source_heatmaps[0, joint]
            if there.max() == 1:
                row, column = divmod(int(there.argmax()), SIZE[1])
                assert small.source_heatmaps[0, joint, row // 2, column // 2] == 1


def pose_of(images: PreparedSet, name: str) -> Pose:
    points = images.annotations[name]
    canvas = Canvas(images.size[1], images.size[0])
    return Pose(points[:, :2].astype(float), points[:, 2].astype(float), canvas)


class TestProportions:
    @pytest.mark.parametrize("size", [(64, 64), (48, 64), (64, 52)])
    def test_people_are_not_stretched(self, root: Path, size: tuple[int, int]) -> None:
        with pytest.raises(
            ConfigError, match=rf"a stage is {size[1]}x{size[0]}.*are 48x64.*would be stretched.*--size"
        ):
            batch_of(source_of(root), size=size)

    def test_deepfashion_means_to(self, tmp_path: Path) -> None:
        source = source_of(make_set(tmp_path / "set", (256, 176), "fasion-resize"))
        assert source.framing == "stretch"
        assert batch_of(source, 0, 2, size=(256, 256)).source.shape == (2, 3, 256, 256)


class TestDamaged:
    @pytest.mark.parametrize("how", ["cut short", "missing", "no image", "another size"])
    def test_images_are_skipped_counted_and_named(self, root: Path, how: str, caplog: pytest.LogCaptureFixture) -> None:
        damage(root / "train" / "p3.png", how)
        source = source_of(root)
        with caplog.at_level(logging.WARNING):
            for number in range(0, 2 * len(PAIRS), 5):
                batch = batch_of(source, number, 5)
                assert "p3.png" not in {name for pair in pairs_in(batch) for name in pair}
        assert list(source.skipped) == ["p3.png"] and "p3.png" in source.skipped["p3.png"]
        assert [record.message for record in caplog.records] == [f"skipped (1 so far): {source.skipped['p3.png']}"]

    def test_a_disk_that_fails_is_no_end_either(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        source, image = source_of(root), PreparedSet.image

        def fail(images: PreparedSet, name: str) -> torch.Tensor:
            if name == "p3.png":
                raise OSError(5, "Input/output error", name)
            return image(images, name)

        monkeypatch.setattr(PreparedSet, "image", fail)
        assert "p3.png" not in {name for pair in pairs_in(batch_of(source)) for name in pair}
        assert "Input/output error" in source.skipped["p3.png"]

    def test_the_others_all_come(self, root: Path) -> None:
        damage(root / "train" / "p3.png", "missing")
        found = set(pairs_in(batch_of(source_of(root))))
        assert found == {pair for pair in PAIRS if "p3.png" not in pair}

    def test_the_first_picture_may_be_the_damaged_one(self, root: Path) -> None:
        damage(root / "train" / "p0.png", "cut short")
        source = source_of(root)
        assert batch_of(source, 0, 5).source.shape[0] == 5 and list(source.skipped) == ["p0.png"]

    def test_a_set_that_is_all_wrong_is_refused_before_the_start(self, root: Path) -> None:
        for name in NAMES:
            damage(root / "train" / name, "another size")
        with pytest.raises(ImageError, match=r"p0\.png is 20x20; expected 48x64"):
            source_of(root)

    def test_none_readable_is_an_error_that_names_one(self, root: Path) -> None:
        source = source_of(root)
        for name in NAMES:
            damage(root / "train" / name, "missing")
        with pytest.raises(DataFileError, match=r"train: no pair can be read; the first error: .*no such file"):
            batch_of(source, 0, 4, upcoming=(4, 8))
        assert len(source.skipped) >= 1

    def test_what_comes_back_is_read_again(self, root: Path) -> None:
        path = root / "train" / "p3.png"
        data = path.read_bytes()
        source = source_of(root)
        path.unlink()
        batch_of(source)
        path.write_bytes(data)
        assert set(pairs_in(batch_of(source))) == set(PAIRS) and list(source.skipped) == ["p3.png"]

    @pytest.mark.parametrize("root_text", ["", "nowhere"])
    def test_no_set_says_how_to_name_one(self, tmp_path: Path, root_text: str) -> None:
        with pytest.raises(DataFileError, match="dptn prepare"):
            source_of(tmp_path / root_text) if root_text else PhotographSource(DataConfig(kind="pictures"), "cpu")


def damage(path: Path, how: str) -> None:
    if how == "missing":
        path.unlink()
    elif how == "another size":
        Image.new("RGB", (20, 20)).save(path)
    else:
        path.write_bytes(path.read_bytes()[:2000] if how == "cut short" else b"<html>")


class TestFixed:
    def test_they_are_of_the_test_split_and_always_the_same(self, tmp_path: Path) -> None:
        root = make_set(tmp_path / "set", splits=("train", "test"))
        test = {name: (root / "test" / name).read_bytes() for name in NAMES}
        assert test["p1.png"] != (root / "train" / "p1.png").read_bytes()
        source = source_of(root, mirror=True)
        first = source.fixed(4, SIZE, STRIDE)
        assert same(first, source.fixed(4, SIZE, STRIDE)) and len(set(pairs_in(first))) == 4
        file = np.asarray(Image.open(root / "test" / pairs_in(first)[0][0]))
        assert np.allclose(first.source[0].permute(1, 2, 0).numpy(), file / 127.5 - 1, atol=1e-5)
        assert first.source.shape == (4, 3, *SIZE) and first.source_mask is None

    def test_a_set_without_a_test_split_shows_training_pairs(self, root: Path) -> None:
        assert source_of(root).fixed(4, SIZE, STRIDE).source.shape[0] == 4
        assert source_of(root).fixed(1000, SIZE, STRIDE).source.shape[0] == len(PAIRS)

    def test_damaged_ones_make_room_for_others(self, tmp_path: Path) -> None:
        root = make_set(tmp_path / "set", splits=("train", "test"))
        for name in NAMES[:3]:
            damage(root / "test" / name, "missing")
        source = source_of(root)
        assert set(pairs_in(source.fixed(2, SIZE, STRIDE))) == {("p3.png", "p4.png"), ("p4.png", "p3.png")}
        damage(root / "test" / "p4.png", "missing")
        assert source.fixed(2, SIZE, STRIDE).source.shape[0] == 2  # of the training pairs
        for name in NAMES:
            damage(root / "train" / name, "missing")
        with pytest.raises(DataFileError, match="no image for the sample grid can be read"):
            source.fixed(2, SIZE, STRIDE)


class Reader:
    """Stands in for `PreparedSet.picture`: slow, and counting."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, seconds: float = 0.0) -> None:
        self.seconds, self.read, self.now, self.most = seconds, Counter[str](), 0, 0
        self._lock = threading.Lock()
        image = PreparedSet.image

        def slowly(images: PreparedSet, name: str) -> torch.Tensor:
            with self._lock:
                self.read[name] += 1
                self.now += 1
                self.most = max(self.most, self.now)
            time.sleep(self.seconds)
            try:
                return image(images, name)
            finally:
                with self._lock:
                    self.now -= 1

        monkeypatch.setattr(PreparedSet, "image", slowly)


class TestReading:
    def test_each_picture_is_read_once(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        source = source_of(root, workers=8)
        reader = Reader(monkeypatch, 0.05)  # long enough for all threads to want the same ones
        for number in range(0, 60, 20):
            batch_of(source, number, 20, upcoming=(number + 20, number + 40))
        assert reader.read == Counter(NAMES)

    def test_the_cache_keeps_to_its_limit(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        one = 3 * SIZE[0] * SIZE[1]
        source = source_of(root, workers=1, cache_gib=2.5 * one / 2**30)
        reader = Reader(monkeypatch)
        for number in range(0, 100, 20):
            batch_of(source, number, 20)
        assert source._cache is not None and len(source._cache._images) == 2
        assert sum(future.result().nbytes for future in source._cache._images.values()) == 2 * one
        assert sorted(reader.read.values())[:2] == [1, 1] and min(sorted(reader.read.values())[2:]) > 20

    def test_no_cache_at_all(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        source = source_of(root, cache_gib=0.0, workers=1)
        reader = Reader(monkeypatch)
        batch_of(source)
        assert source._cache is not None and not source._cache._images
        assert reader.read.total() == 2 * len(PAIRS)

    def test_another_stage_has_the_room_to_itself(self, root: Path) -> None:
        one = 3 * SIZE[0] * SIZE[1]
        source = source_of(root, cache_gib=IMAGES * one / 2**30)
        batch_of(source, 0, 20, size=(32, 24), upcoming=(20,))
        batch_of(source, 20, 20)
        assert source._cache is not None and len(source._cache._images) == IMAGES
        assert {future.result().pixels.shape[1:] for future in source._cache._images.values()} == {SIZE}

    def test_all_threads_share_in_the_batch_that_is_waited_for(
        self, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        source = source_of(root, workers=3, cache_gib=0.0)
        reader = Reader(monkeypatch, 0.05)
        batch_of(source, 0, 12)
        assert reader.most == 3

    def test_the_step_does_not_wait_for_what_was_announced(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A batch takes longer to read than a step takes, but not than two threads need in two steps."""
        count, seconds, step = 4, 0.02, 0.2
        source = source_of(root, workers=2, cache_gib=0.0)
        reader = Reader(monkeypatch, seconds)

        def waited(announced: bool, first: int) -> float:
            """Median wait for a batch of 8 images of 20 ms each."""
            waits = []
            for number in range(first, first + 6 * count, count):
                upcoming = (number + count, number + 2 * count) if announced else ()
                started = time.perf_counter()
                batch_of(source, number, count, upcoming=upcoming)
                waits.append(time.perf_counter() - started)
                time.sleep(step)
            return sorted(waits)[len(waits) // 2]

        unannounced, announced = waited(False, 0), waited(True, 1000)
        assert announced < unannounced / 3
        assert reader.read.total() <= 2 * count * (6 + 6 + 2)  # nothing was read for nobody

    def test_what_is_not_wanted_any_more_is_not_read(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        source = source_of(root, workers=1, cache_gib=0.0)
        reader = Reader(monkeypatch, 0.01)
        batch_of(source, 0, 1, upcoming=(100, 200, 300))
        batch_of(source, 50, 1)
        time.sleep(0.1)
        assert reader.read.total() <= 2 * 3  # two pairs, and the one under way


TINY = """
[generator]
base_features = 8
max_features = 16
norm = "batch"
residual_blocks = 1
context_blocks = 1
texture_blocks = 1
[[stages]]
height = 32
width = 24
batch = 2
steps = 4
[data]
kind = "pictures"
mirror = true
[losses]
adversarial = 0.0
content = 0.0
style = 0.0
[run]
precision = "fp32"
sheet_every = 2
"""


@pytest.fixture(scope="module")
def character(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of a drawn character, prepared as people would theirs."""
    folder = tmp_path_factory.mktemp("character")
    list(write_character(folder / "drawn", 3, 8, (160, 120)))
    prepare_folder(folder / "drawn", folder / "set", FolderPlan(size=(128, 96)))
    return folder / "set"


@pytest.fixture
def few_threads() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("few_threads")
class TestTraining:
    def test_a_run_on_images_continues_past_a_damaged_one(
        self, character: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        root = tmp_path / "set"
        shutil.copytree(character, root)
        names = sorted(path.name for path in (root / "train").iterdir())
        (root / "train" / names[2]).write_bytes(b"damaged")
        (tmp_path / "tiny.toml").write_text(TINY)
        arguments = ["train", "--config", tmp_path / "tiny.toml", "--data", root, "--out", tmp_path / "run"]
        with caplog.at_level(logging.WARNING):
            assert main([*map(str, arguments), "--device", "cpu", "--processes", "1", "--steps", "3"]) == 0
            assert main([*map(str, arguments), "--device", "cpu", "--processes", "1"]) == 0
        assert f"skipped unreadable images (1): {names[2]}" in caplog.text
        assert len(list((tmp_path / "run" / "sheets").iterdir())) == 2

    def test_the_starter_is_fine_tuned_as_the_help_says(
        self, character: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        arguments = ["train", "--config", "own", "--data", character, "--from", "starter", "--out", tmp_path / "run"]
        assert main([*map(str, arguments), "--device", "cpu", "--processes", "2", "--steps", "2"]) == 0
        assert (tmp_path / "run" / "training.pt").is_file() and "wrote " in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("size", "says"), [((64, 64), "would be stretched"), (None, "no such folder; make one with 'dptn prepare'")]
    )
    def test_a_set_that_does_not_fit_is_one_line(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], size: tuple[int, int] | None, says: str
    ) -> None:
        root = make_set(tmp_path / "set", size) if size else tmp_path / "none"
        (tmp_path / "tiny.toml").write_text(TINY)
        arguments = ["train", "--config", tmp_path / "tiny.toml", "--data", root, "--out", tmp_path / "run"]
        assert main([*map(str, arguments), "--device", "cpu", "--processes", "1"]) == 2
        error = capsys.readouterr().err.splitlines()[-1]
        assert error.startswith("dptn train: ") and says in error and not (tmp_path / "run" / "training.pt").exists()
