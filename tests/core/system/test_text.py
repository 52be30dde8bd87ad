"""Text that every console, log and socket can hold."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest

from dptn_core.system.text import printable


@pytest.mark.parametrize("text", ["", "plain", "日本 Fréchet \N{GRINNING FACE}"])
def test_text_that_can_be_printed_stays(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, io.TextIOWrapper(io.BytesIO(), "utf-8"))
    assert printable(text) == text


@pytest.mark.parametrize(("text", "shown"), [("\ud800.json", "\\ud800.json"), ("a\udcff", "a\\udcff")])
def test_lone_surrogates_are_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_the_console_decides_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(io.BytesIO(), "cp1252"))
    assert printable("é 日") == "é \\u65e5"


def test_the_command_line_names_files_of_any_name() -> None:
    code = """
import sys
from dptn_core.cli import main
for encoding in ("utf-8", "cp1252", "ascii"):
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding=encoding, errors=stream.errors)
    assert main(["convert", sys.argv[1], "x.safetensors"]) == 2
"""
    words = ["-c", code, b"\xff\xe6\x97\xa5.pth"]
    run = subprocess.run([sys.executable, *words], capture_output=True, env={"PATH": ""})
    assert run.returncode == 0 and b"Traceback" not in run.stderr
    lines = run.stderr.splitlines()
    assert len(lines) == 3
    assert all(line.startswith(b"dptn convert: ") and b"\\udcff" in line for line in lines)


def test_control_characters_cannot_move_a_terminal() -> None:
    assert printable("m\x1b[31m.png\x00\x9b") == "m\\x1b[31m.png\\x00\\x9b"
    assert printable("two\n\tlines") == "two\n\tlines"
