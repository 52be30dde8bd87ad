"""The training loop: learning rate, batch, steps, average, check, log, save, stop."""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch

from ..atomic import remove_leftovers
from ..checkpoint import ModelFacts, load_model
from ..precision import Precision, choose_precision
from .batches import PairSource, make_batch, sigma_at
from .config import Stage, TrainingConfig
from .perceptual import PerceptualLoss, find_vgg_weights
from .reports import Reports
from .sheets import save_sheet
from .state import TrainingState, load_state, new_state, save_state, update_average
from .steps import discriminator_step, draw, generator_step

_LOG = logging.getLogger(__name__)
CHECKPOINT = "training.pt"
_SETTLED = 200  # steps of a stage after which its loss can be compared
_ASTRAY = 1.5  # times the best averaged loss; what is above is not saved
_HUGE = 1e6  # no weight of a network that still draws is this large


class DivergedError(FloatingPointError):
    """The loss became NaN or ran away; the last good checkpoint is kept."""


class InterruptedRunError(KeyboardInterrupt):
    """A run was asked to stop, saved its state and did."""


@dataclass(frozen=True)
class RunOptions:
    """How a run is started, apart from what it learns."""

    folder: Path
    device: torch.device
    start_from: Path | None = None  # a model whose weights the run starts with
    command: str = ""  # recorded in the model's provenance
    stop_after: int | None = None  # steps to do in this call at most
    should_stop: Callable[[], bool] = lambda: False  # asked before every step


def train(config: TrainingConfig, options: RunOptions) -> Path:
    """Train, or go on training, and return the path of the training checkpoint.

    Args:
        config: the whole run; a resumed run may change anything but the sizes of the networks.
        options: folder, device and so on. `folder` receives training.pt, sheets/ and TensorBoard's logs/.

    Raises:
        DivergedError: training.pt then holds the last good state.
        ResumeError: the folder holds a checkpoint that does not fit the config.
        InterruptedRunError: `options.should_stop` said so; the state was saved.
    """
    path = options.folder / CHECKPOINT
    remove_leftovers(path)
    precision = choose_precision(options.device, config.run.precision)
    scaled = precision == "fp16"
    if path.exists():
        state = load_state(path, config, options.device, scaled=scaled)
        _LOG.info("resumed %s at step %d of %d", path, state.step, config.total_steps)
        if options.start_from is not None:
            _LOG.warning("%s is not read: the run goes on from its own checkpoint", options.start_from)
    else:
        state = new_state(config, options.device, scaled=scaled)
        if options.start_from is not None:
            _start_from(state, options.start_from)
    perceptual = _perceptual(config, options.device)
    source = PairSource(config.data, options.device)
    last = config.total_steps
    if options.stop_after is not None:
        last = min(last, state.step + options.stop_after)

    def save() -> None:
        if not _fit_to_keep(state, config):
            said = f"step {state.step} is not saved: loss or weights went astray; the last good checkpoint is kept"
            if state.step >= last:
                raise DivergedError(f"{said}. Lower the learning rate and resume")
            _LOG.warning(said)
            return
        save_state(path, state, config, model_facts(config, state, options.command))

    with Reports(options.folder / "logs", config, state.step, last) as reports:
        while state.step < last:
            # asked between steps only: half a step must never be saved
            if options.should_stop():
                save()
                raise InterruptedRunError(f"stopped at step {state.step}, saved to {path}; the same command goes on")
            terms = one_step(state, config, source, precision, perceptual)
            reports.step(state, terms)
            if state.step % config.run.sheet_every == 0:
                save_sheet(options.folder / "sheets" / f"{state.step:07d}.png", state.ema, config, options.device)
            if state.step % config.run.save_every == 0 or state.step == last:
                save()
    return path


def learning_rate(stage: Stage, step: int) -> float:
    """Rate at step number `step` (from 0) of a stage: flat, then linear to its final value."""
    if stage.final_learning_rate is None:
        return stage.learning_rate
    progress = step / max(stage.steps - 1, 1)
    share = max(0.0, (progress - (1 - stage.decay)) / stage.decay)
    return stage.learning_rate + share * (stage.final_learning_rate - stage.learning_rate)


def model_facts(config: TrainingConfig, state: TrainingState, command: str) -> dict[str, Any]:
    """What a model trained by `state` has to carry along (see checkpoint.py)."""
    stage, _ = config.stage_at(max(state.step - 1, 0))
    facts = ModelFacts(
        config=config.generator,
        training_size=(stage.height, stage.width),
        heatmap_sigma=sigma_at(config.data, stage.height),
        framing="fit",
        provenance={
            "command": command,
            "data": f"{config.data.kind}, seed {config.data.seed}, {state.pairs_used} pairs",
            "steps": str(state.step),
            "seed": str(config.run.seed),
            "hours": f"{state.seconds / 3600:.2f}",
            "date": datetime.now(timezone.utc).date().isoformat(),
            "training": json.dumps(config.to_dict()),
        },
    )
    return facts.to_dict()


