"""A whole run: what it leaves behind, what it starts from, and how it goes on after a stop."""

from __future__ import annotations

import dataclasses
import errno
import json
import logging
import os
from pathlib import Path

import pytest
import torch
from training_fixture import CPU, assert_same_run, config_of, content_of, differences, leftovers, run, weights

from dptn_core import cli
from dptn_core.checkpoint import CheckpointError, load_model
from dptn_core.checkpoint.weight_files import WeightFileError
from dptn_core.image_io import read_image
from dptn_core.training import ConfigError, InterruptedRunError, RunOptions, TrainingConfig, loop, state, train
from dptn_core.training.loop import learning_rate
from dptn_core.training.state import new_state
from dptn_core.training.training_config import Stage

pytestmark = pytest.mark.usefixtures("one_thread")


def test_the_rate_is_flat_and_then_falls_linearly():
    flat = Stage(32, 24, 1, 11, learning_rate=0.2)
    assert {learning_rate(flat, step) for step in range(11)} == {0.2}
    falling = dataclasses.replace(flat, final_learning_rate=0.1)
    assert [learning_rate(falling, step) for step in (0, 5, 10)] == pytest.approx([0.2, 0.15, 0.1])
    late = dataclasses.replace(falling, decay=0.5)
    assert [learning_rate(late, step) for step in (0, 5, 6, 10)] == pytest.approx([0.2, 0.2, 0.18, 0.1])
    assert learning_rate(Stage(32, 24, 1, 1, learning_rate=0.2, final_learning_rate=0.0), 0) == 0.2


def test_a_run_leaves_checkpoint_sheets_and_logs(finished):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    content = content_of(finished / "training.pt")
    assert (content["step"], content["pairs_used"]) == (9, 18)
    sheets = sorted(path.name for path in (finished / "sheets").iterdir())
    assert sheets == ["0000004.png", "0000008.png"]
    # six lines of two strips of five images, in the size of the last stage
    assert tuple(read_image(finished / "sheets" / sheets[0]).shape) == (3, 6 * 48, 2 * 5 * 32)
    assert not leftovers(finished)
    events = EventAccumulator(str(finished / "logs"))
    events.Reload()
    assert [event.step for event in events.Scalars("total")] == [2, 4, 6, 8]
    assert {"target_reconstruction", "attention", "adversarial", "learning_rate"} <= set(events.Tags()["scalars"])


def test_a_checkpoint_is_a_model_with_its_averaged_weights_and_facts(finished):
    model = load_model(finished / "training.pt")
    ema = content_of(finished / "training.pt")["ema"]
    assert not differences(dict(ema), weights(model.generator))
    assert model.config == config_of().generator
    assert (model.training_size, model.framing) == ((48, 32), "fit")
    assert model.heatmap_sigma == pytest.approx(6 * 48 / 256)
    assert model.provenance["command"] == "dptn train --config tiny.toml"
    assert model.provenance["steps"] == "9"
    assert TrainingConfig.from_dict(json.loads(model.provenance["training"])) == config_of()


def test_a_checkpoint_is_converted(finished, tmp_path, capsys):
    target = tmp_path / "tiny.safetensors"
    assert cli.main(["convert", str(finished / "training.pt"), str(target)]) == 0
    assert str(target) in capsys.readouterr().out
    converted, trained = load_model(target), load_model(finished / "training.pt")
    assert not differences(weights(trained.generator), weights(converted.generator))
    assert converted.training_size == trained.training_size


def test_a_finished_run_has_nothing_left_to_do(finished):
    before = (finished / "training.pt").read_bytes()
    assert run(finished, config_of()) == finished / "training.pt"
    assert (finished / "training.pt").read_bytes() == before


@pytest.mark.parametrize("stops", [(4,), (1, 5)], ids=str)
def test_a_run_in_pieces_equals_a_run_in_one(finished, tmp_path, stops):
    for stop in stops:
        run(tmp_path, config_of(), stop_after=stop)
    assert content_of(tmp_path / "training.pt")["step"] == sum(stops)
    assert_same_run(run(tmp_path, config_of()), finished / "training.pt")


def test_a_stop_asked_for_saves_and_the_run_goes_on_as_if_nothing_happened(finished, tmp_path):
    asked = iter([False, False, False, True])
    with pytest.raises(InterruptedRunError, match=r"step 3.*training\.pt"):
        train(config_of(), RunOptions(tmp_path, CPU, should_stop=lambda: next(asked)))
    assert content_of(tmp_path / "training.pt")["step"] == 3
    assert_same_run(run(tmp_path, config_of()), finished / "training.pt")


def test_what_a_killed_process_left_is_removed(tmp_path):
    (tmp_path / ".training.4711.part.pt").write_bytes(b"half a file")
    (tmp_path / "other.part.pt").write_bytes(b"somebody's")
    run(tmp_path, config_of(), stop_after=1)
    assert not (tmp_path / ".training.4711.part.pt").exists()
    assert (tmp_path / "other.part.pt").exists()


