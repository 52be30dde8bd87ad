"""Painted far walls: studios, rooms, streets and clutter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .colours import cloth_colour, linear
from .mesh import Array
from .noise import wrapped_blur

_SIDE = 224
_SKIES = ((150, 185, 225), (205, 215, 225), (235, 238, 242), (110, 160, 220))


@dataclass(frozen=True)
class _Canvas:
    """Coordinates of a square backdrop, 0 to 1, and the noise it is painted with."""

    x: Array
    y: Array
    noise: Array  # (K, 256, 256)
    rough: Array  # (K, 256, 256)

    def tile(self, bank: Array, number: int, scale: float, dx: float, dy: float) -> Array:
        found: Array = bank[number][
            ((self.y * scale + dy) * 256).astype(int) % 256, ((self.x * scale + dx) * 256).astype(int) % 256
        ]
        return found

    def box(self, x0: float, y0: float, x1: float, y1: float) -> Array:
        inside: Array = (self.x >= x0) & (self.x < x1) & (self.y >= y0) & (self.y < y1)
        return inside


def paint_backdrop(rng: np.random.Generator, place: str, noise: Array, rough: Array) -> Array:
    """A far wall as brightness (224, 224, 3), linear.

    Args:
        rng: random numbers.
        place: "white", "studio", "room", "street" or "clutter".
        noise, rough: banks of the atlas, (K, 256, 256).
    """
    y, x = np.mgrid[:_SIDE, :_SIDE].astype(np.float32) / _SIDE
    canvas = _Canvas(x, y, noise, rough)
    if place in ("white", "studio"):
        return _studio(rng, place, canvas)
    paint: dict[str, Callable[[np.random.Generator, _Canvas], Array]] = {
        "room": _room,
        "street": _street,
        "clutter": _clutter,
    }
    result: Array = wrapped_blur(paint[place](rng, canvas).astype(np.float32), 0.8).clip(0.004, 3)
    return result


def _studio(rng: np.random.Generator, place: str, canvas: _Canvas) -> Array:
    white = np.full(3, rng.uniform(0.86, 1.0))
    base = white if place == "white" else cloth_colour(rng, 0.8) * rng.uniform(0.6, 1.2) + 0.05
    fall_off = rng.uniform(0, 0.06 if place == "white" else 0.35)
    centre = rng.uniform(0.2, 0.6), rng.uniform(0.1, 0.6)
    glow = 1 - fall_off * ((canvas.x - centre[0]) ** 2 + (canvas.y - centre[1]) ** 2)
    image: Array = (base * glow[..., None] + 0.01 * canvas.tile(canvas.noise, 0, 1, 0, 0)[..., None]).clip(0.01, 1)
    return image


def _room(rng: np.random.Generator, canvas: _Canvas) -> Array:
    image = np.ones((_SIDE, _SIDE, 3), np.float32) * np.clip(
        cloth_colour(rng, 0.85) * 0.5 + 0.35 * rng.random(), 0.05, 0.85
    )
    image *= (1 + 0.05 * canvas.tile(canvas.noise, 1, 2, rng.random(), rng.random()))[..., None]
    if rng.random() < 0.3:
        image *= canvas.tile(canvas.rough, 0, rng.uniform(0.8, 2), rng.random(), rng.random())[..., None]
    for _ in range(int(rng.integers(1, 6))):
        w, h = rng.uniform(0.08, 0.35), rng.uniform(0.1, 0.5)
        px, py = rng.uniform(-0.1, 1), rng.uniform(-0.05, 0.7)
        frame = canvas.box(px, py, px + w, py + h)
        inner = canvas.box(px + 0.012, py + 0.012, px + w - 0.012, py + h - 0.012)
        image[frame] = cloth_colour(rng, 0.8)
        kind = int(rng.integers(3))
        if kind == 0:  # a window
            image[inner] = rng.uniform(0.9, 1.6) * np.array([1, 1.02, 1.06])
            image[frame & (np.abs(canvas.x - px - w / 2) < 0.006)] = 0.5
        elif kind == 1:  # an image
            tone = 0.5 + 0.5 * np.tanh(canvas.tile(canvas.noise, 0, 2, rng.random(), rng.random()))[..., None]
            painted = tone * cloth_colour(rng, 0.3) + (1 - tone) * cloth_colour(rng, 0.3)
            image = np.where(inner[..., None], painted, image)
        else:
            _books(rng, canvas, image, (px, py, w, h))
    return image


def _books(rng: np.random.Generator, canvas: _Canvas, image: Array, shelf: tuple[float, float, float, float]) -> None:
    px, py, w, h = shelf
    rows = int(rng.integers(2, 6))
    for row in range(rows):
        at = px + 0.012
        while at < px + w - 0.02:
            wide = rng.uniform(0.01, 0.04)
            end = min(at + wide, px + w - 0.012)
            image[canvas.box(at, py + h * row / rows + 0.02, end, py + h * (row + 1) / rows - 0.006)] = (
                cloth_colour(rng, 0.4) * 0.8
            )
            at += wide


def _street(rng: np.random.Generator, canvas: _Canvas) -> Array:
    x, y = canvas.x, canvas.y
    sky = linear(*_SKIES[rng.integers(4)]) * 1.1
    image: Array = sky * (1 - y[..., None]) + linear(225, 232, 238) * y[..., None]
    for _ in range(int(rng.integers(2, 7))):  # houses
        w, h, px = rng.uniform(0.15, 0.6), rng.uniform(0.2, 1.0), rng.uniform(-0.3, 1)
        wall = cloth_colour(rng, 0.85) * rng.uniform(0.4, 1)
        grain = canvas.tile(canvas.rough, 0, rng.uniform(1, 3), rng.random(), 0)
        face = (
            wall
            * (grain if rng.random() < 0.4 else 1 + 0.12 * canvas.tile(canvas.noise, 1, 3, rng.random(), 0))[..., None]
        )
        step = rng.uniform(0.05, 0.14)
        across, along = ((x - px) / step) % 1, ((y - 1 + h) / (step * rng.uniform(0.8, 1.6))) % 1
        window = (across > 0.25) & (across < 0.8) & (along > 0.2) & (along < 0.8)
        face = np.where(window[..., None], rng.uniform(0.02, 0.5) * sky, face)
        image = np.where(canvas.box(px, 1 - h, px + w, 2)[..., None], face, image)
    for _ in range(int(rng.integers(0, 7))):  # bushes
        cx, cy, r = rng.uniform(0, 1), rng.uniform(0.2, 0.8), rng.uniform(0.1, 0.35)
        blob = r - np.hypot(x - cx, y - cy) + 0.09 * canvas.tile(canvas.noise, 1, 1.5, rng.random(), rng.random())
        leaf = linear(60, 90, 40) * rng.uniform(0.4, 1.5)
        shade = canvas.tile(canvas.rough, 1, rng.uniform(1, 3), rng.random(), rng.random()).clip(0.2, 2)[..., None]
        image = np.where((blob > 0)[..., None], leaf * shade, image)
    for _ in range(int(rng.integers(0, 4))):  # cars, bins
        px, w, h = rng.uniform(0, 1), rng.uniform(0.05, 0.3), rng.uniform(0.08, 0.22)
        image = np.where(canvas.box(px, 1 - h, px + w, 2)[..., None], cloth_colour(rng, 0.5), image)
    return image


def _clutter(rng: np.random.Generator, canvas: _Canvas) -> Array:
    tones = [
        0.5 + 0.5 * np.tanh(1.5 * canvas.tile(canvas.noise, k % 2, rng.uniform(0.4, 2), rng.random(), rng.random()))
        for k in range(3)
    ]
    a, b, c = (cloth_colour(rng, 0.5) for _ in range(3))
    image: Array = a + (b - a) * tones[0][..., None]
    image = image + (c - image) * tones[1][..., None]
    for _ in range(int(rng.integers(3, 14))):
        px, py, r = rng.uniform(0, 1), rng.uniform(0, 1), rng.uniform(0.02, 0.25)
        disc = np.hypot(canvas.x - px, canvas.y - py) < r
        shape = (
            disc
            if rng.random() < 0.5
            else canvas.box(px, py, px + r * rng.uniform(0.3, 2), py + r * rng.uniform(0.3, 3))
        )
        image = np.where(shape[..., None], cloth_colour(rng, 0.5) * (0.7 + 0.5 * tones[2][..., None]), image)
    return image
