"""One real host for all tests of the blocks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from comfy_host import Host, find_host, running_host


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "host" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.host)


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Host]:
    found = find_host()
    if isinstance(found, str):
        pytest.skip(found)
    folder, python = found
    with running_host(folder, python, tmp_path_factory.mktemp("comfy") / "base") as running:
        version = running.get("/system_stats")["system"]["comfyui_version"]
        request.config.host_versions.add(f"ComfyUI {version} ({Path(folder).name})")
        yield running
