"""A tiny training run: its config, how to start it, and how to compare two of them."""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from dptn_core.data.synthetic.figures import SyntheticPairs
from dptn_core.system.distributed import alone
from dptn_core.training import RunOptions, TrainingConfig, train
from dptn_core.training.loop import one_step
from dptn_core.training.steps import Objective
from dptn_core.training.synthetic_batches import PairSource
from dptn_core.training.vgg_losses import PerceptualLoss

CPU = torch.device("cpu")
ALONE = alone(CPU)
ALONE_ON_CPU = ("--device", "cpu", "--processes", "1")

# Every part of a run, as small as it goes: two sizes, batch norm (which keeps statistics), the adversary joining late.
TINY: dict[str, Any] = {
    "stages": [
        {"height": 32, "width": 24, "batch": 2, "steps": 5, "final_learning_rate": 1e-4},
        {"height": 48, "width": 32, "batch": 2, "steps": 4, "learning_rate": 5e-4},
    ],
    "generator": {
        "base_features": 8,
        "max_features": 16,
        "norm": "batch",
        "residual_blocks": 1,
        "context_blocks": 1,
        "texture_blocks": 1,
    },
    "discriminator": {"base_features": 4, "max_features": 8, "layers": 2},
    "losses": {"content": 0.0, "style": 0.0, "adversarial_from": 3},
    "run": {"precision": "fp32", "save_every": 2, "sheet_every": 4, "log_every": 2},
}
ONE_STAGE = {"stages": [{"height": 32, "width": 24, "batch": 2, "steps": 16}], "run": {"save_every": 1}}


def changed(values: dict[str, Any], **sections: Any) -> dict[str, Any]:
    """A config's tables with some keys changed: changed(TINY, run={"seed": 3})."""
    result = copy.deepcopy(values)
    for name, value in copy.deepcopy(sections).items():
        if isinstance(value, dict):
            result.setdefault(name, {}).update(value)
        else:
            result[name] = value
    return result


def config_of(**sections: Any) -> TrainingConfig:
    return TrainingConfig.from_dict(changed(TINY, **sections))


def write_toml(path: Path, values: dict[str, Any]) -> Path:
    lines = []
    for name, table in values.items():
        for each in table if isinstance(table, list) else [table]:
            lines.append(f"[[{name}]]" if isinstance(table, list) else f"[{name}]")
            lines += [f"{key} = {json.dumps(value)}" for key, value in each.items()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def run(folder: Path, config: TrainingConfig, **options: Any) -> Path:
    return train(config, RunOptions(folder, CPU, **options))


def step_of(run_state: Any, config: TrainingConfig, perceptual: PerceptualLoss | None = None) -> dict[str, float]:
    objective = Objective(config.losses, "fp32", perceptual)
    return one_step(run_state, config, PairSource(config.data, CPU), objective, ALONE)


def content_of(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return content


def differences(first: Any, second: Any, where: str = "") -> list[str]:
    """Names of everything that is not the same, bit for bit."""
    if isinstance(first, Tensor):
        same = isinstance(second, Tensor) and first.dtype == second.dtype and torch.equal(first, second)
        return [] if same else [where]
    if isinstance(first, dict) and isinstance(second, dict) and first.keys() == second.keys():
        return [name for key in first for name in differences(first[key], second[key], f"{where}/{key}")]
    if isinstance(first, list | tuple) and isinstance(second, list | tuple) and len(first) == len(second):
        return [n for i, pair in enumerate(zip(first, second, strict=True)) for n in differences(*pair, f"{where}/{i}")]
    return [] if first == second else [f"{where}: {first!r} and {second!r}"]


def assert_same_run(first: Path, second: Path) -> None:
    one, other = (content_of(path) for path in (first, second))
    for content in (one, other):
        assert content.pop("seconds") > 0
        metadata = content.pop("model_facts")  # holds date and hours
        assert metadata["provenance"]["steps"] == str(content["step"])
    found = differences(one, other)
    assert not found, f"{len(found)} things differ, first: {found[:5]}"


def weights(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in module.state_dict().items()}


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name not in ("training.pt", "logs", "sheets")]


def not_a_number_from(step: int) -> type[PairSource]:
    class Broken(PairSource):
        def pairs(self, first: int, count: int, size: tuple[int, int], upcoming: Sequence[int] = ()) -> SyntheticPairs:
            found = super().pairs(first, count, size, upcoming)
            return dataclasses.replace(found, target=found.target * float("nan")) if first >= 2 * step else found

    return Broken
