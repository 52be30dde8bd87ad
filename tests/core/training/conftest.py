"""Fixtures of training tests: sums in one order, and one whole run that several files read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from training_fixture import config_of, run

from dptn_core.training import synthetic_batches


@contextmanager
def _single_thread() -> Iterator[None]:
    """As in the processes that tests start, so that sums are added in the same order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(synthetic_batches, "_PIXELS_AHEAD", 4 * 2 * 32 * 24)  # four batches of a tiny run
        yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Compute with a single thread."""
    with _single_thread():
        yield


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a whole run that nobody disturbed."""
    folder = tmp_path_factory.mktemp("finished")
    with _single_thread():
        run(folder, config_of(), command="dptn train --config tiny.toml")
    return folder
