"""Training of the carrier: examples made ahead and kept, a loss that falls, a run that survives being stopped."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from kept_fixture import manifest, open_dolls
from safetensors import safe_open
from transfer_fixture import tiny_model

from dptn_core import cli
from dptn_core.checkpoint import save_model
from dptn_core.data.custom.image_folder import FolderPlan, prepare_folder
from dptn_core.data.synthetic.figures import draw_pairs, pair_seeds, write_character
from dptn_core.data.synthetic.kept import keep
from dptn_core.image_io import read_image
from dptn_core.inference.carrier_file import load_carrier
from dptn_core.inference.source_texture import hole_around
from dptn_core.network.carrier import Carrier
from dptn_core.segmentation import SegmentationError
from dptn_core.training import ConfigError, DivergedError, InterruptedRunError, ResumeError, find_config
from dptn_core.training.carrier_training import (
    CarrierConfig,
    CarrierRunOptions,
    ExamplesError,
    carrier_loop,
    carrier_photographs,
    load_carrier_config,
    train_carrier,
)
from dptn_core.training.carrier_training.carrier_config import Disturbances
from dptn_core.training.carrier_training.carrier_losses import image_losses
from dptn_core.training.carrier_training.carrier_photographs import PhotographMaker
from dptn_core.training.carrier_training.carrier_state import load_carrier_state, new_carrier_state
from dptn_core.training.carrier_training.disturbance import disturbed
from dptn_core.training.carrier_training.examples import UNKNOWN, Examples, given_of, make_examples, without_people
from dptn_core.training.carrier_training.makers import NamedModel, SyntheticMaker
from dptn_core.training.carrier_training.shipping import write_carrier
from dptn_core.training.carrier_training.store import SHARD, StoreMetadata, make_store, open_store
from dptn_core.training.toml_tables import build

CPU = torch.device("cpu")
SIZE = (48, 32)
TINY: dict[str, Any] = {
    "stage": {"height": 48, "width": 32, "batch": 2, "steps": 4, "learning_rate": 2e-3, "warmup": 1},
    "data": {"figures": 1.0, "examples": SHARD},
    "losses": {"perceptual": 0.0},
    "run": {"log_every": 2, "sheet_every": 4, "save_every": 2},
}
PRESETS = ("carrier", "own-carrier")


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """As sums are added in another order by several."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def _no_segmenter(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is slow, and figures of 48 pixels are nobody to it; what it finds is given where a test wants it."""
    monkeypatch.setattr(carrier_loop, "load_segmenter", lambda: None)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_model(path, tiny_model((48, 32)))
    return path


@pytest.fixture(scope="module")
def examples() -> Examples:
    return make_examples(draw_pairs(pair_seeds(3, 0, 8), SIZE), tiny_model((48, 32)), None)


def config_of(**sections: Any) -> CarrierConfig:
    tables = json.loads(json.dumps(TINY))
    for name, value in sections.items():
        tables[name] = {**tables.get(name, {}), **value} if isinstance(value, dict) else value
    return build(CarrierConfig, tables, "config")


def run(folder: Path, model: Path, config: CarrierConfig | None = None, **options: Any) -> Path:
    return train_carrier(config or config_of(), CarrierRunOptions(folder, CPU, (model,), **options))


def weights(path: Path) -> dict[str, torch.Tensor]:
    return load_carrier("cpu", path).state_dict()


# The config.


