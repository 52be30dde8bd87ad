"""Give garments other colours, the same in both images, and leave light, folds and pattern as they are."""

from __future__ import annotations

import colorsys
from dataclasses import replace
from typing import Final

import numpy as np

from ..synthetic_pairs import GARMENTS
from .one import Bytes, Flags, Floats, OnePair

_DYED: Final = tuple(GARMENTS.index(name) for name in ("bottom", "top", "outer", "skirt", "shoe"))
_CHANCE = 0.6  # that a garment is dyed
_LIGHTER = 0.5  # largest change of brightness, as a natural logarithm
_WEAKEST, _STRONGEST = 0.3, 3.0  # factors of a channel; larger ones bring up what compression left in the dark
_BRIGHTEST = 0.9  # of a channel's mean, so that folds do not wash out
_BRIGHTNESS: Final = np.array([0.2126, 0.7152, 0.0722])  # of linear R, G, B (ITU-R BT.709)
# sRGB's 256 levels as amounts of light, 0 to 1 (IEC 61966-2-1)
_LEVELS = np.arange(256) / 255
_LINEAR: Final[Floats] = np.where(_LEVELS <= 0.04045, _LEVELS / 12.92, ((_LEVELS + 0.055) / 1.055) ** 2.4).astype(
    np.float32
)


def recoloured(pair: OnePair, random: np.random.Generator) -> OnePair:
    """Dye some of the garments.

    A dye changes how much of each colour a cloth reflects, so every pixel's light is multiplied by the same three
    factors in both images: what was twice as bright in a fold is so still.
    """
    factors = np.ones((len(GARMENTS), 3), np.float32)
    for garment in _DYED:
        light = np.concatenate(
            [
                image[labels == garment]
                for image, labels in ((pair.source, pair.source_garments), (pair.target, pair.target_garments))
            ]
        )
        # drawn for every garment, worn or not: what one pair wears must not decide what is done to the others
        dyed, hue, saturation, lighter = random.random(4)
        if dyed < _CHANCE and len(light):
            factors[garment] = _factors(_LINEAR[light].mean(0), hue, 0.85 * saturation, _LIGHTER * (2 * lighter - 1))
    if (factors == 1).all():
        return pair
    return replace(
        pair,
        source=_dyed(pair.source, pair.source_garments, factors),
        target=_dyed(pair.target, pair.target_garments, factors),
    )


def _factors(mean: Floats, hue: float, saturation: float, lighter: float) -> Floats:
    """Of linear R, G, B, that bring a mean colour to another one about as bright."""
    wanted = np.array(colorsys.hsv_to_rgb(hue, saturation, 1.0)) ** 2.2
    wanted *= float(mean @ _BRIGHTNESS) * np.exp(lighter) / float(wanted @ _BRIGHTNESS)
    wanted *= min(1.0, _BRIGHTEST / float(wanted.max()))
    return (wanted / (mean + 1e-3)).clip(_WEAKEST, _STRONGEST).astype(np.float32)


def _dyed(image: Bytes, garments: Bytes, factors: Floats) -> Bytes:
    """Every pixel's light times the factors of its garment; pixels at an edge show two, and get a mean of both."""
    changed = (factors != 1).any(1)[garments]
    if not changed.any():
        return image
    rows, columns = (_reach(changed.any(axis), changed.shape[1 - axis]) for axis in (1, 0))
    part = changed[rows, columns]
    wide = np.pad(factors[garments[rows, columns]], ((1, 1), (1, 1), (0, 0)), mode="edge")
    across = (wide[:, :-2] + 2 * wide[:, 1:-1] + wide[:, 2:]) / 4
    soft = (across[:-2] + 2 * across[1:-1] + across[2:]) / 4
    near = np.pad(part, 1)
    near = near[:-2] | near[1:-1] | near[2:]
    touched = near[:, :-2] | near[:, 1:-1] | near[:, 2:]
    result = image.copy()
    window = result[rows, columns]
    light = (_LINEAR[window[touched]] * soft[touched]).clip(0, 1)
    levels = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** np.float32(1 / 2.4) - 0.055)
    window[touched] = (levels * 255).round().astype(np.uint8)
    return result


def _reach(any_changed: Flags, length: int) -> slice:
    """Rows or columns that hold a change or lie beside one."""
    places = np.flatnonzero(any_changed)
    return slice(max(int(places[0]) - 1, 0), min(int(places[-1]) + 2, length))
