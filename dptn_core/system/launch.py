"""Several processes on this machine that do one piece of work together: started, stopped and ended as one.

`accelerate launch` starts processes for any command and any number of machines. This is for a command that wants
processes by itself: they learn of each other as accelerate's do (see processes.py), and what becomes of them is what
becomes of a function that was called: a result, or an error.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import pickle
import signal
import socket
import sys
import threading
import time
import traceback
import types
from collections.abc import Callable, Iterator, Mapping
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, NamedTuple, NoReturn

# Threads that wait for their next part of the work sleep: by default they spin for a while, which is fast where nothing
# else runs, and stops whoever shares a core with them. Libraries read this when torch loads them.
WAITING = {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"}
Work = Callable[[Callable[[], bool]], Any]
_GRACE = 3.0  # seconds in which the others may say what they ended of, once one has ended badly
_MASTER = "127.0.0.1"


class ProcessDiedError(OSError):
    """One of the processes ended without a word; the others were ended."""


class _OtherTraceback(Exception):
    """Where an error happened, in words: its traceback stays in the process it happened in."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


class _Report(NamedTuple):
    """What a process says at its end."""

    result: Any = None
    error: BaseException | None = None
    where: str = ""  # the error's traceback
    lost: bool = False  # it could not reach the others, so that what happened to them is the reason


def run_together(count: int, threads: int, work: Work) -> Any:
    """Have `count` processes of `threads` threads each do `work`, and return what the first of them returns.

    Ctrl-C and SIGTERM, sent to this process or to all of them, ask the work to stop; the second time it is ended at
    once. When this process dies, so do the others.

    Args:
        count: of processes.
        threads: that each of them computes with, unless OMP_NUM_THREADS says otherwise.
        work: called in each with a function that tells whether to stop. It can be pickled, as can its result.

    Raises:
        ProcessDiedError: one of them was killed.
        BaseException: what `work` raised in one of them, once.
    """
    context = multiprocessing.get_context("spawn")  # fork would copy the locks of libraries' threads
    stop = context.RawValue("b", 0)  # a byte that all of them see
    members: dict[Connection, SpawnProcess] = {}

    def ask_to_stop(number: int, _: object) -> None:
        stop.value = 1
        signal.signal(number, signal.default_int_handler)

    with _handled(signal.SIG_IGN), _environment(_for_all(count, threads)), _no_main_script():  # which are handed down
        for rank in range(count):
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(target=_take_part, args=(rank, theirs, stop, work), name=f"dptn {rank}")
            process.start()
            theirs.close()
            members[ours] = process
    try:
        with _handled(ask_to_stop):
            return _outcome(members)
    finally:
        for end, process in members.items():
            if end.closed:  # it has said all it had to say
                process.join(_GRACE)
            process.kill()
            process.join()


def _take_part(rank: int, said: Connection, stop: Any, work: Work) -> None:
    """What each process does."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the process that started this one says when to stop
    threading.Thread(target=end_with_parent, daemon=True).start()
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank)}
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        report = _Report(work(lambda: bool(stop.value)))
    except BaseException as error:  # noqa: BLE001 - it is raised again, in the process that started this one
        report = _Report(error=error, where=traceback.format_exc(), lost=_is_about_others(error))
    try:
        pickled = pickle.dumps(report)
        pickle.loads(pickled)  # noqa: S301 - our own; some errors can be written and not read
    except Exception:  # noqa: BLE001 - whatever it is, its words must arrive
        report = report._replace(result=None, error=RuntimeError(f"{type(report.error).__name__}: {report.error}"))
        pickled = pickle.dumps(report)
    said.send_bytes(pickled)
    said.close()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()


def end_with_parent() -> None:
    """Wait until the process that started this one is gone, and end: a killed process cannot end its children."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _is_about_others(error: BaseException) -> bool:
    """Whether an error says no more than that another process is gone."""
    distributed = sys.modules.get("torch.distributed")
    if distributed is None:  # it never met them
        return False
    return isinstance(error, distributed.DistError) or (isinstance(error, RuntimeError) and "gloo" in str(error))


def _outcome(members: Mapping[Connection, SpawnProcess]) -> Any:
    """Wait for all processes; the first one's result, or the error that explains the others'."""
    reports: dict[Connection, _Report] = {}
    silent: list[SpawnProcess] = []
    deadline = None
    while len(reports) + len(silent) < len(members):
        open_ends = [end for end, process in members.items() if end not in reports and process not in silent]
        ready = wait(open_ends, None if deadline is None else max(0.0, deadline - time.monotonic()))
        if not ready:
            break
        for end in open_ends:
            if end in ready:
                try:
                    reports[end] = pickle.loads(end.recv_bytes())  # noqa: S301 - from the process that we started
                    end.close()
                except EOFError:
                    silent.append(members[end])
        if deadline is None and (silent or any(report.error is not None for report in reports.values())):
            deadline = time.monotonic() + _GRACE
    first = reports.get(next(iter(members)))
    failed = sorted((report for report in reports.values() if report.error is not None), key=lambda one: one.lost)
    if failed and not failed[0].lost:
        _raise(failed[0])
    if first is not None and first.error is None and not silent:
        return first.result  # the others may have missed it as they exited
    if silent:
        silent[0].join(_GRACE)
        raise ProcessDiedError(
            f"process {silent[0].name.split()[-1]} of {len(members)} {_end_of(silent[0])}; the other processes were "
            "stopped. The last checkpoint is intact; run the same command to resume"
        )
    _raise(failed[0])


def _raise(report: _Report) -> NoReturn:
    assert report.error is not None  # noqa: S101 - for the type checker
    raise report.error from _OtherTraceback(report.where)


def _end_of(process: SpawnProcess) -> str:
    """How a process ended, in words."""
    code = process.exitcode
    if code is not None and code < 0:
        return f"was killed by {signal.Signals(-code).name} (possibly out of memory)"
    return f"exited without an error message (exit status {code})"


def _for_all(count: int, threads: int) -> dict[str, str]:
    """Environment in which processes find each other, as torch's and accelerate's starters set it."""
    with socket.socket() as free:
        free.bind((_MASTER, 0))
        port = free.getsockname()[1]
    variables = {"WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count, "MASTER_ADDR": _MASTER, "MASTER_PORT": port}
    own = {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads} | WAITING
    kept = {name: os.environ.get(name, str(value)) for name, value in own.items()}
    return {name: str(value) for name, value in variables.items()} | kept


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _no_main_script() -> Iterator[None]:
    """Processes started meanwhile do not import the script this one runs: they need nothing of it, and not every
    script can be imported without starting all over again.
    """
    script = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = script


@contextlib.contextmanager
def _handled(handler: Any) -> Iterator[None]:
    """Have both signals that ask to stop handled; where that cannot be set (not the main thread), do without."""
    before = {}
    with contextlib.suppress(ValueError):
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
