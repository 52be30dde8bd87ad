"""A kept set: what is written is read, whatever stops the writing, and every change keeps a pair true to itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import fields, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from kept_fixture import (
    SIZE,
    manifest,
    open_dolls,
    open_dying,
    open_recorded,
    open_refusing,
    render_dolls,
)
from torch import Tensor

from dptn_core.cli import main
from dptn_core.commands.keep import keep as command
from dptn_core.data.synthetic.kept import KeptSet, KeptSetError, keep, open_kept, read_pairs
from dptn_core.data.synthetic.kept.augment import augmented, mirrored
from dptn_core.data.synthetic.kept.codec import decode_correspondence, encode
from dptn_core.data.synthetic.kept.one import OnePair, as_one, as_pairs
from dptn_core.data.synthetic.kept.recolour import recoloured
from dptn_core.data.synthetic.kept.windows import Window, fitted, largest, windowed
from dptn_core.data.synthetic.synthetic_pairs import GARMENTS, LIMBS, PARTS, PeoplePairs, pair_seeds
from dptn_core.system.folder_lock import FolderInUseError, alone_in

HERE = Path(__file__).parents[1]
EXACT = tuple(f.name for f in fields(PeoplePairs) if f.name not in ("source", "target", "correspondence"))


@pytest.fixture(scope="module")
def kept(tmp_path_factory) -> KeptSet:
    folder = tmp_path_factory.mktemp("kept")
    keep(open_dolls, folder, manifest(), processes=1)
    return open_kept(folder)


def rendered(numbers, seed: int = 3) -> PeoplePairs:
    return render_dolls(torch.cat([pair_seeds(seed, number, 1) for number in numbers]), SIZE)


def dolls(count: int = 12) -> list[OnePair]:
    pairs = rendered(range(count))
    return [as_one(pairs, index) for index in range(count)]


def same(one: PeoplePairs, other: PeoplePairs) -> bool:
    return all(torch.equal(getattr(one, f.name), getattr(other, f.name)) for f in fields(PeoplePairs))


# Written and read.


def test_what_is_read_is_what_was_rendered(kept):
    found, wanted = read_pairs(kept, range(10)), rendered(range(10))
    assert type(found) is PeoplePairs
    for name in EXACT:
        one, other = getattr(found, name), getattr(wanted, name)
        assert one.dtype == other.dtype and one.shape == other.shape, name
        assert torch.allclose(one.float(), other.float(), atol=1 / 255 if "matte" in name else 1 / 64), name
    assert (found.correspondence - wanted.correspondence).abs().max() <= 1 / 8
    for name in ("source", "target"):
        apart = (getattr(found, name) - getattr(wanted, name)) / 2
        assert apart.abs().mean() < 0.02 and 10 * apart.square().mean().log10() < -30, "WebP keeps 30 dB"


def test_pairs_come_in_any_order_and_by_the_numbers_of_their_use(kept):
    whole = read_pairs(kept, range(10))
    assert same(read_pairs(kept, [7, 2, 7, 9]), whole[torch.tensor([7, 2, 7, 9])])
    assert same(read_pairs(kept, [23]), whole[3:4]), "another round over the set"
    for bad in ([], [-1, 3]):
        with pytest.raises(ValueError, match="give one or more, from 0 on"):
            read_pairs(kept, bad)


def test_places_outside_the_source_and_far_away_are_kept(tmp_path):
    pair = dolls(1)[0]
    places = pair.correspondence.copy()
    places[:4, :4] = -37.25, 390.5
    places[4:8, :4] = 5000.25, -8000.0
    places[8, 0] = np.nan, np.inf
    found = decode_correspondence(encode(replace(pair, correspondence=places), 90)[3])
    assert np.abs(found - places)[:8].max() <= 1 / 8
    assert np.isfinite(found).all()


def test_labels_without_room_are_refused():
    pair = dolls(1)[0]
    labels = pair.source_parts.copy()
    labels[0, 0] = 16
    with pytest.raises(ValueError, match="source_parts holds label 16"):
        encode(replace(pair, source_parts=labels), 90)


def test_the_same_set_is_the_same_files_however_many_processes_made_it(kept, tmp_path):
    done: list[int] = []
    assert keep(open_dolls, tmp_path / "two", manifest(), processes=2, progress=done.append) == 3
    assert done[0] == 0 and done[-1] == 10 and done == sorted(done)
    assert contents(tmp_path / "two") == contents(kept.folder)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_no_more_processes_are_started_than_the_container_pays_for(tmp_path, monkeypatch):
    quota = tmp_path / "cpu.max"
    quota.write_text("100000 100000\n")
    monkeypatch.setattr("dptn_core.system.cores._QUOTA", quota)
    opened: list[int] = []

    def here():
        opened.append(os.getpid())
        return render_dolls

    keep(here, tmp_path / "set", manifest())  # other processes could not be sent this function
    assert opened == [os.getpid()]


# Going on.


def test_what_is_whole_is_kept_and_what_is_damaged_or_missing_is_made_anew(kept, tmp_path):
    folder, log = tmp_path / "set", tmp_path / "log"
    keep(open_dolls, folder, manifest(), processes=1)
    paths = [manifest().path(folder, shard) for shard in range(3)]
    cut, flipped = paths[0].read_bytes(), bytearray(paths[1].read_bytes())
    for damaged in (cut[: len(cut) // 2], b"", b"no shard"):
        paths[0].write_bytes(damaged)
        with pytest.raises(KeptSetError, match=r"pairs-00000\.safetensors is missing or damaged.*to make it again"):
            read_pairs(open_kept(folder), [1])
    flipped[-1000] ^= 1  # one bit of one image
    paths[1].write_bytes(flipped)
    again = partial(open_recorded, log)
    done: list[int] = []
    assert keep(again, folder, manifest(), processes=1, progress=done.append) == 2
    assert done == [2, 6, 10]
    assert log.read_text().split() == [str(int(seed)) for seed in pair_seeds(3, 0, 8)]
    assert contents(folder) == contents(kept.folder)
    whole = paths[2].read_bytes()
    paths[2].write_bytes(whole[:1500] + bytes(2000) + whole[3500:])
    with pytest.raises(KeptSetError, match=r"pairs-00002\.safetensors is missing or damaged"):
        read_pairs(open_kept(folder), [8])
    paths[2].unlink()
    with pytest.raises(KeptSetError, match=r"lacks 1 of its 3 files, pairs-00002\.safetensors the first"):
        open_kept(folder)
    assert keep(open_dolls, folder, manifest(), processes=1) == 1
    assert keep(open_refusing, folder, manifest(), processes=1) == 0, "nothing is left to do, nothing is opened"


def test_a_set_grows(kept, tmp_path):
    folder, log = tmp_path / "set", tmp_path / "log"
    keep(open_dolls, folder, manifest(pairs=6), processes=1)
    assert len(open_kept(folder)) == 6
    assert keep(partial(open_recorded, log), folder, manifest(), processes=1) == 2
    assert log.read_text().split() == [str(int(seed)) for seed in pair_seeds(3, 4, 6)], "its last shard was not full"
    assert contents(folder) == contents(kept.folder)
    with pytest.raises(KeptSetError, match="begun for 10 pairs, got 6"):
        keep(open_dolls, folder, manifest(pairs=6), processes=1)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seed": 4}, "seed is 3 there, expected 4"),
        ({"width": 48}, "width is 64 there, expected 48"),
        ({"renderer": "2"}, "renderer is 1 there, expected 2"),
        ({"kind": "people", "quality": 80}, "kind is dolls there, expected people, quality is 90 there, expected 80"),
    ],
)
def test_a_folder_of_another_set_is_refused_by_what_differs(kept, changes, words):
    before = contents(kept.folder)
    with pytest.raises(KeptSetError, match=words):
        keep(open_dolls, kept.folder, manifest(**changes), processes=1)
    assert contents(kept.folder) == before


def test_a_shard_of_another_set_is_made_anew(kept, tmp_path):
    keep(open_dolls, tmp_path / "other", manifest(seed=4), processes=1)
    keep(open_dolls, tmp_path / "set", manifest(), processes=1)
    name = manifest().path(Path(), 1).name
    (tmp_path / "set" / name).write_bytes((tmp_path / "other" / name).read_bytes())
    assert keep(open_dolls, tmp_path / "set", manifest(), processes=1) == 1
    assert contents(tmp_path / "set") == contents(kept.folder)


def test_folders_without_a_set_are_refused_in_words(tmp_path):
    with pytest.raises(KeptSetError, match=r"has no kept set.*dptn figures --kind people --keep"):
        open_kept(tmp_path / "none")
    for content, words in (
        ("{", "cannot be read"),
        ("[]", "does not describe a kept set"),
        ('{"format": 9}', "has format 9, but this version reads up to 1"),
        (json.dumps({"pairs": "many"}), "does not describe a kept set"),
    ):
        (tmp_path / "set.json").write_text(content)
        with pytest.raises(KeptSetError, match=words):
            open_kept(tmp_path)
    (tmp_path / "set.json").unlink()
    (tmp_path / "pairs-00000.safetensors").write_text("")
    with pytest.raises(KeptSetError, match=r"holds shards of a set without its set\.json"):
        keep(open_dolls, tmp_path, manifest(), processes=1)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"pairs": 0}, "pairs is 0; allowed: 1 to"),
        ({"height": 8}, "height is 8; allowed: 16 to 16383"),
        ({"quality": 101}, "quality is 101; allowed: 0 to 100"),
        ({"seed": -1}, "seed is -1; allowed: 0 to"),
    ],
)
def test_sets_that_cannot_be_made_are_refused(changes, words):
    with pytest.raises(KeptSetError, match=words):
        manifest(**changes)


def test_one_run_at_a_time(tmp_path):
    with alone_in(tmp_path), pytest.raises(FolderInUseError, match="another folder with --keep"):
        keep(open_dolls, tmp_path, manifest(), processes=1)


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(KeptSetError, match="choose another folder"):
        keep(open_dolls, tmp_path / "file", manifest(), processes=1)


def test_a_process_that_dies_ends_the_run_in_words(tmp_path):
    with pytest.raises(KeptSetError, match=r"ended with code -9.*the same command"):
        keep(open_dying, tmp_path, manifest(), processes=2)


def test_what_a_process_refuses_is_said_here(tmp_path):
    with pytest.raises(KeptSetError, match="the studio is closed"):
        keep(open_refusing, tmp_path, manifest(), processes=2)


def test_a_full_disk_is_said_with_the_way_out(tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("safetensors.numpy.save_file", full)
    with pytest.raises(KeptSetError, match=r"pairs-00000.*No space left.*the same command"):
        keep(open_dolls, tmp_path, manifest(), processes=1)
    assert sorted(contents(tmp_path)) == ["set.json"]


def test_the_command_makes_a_set_and_says_how_large_it_is(tmp_path, capsys):
    made = {"kind": "dolls", "renderer": "1", "seed": 3, "size": SIZE, "processes": 1}
    for pairs, files in ((6, 1), (6, 0), (300, 2)):
        command(tmp_path / "set", open_dolls, pairs=pairs, **made)
        said = capsys.readouterr().out
        assert f"holds {pairs} pairs of 64x96" in said and f"{files} new files" in said
    assert same(read_pairs(open_kept(tmp_path / "set"), [5]), read_pairs(open_kept(tmp_path / "set"), [305]))


def test_options_that_do_not_go_together_end_in_one_line(tmp_path, capsys):
    for words, said in (
        (("--keep", tmp_path), "add --kind people"),
        (("--keep", tmp_path, "--kind", "people", "--first", 3), "leave out --first"),
        (("--processes", 2), "--processes is for --keep"),
    ):
        assert main(["figures", *map(str, words)]) == 2
        assert said in capsys.readouterr().err.strip().splitlines()[-1]


RUN = """
import sys
sys.path.insert(0, sys.argv[1])
from functools import partial
from pathlib import Path
from kept_fixture import manifest, open_recorded
from dptn_core.data.synthetic.kept import keep
if __name__ == "__main__":
    keep(partial(open_recorded, Path(sys.argv[3]), 0.4), Path(sys.argv[2]), manifest(pairs=24), processes=2)
