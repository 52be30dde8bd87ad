"""A run that diverges stops, and its last good checkpoint stays."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from training_fixture import CPU, ONE_STAGE, changed, config_of, content_of, not_a_number_from, run

from dptn_core.training import DivergedError, loop
from dptn_core.training.loop import one_step
from dptn_core.training.state import new_state, save_state
from dptn_core.training.synthetic_batches import PairSource

pytestmark = pytest.mark.usefixtures("one_thread")


def test_not_a_number_stops_the_run_and_keeps_the_last_good_checkpoint(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "PairSource", not_a_number_from(3))
    with pytest.raises(DivergedError, match=r"step 3: .*total.* is no longer finite.*learning rate"):
        run(tmp_path, config_of())
    content = content_of(tmp_path / "training.pt")
    assert content["step"] == 2
    broken = [
        name for part in ("generator", "ema") for name, value in content[part].items() if not value.isfinite().all()
    ]
    assert not broken, f"{broken[:3]} were saved broken"


@pytest.mark.parametrize("limit", [4.0, 0.0])
def test_a_loss_that_runs_away_stops_the_run_unless_told_not_to(tmp_path, limit):
    config = config_of(**changed(ONE_STAGE, run={"save_every": 100, "divergence": limit}))
    config = dataclasses.replace(config, stages=(dataclasses.replace(config.stages[0], steps=203),))
    late = new_state(config, CPU)
    late.step, late.pairs_used, late.mean_loss, late.best_loss = 201, 402, 0.01, 0.0005
    path = tmp_path / "training.pt"
    save_state(path, late, config, loop.model_metadata(config, late, PairSource(config.data, CPU), ""))
    if limit:
        with pytest.raises(DivergedError, match=r"step 201: the averaged loss .* more than 4.0 times its best"):
            run(tmp_path, config)
        assert content_of(path)["step"] == 201
    else:
        run(tmp_path, config)
        assert content_of(path)["step"] == 203


def test_a_falling_loss_is_never_taken_for_divergence():
    config = config_of(**ONE_STAGE)
    config = dataclasses.replace(config, stages=(dataclasses.replace(config.stages[0], steps=1000),))
    late = new_state(config, CPU)
    late.step, late.mean_loss = 500, 1.0
    for total in (0.9, 0.5, 3.0, 2.0):
        loop._check(late, config, {"total": total})
    assert late.best_loss <= late.mean_loss < 4 * late.best_loss


def test_a_run_that_goes_astray_does_not_overwrite_its_last_good_checkpoint(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "_SETTLED", 3)
    config = config_of(**changed(ONE_STAGE, run={"divergence": 4.0}))
    config = dataclasses.replace(config, stages=(dataclasses.replace(config.stages[0], steps=400),))
    losses = iter([1.0] * 6 + [9.0] * 500)

    def step(state: Any, *_: Any) -> dict[str, float]:
        values = {"total": next(losses)}
        loop._check(state, config, values)
        state.step += 1
        return values | {"pairs_per_second": 1.0}

    monkeypatch.setattr(loop, "one_step", step)
    with pytest.raises(DivergedError):
        run(tmp_path, config)
    saved = content_of(tmp_path / "training.pt")
    assert saved["step"] <= 7
    assert saved["recent_loss"] < 1.9


def test_weights_that_an_update_broke_are_not_saved(tmp_path, monkeypatch):
    config = config_of(run={"save_every": 1})

    def step(state: Any, *arguments: Any) -> dict[str, float]:
        values = one_step(state, *arguments)
        if state.step == 3:
            next(state.generator.parameters()).data.fill_(1e25)
        return values

    monkeypatch.setattr(loop, "one_step", step)
    with pytest.raises(DivergedError):
        run(tmp_path, config)
    assert content_of(tmp_path / "training.pt")["step"] == 2
