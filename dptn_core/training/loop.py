"""The training loop: learning rate, batch, steps, average, check, log, save, stop."""

from __future__ import annotations

import dataclasses
import json
import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..checkpoint import ModelMetadata, load_model
from ..perceptual import SHIFT_TOLERANT, ShiftTolerantDistance
from ..perceptual.shift_tolerant import SLICES, TrunkName
from ..system.device import choose_precision
from ..system.distributed import Processes, join_processes
from ..system.files import remove_leftovers
from ..system.folder_lock import alone_in
from .batches import Batch, BatchRequest, BatchSource, sigma_at
from .compiled import compiled
from .photograph_pairs import PhotographSource
from .progress import Reports
from .sample_grid import PAIRS_SHOWN, save_sample_grid
from .state import TrainingState, load_state, new_state, save_state, update_average
from .steps import Objective, Terms, discriminator_gradients, generate, generator_gradients, update
from .synthetic_batches import PairSource
from .toml_tables import ConfigError
from .training_config import LossConfig, Stage, TrainingConfig
from .vgg_losses import PerceptualLoss, find_vgg_weights

_LOG = logging.getLogger(__name__)
CHECKPOINT = "training.pt"
_SETTLED = 200  # steps of a stage after which its loss can be compared
_DIVERGING = 1.5  # times the best averaged loss; what is above is not saved
_HUGE = 1e6  # no weight of a working network is this large


class DivergedError(FloatingPointError):
    """The loss became NaN or ran away; the last good checkpoint is kept."""


