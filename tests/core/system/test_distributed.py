"""Several processes, started by `dptn train` or by `accelerate launch`: one run, resumed by all, ended as one."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import torch

from dptn_core import samples
from dptn_core.cli import main
from dptn_core.system.distributed import Processes, join_processes

ROOT = Path(__file__).parents[3]
CONFIG = """
[[stages]]
height = 64
width = 48
batch = 8
steps = {steps}
learning_rate = 2e-4

[generator]
base_features = 8
max_features = 32
residual_blocks = 1
context_blocks = 1
texture_blocks = 1
norm = "{norm}"

[discriminator]
base_features = 4
max_features = 8
layers = 2

[losses]
content = 0.0
style = 0.0

[run]
precision = "fp32"
log_every = 1
save_every = 2
sheet_every = 4
"""


@pytest.fixture
def config(tmp_path):
    def write(steps: int, norm: str = "instance") -> Path:
        path = tmp_path / f"{norm}{steps}.toml"
        path.write_text(CONFIG.format(steps=steps, norm=norm))
        return path

    return write


def command(processes: int, *arguments: object, launched: bool = False) -> list[str]:
    """A command shared by so many processes, which accelerate starts if it is `launched` or knows no `--processes`."""
    own = arguments[0] == "train" and not launched
    dptn = ["-m", "dptn_core.cli", *map(str, arguments), *(["--processes", str(processes)] if own else [])]
    if processes == 1 or own:
        return [sys.executable, *dptn]
    # accelerate's name for its starter that needs no MPI, which is also the one for CPUs
    launch = ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_machines", "1", "--mixed_precision", "no"]
    port = ["--main_process_port", "0", "--dynamo_backend", "no"]
    return [sys.executable, *launch, *port, "--num_processes", str(processes), *dptn]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}


def attempt(processes: int, *arguments: object, launched: bool = False) -> subprocess.CompletedProcess[str]:
    given = command(processes, *arguments, launched=launched)
    return subprocess.run(given, capture_output=True, text=True, env=environment(), timeout=300)


def run(processes: int, *arguments: object, launched: bool = False) -> str:
    done = attempt(processes, *arguments, launched=launched)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def run_here(*arguments: object) -> int:
    """The command in this process, which has torch already; with `--processes`, only the others are started."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        return main([str(argument) for argument in arguments])


def losses_of(folder: Path) -> list[float]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder / "logs"))
    events.Reload()
    return [one.value for one in events.Scalars("total")]


def step_of(folder: Path) -> int:
    content = torch.load(folder / "training.pt", map_location="cpu", weights_only=True)
    return int(content["step"])


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Callable[..., Path]:
    """Folder of a run of 8 steps that nobody disturbed, by its norm and processes; tests only read it."""

    @cache
    def trained(norm: str, processes: int, launched: bool = False) -> Path:
        folder = tmp_path_factory.mktemp("whole")
        (folder / "run.toml").write_text(CONFIG.format(steps=8, norm=norm))
        given = ("train", "--config", folder / "run.toml", "--out", folder / "run", "--device", "cpu")
        if processes == 1:
            assert run_here(*given, "--processes", 1) == 0
            return folder / "run"
        assert run(processes, *given, launched=launched).count("wrote") == 1, "only the first process speaks"
        return folder / "run"

    return trained


def assert_alike(together: list[float], alone: list[float]) -> None:
    """The same losses at first; then sums in another order grow, as they do between two numbers of threads."""
    assert len(alone) == len(together) == 8
    assert together[:4] == pytest.approx(alone[:4], rel=2e-3)
    assert sum(together) == pytest.approx(sum(alone), rel=0.02)


@pytest.mark.parametrize(("norm", "launched"), [("instance", True), ("batch", False)])
def test_two_processes_lose_as_one_does_at_the_same_batch(whole, norm, launched):
    shared = whole(norm, 2, launched)
    assert_alike(losses_of(shared), losses_of(whole(norm, 1)))
    assert step_of(shared) == 8
    assert sorted(file.name for file in (shared / "sheets").iterdir()) == ["0000004.png", "0000008.png"]


def test_every_process_resumes_where_the_run_was_however_it_is_started(tmp_path, config, whole):
    given = ("train", "--config", config(8, "batch"), "--out", tmp_path / "run", "--device", "cpu")
    out = tmp_path / "run"
    assert run_here(*given, "--processes", 2, "--steps", 3) == 0
    assert step_of(out) == 3
    run(2, *given, launched=True)
    assert_alike(losses_of(out), losses_of(whole("batch", 1)))
    folders = (out, whole("batch", 2))
    one, other = (torch.load(folder / "training.pt", weights_only=True)["ema"] for folder in folders)
    for name, value in one.items():
        torch.testing.assert_close(value, other[name], rtol=1e-4, atol=1e-5, msg=name)


def started(processes: int, *arguments: object, launched: bool = False) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(processes, *arguments, launched=launched),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        # where the tests themselves run in the background, Ctrl-C is ignored and would be here as well
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def wait_for(path: Path, process: subprocess.Popen[str], step: int = 1) -> None:
    """Until a checkpoint is of that step or later."""
    deadline = time.monotonic() + 240
    while not (path.exists() and step_of(path.parent) >= step):
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()[1][-2000:]
        time.sleep(0.2)


