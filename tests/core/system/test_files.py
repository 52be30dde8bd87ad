"""Files appear whole or not at all."""

from __future__ import annotations

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
