"""Everything that changes while a carrier trains, and its way to disk and back."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from torch import nn

from ...inference.carrier_file import CARRIER, load_carrier
from ...network.carrier import Carrier
from ..state import read_content, restore, write_content
from ..toml_tables import ConfigError
from .carrier_config import CarrierConfig

KIND: Final = "dptn-carrier-training"
_COUNTERS: Final[dict[str, type]] = {"step": int, "seconds": float}
_PARTS: Final = ("carrier", "ema", "optimiser")
_SHIPS: Final = "starter"


@dataclass
class CarrierState:
    """Networks, optimiser and counters of a run."""

    carrier: Carrier
    ema: Carrier
    optimiser: torch.optim.AdamW
    start: Carrier | None  # what the run started from, where its weights are pulled back to it
    step: int = 0
    seconds: float = 0.0


def new_carrier_state(config: CarrierConfig, device: torch.device) -> CarrierState:
    """A carrier at the start of a run: of `config.start`, or with random weights of `config.run.seed`.

    Raises:
        TextureError: `config.start` cannot be read.
    """
    torch.manual_seed(config.run.seed)
    carrier = Carrier()
    start = None
    if config.start:
        path = carrier_path(config.start)
        start = load_carrier("cpu", path)
        carrier.load_state_dict(start.state_dict())
    carrier = carrier.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = config.optimiser
    state = CarrierState(
        carrier=carrier,
        ema=copy.deepcopy(carrier).eval().requires_grad_(False),
        optimiser=torch.optim.AdamW(
            carrier.parameters(),
            lr=config.stage.learning_rate,
            betas=(optimiser.beta1, optimiser.beta2),
            weight_decay=optimiser.weight_decay,
        ),
        start=start.to(device) if start is not None and optimiser.pull else None,
    )
    set_training(state, config)
    return state


def carrier_path(named: str) -> Path:
    """The file of a carrier; the one that ships goes by its name wherever the command is run.

    Raises:
        ConfigError: there is no such file.
    """
    path = Path(named)
    if path.is_file():
        return path
    if named in (_SHIPS, CARRIER.name):
        return CARRIER
    raise ConfigError(f"start is {named!r}: no such file; name a carrier, or {_SHIPS!r} for the one that ships")


def set_training(state: CarrierState, config: CarrierConfig) -> None:
    """Put the carrier into training mode, its batch norms as the config says."""
    state.carrier.train()
    if config.optimiser.keep_statistics:
        for module in state.carrier.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()


def save_carrier_state(path: Path, state: CarrierState, config: CarrierConfig) -> None:
    """Write the whole state, whole or not at all.

    Raises:
        StateWriteError: the disk is full or the folder cannot be written.
    """
    counters = {name: getattr(state, name) for name in _COUNTERS}
    parts = {name: getattr(state, name).state_dict() for name in _PARTS}
    write_content(path, {"kind": KIND, "config": config.to_dict(), **counters, **parts})


def load_carrier_state(path: Path, config: CarrierConfig, device: torch.device) -> CarrierState:
    """Read a state written by `save_carrier_state`.

    Raises:
        ResumeError: the file is no checkpoint of a carrier, or damaged.
        TextureError: `config.start` cannot be read.
    """
    content = read_content(path, KIND, {*_COUNTERS, *_PARTS}, device)
    state = new_carrier_state(config, device)
    restore(path, state, content, _PARTS, _COUNTERS)
    for group in state.optimiser.param_groups:
        group["betas"] = (config.optimiser.beta1, config.optimiser.beta2)
        group["weight_decay"] = config.optimiser.weight_decay
    return state
