"""The ablation: its networks are what the table calls them, all start alike, and the command survives being stopped."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from benchmarks.ablation import __main__ as command
from benchmarks.ablation import table
from benchmarks.ablation.runs import Budget, Run, RunFileError, Scores, do_run, kept_run
from benchmarks.ablation.variants import FULL, VARIANTS, Variant, WithoutPoseTransformer, new_variant_state
from dptn_core.data.synthetic.figures import draw_pairs, pair_seeds
from dptn_core.network import Generator
from dptn_core.training import synthetic_batches
from dptn_core.training.batches import Batch, make_batch
from dptn_core.training.steps import Objective, generate, generator_gradients

CPU = torch.device("cpu")
TINY = Budget(steps=2, test_pairs=3, height=32, width=24, batch=2, base_features=8)
BY_KEY = {variant.key: variant for variant in VARIANTS}
LESS, BARE, SUPERVISED = (BY_KEY[key] for key in ("without-reconstruction", "without-ptm", "supervised"))


@pytest.fixture(autouse=True, scope="module")
def _light() -> Iterator[None]:
    """One thread, and no more pairs drawn ahead than a tiny run uses."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(synthetic_batches, "_PIXELS_AHEAD", TINY.steps * TINY.batch * TINY.height * TINY.width)
        yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def batch() -> Batch:
    return make_batch(draw_pairs(pair_seeds(5, 0, 2), (32, 24)), 0.75, 4, 7.0)


def state_of(variant: Variant, seed: int = 0) -> Any:
    return new_variant_state(variant, TINY.config(variant, seed), CPU)


def gradients(variant: Variant, batch: Batch) -> tuple[Any, dict[str, Tensor], Any]:
    """The state after one backward pass of the run's own objective, its terms, and what was generated."""
    state, config = state_of(variant), TINY.config(variant, 0)
    objective = Objective(config.losses)
    generated = generate(state.generator, batch, objective)
    terms = generator_gradients(state, batch, generated, objective, adversarial=False)
    return state, terms, generated


def context_input(generator: Generator, batch: Batch, target_heatmaps: Tensor) -> Tensor:
    """What the first Context Augment Block is given."""
    seen: list[Tensor] = []
    hook = generator.pose_transformer.context_blocks[0].register_forward_pre_hook(
        lambda _, given: seen.append(given[0])
    )
    with torch.no_grad():
        generator.forward_with_attention(batch.source, batch.source_heatmaps, target_heatmaps, ())
    hook.remove()
    return seen[0]


def test_the_four_variants() -> None:
    assert [variant.network for variant in (FULL, SUPERVISED)] == [Generator, Generator]
    for variant in VARIANTS:
        losses = TINY.config(variant, 0).losses
        assert (losses.attention > 0) == (variant == SUPERVISED)
        assert losses.target_share == (1.0 if variant == LESS else 0.5)
        assert losses.adversarial == losses.content == losses.style == 0
        config = TINY.config(variant, 1)
        assert config.generator.norm == "instance"
        assert (config.data, config.optimiser, config.stages, config.generator) == (
            TINY.config(FULL, 1).data,
            TINY.config(FULL, 1).optimiser,
            TINY.config(FULL, 1).stages,
            TINY.config(FULL, 1).generator,
        )


def test_one_seed_starts_all_alike() -> None:
    full = state_of(FULL).generator.state_dict()
    for variant in VARIANTS:
        state = state_of(variant)
        for network in (state.generator, state.ema):
            own = network.state_dict()
            assert own and all(torch.equal(value, full[name]) for name, value in own.items())
        assert {id(p) for p in state.generator.parameters()} == {
            id(p) for group in state.generator_optimiser.param_groups for p in group["params"]
        }
    other = state_of(FULL, seed=1).generator.state_dict()
    assert not torch.equal(full["decoder.blocks.0.bypass.weight"], other["decoder.blocks.0.bypass.weight"])


def test_without_self_reconstruction_keys_come_from_the_transformation(batch: Batch) -> None:
    elsewhere = batch.target_heatmaps.flip(3)
    for variant in VARIANTS:
        if variant == BARE:
            continue
        generator = state_of(variant).generator
        first, second = (context_input(generator, batch, maps) for maps in (batch.target_heatmaps, elsewhere))
        assert torch.equal(first, second) == (variant != LESS)
    generator = state_of(LESS).generator
    convolved = generator._convolve_source(batch.source, batch.source_heatmaps)
    transformation = generator._encode_pose(convolved, batch.target_heatmaps).flatten(2).transpose(1, 2)
    torch.testing.assert_close(context_input(generator, batch, batch.target_heatmaps), transformation)


def test_without_self_reconstruction_nothing_of_it_is_learned(batch: Batch) -> None:
    state, terms, drawn = gradients(LESS, batch)
    assert not any(name.startswith("source") for name in terms)
    assert not drawn.source.requires_grad
    assert all(p.grad is not None for p in state.generator.parameters())
    assert any(name.startswith("source") for name in gradients(FULL, batch)[1])


def test_asked_for_the_source_s_own_pose_both_branches_are_one(batch: Batch) -> None:
    """Then keys from either branch are the same, so the full network has to draw the same target."""
    images = [
        state_of(variant).generator(batch.source, batch.source_heatmaps, batch.source_heatmaps)[0]
        for variant in (FULL, LESS)
    ]
    torch.testing.assert_close(*images)


