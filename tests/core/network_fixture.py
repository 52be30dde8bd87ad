"""Regenerates the reference weights and inputs of the parity fixture, from names and shapes alone."""

from __future__ import annotations

import json
import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dptn_core.network import Discriminator, Generator, official_to_ours

PARITY = Path(__file__).parent / "network" / "parity_arrays"


def reference_outputs() -> dict[str, Tensor]:
    with np.load(PARITY / "fashion_256x256.npz") as arrays:
        return {name: torch.from_numpy(arrays[name]) for name in arrays}


def reference_numbers() -> dict[str, float]:
    numbers: dict[str, float] = json.loads((PARITY / "fashion_256x256.json").read_text())
    return numbers


def reference_inputs() -> tuple[Tensor, Tensor, Tensor]:
    rng = np.random.default_rng(7)
    image = np.tanh(rng.standard_normal((1, 3, 256, 256)))
    heatmaps = [rng.random((1, 18, 256, 256)) for _ in range(2)]
    image_t, source_t, target_t = (torch.from_numpy(array.astype(np.float32)) for array in (image, *heatmaps))
    return image_t, source_t, target_t


def official_entries(network: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads((PARITY / "state_dict.json").read_text())[network]
    return entries


def canonical_entries(network: str) -> list[dict[str, Any]]:
    return [entry for entry in official_entries(network) if "same_as" not in entry]


def reference_weights(network: str) -> dict[str, np.ndarray]:
    """Weights under official names."""
    entries = {entry["key"]: tuple(entry["shape"]) for entry in canonical_entries(network)}
    weights = {
        key: _reference_array(key, shape, entries)
        for key, shape in entries.items()
        if not key.endswith(("weight_u", "weight_v"))
    }
    for key in [key for key in weights if key.endswith("weight_orig")]:
        u, _, vt = np.linalg.svd(weights[key].reshape(weights[key].shape[0], -1), full_matrices=False)
        weights[key.replace("_orig", "_u")] = u[:, 0]
        weights[key.replace("_orig", "_v")] = vt[0]
    return weights


def _reference_array(key: str, shape: tuple[int, ...], entries: dict[str, tuple[int, ...]]) -> np.ndarray:
    a = np.random.default_rng(zlib.crc32(key.encode())).standard_normal(shape).astype(np.float32)
    if len(shape) > 1:
        a = a / np.float32(math.sqrt(math.prod(shape[1:])))
    elif key.endswith("weight"):  # the only one-dimensional weights are those of norms
        a = 1 + np.float32(0.1) * a
    else:
        a = np.float32(0.1) * a
    return a * np.float32(3) if key.endswith("in_proj_weight") else a


def load_reference(network: Generator | Discriminator) -> None:
    name = "generator" if isinstance(network, Generator) else "discriminator"
    weights = {official_to_ours(key, name): torch.from_numpy(a) for key, a in reference_weights(name).items()}
    network.load_state_dict(weights, strict=True)
    network.eval()
