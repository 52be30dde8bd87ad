"""What a run keeps: averaged weights, and checkpoints that are written whole or refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from training_fixture import CPU, config_of, content_of, differences, leftovers, run, step_of, weights

from dptn_core.checkpoint import load_model
from dptn_core.system import files
from dptn_core.training import ResumeError, loop, state
from dptn_core.training.state import load_state, new_state, save_state, update_average
from dptn_core.training.synthetic_batches import PairSource

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize(("step", "weight"), [(0, 0.9), (9, 9 / 19), (10_000, 0.05)])
def test_averaged_weights_follow_faster_at_first(step, weight):
    average, current = nn.BatchNorm1d(4), nn.BatchNorm1d(4)
    with torch.no_grad():
        current.weight.fill_(3.0)
        current.running_mean.fill_(-2.0)
        current.num_batches_tracked.fill_(7)
    update_average(average, current, 0.95, step)
    assert torch.allclose(average.weight, torch.full((4,), 1 + 2 * weight))
    assert torch.allclose(average.running_mean, torch.full((4,), -2 * weight))
    assert average.num_batches_tracked == 7, "whole numbers are copied"
    assert torch.equal(current.weight, torch.full((4,), 3.0))


def test_a_step_moves_the_averaged_weights_by_the_formula():
    config = config_of(optimiser={"ema": 0.3})
    run_state = new_state(config, CPU)
    for step in range(3):
        before = weights(run_state.ema)
        step_of(run_state, config)
        decay = min(0.3, (1 + step) / (10 + step))
        for name, value in run_state.generator.named_parameters():
            wanted = decay * before[name] + (1 - decay) * value
            found = run_state.ema.state_dict()[name]
            assert torch.allclose(found, wanted, atol=1e-6), f"{name} after step {step}"
    assert not any(parameter.requires_grad for parameter in run_state.ema.parameters())
    assert not run_state.ema.training


def test_the_seed_decides_the_first_weights():
    first, again, other = (weights(new_state(config_of(run={"seed": s}), CPU).generator) for s in (1, 1, 2))
    assert not differences(first, again)
    assert differences(first, other)


def test_random_numbers_go_on_where_they_were(tmp_path):
    """Training draws none today; should a layer ever do so, a resumed run has to draw the same."""
    config, path = config_of(), tmp_path / "training.pt"
    first = new_state(config, CPU)
    torch.rand(3)
    save_state(path, first, config, loop.model_metadata(config, first, PairSource(config.data, CPU), ""))
    wanted = torch.rand(4)
    load_state(path, config, CPU)
    assert torch.equal(torch.rand(4), wanted)


@pytest.fixture
def begun(tmp_path) -> tuple[Path, bytes]:
    """A run that has saved once, and its checkpoint's bytes."""
    path = run(tmp_path / "run", config_of(), stop_after=1)
    return path, path.read_bytes()


@pytest.mark.parametrize("error", [OSError("no space left"), KeyboardInterrupt(), MemoryError()], ids=repr)
def test_a_checkpoint_cut_off_while_written_leaves_the_old_one(begun, monkeypatch, error):
    path, before = begun

    def half(content: object, where: Path) -> None:
        Path(where).write_bytes(b"PK half a checkpoint")
        raise error

    monkeypatch.setattr(state.torch, "save", half)
    with pytest.raises(type(error)):
        run(path.parent, config_of(), stop_after=1)
    assert path.read_bytes() == before
    assert not leftovers(path.parent)
    monkeypatch.undo()
    run(path.parent, config_of(), stop_after=1)
    assert content_of(path)["step"] == 2


def test_a_checkpoint_that_cannot_be_renamed_leaves_the_old_one(begun, monkeypatch):
    path, before = begun

    def refused(*_: object) -> None:
        raise PermissionError("in use")

    monkeypatch.setattr(files.os, "replace", refused)
    with pytest.raises(
        OSError, match=r"training.pt could not be written at step \d+ \(in use\); the previous checkpoint"
    ):
        run(path.parent, config_of(), stop_after=1)
    assert path.read_bytes() == before
    assert not leftovers(path.parent)