@pytest.mark.parametrize("name", PRESETS)
def test_presets_load_and_are_of_the_size_in_use(name):
    config = load_carrier_config(find_config(Path(name)))
    assert config.size == (256, 192)
    assert build(CarrierConfig, json.loads(json.dumps(config.to_dict())), "config") == config


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"stages": []}, "unknown keys stages"),
        ({"stage": {"width": 30}}, "stage.width is 30; allowed: multiples of 8"),
        ({"stage": {"accumulate": 2}}, "stage.accumulate is 2"),
        ({"stage": {"batch": 0}}, "stage.batch is 0"),
        ({"data": {"figures": 1.5}}, "data.figures is 1.5; allowed: 0 to 1"),
        ({"data": {"kind": "people"}}, "data.kind is 'people'; allowed: synthetic, photographs"),
        ({"disturb": {"no_mask": -0.1}}, "disturb.no_mask is -0.1"),
        ({"disturb": {"no_drawing": 0.8, "other_drawing": 0.4}}, "add up to 1.2; allowed: up to 1"),
        ({"optimiser": {"ema": 1.0}}, "optimiser.ema is 1.0"),
        ({"optimiser": {"pull": 1.0}}, "need a carrier to start from"),
        ({"run": {"save_every": 0}}, "run.save_every is 0; allowed: above 0"),
        ({"kind": "generator"}, "kind is 'generator'; allowed: carrier"),
    ],
)
def test_odd_values_are_refused_by_name(sections, said):
    with pytest.raises(ConfigError, match=said.replace("(", r"\(")):
        config_of(**sections)


# Examples.


def test_examples_come_back_from_disk_one_by_one(tmp_path, examples):
    store = make_store(tmp_path, StoreMetadata(SIZE, {"data": "figures"}, shard=4))
    assert len(store) == 0
    store.add(examples[:4])
    store.add(examples[4:])
    assert len(store) == 8
    found = open_store(tmp_path).read([6, 1])
    for name, value in found.tensors().items():
        assert torch.equal(value, getattr(examples, name)[[6, 1]]), name


def test_a_gap_ends_the_examples_and_damage_is_named(tmp_path, examples):
    store = make_store(tmp_path, StoreMetadata(SIZE, {}, shard=4))
    for first in (0, 4, 0):
        store.add(examples[first : first + 4])
    (tmp_path / "00001.safetensors").unlink()
    assert len(open_store(tmp_path)) == 4
    (tmp_path / "00000.safetensors").write_bytes(b"damaged")
    with pytest.raises(ExamplesError, match=r"00000\.safetensors cannot be read .* remove it and all files after it"):
        open_store(tmp_path).read([0])


def test_the_same_numbers_give_the_same_examples_alone_and_together():
    maker = SyntheticMaker(config_of(), [NamedModel(tiny_model((48, 32)), "tiny")], None)
    together = maker.examples(2, range(1, 5))
    alone = maker.examples(2, range(3, 4))
    assert torch.equal(together.source[2], alone.source[0])
    assert not torch.equal(maker.examples(3, range(3, 4)).source[0], alone.source[0])


def test_people_come_round_by_round_and_the_sheets_are_left_out(tmp_path):
    keep(open_dolls, tmp_path, manifest(kind="people", pairs=10), processes=1)
    config = config_of(data={"figures": 0.0, "root": str(tmp_path)})
    maker = SyntheticMaker(config, [NamedModel(tiny_model((48, 32)), "tiny")], None)
    made = maker.examples(0, range(0, 8))
    # four pairs, as six of the ten are for the sheets
    assert [torch.equal(made.source[0], other) for other in made.source[:4]] == [True, False, False, False]
    assert not torch.equal(made.source[4], made.source[0]), "a pair that comes again should be changed"
    assert (made.target_parts != UNKNOWN).all()
    shown = maker.shown()
    assert len(shown) == 12
    for image in shown.source[6:]:
        assert not any(torch.equal(image, other) for other in made.source[:4])


def test_a_set_with_smaller_images_is_refused(tmp_path):
    keep(open_dolls, tmp_path, manifest(kind="people", height=40, width=32), processes=1)
    with pytest.raises(ConfigError, match="smaller than the 32x48 of stage; keep a set with --size"):
        SyntheticMaker(config_of(data={"figures": 0.5, "root": str(tmp_path)}), [], None)


def test_models_of_other_proportions_are_refused():
    with pytest.raises(ConfigError, match="square was trained at 32x32, but stage is 32x48"):
        SyntheticMaker(config_of(), [NamedModel(tiny_model((32, 32)), "square")], None)