def one_step(
    state: TrainingState,
    config: TrainingConfig,
    source: PairSource,
    precision: Precision,
    perceptual: PerceptualLoss | None,
) -> dict[str, float]:
    """One step of the run; changes `state` and returns the loss terms and speed.

    Raises:
        DivergedError: before anything of this step was counted.
    """
    started = time.perf_counter()
    stage, within = config.stage_at(state.step)
    rate = learning_rate(stage, within)
    for group in state.generator_optimiser.param_groups:
        group["lr"] = rate
    for group in state.discriminator_optimiser.param_groups:
        group["lr"] = rate * config.optimiser.discriminator_rate

    pairs = source.pairs(state.pairs_used, stage.batch, (stage.height, stage.width))
    sigma = sigma_at(config.data, stage.height)
    batch = make_batch(pairs, sigma, config.generator.stride, config.losses.foreground)
    drawn = draw(state, batch, config.losses, precision)
    adversarial = config.losses.adversarial > 0 and state.step >= config.losses.adversarial_from
    terms = discriminator_step(state, batch, drawn, precision) if adversarial else {}
    terms |= generator_step(
        state, batch, drawn, config.losses, config.optimiser, perceptual, precision, adversarial=adversarial
    )
    state.scaler.update()
    values = {name: float(value) for name, value in terms.items()}
    _check(state, config, values)
    update_average(state.ema, state.generator, config.optimiser.ema, state.step)
    state.step += 1
    state.pairs_used += stage.batch
    state.seconds += time.perf_counter() - started
    return values | {"learning_rate": rate, "pairs_per_second": stage.batch / (time.perf_counter() - started)}


def _check(state: TrainingState, config: TrainingConfig, values: dict[str, float]) -> None:
    """Stop before a broken state can overwrite the last good checkpoint."""
    bad = [name for name, value in values.items() if not math.isfinite(value)]
    # the scaler of fp16 skips steps whose gradients overflowed, so an infinite norm alone is no failure there
    if bad and not (state.scaler.is_enabled() and bad == ["gradient_norm"]):
        raise DivergedError(
            f"step {state.step}: {', '.join(bad)} is not a number any more. The last good checkpoint is kept; "
            "lower the learning rate, or use fp32, and resume"
        )
    total = values["total"]
    _, within = config.stage_at(state.step)
    if within == 0:  # another picture size has losses of its own
        state.mean_loss = state.recent_loss = total
        state.best_loss = math.inf
    state.mean_loss += 0.005 * (total - state.mean_loss)
    state.recent_loss += 0.1 * (total - state.recent_loss)
    if within < _SETTLED:
        return
    state.best_loss = min(state.best_loss, state.mean_loss)
    limit = config.run.divergence
    if limit and state.mean_loss > limit * state.best_loss:
        raise DivergedError(
            f"step {state.step}: the averaged loss {state.mean_loss:.3f} is more than {limit} times its best "
            f"({state.best_loss:.3f}). The last good checkpoint is kept; lower the learning rate and resume"
        )


def _fit_to_keep(state: TrainingState, config: TrainingConfig) -> bool:
    """Whether the state may take the place of the last checkpoint.

    The loss of a run that goes astray is known before its average trips `_check`, and weights that the last update
    broke show in what they draw; neither may overwrite a good checkpoint.
    """
    _, within = config.stage_at(state.step)
    if config.run.divergence and within >= _SETTLED and state.recent_loss > _ASTRAY * state.best_loss:
        return False
    return all(bool(torch.isfinite(p).all()) and bool((p.abs() < _HUGE).all()) for p in state.generator.parameters())


def _start_from(state: TrainingState, path: Path) -> None:
    weights = load_model(path).generator
    if weights.config != state.generator.config:
        raise ValueError(
            f"{path} has the sizes {weights.config}, the config wants {state.generator.config}; they must agree"
        )
    state.generator.load_state_dict(weights.state_dict())
    state.ema.load_state_dict(weights.state_dict())


def _perceptual(config: TrainingConfig, device: torch.device) -> PerceptualLoss | None:
    if not (config.losses.content or config.losses.style):
        return None
    found = find_vgg_weights(config.losses.vgg)
    if found is None:
        _LOG.warning(
            "no VGG19 weights here (losses.vgg is empty and torchvision's cache has none): training without the "
            "content and style terms, on colour and gradients at several scales"
        )
        return None
    return PerceptualLoss.load(found).to(device)
