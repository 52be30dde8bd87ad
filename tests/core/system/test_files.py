"""Files appear whole or not at all."""

from __future__ import annotations

import errno
import os
import stat

import numpy as np
import pytest
from safetensors.numpy import save_file

from dptn_core.system import files


def test_files_appear_whole_under_their_suffix_in_folders_that_are_made(tmp_path):
    path = tmp_path / "some" / "folder" / "picture.png"
    with files.written_beside(path) as beside:
        assert beside.suffix == ".png"
        assert beside.parent == path.parent
        beside.write_bytes(b"whole")
        assert not path.exists()
    assert path.read_bytes() == b"whole"
    assert [p.name for p in path.parent.iterdir()] == ["picture.png"]


def test_the_folder_is_on_the_disk_too_once_the_name_is_in_it(tmp_path, monkeypatch):
    synced = []

    def note(number: int) -> None:
        synced.append("folder" if stat.S_ISDIR(os.fstat(number).st_mode) else "file")
        if synced[-1] == "folder":
            assert (tmp_path / "picture.png").exists()

    monkeypatch.setattr(files.os, "fsync", note)
    with files.written_beside(tmp_path / "picture.png") as beside:
        beside.write_bytes(b"whole")
    assert synced == ["file", "folder"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0o077, 0o600)])
def test_who_may_read_new_files_may_read_these_whatever_wrote_them(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        with files.written_beside(tmp_path / "model.safetensors") as beside:
            save_file({"x": np.zeros(1)}, beside)
            beside.chmod(0o600)  # older versions of safetensors do not
        with files.written_beside(tmp_path / "scores.json") as beside:
            beside.write_text("{}")
    finally:
        os.umask(before)
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {
        "model.safetensors": mode,
        "scores.json": mode,
    }


def test_what_writes_nothing_leaves_nothing(tmp_path):
    with pytest.raises(FileNotFoundError), files.written_beside(tmp_path / "model.safetensors"):
        pass
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_said_of_the_file_that_was_to_be_written(tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def refused(source: str, target: str) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(source), None, str(target))

    for name, fault in (("fsync", full), ("replace", refused)):
        with monkeypatch.context() as patch, pytest.raises(OSError) as caught:
            patch.setattr(files.os, name, fault)
            with files.written_beside(tmp_path / "scores.json") as beside:
                beside.write_text("{}")
        assert caught.value.filename == str(tmp_path / "scores.json") and ".part" not in str(caught.value)
        assert isinstance(caught.value, PermissionError) == (name == "replace")
    assert not list(tmp_path.iterdir())
    with pytest.raises(FileNotFoundError, match="elsewhere"), files.written_beside(tmp_path / "scores.json"):
        (tmp_path / "elsewhere").read_bytes()  # another file's fault stays its own


def test_what_killed_processes_left_is_removed_and_nothing_else(tmp_path):
    left = [".a[1].77.part.png", ".b.8.part.json", ".c.9.part", ".b.x.8.part.json"]
    others = [".a1.77.part.png", ".a[1].77.part.jpg", "b.8.part.json", ".b.part.json", "a[1].png"]
    for name in left + others:
        (tmp_path / name).touch()
    names = ("a[1].png", "b.json", "c", "b.x.json")
    files.remove_leftovers(*(tmp_path / name for name in names), tmp_path / "no folder" / "d.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(others)


@pytest.mark.parametrize("name", ["wave.json:hidden", "poses/wave.json:hidden.json", "wave.json::$DATA", "a:b"])
def test_windows_streams_are_known_by_their_names_there(name):
    assert files.names_a_stream(name, "nt")
    assert not files.names_a_stream(name, "posix")
    assert not files.names_a_stream(name.partition(":")[0], "nt")


def test_a_place_that_cannot_be_written_is_known_before_and_nothing_is_made(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("x")
    files.check_writable(tmp_path / "new" / "folder" / "scores.json")
    for path, said in ((tmp_path, "it is a folder"), (tmp_path / "file" / "a" / "scores.json", "is not a folder")):
        with pytest.raises(OSError) as caught:
            files.check_writable(path)
        assert said in caught.value.strerror and caught.value.filename == str(path)
    monkeypatch.setattr(files.os, "access", lambda *_: False)
    with pytest.raises(PermissionError, match="no permission to write in"):
        files.check_writable(tmp_path / "new" / "scores.json")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
