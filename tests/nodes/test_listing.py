"""The list of files in `input`: complete at any moment, and made anew only where something changed."""

from __future__ import annotations

import os
import sys
import time
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from comfy_host import PACK

# nodes.listing by its file: the package around it imports the host
_spec = spec_from_file_location("listing", PACK / "nodes" / "listing.py")
assert _spec is not None and _spec.loader is not None
listing = module_from_spec(_spec)
sys.modules["listing"] = listing
_spec.loader.exec_module(listing)


def found(folder: Path) -> list[str]:
    return sorted(listing.files_below(folder, ".json"))


def settle(folder: Path) -> None:
    """Make a folder look as if nothing had changed for a minute."""
    before = time.time() - 60
    os.utime(folder, (before, before))


def test_files_of_all_folders_are_listed_whatever_the_case_of_their_suffix(tmp_path: Path) -> None:
    (tmp_path / "poses" / "old").mkdir(parents=True)
    for name in ("a.json", "b.JSON", "c.png", ".json", "poses/d.json", "poses/old/e.json"):
        (tmp_path / name).write_text("[]")
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "linked").symlink_to(tmp_path / "poses", target_is_directory=True)
    (tmp_path / "linked.json").symlink_to(tmp_path / "a.json")
    (tmp_path / "gone.json").symlink_to(tmp_path / "nothing")
    (tmp_path / "round.json").symlink_to(tmp_path / "and round.json")
    (tmp_path / "and round.json").symlink_to(tmp_path / "round.json")
    assert found(tmp_path) == ["a.json", "b.JSON", "linked.json", "poses/d.json", "poses/old/e.json"]
    assert found(tmp_path / "missing") == []


def test_what_comes_and_goes_is_seen_at_once(tmp_path: Path) -> None:
    (tmp_path / "poses").mkdir()
    settle(tmp_path)
    settle(tmp_path / "poses")
    assert found(tmp_path) == []
    (tmp_path / "poses" / "new.json").write_text("[]")
    assert found(tmp_path) == ["poses/new.json"]
    (tmp_path / "poses" / "newer.json").write_text("[]")
    assert found(tmp_path) == ["poses/new.json", "poses/newer.json"]
    (tmp_path / "poses" / "new.json").unlink()
    assert found(tmp_path) == ["poses/newer.json"]


def test_twenty_thousand_images_are_looked_through_once(tmp_path: Path) -> None:
    for number in range(20_000):
        (tmp_path / f"{number}.png").touch()
    (tmp_path / "pose.json").write_text("[]")
    settle(tmp_path)
    assert found(tmp_path) == ["pose.json"]
    before = time.process_time()
    for _ in range(100):
        assert found(tmp_path) == ["pose.json"]
    assert time.process_time() - before < 0.5
