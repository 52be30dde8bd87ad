"""Training on the dual-task objective, resumable at any moment."""

from .config import ConfigError, TrainingConfig, load_config
from .loop import DivergedError, InterruptedRunError, RunOptions, train
from .state import ResumeError

__all__ = [
    "ConfigError",
    "DivergedError",
    "InterruptedRunError",
    "ResumeError",
    "RunOptions",
    "TrainingConfig",
    "load_config",
    "train",
]
