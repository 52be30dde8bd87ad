"""Processes that a command starts by itself: one result, one error, one end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest
from launch_work import die, fail, fail_stubbornly, forever, met, until_told

from dptn_core.system import cores, launch
from dptn_core.system.launch import ProcessDiedError, run_together
from dptn_core.training import TrainingConfig
from dptn_core.training.training_config import Stage

ROOT = Path(__file__).parents[3]


def started(folder: Path, count: int = 2) -> list[int]:
    """Their ids, once all of them work."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        written = [path.read_text() for path in sorted(folder.iterdir())]
        if len(written) == count and all(written):
            return [int(text) for text in written]
        time.sleep(0.02)
    raise AssertionError("they never started")


def lives(process: int) -> bool:
    try:
        return "Z (zombie)" not in Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False


def gone(processes: list[int], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while any(map(lives, processes)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not any(map(lives, processes))


def test_processes_meet_and_the_first_one_s_result_is_returned(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    before = dict(os.environ)
    assert run_together(3, 5, met) == (3, "5", "3")
    assert dict(os.environ) == before


def test_threads_that_were_chosen_already_are_left_as_they_are(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert run_together(2, 5, met)[1] == "1"


@pytest.mark.parametrize("at", [0, 1])
def test_the_error_of_one_ends_all_and_is_raised_once_with_its_traceback(at):
    with pytest.raises(ValueError, match=f"process {at} does not like this") as caught:
        run_together(2, 1, partial(fail, at))
    assert "in fail" in str(caught.value.__cause__)


def test_an_error_that_cannot_travel_arrives_in_words():
    with pytest.raises(RuntimeError, match="_StubbornError: these are its words"):
        run_together(2, 1, fail_stubbornly)


@pytest.mark.skipif(os.name == "nt", reason="no such signal there")
def test_a_process_that_is_killed_is_named_rather_than_what_the_others_say_of_it():
    expected = r"process 1 of 2 was killed by SIGKILL .*; the other processes were stopped"
    with pytest.raises(ProcessDiedError, match=expected):
        run_together(2, 1, die)


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_a_signal_asks_all_of_them_to_stop_and_a_second_one_ends_them(tmp_path):
    def interrupt() -> None:
        ids.extend(started(folder))
        os.kill(os.getpid(), signal.SIGINT)
        if work is forever:
            time.sleep(0.3)
            assert all(map(lives, ids)), "the first time they are only asked"
            os.kill(os.getpid(), signal.SIGINT)

    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    for work in (until_told, forever):
        ids: list[int] = []
        folder = tmp_path / work.__name__
        folder.mkdir()
        thread = threading.Thread(target=interrupt)
        thread.start()
        if work is until_told:
            assert run_together(2, 1, partial(work, folder)) == "stopped when told"
        else:
            with pytest.raises(KeyboardInterrupt):
                run_together(2, 1, partial(work, folder))
        thread.join()
        assert gone(ids)
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_none_outlives_the_process_that_started_it(tmp_path):
    code = f"""
if __name__ == "__main__":
    import sys
    from functools import partial
    from pathlib import Path
    sys.path[:0] = [{str(ROOT)!r}, {str(Path(__file__).parent)!r}]
    from launch_work import forever
    from dptn_core.system.launch import run_together
    run_together(2, 1, partial(forever, Path({str(tmp_path / "ids")!r})))
"""
    (tmp_path / "ids").mkdir()
    (tmp_path / "parent.py").write_text(code)
    parent = subprocess.Popen([sys.executable, str(tmp_path / "parent.py")])
    ids = started(tmp_path / "ids")
    assert all(map(lives, ids))
    parent.kill()
    parent.wait()
    assert gone(ids)


# How many


def test_cores_are_those_that_may_be_used(tmp_path, monkeypatch):
    monkeypatch.setattr(cores, "_QUOTA", tmp_path / "cpu.max")
    monkeypatch.setattr(os, "cpu_count", lambda: 16)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(12)), raising=False)
    psutil = pytest.importorskip("psutil")
    monkeypatch.setattr(psutil, "cpu_count", lambda logical: 16 if logical else 8)
    assert cores.usable_cores() == 8
    for quota, wanted in (("max 100000", 8), ("250000 100000", 3), ("50000 100000", 1), ("nonsense", 8)):
        (tmp_path / "cpu.max").write_text(quota + "\n")
        assert cores.usable_cores() == wanted
    monkeypatch.setattr(psutil, "cpu_count", lambda logical: None)  # not every system tells
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3}, raising=False)
    assert cores.usable_cores() == 1


@pytest.mark.parametrize(
    ("batches", "wanted", "count"), [((8,), 2, 2), ((8,), 6, 4), ((16, 8, 10), 64, 2), ((9, 3), 4, 3), ((7, 8), 4, 1)]
)
def test_every_process_has_an_equal_part_of_every_batch(batches, wanted, count):
    config = TrainingConfig(tuple(Stage(64, 64, batch, 10) for batch in batches))
    assert config.max_processes(wanted) == count


def test_batches_in_parts_are_split_part_by_part():
    assert TrainingConfig((Stage(64, 64, 8, 10, accumulate=4),)).max_processes(8) == 2


def test_nothing_is_left_of_the_environment_after_an_error(monkeypatch):
    before = dict(os.environ)
    monkeypatch.setattr(launch, "_take_part", None)  # cannot be called
    with pytest.raises(ProcessDiedError, match=r"process [01] of 2 exited without an error message"):
        run_together(2, 1, met)
    assert dict(os.environ) == before