"""


def test_a_run_killed_at_any_moment_goes_on_to_the_same_end(tmp_path):
    folder, log = tmp_path / "set", tmp_path / "log"
    (tmp_path / "run.py").write_text(RUN)
    words = [sys.executable, str(tmp_path / "run.py"), str(HERE), str(folder), str(log)]
    environment = {**os.environ, "PYTHONPATH": str(HERE.parents[1])}
    running = subprocess.Popen(words, env=environment, start_new_session=True)
    try:
        until = time.monotonic() + 120
        while len(list(folder.glob("pairs-*.safetensors"))) < 2:
            assert time.monotonic() < until and running.poll() is None, "nothing was made"
            time.sleep(0.05)
    finally:
        running.send_signal(signal.SIGKILL)
        running.wait()
    until = time.monotonic() + 30
    while (left := children_of(running.pid)) and time.monotonic() < until:
        time.sleep(0.1)
    assert not left, "its processes go on without it"
    whole = {path.name: path.stat().st_mtime_ns for path in folder.glob("pairs-*.safetensors")}
    assert 2 <= len(whole) < 6
    assert keep(partial(open_recorded, log), folder, manifest(pairs=24), processes=2) == 6 - len(whole)
    assert {name: (folder / name).stat().st_mtime_ns for name in whole} == whole, "whole shards were written again"
    keep(open_dolls, tmp_path / "straight", manifest(pairs=24), processes=1)
    assert contents(folder) == contents(tmp_path / "straight"), "nothing is left over, nothing differs"


def children_of(group: int) -> list[int]:
    """Processes of a session that are still there, by Linux' own list."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            _, _, rest = path.read_text().rpartition(")")
        except OSError:
            continue
        state, _, _, session = rest.split()[:4]
        if int(session) == group and state != "Z":
            found.append(int(path.parent.name))
    return found


