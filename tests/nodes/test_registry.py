"""What the ComfyUI registry reads and what its archive holds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import PurePosixPath
from typing import Any

import pytest
from comfy_host import PACK
from PIL import Image

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MAX_ICON = 400  # pixels a side
BANNER = 21 / 9  # width by height


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((PACK / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def packed() -> set[str]:
    """Files that `comfy node pack` takes: those under version control that .comfyignore does not name."""
    command = ["git", "ls-files", "-z"]
    listed = subprocess.run(command, cwd=PACK, capture_output=True, text=True, check=False)
    if listed.returncode or not listed.stdout:
        pytest.skip("not a git checkout")
    lines = (PACK / ".comfyignore").read_text(encoding="utf-8").splitlines()
    ignored = [line for line in lines if line and not line.startswith("#")]
    assert not any(set(line) & set("*?[!") for line in ignored), "this test reads plain files and folders only"
    folders = tuple(line for line in ignored if line.endswith("/"))
    names = (name for name in listed.stdout.split("\0") if name)
    return {name for name in names if name not in ignored and not name.startswith(folders)}


@pytest.mark.parametrize("key", ["Icon", "Banner"])
def test_images_are_files_of_the_repository_that_is_named(project, key):
    owner_and_name = project["project"]["urls"]["Repository"].removeprefix("https://github.com/")
    start = f"https://raw.githubusercontent.com/{owner_and_name}/main/"
    address = project["tool"]["comfy"][key]
    assert address.startswith(start)
    assert (PACK / address.removeprefix(start)).is_file()


def test_the_images_have_the_shapes_that_the_registry_wants(project):
    name = {key: PurePosixPath(project["tool"]["comfy"][key]).name for key in ("Icon", "Banner")}
    with Image.open(PACK / "docs" / "images" / name["Icon"]) as icon:
        assert icon.width == icon.height <= MAX_ICON
    with Image.open(PACK / "docs" / "images" / name["Banner"]) as banner:
        assert banner.width / banner.height == pytest.approx(BANNER, abs=0.01)


def test_no_accelerator_is_required(project):
    """A manager warns people whose GPU is not among those a pack names."""
    assert not [one for one in project["project"]["classifiers"] if one.startswith("Environment ::")]


def test_the_archive_holds_what_runs_and_nothing_of_development(packed):
    wanted = {"__init__.py", "pyproject.toml", "requirements.txt", "LICENSE", "NOTICE", "README.md"}
    assert wanted <= packed
    for folder, suffix in (
        ("dptn_core/weights", ".safetensors"),
        ("nodes", ".py"),
        ("web", ".js"),
        ("web", ".mjs"),
        ("locales", ".json"),
    ):
        there = {path.relative_to(PACK).as_posix() for path in (PACK / folder).rglob(f"*{suffix}")}
        assert there and there <= packed
    tops = {name.split("/")[0] for name in packed}
    assert not tops & {"tests", "benchmarks", "tools", ".ci", ".github", "Makefile", "CONTRIBUTING.md"}
