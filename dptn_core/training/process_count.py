"""How many processes the batches of a run divide among evenly."""

from __future__ import annotations

import math

from .training_config import TrainingConfig


def max_processes(config: TrainingConfig, wanted: int) -> int:
    """The largest number of processes, up to `wanted`, that divides every stage's batches evenly."""
    parts = math.gcd(*(stage.batch // stage.accumulate for stage in config.stages))
    return max(count for count in range(1, wanted + 1) if parts % count == 0)