# Changed, and still true.


def apart(pair: OnePair) -> float:
    """How far the moved source is from the target over what is seen, 0 to 255, in the mean."""
    height, width = pair.size
    grid = torch.from_numpy(pair.correspondence)[None] / torch.tensor([width, height]) * 2 - 1
    source = torch.from_numpy(pair.source.copy()).permute(2, 0, 1)[None].float()
    moved = torch.nn.functional.grid_sample(source, grid, align_corners=False)[0].permute(1, 2, 0).numpy()
    inner = interior(pair)
    assert inner.sum() > 50
    return float(np.abs(moved - pair.target.astype(np.float32))[inner].mean())


def interior(pair: OnePair) -> np.ndarray:
    """Seen pixels whose neighbours show the same garment there and here: at edges a bilinear sample mixes colours."""

    def inner(labels: np.ndarray) -> np.ndarray:
        wide = np.pad(labels, 2, mode="edge")
        around = [wide[dy : dy + len(labels), dx : dx + labels.shape[1]] for dy in range(5) for dx in range(5)]
        return np.logical_and.reduce([part == labels for part in around])

    x, y = (pair.correspondence[..., axis].astype(int).clip(0, pair.size[1 - axis] - 1) for axis in (0, 1))
    return pair.seen & inner(pair.target_garments) & inner(pair.source_garments)[y, x]