@pytest.mark.skipif(os.name == "nt", reason="no such signals there")
def test_a_shared_run_that_is_stopped_saves_and_goes_on_with_any_number_of_processes(tmp_path, config):
    out = tmp_path / "run"
    given = ("train", "--config", config(100_000), "--out", out, "--device", "cpu")
    step = 0
    for number in (signal.SIGINT, signal.SIGTERM):
        process = started(2, *given)
        wait_for(out / "training.pt", process, step + 1)
        process.send_signal(number)
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 130, errors[-2000:]
        assert errors.count("dptn train: stopped at step") == 1 and "Traceback" not in errors
        assert [path.name for path in out.glob("*training*")] == ["training.pt"]
        step = step_of(out)
        assert run_here(*given, "--processes", 1, "--steps", 1) == 0
        step += 1
        assert step_of(out) == step


def test_an_error_is_said_once_for_all_processes(tmp_path, config, whole, capfd):
    out = tmp_path / "run"
    shutil.copytree(whole("batch", 2), out)
    given = ("train", "--config", config(10, "instance"), "--out", out, "--device", "cpu")
    assert run_here(*given, "--processes", 2) == 2
    said = capfd.readouterr().err
    assert said.count("restore the old sizes or choose another") == 1
    assert "Traceback" not in said


def test_two_processes_score_what_one_does(tmp_path, capsys):
    given = ("evaluate", "--pairs", 5, "--device", "cpu", "--precision", "fp32", "--out")
    assert run_here(*given, tmp_path / "1") == 0
    for said in (capsys.readouterr().out, run(2, *given, tmp_path / "2")):
        assert json.loads(said)["pairs"] == 5
    one, other = ((tmp_path / name / "pairs.csv").read_text() for name in ("1", "2"))
    rows, more = (list(csv.DictReader(text.splitlines())) for text in (one, other))
    assert [row["number"] for row in more] == [row["number"] for row in rows]
    for row, again in zip(rows, more, strict=True):
        assert float(again["psnr"]) == pytest.approx(float(row["psnr"]), abs=1e-3)


def test_two_processes_share_the_pictures_and_poses_of_a_transfer(tmp_path):
    poses = [target for target in samples.FIGURE_TARGETS][:3]
    images = ("--image", *[samples.FIGURE] * 3, "--source-pose", *[samples.FIGURE_POSE] * 3)
    said = run(2, "transfer", *images, "--target-pose", *poses, "--out", tmp_path, "--device", "cpu")
    assert said.count("wrote") == 9
    for number in range(3):
        assert {path.name for path in (tmp_path / f"{samples.FIGURE.stem}_{number}").iterdir()} == {
            f"{pose.stem}{part}.png" for pose in poses for part in ("", "_skeleton")
        }


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
@pytest.mark.parametrize("launched", [False, True])
def test_the_death_of_one_ends_the_run_with_the_last_checkpoint_whole(tmp_path, config, launched):
    out = tmp_path / "run"
    given = ("train", "--config", config(100_000), "--out", out, "--device", "cpu")
    process = started(2, *given, launched=launched)
    try:
        wait_for(out / "training.pt", process)
        workers = _below(process.pid)
        assert len(workers) == 2
        os.kill(workers[1], signal.SIGKILL)
        _, errors = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == (1 if launched else 2)
    if not launched:
        assert "was killed by SIGKILL" in errors and "Traceback" not in errors
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers), "a process goes on by itself"
    assert step_of(out) % 2 == 0, "only whole checkpoints are kept"


def _below(parent: int) -> list[int]:
    """Processes that a process started and that compute: multiprocessing has a helper beside them."""
    listed = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [int(pid) for pid in listed if b"resource_tracker" not in Path(f"/proc/{pid}/cmdline").read_bytes()]


def test_a_batch_that_cannot_be_shared_out_is_refused_in_a_line_or_done_by_fewer(tmp_path, config, caplog):
    caplog.set_level("INFO")
    path = config(4)
    path.write_text(path.read_text().replace("batch = 8", "batch = 3"))
    given = ("train", "--config", path, "--out", tmp_path / "run", "--device", "cpu")
    done = attempt(2, *given, launched=True)
    assert done.returncode != 0
    assert "a batch of 3 does not split evenly among 2 processes" in done.stderr
    assert run_here(*given, "--processes", 2, "--steps", 1) == 0
    assert "batches of 3 do not split evenly among 2 processes; running 1" in caplog.text


def test_one_process_is_alone_and_averages_nothing(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    alone = join_processes(torch.device("cpu"))
    assert alone == Processes(1, 0, torch.device("cpu"))
    values = torch.tensor([1.0, 2.0])
    alone.average([values])
    assert values.tolist() == [1.0, 2.0]
    assert alone.is_main
    assert alone.anybody(True)
    assert not alone.anybody(False)


def test_processes_are_not_started_for_what_is_no_cpu_nor_twice(tmp_path, config, monkeypatch, capsys):
    given = ["train", "--config", str(config(2)), "--out", str(tmp_path / "run"), "--processes", "2"]
    monkeypatch.setattr("dptn_core.commands.train.find_device", lambda _: torch.device("cuda"))
    assert main(given) == 2
    assert "--processes 2 is for CPUs, but this run is on cuda" in capsys.readouterr().err
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert main([*given, "--device", "cpu"]) == 2
    assert "--processes 2: this command already is one of 2 processes" in capsys.readouterr().err
