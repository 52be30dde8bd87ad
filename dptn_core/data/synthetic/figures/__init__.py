"""Drawn people in pairs of poses: an endless, seeded data set made of tensors on any device."""

from ..synthetic_pairs import SyntheticPairs, pair_seeds
from .character import draw_character, write_character
from .figure_pairs import TEST_PAIRS, TEST_SEED, draw_pair_batches, draw_pairs

__all__ = [
    "TEST_PAIRS",
    "TEST_SEED",
    "SyntheticPairs",
    "draw_character",
    "draw_pair_batches",
    "draw_pairs",
    "pair_seeds",
    "write_character",
]
