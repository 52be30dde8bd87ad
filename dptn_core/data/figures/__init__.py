"""Drawn people in pairs of poses: an endless, seeded data set made of tensors on any device."""

from .character import draw_character, write_character
from .pairs import TEST_PAIRS, TEST_SEED, FigurePairs, draw_pair_batches, draw_pairs, pair_seeds

__all__ = [
    "TEST_PAIRS",
    "TEST_SEED",
    "FigurePairs",
    "draw_character",
    "draw_pair_batches",
    "draw_pairs",
    "pair_seeds",
    "write_character",
]