def foreign_checkpoint(path: Path, what: str) -> None:
    content = content_of(path)
    if what == "cut short":
        path.write_bytes(path.read_bytes()[:-1000])
    elif what == "empty":
        path.write_bytes(b"")
    elif what == "text":
        path.write_text("this is no checkpoint")
    elif what == "only weights":
        torch.save(content["generator"], path)
    elif what == "a list":
        torch.save([1, 2, 3], path)
    elif what == "incomplete":
        del content["generator_optimiser"]
        torch.save(content, path)
    elif what == "no recent loss":
        del content["recent_loss"]
        torch.save(content, path)
    elif what == "half a network":
        content["ema"] = dict(list(content["ema"].items())[:3])
        torch.save(content, path)
    elif what == "no groups":
        content["generator_optimiser"]["param_groups"] = []
        torch.save(content, path)
    elif what == "words for numbers":
        content["step"] = "seven"
        torch.save(content, path)
    elif what == "no random state":
        content["random"] = 4
        torch.save(content, path)
    elif what == "no numbers":
        next(value for value in content["generator"].values() if value.is_floating_point())[0] = float("nan")
        torch.save(content, path)
    else:
        content["config"]["run"]["colour_of_the_bar"] = "green"
        torch.save(content, path)


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("cut short", "cannot be read as a training checkpoint.*move it away"),
        ("empty", "cannot be read as a training checkpoint.*move it away"),
        ("text", "cannot be read as a training checkpoint.*move it away"),
        ("only weights", "is not a training checkpoint; move it away"),
        ("a list", "is not a training checkpoint; move it away"),
        ("incomplete", "has no generator_optimiser"),
        ("no recent loss", "has no recent_loss"),
        ("half a network", r"is damaged \(RuntimeError: .*move it away"),
        ("no groups", r"is damaged \(ValueError: .*move it away"),
        ("words for numbers", r"is damaged \(ValueError: .*move it away"),
        ("no random state", r"is damaged \(AttributeError: .*move it away"),
        ("no numbers", "holds weights that are not finite; move it away"),
        ("another version", "written by another version.*colour_of_the_bar"),
    ],
)
def test_a_file_no_run_can_go_on_from_is_refused_in_words(begun, what, words):
    path, _ = begun
    foreign_checkpoint(path, what)
    before = path.read_bytes()
    with pytest.raises(ResumeError, match=f"(?s){words}") as caught:
        run(path.parent, config_of())
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == before, "the file is the user's to move away"


class Command:
    """What a pickle would have Python do."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise SystemExit('it ran')",)


def test_nothing_in_a_run_folder_is_run(begun, monkeypatch):
    """On releases of torch whose own reader could be made to run code."""
    path, _ = begun

    def trusting(*_: object, **__: object) -> None:
        raise AssertionError("a stranger's file was given to torch.load")

    content = content_of(path)
    monkeypatch.setattr(torch, "load", trusting)
    run(path.parent, config_of(), stop_after=1)
    torch.save(content | {"seconds": Command()}, path)
    with pytest.raises(ResumeError, match=r"it names (builtins|__builtin__)\.exec"):
        run(path.parent, config_of(), stop_after=1)


def test_a_checkpoint_that_was_read_may_be_written_over_although_its_tensors_live_on(begun):
    path, _ = begun
    kept = load_state(path, config_of(), CPU)
    before = weights(kept.generator)
    content = path.read_bytes()
    path.write_bytes(bytes(len(content)))
    assert not differences(before, weights(kept.generator))


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        (
            {"generator": {"base_features": 4}},
            "a generator of .*base_features=8.*but the config has .*base_features=4",
        ),
        ({"generator": {"norm": "instance"}}, "holds a generator"),
        ({"discriminator": {"layers": 3}}, "holds a discriminator of .*layers=2.*but the config has .*layers=3"),
    ],
)
def test_networks_of_other_sizes_are_refused(begun, sections, words):
    path, before = begun
    with pytest.raises(ResumeError, match=words):
        run(path.parent, config_of(**sections))
    assert path.read_bytes() == before


def test_everything_else_may_change_on_the_way(begun):
    path, _ = begun
    stage = {"height": 16, "width": 16, "batch": 1, "steps": 3, "learning_rate": 1e-4}
    config = config_of(stages=[stage], losses={"attention": 0.0}, optimiser={"beta1": 0.9})
    run(path.parent, config)
    content = content_of(path)
    assert (content["step"], content["pairs_used"]) == (3, 4)
    assert content["generator_optimiser"]["param_groups"][0]["betas"] == (0.9, 0.999)
    assert load_model(path).training_size == (16, 16)


def test_a_run_may_change_its_number_format(begun):
    """One begun without scaled gradients goes on with them, as when it moves to a GPU without bf16."""
    path, _ = begun
    scaled = load_state(path, config_of(), CPU, scaled=True)
    assert scaled.scaler.is_enabled()
    save_state(
        path, scaled, config_of(), loop.model_metadata(config_of(), scaled, PairSource(config_of().data, CPU), "")
    )
    assert not load_state(path, config_of(), CPU, scaled=False).scaler.is_enabled()