def test_the_source_without_its_person_is_what_surrounds_them():
    matte = torch.zeros(1, 64, 48)
    matte[0, 16:48, 16:32] = 1
    room = torch.full((1, 3, 64, 48), 0.25)
    image = torch.where(matte[:, None] > 0, 0.0, room)
    empty = without_people(image, matte)
    outside = hole_around(matte[0], 64) == 0
    assert torch.equal(empty[0][:, outside], image[0][:, outside])
    assert float((empty - room).abs().max()) < 0.02


# Disturbances.


def test_nothing_is_disturbed_but_joints_where_nothing_is_asked_for(examples):
    calm = Disturbances(0, 0, 0, 0, 0, 0)
    for seed in range(8):
        given, ground_truth = disturbed(examples, calm, torch.Generator().manual_seed(seed))
        plain = given_of(examples)
        if (ground_truth.seen == examples.seen).all():
            break
    assert (given.source - plain.source).abs().max() < 1 / 255
    assert torch.equal(given.scores, plain.scores)
    assert torch.equal(given.mask, plain.mask)
    assert (given.target_pose - plain.target_pose)[..., :2].abs().max() > 0


def test_every_disturbance_does_what_its_name_says(examples):
    everything = Disturbances(no_attention=1, other_attention=0, no_drawing=1, other_drawing=0, no_mask=1)
    given, _ = disturbed(examples, everything, torch.Generator().manual_seed(0))
    assert not given.scores.any()
    assert given.generated.flatten(2).std(-1).max() < 1e-6
    assert (given.mask == 0.5).all()
    given, _ = disturbed(examples, Disturbances(0, 0, 1, 0, 1, 0), torch.Generator().manual_seed(0))
    assert given.scores.any() and given.generated.flatten(2).std(-1).min() > 0


def test_the_same_dice_disturb_alike(examples):
    first, second, other = (
        disturbed(examples, Disturbances(), torch.Generator().manual_seed(seed))[0] for seed in (5, 5, 6)
    )
    assert torch.equal(first.source, second.source) and torch.equal(first.scores, second.scores)
    assert not torch.equal(first.source, other.source)


# A run.


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(carrier_loop, "load_segmenter", lambda: None)
        run(folder, model, command="dptn train --config tiny.toml")
    return folder


def test_a_run_writes_a_carrier_that_can_be_used(finished, model):
    path = finished / "carrier.safetensors"
    assert load_carrier("cpu", path)
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
        assert {file.get_tensor(name).dtype for name in file.keys()} == {torch.float16, torch.int64}  # noqa: SIM118
    assert (
        metadata["steps"] == "4"
        and metadata["training"] == "100% drawn figures"
        and metadata["license"].startswith("Apache-2.0")
    )
    assert metadata["generators"].startswith("tiny.safetensors ") and len(metadata["generators"].split()[1]) == 12
    assert metadata["command"] == "dptn train --config tiny.toml"
    assert read_image(finished / "sheets" / "0000004.png").shape == (3, 3 * 48, 2 * 6 * 32)
    assert not list(finished.rglob("*.part*"))


def test_a_stopped_run_goes_on_to_the_same_weights(finished, tmp_path, model):
    config = config_of(data={"root": str(finished / "examples")})
    run(tmp_path, model, config, stop_after=1)
    assert load_carrier_state(tmp_path / "carrier.pt", config_of(), CPU).step == 1
    asked = iter([False, True])
    with pytest.raises(InterruptedRunError, match="stopped at step 2, saved to"):
        run(tmp_path, model, config, should_stop=lambda: next(asked))
    run(tmp_path, model, config)
    expected = weights(finished / "carrier.safetensors")
    for name, value in weights(tmp_path / "carrier.safetensors").items():
        assert torch.allclose(value, expected[name], atol=1e-3), name


