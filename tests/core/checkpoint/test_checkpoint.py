"""Model files: every spelling in, one typed model out, and words for everything that is none."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import pickle
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from network_fixture import official_entries, reference_weights
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from dptn_core import checkpoint
from dptn_core.checkpoint import CheckpointError, DPTNModel, ModelMetadata, load_model, save_model
from dptn_core.network import (
    OFFICIAL_ALIASES,
    Discriminator,
    DiscriminatorConfig,
    Generator,
    GeneratorConfig,
    initialise,
    ours_to_official,
)

TINY = GeneratorConfig(pose_channels=2, base_features=4, down_steps=2, residual_blocks=1, context_blocks=1)


def make_generator(config: GeneratorConfig = TINY) -> Generator:
    torch.manual_seed(3)
    generator = Generator(config)
    for name, tensor in generator.state_dict().items():
        if "norm" in name and tensor.is_floating_point():  # or nobody would notice norms left at 1 and 0
            tensor.copy_(1 + 0.1 * torch.rand_like(tensor))
    return generator.eval().requires_grad_(False)


def make_model(config: GeneratorConfig = TINY) -> DPTNModel:
    return DPTNModel(make_generator(config), (64, 32), 3.5, "fit", {"steps": "12", "note": "naïve"})


def draw(generator: Generator) -> Tensor:
    config = generator.config
    random = torch.Generator().manual_seed(1)
    dtype = generator.output.convolution.weight.dtype
    size = (1, config.image_channels + 2 * config.pose_channels, 4 * config.stride, 2 * config.stride)
    everything = torch.rand(size, generator=random).to(dtype)
    image, poses = everything[:, : config.image_channels], everything[:, config.image_channels :]
    source, target = poses.chunk(2, dim=1)
    with torch.no_grad():
        generated: Tensor = generator(image, source, target)[0]
    return generated


def official(generator: Generator, aliases: bool = True) -> dict[str, Tensor]:
    """A generator's weights as the authors' code saves them, second names sharing memory."""
    state = {ours_to_official(name): tensor for name, tensor in generator.state_dict().items()}
    if aliases:
        for alias, canonical in OFFICIAL_ALIASES.items():
            pattern = re.compile(re.escape(canonical).replace(r"\{i\}", r"(\d+)") + r"\.(weight|bias)")
            for key in list(state):
                if found := pattern.fullmatch(key):
                    module = alias.replace("{i}", found[1]) if "{i}" in alias else alias
                    state[f"{module}.{found[found.lastindex or 0]}"] = state[key]
    return state


def renamed(state: dict[str, Tensor], change: Callable[[str], str]) -> dict[str, Tensor]:
    return {change(key): tensor for key, tensor in state.items()}


def without_canonical(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key: tensor for key, tensor in state.items() if not re.search(r"\.(conv[12]|bypass)\.", key)}


def refusal(path: Path, **options: Any) -> str:
    """The words a file is refused with; they always name it."""
    with pytest.raises(CheckpointError) as caught:
        load_model(path, **options)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    return message.removeprefix(f"{path}: ")


# Every spelling of the authors.

SPELLINGS: dict[str, Callable[[Generator], Any]] = {
    "plain": lambda g: official(g),
    "without second names": lambda g: official(g, aliases=False),
    "second names only": lambda g: without_canonical(official(g)),
    "data parallel": lambda g: renamed(official(g), lambda key: f"module.{key}"),
    "old transformer": lambda g: renamed(official(g), lambda key: key.replace("PTM.", "transformer.")),
    "old and parallel": lambda g: renamed(official(g), lambda key: "module." + key.replace("PTM.", "transformer.")),
    "state_dict": lambda g: {"state_dict": official(g), "epoch": 190},
    "net_G": lambda g: {"net_G": official(g), "net_D": {"conv.bias": torch.zeros(1)}},
    "model": lambda g: {"model": official(g)},
    "generator": lambda g: {"generator": official(g), "model": {}},
    "params": lambda g: {"params": official(g)},
    "wrapped twice": lambda g: {"state_dict": {"net_G": official(g)}, "lr": 1e-4},
    "our names": lambda g: g.state_dict(),
    "double precision": lambda g: {key: t.double() for key, t in official(g).items()},
}


@pytest.mark.parametrize("modern", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_draws_the_same_picture(tmp_path: Path, spelling: str, modern: bool) -> None:
    generator = make_generator()
    path = tmp_path / "190_net_G.pth"
    torch.save(SPELLINGS[spelling](generator), path, _use_new_zipfile_serialization=modern)

    model = load_model(path)

    assert torch.equal(draw(model.generator), draw(generator))
    assert model.config == TINY
    assert (model.training_size, model.heatmap_sigma) == ((256, 256), 6.0)
    assert model.provenance["source file"] == "190_net_G.pth"
    assert not model.generator.training
    assert not any(parameter.requires_grad for parameter in model.generator.parameters())


def test_the_authors_facts_and_licence_are_told(tmp_path: Path) -> None:
    torch.save(official(make_generator()), tmp_path / "latest_net_G.pth")
    model = load_model(tmp_path / "latest_net_G.pth")
    assert model.framing == "stretch"
    assert "CC BY-NC 4.0" in model.provenance["licence"]
    assert "no separate grant" in model.provenance["licence"]


def test_our_names_without_facts_are_not_taken_for_the_authors(tmp_path: Path) -> None:
    save_file(make_generator().state_dict(), tmp_path / "stripped.safetensors", metadata={"format": "pt"})
    model = load_model(tmp_path / "stripped.safetensors")
    assert model.framing == "fit"
    assert "licence" not in model.provenance
    assert "assumed" in model.provenance


def test_official_names_in_safetensors(tmp_path: Path) -> None:
    generator = make_generator()
    save_file({key: t.clone() for key, t in official(generator).items()}, tmp_path / "converted.safetensors")
    model = load_model(tmp_path / "converted.safetensors")
    assert torch.equal(draw(model.generator), draw(generator))
    assert model.framing == "stretch"


def test_our_file_is_known_whatever_the_length_of_its_header(tmp_path: Path) -> None:
    model, first_bytes = make_model(), set()
    for length in range(0, 256, 8):
        path = tmp_path / "a.safetensors"
        save_model(path, dataclasses.replace(model, provenance={"note": "x" * length}))
        assert load_model(path).provenance["note"] == "x" * length
        first_bytes.add(path.read_bytes()[0])
    assert {0x50, 0x80} <= first_bytes  # how zip files and pickles open


def test_the_suffix_does_not_matter(tmp_path: Path) -> None:
    torch.save(official(make_generator()), tmp_path / "misnamed.safetensors")
    assert load_model(tmp_path / "misnamed.safetensors").config == TINY


def test_the_full_size_official_layout_loads(tmp_path: Path) -> None:
    weights = {key: torch.from_numpy(array) for key, array in reference_weights("generator").items()}
    state = {entry["key"]: weights[entry.get("same_as", entry["key"])] for entry in official_entries("generator")}
    assert len(state) == 188
    torch.save(state, tmp_path / "latest_net_G.pth")

    model = load_model(tmp_path / "latest_net_G.pth", dtype=torch.bfloat16)

    assert model.config == GeneratorConfig()
    assert sum(parameter.numel() for parameter in model.generator.parameters()) == 9_794_371


# Sizes.

CONFIGS = [
    GeneratorConfig(base_features=4),
    GeneratorConfig(base_features=4, max_features=8, down_steps=4, heads=4),
    GeneratorConfig(base_features=6, down_steps=1, heads=3, residual_blocks=0),
    GeneratorConfig(base_features=4, down_steps=2, context_blocks=0, texture_blocks=1),
    GeneratorConfig(base_features=4, down_steps=2, context_blocks=3, texture_blocks=3, residual_blocks=2),
    GeneratorConfig(base_features=4, down_steps=2, norm="batch", pose_channels=17, image_channels=1),
    GeneratorConfig(base_features=4, max_features=4, down_steps=3, residual_blocks=11, pose_channels=1),
]


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_sizes_are_read_from_the_shapes(tmp_path: Path, config: GeneratorConfig) -> None:
    generator = make_generator(config)
    torch.save(official(generator), tmp_path / "a.pth")
    model = load_model(tmp_path / "a.pth", heads=config.heads)
    assert model.config == config
    assert torch.equal(draw(model.generator), draw(generator))


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_our_file_states_its_sizes(tmp_path: Path, config: GeneratorConfig) -> None:
    config = dataclasses.replace(config, max_features=max(config.token_features, 40))
    model = dataclasses.replace(make_model(config), training_size=(64, 32))
    save_model(tmp_path / "a.safetensors", model)
    loaded = load_model(tmp_path / "a.safetensors")
    assert loaded.metadata == model.metadata
    assert torch.equal(draw(loaded.generator), draw(model.generator))


def test_old_batch_norm_checkpoints_have_no_counters(tmp_path: Path) -> None:
    generator = make_generator(dataclasses.replace(TINY, norm="batch"))
    state = {key: t for key, t in official(generator).items() if not key.endswith("num_batches_tracked")}
    torch.save(state, tmp_path / "old.pth")
    assert torch.equal(draw(load_model(tmp_path / "old.pth").generator), draw(generator))


def test_heads_that_do_not_divide_are_refused_with_the_way_out(tmp_path: Path) -> None:
    torch.save(official(make_generator()), tmp_path / "a.pth")
    assert "heads=" in refusal(tmp_path / "a.pth", heads=3)


def test_heads_the_file_contradicts_are_refused(tmp_path: Path) -> None:
    save_model(tmp_path / "a.safetensors", make_model())
    assert load_model(tmp_path / "a.safetensors", heads=2).config.heads == 2
    assert "expected 2 heads, as its metadata says, got 4" in refusal(tmp_path / "a.safetensors", heads=4)


# Precision and place.


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_files_keep_norms_whole(tmp_path: Path, dtype: torch.dtype) -> None:
    model = make_model(dataclasses.replace(TINY, norm="batch"))
    save_model(tmp_path / "half.safetensors", model, dtype=dtype)
    stored = load_file(tmp_path / "half.safetensors")
    for name, tensor in model.generator.state_dict().items():
        wanted = tensor if "norm" in name else tensor.to(dtype)
        assert stored[name].dtype == wanted.dtype, name
        assert torch.equal(stored[name], wanted), name

    loaded = load_model(tmp_path / "half.safetensors")
    assert loaded.dtype == torch.float32
    assert torch.allclose(draw(loaded.generator), draw(model.generator), atol=2e-2)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_loading_at_half_precision_keeps_norms_whole(tmp_path: Path, dtype: torch.dtype) -> None:
    model = make_model()
    save_model(tmp_path / "a.safetensors", model)
    for half in (load_model(tmp_path / "a.safetensors", dtype=dtype), model.to(dtype=dtype)):
        assert half.dtype == dtype
        for name, tensor in half.generator.state_dict().items():
            whole = model.generator.state_dict()[name]
            assert torch.equal(tensor, whole if "norm" in name else whole.to(dtype)), name
        assert torch.allclose(draw(half.generator).float(), draw(model.generator), atol=3e-2)


def test_moving_leaves_the_model_alone() -> None:
    model = make_model()
    half = model.to(dtype=torch.bfloat16)
    assert (model.dtype, half.dtype) == (torch.float32, torch.bfloat16)
    assert half.metadata == model.metadata
    assert half.device == torch.device("cpu")
    assert model.to("cpu") is model
    with pytest.raises(ValueError, match=r"expected one of torch\.float32"):
        model.to(dtype=torch.int8)


def test_loading_leaves_the_random_numbers_alone(tmp_path: Path) -> None:
    save_model(tmp_path / "a.safetensors", make_model())
    before = torch.get_rng_state()
    load_model(tmp_path / "a.safetensors")
    assert torch.equal(before, torch.get_rng_state())


def test_a_model_loaded_in_inference_mode_is_usable_outside(tmp_path: Path) -> None:
    save_model(tmp_path / "a.safetensors", make_model())
    with torch.inference_mode():
        model = load_model(tmp_path / "a.safetensors")
    assert not any(parameter.is_inference() for parameter in model.generator.parameters())


def test_facts_out_of_range_are_refused() -> None:
    model = make_model()
    wrong: list[dict[str, Any]] = [
        {"training_size": (64, 30)},
        {"training_size": (0, 32)},
        {"heatmap_sigma": 0.0},
        {"heatmap_sigma": float("nan")},
        {"framing": "crop"},
        {"provenance": {"steps": 12}},
    ]
    for change in wrong:
        with pytest.raises(ValueError, match=next(iter(change))):
            dataclasses.replace(model, **change)


# Training checkpoints.


def training_checkpoint(**changes: Any) -> dict[str, Any]:
    model = make_model()
    checkpoint = {
        "kind": "dptn-training",
        "ema": model.generator.state_dict(),
        "generator": make_generator(dataclasses.replace(TINY, base_features=8)).state_dict(),
        "model_facts": json.loads(json.dumps(model.metadata.to_dict())),
        "step": 12,
    }
    return {key: value for key, value in {**checkpoint, **changes}.items() if value is not None}


def test_a_training_checkpoint_gives_its_averaged_weights(tmp_path: Path) -> None:
    torch.save(training_checkpoint(), tmp_path / "step_12.pt")
    model = load_model(tmp_path / "step_12.pt")
    assert model.metadata == make_model().metadata
    assert torch.equal(draw(model.generator), draw(make_generator()))


@pytest.mark.parametrize("absent", ["ema", "model_facts"])
def test_an_incomplete_training_checkpoint_is_refused(tmp_path: Path, absent: str) -> None:
    torch.save(training_checkpoint(**{absent: None}), tmp_path / "step_12.pt")
    assert f"lacks {absent}" in refusal(tmp_path / "step_12.pt")


# Files that are no models.


def truncated(content: bytes) -> bytes:
    return content[: len(content) * 2 // 3]


def saved(value: Any, modern: bool = True) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, _use_new_zipfile_serialization=modern)
    return buffer.getvalue()


def zipped(entries: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def our_bytes(folder: Path) -> bytes:
    save_model(folder / "source.safetensors", make_model())
    return (folder / "source.safetensors").read_bytes()


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 39201234\n"
PAGE = b"\n<!DOCTYPE html><html><head><title>Google Drive - Virus scan warning</title>"
HOSTILE_FILES: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "empty": (lambda _: b"", "empty, 0 bytes"),
    "web page": (lambda _: PAGE, "web page"),
    "text": (lambda _: "Modèle à télécharger ici".encode(), "text file"),
    "git-lfs pointer": (lambda _: POINTER, "git lfs pull"),
    "noise": (lambda _: bytes(range(1, 256)) * 9, "neither a .safetensors file nor a torch checkpoint"),
    "high noise": (
        lambda _: bytes(range(129, 256)) * 9,
        "neither a .safetensors file nor a torch checkpoint",
    ),
    "long text": (lambda _: ("é" * 2000).encode()[:-1], "text file"),
    "cut safetensors": (
        lambda folder: truncated(our_bytes(folder)),
        "safetensors file is cut short or damaged",
    ),
    "cut header": (lambda folder: our_bytes(folder)[:40], "safetensors file is cut short or damaged"),
    "cut zip": (lambda _: truncated(saved(official(make_generator()))), "checkpoint is cut short or damaged"),
    "cut legacy": (lambda _: truncated(saved(official(make_generator()), False)), "cut short or damaged"),
    "damaged pickle": (
        lambda _: zipped({"a/data.pkl": b"\x80\x02cut", "a/version": b"3"}),
        "cut short or damaged",
    ),
    "plain zip": (lambda _: zipped({"latest_net_G.pth": b"x"}), "unpack it"),
    "TorchScript": (lambda _: zipped({"a/data.pkl": b"", "a/constants.pkl": b""}), "TorchScript"),
    "zip bomb": (
        lambda _: zipped({"a/data.pkl": b"", "a/data/0": bytes(10**6)}, zipfile.ZIP_DEFLATED),
        "many times its size",
    ),
    "list": (lambda _: saved([torch.zeros(2)]), "it holds list"),
    "tensor": (lambda _: saved(torch.zeros(2)), "it holds Tensor"),
    "empty dictionary": (lambda _: saved({}), "it holds nothing"),
    "numbers": (lambda _: saved({"epoch": 3, "lr": 0.1}), "entries other than tensors (epoch, lr)"),
    "only a discriminator": (lambda _: saved({"net_D": {"conv.bias": torch.zeros(1)}}), "(net_D)"),
    "text in facts": (
        lambda _: saved(training_checkpoint(model_facts="fit")),
        "expected metadata of named values, got str",
    ),
}


@pytest.mark.parametrize("what", HOSTILE_FILES)
def test_what_is_no_model_is_refused_in_its_own_words(tmp_path: Path, what: str) -> None:
    content, words = HOSTILE_FILES[what]
    path = tmp_path / "latest_net_G.pth"
    path.write_bytes(content(tmp_path))
    assert words in refusal(path)


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "latest_net_G.pth")
    assert "this is a folder" in refusal(tmp_path)


class Trap:
    """Creates a file wherever it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("modern", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("wrapped", [True, False])
def test_code_in_a_checkpoint_never_runs(tmp_path: Path, modern: bool, wrapped: bool) -> None:
    sprung = tmp_path / "sprung"
    trap: Any = Trap(sprung)
    content = saved({**official(make_generator()), "hook": trap} if wrapped else trap, modern)
    path = tmp_path / "trap.pth"
    path.write_bytes(content)

    words = refusal(path)

    assert not sprung.exists()
    assert "Python code or objects (posix.mkdir)" in words
    assert ".safetensors" in words
    assert "state_dict()" in words


@pytest.mark.parametrize("function", [eval, print, getattr, torch.relu], ids=lambda f: f.__name__)
def test_a_function_of_python_or_torch_is_named_as_code(tmp_path: Path, function: object) -> None:
    torch.save({"f": function}, tmp_path / "a_net_G.pth")
    assert "Python code or objects" in refusal(tmp_path / "a_net_G.pth")


def test_negative_variances_are_refused_by_name(tmp_path: Path) -> None:
    generator = make_generator(dataclasses.replace(TINY, norm="batch"))
    state = generator.state_dict()
    key = next(key for key in state if key.endswith("running_var"))
    state[key] = torch.full_like(state[key], -1.0)
    torch.save(state, tmp_path / "a_net_G.pth")
    assert f"{key} holds negative variances" in refusal(tmp_path / "a_net_G.pth")


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_code_in_a_bare_pickle_never_runs(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "trap.pth"
    path.write_bytes(pickle.dumps(Trap(tmp_path / "sprung"), protocol=protocol))
    refusal(path)
    assert not (tmp_path / "sprung").exists()


def test_a_whole_network_pickled_is_refused_as_code(tmp_path: Path) -> None:
    torch.save(make_generator(), tmp_path / "whole.pth")
    words = refusal(tmp_path / "whole.pth")
    assert "Generator" in words
    assert "state_dict()" in words


# State dicts that are no generators.


def refused_state(folder: Path, change: Callable[[dict[str, Tensor]], Any]) -> str:
    state = {key: tensor.clone() for key, tensor in official(make_generator()).items()}
    changed = change(state)
    torch.save(state if changed is None else changed, folder / "a_net_G.pth")
    return refusal(folder / "a_net_G.pth")


def replacing(key: str, tensor: Tensor) -> Callable[[dict[str, Tensor]], None]:
    return lambda state: state.update({key: tensor})


def test_a_discriminator_is_recognised(tmp_path: Path) -> None:
    discriminator = Discriminator(DiscriminatorConfig(base_features=4, max_features=8, layers=2))
    initialise(discriminator)
    ours = discriminator.state_dict()
    theirs = renamed(ours, lambda key: ours_to_official(key, "discriminator"))
    for state in (ours, theirs, renamed(theirs, lambda key: f"module.{key}"), {"state_dict": theirs}):
        torch.save(state, tmp_path / "190_net_D.pth")
        words = refusal(tmp_path / "190_net_D.pth")
        assert "discriminator" in words
        assert "*_net_G.pth (here 190_net_G.pth)" in words


def test_a_foreign_architecture_is_refused(tmp_path: Path) -> None:
    foreign = {f"layers.{index}.weight": torch.zeros(2) for index in range(9)} | {"conv.bias": torch.zeros(1)}
    torch.save(foreign, tmp_path / "a.pth")
    save_file(foreign, tmp_path / "a.safetensors")
    for name in ("a.pth", "a.safetensors"):
        words = refusal(tmp_path / name)
        assert "another architecture: none of its 10 tensors" in words
        assert "layers." in words


def test_missing_and_unknown_tensors_are_counted_and_named(tmp_path: Path) -> None:
    def change(state: dict[str, Tensor]) -> None:
        for key in [key for key in state if key.startswith("decoder1.")]:
            del state[key]
        state["extra.weight"] = torch.zeros(1)

    words = refused_state(tmp_path, change)
    assert "lacks 10 of the" in words
    assert "(decoder1.model.0.weight, decoder1.model.0.bias, " in words
    assert "has 1 unknown ones (extra.weight)" in words


def test_a_file_without_the_first_convolution_is_refused(tmp_path: Path) -> None:
    def change(state: dict[str, Tensor]) -> None:
        del state["block0.model.0.weight"]

    assert "block0.model.0.weight" in refused_state(tmp_path, change)


def test_shapes_that_do_not_fit_are_named(tmp_path: Path) -> None:
    words = refused_state(tmp_path, replacing("decoder0.model.2.bias", torch.zeros(5)))
    assert "decoder0.model.2.bias is (5,), expected (4,)" in words


def test_a_first_convolution_for_something_else_is_refused(tmp_path: Path) -> None:
    words = refused_state(tmp_path, replacing("block0.model.0.weight", torch.zeros(4, 6, 4, 4)))
    assert "sees 6 channels, expected 3" in words
    words = refused_state(tmp_path, replacing("block0.model.0.weight", torch.zeros(4)))
    assert "is (4,), expected (features, channels, 4, 4)" in words


def test_names_of_one_tensor_that_differ_are_refused(tmp_path: Path) -> None:
    def change(state: dict[str, Tensor]) -> None:
        state["mblock0.model.2.weight"][0, 0, 0, 0] += 1

    words = refused_state(tmp_path, change)
    assert "mblock0.conv1.weight and mblock0.model.2.weight are two names of one tensor, yet differ" in words


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_are_none_are_refused(tmp_path: Path, value: float) -> None:
    def change(state: dict[str, Tensor]) -> None:
        state["PTM.decoder.norm.weight"][1] = value

    assert "PTM.decoder.norm.weight holds NaN or infinite numbers" in refused_state(tmp_path, change)


def test_whole_numbers_for_weights_are_refused(tmp_path: Path) -> None:
    def change(state: dict[str, Tensor]) -> None:
        state["outconv.conv1.weight"] = state["outconv.conv1.weight"].to(torch.int8)

    assert "expected floating point numbers in outconv.conv1.weight, got int8" in refused_state(tmp_path, change)


def test_shapes_larger_than_what_is_stored_are_refused(tmp_path: Path) -> None:
    huge = torch.zeros(1).expand(10**6, 7, 400, 400)
    words = refused_state(tmp_path, replacing("block0.model.0.weight", huge))
    assert "fewer numbers are stored" in words


def test_sparse_and_empty_handed_tensors_are_refused(tmp_path: Path) -> None:
    for tensor in (torch.eye(4).to_sparse(), torch.zeros(4, device="meta")):
        words = refused_state(tmp_path, replacing("decoder0.model.2.bias", tensor))
        assert "decoder0.model.2.bias is sparse, quantised or without numbers" in words


# Our metadata.


def with_metadata(folder: Path, **changes: str | None) -> Path:
    """Our file with entries of its metadata replaced, or taken out where None."""
    source, path = folder / "source.safetensors", folder / "changed.safetensors"
    save_model(source, make_model())
    with safe_open(source, framework="pt") as file:
        metadata = dict(file.metadata())
    metadata |= {f"dptn.{name}": text for name, text in changes.items() if text is not None}
    for name in (name for name, text in changes.items() if text is None):
        del metadata[f"dptn.{name}"]
    save_file(load_file(source), path, metadata=metadata)
    return path


def test_metadata_is_readable_json_under_clear_keys(tmp_path: Path) -> None:
    save_model(tmp_path / "a.safetensors", make_model())
    with safe_open(tmp_path / "a.safetensors", framework="pt") as file:
        metadata = {name: json.loads(text) for name, text in file.metadata().items()}
    assert metadata == {
        "dptn.format_version": 1,
        "dptn.config": TINY.to_dict(),
        "dptn.training_size": [64, 32],
        "dptn.heatmap_sigma": 3.5,
        "dptn.framing": "fit",
        "dptn.provenance": {"steps": "12", "note": "naïve"},
    }


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format_version": "2"}, "written by a newer version (format 2; this one reads up to 1): update"),
        ({"format_version": "2", "config": None}, "written by a newer version"),
        ({"format_version": "0"}, "format version from 1, got 0"),
        ({"format_version": None}, "format version from 1, got None"),
        ({"framing": None}, "has no framing"),
        ({"frameing": '"fit"'}, "an unknown frameing"),
        ({"framing": '"crop"'}, "expected one of fit, stretch for framing, got 'crop'"),
        ({"framing": "[1]"}, "for framing, got [1]"),
        ({"framing": "fit"}, "is not JSON"),
        ({"config": "[" * 100_000}, "is not JSON"),
        ({"config": '{"base_features": 8, "wings": 2}'}, "has no wings"),
        ({"config": "[]"}, "expected named values in config, got []"),
        (
            {"config": json.dumps({**TINY.to_dict(), "base_features": 10**12})},
            "base_features is 1000000000000",
        ),
        (
            {"config": json.dumps({**TINY.to_dict(), "down_steps": 10**14})},
            "down_steps is 100000000000000; allowed: an integer of at least 1 and at most 12",
        ),
        ({"config": json.dumps({**TINY.to_dict(), "context_blocks": 10**9})}, "context_blocks is 1000000000"),
        ({"config": json.dumps({**TINY.to_dict(), "context_blocks": 100})}, "says context_blocks"),
        ({"config": json.dumps({**TINY.to_dict(), "norm": "batch"})}, "says norm batch"),
        ({"config": json.dumps({**TINY.to_dict(), "max_features": 4})}, "says max_features 4"),
        ({"training_size": "[64]"}, "[height, width] in pixels, got [64]"),
        ({"training_size": '["a", "b"]'}, "got ('a', 'b')"),
        ({"training_size": "[63, 32]"}, "divisible by 4"),
        ({"heatmap_sigma": "NaN"}, "heatmap_sigma above 0 and at most 2048 pixels, got nan"),
        ({"heatmap_sigma": '"6"'}, "heatmap_sigma above 0 and at most 2048 pixels, got '6'"),
        ({"provenance": '{"a": 1}'}, "text in provenance, got 'a': 1"),
    ],
)
def test_damaged_metadata_is_refused(tmp_path: Path, changes: dict[str, str | None], words: str) -> None:
    assert words in refusal(with_metadata(tmp_path, **changes))


