"""What all tests share: one real ComfyUI host, closing lines that say what ran on it, and processes of pytest-xdist."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from comfy_host import Host, find_host, running_host

HOST_MARK = "host"
if "PYTEST_XDIST_WORKER" in os.environ:  # one thread for each process and what it starts: they share the cores
    os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="ten times as many rendered people; `make test-long`")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{HOST_MARK}: runs on a real ComfyUI host")
    config.host_versions = set()  # the fixture that starts a host adds to it


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if {"host", "odd_host"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.host)
    if hasattr(config, "workerinput"):
        from dealing import place

        items.sort(key=place)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from dealing import ByFileAndHost

    return ByFileAndHost(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a process of pytest-xdist has seen."""
    node.config.host_versions.update(getattr(node, "workeroutput", {}).get("host_versions", ()))


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["host_versions"] = sorted(session.config.host_versions)


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
