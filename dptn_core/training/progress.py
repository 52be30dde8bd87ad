"""Progress of a run: a bar with losses and speed, and TensorBoard logs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

_LOG = logging.getLogger(__name__)
_SHOWN = (
    *("total", "target_l1", "target_reconstruction", "attention", "adversarial", "skipped"),  # of generators
    *("places", "colour", "carry", "perceptual"),  # of carriers
)


class Reports:
    """Progress bar and TensorBoard writer of one run; use it as a context manager."""

    def __init__(self, folder: Path, every: int, first: int, last: int, *, shown: bool = True) -> None:
        """Start at step `first` of `last`; logs go to `folder`, if TensorBoard is installed; nothing unless `shown`.

        Means of `every` steps are what is shown and logged.
        """
        from tqdm import tqdm

        self._every = every
        self._bar = tqdm(initial=first, total=last, unit="step", dynamic_ncols=True, mininterval=1.0, disable=not shown)
        self._folder = folder if shown else None
        self._hook = threading.excepthook
        self._writer: Any = None
        self._sums: dict[str, list[float]] = {}

    def __enter__(self) -> Reports:
        """Keep TensorBoard's own thread from printing a traceback on a full disk: `_log` reports that in a line."""
        self._hook, threading.excepthook = threading.excepthook, self._on_thread_error
        self._writer = None if self._folder is None else self._open(self._folder)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close bar and writer, also after an error."""
        self._bar.close()
        self._log(lambda writer: writer.close())
        threading.excepthook = self._hook

    def step(self, step: int, terms: dict[str, float]) -> None:
        """Add one step's terms; every so many steps show and write their means."""
        self._bar.update()
        for name, value in terms.items():
            self._sums.setdefault(name, []).append(value)
        if step % self._every:
            return
        means = {name: sum(values) / len(values) for name, values in self._sums.items()}
        self._sums.clear()
        shown = {name.removesuffix("_reconstruction"): f"{means[name]:.3f}" for name in _SHOWN if name in means}
        self._bar.set_postfix(shown | {"pairs/s": f"{means['pairs_per_second']:.1f}"})

        def add(writer: Any) -> None:
            for name, value in means.items():
                writer.add_scalar(name, value, step)

        self._log(add)

    def _log(self, write: Callable[..., None]) -> None:
        """Write to TensorBoard's logs; a full disk ends the logs, not the run."""
        if self._writer is None:
            return
        try:
            write(self._writer)
        except OSError as error:
            self._writer = None
            _LOG.warning("TensorBoard logs can no longer be written (%s); training continues without them", error)

    def _on_thread_error(self, args: threading.ExceptHookArgs) -> None:
        if not issubclass(args.exc_type, OSError):
            self._hook(args)

    @staticmethod
    def _open(folder: Path) -> Any:
        try:
            from torch.utils.tensorboard import SummaryWriter

            return SummaryWriter(str(folder))
        except ImportError:
            _LOG.warning("TensorBoard is not installed; training without logs (pip install tensorboard)")
        except OSError as error:
            _LOG.warning("TensorBoard logs cannot be written (%s); training continues without them", error)
        return None
