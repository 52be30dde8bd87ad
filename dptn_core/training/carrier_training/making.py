"""Examples made ahead of the training, beside it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Final

from .examples import joined
from .makers import Maker
from .store import SHARD, ExampleStore

AT_ONCE: Final = 8  # examples made in one go; limits memory, and how long a stop takes
_ENOUGH: Final = 256  # examples, before training begins: fewer would be learnt by heart
_LOOK: Final = 0.2  # seconds between two checks for more examples


class Making:
    """A thread that makes a run's examples; use it as a context manager."""

    def __init__(self, maker: Maker, store: ExampleStore, wanted: int) -> None:
        """Make at least `wanted` examples of a store, whole files; those that are there already stay."""
        self._maker, self._store = maker, store
        self._shards = -(-wanted // SHARD)
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="examples")
        self._made: Future[None] | None = None

    def __enter__(self) -> Making:
        """Begin."""
        self._made = self._pool.submit(self._make)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop soon; the file that is being made is left out."""
        self._stop.set()
        self._pool.shutdown()

    def available(self, should_stop: Callable[[], bool] = lambda: False) -> int:
        """How many examples there are to sample from, once that is enough to begin with, or `should_stop`.

        Raises:
            Exception: whatever kept the examples from being made.
        """
        enough = min(self._shards, -(-_ENOUGH // SHARD))
        while self._store.shards < enough and not should_stop():
            if self._made is not None and self._made.done():
                self._made.result()
            self._stop.wait(_LOOK)
        if self._made is not None and self._made.done():
            self._made.result()
        return len(self._store)

    def _make(self) -> None:
        if not self._store.has_shown:
            self._store.keep_shown(self._maker.shown())
        for shard in range(self._store.shards, self._shards):
            parts = []
            for first in range(0, SHARD, AT_ONCE):
                if self._stop.is_set():
                    return
                parts.append(self._maker.examples(shard, range(first, min(first + AT_ONCE, SHARD))))
            self._store.add(joined(parts))
