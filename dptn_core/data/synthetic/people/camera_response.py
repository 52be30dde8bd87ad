"""What happens to photographs: somebody behind, something in front, white balance, blur, grain, JPEG."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from ..synthetic_pairs import PeoplePairs
from .colours import cloth_colour
from .places import gaussian
from .scene import Scene


def photograph(
    pairs: PeoplePairs, scenes: Sequence[Scene], seeds: Sequence[int], bystanders: Mapping[int, tuple[Tensor, Tensor]]
) -> PeoplePairs:
    """Put the faults of B scenes into their images; colours change alike in source and target.

    Args:
        pairs: as rendered.
        scenes: B of them.
        seeds: of the pairs, for the grain.
        bystanders: by index of the pair, somebody to stand behind the person: premultiplied sRGB (3, H, W) and matte.
    """
    both = {name: _both(pairs, name) for name in ("mask", "matte", "visible", "parts", "garments")}
    image = (torch.cat([pairs.source, pairs.target]) + 1) / 2
    keypoints = torch.cat([pairs.source_keypoints, pairs.target_keypoints])
    seen, batch = pairs.seen.clone(), len(pairs)
    for row in range(2 * batch):
        index, target = row % batch, row >= batch
        scene = scenes[index]
        if index in bystanders:
            image[row] = _stand_behind(image[row], both["matte"][row], bystanders[index], scene, target)
        cover = _occluder(scene, target, image.shape[2:])
        if cover is not None:
            colour, alpha = (value.to(image) for value in cover)
            image[row] = image[row] + (colour - image[row]) * alpha
            hidden = alpha > 0.5
            both["matte"][row] *= 1 - alpha
            for name in ("mask", "parts", "garments"):
                both[name][row] = torch.where(hidden, 0, both[name][row]).to(both[name].dtype)
            both["visible"][row] &= ~_at(hidden, keypoints[row])
            covered = hidden if target else _at(hidden, pairs.correspondence[index])
            seen[index] &= ~covered
        image[row] = _camera(image[row], scene, [seeds[index], 6, int(target)])
    halves = {f"{side}_{name}": value for name, values in both.items() for side, value in _halves(values).items()}
    images = {side: value * 2 - 1 for side, value in _halves(image).items()}
    return dataclasses.replace(pairs, **images, **halves, seen=seen)


def _both(pairs: PeoplePairs, name: str) -> Tensor:
    return torch.cat([getattr(pairs, f"source_{name}"), getattr(pairs, f"target_{name}")])


def _halves(values: Tensor) -> dict[str, Tensor]:
    source, target = values.chunk(2)
    return {"source": source, "target": target}


def _at(mask: Tensor, places: Tensor) -> Tensor:
    """Values of a mask (H, W) at places (..., 2) in pixels; False outside."""
    height, width = mask.shape
    x, y = places[..., 0].floor().long(), places[..., 1].floor().long()
    inside = (x >= 0) & (y >= 0) & (x < width) & (y < height)
    return mask[y.clamp(0, height - 1), x.clamp(0, width - 1)] & inside


def _stand_behind(image: Tensor, matte: Tensor, other: tuple[Tensor, Tensor], scene: Scene, target: bool) -> Tensor:
    """Another person smaller and further back, at the same spot in both images of a camera that stands still."""
    moves = scene.faults.bystander + (1 if target and not scene.camera.shared else 0)
    rng = np.random.default_rng([moves, 7])
    scale, side, drop = rng.uniform(0.55, 0.95), rng.choice((-1, 1)) * rng.uniform(0.35, 0.95), rng.uniform(-0.05, 0.12)
    theta = torch.tensor([[[1 / scale, 0, -side / scale], [0, 1 / scale, -drop / scale]]], device=image.device)
    layers = torch.cat([other[0], other[1][None]])[None]
    grid = functional.affine_grid(theta.float(), list(layers.shape), align_corners=False)
    moved = functional.grid_sample(layers, grid, align_corners=False)
    moved = gaussian(moved, scene.background_blur * 0.6 * image.shape[1] / 256)[0]
    behind = image * (1 - moved[3]) + moved[:3]
    return image * matte + behind * (1 - matte)


def _occluder(scene: Scene, target: bool, size: torch.Size) -> tuple[Tensor, Tensor] | None:
    """Colour (3, H, W) and opacity (H, W) of something in front of the person, or None."""
    if scene.faults.occluder < 0:
        return None
    rng = np.random.default_rng([scene.faults.occluder, 8])
    only = int(rng.integers(3))  # in the source, in the target, in both
    if only != 2 and bool(only) != target:
        return None
    height, width = size
    y, x = np.mgrid[:height, :width] / height
    wide = width / height
    kind, soft = int(rng.integers(4)), rng.uniform(0.004, 0.02)
    if kind == 0:  # a post
        distance = np.abs(x - rng.uniform(0.15, 0.85) * wide - rng.normal(0, 0.05) * y) - rng.uniform(0.02, 0.06)
    elif kind == 1:  # the edge of a table
        distance = rng.uniform(0.72, 0.9) + rng.normal(0, 0.05) * x - y
    elif kind == 2:  # a bag, a head, a plant's pot
        distance = np.hypot(
            (x - rng.uniform(0, 1) * wide) * rng.uniform(0.6, 1.5), y - rng.uniform(0.3, 1)
        ) - rng.uniform(0.06, 0.16)
    else:  # a rail
        distance = np.abs(y - rng.uniform(0.45, 0.95) - rng.normal(0, 0.05) * x) - rng.uniform(0.012, 0.04)
    alpha = 1 / (1 + np.exp(np.clip(distance / soft, -30, 30)))
    shade = (1 - 0.5 * x / wide) * (0.8 + 0.4 * rng.random()) * (1 + 0.15 * np.sin(x * rng.uniform(20, 90)))
    colour = (cloth_colour(rng, 0.7)[:, None, None] * shade).clip(0, 1) ** (1 / 2.2)
    return torch.from_numpy(colour).float(), torch.from_numpy(alpha).float()


def _camera(image: Tensor, scene: Scene, seed: list[int]) -> Tensor:
    """White balance, blur, grain and JPEG of one image (3, H, W) in [0, 1]."""
    faults = scene.faults
    image = image * torch.from_numpy(faults.white_balance).to(image)[:, None, None]
    image = gaussian(image[None], faults.blur * image.shape[1] / 256)[0]
    grain = np.random.default_rng(seed).standard_normal(image.shape, np.float32) * faults.noise
    image = (image + torch.from_numpy(grain).to(image)).clamp(0, 1)
    return _jpeg(image, faults.quality) if faults.quality else image


def _jpeg(image: Tensor, quality: int) -> Tensor:
    pixels = (image.permute(1, 2, 0) * 255).round().byte().cpu().numpy()
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    with Image.open(buffer) as read:
        return torch.from_numpy(np.asarray(read).copy()).to(image).permute(2, 0, 1) / 255
