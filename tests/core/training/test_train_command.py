"""`dptn train` as a process: killed, interrupted, started twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from training_fixture import (
    ALONE_ON_CPU,
    ONE_STAGE,
    TINY,
    assert_same_run,
    changed,
    content_of,
    leftovers,
    not_a_number_from,
    run,
    write_toml,
)

from dptn_core import cli
from dptn_core.training import load_config, loop

pytestmark = pytest.mark.usefixtures("one_thread")


ROOT = Path(__file__).parents[3]


def started(tmp_path: Path, steps: int) -> tuple[subprocess.Popen[str], Path, Path]:
    """`dptn train` as a process of its own, its config and its checkpoint."""
    values = changed(TINY, **ONE_STAGE)
    values["stages"][0]["steps"] = steps
    config = write_toml(tmp_path / "tiny.toml", values)
    command = ["-m", "dptn_core.cli", "train", "--config", str(config), "--out", str(tmp_path / "run")]
    process = subprocess.Popen(
        [sys.executable, *command, "--device", "cpu", "--processes", "1"],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        # where the tests themselves run in the background, Ctrl-C is ignored and would be here as well
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    return process, config, tmp_path / "run" / "training.pt"


def wait_for_step(process: subprocess.Popen[str], path: Path, step: int) -> None:
    deadline = time.monotonic() + 120
    while not (path.exists() and content_of(path)["step"] >= step):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise AssertionError(f"no step {step} was reached: {process.communicate()[1][-2000:]}")
        time.sleep(0.02)


@pytest.mark.skipif(os.name == "nt", reason="no such signals there")
def test_a_run_has_its_folder_alone_and_killed_at_any_moment_goes_on_to_the_same_end(tmp_path, capsys):
    process, config_path, path = started(tmp_path, steps=100_000)
    again = ["train", "--config", str(config_path), "--out", str(path.parent), *ALONE_ON_CPU, "--steps"]
    wait_for_step(process, path, random.randint(2, 5))  # noqa: S311
    assert cli.main([*again, "1"]) == 2
    assert f"another dptn command is at work in {path.parent}" in capsys.readouterr().err
    assert process.poll() is None, "the run that was first should go on"
    time.sleep(random.uniform(0, 0.15))  # noqa: S311
    process.kill()  # it can let go of nothing itself
    assert process.wait() == -signal.SIGKILL
    process.stderr.close()
    survived = content_of(path)["step"]
    assert survived >= 2
    assert cli.main([*again, "3"]) == 0
    assert content_of(path)["step"] == survived + 3
    assert not leftovers(path.parent)
    whole = run(tmp_path / "whole", load_config(config_path), stop_after=survived + 3)
    assert_same_run(path, whole)


@pytest.mark.skipif(os.name == "nt", reason="no such signals there")
def test_ctrl_c_saves_and_exits_with_130(tmp_path):
    process, config_path, path = started(tmp_path, steps=100_000)
    wait_for_step(process, path, 2)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors[-2000:]
    assert "dptn train: stopped at step" in errors
    assert "Traceback" not in errors
    assert not leftovers(path.parent)
    step = content_of(path)["step"]
    resumed = run(path.parent, load_config(config_path), stop_after=1)
    assert_same_run(resumed, run(tmp_path / "whole", load_config(config_path), stop_after=step + 1))


def test_the_command_line_says_so_in_a_line_and_the_run_can_go_on(finished, tmp_path, monkeypatch, capsys):
    config = write_toml(tmp_path / "tiny.toml", TINY)
    command = ["train", "--config", str(config), "--out", str(tmp_path / "run"), *ALONE_ON_CPU]
    monkeypatch.setattr(loop, "PairSource", not_a_number_from(3))
    assert cli.main(command) == 2
    errors = capsys.readouterr().err
    assert "dptn train: step 3" in errors
    assert "Traceback" not in errors
    monkeypatch.undo()
    assert cli.main(command) == 0
    assert_same_run(tmp_path / "run" / "training.pt", finished / "training.pt")


@pytest.mark.parametrize("steps", ["0", "-3", "many"])
def test_a_number_of_steps_that_is_none_is_refused(tmp_path, steps, capsys):
    with pytest.raises(SystemExit):
        cli.main(["train", "--config", "a.toml", "--out", str(tmp_path), "--steps", steps])
    assert "--steps" in capsys.readouterr().err
