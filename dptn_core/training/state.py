"""Everything that changes while training, and its way to disk and back."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..checkpoint.torch_files import read_zip_format
from ..network import Discriminator, Generator, initialise
from ..system.files import written_beside
from .toml_tables import ConfigError
from .training_config import TrainingConfig

KIND = "dptn-training"
_COUNTERS: dict[str, type] = {
    "step": int,
    "pairs_used": int,
    **dict.fromkeys(("seconds", "mean_loss", "recent_loss", "best_loss"), float),
}
_SHOWN = 200  # characters of torch's message about a damaged file
_PARTS = ("generator", "discriminator", "ema", "generator_optimiser", "discriminator_optimiser", "scaler")


class ResumeError(ValueError):
    """A run cannot resume from the files on disk; the message says why and what to do."""


class StateWriteError(OSError):
    """A checkpoint could not be written; the previous one is intact."""


@dataclass
class TrainingState:
    """Networks, optimisers and counters of a run."""

    generator: Generator
    discriminator: Discriminator
    ema: Generator
    generator_optimiser: torch.optim.Adam
    discriminator_optimiser: torch.optim.Adam
    scaler: torch.amp.GradScaler
    step: int = 0
    pairs_used: int = 0
    seconds: float = 0.0
    mean_loss: float = 0.0  # averaged over about 200 steps
    recent_loss: float = 0.0  # averaged over about 10 steps
    best_loss: float = float("inf")


def new_state(config: TrainingConfig, device: torch.device, *, scaled: bool = False) -> TrainingState:
    """Fresh networks, initialised as in the paper from `config.run.seed`."""
    torch.manual_seed(config.run.seed)
    generator, discriminator = Generator(config.generator), Discriminator(config.discriminator)
    initialise(generator)
    initialise(discriminator)
    for network in (generator, discriminator):
        network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    betas = (config.optimiser.beta1, config.optimiser.beta2)
    fused = device.type in ("cpu", "cuda")  # a third of the time; not every torch has it for other devices
    ema = copy.deepcopy(generator).eval().requires_grad_(False)
    return TrainingState(
        generator=generator.train(),
        discriminator=discriminator.train(),
        ema=ema,
        generator_optimiser=torch.optim.Adam(generator.parameters(), betas=betas, fused=fused),
        discriminator_optimiser=torch.optim.Adam(discriminator.parameters(), betas=betas, fused=fused),
        scaler=torch.amp.GradScaler(device.type, enabled=scaled),
    )


def update_average(average: nn.Module, current: nn.Module, decay: float, step: int) -> None:
    """Move the averaged weights and statistics towards the current ones; faster in the first steps."""
    weight = 1 - min(decay, (1 + step) / (10 + step))
    with torch.no_grad():
        for mean, value in zip(_tensors(average), _tensors(current), strict=True):
            if mean.is_floating_point():
                mean.lerp_(value, weight)
            else:
                mean.copy_(value)


def _tensors(module: nn.Module) -> Iterable[Tensor]:
    yield from module.parameters()
    yield from module.buffers()


def save_state(path: Path, state: TrainingState, config: TrainingConfig, metadata: dict[str, Any]) -> None:
    """Write the whole state beside `path` and rename it, so that a kill at any moment leaves a whole file.

    Args:
        path: of the training checkpoint.
        state: what to write.
        config: saved with it, so that a resumed run can refuse to go on with another one.
        metadata: what `load_model` has to know of the averaged weights; see `ModelMetadata`.

    Raises:
        StateWriteError: the disk is full or the folder cannot be written.
    """
    content = {
        "kind": KIND,
        "config": config.to_dict(),
        "model_facts": metadata,
        **{name: getattr(state, name) for name in _COUNTERS},
        **{name: getattr(state, name).state_dict() for name in _PARTS},
        "random": torch.get_rng_state(),
    }
    write_content(path, content)


def write_content(path: Path, content: Mapping[str, Any]) -> None:
    """Write a training checkpoint, which holds a "step", whole or not at all.

    Raises:
        StateWriteError: the disk is full or the folder cannot be written.
    """
    try:
        with written_beside(path) as beside:
            torch.save(dict(content), beside)
    except (OSError, RuntimeError) as error:  # torch says RuntimeError of a full disk, and not that it is full
        reason = getattr(error, "strerror", None) or error
        before = "the previous checkpoint is intact" if path.exists() else "there is no checkpoint yet"
        raise StateWriteError(
            f"{path} could not be written at step {content['step']} ({reason}); {before}. Free disk space; a stopped "
            "run resumes with the same command"
        ) from error


def read_content(path: Path, kind: str, wanted: Iterable[str], device: torch.device) -> dict[str, Any]:
    """A training checkpoint of a kind that `write_content` wrote, with every wanted key.

    Run folders are passed on, and releases of torch had loaders that ran code, so it is read as model files are:
    nothing in it is ever imported or called.

    Raises:
        ResumeError: the file is not one, is of another kind, or lacks a key.
    """
    try:
        content = _in_memory(read_zip_format(path), device)
    except Exception as error:
        raise ResumeError(
            f"{path} cannot be read as a training checkpoint ({_reason(error)}); move it away to start again"
        ) from error
    if not isinstance(content, dict) or content.get("kind") != kind:
        raise ResumeError(f"{path} is not a training checkpoint; move it away to start again")
    if missing := sorted(set(wanted) - content.keys()):
        raise ResumeError(f"{path} is incomplete: it has no {', '.join(missing)}; move it away to start again")
    return content


def _in_memory(value: object, device: torch.device) -> object:
    """`value` with its tensors on a device, and no longer mapped from the file, which is soon written anew."""
    if isinstance(value, Tensor):
        if value.numel() * value.element_size() > value.untyped_storage().nbytes():
            raise ValueError(f"a tensor of shape {tuple(value.shape)} in it is larger than its numbers")
        return value.to(device, copy=True)
    if isinstance(value, dict):
        return {key: _in_memory(item, device) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)([_in_memory(item, device) for item in value])
    return value


def load_state(path: Path, config: TrainingConfig, device: torch.device, *, scaled: bool = False) -> TrainingState:
    """Read a state written by `save_state`.

    Raises:
        ResumeError: the file is not a training checkpoint, or its networks are not those of `config`.
    """
    content = read_content(path, KIND, {"config", *_COUNTERS, "random", *_PARTS}, device)
    try:
        saved = TrainingConfig.from_dict(content["config"], f"{path}: config")
    except ConfigError as error:
        raise ResumeError(f"{path} was written by another version: {error}") from error
    for part in ("generator", "discriminator"):
        if getattr(saved, part) != getattr(config, part):
            raise ResumeError(
                f"{path} holds a {part} of {getattr(saved, part)}, but the config has {getattr(config, part)}; "
                "restore the old sizes or choose another --out"
            )
    state = new_state(config, device, scaled=scaled)
    restore(path, state, content, _PARTS, _COUNTERS)
    for optimiser in (state.generator_optimiser, state.discriminator_optimiser):
        for group in optimiser.param_groups:
            group["betas"] = (config.optimiser.beta1, config.optimiser.beta2)
    return state


def restore(
    path: Path, state: object, content: Mapping[str, Any], parts: Sequence[str], counters: Mapping[str, type]
) -> None:
    """Put a checkpoint's content into a new state: its networks and optimisers, its counters, and random numbers.

    Args:
        path: of the checkpoint, for messages.
        state: whose attributes have the names of `parts` and `counters`.
        content: of the checkpoint, with these keys, and "random" where it has the generator's state.
        parts: names of networks, optimisers and scalers, first of the network whose weights must be finite.
        counters: types by name.

    Raises:
        ResumeError: something in it is damaged, or weights are not finite.
    """
    try:
        for name in parts:
            if content[name] or name != "scaler":  # a run that never scaled its gradients saved an empty one
                getattr(state, name).load_state_dict(content[name])
        for name, kind in counters.items():
            setattr(state, name, kind(content[name]))
        if "random" in content:
            torch.set_rng_state(content["random"].cpu())
    except (RuntimeError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ResumeError(f"{path} is damaged ({_reason(error)}); move it away to start again") from error
    if not all(bool(torch.isfinite(value).all()) for value in getattr(state, parts[0]).parameters()):
        raise ResumeError(f"{path} holds weights that are not finite; move it away to start again")


def _reason(error: Exception) -> str:
    """What went wrong, in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:_SHOWN]
