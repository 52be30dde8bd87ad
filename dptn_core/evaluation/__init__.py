"""How good a model is, in numbers that can be repeated."""

from .drawn import DrawnScores, evaluate_drawn

__all__ = ["DrawnScores", "evaluate_drawn"]
