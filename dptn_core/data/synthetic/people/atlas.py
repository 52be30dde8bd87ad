"""Tiles that surfaces are made of: folds, noise, patterns of cloth, prints, rough walls and grounds.

Made here but for the rough ones, which are scikit-image's images brick, grass and gravel (CC0), and its coffee (CC0),
which is printed on shirts.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from .cache import Baked, baked
from .mesh import Array
from .noise import band_noise, octaves, wrapped_blur

PATTERNS = 28  # of `Atlas.patterns`
DENIM, MELANGE = 15, 16  # among them
PRINTS = 48
ROUGH = ("brick", "grass", "gravel")
STRAND_NOISE = 3  # among `Atlas.noise`: long thin streaks
_SIZE = 256
_FOLD_TILE = 0.7  # metres
_VERSION = "2"


@dataclass(frozen=True)
class Atlas:
    """Banks of tiles (K, H, W, C)."""

    folds: Tensor  # slopes of folds along both sides of a tile of 0.7 m
    noise: Tensor  # unit variance: coarse, fine, very fine, streaks
    patterns: Tensor  # how much of a garment's three colours
    prints: Tensor  # coverage, and which of two colours
    rough: Tensor  # brightness of ROUGH around 1


def load_atlas(device: torch.device) -> Atlas:
    """The atlas, computed where the cache has none (about three seconds).

    Raises:
        ModuleNotFoundError: scikit-image is not installed.
        OSError: the cache folder cannot be written.
    """
    tensors, _ = baked("people-atlas", _VERSION, _bake)
    return Atlas(**{f.name: tensors[f.name].to(device) for f in fields(Atlas)})


def _bake() -> Baked:
    rng = np.random.default_rng(7)
    folds = np.stack([_fold(rng, kind) for kind in range(12)])
    noise = np.stack(
        [
            octaves(rng, _SIZE, 2),
            octaves(rng, _SIZE, 8),
            band_noise(rng, _SIZE, 40, 110),
            band_noise(rng, _SIZE, 12, 60, 0.0, 0.12),
        ]
    )
    return {
        "folds": torch.from_numpy(folds),
        "noise": torch.from_numpy(noise)[..., None],
        "patterns": torch.from_numpy(np.stack(_patterns(rng))),
        "prints": torch.from_numpy(np.stack([_print(rng, kind) for kind in range(PRINTS)])),
        "rough": torch.from_numpy(np.stack([_photograph(name) for name in ROUGH]))[..., None],
    }, {}


def _photograph(name: str) -> Array:
    from skimage import data

    photograph: Array = getattr(data, name)()
    grey = np.asarray(Image.fromarray(photograph).convert("L").resize((_SIZE, _SIZE), Image.Resampling.BOX), np.float32)
    return grey / grey.mean()


def _soft(value: Array, width: float = 0.02) -> Array:
    """A step from 0 to 1 where `value` passes 0."""
    result: Array = 1 / (1 + np.exp(-np.clip(value / width, -60, 60)))
    return result


def _fold(rng: np.random.Generator, kind: int) -> Array:
    """Slopes (H, W, 2) of folds that mostly run in one direction."""
    main = (0.0, 0.0, 0.4, -0.4, 1.57, 1.57, 1.2, 1.9, 0.8, -0.8, 0.2, 1.4)[kind]
    height = np.zeros((_SIZE, _SIZE), np.float32)
    for low, high, amount in ((3, 6, 1.0), (6, 12, 0.4), (14, 28, 0.09)):
        first = band_noise(rng, _SIZE, low, high, main, 0.45)
        second = band_noise(rng, _SIZE, low, high, main + rng.normal() * 0.6, 0.5)
        where = _soft(3 * band_noise(rng, _SIZE, 1, 3), 1.0)
        ridges = [np.exp(-np.abs(noise) * 1.3) - 0.4 for noise in (first, second)]
        height += amount * (ridges[0] * where + ridges[1] * (1 - where))
    height *= 0.011 * (0.35 + 0.65 * _soft(2.5 * band_noise(rng, _SIZE, 1, 3), 1.0))
    height = wrapped_blur(height, 1.1)
    step = 2 * _FOLD_TILE / _SIZE
    slopes = [(np.roll(height, -1, axis) - np.roll(height, 1, axis)) / step for axis in (1, 0)]
    return np.stack(slopes, -1).astype(np.float32)


def _patterns(rng: np.random.Generator) -> list[Array]:
    n = _SIZE
    y, x = np.mgrid[:n, :n] / n
    out: list[Array] = []

    def add(second: Array, third: Array | None = None) -> None:
        b = np.clip(second, 0, 1).astype(np.float32)
        c = np.zeros_like(b) if third is None else np.clip(third, 0, 1).astype(np.float32)
        b = b * (1 - c)
        out.append(np.stack([1 - b - c, b, c], -1))

    def wave(times: float, along: Array) -> Array:
        result: Array = np.cos(2 * np.pi * times * along)
        return result

    add(np.zeros((n, n)))  # 0 plain
    add(_soft(wave(4, y)))  # stripes across
    add(_soft(wave(2, y) - 0.6), _soft(wave(2, y + 0.25) - 0.85))
    add(_soft(wave(4, x) - 0.75))  # pinstripes
    add(_soft(wave(3, x)))  # stripes along
    add(0.5 * _soft(wave(6, x)) + 0.5 * _soft(wave(6, y)))  # 5 gingham
    lines = np.maximum(_soft(wave(2, x + 0.12) - 0.97), _soft(wave(2, y + 0.12) - 0.97))
    add(0.5 * _soft(wave(2, x) - 0.1) + 0.5 * _soft(wave(2, y) - 0.1), lines * 0.8)  # tartan
    dots = np.zeros((n, n))
    for shift in (0, 0.5):
        u, v = (x * 4 + shift) % 1 - 0.5, (y * 4 + shift) % 1 - 0.5
        dots = np.maximum(dots, _soft(0.2 - np.hypot(u, v), 0.02))
    add(dots)
    add(*_scatter(rng, x, y, 26, 0.10, 5, 0.5))  # 8 flowers
    add(*_scatter(rng, x, y, 60, 0.05, 3, 0.5))  # leaves
    add(*_scatter(rng, x, y, 14, 0.16, 6, 0.3))  # 10 large flowers
    camouflage = [band_noise(rng, n, 2, 6) for _ in range(2)]
    add(_soft(camouflage[0] - 0.1, 0.05), _soft(camouflage[1] - 0.6, 0.05))
    spots = band_noise(rng, n, 9, 14)
    add(_soft(0.35 - np.abs(spots - 0.9), 0.05), _soft(spots - 1.25, 0.05))  # animal
    zigzag = np.abs((x * 8) % 1 - 0.5)
    add(_soft(np.sin(2 * np.pi * (y * 16 + zigzag * 2))))  # herringbone
    add(_soft(np.sin(2 * np.pi * (y * 4 + np.abs((x * 4) % 1 - 0.5) * 1.2))))  # zigzag
    add(0.35 + 0.22 * band_noise(rng, n, 30, 100, 0.8, 0.5))  # 15 denim
    add(0.4 + 0.28 * band_noise(rng, n, 20, 90))  # melange
    add(0.5 + 0.5 * np.tanh(octaves(rng, n, 2)), _soft(band_noise(rng, n, 2, 5) - 0.8, 0.3))  # dyed
    add(
        _soft(band_noise(rng, n, 5, 9, 0.3, 0.5) - 0.2, 0.06), _soft(band_noise(rng, n, 5, 9, 1.7, 0.4) - 0.9, 0.06)
    )  # abstract
    knit = 0.5 + 0.5 * np.sin(48 * np.pi * x) * np.sin(48 * np.pi * y + 2 * np.abs(np.sin(24 * np.pi * x)))
    add(knit * 0.35)  # 19 knit
    while len(out) < PATTERNS:  # collages
        second, third = np.zeros((n, n), np.float32), np.zeros((n, n), np.float32)
        for _ in range(9):
            angle, low = rng.uniform(0, np.pi), int(rng.integers(1, 5))
            band = band_noise(rng, n, low, low * 2 + 1, angle, 0.6)
            (second if rng.random() < 0.6 else third)[band > rng.uniform(0.9, 1.6)] = 1
        add(wrapped_blur(second, 0.7), wrapped_blur(third, 0.7))
    return out


def _scatter(
    rng: np.random.Generator, x: Array, y: Array, count: int, radius: float, petals: int, third: float
) -> tuple[Array, Array]:
    b, c = np.zeros_like(x), np.zeros_like(x)
    for _ in range(count):
        px, py, r, turn = rng.random(), rng.random(), radius * rng.uniform(0.6, 1.3), rng.uniform(0, 6.28)
        u, v = (x - px + 0.5) % 1 - 0.5, (y - py + 0.5) % 1 - 0.5
        distance, angle = np.hypot(u, v), np.arctan2(v, u) + turn
        shape = _soft(r * (0.65 + 0.35 * np.cos(petals * angle)) - distance, 0.004)
        if rng.random() < third:
            c = np.maximum(c, shape)
        else:
            b = np.maximum(b, shape)
        c = np.where(distance < r * 0.3, 1 - c, c)
    return b, c


def _print(rng: np.random.Generator, kind: int) -> Array:
    """Coverage and choice between two colours, (128, 128, 2)."""
    coverage, tone = Image.new("L", (128, 128)), Image.new("L", (128, 128))
    paint: tuple[Callable[[Image.Image, Image.Image, np.random.Generator], None], ...] = (_words, _shapes, _image)
    with warnings.catch_warnings():
        paint[kind % 3](coverage, tone, rng)
    return np.stack([np.asarray(coverage, np.float32), np.asarray(tone, np.float32)], -1) / 255


def _words(coverage: Image.Image, tone: Image.Image, rng: np.random.Generator) -> None:
    del tone
    pen = ImageDraw.Draw(coverage)
    for row in range(int(rng.integers(1, 4))):
        word = "".join(rng.choice(list("ABCDEFGHIKLMNOPRSTUVY"), rng.integers(3, 8)))
        font = ImageFont.load_default(int(rng.integers(22, 40)))
        pen.text((64, 30 + 34 * row), word, 255, font, anchor="mm")


def _shapes(coverage: Image.Image, tone: Image.Image, rng: np.random.Generator) -> None:
    for _ in range(int(rng.integers(2, 6))):
        x, y, r = rng.uniform(30, 98), rng.uniform(30, 98), rng.uniform(10, 40)
        kind, colour = int(rng.integers(3)), int(rng.integers(2)) * 255
        sides, turn = int(rng.integers(3, 7)), int(rng.integers(90))
        for image, fill in ((coverage, 255), (tone, colour)):
            pen = ImageDraw.Draw(image)
            if kind == 0:
                pen.ellipse([x - r, y - r, x + r, y + r], fill=fill)
            elif kind == 1:
                pen.rectangle([x - r, y - r * 0.5, x + r, y + r * 0.5], fill=fill)
            else:
                pen.regular_polygon((x, y, r), sides, turn, fill=fill)


def _image(coverage: Image.Image, tone: Image.Image, rng: np.random.Generator) -> None:
    ImageDraw.Draw(coverage).rectangle([18, 18, 110, 110], fill=255)
    if rng.random() < 0.4:
        from skimage import data

        photograph = Image.fromarray(data.coffee()).convert("L")
        x, y = (int(rng.integers(0, side - 200)) for side in photograph.size)
        tone.paste(photograph.crop((x, y, x + 200, y + 200)).resize((128, 128)))
    else:
        clouds = np.tanh(octaves(rng, 128, 2)) * 110 + 128
        tone.paste(Image.fromarray(clouds.astype(np.uint8)))
