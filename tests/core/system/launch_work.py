"""What the processes of test_launch.py do, in a module that imports nothing heavy: each of them imports it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

Stop = Callable[[], bool]


def rank() -> int:
    return int(os.environ["RANK"])


def met(_: Stop) -> tuple[int, str, str]:
    """How many there are, as they find when they have met, and what the first one's environment says."""
    from torch import distributed

    distributed.init_process_group("gloo")
    together = distributed.get_world_size()
    distributed.barrier()
    distributed.destroy_process_group()
    return together, os.environ["OMP_NUM_THREADS"], os.environ["LOCAL_WORLD_SIZE"]


def fail(at: int, _: Stop) -> None:
    from torch import distributed

    distributed.init_process_group("gloo")
    if rank() == at:
        raise ValueError(f"process {at} does not like this")
    distributed.barrier()


class _StubbornError(Exception):
    """Can be written and not read again, as an error whose class wants more than its words."""

    def __init__(self, words: str, more: int) -> None:
        super().__init__(words)


def fail_stubbornly(_: Stop) -> None:
    raise _StubbornError("these are its words", 3)


def die(_: Stop) -> None:
    from torch import distributed

    distributed.init_process_group("gloo")
    if rank() == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    distributed.barrier()


def until_told(folder: Path, should_stop: Stop) -> str:
    (folder / f"{rank()}").write_text(str(os.getpid()))
    while not should_stop():
        time.sleep(0.02)
    return "stopped when told"


def forever(folder: Path, _: Stop) -> None:
    (folder / f"{rank()}").write_text(str(os.getpid()))
    time.sleep(600)
