"""What all tests share: one real ComfyUI host, and closing lines that say what ran on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from comfy_host import Host, find_host, running_host

HOST_MARK = "host"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="ten times as many rendered people; `make test-long`")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{HOST_MARK}: runs on a real ComfyUI host")
    config.host_versions = set()  # the fixture that starts a host adds to it


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
        request.config.host_versions.add(f"ComfyUI {version}")
        yield running


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many host tests ran, on what, and why any did not."""

    def of_host(kind: str) -> list[pytest.TestReport]:
        return [one for one in terminalreporter.stats.get(kind, []) if HOST_MARK in getattr(one, "keywords", {})]

    ran = sum(one.when == "call" for kind in ("passed", "failed") for one in of_host(kind))
    versions = ", ".join(sorted(terminalreporter.config.host_versions))
    terminalreporter.write_line(f"host tests: {ran} ran{f' on {versions}' if versions else ''}")
    skipped = of_host("skipped")
    for reason in sorted({one.longrepr[2] for one in skipped if isinstance(one.longrepr, tuple)}):
        terminalreporter.write_line(f"host tests: {len(skipped)} skipped: {reason}")
