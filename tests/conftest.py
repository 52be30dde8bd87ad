"""What all tests share: the closing lines about tests on the real host."""

from __future__ import annotations

import pytest

HOST_MARK = "host"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{HOST_MARK}: runs on a real ComfyUI host")
    config.host_versions = set()  # the fixture that starts a host adds to it


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many host tests ran, on what, and why any did not."""
    reports = {
        kind: [
            report
            for report in terminalreporter.stats.get(kind, [])
            if HOST_MARK in getattr(report, "keywords", {}) and (report.when == "call" or kind == "skipped")
        ]
        for kind in ("passed", "failed", "skipped")
    }
    ran = len(reports["passed"]) + len(reports["failed"])
    versions = sorted(terminalreporter.config.host_versions)
    terminalreporter.write_line(f"host tests: {ran} ran{' on ' + ', '.join(versions) if versions else ''}")
    reasons = sorted({report.longrepr[2] for report in reports["skipped"] if isinstance(report.longrepr, tuple)})
    for reason in reasons:
        terminalreporter.write_line(f"host tests: {len(reports['skipped'])} skipped: {reason}")
