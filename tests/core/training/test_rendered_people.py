"""Training on rendered people, and on mixes with drawn figures."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import pytest
import torch

from dptn_core.data.synthetic.figures import draw_pairs
from dptn_core.data.synthetic.kept import Manifest, keep
from dptn_core.data.synthetic.people import open_studio, render_pairs
from dptn_core.data.synthetic.synthetic_pairs import PeoplePairs, pair_seeds
from dptn_core.training import ConfigError, RunOptions, TrainingConfig, find_config, load_config, train, with_data
from dptn_core.training.synthetic_batches import PairSource, kind_of
from dptn_core.training.training_config import DataConfig, MixWeights

CPU = torch.device("cpu")
SIZE = (48, 32)
MIX = DataConfig(kind="mix", seed=4)
TINY: dict[str, Any] = {
    "stages": [{"height": 48, "width": 32, "batch": 4, "steps": 2}],
    "generator": {
        **{"base_features": 8, "max_features": 16, "down_steps": 2, "norm": "batch"},
        **{"residual_blocks": 1, "context_blocks": 1, "texture_blocks": 1},
    },
    "losses": {"content": 0.0, "style": 0.0, "adversarial": 0.0},
    "run": {"precision": "fp32"},
}


@pytest.fixture(autouse=True)
def _few_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dptn_core.training.synthetic_batches._PIXELS_AHEAD", 1)


def renderer() -> Any:
    studio = open_studio()

    def render(seeds: torch.Tensor, size: tuple[int, int]) -> PeoplePairs:
        return render_pairs(studio, seeds, size)

    return render


@pytest.mark.parametrize(("figures", "people", "share"), [(0.3, 0.7, 0.3), (1, 3, 0.25), (0, 1, 0), (2, 0, 1)])
def test_a_mix_holds_each_kind_by_its_weight(figures: float, people: float, share: float) -> None:
    data = DataConfig(kind="mix", weights=MixWeights(figures, people))
    kinds = [kind_of(data, number) for number in range(2_000)]
    assert abs(kinds.count("figures") / 2_000 - share) < 0.002
    # no batch is far from it
    for first in range(0, 2_000, 10):
        assert abs(kinds[first : first + 10].count("figures") / 10 - share) <= 0.2


def test_a_mix_is_made_of_what_each_kind_makes() -> None:
    pairs = PairSource(MIX, CPU).pairs(0, 6, SIZE)
    kinds = [kind_of(MIX, number) for number in range(6)]
    assert set(kinds) == {"figures", "people"}
    studio = open_studio()
    for number, kind in enumerate(kinds):
        seeds = pair_seeds(4, number, 1)
        alone = draw_pairs(seeds, SIZE) if kind == "figures" else render_pairs(studio, seeds, SIZE)
        assert torch.equal(pairs.source[number], alone.source[0]), (number, kind)
        assert torch.equal(pairs.target_keypoints[number], alone.target_keypoints[0])


def test_the_same_numbers_give_the_same_pairs() -> None:
    source = PairSource(MIX, CPU)
    first = source.pairs(3, 4, SIZE)
    source.pairs(20, 4, SIZE)
    again = source.pairs(3, 4, SIZE)
    assert torch.equal(first.source, again.source)
    assert torch.equal(first.correspondence, again.correspondence)


def test_sheets_show_both_kinds_and_never_training_pairs() -> None:
    batch = PairSource(MIX, CPU).fixed(4, SIZE, 4)
    assert batch.source.shape == (4, 3, *SIZE)
    trained = PairSource(DataConfig(kind="people", seed=2022), CPU).pairs(0, 8, SIZE)
    figures = [draw_pairs(pair_seeds(2022, number, 1), SIZE).source[0] for number in range(2)]
    assert torch.equal(batch.source[0], figures[0])
    assert all((image - other).abs().max() > 0.1 for image in batch.source[2:] for other in trained.source)


def test_a_run_on_a_mix_trains(tmp_path: Path) -> None:
    config = TrainingConfig.from_dict({**TINY, "data": {"kind": "mix", "seed": 9}})
    path = train(config, RunOptions(tmp_path, CPU))
    saved = torch.load(path, weights_only=True)
    assert saved["step"] == 2
    assert "30% figures, 70% people" in str(saved)


def test_a_kept_set_is_read_instead_of_rendered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "set"
    keep(renderer, folder, Manifest("people", "1", 5, 64, 48, 6), processes=1)
    data = DataConfig(kind="people", seed=5, kept=str(folder))
    source = PairSource(data, CPU)

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("rendered, although the set is there")

    monkeypatch.setattr("dptn_core.data.synthetic.people.render_pairs", refuse)
    pairs, again = source.pairs(0, 8, SIZE), PairSource(data, CPU).pairs(0, 8, SIZE)
    assert pairs.source.shape == (8, 3, *SIZE)
    assert torch.equal(pairs.source, again.source)
    assert not torch.equal(pairs.source[0], pairs.source[6])  # another time round, changed otherwise


def test_training_never_reads_the_test_set(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    keep(renderer, folder, Manifest("people, test", "1", 5, 64, 48, 2), processes=1)
    with pytest.raises(ConfigError, match="is for evaluation only"):
        PairSource(DataConfig(kind="people", kept=str(folder)), CPU)


def test_a_stage_too_small_for_people_is_refused_before_the_run(tmp_path: Path) -> None:
    config = TrainingConfig.from_dict(
        {**TINY, "stages": [{"height": 24, "width": 24, "batch": 2, "steps": 1}], "data": {"kind": "people"}}
    )
    with pytest.raises(ConfigError, match=r"stages: size must be at least 32.*got 24 x 24"):
        train(config, RunOptions(tmp_path, CPU))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"kind": "people", "root": "x"}, 'reads no folder; set data.kind = "pictures"'),
        ({"kind": "figures", "kept": "x"}, "has no rendered people"),
        ({"kind": "mix", "weights": {"figures": -1}}, "0 or more each"),
        ({"kind": "mix", "weights": {"figures": 0, "people": 0}}, "with one above 0"),
        ({"kind": "mix", "weights": {"dogs": 1}}, "unknown keys dogs"),
        ({"kind": "persons"}, "data.kind"),
        ({"kind": "people", "weights": {"people": 2}}, 'is for data.kind = "mix"'),
        ({"kind": "mix", "weights": {"figures": 1, "people": 0}, "kept": "x"}, "data.weights.people is 0"),
    ],
)
def test_odd_data_is_refused(data: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        TrainingConfig.from_dict({**TINY, "data": data})


def test_a_set_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"data\.kept.*nowhere"):
        PairSource(DataConfig(kind="people", kept=str(tmp_path / "nowhere")), CPU)


def test_a_missing_package_is_named_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith(("anny", "skimage")) or name == "warp":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name.partition(".")[0])
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.setattr("dptn_core.data.synthetic.people.open_studio", lambda device: __import__("anny"))
    with pytest.raises(ConfigError, match=r"package anny.*dptn-pose-transfer\[train\]"):
        PairSource(DataConfig(kind="people"), CPU)


def test_the_folder_of_a_people_config_is_a_kept_set(tmp_path: Path) -> None:
    config = load_config(find_config(Path("people")))
    assert with_data(config, tmp_path).data.kept == str(tmp_path)
    assert with_data(config, tmp_path).data.kind == config.data.kind
    own = load_config(find_config(Path("own")))
    assert with_data(own, tmp_path).data.root == str(tmp_path)
