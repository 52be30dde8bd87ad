"""What is behind the person: a wall or a panorama, and a floor that takes the person's shadow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from .atlas import Atlas
from .backdrop import paint_backdrop
from .camera import Cameras
from .colours import cloth_colour, linear
from .geometry import unit
from .lighting import Lit, shine_on
from .mesh import Array
from .panoramas import Panoramas
from .scene import STUDIO_PLACES, Scene
from .warp_launch import bilinear

_COARSE = 4  # light on wall and floor is worked out for every fourth pixel
_PLAIN, _PLANKS, _TILES, _ROUGH, _SLABS = range(5)
_ROADS = ((140, 138, 134), (110, 108, 106), (160, 150, 138), (90, 110, 60))


@dataclass(frozen=True)
class _Ground:
    """The details of a place that its seed decides."""

    wall: float  # z of the wall, metres
    backdrop: Array
    colour: Array
    kind: int
    amount: float
    turned: bool
    rough: int  # which rough tile


@dataclass(frozen=True)
class _Rays:
    """Where P images' rays meet the place."""

    ray: Tensor  # (P, H, W, 3)
    hit: Tensor  # (P, H, W, 3)
    floor: Tensor  # (P, H, W) bool


def places_behind(scenes: Sequence[Scene], atlas: Atlas, panoramas: Panoramas, cameras: Cameras, lit: Lit) -> Tensor:
    """Linear light behind the people of B scenes, (2B, H, W, 3)."""
    noise, rough = (bank[..., 0].cpu().numpy() for bank in (atlas.noise, atlas.rough))
    grounds = [_ground(scene, noise, rough) for scene in scenes]
    walls = torch.tensor([ground.wall for ground in grounds] * 2, device=cameras.focal.device)
    rays = _cast(cameras, walls)
    light = _light_on(rays, lit)
    height = cameras.size[0]
    out = []
    for image in range(len(cameras.focal)):
        scene, ground = scenes[image % len(scenes)], grounds[image % len(scenes)]
        colour = _colour(scene, ground, atlas, panoramas, rays, light, image)
        sigma = _blur(scene, panoramas, height)
        out.append(gaussian(colour.permute(2, 0, 1)[None], sigma)[0].permute(1, 2, 0))
    return torch.stack(out)


def _blur(scene: Scene, panoramas: Panoramas, height: int) -> float:
    """Sigma in pixels that puts a place out of focus; a panorama's pixels must not show as squares."""
    if scene.place != "panorama":
        return (0.8 if scene.place == "white" else scene.background_blur) * height / 256
    texel = math.pi / panoramas.images.shape[1] / (scene.camera.field_of_view / height)
    return max(scene.background_blur * height / 256, 0.55 * texel)


def _ground(scene: Scene, noise: Array, rough: Array) -> _Ground:
    rng = np.random.default_rng(scene.seed)
    near = scene.place in ("white", "studio", "room")
    wall = -rng.uniform(0.7, 2.5) if near else -rng.uniform(4, 9)
    backdrop = paint_backdrop(rng, "white" if scene.place == "panorama" else scene.place, noise, rough)
    kind, colour = int(rng.integers(5)), cloth_colour(rng, 0.95) * rng.uniform(0.4, 0.9)
    if scene.place in STUDIO_PLACES:
        kind, colour = _PLAIN, backdrop.reshape(-1, 3).mean(0)
    elif scene.place == "street":
        kind, colour = int(rng.choice((_PLAIN, _ROUGH, _SLABS))), linear(*_ROADS[rng.integers(4)])
    return _Ground(
        wall, backdrop, colour, kind, rng.uniform(0.1, 0.5), bool(rng.random() < 0.5), int(rng.integers(1, 3))
    )


def _cast(cameras: Cameras, walls: Tensor) -> _Rays:
    height, width = cameras.size
    focal = cameras.focal[:, None, None]
    y, x = torch.meshgrid(
        torch.arange(height, device=focal.device) + 0.5, torch.arange(width, device=focal.device) + 0.5, indexing="ij"
    )
    across, down = (x - width / 2) / focal, (y - height / 2) / focal
    axes = cameras.axes[:, None, None]
    ray = axes[..., 0, :] * across[..., None] + axes[..., 1, :] * down[..., None] + axes[..., 2, :]
    place = cameras.place[:, None, None]
    to_floor = -place[..., 1] / ray[..., 1].clamp(min=1e-4)
    to_wall = (walls[:, None, None] - place[..., 2]) / ray[..., 2].clamp(max=-1e-4)
    floor = (ray[..., 1] > 1e-4) & (to_floor < to_wall)
    return _Rays(ray, place + ray * torch.where(floor, to_floor, to_wall)[..., None], floor)


def _light_on(rays: _Rays, lit: Lit) -> Tensor:
    """Light on wall and floor, (P, H, W, 3)."""
    images, height, width = rays.floor.shape
    hit = rays.hit[:, ::_COARSE, ::_COARSE]
    rows, columns = hit.shape[1:3]
    places, floor = hit.reshape(-1, 3), rays.floor[:, ::_COARSE, ::_COARSE].reshape(-1)
    normal = torch.where(floor[:, None], places.new_tensor([0.0, -1.0, 0.0]), places.new_tensor([0.0, 0.0, 1.0]))
    image = torch.arange(images, device=places.device).repeat_interleave(rows * columns)
    grain = torch.arange(rows * columns, device=places.device).repeat(images)
    still, matt = places.new_zeros(len(places)), places.new_full((len(places),), 5.0)
    diffuse, _ = shine_on(lit, places, normal, normal, normal, image, grain, still, matt)
    light = diffuse.view(images, rows, columns, 3).permute(0, 3, 1, 2)
    light = functional.avg_pool2d(functional.pad(light, (1, 1, 1, 1), mode="replicate"), 3, 1)
    return functional.interpolate(light, (height, width), mode="bilinear", align_corners=False).permute(0, 2, 3, 1)


