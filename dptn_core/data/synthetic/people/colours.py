"""Colours of skin, hair and cloth, as linear light."""

from __future__ import annotations

import numpy as np

from .mesh import Array


def linear(*rgb: float) -> Array:
    """Linear light (3,) of an sRGB colour given in 0..255."""
    c = np.array(rgb, np.float32) / 255
    result: Array = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    return result


def _table(*colours: tuple[int, int, int]) -> list[Array]:
    return [linear(*colour) for colour in colours]


SKIN_TONES = _table(
    *((241, 205, 184), (232, 190, 165), (224, 178, 150), (214, 164, 134), (200, 149, 118), (184, 131, 99)),
    *((163, 112, 80), (138, 91, 64), (112, 73, 52), (88, 57, 42), (66, 44, 35)),
)
HAIR_TONES = _table(
    *((24, 20, 19), (38, 28, 24), (58, 40, 30), (84, 58, 40), (112, 80, 54), (150, 112, 72)),
    *((190, 152, 104), (210, 180, 140), (120, 58, 34), (120, 116, 112), (190, 188, 184)),
)
DARK_HAIR = 4  # the first so many of them
IRISES = _table((70, 45, 30), (96, 70, 40), (80, 100, 120), (90, 110, 80), (50, 34, 26))
_NEUTRALS = (
    *((245, 244, 240), (228, 226, 220), (30, 30, 33), (44, 45, 50), (90, 92, 96), (150, 150, 150), (38, 48, 76)),
    *((28, 36, 56), (196, 178, 150), (160, 132, 100), (104, 78, 58), (78, 84, 62), (236, 226, 205)),
)
_COLOURS = (
    *((176, 38, 44), (120, 26, 40), (210, 92, 60), (230, 170, 60), (240, 214, 110), (60, 118, 74), (34, 84, 66)),
    *((60, 110, 170), (110, 160, 205), (160, 200, 215), (96, 74, 140), (190, 150, 200), (225, 140, 160)),
    *((240, 195, 200), (200, 60, 110), (20, 120, 130)),
)
_DENIMS = ((52, 72, 110), (80, 104, 146), (120, 146, 182), (34, 42, 62), (40, 40, 46), (150, 170, 196))


def cloth_colour(rng: np.random.Generator, neutral: float = 0.55) -> Array:
    """A colour of cloth or paint, (3,); `neutral` is the chance of a muted one."""
    table = _NEUTRALS if rng.random() < neutral else _COLOURS
    colour = np.array(table[rng.integers(len(table))]) + rng.normal(0, 9, 3)
    return linear(*np.clip(colour, 8, 250))


def denim_colours(rng: np.random.Generator) -> Array:
    """Three colours of one pair of jeans, (3, 3)."""
    colour = np.array(_DENIMS[rng.integers(len(_DENIMS))])
    light = np.clip(colour * 1.35 + 12, 0, 255)
    return np.stack([linear(*colour), linear(*light), linear(*colour)])