class InterruptedRunError(KeyboardInterrupt):
    """A run was asked to stop, saved its state and stopped."""


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
        FolderInUseError: another run is training there.
        InterruptedRunError: `options.should_stop` said so; the state was saved.
    """
    processes = join_processes(options.device)
    with alone_with(options.folder) if processes.is_main else nullcontext():
        return _train(config, options, processes)


def _train(config: TrainingConfig, options: RunOptions, processes: Processes) -> Path:
    path = options.folder / CHECKPOINT
    if processes.is_main:
        remove_leftovers(path)
    state = begin(path, config, options, processes)
    source = open_source(config, processes.device)
    for stage in config.stages:  # now, not hours later
        source.check_size((stage.height, stage.width))
    objective = make_objective(config, state, processes.device)
    last = config.total_steps
    if options.stop_after is not None:
        last = min(last, state.step + options.stop_after)

    def save() -> None:
        """Keep the state if it is fit to be kept; on a full disk a later try may do better, except at the end."""
        if not _fit_to_keep(state, config):
            why = f"step {state.step} is not saved: the loss or the weights diverged; the last good checkpoint is kept"
            if state.step >= last:
                raise DivergedError(f"{why}. Lower the learning rate and resume")
            _LOG.warning(why)
        elif processes.is_main:
            save_state(path, state, config, model_metadata(config, state, source, options.command))

    if state.step >= last and processes.is_main:
        _LOG.info("nothing left to do: %d of %d steps are done", state.step, last)
    with Reports(options.folder / "logs", config.run.log_every, state.step, last, shown=processes.is_main) as reports:
        while state.step < last:
            # asked between steps only: half a step must never be saved
            if processes.anybody(options.should_stop()):
                save()
                processes.wait()  # none may end before the file is written: the others would fail without it
                raise InterruptedRunError(
                    f"stopped at step {state.step}, saved to {path}; run the same command to resume"
                )
            terms = one_step(state, config, source, objective, processes)
            reports.step(state.step, terms)
            if state.step % config.run.sheet_every == 0 and processes.is_main:
                go_on_without(_write_sample_grid, options.folder, state, config, source)
            if state.step == last:
                save()
            elif state.step % config.run.save_every == 0:
                go_on_without(save)
    skipped = sorted(set().union(*processes.gather(set(source.skipped))))
    if skipped:
        _LOG.warning("skipped unreadable images (%d): %s", len(skipped), ", ".join(skipped[:10]))
    processes.end()
    return path


def begin(path: Path, config: TrainingConfig, options: RunOptions, processes: Processes) -> TrainingState:
    """The state to go on from: of the checkpoint, of a model, or a new one.

    Raises:
        ConfigError: the run's folder is a file.
        ResumeError, CheckpointError: checkpoint or model cannot be read, or is of other sizes.
    """
    _check_folder(options.folder)
    scaled = choose_precision(processes.device, config.run.precision) == "fp16"
    if path.exists():
        state = load_state(path, config, processes.device, scaled=scaled)
        if processes.is_main:
            _LOG.info("resumed %s at step %d of %d", path, state.step, config.total_steps)
            if options.start_from is not None:
                _LOG.warning("%s is ignored: the run resumes from its own checkpoint", options.start_from)
    else:
        state = new_state(config, processes.device, scaled=scaled)
        if options.start_from is not None:
            _start_from(state, options.start_from)
    processes.wait()  # none may write a checkpoint before all have looked for one
    return state


def _check_folder(folder: Path) -> None:
    places = (folder, *folder.parents)
    if blocking := next((place for place in places if place.exists() and not place.is_dir()), None):
        raise ConfigError(f"{blocking} is a file; expected a folder for the run")
    try:
        str(folder).encode()
    except UnicodeEncodeError:
        raise ConfigError(
            f"expected a folder for the run whose name is UTF-8, which TensorBoard needs, got {folder}; choose another "
            "with --out"
        ) from None


@contextmanager
def alone_with(folder: Path) -> Iterator[None]:
    """Keep other runs out of a run's folder.

    Raises:
        ConfigError: it cannot be a folder, or not be written to.
        FolderInUseError: another run is training there.
    """
    _check_folder(folder)
    with ExitStack() as stack:
        try:
            stack.enter_context(alone_in(folder))
        except OSError as error:
            raise ConfigError(
                f"{folder} cannot be written to ({error.strerror or error}); choose another folder with --out"
            ) from error
        yield


def open_source(config: TrainingConfig, device: torch.device) -> BatchSource:
    """Open the source of a run's pairs.

    Raises:
        ConfigError, DataFileError: it cannot be used.
    """
    if config.data.kind != "pictures":
        return PairSource(config.data, device)
    return PhotographSource(config.data, device, limbs=config.losses.attention > 0)


def make_objective(config: TrainingConfig, state: TrainingState, device: torch.device) -> Objective:
    """The objective of every step of a run."""
    losses, perceptual = _perceptual(config.losses, device)
    run = compiled(state.generator.forward_supervised) if config.run.compile else None
    return Objective(
        losses,
        choose_precision(device, config.run.precision),
        perceptual=perceptual,
        shift_tolerant=shift_tolerant(losses.perceptual, device, losses.perceptual_network, losses.perceptual_slices),
        both_branches=run,
    )


def _write_sample_grid(folder: Path, state: TrainingState, config: TrainingConfig, source: BatchSource) -> None:
    stage = config.stages[-1]  # of all stages, so that grids can be compared
    batch = source.fixed(PAIRS_SHOWN, (stage.height, stage.width), config.generator.stride)
    save_sample_grid(folder / "sheets" / f"{state.step:07d}.png", state.ema, batch)


def go_on_without(write: Callable[..., None], *given: Any) -> None:
    """Write a file, or log why not: a full disk is no reason to lose hours of training."""
    try:
        write(*given)
    except (OSError, ValueError) as error:
        _LOG.warning("%s; training continues", error)


def learning_rate(stage: Stage, step: int) -> float:
    """Rate at step number `step` (from 0) of a stage: risen from near 0, flat, then on its way to its final value."""
    risen = min(1.0, (step + 1) / (stage.warmup + 1))
    if stage.final_learning_rate is None:
        return risen * stage.learning_rate
    progress = step / max(stage.steps - 1, 1)
    fallen = max(0.0, (progress - (1 - stage.decay)) / stage.decay)
    if stage.schedule == "cosine":
        fallen = (1 - math.cos(math.pi * fallen)) / 2
    return risen * (stage.learning_rate + fallen * (stage.final_learning_rate - stage.learning_rate))


def model_metadata(config: TrainingConfig, state: TrainingState, source: BatchSource, command: str) -> dict[str, Any]:
    """What a model trained by `state` needs beside its weights; see `ModelMetadata`."""
    stage, _ = config.stage_at(max(state.step - 1, 0))
    metadata = ModelMetadata(
        config=config.generator,
        training_size=(stage.height, stage.width),
        heatmap_sigma=sigma_at(config.data, stage.height),
        framing=source.framing,
        provenance={
            "command": command,
            "data": f"{source.description}, {state.pairs_used} pairs used",
            "steps": str(state.step),
            "seed": str(config.run.seed),
            "hours": f"{state.seconds / 3600:.2f}",
            "date": datetime.now(timezone.utc).date().isoformat(),
            "training": json.dumps(config.to_dict()),
        },
    )
    return metadata.to_dict()


def one_step(
    state: TrainingState, config: TrainingConfig, source: BatchSource, objective: Objective, processes: Processes
) -> dict[str, float]:
    """One step of the run; changes `state` and returns the loss terms, averaged over processes, and the speed.

    Raises:
        DivergedError: before anything of this step was counted.
        ConfigError: the batch does not split evenly among the processes.
    """
    started = time.perf_counter()
    stage, within = config.stage_at(state.step)
    rate = learning_rate(stage, within)
    for group in state.generator_optimiser.param_groups:
        group["lr"] = rate
    for group in state.discriminator_optimiser.param_groups:
        group["lr"] = rate * config.optimiser.discriminator_rate
    adversarial = config.losses.adversarial > 0 and state.step >= config.losses.adversarial_from

    objective = dataclasses.replace(objective, parts=stage.accumulate)
    gathered: list[Terms] = []
    for batch in _parts(state, config, source, processes):
        generated = generate(state.generator, batch, objective)
        terms: Terms = {}
        if adversarial:
            terms |= discriminator_gradients(state, batch, generated, objective)
            if stage.accumulate == 1:  # the paper's order: the generator faces the discriminator as just taught
                _update_discriminator(state, processes)
        gathered.append(terms | generator_gradients(state, batch, generated, objective, adversarial=adversarial))
    if adversarial and stage.accumulate > 1:
        _update_discriminator(state, processes)
    means = _means_over_parts(gathered)

    def average(tensors: Sequence[Tensor]) -> None:
        processes.average([*tensors, means])  # one message: how long each takes matters more than how long it is

    norm = update(state, state.generator, state.generator_optimiser, config.optimiser.clip, average)
    state.scaler.update()
    values = dict(zip(gathered[0], means.tolist(), strict=True)) | {"gradient_norm": float(norm)}
    _check(state, config, values)
    update_average(state.ema, state.generator, config.optimiser.ema, state.step)
    state.step += 1
    state.pairs_used += stage.batch
    state.seconds += time.perf_counter() - started
    values |= {"learning_rate": rate, "pairs_per_second": stage.batch / (time.perf_counter() - started)}
    return values | ({"skipped": float(len(source.skipped))} if source.skipped else {})


def _parts(state: TrainingState, config: TrainingConfig, source: BatchSource, processes: Processes) -> Iterator[Batch]:
    """This process's part of the step's batch, in as many pieces as the stage says."""
    stage, _ = config.stage_at(state.step)
    mine, rest = divmod(stage.batch, processes.count)
    if rest or mine % stage.accumulate:
        raise ConfigError(
            f"a batch of {stage.batch} does not split evenly among {processes.count} processes with {stage.accumulate} "
            f"parts each; make it a multiple of {processes.count * stage.accumulate}"
        )
    count = mine // stage.accumulate
    # the parts of this step, and of the next ones for those who work ahead
    firsts = [
        state.pairs_used + step * stage.batch + processes.rank * mine + part * count
        for step in range(1 + source.steps_ahead)
        for part in range(stage.accumulate)
    ]
    size, stride, foreground = (stage.height, stage.width), config.generator.stride, config.losses.foreground
    for part in range(stage.accumulate):
        yield source.batch(BatchRequest(firsts[part], count, size, stride, foreground, firsts[part + 1 :]))


def _update_discriminator(state: TrainingState, processes: Processes) -> None:
    update(state, state.discriminator, state.discriminator_optimiser, 0.0, processes.average)


def _means_over_parts(gathered: list[Terms]) -> Tensor:
    """Each term's mean, on the device and in fp32."""
    return torch.stack([torch.stack([terms[name].float() for terms in gathered]).mean() for name in gathered[0]])