def _flat(bank: Tensor, number: int, u: Tensor, v: Tensor) -> Tensor:
    """Samples (H, W, C) of one tile of a bank at (H, W) places."""
    index = torch.full((u.numel(),), number, dtype=torch.long, device=u.device)
    return bilinear(bank, index, u.reshape(-1), v.reshape(-1)).view(*u.shape, -1)


def _colour(
    scene: Scene, ground: _Ground, atlas: Atlas, panoramas: Panoramas, rays: _Rays, light: Tensor, image: int
) -> Tensor:
    """One image's background, (H, W, 3)."""
    lit, floor, (x, y, z) = light[image], rays.floor[image][..., None], rays.hit[image].unbind(-1)
    floor_colour = _floor_colour(scene, ground, atlas, x, z)
    if scene.place == "panorama":
        return _panorama(scene, panoramas, rays.ray[image], floor, lit)
    backdrop = torch.from_numpy(ground.backdrop).to(lit)[None]
    if scene.place == "clutter":  # a flat image: it moves with the camera
        height = lit.shape[0]
        rows = (torch.arange(height, device=lit.device) + 0.5)[:, None] / height
        columns = (torch.arange(lit.shape[1], device=lit.device) + 0.5)[None] / height
        flat = _flat(backdrop, 0, columns.expand(lit.shape[:2]), rows.clamp(0.01, 0.99).expand(lit.shape[:2]))
        return flat * lit.mean((0, 1))
    width = 2.4 - 0.9 * ground.wall
    wall = _flat(backdrop, 0, (x / width + 0.5).clamp(0.004, 0.996), (1 + y / width).clamp(0.004, 0.996))
    if scene.place == "white":
        shade = lit / lit.amax((0, 1)).clamp(min=1e-3)
        return 1.25 * torch.where(floor, floor_colour * (0.45 + 0.55 * shade), wall * (0.8 + 0.2 * shade))
    if scene.place == "street":
        return torch.where(floor, floor_colour * lit, wall * lit.mean((0, 1)) * 0.9)
    return torch.where(floor, floor_colour, wall) * lit


def _floor_colour(scene: Scene, ground: _Ground, atlas: Atlas, x: Tensor, z: Tensor) -> Tensor:
    along, across = (x, z) if ground.turned else (z, x)
    texture = 0.12 * _flat(atlas.noise, 1, x * 0.8, z * 0.8)[..., 0]
    if scene.place in STUDIO_PLACES:
        texture = texture * 0.06
    elif ground.kind == _PLANKS:
        row = (across / 0.12).floor()
        joint = (across / 0.12 - row) < 0.05
        texture = texture + ground.amount * (0.3 * torch.sin(row * 12.9898) - joint * 0.8)
    elif ground.kind == _TILES:
        texture = texture - ground.amount * ((((along / 0.4) % 1) < 0.03) | (((across / 0.4) % 1) < 0.03)).float()
    elif ground.kind == _ROUGH:
        texture = texture + _flat(atlas.rough, ground.rough, x * 0.7, z * 0.7)[..., 0] - 1
    elif ground.kind == _SLABS:
        texture = texture - ground.amount * ((((along / 0.9) % 1) < 0.02) | (((across / 0.6) % 1) < 0.02)).float()
    return torch.from_numpy(np.asarray(ground.colour)).to(x).float() * (1 + texture).clamp(0.2, 2)[..., None]


def _panorama(scene: Scene, panoramas: Panoramas, ray: Tensor, floor: Tensor, lit: Tensor) -> Tensor:
    ray = unit(ray)
    u = (torch.atan2(ray[..., 0], ray[..., 2]) - scene.panorama_turn) / (2 * math.pi)
    v = torch.acos((-ray[..., 1]).clamp(-1, 1)) / math.pi
    image = panoramas.images[scene.panorama : scene.panorama + 1]
    colour = _flat(image, 0, u, v.clamp(0.002, 0.998)) * scene.gain
    open_sky = lit.amax((0, 1)).clamp(min=1e-3)
    return torch.where(floor, colour * (0.3 + 0.7 * (lit / open_sky)), colour).clamp(max=4)


def gaussian(image: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of (B, C, H, W), sigma in pixels; below 0.2 nothing happens."""
    if sigma < 0.2:
        return image
    reach = max(1, int(3 * sigma + 0.5))
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, device=image.device) / sigma) ** 2)
    kernel = (kernel / kernel.sum()).to(image)
    channels = image.shape[1]
    for axis, pad in ((3, (reach, reach, 0, 0)), (2, (0, 0, reach, reach))):
        shape = (1, 1, 1, -1) if axis == 3 else (1, 1, -1, 1)
        weight = kernel.view(shape).expand(channels, 1, *(-1, -1))
        image = functional.conv2d(functional.pad(image, pad, mode="replicate"), weight, groups=channels)
    return image
