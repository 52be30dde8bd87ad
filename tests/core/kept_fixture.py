"""Pairs whose ground truth is known by formula: a patterned paper doll, moved, turned and scaled."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dptn_core.data.synthetic.kept import Manifest, Renderer
from dptn_core.data.synthetic.synthetic_pairs import GARMENTS, LIMBS, PARTS, PeoplePairs, joined

SIZE = (96, 64)
# The doll's keypoints in its own frame: x to the viewer's right, y down, the trunk about one long. It faces the viewer,
# so its right side is at negative x.
KEYPOINTS = np.array(
    [
        *((0, -1.2), (0, -0.9)),
        *((-0.3, -0.8), (-0.45, -0.4), (-0.5, 0.0)),
        *((0.3, -0.8), (0.45, -0.4), (0.5, 0.0)),
        *((-0.2, 0.1), (-0.22, 0.6), (-0.25, 1.1)),
        *((0.2, 0.1), (0.22, 0.6), (0.25, 1.1)),
        *((-0.08, -1.25), (0.08, -1.25), (-0.15, -1.2), (0.15, -1.2)),
    ]
)


def manifest(**changes: object) -> Manifest:
    return Manifest(
        **{"kind": "dolls", "renderer": "1", "seed": 3, "height": 96, "width": 64, "pairs": 10, "shard_pairs": 4}
        | changes
    )


def render_dolls(seeds: Tensor, size: tuple[int, int]) -> PeoplePairs:
    """One pair for each seed, whatever the batch."""
    return joined([_doll(int(seed), size) for seed in seeds])


def open_dolls() -> Renderer:
    return render_dolls


def open_recorded(log: Path, seconds: float = 0.0) -> Renderer:
    """Writes the seeds that are rendered into a file, a line each, and takes its time."""

    def render(seeds: Tensor, size: tuple[int, int]) -> PeoplePairs:
        time.sleep(seconds)
        with log.open("a") as file:
            file.writelines(f"{int(seed)}\n" for seed in seeds)
        return render_dolls(seeds, size)

    return render


def open_dying() -> Renderer:
    """A process that is killed while it renders."""
    import os

    return partial(_die, os.getpid())


def _die(process: int, *_: object) -> PeoplePairs:
    import os
    import signal

    os.kill(process, signal.SIGKILL)
    raise AssertionError("unreachable")


def open_refusing() -> Renderer:
    raise ValueError("the studio is closed")


def _doll(seed: int, size: tuple[int, int]) -> PeoplePairs:
    random = np.random.default_rng(seed)
    height, width = size
    frames = [_frame(random, size) for _ in range(2)]
    phase = random.uniform(0, 6, (2, 3))
    colours = random.uniform(0.2, 0.9, (len(GARMENTS), 3))
    y, x = np.mgrid[:height, :width] + 0.5
    pixels = np.stack([x, y], -1)
    images, parts, garments, mattes, own = [], [], [], [], []
    for turn, place in frames:
        places = (pixels - place) @ np.linalg.inv(turn).T  # of every pixel in the doll's frame
        part, garment = _labels(places)
        pattern = 0.85 + 0.15 * np.sin(3 * places[..., :1] + phase[0]) * np.cos(4 * places[..., 1:] + phase[1])
        image = colours[garment] * pattern
        backdrop = 0.5 + 0.3 * np.sin(x / 9 + phase[0, 0]) * np.cos(y / 7 + phase[1, 0])
        images.append(np.where(part[..., None] > 0, image, backdrop[..., None]))
        parts.append(part)
        garments.append(garment)
        mattes.append((part > 0).astype(np.float32))
        own.append(places)
    source_turn, source_place = frames[0]
    there = own[1] @ source_turn.T + source_place
    there = np.where(parts[1][..., None] > 0, there, pixels)
    inside = ((there >= 0) & (there < (width, height))).all(-1) & (parts[1] > 0)
    points = [KEYPOINTS @ turn.T + place for turn, place in frames]
    present = [((each >= 0) & (each < (width, height))).all(-1) for each in points]
    present[0][random.integers(18)] = False
    depth = random.uniform(2, 5, (2, len(LIMBS)))

    def one(value: np.ndarray, kind: type = np.float32) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(value, kind))[None]

    def colour(value: np.ndarray) -> Tensor:
        return one(value).permute(0, 3, 1, 2).contiguous() * 2 - 1

    return PeoplePairs(
        source=colour(images[0]),
        target=colour(images[1]),
        source_keypoints=one(points[0]),
        target_keypoints=one(points[1]),
        source_present=one(present[0], bool),
        target_present=one(present[1], bool),
        source_visible=one(present[0] & (np.arange(18) % 3 > 0), bool),
        target_visible=one(present[1] & (np.arange(18) % 4 > 0), bool),
        source_mask=one(parts[0] > 0, bool),
        target_mask=one(parts[1] > 0, bool),
        correspondence=one(there),
        seen=one(inside, bool),
        source_matte=one(mattes[0]),
        target_matte=one(mattes[1]),
        source_parts=one(parts[0], np.uint8),
        target_parts=one(parts[1], np.uint8),
        source_garments=one(garments[0], np.uint8),
        target_garments=one(garments[1], np.uint8),
        limb_depth=one(depth),
    )


def _frame(random: np.random.Generator, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Turn and scale (2, 2) and place (2,) of the doll's frame in an image."""
    angle, scale = random.uniform(-0.5, 0.5), random.uniform(0.25, 0.36) * size[0]
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return turn, np.array([size[1], size[0]]) * random.uniform(0.42, 0.58, 2)


def _labels(places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Part and garment of places in the doll's frame: a head, a trunk, arms and legs."""
    x, y = places[..., 0], places[..., 1]
    side = np.where(x < 0, "right", "left")
    arm = (np.abs(x) > 0.28) & (np.abs(x) < 0.55) & (y > -0.85) & (y < 0.05)
    trunk = (np.abs(x) <= 0.28) & (y > -0.95) & (y <= 0.1)
    leg = (np.abs(x) > 0.05) & (np.abs(x) < 0.3) & (y > 0.1) & (y < 1.15)
    head = (x**2 + (y + 1.2) ** 2) < 0.06
    names = np.full(x.shape, "background", object)
    dress = np.full(x.shape, "background", object)
    for where, part, garment in (
        (trunk, "trunk", "top"),
        (arm & (y < -0.4), " upper arm", "top"),
        (arm & (y >= -0.4) & (y < -0.05), " forearm", "outer"),
        (arm & (y >= -0.05), " hand", "skin"),
        (leg & (y < 0.6), " thigh", "bottom"),
        (leg & (y >= 0.6) & (y < 1.0), " shin", "bottom"),
        (leg & (y >= 1.0), " foot", "shoe"),
        (head, "head", "skin"),
    ):
        names = np.where(where, side + part if part.startswith(" ") else part, names)
        dress = np.where(where, garment, dress)
    part = np.vectorize({name: i for i, name in enumerate(PARTS)}.get, otypes=[np.uint8])(names)
    garment = np.vectorize({name: i for i, name in enumerate(GARMENTS)}.get, otypes=[np.uint8])(dress)
    return part, garment
