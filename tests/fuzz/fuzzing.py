"""How long each attempt lasts, and how it is made: `make test` has two minutes for all, `make fuzz` half an hour.

Rounds have seeds of their own, counted from 0, so that a longer run begins with what a shorter one tried; hypothesis
prints the smallest example that fails.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

SECONDS = float(os.environ.get("DPTN_FUZZ_SECONDS", "120"))  # for all attempts together
# Of them, what each attempt gets.
FRACTIONS = {
    "documents": 0.1,
    "edited": 0.1,
    "both languages": 0.2,
    "metadata": 0.1,
    "weight files": 0.1,
    "messages": 0.03,
    "refusals": 0.01,  # at each of three places
    "javascript": 0.15,
    "prompts": 0.19,  # where there is a host
}
EXAMPLES = 50  # a round

_Value = TypeVar("_Value")


def seconds(attempt: str) -> float:
    return SECONDS * FRACTIONS[attempt]


def try_to_break(attempt: str, values: SearchStrategy[_Value], claim: Callable[[_Value], None]) -> int:
    """Hold `claim` against values for as long as this attempt has; returns the number of rounds."""
    end = time.monotonic() + seconds(attempt)
    rounds = 0
    while rounds == 0 or time.monotonic() < end:

        @seed(rounds)
        @settings(
            max_examples=EXAMPLES,
            database=None,
            deadline=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        )
        @given(values)
        def hold(value: _Value) -> None:
            claim(value)

        hold()
        rounds += 1
    return rounds
