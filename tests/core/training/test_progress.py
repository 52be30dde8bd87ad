"""A run whose logs cannot be written continues."""

from __future__ import annotations

import errno
import threading

import pytest
from training_fixture import config_of, content_of, run

pytestmark = pytest.mark.usefixtures("one_thread")


def test_logs_that_cannot_be_written_cost_no_step(tmp_path, monkeypatch, caplog):
    tensorboard = pytest.importorskip("torch.utils.tensorboard")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tensorboard.SummaryWriter, "add_scalar", full)
    monkeypatch.setattr(tensorboard.SummaryWriter, "close", full)
    path = run(tmp_path, config_of(run={"log_every": 1}))
    assert content_of(path)["step"] == 9
    assert caplog.text.count("training continues without them") == 1


def test_logs_that_cannot_be_begun_cost_no_step(tmp_path, monkeypatch, caplog):
    tensorboard = pytest.importorskip("torch.utils.tensorboard")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tensorboard, "SummaryWriter", full)
    path = run(tmp_path, config_of())
    assert content_of(path)["step"] == 9
    assert "logs cannot be written ([Errno 28] No space left on device)" in caplog.text


def test_the_thread_that_writes_logs_keeps_quiet_about_a_full_disk(tmp_path, monkeypatch, capfd):
    pytest.importorskip("torch.utils.tensorboard")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    before = threading.excepthook
    monkeypatch.setattr("tensorboard.summary.writer.record_writer.RecordWriter.write", full)
    path = run(tmp_path, config_of(run={"log_every": 1}))
    assert content_of(path)["step"] == 9
    assert "Traceback" not in capfd.readouterr().err
    assert threading.excepthook is before
