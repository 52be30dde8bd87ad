"""Whatever stands in a model file, it loads or is refused by a CheckpointError, at once."""

from __future__ import annotations

import json
import pickle
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from fuzzing import try_to_break
from hypothesis import strategies as st
from pose_strategies import JSON
from safetensors.torch import save

from dptn_core.checkpoint import CheckpointError, DPTNModel, ModelMetadata, load_model
from dptn_core.network import Generator, GeneratorConfig

TINY = GeneratorConfig(pose_channels=2, base_features=4, down_steps=2, residual_blocks=1, context_blocks=1)
AT_ONCE = 10.0  # seconds, on a machine that does other things as well
ODD = JSON | st.sampled_from(
    [0, -1, 1, 16, 2048, 10**9, 10**400, 1e300, "fit", "1", [256, 256], [256, 256, 1], [1e9, 8]]
)


@pytest.fixture(scope="module")
def model() -> DPTNModel:
    torch.manual_seed(3)
    return DPTNModel(Generator(TINY), (16, 16), 1.0, "fit", {"from": "a test"})


def loads_or_is_refused(path: Path) -> None:
    began = time.monotonic()
    try:
        load_model(path)
    except CheckpointError as error:
        message = str(error)
        assert message.startswith(f"{path}: ")
        assert len(message) < 2000
        message.encode()
    assert time.monotonic() - began < AT_ONCE


@st.composite
def changed_metadata(draw: st.DrawFn, plain: dict[str, Any]) -> dict[str, str]:
    """Right metadata with some values, texts or names replaced."""
    values = dict(plain)
    for _ in range(draw(st.integers(0, 2))):
        values[draw(st.sampled_from([*values, "dptn.other"]))] = json.dumps(draw(ODD))
    if draw(st.integers(0, 3)) == 2:
        config = json.loads(plain["dptn.config"])
        config[draw(st.sampled_from([*config, "other"]))] = draw(ODD)
        values["dptn.config"] = json.dumps(config)
    if draw(st.integers(0, 3)) == 2:
        values[draw(st.sampled_from([*values]))] = draw(
            st.text(max_size=12) | st.just("[" * 5000) | st.just("9" * 5000)
        )
    if draw(st.integers(0, 7)) == 2:
        del values[draw(st.sampled_from([*values]))]
    return values


def test_metadata_is_read_or_refused(model: DPTNModel) -> None:
    def claim(metadata: dict[str, str]) -> None:
        try:
            read = ModelMetadata.from_metadata(metadata)
        except CheckpointError as error:
            assert 3 < len(str(error)) < 1000
            str(error).encode()
            return
        assert read is None or ModelMetadata.from_metadata(read.to_metadata()) == read

    try_to_break("metadata", changed_metadata(model.metadata.to_metadata()), claim)


def test_weight_files_load_or_are_refused(model: DPTNModel, tmp_path: Path) -> None:
    """Our own format with changed metadata, names and bytes, and the authors' with changed bytes."""
    weights = {name: tensor.contiguous() for name, tensor in model.generator.state_dict().items()}
    metadata = model.metadata.to_metadata()
    torch.save(weights, tmp_path / "authors.pth")
    wholes = [
        save(weights, metadata=metadata),
        (tmp_path / "authors.pth").read_bytes(),
        pickle.dumps({"net_G": weights}),
    ]

    @st.composite
    def files(draw: st.DrawFn) -> bytes:
        if draw(st.booleans()):
            named = dict(weights)
            if draw(st.integers(0, 3)) == 2:
                name = draw(st.sampled_from([*named]))
                kept = named.pop(name)
                named[draw(st.text(min_size=1, max_size=20) | st.just("module." + name))] = kept
            content = save(named, metadata=draw(changed_metadata(metadata)))
        else:
            content = draw(st.sampled_from(wholes))
        # the head says how the rest is to be read
        for _ in range(draw(st.integers(0, 3))):
            at = draw(st.integers(0, draw(st.sampled_from([16, 600, len(content)]))))
            content = content[:at] + draw(st.binary(max_size=4)) + content[at + draw(st.integers(0, 4)) :]
        if draw(st.integers(0, 7)) == 3:
            content = content[: draw(st.integers(0, len(content)))]
        return content

    path = tmp_path / "changed.safetensors"

    def claim(content: bytes) -> None:
        path.write_bytes(content)
        loads_or_is_refused(path)

    try_to_break("weight files", files(), claim)
