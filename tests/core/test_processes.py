"""Several processes, as `accelerate launch` starts them: one run, resumed by all, ended whole when one dies."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from dptn_core import samples
from dptn_core.processes import Processes, join_processes

ROOT = Path(__file__).parents[2]
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


def command(processes: int, *arguments: object) -> list[str]:
    dptn = ["-m", "dptn_core.cli", *map(str, arguments)]
    if processes == 1:
        return [sys.executable, *dptn]
    # accelerate's name for its starter that needs no MPI, which is also the one for CPUs
    launch = ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_machines", "1", "--mixed_precision", "no"]
    port = ["--main_process_port", "0", "--dynamo_backend", "no"]
    return [sys.executable, *launch, *port, "--num_processes", str(processes), *dptn]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}


def attempt(processes: int, *arguments: object) -> subprocess.CompletedProcess[str]:
    given = command(processes, *arguments)
    return subprocess.run(given, capture_output=True, text=True, env=environment(), timeout=300)


def run(processes: int, *arguments: object) -> str:
    done = subprocess.run(
        command(processes, *arguments), capture_output=True, text=True, env=environment(), timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def losses_of(folder: Path) -> list[float]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder / "logs"))
    events.Reload()
    return [one.value for one in events.Scalars("total")]


def step_of(folder: Path) -> int:
    content = torch.load(folder / "training.pt", map_location="cpu", weights_only=True)
    return int(content["step"])


@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_two_processes_lose_as_one_does_at_the_same_batch(tmp_path, config, norm):
    path = config(8, norm)
    for count in (1, 2):
        said = run(count, "train", "--config", path, "--out", tmp_path / str(count), "--device", "cpu")
        assert said.count("wrote") == 1, "only the first process speaks"
    alone, together = losses_of(tmp_path / "1"), losses_of(tmp_path / "2")
    assert len(alone) == len(together) == 8
    # the same at first; then sums in another order grow, as they do between two numbers of threads
    assert together[:4] == pytest.approx(alone[:4], rel=2e-3)
    assert sum(together) == pytest.approx(sum(alone), rel=0.02)
    assert step_of(tmp_path / "2") == 8
    assert sorted(file.name for file in (tmp_path / "2" / "sheets").iterdir()) == ["0000004.png", "0000008.png"]


def test_every_process_resumes_where_the_run_was(tmp_path, config):
    path, out = config(6), tmp_path / "run"
    run(2, "train", "--config", path, "--out", out, "--device", "cpu", "--steps", 3)
    assert step_of(out) == 3
    run(2, "train", "--config", path, "--out", out, "--device", "cpu")
    whole = tmp_path / "whole"
    run(2, "train", "--config", path, "--out", whole, "--device", "cpu")
    one, other = (torch.load(folder / "training.pt", weights_only=True)["ema"] for folder in (out, whole))
    for name, value in one.items():
        torch.testing.assert_close(value, other[name], rtol=1e-4, atol=1e-5, msg=name)


def test_two_processes_score_what_one_does(tmp_path):
    for count in (1, 2):
        out = tmp_path / str(count)
        given = ("--pairs", 5, "--device", "cpu", "--precision", "fp32", "--out", out)
        said = json.loads(run(count, "evaluate", *given))
        assert said["pairs"] == 5
    one, other = ((tmp_path / name / "pairs.csv").read_text() for name in ("1", "2"))
    rows, more = (list(csv.DictReader(text.splitlines())) for text in (one, other))
    assert [row["number"] for row in more] == [row["number"] for row in rows]
    for row, again in zip(rows, more, strict=True):
        assert float(again["psnr"]) == pytest.approx(float(row["psnr"]), abs=1e-3)


def test_two_processes_share_the_pictures_and_poses_of_a_transfer(tmp_path):
    poses = [target for target in samples.FIGURE_TARGETS][:3]
    pictures = ("--image", *[samples.FIGURE] * 3, "--source-pose", *[samples.FIGURE_POSE] * 3)
    said = run(2, "transfer", *pictures, "--target-pose", *poses, "--out", tmp_path, "--device", "cpu")
    assert said.count("wrote") == 9
    for number in range(3):
        assert {path.name for path in (tmp_path / f"{samples.FIGURE.stem}_{number}").iterdir()} == {
            f"{pose.stem}{part}.png" for pose in poses for part in ("", "_skeleton")
        }


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_the_death_of_one_ends_the_run_with_the_last_checkpoint_whole(tmp_path, config):
    out = tmp_path / "run"
    given = ("train", "--config", config(100_000), "--out", out, "--device", "cpu")
    launched = subprocess.Popen(
        command(2, *given), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment()
    )
    try:
        deadline = time.monotonic() + 240
        while not (out / "training.pt").exists() and time.monotonic() < deadline:
            time.sleep(0.5)
        victims = [pid for pid in _workers(str(out)) if b"RANK=1\0" in Path(f"/proc/{pid}/environ").read_bytes()]
        os.kill(victims[0], signal.SIGKILL)
        assert launched.wait(timeout=120) != 0
    finally:
        launched.kill()
    assert not _workers(str(out)), "a process goes on by itself"
    assert step_of(out) % 2 == 0, "only whole checkpoints are kept"


def _workers(out: str) -> list[int]:
    """Processes that train into `out`, those that started them aside."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdigit() else []
        except OSError:
            continue
        if out.encode() in words and b"dptn_core.cli" in words and b"accelerate.commands.launch" not in words:
            found.append(int(entry.name))
    return found


def test_a_batch_that_cannot_be_shared_out_is_refused_in_a_line(tmp_path, config):
    path = config(4)
    path.write_text(path.read_text().replace("batch = 8", "batch = 3"))
    done = attempt(2, "train", "--config", path, "--out", tmp_path / "run", "--device", "cpu")
    assert done.returncode != 0
    assert "a batch of 3 cannot be shared out among 2 processes" in done.stderr


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
