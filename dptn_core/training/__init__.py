"""Training on the dual-task objective, resumable at any moment."""

from .loop import DivergedError, InterruptedRunError, RunOptions, train
from .state import ResumeError
from .toml_tables import ConfigError, find_config
from .training_config import TrainingConfig, load_config, with_data

__all__ = [
    "ConfigError",
    "DivergedError",
    "InterruptedRunError",
    "ResumeError",
    "RunOptions",
    "TrainingConfig",
    "find_config",
    "load_config",
    "train",
    "with_data",
]