def windows(seed: int) -> tuple[Window, Window]:
    random = np.random.default_rng(seed)
    found = []
    for _ in range(2):
        scale = random.uniform(0.6, 1)
        wide, high = SIZE[1] * scale, SIZE[0] * scale
        found.append(Window(random.uniform(0, SIZE[1] - wide), random.uniform(0, SIZE[0] - high), wide, high))
    return found[0], found[1]


def cropped(pair: OnePair, seed: int, size: tuple[int, int] = SIZE) -> OnePair:
    return windowed(pair, *windows(seed), size)


CHANGES = {
    "mirror": lambda pair, seed: mirrored(pair),
    "recolour": lambda pair, seed: recoloured(pair, np.random.default_rng(seed)),
    "crop": cropped,
    "smaller": lambda pair, seed: fitted(pair, (64, 40)),
    "crop, smaller": lambda pair, seed: cropped(pair, seed, (72, 48)),
    "all": lambda pair, seed: augmented(pair, (5, seed), SIZE),
}


@pytest.mark.parametrize("name", CHANGES)
def test_the_moved_source_still_matches_the_target(name):
    """What catches a wrong sign: garments differ by tens of levels, patterns by ten; half a pixel makes one or two."""
    before, after = [], []
    for seed, pair in enumerate(dolls(16)):
        changed = CHANGES[name](pair, seed)
        before.append(apart(pair))
        after.append(apart(changed))
    assert np.mean(before) < 1.5
    assert np.mean(after) < 2.5 and max(after) < 6, after


