"""What training never samples, so that the test set shows people, poses, cloth and places that are new.

Postures that are held out stand in `posture.py`, beside the others.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from .atlas import PATTERNS, PRINTS
from .mesh import Array

Split = Literal["train", "test"]

TEST_SEED = 2_022  # the set `people-500`: pairs 0 to 499 of this seed, split "test"
TEST_PAIRS = 500

_PATTERNS = (6, 9, 12, 14, 18, 21, 24)  # tartan, leaves, animal, zigzag, abstract and two collages
_PRINTS = tuple(range(0, PRINTS, 6))
_PANORAMAS = ("bridge", "lobby", "park", "sunset")
_BODIES = 120
_BODY_RADIUS = 0.06  # in the cube of phenotypes

# Phenotypes that make a body's shape; what a held-out body is near in.
SHAPE = ("age", "muscle", "weight", "height", "proportions")
# Middle and spread of a bell curve, and its bounds. An age of 0.5 would be about 18 years, 0.62 is about 30; heights
# come out between 1.5 and 2.0 metres.
_SHAPES = np.array(
    [
        [0.76, 0.09, 0.62, 0.92],
        [0.52, 0.15, 0.2, 0.95],
        [0.48, 0.17, 0.15, 0.98],
        [0.37, 0.09, 0.2, 0.6],
        [0.62, 0.15, 0.0, 1.0],
    ]
)


def patterns(split: Split, among: tuple[int, ...] = tuple(range(1, PATTERNS))) -> tuple[int, ...]:
    """Patterns of cloth that a split may use; a test garment has a new one where `among` holds any."""
    test = tuple(pattern for pattern in among if pattern in _PATTERNS)
    return (test or among) if split == "test" else tuple(pattern for pattern in among if pattern not in _PATTERNS)


def prints(split: Split) -> tuple[int, ...]:
    """Prints that a split may use."""
    return _PRINTS if split == "test" else tuple(number for number in range(PRINTS) if number not in _PRINTS)


def panoramas(split: Split, names: tuple[str, ...]) -> tuple[int, ...]:
    """Panoramas that a split may use, as indices into `names`."""
    return tuple(i for i, name in enumerate(names) if (name in _PANORAMAS) == (split == "test"))


def body(rng: np.random.Generator, split: Split) -> Array:
    """Phenotypes in the order of SHAPE, (5,): one of the held-out bodies for the test, none near them for training."""
    centre, spread, low, high = _SHAPES.T
    held = np.clip(np.random.default_rng(TEST_SEED).normal(centre, spread, (_BODIES, len(SHAPE))), low, high)
    if split == "test":
        chosen: Array = held[rng.integers(_BODIES)]
        return chosen
    while True:
        drawn: Array = np.clip(rng.normal(centre, spread), low, high)
        if np.abs(held - drawn).max(1).min() > _BODY_RADIUS:
            return drawn
