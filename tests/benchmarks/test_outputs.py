"""What a benchmark could not write in the end, it refuses before it begins."""

from __future__ import annotations

import importlib
import sys

import pytest

pytest.importorskip("anny", reason="rendering people wants the extra train")
pytest.importorskip("warp", reason="rendering people wants the extra train")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("photographs", ["a.png", "--sheet"]),
        ("own_images", ["set", "carrier", "--sheet"]),
        ("texture", ["--sheet"]),
        ("people", ["a.safetensors", "--sheet"]),
        ("training.__main__", ["--out"]),
        ("ablation.carrier", ["--out"]),
        ("ablation.__main__", ["--out"]),
    ],
)
def test_an_output_that_cannot_be_written_is_refused_before_the_work(name, arguments, tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    names = ["file/in/it.png"] if arguments[-1] == "--out" else ["file/in/it.png", "sheet", "sheet.xyz"]
    main = importlib.import_module(f"benchmarks.{name}").main
    for output in names:
        monkeypatch.setattr(sys, "argv", [name, *arguments, str(tmp_path / output)])
        with pytest.raises(SystemExit) as stop:
            main()
        assert stop.value.code == 2 and "cannot be written" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
