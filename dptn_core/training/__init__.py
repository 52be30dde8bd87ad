"""Training on the dual-task objective, resumable at any moment."""

from .config import TrainingConfig, load_config, with_data
from .loop import DivergedError, InterruptedRunError, RunOptions, train
from .state import ResumeError
from .tables import ConfigError, find_config

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