def test_the_test_above_can_fail():
    """The mistakes it is there for are seen by it."""
    wrong = []
    for pair in dolls(16):
        turned = mirrored(pair)
        place = turned.correspondence.copy()
        place[..., 0] = SIZE[1] - place[..., 0]
        wrong.append(apart(replace(turned, correspondence=place)))
    assert np.mean(wrong) > 8
    shifted = [apart(replace(pair, correspondence=pair.correspondence + np.float32(2))) for pair in dolls(16)]
    assert np.mean(shifted) > 2.5


def test_a_mirror_twice_is_nothing():
    for pair in dolls(4):
        twice = mirrored(mirrored(pair))
        for field in fields(OnePair):
            one, other = getattr(twice, field.name), getattr(pair, field.name)
            assert np.allclose(one, other, atol=1e-4), field.name


def places_of(labels: np.ndarray, label: int) -> np.ndarray:
    y, x = np.nonzero(labels == label)
    return np.array([x.mean() + 0.5, y.mean() + 0.5])


LABELLED = {"right hand": 4, "left hand": 7, "right foot": 10, "left foot": 13, "head": 0}


@pytest.mark.parametrize("name", ["mirror", "crop", "smaller", "all"])
def test_keypoints_and_parts_move_together(name):
    """The right hand's label lies at the right wrist, the head's at the nose, before and after."""
    checked = 0
    for seed, pair in enumerate(dolls(16)):
        changed = CHANGES[name](pair, seed)
        for side in ("source", "target"):
            points, present = getattr(changed, f"{side}_keypoints"), getattr(changed, f"{side}_present")
            labels = getattr(changed, f"{side}_parts")
            height, width = changed.size
            for part, joint in (
                ("right hand", 4),
                ("left hand", 7),
                ("right foot", 10),
                ("left foot", 13),
                ("head", 0),
            ):
                x, y = points[joint]
                if not present[joint] or not (4 < x < width - 4 and 4 < y < height - 4):
                    continue
                if not (labels == PARTS.index(part)).any():
                    continue
                checked += 1
                assert np.hypot(*(places_of(labels, PARTS.index(part)) - points[joint])) < 0.12 * height, (part, seed)
    assert checked > 40


def test_limbs_keep_their_depth_in_a_mirror():
    pair = dolls(1)[0]
    turned = mirrored(pair)
    right, left = LIMBS.index((3, 4)), LIMBS.index((6, 7))  # forearms
    assert turned.limb_depth[0, right] == pair.limb_depth[0, left]
    assert turned.limb_depth[1, left] == pair.limb_depth[1, right]
    assert turned.limb_depth[1, LIMBS.index((1, 0))] == pair.limb_depth[1, LIMBS.index((1, 0))]


def test_keypoints_follow_a_window_and_those_outside_are_absent():
    pair = dolls(1)[0]
    window = Window(10.0, 20.0, 32.0, 48.0)
    changed = windowed(pair, window, window, SIZE)
    assert np.allclose(changed.target_keypoints, (pair.target_keypoints - (10, 20)) * 2, atol=1e-4)
    inside = ((pair.target_keypoints >= (10, 20)) & (pair.target_keypoints < (42, 68))).all(1)
    assert (changed.target_present == (pair.target_present & inside)).all()
    assert not inside.all() and changed.target_present.any()
    assert not (changed.target_visible & ~changed.target_present).any()


def test_what_the_sources_window_leaves_out_is_not_seen():
    pair = next(one for one in dolls() if one.seen.sum() > 300)
    whole = Window(0.0, 0.0, 64.0, 96.0)
    changed = windowed(pair, Window(0.0, 0.0, 32.0, 48.0), whole, SIZE)
    left_out = (pair.correspondence >= (32, 48)).any(-1) & pair.seen
    assert left_out.any() and not changed.seen[left_out].any()
    still = (pair.correspondence < (31, 47)).all(-1) & pair.seen
    assert changed.seen[still].all()
    assert np.allclose(changed.correspondence[still], 2 * pair.correspondence[still], atol=1e-3)
    inside = changed.correspondence[changed.seen]
    assert (inside >= 0).all() and (inside < (64, 96)).all()


