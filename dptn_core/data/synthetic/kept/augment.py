"""Change a pair as another person, camera and tailor would have it: recolour, mirror, crop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from ..synthetic_pairs import LIMBS, MIRRORED_JOINTS, MIRRORED_PARTS
from .one import Bytes, Floats, OnePair
from .recolour import recoloured
from .windows import Window, largest, windowed

_MIRRORED = 0.5  # of the pairs
_CROPPED = 0.6  # of the images
_CLOSEST = 0.65  # side of the smallest window, as a fraction of the largest
_KEPT = 0.5  # of the keypoints that a window must leave inside
_TRIES = 4

_JOINTS: Final = np.array(MIRRORED_JOINTS)
_PARTS: Final[Bytes] = np.array(MIRRORED_PARTS, np.uint8)

_LIMBS: Final = np.array([LIMBS.index((int(_JOINTS[a]), int(_JOINTS[b]))) for a, b in LIMBS])


def augmented(pair: OnePair, numbers: Sequence[int], size: tuple[int, int]) -> OnePair:
    """The pair at (H, W), its garments recoloured, perhaps mirrored, perhaps seen through a window.

    Args:
        pair: the pair.
        numbers: decide everything: the same ones, the same result.
        size: (H, W) of the result, pixels.
    """
    random = np.random.default_rng(list(numbers))
    pair = recoloured(pair, random)
    if random.random() < _MIRRORED:
        pair = mirrored(pair)
    windows = [
        sample_window(random, pair.size, size, points[present])
        for points, present in (
            (pair.source_keypoints, pair.source_present),
            (pair.target_keypoints, pair.target_present),
        )
    ]
    return windowed(pair, windows[0], windows[1], size)


def mirrored(pair: OnePair) -> OnePair:
    """Both images in a mirror: the person's right is their left."""
    width = np.float32(pair.size[1])

    def points(xy: Floats) -> Floats:
        turned = xy[_JOINTS]
        turned[:, 0] = width - turned[:, 0]
        return turned

    place = pair.correspondence[:, ::-1].copy()
    place[..., 0] = width - place[..., 0]
    changed = {
        name: np.ascontiguousarray(getattr(pair, name)[:, ::-1])
        for name in (
            *("source", "target", "seen", "source_mask", "target_mask", "source_matte", "target_matte"),
            *("source_garments", "target_garments"),
        )
    }
    return replace(
        pair,
        **changed,
        correspondence=place,
        source_parts=_PARTS[pair.source_parts[:, ::-1]],
        target_parts=_PARTS[pair.target_parts[:, ::-1]],
        source_keypoints=points(pair.source_keypoints),
        target_keypoints=points(pair.target_keypoints),
        source_present=pair.source_present[_JOINTS],
        target_present=pair.target_present[_JOINTS],
        source_visible=pair.source_visible[_JOINTS],
        target_visible=pair.target_visible[_JOINTS],
        limb_depth=pair.limb_depth[:, _LIMBS],
    )


def sample_window(
    random: np.random.Generator, inside: tuple[int, int], size: tuple[int, int], keypoints: Floats
) -> Window:
    """A window with the proportions of `size` in an image of (H, W), which keeps half of the keypoints (N, 2)."""
    whole = largest(inside, size)
    if random.random() >= _CROPPED:
        return whole
    for _ in range(_TRIES):
        scale = random.uniform(_CLOSEST, 1.0)
        wide, high = whole.width * scale, whole.height * scale
        left, top = random.uniform(0, inside[1] - wide), random.uniform(0, inside[0] - high)
        window = Window(left, top, wide, high)
        kept = ((keypoints >= (left, top)) & (keypoints < (left + wide, top + high))).all(1)
        if kept.sum() >= _KEPT * len(keypoints):
            return window
    return whole