def test_facts_survive_json() -> None:
    metadata = make_model().metadata
    assert ModelMetadata.from_dict(json.loads(json.dumps(metadata.to_dict()))) == metadata


# Saving.


def test_only_safetensors_is_written(tmp_path: Path) -> None:
    for name in ("a.pth", "a", "a.safetensors.bak"):
        with pytest.raises(CheckpointError, match=r"expected a \.safetensors file to write, got"):
            save_model(tmp_path / name, make_model())
    with pytest.raises(CheckpointError, match="does not exist"):
        save_model(tmp_path / "none" / "a.safetensors", make_model())
    (tmp_path / "b.safetensors").mkdir()
    with pytest.raises(CheckpointError, match="is a folder"):
        save_model(tmp_path / "b.safetensors", make_model())


def test_what_overflows_fp16_is_refused_by_name(tmp_path: Path) -> None:
    model = make_model()
    model.generator.output.convolution.bias[0] = -70000.0  # type: ignore[index]
    with pytest.raises(CheckpointError, match=r"output\.convolution\.bias reaches 70000.*bfloat16"):
        save_model(tmp_path / "a.safetensors", model, dtype=torch.float16)
    assert list(tmp_path.iterdir()) == []
    save_model(tmp_path / "a.safetensors", model, dtype=torch.bfloat16)
    assert "output.convolution.bias reaches" in refusal(tmp_path / "a.safetensors", dtype=torch.float16)


