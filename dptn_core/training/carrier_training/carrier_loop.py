"""The training of a carrier: examples ahead, then learning rate, batch, step, average, log, save, stop."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from ...checkpoint import load_model
from ...network.carrier import CarrierInput
from ...perceptual import ShiftTolerantDistance
from ...segmentation import load_segmenter
from ...system.files import remove_leftovers
from ..loop import DivergedError, InterruptedRunError, alone_with, go_on_without, learning_rate, shift_tolerant
from ..progress import Reports
from ..state import update_average
from .carrier_config import CarrierConfig
from .carrier_grid import save_carrier_grid
from .carrier_losses import carrier_losses, image_losses
from .carrier_photographs import PhotographMaker
from .carrier_state import CarrierState, load_carrier_state, new_carrier_state, save_carrier_state
from .disturbance import disturbed
from .examples import Examples
from .makers import Maker, NamedModel, SyntheticMaker
from .making import Making
from .shipping import write_carrier
from .store import ExamplesError, ExampleStore, StoreMetadata, is_store, make_store, open_store

_LOG = logging.getLogger(__name__)
_Tensors = TypeVar("_Tensors", CarrierInput, Examples)
CHECKPOINT: Final = "carrier.pt"
CARRIER: Final = "carrier.safetensors"
EXAMPLES: Final = "examples"
_MAX_MISSED: Final = 20  # updates in a row that may come to nothing
_HASHED: Final = 12  # hexadecimal digits


@dataclass(frozen=True)
class CarrierRunOptions:
    """How a run is started, apart from what it learns."""

    folder: Path
    device: torch.device
    models: tuple[Path, ...]  # generators, whose files are named in what the run writes
    command: str = ""
    stop_after: int | None = None  # steps to do in this call at most
    should_stop: Callable[[], bool] = lambda: False  # asked before every step


@dataclass(frozen=True)
class CarrierTask:
    """What a run learns from, and its settings."""

    config: CarrierConfig
    store: ExampleStore
    made_of: dict[str, str]
    distance: ShiftTolerantDistance | None
    device: torch.device


def train_carrier(config: CarrierConfig, options: CarrierRunOptions) -> Path:
    """Train, or go on training, and return the path of the carrier.

    The folder receives carrier.pt, carrier.safetensors (the averaged weights), examples/, sheets/ and logs/.

    Args:
        config: the whole run.
        options: folder, device, generators and so on.

    Raises:
        ConfigError, DataFileError, CheckpointError, ExamplesError, TextureError: what it is given cannot be used.
        DivergedError: the last good state is kept.
        ResumeError: the folder holds a checkpoint that cannot be read.
        FolderInUseError: another run is training there.
        InterruptedRunError: `options.should_stop` said so; the state was saved.
    """
    with alone_with(options.folder):
        path = options.folder / CHECKPOINT
        remove_leftovers(path)
        remove_leftovers(options.folder / CARRIER)
        state = _begin(path, config, options)
        distance = shift_tolerant(config.losses.perceptual, options.device)
        if is_store(config.data.root):
            store = open_store(Path(config.data.root))
            _check_given(store, config)
            return _train(
                state, CarrierTask(config, store, dict(store.metadata.made_of), distance, options.device), options
            )
        maker = open_maker(config, options.models)
        store = make_store(options.folder / EXAMPLES, StoreMetadata(config.size, maker.made_of))
        with Making(maker, store, config.data.examples) as making:
            task = CarrierTask(config, store, maker.made_of, distance, options.device)
            return _train(state, task, options, making)


def open_maker(config: CarrierConfig, models: Sequence[Path]) -> Maker:
    """What makes a run's examples.

    Raises:
        ConfigError, DataFileError, CheckpointError: data or models cannot be used.
    """
    named = [NamedModel(load_model(path), f"{path.name} {_hash(path)}") for path in models]
    if config.data.kind == "photographs":
        return PhotographMaker(config, named, load_segmenter())
    return SyntheticMaker(config, named, load_segmenter())


def _train(state: CarrierState, task: CarrierTask, options: CarrierRunOptions, making: Making | None = None) -> Path:
    config, folder = task.config, options.folder
    path = folder / CARRIER
    last = config.stage.steps
    if options.stop_after is not None:
        last = min(last, state.step + options.stop_after)

    def save() -> None:
        save_carrier_state(folder / CHECKPOINT, state, config)
        write_carrier(path, state.ema, _metadata(state, task, options))

    def sample_grid() -> None:
        shown = _moved(task.store.shown(), task.device)
        save_carrier_grid(folder / "sheets" / f"{state.step:07d}.png", state.ema, shown)

    if state.step >= last:
        _LOG.info("nothing left to do: %d of %d steps are done", state.step, last)
    missed = 0
    with Reports(folder / "logs", config.run.log_every, state.step, last) as reports:
        while state.step < last:
            available = len(task.store) if making is None else making.available(options.should_stop)
            if options.should_stop():
                save()
                raise InterruptedRunError(
                    f"stopped at step {state.step}, saved to {folder / CHECKPOINT}; run the same command to resume"
                )
            terms = one_carrier_step(state, task, available)
            missed = 0 if terms else missed + 1
            if missed > _MAX_MISSED:
                raise DivergedError(
                    f"step {state.step}: loss or gradients were not finite {missed} times in a row. The last good "
                    "checkpoint is kept; lower stage.learning_rate and resume"
                )
            if terms:
                reports.step(state.step, terms)
            if state.step % config.run.sheet_every == 0:
                go_on_without(sample_grid)
            if state.step == last:
                save()
            elif state.step % config.run.save_every == 0:
                go_on_without(save)
    return path


def one_carrier_step(state: CarrierState, task: CarrierTask, available: int) -> dict[str, float]:
    """One step of the run; changes `state` and returns the loss terms and the speed.

    The step's number decides which of the first `available` examples it sees, and how they are disturbed. Where loss or
    gradients are not finite nothing is learnt, and nothing returned.
    """
    started = time.perf_counter()
    config, device = task.config, task.device
    stage, optimiser = config.stage, config.optimiser
    rate = learning_rate(stage, state.step)
    for group in state.optimiser.param_groups:
        group["lr"] = rate
    chosen = np.random.default_rng((config.run.seed, state.step)).choice(available, min(stage.batch, available), False)
    dice = torch.Generator().manual_seed((config.run.seed << 32) + state.step)
    given, ground_truth = disturbed(task.store.read(sorted(chosen.tolist())), config.disturb, dice)
    given, ground_truth = _moved(given, device), _moved(ground_truth, device)

    source, found = state.carrier(given)
    judged = task.distance if state.step >= config.losses.perceptual_from else None
    if config.data.kind == "photographs":
        terms = image_losses(found, ground_truth, judged, config.losses.perceptual)
    else:
        terms = carrier_losses(source, found, ground_truth, judged, config.losses.perceptual)
    total = torch.stack(list(terms.values())).sum()
    state.optimiser.zero_grad(set_to_none=True)
    state.step += 1
    if not bool(torch.isfinite(total)):
        return {}
    total.backward()
    norm = nn.utils.clip_grad_norm_(state.carrier.parameters(), optimiser.clip or torch.inf)
    if not bool(torch.isfinite(norm)):
        return {}
    state.optimiser.step()
    if state.start is not None:
        _pull_back(state.carrier, state.start, rate * optimiser.pull)
    update_average(state.ema, state.carrier, optimiser.ema, state.step - 1)
    took = time.perf_counter() - started
    state.seconds += took
    values = dict(zip(terms, torch.stack(list(terms.values())).detach().tolist(), strict=True))
    values |= {"total": sum(values.values()), "gradient_norm": float(norm), "learning_rate": rate}
    return values | {"pairs_per_second": len(chosen) / took}


def _pull_back(carrier: nn.Module, start: nn.Module, fraction: float) -> None:
    """Move weights towards those of the start, as weight decay moves them towards 0."""
    with torch.no_grad():
        for weight, first in zip(carrier.parameters(), start.parameters(), strict=True):
            weight.lerp_(first, min(fraction, 1.0))


def _begin(path: Path, config: CarrierConfig, options: CarrierRunOptions) -> CarrierState:
    if not path.exists():
        return new_carrier_state(config, options.device)
    state = load_carrier_state(path, config, options.device)
    _LOG.info("resumed %s at step %d of %d", path, state.step, config.stage.steps)
    return state


def _check_given(store: ExampleStore, config: CarrierConfig) -> None:
    if store.metadata.size != config.size:
        (height, width), (rows, columns) = store.metadata.size, config.size
        raise ExamplesError(
            f"examples in {store.folder} are {width}x{height}, but stage is {columns}x{rows}; make them equal"
        )
    if not len(store):
        raise ExamplesError(f"{store.folder} holds no examples yet; resume the run that makes them, or name its set")


def _metadata(state: CarrierState, task: CarrierTask, options: CarrierRunOptions) -> dict[str, str]:
    return {
        "training": task.made_of.get("data", ""),
        "generators": task.made_of.get("generators", ""),
        "examples": str(len(task.store)),
        "steps": str(state.step),
        "start": task.config.start,
        "seed": str(task.config.run.seed),
        "hours": f"{state.seconds / 3600:.2f}",
        "command": options.command,
    }


def _moved(given: _Tensors, device: torch.device) -> _Tensors:
    """A dataclass of tensors on another device."""
    moved: dict[str, Any] = {
        each.name: value.to(device) for each in fields(given) if isinstance(value := getattr(given, each.name), Tensor)
    }
    return type(given)(**moved)


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:_HASHED]
