"""Cut a window out of each image of a pair and bring it to a size; everything that is known of the pair follows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .one import Bytes, Flags, Floats, OnePair

Label = TypeVar("Label", bound=np.generic)

_SMOOTH = 3.0  # pixels between neighbours, above which a correspondence jumps from one surface to another


@dataclass(frozen=True)
class Window:
    """A part of an image, in pixels; edges may lie within pixels."""

    left: float
    top: float
    width: float
    height: float


def largest(inside: tuple[int, int], proportions: tuple[int, int]) -> Window:
    """The largest window in the middle of an image of (H, W) that has the proportions of another (H, W)."""
    height, width = inside
    scale = min(height / proportions[0], width / proportions[1])
    high, wide = proportions[0] * scale, proportions[1] * scale
    return Window((width - wide) / 2, (height - high) / 2, wide, high)


def fitted(pair: OnePair, size: tuple[int, int]) -> OnePair:
    """The pair at (H, W); both images are cut alike where the proportions are others."""
    whole = largest(pair.size, size)
    return windowed(pair, whole, whole, size)


def windowed(pair: OnePair, source: Window, target: Window, size: tuple[int, int]) -> OnePair:
    """The pair seen through a window in each image, each brought to (H, W).

    Keypoints outside are absent, and what the source's window leaves out is not seen. `limb_depth` stays: the camera
    does not move.
    """
    height, width = pair.size
    if source == target == Window(0.0, 0.0, float(width), float(height)) and size == pair.size:
        return pair
    of_source, of_target = _Grid(source, pair.size, size), _Grid(target, pair.size, size)
    place = of_source.moved(of_target.correspondence(pair.correspondence, pair.seen))
    framed = _inside(place, size)
    source_keypoints, source_present = of_source.keypoints(pair.source_keypoints, pair.source_present)
    target_keypoints, target_present = of_target.keypoints(pair.target_keypoints, pair.target_present)
    return replace(
        pair,
        source=of_source.resized(pair.source),
        target=of_target.resized(pair.target),
        source_keypoints=source_keypoints,
        target_keypoints=target_keypoints,
        source_present=source_present,
        target_present=target_present,
        source_visible=pair.source_visible & source_present,
        target_visible=pair.target_visible & target_present,
        source_mask=of_source.nearest(pair.source_mask),
        target_mask=of_target.nearest(pair.target_mask),
        correspondence=place,
        seen=of_target.nearest(pair.seen) & framed,
        source_matte=of_source.resized(pair.source_matte),
        target_matte=of_target.resized(pair.target_matte),
        source_parts=of_source.nearest(pair.source_parts),
        target_parts=of_target.nearest(pair.target_parts),
        source_garments=of_source.nearest(pair.source_garments),
        target_garments=of_target.nearest(pair.target_garments),
    )


def _inside(points: Floats, size: tuple[int, int]) -> Flags:
    """Which xy places (..., 2) lie in an image of (H, W)."""
    x, y = points[..., 0], points[..., 1]  # one after the other: a test over an axis of two is ten times slower
    found: Flags = (x >= 0) & (y >= 0) & (x < size[1]) & (y < size[0])
    return found


def _at(values: NDArray[Label], rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[Label]:
    """Values at every crossing of rows and columns."""
    return values.take(rows, 0).take(columns, 1)  # three times as fast as both at once


class _Grid:
    """The pixels of a window brought to a size, in the image it is cut from."""

    def __init__(self, window: Window, inside: tuple[int, int], size: tuple[int, int]) -> None:
        self._window, self._size = window, size
        self._scale = np.array([size[1] / window.width, size[0] / window.height], np.float32)
        self._corner = np.array([window.left, window.top], np.float32)
        # centres of the new pixels, counted from the centre of the image's first one
        self._x = ((np.arange(size[1]) + 0.5) / self._scale[0] + window.left - 0.5).clip(0, inside[1] - 1)
        self._y = ((np.arange(size[0]) + 0.5) / self._scale[1] + window.top - 0.5).clip(0, inside[0] - 1)

    def resized(self, image: Bytes) -> Bytes:
        """Colours or a matte, averaged where they shrink."""
        window = self._window
        box = (window.left, window.top, window.left + window.width, window.top + window.height)
        size = (self._size[1], self._size[0])
        return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC, box=box))

    def nearest(self, labels: NDArray[Label]) -> NDArray[Label]:
        """Labels or flags, of which there is no mean."""
        rows, columns = (np.floor(axis + 0.5).astype(np.intp) for axis in (self._y, self._x))
        return _at(labels, rows, columns)

    def moved(self, points: Floats) -> Floats:
        """Xy places (..., 2) of the image, in pixels of the window at its size."""
        moved: Floats = (points - self._corner) * self._scale
        return moved

    def keypoints(self, points: Floats, present: Flags) -> tuple[Floats, Flags]:
        """Where they are now, and which are still there."""
        moved = self.moved(points)
        return moved, present & _inside(moved, self._size)

    def correspondence(self, places: Floats, seen: Flags) -> Floats:
        """Places (H, W, 2) between four pixels: their weighted mean on one surface, the nearest one at its edge."""
        low_y, low_x = (np.floor(axis).astype(np.intp) for axis in (self._y, self._x))
        high_y = np.minimum(low_y + 1, places.shape[0] - 1)
        high_x = np.minimum(low_x + 1, places.shape[1] - 1)
        down = (self._y - low_y).astype(np.float32)[:, None, None]
        across = (self._x - low_x).astype(np.float32)[:, None]
        corners = [_at(places, rows, columns) for rows in (low_y, high_y) for columns in (low_x, high_x)]
        known = [_at(seen, rows, columns) for rows in (low_y, high_y) for columns in (low_x, high_x)]
        upper = corners[0] + (corners[1] - corners[0]) * across
        lower = corners[2] + (corners[3] - corners[2]) * across
        mean = upper + (lower - upper) * down
        spread = np.maximum.reduce(corners) - np.minimum.reduce(corners)
        # seen and unseen pixels lie on two surfaces, however near their places are
        known_alike = (known[0] == known[1]) & (known[0] == known[2]) & (known[0] == known[3])
        smooth = (spread[..., 0] < _SMOOTH) & (spread[..., 1] < _SMOOTH) & known_alike
        nearest = self.nearest(places)
        return np.where(smooth[..., None], mean, nearest).astype(np.float32)