def test_a_large_norm_does_not_hinder_fp16(tmp_path: Path) -> None:
    model = make_model()
    model.generator.get_parameter("pose_transformer.final_norm.weight")[0] = 70000.0
    save_model(tmp_path / "a.safetensors", model, dtype=torch.float16)
    assert load_model(tmp_path / "a.safetensors", dtype=torch.float16).dtype == torch.float16


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"old")

    def fail(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(CheckpointError, match=r"could not be written \(no space left on device\)"):
        save_model(path, make_model())
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        save_model(tmp_path / "a.safetensors", make_model())
    assert list(tmp_path.iterdir()) == []


def test_a_write_replaces_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"old")
    save_model(path, make_model())
    assert list(tmp_path.iterdir()) == [path]
    assert path.stat().st_mode & 0o777 == 0o666 & ~current_umask()
    assert load_model(path).metadata == make_model().metadata


def current_umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_a_model_can_be_saved_over_the_file_it_came_from(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_model(path, make_model())
    model = load_model(path)
    save_model(path, model)
    assert torch.equal(draw(load_model(path).generator), draw(model.generator))


# The starter model.


def test_a_missing_starter_model_is_told_in_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert checkpoint.STARTER.parts[-3:] == ("dptn_core", "weights", "starter.safetensors")
    monkeypatch.setattr("dptn_core.checkpoint.loading.STARTER", tmp_path / "starter.safetensors")
    with pytest.raises(CheckpointError, match="starter model is missing"):
        checkpoint.starter_path()
    save_model(tmp_path / "starter.safetensors", make_model())
    assert load_model(checkpoint.starter_path()).config == TINY
