"""A config means what it says: values, defaults, files and presets, and the errors for everything else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from training_fixture import TINY, config_of, write_toml

from dptn_core.network import GeneratorConfig
from dptn_core.training import ConfigError, TrainingConfig, find_config, load_config
from dptn_core.training.batches import sigma_at
from dptn_core.training.toml_tables import PRESETS, read_toml

OF_GENERATORS = sorted(path for path in PRESETS.glob("*.toml") if "kind" not in read_toml(path))


@pytest.mark.parametrize("preset", OF_GENERATORS, ids=lambda p: p.stem)
def test_every_preset_loads(preset):
    config = load_config(preset)
    assert config.total_steps > 0
    assert TrainingConfig.from_dict(config.to_dict()) == config


def test_a_config_survives_plain_tables_and_a_file(tmp_path):
    config = config_of()
    assert TrainingConfig.from_dict(config.to_dict()) == config
    assert TrainingConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    assert load_config(write_toml(tmp_path / "tiny.toml", TINY)) == config
    assert config.generator == GeneratorConfig(
        base_features=8, max_features=16, norm="batch", residual_blocks=1, context_blocks=1, texture_blocks=1
    )
    assert config.stages[0].learning_rate == 1e-3, "what is not given should take its default"


def test_the_empty_config_is_the_papers():
    config = TrainingConfig.from_dict({})
    assert (config.generator, config.stages[0].batch) == (GeneratorConfig(), 32)
    assert (config.losses.reconstruction, config.losses.content, config.losses.style) == (5.0, 0.5, 500.0)
    assert (config.optimiser.beta1, config.optimiser.beta2, config.optimiser.discriminator_rate) == (0.5, 0.999, 0.1)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("colour = 1", "colour"),
        ("[losses]\nreconstrution = 1.0", "reconstrution.*allowed:.*reconstruction"),
        ("[[stages]]\nheight=32\nwidth=24\nbatch=2\nsteps=1\nrate=1", r"stages\[0\].*rate"),
        ("[generator]\nfeatures = 8", "generator.*features"),
        ("losses = 3", "losses is 3"),
        ("stages = 3", "stages is 3"),
        ("stages = [3]", r"stages\[0\] is 3"),
        ("[losses]\nscales = 4", "losses.scales is 4"),
        ('[losses]\nscales = [1, "2"]', r"losses.scales\[1\] is '2'"),
        ('[optimiser]\nbeta1 = "half"', "optimiser.beta1 is 'half'"),
        ("[optimiser]\nema = true", "optimiser.ema is True"),
        ("[run]\nseed = 1.5", "run.seed is 1.5"),
        ("[run]\nlog_every = true", "run.log_every is True"),
        ('[run]\nprecision = "fp8"', "run.precision is 'fp8'.*bf16"),
        ('[data]\nkind = "photos"', "data.kind is 'photos'"),
        ("[losses]\nchroma = nan", "losses.chroma"),
        ("[[stages]]\nheight=32\nwidth=24\nbatch=2\nsteps=1\nlearning_rate=nan", r"stages\[0\].learning_rate"),
        ("[[stages]]\nheight=32\nwidth=24\nbatch=2\nsteps=1\nlearning_rate=inf", r"stages\[0\].learning_rate"),
    ],
)
def test_unknown_keys_and_wrong_types_are_refused_by_name(tmp_path, text, words):
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=words) as caught:
        load_config(path)
    assert "wrong.toml" in str(caught.value), "the message should name the file"


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"stages": []}, "stages is empty"),
        (
            {"stages": [{"height": 36, "width": 24, "batch": 1, "steps": 1}]},
            r"stages\[0\].height is 36.*multiples of 8",
        ),
        ({"stages": [{"height": 32, "width": 8, "batch": 1, "steps": 1}]}, r"stages\[0\].width is 8.*from 16"),
        ({"stages": [{"height": 32, "width": 24, "batch": 0, "steps": 1}]}, r"stages\[0\].batch is 0"),
        ({"stages": [{"height": 32, "width": 24, "batch": 1, "steps": -1}]}, r"stages\[0\].steps is -1"),
        ({"stages": [{"height": 32, "width": 24, "batch": 1}]}, "steps"),
        (
            {"stages": [{"height": 32, "width": 24, "batch": 1, "steps": 1, "learning_rate": 0}]},
            r"stages\[0\].*learning_rate 0",
        ),
        (
            {"stages": [{"height": 32, "width": 24, "batch": 1, "steps": 1, "final_learning_rate": -1e-3}]},
            r"stages\[0\].*final_learning_rate -0.001",
        ),
        (
            {"stages": [{"height": 32, "width": 24, "batch": 1, "steps": 1, "final_learning_rate": 3e5}]},
            r"stages\[0\].*final_learning_rate 300000.*from 0 to 1",
        ),
        ({"stages": [{"height": 32, "width": 24, "batch": 1, "steps": 1, "decay": 1.5}]}, r"stages\[0\].*decay 1.5"),
        ({"losses": {"target_share": 1.2}}, "losses.target_share is 1.2"),
        ({"losses": {"scales": []}}, "losses.scales"),
        ({"losses": {"scales": [1, 0]}}, "losses.scales"),
        ({"losses": {"style": -1.0}}, "losses.style is -1"),
        ({"losses": {"adversarial_from": -1}}, "losses.adversarial_from is -1"),
        ({"data": {"heatmap_sigma": 0}}, "data.heatmap_sigma is 0"),
        ({"data": {"heatmap_sigma": 1e300}}, r"data.heatmap_sigma is 1e\+300; allowed: 0.1 to 1000"),
        ({"data": {"cache_gib": 1e308}}, r"data.cache_gib is 1e\+308; allowed: up to 1000000"),
        ({"optimiser": {"ema": 1.0}}, "optimiser.ema is 1"),
        ({"optimiser": {"beta1": 1.5}}, "optimiser.beta1 is 1.5"),
        ({"optimiser": {"clip": -1.0}}, "optimiser.clip is -1"),
        ({"run": {"save_every": 0}}, "run.save_every is 0"),
        ({"run": {"log_every": 0}}, "run.log_every is 0"),
        ({"run": {"sheet_every": -5}}, "run.sheet_every is -5"),
        ({"generator": {"heads": 3}}, "generator.*heads is 3"),
        ({"generator": {"base_features": 0}}, "base_features is 0"),
        ({"generator": {"norm": "layer"}}, "norm is 'layer'"),
        ({"discriminator": {"layers": 0}}, "discriminator.*layers is 0"),
        ({"discriminator": {"layers": 1_000_000}}, "discriminator.*layers is 1000000; .* at most 12"),
        ({"generator": {"context_blocks": 1_000_000}}, "generator.*context_blocks is 1000000; .* at most 100"),
    ],
)
def test_values_no_run_can_work_with_are_refused_by_name(sections, words):
    with pytest.raises(ConfigError, match=words):
        config_of(**sections)


@pytest.mark.parametrize("content", [b"", b"\n", b"\xef\xbb\xbf", b"# nothing\n"])
def test_an_empty_file_does_not_start_the_default_run(tmp_path, content):
    path = tmp_path / "saved_by_a_full_disk.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"saved_by_a_full_disk.toml: expected at least one key, got an empty config"):
        load_config(path)


@pytest.mark.parametrize("content", [b"[run", b"seed = ", b"\xff\xfe\x00", b"run = 1\nrun = 2"])
def test_what_is_no_toml_is_refused_with_the_file_named(tmp_path, content):
    path = tmp_path / "broken.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"broken\.toml"):
        load_config(path)


def test_a_missing_config_and_a_folder_are_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"absent\.toml: no such file"):
        load_config(tmp_path / "absent.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path)


def test_steps_belong_to_their_stage():
    config = config_of()
    first, second = config.stages
    found = [config.stage_at(step) for step in (0, 4, 5, 8)]
    assert found == [(first, 0), (first, 4), (second, 0), (second, 3)]
    assert config.total_steps == 9
    assert config.stage_at(100) == (second, 3), "after the end the last step counts"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"losses": {"adversarial": 1.0}, "generator": {"down_steps": 2}}, "discriminator has"),
        ({"generator": {"image_channels": 1}}, "generator.image_channels"),
        ({"generator": {"pose_channels": 17}}, "generator.pose_channels"),
        ({"run": {"seed": 2**70}}, "run.seed"),
        ({"data": {"seed": 2**31}}, "data.seed"),
        ({"data": {"heatmap_sigma": 1e-30}}, "data.heatmap_sigma"),
        ({"losses": {"style": 10**400}}, "losses.style"),
        ({"stages": [{"height": 24, "width": 32, "batch": 10**19, "steps": 1}]}, "batch"),
        ({"stages": [{"height": 2**40, "width": 32, "batch": 1, "steps": 1}]}, "height"),
        ({"stages": [{"height": 24, "width": 32, "batch": 1, "steps": 1, "learning_rate": 1e300}]}, "learning_rate"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_would_fail_only_later_is_refused_at_the_start(change, words):
    values = {"stages": [{"height": 24, "width": 32, "batch": 1, "steps": 1}], **change}
    values.setdefault("losses", {"adversarial": 0.0})
    with pytest.raises(ConfigError, match=words):
        TrainingConfig.from_dict(values)


def test_a_config_nested_too_deeply_is_refused(tmp_path):
    (tmp_path / "deep.toml").write_text("a=" + "[" * 20_000)
    with pytest.raises(ConfigError, match="nested"):
        load_config(tmp_path / "deep.toml")


def test_parts_that_do_not_fit_the_batch_are_refused():
    with pytest.raises(ConfigError, match=r"accumulate is 3; allowed: equal parts of a batch of 2"):
        config_of(stages=[{"height": 32, "width": 24, "batch": 2, "steps": 1, "accumulate": 3}])


@pytest.mark.parametrize("name", [path.stem for path in OF_GENERATORS])
def test_configs_that_ship_can_be_read_and_named(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).mkdir()  # a folder of that name, of images perhaps, is no config
    assert find_config(Path(name)) == find_config(Path(f"{name}.toml")) == PRESETS / f"{name}.toml"
    load_config(find_config(Path(name)))


def test_a_config_of_ones_own_comes_before_one_that_ships(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.toml").write_text("[run]\nseed = 9\n")
    assert load_config(find_config(Path("own.toml"))).run.seed == 9


def test_the_papers_settings_are_those_of_the_presets():
    """Design, section 4."""
    fashion, market, affine = (load_config(find_config(Path(name))) for name in ("fashion", "market", "fashion-ta"))
    for config in (fashion, affine):
        assert config.generator == GeneratorConfig()
        assert (config.losses.l1, config.losses.adversarial, config.losses.target_share) == (5.0, 2.0, 0.5)
        assert config.discriminator.layers == 4
        assert sigma_at(config.data, 256) == 6.0
    assert (market.losses.l1, market.losses.adversarial, market.losses.target_share) == (2.0, 5.0, 0.8)
    assert market.discriminator.layers == 3
    assert sigma_at(market.data, 128) == 6.0
    assert (fashion.losses.affinity, affine.losses.affinity) == (0.0, 100.0)
    for config, pairs in ((fashion, 101_966), (market, 263_632), (affine, 101_966)):
        stage = config.stages[0]
        assert stage.steps * stage.batch == pytest.approx(200 * pairs, rel=1e-3)
        assert (stage.batch, stage.learning_rate, stage.final_learning_rate, stage.decay) == (32, 2e-4, 0.0, 0.5)
        assert (config.losses.content, config.losses.style, config.losses.gan) == (0.5, 500.0, "lsgan")
        assert (config.losses.reconstruction, config.losses.foreground, config.losses.attention) == (0.0, 1.0, 0.0)
        assert (config.optimiser.beta1, config.optimiser.discriminator_rate) == (0.5, 0.1)
