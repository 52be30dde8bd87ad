"""Among how many processes the batches of a run can be shared out."""

from __future__ import annotations

import math

from .training_config import TrainingConfig


def max_processes(config: TrainingConfig, wanted: int) -> int:
    """The largest number of processes, up to `wanted`, that gives each the same share of every stage's batches."""
    shares = math.gcd(*(stage.batch // stage.accumulate for stage in config.stages))
    return max(count for count in range(1, wanted + 1) if shares % count == 0)
