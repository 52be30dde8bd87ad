"""A folder that only one command at a time writes to."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest

from dptn_core.data.custom.image_folder import FolderPlan, prepare_folder
from dptn_core.data.synthetic.figures import write_character
from dptn_core.system.folder_lock import FolderInUseError, alone_in


def test_a_second_comer_is_refused_and_a_later_one_is_not(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    with alone_in(folder):
        (folder / "mine").touch()
        with pytest.raises(FolderInUseError, match=rf"at work in {folder}.*--out"), alone_in(folder):
            pytest.fail("two were let in")
    with alone_in(folder):
        pass
    assert [path.name for path in folder.iterdir()] == ["mine"]


def test_a_folder_that_stays_empty_is_taken_away_and_an_old_one_is_not(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    for name in ("new", "old"):
        with alone_in(tmp_path / name):
            pass
    assert [path.name for path in tmp_path.iterdir()] == ["old"]


@pytest.mark.parametrize("error", [NotImplementedError("flock"), OSError(errno.ENOSPC, "full")], ids=repr)
def test_where_there_are_no_locks_the_work_goes_on_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr("filelock.BaseFileLock.acquire", fail)
    with alone_in(tmp_path / "folder"):
        (tmp_path / "folder" / "mine").touch()
    assert "cannot be locked" in caplog.text and (tmp_path / "folder" / "mine").exists()


def test_two_sets_are_not_laid_out_in_one_folder_at_once(tmp_path: Path) -> None:
    list(write_character(tmp_path / "drawn", 5, 4, (160, 120)))
    plan = FolderPlan(size=(64, 48))
    with alone_in(tmp_path / "set"), pytest.raises(FolderInUseError):
        prepare_folder(tmp_path / "drawn", tmp_path / "set", plan)
    assert prepare_folder(tmp_path / "drawn", tmp_path / "set", plan).people == 1
