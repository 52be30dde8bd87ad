"""Training on the dual-task objective, resumable at any moment."""

from .config import ConfigError, TrainingConfig, find_config, load_config, with_data
from .loop import DivergedError, InterruptedRunError, RunOptions, train
from .state import ResumeError

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