def test_examples_that_are_there_are_not_made_again_and_can_be_given(finished, tmp_path, model, monkeypatch):
    def never(*_: object) -> None:
        raise AssertionError("made again")

    monkeypatch.setattr(SyntheticMaker, "examples", never)
    run(finished, model, config_of(stage={"steps": 5}))
    given = config_of(data={"root": str(finished / "examples")})
    monkeypatch.setattr(carrier_loop, "open_maker", never)
    run(tmp_path, tmp_path / "no-model", given, stop_after=1)
    with pytest.raises(ExamplesError, match="are 32x48, but stage is 48x48"):
        run(tmp_path / "other", model, dataclasses.replace(given, stage=dataclasses.replace(given.stage, width=48)))


def test_examples_of_another_seed_are_not_taken(finished, model):
    with pytest.raises(ExamplesError, match="seed is 47 there, expected 48; remove the folder"):
        run(finished, model, config_of(data={"seed": 48}, stage={"steps": 9}))


def test_what_stops_the_making_stops_the_run(tmp_path, model, monkeypatch):
    def fail(*_: object) -> None:
        raise OSError("no room")

    monkeypatch.setattr(SyntheticMaker, "examples", fail)
    with pytest.raises(OSError, match="no room"):
        run(tmp_path, model)


def test_the_loss_falls(tmp_path, model):
    config = config_of(stage={"batch": 4, "steps": 16, "warmup": 0}, disturb=dict.fromkeys(vars(Disturbances()), 0.0))
    store = make_store(tmp_path, StoreMetadata(SIZE, {}, shard=8))
    store.add(make_examples(draw_pairs(pair_seeds(3, 0, 8), SIZE), tiny_model((48, 32)), None))
    state = new_carrier_state(config, CPU)
    totals = [
        carrier_loop.one_carrier_step(state, carrier_loop.CarrierTask(config, store, {}, None, CPU), 8)["total"]
        for _ in range(16)
    ]
    assert np.mean(totals[-4:]) < 0.8 * np.mean(totals[:3])


def test_a_step_that_comes_to_nothing_changes_nothing_and_many_end_the_run(finished, tmp_path, model, monkeypatch):
    def broken(*_: object) -> dict[str, torch.Tensor]:
        return {"places": torch.tensor(torch.nan, requires_grad=True)}

    given = {"root": str(finished / "examples")}
    run(tmp_path, model, config_of(data=given), stop_after=1)
    before = weights(tmp_path / "carrier.safetensors")
    monkeypatch.setattr(carrier_loop, "carrier_losses", broken)
    with pytest.raises(DivergedError, match="21 times in a row"):
        run(tmp_path, model, config_of(data=given, stage={"steps": 60}, run={"save_every": 50}))
    after = weights(tmp_path / "carrier.safetensors")
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_a_damaged_or_foreign_checkpoint_is_named(tmp_path, model):
    (tmp_path / "carrier.pt").write_bytes(b"damaged")
    with pytest.raises(ResumeError, match=r"carrier\.pt cannot be read as a training checkpoint"):
        run(tmp_path, model)
    torch.save({"kind": "dptn-training"}, tmp_path / "carrier.pt")
    with pytest.raises(ResumeError, match="is not a training checkpoint"):
        run(tmp_path, model)


# Fine-tuning.


def test_a_run_starts_from_the_carrier_it_is_given(finished, tmp_path, model):
    torch.manual_seed(5)
    write_carrier(tmp_path / "start.safetensors", Carrier(), {})
    given = {"root": str(finished / "examples")}
    config = config_of(start=str(tmp_path / "start.safetensors"), stage={"learning_rate": 1e-9}, data=given)
    run(tmp_path / "run", model, config, stop_after=1)
    first, after = weights(tmp_path / "start.safetensors"), weights(tmp_path / "run" / "carrier.safetensors")
    assert all(torch.allclose(first[name], after[name], atol=1e-3) for name in first if name.endswith("weight"))
    with pytest.raises(ConfigError, match=r"start is 'no\.safetensors': no such file"):
        run(tmp_path / "other", model, config_of(start="no.safetensors"))


