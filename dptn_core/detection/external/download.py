"""Weights from the Hugging Face hub, when somebody asked for that."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .extraction_error import ExtractionError, first_line
from .optional_packages import optional_package
from .wanted_weights import Weights, by_hand

Progress = Callable[[int, int], None]


def download_weights(weights: Weights, into: Path, progress: Progress | None = None) -> Path:
    """Download to <into>/<repository>/, where `find_weights` finds it. Files appear whole or not at all.

    Args:
        weights: What to download.
        into: A folder of models; it is made if need be.
        progress: Called with the bytes that are there and about how many there will be; what it raises ends the
            download, if need be after the file under way. Some versions of huggingface_hub report only after
            each file.

    Returns:
        What the detector's loader takes: the file, or the folder.

    Raises:
        ExtractionError: Offline, no such file there, or the disk is full or not writable.
    """
    hub = optional_package("huggingface_hub", "run `pip install huggingface_hub`")
    report = _Report(weights.megabytes * 10**6, progress)
    folder = Path(into) / weights.repository.split("/")[1]
    for name in weights.files:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            hub.hf_hub_download(weights.repository, name, local_dir=str(folder), **_bar(hub, report))
        except Exception as error:  # requests, httpx, hub, operating system: each has errors of its own
            if report.raised is not None:
                raise report.raised from None
            raise ExtractionError(
                f"{name} of {weights.name} could not be downloaded ({first_line(error)}). Check the connection and the "
                f"free space and try again, or download it yourself: {by_hand(weights, folder)}"
            ) from error
        if report.raised is not None:  # and swallowed by threads of the hub's
            raise report.raised
        report.file_done(folder / name)
    return weights.path_in(folder)


class _Report:
    """Counts bytes over several files, and remembers what `progress` raised."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self.total = total
        self.raised: Exception | None = None
        self._progress = progress
        self._files = 0  # bytes of files that are there
        self._running = 0  # bytes of the one under way

    def more(self, count: int) -> None:
        self._running += count
        self._tell(self._files + self._running)

    def file_done(self, path: Path) -> None:
        self._files += path.stat().st_size
        self._running = 0
        self._tell(self._files)

    def _tell(self, done: int) -> None:
        if self._progress is None:
            return
        try:
            self._progress(done, max(done, self.total))
        except Exception as error:
            self.raised = error
            raise


def _bar(hub: Any, report: _Report) -> dict[str, type]:
    """What makes huggingface_hub report to us, where it can: it takes a class of progress bars."""
    if "tqdm_class" not in inspect.signature(hub.hf_hub_download).parameters:
        return {}
    bars = optional_package("tqdm", "run `pip install tqdm`")

    class Bar(bars.tqdm):  # type: ignore[misc, name-defined]
        def __init__(self, *args: Any, **settings: Any) -> None:
            settings.pop("name", None)  # the hub's own bars have names
            super().__init__(*args, **{**settings, "disable": True})  # nothing on the console

        def update(self, n: float | None = 1) -> None:
            report.more(int(n or 0))

        # Where bytes arrive before they are written, the hub counts them twice: in two bars, or in one that has these.
        def update_transfer(self, n: float | None = 1) -> None:
            """Not ours to count."""

        def set_transfer_postfix_str(self, *args: Any, **settings: Any) -> None:
            """Nothing on the console."""

    return {"tqdm_class": Bar}
