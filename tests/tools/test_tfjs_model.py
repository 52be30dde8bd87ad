"""Reading TensorFlow.js graph models, of which the weights that ship were made: layouts, order, and which file."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from tools.convert_movenet import filled, put
from tools.tfjs_model import check_hash, convolutions

RNG = np.random.default_rng(0)
KERNEL = RNG.normal(size=(3, 3, 2, 4)).astype(np.float16)  # h, w, in, out
BIAS = RNG.normal(size=4).astype(np.float16)
DEPTHWISE = RNG.normal(size=(5, 5, 4, 1)).astype(np.float16)  # h, w, channels, 1
UNUSED = np.ones(3, np.int32)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Two convolutions, one after the other, listed in the wrong order, and a constant that nothing needs."""
    tensors = {"kernel": KERNEL, "unused": UNUSED, "bias": BIAS, "depthwise": DEPTHWISE}
    nodes = [
        {"name": "second", "op": "DepthwiseConv2dNative", "input": ["first:0", "depthwise"]},
        {"name": "first", "op": "_FusedConv2D", "input": ["image", "kernel", "bias", "^control"]},
        {"name": "image", "op": "Placeholder"},
        *({"name": name, "op": "Const"} for name in tensors),
    ]
    weights = []
    for name, values in tensors.items():
        entry = {"name": name, "shape": list(values.shape), "dtype": "int32" if values.dtype == np.int32 else "float32"}
        if values.dtype == np.float16:
            entry["quantization"] = {"dtype": "float16"}
        weights.append(entry)
    document = {
        "modelTopology": {"node": nodes},
        "signature": {"outputs": {"answer": {"name": "second:0"}}},
        "weightsManifest": [{"paths": ["tiny.bin"], "weights": weights}],
    }
    (tmp_path / "tiny.json").write_text(json.dumps(document))
    (tmp_path / "tiny.bin").write_bytes(b"".join(values.tobytes() for values in tensors.values()))
    return tmp_path / "tiny.json"


def test_convolutions_come_in_the_order_of_use_and_in_torchs_layout(model):
    for output in (None, "answer"):
        first, second = convolutions(model, output)
        assert (first.node, second.node) == ("first", "second")
        np.testing.assert_array_equal(first.weight.numpy(), KERNEL.transpose(3, 2, 0, 1).astype(np.float32))
        np.testing.assert_array_equal(second.weight.numpy(), DEPTHWISE.transpose(2, 3, 0, 1).astype(np.float32))
        assert first.bias is not None and second.bias is None
        np.testing.assert_array_equal(first.bias.numpy(), BIAS.astype(np.float32))


def test_a_file_that_is_cut_short_or_too_long_is_refused(model):
    with model.with_suffix(".bin").open("ab") as file:
        file.write(b"more")
    with pytest.raises(SystemExit, match="bytes where"):
        convolutions(model)


def test_only_the_very_file_is_taken(model):
    check_hash(model, hashlib.sha256(model.read_bytes()).hexdigest())
    with pytest.raises(SystemExit, match="another version of the package"):
        check_hash(model, "0" * 64)
    with pytest.raises(SystemExit, match="no such file"):
        check_hash(model.with_name("absent.json"), "0" * 64)


def test_a_convolution_that_does_not_fit_its_place_is_refused(model):
    first, second = convolutions(model)
    put(nn.Conv2d(2, 4, 3), first)
    for place in (nn.Conv2d(2, 4, 5), nn.Conv2d(2, 4, 3, bias=False)):
        with pytest.raises(SystemExit, match="first is"):
            put(place, first)
    with pytest.raises(ValueError, match="not enough values"):
        filled([second])  # none of MoveNet's is among them