def test_a_folder_that_cannot_be_written_to_is_refused_at_the_start(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("mine")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ConfigError, match=r"file is a file; expected a folder for the run"):
            run(folder, config_of())
    no_text = tmp_path / os.fsdecode(b"run \xff")
    with pytest.raises(ConfigError, match=r"whose name is UTF-8, which TensorBoard needs, got .*run \udcff; choose"):
        run(no_text, config_of())

    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("filelock.BaseFileLock.acquire", refused)
    with pytest.raises(ConfigError, match=r"read cannot be written to \(Read-only file system\); choose another"):
        run(tmp_path / "read", config_of())
    assert not (tmp_path / "read").exists()


def test_a_start_that_is_refused_leaves_no_folder(tmp_path):
    with pytest.raises(CheckpointError):
        run(tmp_path / "run", config_of(), start_from=tmp_path / "none.pth")
    assert not (tmp_path / "run").exists()


def test_a_finished_run_says_so(finished, caplog):
    with caplog.at_level(logging.INFO):
        run(finished, config_of())
    assert "nothing left to do: 9 of 9 steps are done" in caplog.text


def test_a_disk_that_is_full_for_a_while_costs_no_step(tmp_path, monkeypatch, caplog):
    """Only what is written last has to be written."""
    saves = []

    def full(content: object, path: Path) -> None:
        saves.append(path)
        if len(saves) < 3:
            raise RuntimeError("PytorchStreamWriter failed writing file: No space left on device")
        write(content, path)

    write = torch.save
    monkeypatch.setattr(state.torch, "save", full)
    path = run(tmp_path, config_of())
    assert content_of(path)["step"] == 9
    assert caplog.text.count("No space left on device") == 2
    assert "there is no checkpoint yet" in caplog.text
    assert "training continues" in caplog.text
    assert not leftovers(tmp_path)


def test_a_run_starts_from_a_models_weights(finished, tmp_path):
    still = {"height": 32, "width": 24, "batch": 2, "steps": 1, "learning_rate": 1e-12}
    config = config_of(stages=[still], losses={"adversarial": 0.0})
    path = run(tmp_path, config, start_from=finished / "training.pt")
    given, content = load_model(finished / "training.pt"), content_of(path)
    for name, value in given.generator.named_parameters():
        for part in ("generator", "ema"):
            assert torch.allclose(content[part][name], value, atol=1e-6), f"{part} {name}"
    assert content["step"] == 1


def test_a_run_does_not_start_from_a_model_of_other_sizes_or_none(finished, tmp_path):
    with pytest.raises(ValueError, match=r"training\.pt has .*base_features=8.*but the config has .*base_features=4"):
        run(tmp_path, config_of(generator={"base_features": 4}), start_from=finished / "training.pt")
    with pytest.raises(CheckpointError, match="no such file"):
        run(tmp_path, config_of(), start_from=tmp_path / "absent.safetensors")
    assert not (tmp_path / "training.pt").exists()


def test_missing_vgg_weights_are_told_once_and_training_goes_on(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "cache"))
    with caplog.at_level(logging.WARNING, logger="dptn_core"):
        path = run(tmp_path / "run", config_of(losses={"content": 0.5, "style": 500.0}), stop_after=3)
    told = [record.getMessage() for record in caplog.records if "VGG19" in record.getMessage()]
    assert len(told) == 1, told
    assert content_of(path)["step"] == 3


def test_no_word_of_vgg_where_nobody_asked_for_it(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "cache"))
    with caplog.at_level(logging.WARNING, logger="dptn_core"):
        run(tmp_path / "run", config_of(), stop_after=1)
    assert not [record for record in caplog.records if "VGG19" in record.getMessage()]


def test_vgg_weights_named_and_missing_stop_the_run_before_it_begins(tmp_path):
    config = config_of(losses={"content": 0.5, "vgg": str(tmp_path / "absent.pth")})
    with pytest.raises(WeightFileError, match=r"absent\.pth is not a file"):
        run(tmp_path / "run", config)


def test_bf16_trains_and_keeps_weights_in_fp32(tmp_path):
    path = run(tmp_path, config_of(run={"precision": "bf16"}), stop_after=4)
    content = content_of(path)
    assert {value.dtype for value in content["ema"].values() if value.is_floating_point()} == {torch.float32}
    assert content["mean_loss"] > 0


def test_rates_rise_stay_and_fall():
    flat = Stage(32, 24, 2, 100, learning_rate=1.0, warmup=4)
    assert [learning_rate(flat, step) for step in (0, 1, 4, 99)] == pytest.approx([0.2, 0.4, 1.0, 1.0])
    linear = Stage(32, 24, 2, 101, learning_rate=1.0, final_learning_rate=0.0, decay=0.5)
    assert [learning_rate(linear, step) for step in (0, 50, 75, 100)] == pytest.approx([1.0, 1.0, 0.5, 0.0])
    cosine = dataclasses.replace(linear, decay=1.0, schedule="cosine")
    wanted = [1.0, (1 + 2**-0.5) / 2, 0.5, 0.0]
    assert [learning_rate(cosine, step) for step in (0, 25, 50, 100)] == pytest.approx(wanted)


def test_without_vgg_the_papers_l1_gets_help_from_the_term_over_several_scales(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    config = config_of(losses={"l1": 5.0, "reconstruction": 0.0, "content": 0.5})
    objective = loop.make_objective(config, new_state(config, CPU), CPU)
    assert objective.perceptual is None
    assert objective.losses.reconstruction == 5.0
    assert "no VGG19 weights" in caplog.text
