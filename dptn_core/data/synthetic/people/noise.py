"""Tiles of noise that fit onto themselves."""

from __future__ import annotations

import math

import numpy as np

from .mesh import Array


def band_noise(
    rng: np.random.Generator, size: int, low: float, high: float, angle: float | None = None, spread: float = 0.5
) -> Array:
    """Noise of one band of frequencies, unit variance, (size, size) float32.

    Args:
        rng: random numbers.
        size: side in pixels.
        low, high: cycles a tile.
        angle: direction of the waves in radians; None: all directions.
        spread: of that direction, radians.
    """
    f = np.fft.fftfreq(size, 1 / size)
    fy, fx = np.meshgrid(f, f, indexing="ij")
    radius = np.hypot(fx, fy)
    distance = np.log(np.maximum(radius, 1e-3) / math.sqrt(low * high)) / math.log(high / low + 1e-9)
    band = np.exp(-2 * distance**2) * (radius > 0)
    if angle is not None:
        turned = (np.arctan2(fy, fx) - angle + np.pi / 2) % np.pi - np.pi / 2
        band = band * np.exp(-((turned / spread) ** 2))
    noise = np.fft.ifft2(np.fft.fft2(rng.standard_normal((size, size))) * band).real
    result: Array = (noise / noise.std()).astype(np.float32)
    return result


def octaves(rng: np.random.Generator, size: int, first: int, count: int = 5) -> Array:
    """A sum of `count` bands, each twice as fine and half as strong as the one before, unit variance."""
    total = np.zeros((size, size), np.float32)
    for octave in range(count):
        middle = first * 2**octave
        total = total + band_noise(rng, size, middle * 0.7, middle * 1.4) / 2**octave
    result: Array = (total / total.std()).astype(np.float32)
    return result


def wrapped_blur(image: Array, sigma: float) -> Array:
    """Gaussian blur of a tile (H, W) or (H, W, C), sigma in pixels, across its edges."""
    fy, fx = np.fft.fftfreq(image.shape[0])[:, None], np.fft.fftfreq(image.shape[1])[None]
    kernel = np.exp(-2 * (np.pi * sigma) ** 2 * (fy**2 + fx**2))
    kernel = kernel[..., None] if image.ndim == 3 else kernel
    blurred = np.fft.ifft2(np.fft.fft2(image, axes=(0, 1)) * kernel, axes=(0, 1)).real
    result: Array = blurred.astype(np.float32)
    return result
