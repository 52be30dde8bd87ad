"""`dptn train` of a carrier: by itself, or behind the model that a run has just trained."""

from __future__ import annotations

import shlex
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from .options import CommandError, find_device

if TYPE_CHECKING:
    from ..training import TrainingConfig
    from ..training.carrier_training import CarrierConfig

_FOLDER = "carrier"  # in the folder of the run whose model it works behind


def check_carrier_options(options: Namespace, config: TrainingConfig) -> None:
    """Check, before a generator trains for hours, that the carrier after it can be trained.

    Raises:
        CommandError: --carrier is given, but the config trains none.
        ConfigError: its config cannot be used, or it starts from no carrier.
        PackageWeightsError: weights of a loss are not installed.
    """
    from ..perceptual import SHIFT_TOLERANT
    from ..training.carrier_training.carrier_state import carrier_path

    if config.then:
        then = _next_carrier(options, config)
        if then.start:
            carrier_path(then.start)
        if then.losses.perceptual:
            SHIFT_TOLERANT.need("alexnet", "losses.perceptual")
    elif options.carrier:
        raise CommandError(
            f"--carrier {options.carrier} is for configs that train a carrier, but {options.config} trains only a "
            "generator; leave it out, or use --config carrier"
        )


def train_a_carrier(options: Namespace, should_stop: Callable[[], bool]) -> str:
    """Train a carrier behind the models of `--from`, or measure a dry run; returns the message to print.

    Raises:
        CommandError: --processes above 1.
    """
    from ..checkpoint import STARTER
    from ..training import find_config
    from ..training.carrier_training import changed, load_carrier_config
    from .train import model_path

    if options.processes not in (None, 1):
        raise CommandError(
            f"--processes {options.processes} is for generators; a carrier trains in one process with all cores; "
            "leave it out"
        )
    config = changed(load_carrier_config(find_config(options.config)), root=options.data, start=options.carrier)
    named = [name.strip() for name in options.start_from.split(",")] if options.start_from else [str(STARTER)]
    models = tuple(path for path in map(model_path, named) if path is not None)
    return _trained(config, options, models, options.out, options.steps, should_stop)


def train_next_carrier(options: Namespace, config: TrainingConfig, should_stop: Callable[[], bool]) -> str:
    """Train the carrier of `config.then` behind the model of a run, once that is done; returns the message to print."""
    from ..checkpoint import load_model
    from ..training.loop import CHECKPOINT

    model = options.out / CHECKPOINT
    done = int(load_model(model).provenance.get("steps", 0))
    if done < config.total_steps:
        return f"the carrier trains once all {config.total_steps} steps are done, {done} so far"
    folder = options.out / _FOLDER
    return _trained(_next_carrier(options, config), options, (model,), folder, options.steps, should_stop)


def _next_carrier(options: Namespace, config: TrainingConfig) -> CarrierConfig:
    from ..training import find_config
    from ..training.carrier_training import changed, load_carrier_config

    then = load_carrier_config(find_config(Path(config.then)))
    root = options.data or (Path(config.data.root) if config.data.root else None)
    return changed(then, root=root, start=options.carrier)


def _trained(
    config: CarrierConfig,
    options: Namespace,
    models: tuple[Path, ...],
    folder: Path,
    steps: int | None,
    should_stop: Callable[[], bool],
) -> str:
    from ..training.carrier_training import CarrierRunOptions, train_carrier
    from ..training.carrier_training.carrier_dry_run import describe_carrier_run

    command = shlex.join(["dptn", *sys.argv[1:]])
    run = CarrierRunOptions(folder, find_device(options.device), models, command, steps, should_stop)
    return describe_carrier_run(config, run) if options.dry_run else f"wrote {train_carrier(config, run)}"
