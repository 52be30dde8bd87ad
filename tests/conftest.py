"""What all tests share: real ComfyUI hosts, closing lines that say what ran on it, and processes of pytest-xdist."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from comfy_host import Host
from hosts import Hosts, find_places, hosts_of

from dptn_core.system.cores import usable_cores

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
        if {"hosts", "odd_host"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.host)
    if hasattr(config, "workerinput"):
        from dealing import place

        items.sort(key=place)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: what runs on the host waits for it and for the browser half of the time."""
    return usable_cores() + 1


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
def hosts(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Hosts]:
    """All hosts and front ends there are; none is started yet."""
    places = find_places()
    if isinstance(places, str):
        pytest.skip(places)
    with hosts_of(places, lambda: tmp_path_factory.mktemp("comfy")) as found:
        found.versions = request.config.host_versions
        yield found


@pytest.fixture(scope="session")
def first_host(hosts: Hosts) -> Host:
    return hosts.first()


@pytest.fixture(scope="session")
def host(first_host: Host) -> Host:
    return first_host


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many host tests ran, on what, and why any did not."""

    def of_host(kind: str) -> list[pytest.TestReport]:
        return [one for one in terminalreporter.stats.get(kind, []) if HOST_MARK in getattr(one, "keywords", {})]

    ran = sum(one.when == "call" for kind in ("passed", "failed") for one in of_host(kind))
    versions = ", ".join(sorted(terminalreporter.config.host_versions))
    terminalreporter.write_line(f"host tests: {ran} ran{f' on {versions}' if versions else ''}")
    reasons = Counter(one.longrepr[2] for one in of_host("skipped") if isinstance(one.longrepr, tuple))
    for reason, count in sorted(reasons.items()):
        terminalreporter.write_line(f"host tests: {count} skipped: {reason}")
