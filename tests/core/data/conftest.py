"""Fixtures of tests of images of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from image_folder_fixture import person


@pytest.fixture
def anna(tmp_path: Path) -> Path:
    """Folder of one person, three good images."""
    for index in range(3):
        person(tmp_path / "anna" / f"{index}.png", index)
    return tmp_path / "anna"
