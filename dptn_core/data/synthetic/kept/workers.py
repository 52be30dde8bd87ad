"""Numbered work, split among processes that end with the one that started them, however it ends."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any

import torch

from ....system.launch import end_with_parent
from .manifest import KeptSetError

Maker = Callable[[int], Iterator[int]]  # does the work of a number and yields how far it is
OpenMaker = Callable[[], Maker]


def share_work(open_maker: OpenMaker, numbers: Sequence[int], processes: int) -> Iterator[int]:
    """Do every piece of work once and yield its answers; the processes end with the iterator.

    Args:
        open_maker: called in each process.
        numbers: of the work.
        processes: how many; with one or none, the calling process does the work.

    Raises:
        KeptSetError: a process died, or refused its input.
    """
    if processes <= 1:
        make = open_maker() if numbers else None
        for number in numbers:
            assert make is not None  # noqa: S101 - for the type checker
            yield from make(number)
        return
    # forked processes would inherit the threads' locks; all start fresh, as they must on Windows and macOS
    context = multiprocessing.get_context("spawn")
    team: dict[Connection, Any] = {}
    try:
        for rank in range(processes):
            ours, theirs = context.Pipe(duplex=False)
            one = context.Process(target=_work, args=(open_maker, numbers[rank::processes], theirs), daemon=True)
            one.start()
            theirs.close()  # so that its end is seen here
            team[ours] = one
        while team:
            for ready in wait(list(team)):
                if isinstance(ready, Connection):
                    yield from _heard(ready, team)
    finally:
        for one in team.values():
            one.terminate()
        for one in team.values():
            one.join()


def _heard(connection: Connection, team: dict[Connection, Any]) -> Iterator[int]:
    """What a process says: how far it is, that it failed, or, by closing the line, that it has ended."""
    try:
        answer = connection.recv()
    except EOFError:
        one = team.pop(connection)
        one.join()
        if one.exitcode:
            raise KeptSetError(
                f"a process ended with code {one.exitcode}, perhaps out of memory; finished files are kept, so run "
                "the same command to resume"
            ) from None
        return
    if isinstance(answer, str):
        raise KeptSetError(answer)
    yield answer


def _work(open_maker: OpenMaker, numbers: Sequence[int], line: Connection) -> None:
    """One process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the first process ends the others
    threading.Thread(target=end_with_parent, daemon=True).start()
    torch.set_num_threads(1)  # two threads a process would only wait for each other
    torch.set_grad_enabled(False)
    try:
        make = open_maker()
        for number in numbers:
            for answer in make(number):
                line.send(answer)
    except (ValueError, OSError, ModuleNotFoundError) as error:
        line.send(str(error))