def test_a_correspondence_is_never_a_mean_over_two_surfaces():
    pair = dolls(1)[0]
    place = np.full((*SIZE, 2), 8.0, np.float32)
    place[:, 32:] = 48.0
    changed = windowed(replace(pair, correspondence=place), Window(0, 0, 64, 96), Window(3.3, 2.2, 40, 60), SIZE)
    assert set(np.unique(changed.correspondence)) == {8.0, 48.0}


def test_a_dye_is_the_same_in_both_images_and_leaves_skin_and_light():
    changed_garments = 0
    for seed, pair in enumerate(dolls(8)):
        changed = recoloured(pair, np.random.default_rng(seed))
        for name in ("skin", "background"):
            label = GARMENTS.index(name)
            for side in ("source", "target"):
                labels = getattr(pair, f"{side}_garments")
                deep = (labels == label) & (eroded(labels == label))
                assert (getattr(changed, side)[deep] == getattr(pair, side)[deep]).all()
        for label in (GARMENTS.index("top"), GARMENTS.index("bottom")):
            ratios = []
            for side in ("source", "target"):
                deep = eroded(getattr(pair, f"{side}_garments") == label)
                before, after = (light(getattr(one, side)[deep]) for one in (pair, changed))
                fair = (after < 0.9) & (before > 0.03)  # neither burnt out nor all quantisation
                ratios.append([np.median((after / before)[:, c][fair[:, c]]) for c in range(3)])
                for c in range(3):
                    spread = (after / before)[:, c][fair[:, c]]
                    assert spread.std() < 0.06 * spread.mean(), "folds changed"
            assert np.allclose(ratios[0], ratios[1], rtol=0.04)
            changed_garments += not np.allclose(ratios[0], 1, atol=0.05)
    assert changed_garments >= 4


def light(levels: np.ndarray) -> np.ndarray:
    value = levels / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def eroded(mask: np.ndarray) -> np.ndarray:
    wide = np.pad(mask, 1)
    return np.logical_and.reduce(
        [wide[dy : dy + len(mask), dx : dx + mask.shape[1]] for dy in range(3) for dx in range(3)]
    )


def test_the_use_decides_the_change(kept):
    first = read_pairs(kept, range(10), 1)
    assert same(first, read_pairs(kept, range(10), 1))
    assert same(first[4:5], read_pairs(kept, [4], 1)), "whatever the batch"
    for other in (read_pairs(kept, range(10, 20), 1), read_pairs(kept, range(10), 2), read_pairs(kept, range(10))):
        assert sum(torch.equal(a, b) for a, b in zip(first.source, other.source, strict=True)) < 3
    for name in ("source", "target"):
        image: Tensor = getattr(first, name)
        assert tuple(image.shape) == (10, 3, *SIZE) and float(image.abs().max()) <= 1


def test_pairs_come_at_other_sizes_and_proportions(kept):
    small = read_pairs(kept, [0, 5], size=(48, 32))
    whole = read_pairs(kept, [0, 5])
    assert torch.allclose(small.source_keypoints, whole.source_keypoints / 2, atol=1e-4)
    assert tuple(small.correspondence.shape) == (2, 48, 32, 2) and tuple(small.source_parts.shape) == (2, 48, 32)
    square = read_pairs(kept, [0, 5], 3, size=(40, 40))
    assert tuple(square.target.shape) == (2, 3, 40, 40)
    assert largest((96, 64), (40, 40)) == Window(0.0, 16.0, 64.0, 64.0)


def test_a_batch_and_its_single_pairs_are_the_same():
    ones = dolls(3)
    back = as_pairs(ones)
    for index, one in enumerate(ones):
        again = as_one(back, index)
        assert all(np.array_equal(getattr(again, f.name), getattr(one, f.name)) for f in fields(OnePair))