def test_without_ptm_there_is_none(batch: Batch) -> None:
    state, terms, drawn = gradients(BARE, batch)
    names = [name for name, _ in state.generator.named_parameters()]
    assert not any("pose_transformer" in name or "source_encoder" in name for name in names)
    assert all(p.grad is not None for p in state.generator.parameters())
    assert any(name.startswith("source") for name in terms)  # the dual task stays
    generator = state.generator
    features = generator._encode_pose(
        generator._convolve_source(batch.source, batch.source_heatmaps), batch.target_heatmaps
    )
    torch.testing.assert_close(drawn.target, generator._decode(features))
    assert isinstance(generator, WithoutPoseTransformer)
    assert generator.forward_with_attention(batch.source, batch.source_heatmaps, batch.target_heatmaps, (-1,))[2] == []


def test_supervision_is_the_only_difference_of_the_fourth(batch: Batch) -> None:
    (_, plain, drawn), (_, supervised, also_drawn) = gradients(FULL, batch), gradients(SUPERVISED, batch)
    torch.testing.assert_close(drawn.target, also_drawn.target)
    assert "attention" not in plain and supervised["attention"] > 0
    expected = plain["total"] + SUPERVISED.attention * supervised["attention"]
    torch.testing.assert_close(supervised["total"], expected)


@pytest.mark.parametrize("variant", [LESS, BARE], ids=lambda variant: variant.key)
def test_the_shortcut_for_many_poses_is_refused(variant: Variant, batch: Batch) -> None:
    with pytest.raises(NotImplementedError, match="forward"):
        state_of(variant).generator.encode_source(batch.source, batch.source_heatmaps)


def test_a_run_is_repeatable() -> None:
    first, second = (do_run(LESS, 1, TINY, CPU, lambda loss: None) for _ in range(2))
    assert first.scores == second.scores
    assert first.scores.attention_accuracy is not None
    assert do_run(BARE, 1, TINY, CPU, lambda loss: None).scores.attention_accuracy is None


def some_run(variant: Variant, seed: int, psnr: float) -> Run:
    attention = None if variant == BARE else 0.25
    return Run(variant.key, seed, TINY, Scores(psnr, 0.5, 12.0, attention), 10, 1.0, "a machine", "2026-01-01")


def test_means_spreads_and_differences() -> None:
    runs = [some_run(FULL, seed, psnr) for seed, psnr in enumerate((10.0, 12.0, 14.0))]
    runs += [some_run(BARE, seed, psnr) for seed, psnr in enumerate((11.0, 11.0, 14.0))]
    copying = Scores(9.0, 0.4, 8.0, 0.1)
    text = table.markdown(runs, copying, TINY)
    row, bare = (next(line for line in text.splitlines() if line.startswith(f"| {v.name}")) for v in (FULL, BARE))
    assert "12.00 ± 2.00" in row and "0.250 ± 0.000" in row
    assert bare.endswith("| – |")
    assert "+0.00 ± 1.00 (+1.00, -1.00, +0.00)" in text
    values = table.summary(runs, copying, TINY)["variants"]["without-ptm"]["psnr"]
    assert values["mean"] == 12.0 and values["minus_full"]["each"] == [1.0, -1.0, 0.0]
    assert table.summary(runs, copying, TINY)["variants"]["supervised"]["psnr"]["mean"] is None


def test_kept_runs(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "full-0.json"
    run = some_run(FULL, 0, 10.0)
    assert kept_run(path, TINY) is None
    run.save(path)
    assert kept_run(path, TINY) == run
    with pytest.raises(RunFileError, match="use another --out"):
        kept_run(path, Budget())
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(RunFileError, match="remove it"):
        kept_run(path, TINY)


@pytest.fixture
def ablate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """The command at tiny sizes."""
    monkeypatch.setattr(command, "Budget", lambda steps=2, test_pairs=3: Budget(steps, test_pairs, 32, 24, 2, 8))
    return lambda: command.main(["--steps", "2", "--pairs", "3", "--seeds", "1", "--out", str(tmp_path / "out")])


def test_the_command_stops_resumes_and_writes(
    ablate: Callable[[], int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    done: list[str] = []

    def stopped_in_the_third(variant: Variant, *given: Any) -> Run:
        done.append(variant.key)
        if len(done) == 3:
            raise KeyboardInterrupt
        return do_run(variant, *given)

    monkeypatch.setattr(command, "do_run", stopped_in_the_third)
    assert ablate() == 130
    assert "2 of 4 runs are in" in capsys.readouterr().out
    partial = (tmp_path / "out" / "results.md").read_text(encoding="utf-8")
    assert "| with attention supervision | – | 0 |" in partial

    assert ablate() == 0
    assert done == [FULL.key, LESS.key, BARE.key, BARE.key, SUPERVISED.key]
    text = (tmp_path / "out" / "results.md").read_text(encoding="utf-8")
    assert text in capsys.readouterr().out
    results = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))
    assert [run["variant"] for run in results["runs"]] == [variant.key for variant in VARIANTS]
    assert str(tmp_path) not in text + json.dumps(results)

    assert ablate() == 0
    assert len(done) == 5


def test_a_spoilt_run_is_named(ablate: Callable[[], int], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "out" / "runs" / "full-0.json"
    path.parent.mkdir(parents=True)
    path.write_text("no JSON", encoding="utf-8")
    assert ablate() == 1
    assert "full-0.json" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--steps", "--seeds", "--pairs"])
def test_nothing_to_do_is_refused(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.main([option, "0"])
    assert "1 or more" in capsys.readouterr().err