def test_weights_are_pulled_back_and_statistics_kept(tmp_path, examples):
    torch.manual_seed(5)
    write_carrier(tmp_path / "start.safetensors", Carrier(), {})
    store = make_store(tmp_path / "examples", StoreMetadata(SIZE, {}, shard=8))
    store.add(examples)
    away = {}
    for pull in (0.0, 100.0):
        config = config_of(
            start=str(tmp_path / "start.safetensors"),
            stage={"learning_rate": 2e-3, "steps": 6},
            optimiser={"pull": pull, "keep_statistics": True, "weight_decay": 0.0},
        )
        state = new_carrier_state(config, CPU)
        for _ in range(6):
            carrier_loop.one_carrier_step(state, carrier_loop.CarrierTask(config, store, {}, None, CPU), 8)
        start = load_carrier("cpu", tmp_path / "start.safetensors")
        away[pull] = sum(
            float((one - two).detach().square().sum())
            for one, two in zip(state.carrier.parameters(), start.parameters(), strict=True)
        )
        for name, value in start.state_dict().items():
            if "running" in name:
                assert torch.equal(state.carrier.state_dict()[name], value), name
    assert away[100.0] < 0.6 * away[0.0]


@pytest.fixture(scope="module")
def character(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn character, prepared as people would their photographs."""
    folder = tmp_path_factory.mktemp("character")
    list(write_character(folder / "drawn", 3, 8, (160, 107)))
    prepare_folder(folder / "drawn", folder / "set", FolderPlan(size=(96, 64), test_fraction=0.3))
    return folder / "set"


@pytest.fixture
def masks(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of the segmenter's."""

    def found(_: object, image: torch.Tensor, pose: Any) -> torch.Tensor:
        mask = torch.zeros(image.shape[1:])
        x, y = pose.keypoints[pose.present].astype(int).T
        mask[max(0, y.min()) : y.max() + 1, max(0, x.min()) : x.max() + 1] = 1
        return mask

    monkeypatch.setattr(carrier_photographs, "person_mask", found)


def photograph_config(root: Path, **sections: Any) -> CarrierConfig:
    return config_of(data={"kind": "photographs", "root": str(root)}, **sections)


@pytest.mark.usefixtures("masks")
def test_photographs_have_mattes_and_no_correspondence(character):
    maker = PhotographMaker(photograph_config(character), [NamedModel(tiny_model((48, 32)), "tiny")], None)
    made = maker.examples(0, range(6))
    assert (made.source_parts == UNKNOWN).all() and not made.seen.any()
    assert torch.equal(made.mask, made.source_matte) and made.target_matte.any()
    inside = made.target_pose[..., 2] > 0
    rows = (made.target_pose[..., 1] * 48).long().clamp(0, 47)
    columns = (made.target_pose[..., 0] * 48).long().clamp(0, 31)
    on = torch.stack([matte[y, x] for matte, y, x in zip(made.target_matte, rows, columns, strict=True)])
    assert (on[inside] > 0).float().mean() > 0.8, "poses should lie on their persons"


@pytest.mark.usefixtures("masks")
def test_photographs_fine_tune_a_carrier(character, tmp_path, model):
    path = run(tmp_path, model, photograph_config(character))
    with safe_open(path, "pt") as file:
        assert file.metadata()["training"].startswith("folder (")


def test_images_in_which_nobody_can_be_told_are_skipped(character, monkeypatch, caplog):
    def fail(*_: object) -> None:
        raise SegmentationError("the pose has 2 joints")

    monkeypatch.setattr(carrier_photographs, "person_mask", fail)
    maker = PhotographMaker(photograph_config(character), [NamedModel(tiny_model((48, 32)), "tiny")], None)
    with pytest.raises(ValueError, match="the segmenter finds both people in no pair"):
        maker.examples(0, range(1))
    assert "skipped train/" in caplog.text


def test_image_losses_ask_nothing_of_correspondence(examples):
    torch.manual_seed(0)
    carrier = Carrier()
    _, found = carrier(given_of(examples))
    first = image_losses(found, examples, None)
    second = image_losses(found, dataclasses.replace(examples, flow=examples.flow + 1, seen=~examples.seen), None)
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    assert set(first) == {"colour", "on person", "drawing", "carry", "matte", "small"}


# The command.


def command(*arguments: object) -> int:
    return cli.main(["train", *map(str, arguments), "--device", "cpu"])


def write_toml(path: Path, *, start: str = "") -> Path:
    tables = ["[losses]", "perceptual = 0.0", "[data]", "figures = 1.0", "examples = 32"]
    stage = ["[stage]", "height = 48", "width = 32", "batch = 2", "steps = 2"]
    path.write_text("\n".join(['kind = "carrier"', f'start = "{start}"', *tables, *stage]) + "\n")
    return path


def test_the_command_trains_a_carrier_behind_several_models(tmp_path, model, capsys):
    config = write_toml(tmp_path / "tiny.toml")
    assert command("--config", config, "--from", f"{model},{model}", "--out", tmp_path / "run") == 0
    assert f"wrote {tmp_path / 'run' / 'carrier.safetensors'}" in capsys.readouterr().out
    assert len(open_store(tmp_path / "run" / "examples")) == SHARD


def test_a_dry_run_says_what_it_takes_and_writes_nothing(tmp_path, model, capsys):
    config = write_toml(tmp_path / "tiny.toml")
    assert command("--config", config, "--from", model, "--out", tmp_path / "run", "--dry-run") == 0
    said = capsys.readouterr().out
    assert "examples     32 of 100% drawn figures" in said and "2 steps of" in said
    assert not (tmp_path / "run").exists()


def test_odd_options_are_one_line(tmp_path, model, capsys):
    config = write_toml(tmp_path / "tiny.toml")
    for more, said in (
        (("--processes", 2), "--processes 2 is for generators"),
        (("--carrier", "no.safetensors"), "start is 'no.safetensors': no such file"),
        (("--from", "no.safetensors"), "there is no such file"),
    ):
        assert command("--config", config, "--from", model, "--out", tmp_path / "run", *more) == 2
        assert said in capsys.readouterr().err.splitlines()[-1]
    assert command("--config", "figures", "--out", tmp_path / "run", "--carrier", "starter") == 2
    assert "--carrier starter is for configs that train a carrier" in capsys.readouterr().err


GENERATOR = """
then = {then}

[generator]
base_features = 8
max_features = 16
residual_blocks = 1
context_blocks = 1
texture_blocks = 1

[[stages]]
height = 48
width = 32
batch = 2
steps = 2

[losses]
adversarial = 0.0
content = 0.0
style = 0.0
"""


def test_a_carrier_comes_after_its_generator_is_done(tmp_path, capsys):
    carrier = write_toml(tmp_path / "tiny-carrier.toml")
    (tmp_path / "tiny.toml").write_text(GENERATOR.format(then=json.dumps(str(carrier))))
    arguments = ("--config", tmp_path / "tiny.toml", "--out", tmp_path / "run", "--processes", 1)
    assert command(*arguments, "--steps", 1) == 0
    assert "the carrier trains once all 2 steps are done, 1 so far" in capsys.readouterr().out
    assert command(*arguments) == 0
    with safe_open(tmp_path / "run" / "carrier" / "carrier.safetensors", "pt") as file:
        assert file.metadata()["generators"].startswith("training.pt ")


def test_what_cannot_come_then_is_refused_before_the_generator_trains(tmp_path, capsys):
    (tmp_path / "tiny.toml").write_text(GENERATOR.format(then='"nowhere"'))
    assert command("--config", tmp_path / "tiny.toml", "--out", tmp_path / "run", "--processes", 1) == 2
    assert "nowhere: no such file" in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "run").exists()
