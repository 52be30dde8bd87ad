"""Documents name files that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATH = re.compile(r"`([\w./-]+/[\w.-]*\.?\w+|\w+\.(?:py|toml|json|md))/?`")
PLACES = (
    *("", "nodes", "dptn_core", "dptn_core/data", "dptn_core/data/published"),
    *("dptn_core/training", "dptn_core/training/carrier_training"),
)
ELSEWHERE = (".", "~", "models/", "utils.py")  # of users and hosts; and the name no file here has


def exists(name: str) -> bool:
    return any((ROOT / place / name).exists() for place in PLACES)


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_files_that_recipes_name_are_there(page: str) -> None:
    text = (ROOT / page).read_text()
    named = [name for name in PATH.findall(text) if "<" not in name and not name.startswith(ELSEWHERE)]
    assert len(named) > 10
    assert [name for name in named if not exists(name)] == []
