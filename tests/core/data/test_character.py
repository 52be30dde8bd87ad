"""A drawn character in many poses: one person throughout, and pose files that fit the images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from dptn_core.cli import main
from dptn_core.data.custom.image_folder import FolderPlan, prepare_folder
from dptn_core.data.synthetic.figures import draw_character, draw_pairs, pair_seeds, write_character
from dptn_core.image_io import read_image
from dptn_core.pose import Canvas, Pose, load_pose_file
from dptn_core.system.folder_lock import alone_in

SIZE = (128, 96)  # (H, W)
COUNT = 10


@pytest.fixture(scope="module")
def drawn() -> list[tuple[torch.Tensor, Pose]]:
    return list(draw_character(5, COUNT, SIZE))


def ground(image: torch.Tensor) -> torch.Tensor:
    """The corners, where nobody is as a rule."""
    return image[:, :4, :4].flatten(1).mean(1)


def test_pictures_and_poses_have_the_size_that_is_asked_for(drawn: list[tuple[torch.Tensor, Pose]]) -> None:
    assert len(drawn) == COUNT
    for image, pose in drawn:
        assert image.shape == (3, *SIZE) and image.dtype == torch.float32
        assert 0 <= image.min() < image.max() <= 1
        assert pose.canvas == Canvas(SIZE[1], SIZE[0]) and pose.present.sum() >= 4
        assert (pose.keypoints[pose.present] >= 0).all() and (pose.keypoints[pose.present] < (96, 128)).all()


@pytest.mark.parametrize("count", [1, 3])
def test_fewer_are_the_first_of_more(drawn: list[tuple[torch.Tensor, Pose]], count: int) -> None:
    some = list(draw_character(5, count, SIZE))
    assert len(some) == count
    for (image, pose), (wanted, wanted_pose) in zip(some, drawn, strict=False):
        assert torch.allclose(image, wanted, atol=1e-5) and pose == wanted_pose


def test_it_is_one_character_in_other_poses(drawn: list[tuple[torch.Tensor, Pose]]) -> None:
    poses = [pose.keypoints for _, pose in drawn]
    for index, one in enumerate(poses):
        assert all(np.abs(one - other).max() > 3 for other in poses[:index])
    first = torch.stack([ground(image) for image, _ in drawn])
    assert (first - first.median(0).values).abs().amax(1).median() < 0.05  # the same surroundings
    stranger = torch.stack([ground(image) for image, _ in draw_character(6, 4, SIZE)])
    assert (first.median(0).values - stranger.median(0).values).abs().max() > 0.1


def test_the_figure_is_the_one_of_its_seed() -> None:
    """Only the poses are drawn anew: pair 0 of the set holds the same colours as pair 0 of the character."""
    (image, _), (other, _) = draw_character(9, 2, SIZE)
    pair = draw_pairs(pair_seeds(9, 0, 1), SIZE)
    assert torch.allclose(image, (pair.source[0].float() + 1) / 2, atol=1e-5)
    assert torch.allclose(other, (pair.target[0].float() + 1) / 2, atol=1e-5)


def test_keypoints_lie_on_the_figure() -> None:
    """Hidden ones included, they are covered by the figure in the same image, or miss it by a pixel or two."""
    seed, on, all_of_them = 5, 0, 0
    poses = pair_seeds(seed, 0, 4)
    pairs = draw_pairs(pair_seeds(seed, 0, 1).expand(4), SIZE, pose_seeds=poses)
    for index, (_, pose) in enumerate(draw_character(seed, 8, SIZE)):
        mask = (pairs.source_mask, pairs.target_mask)[index % 2][index // 2]
        for x, y in pose.keypoints[pose.present].astype(int):
            all_of_them += 1
            on += bool(mask[max(y - 2, 0) : y + 3, max(x - 2, 0) : x + 3].any())
    assert all_of_them > 80 and on / all_of_them > 0.98


def test_pose_files_lie_beside_the_pictures_and_fit_them(
    tmp_path: Path, drawn: list[tuple[torch.Tensor, Pose]]
) -> None:
    paths = list(write_character(tmp_path / "new" / "folder", 5, COUNT, SIZE))
    assert [path.name for path in paths] == [f"{index:03}.png" for index in range(COUNT)]
    for path, (image, pose) in zip(paths, drawn, strict=True):
        assert (read_image(path) - image).abs().max() < 1 / 255
        (people,) = load_pose_file(path.with_suffix(".json"))
        assert people.people == (pose,) and people.canvas == pose.canvas
    assert sum(1 for _ in paths[0].parent.iterdir()) == 2 * COUNT


def test_a_set_can_be_made_of_it(tmp_path: Path) -> None:
    assert main(["figures", "--character", str(tmp_path / "drawn"), "--pictures", "6", "--size", "120x160"]) == 0
    summary = prepare_folder(tmp_path / "drawn", tmp_path / "set", FolderPlan(size=(64, 48)))
    assert summary.people == 1 and sum(summary.images.values()) >= 4


def test_one_run_at_a_time_writes_a_character_and_clears_up_after_a_killed_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "drawn"
    arguments = ["figures", "--character", str(folder), "--pictures", "2", "--size", "24x32"]
    with alone_in(folder):
        (folder / ".000.4194305.part.png").touch()
        (folder / ".001.4194305.part.json").touch()
        assert main(arguments) == 2
    assert f"at work in {folder}; wait for it, stop it, or choose another folder with --character" in (
        capsys.readouterr().err
    )
    assert main(arguments) == 0
    assert sorted(path.name for path in folder.iterdir()) == ["000.json", "000.png", "001.json", "001.png"]


def test_a_stopped_run_goes_on_and_another_character_is_not_mixed_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "drawn"
    for _, path in zip(range(2), write_character(folder, 5, 4, (32, 24)), strict=False):
        assert path.is_file()
    assert len(list(write_character(folder, 5, 4, (32, 24)))) == 4
    before = sorted(folder.iterdir())
    capsys.readouterr()
    assert main(["figures", "--character", str(folder), "--pictures", "2", "--size", "24x32", "--seed", "9"]) == 2
    error = capsys.readouterr().err
    assert error == f"dptn figures: {folder} holds other images, 002.png first; name a new folder\n"
    assert sorted(folder.iterdir()) == before
    mine = (folder / "000.png").read_bytes()
    assert main(["figures", "--character", str(folder), "--pictures", "4", "--size", "24x32", "--seed", "9"]) == 2
    error = capsys.readouterr().err
    assert error == f"dptn figures: {folder / '000.png'} already exists with another image; name a new folder\n"
    (folder / "000.png").write_text("no image at all")
    with pytest.raises(FileExistsError, match=r"000\.png already exists"):
        list(write_character(folder, 5, 4, (32, 24)))
    (folder / "000.png").write_bytes(mine)
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--character", "FILE"], "is a file; name a folder for the character"),
        (["--character", "FOLDER", "--size", "8x8"], "at least 16 x 16"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    (tmp_path / "file").write_text("mine")
    places = {"FILE": str(tmp_path / "file"), "FOLDER": str(tmp_path / "folder")}
    capsys.readouterr()
    assert main(["figures", *(places.get(word, word) for word in arguments)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("dptn figures: ") and says in error and error.count("\n") == 1
    assert (tmp_path / "file").read_text() == "mine" and not (tmp_path / "folder").exists()