def _check(state: TrainingState, config: TrainingConfig, values: dict[str, float]) -> None:
    """Stop before a broken state can overwrite the last good checkpoint."""
    bad = [name for name, value in values.items() if not math.isfinite(value)]
    # the scaler of fp16 skips steps whose gradients overflowed, so an infinite norm alone is no failure there
    if bad and not (state.scaler.is_enabled() and bad == ["gradient_norm"]):
        raise DivergedError(
            f"step {state.step}: {', '.join(bad)} is no longer finite. The last good checkpoint is kept; "
            "lower the learning rate, or use fp32, and resume"
        )
    total = values["total"]
    _, within = config.stage_at(state.step)
    if within == 0:  # another image size has losses of its own
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

    A diverging loss shows before its average trips `_check`, and weights that the last update
    broke would ruin every image; neither may overwrite a good checkpoint.
    """
    _, within = config.stage_at(state.step)
    if config.run.divergence and within >= _SETTLED and state.recent_loss > _DIVERGING * state.best_loss:
        return False
    return all(bool(torch.isfinite(p).all()) and bool((p.abs() < _HUGE).all()) for p in state.generator.parameters())


def _start_from(state: TrainingState, path: Path) -> None:
    weights = load_model(path).generator
    if weights.config != state.generator.config:
        raise ValueError(f"{path} has {weights.config}, but the config has {state.generator.config}; make them equal")
    state.generator.load_state_dict(weights.state_dict())
    state.ema.load_state_dict(weights.state_dict())


def shift_tolerant(
    weight: float, device: torch.device, trunk: TrunkName = "alexnet", slices: int = SLICES
) -> ShiftTolerantDistance | None:
    """ST-LPIPS where `losses.perceptual` gives it a weight; unlike VGG19's terms nothing takes its place.

    Raises:
        PackageWeightsError: its weights are not installed; the message names the package.
    """
    if not weight:
        return None
    path = SHIFT_TOLERANT.need(trunk, "losses.perceptual")
    return ShiftTolerantDistance.load(path, trunk, slices).to(device)


def _perceptual(losses: LossConfig, device: torch.device) -> tuple[LossConfig, PerceptualLoss | None]:
    """VGG19's terms, and the weights of all terms: without VGG19 the multi-scale term takes their place."""
    if not (losses.content or losses.style or losses.affinity):
        return losses, None
    found = find_vgg_weights(losses.vgg)
    if found is not None:
        return losses, PerceptualLoss.load(found).to(device)
    _LOG.warning(
        "no VGG19 weights found (losses.vgg is empty, and so is torchvision's cache); training without the content, "
        "style and affinity terms"
    )
    return dataclasses.replace(losses, reconstruction=losses.reconstruction or losses.l1), None
