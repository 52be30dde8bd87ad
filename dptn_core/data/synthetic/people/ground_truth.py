"""What is known of rendered images: correspondence, visibility, keypoints, parts, depth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..synthetic_pairs import LIMBS
from .camera import Cameras
from .garment_template import Template
from .raster import TRIANGLES, Posed
from .warp_launch import EMPTY

_METRES = 1e-6  # a depth map holds micrometres
_DEPTH_BITS = 20
_SAME_SURFACE = 0.012  # metres
_FACING = 0.2  # cosine between normal and view, below which a surface is seen too much from the side to be known
_JOINT_DEPTH = (0.03, 0.14, *(0.12, 0.07, 0.06) * 2, *(0.16, 0.10, 0.08) * 2, 0.03, 0.03, 0.08, 0.08)  # under the skin
_FACE = (0, 14, 15, 16, 17)
_GUESSED = 0.85  # of the hidden body joints that a detector reports all the same


@dataclass(frozen=True)
class Surface:
    """The nearest surface of each pixel of P images."""

    inside: Tensor  # (P, H, W) bool: at least half of the pixel is the person
    depth: Tensor  # (P, H, W) metres, infinite outside
    triangle: Tensor  # (P, H, W)
    offset: Tensor  # (P, H, W, 2) pixels, from the pixel's middle to the sample that saw the surface


def surface_of(depth_map: Tensor, scale: int) -> Surface:
    """Surfaces of a depth map (P, H * scale, W * scale)."""
    images, height, width = depth_map.shape
    samples = depth_map.view(images, height // scale, scale, width // scale, scale).transpose(2, 3).flatten(3)
    nearest, which = samples.min(-1)
    inside = (samples < EMPTY).sum(-1) * 2 >= scale * scale
    depth = torch.where(inside, (nearest >> _DEPTH_BITS).float() * _METRES, torch.inf)
    offset = (torch.stack([which % scale, which // scale], -1) + 0.5) / scale - 0.5
    return Surface(inside, depth, torch.where(inside, nearest & TRIANGLES, 0), offset)


def correspondence(
    template: Template, posed: Posed, cameras: Cameras, screen: Tensor, surface: Surface
) -> tuple[Tensor, Tensor]:
    """Source place (B, H, W, 2) of each target pixel's surface, and whether the source shows it, (B, H, W) bool."""
    batch = len(surface.inside) // 2
    height, width = cameras.size
    device = screen.device
    b, y, x = surface.inside[batch:].nonzero(as_tuple=True)
    corners = template.faces[surface.triangle[batch:][b, y, x]]
    offset = surface.offset[batch:][b, y, x]
    sampled = x + 0.5 + offset[:, 0], y + 0.5 + offset[:, 1]
    share = _barycentric(screen[(b + batch)[:, None], corners], *sampled)[..., None]
    there = (posed.world[b[:, None], corners] * share).sum(1)
    normal = (posed.normals[b[:, None], corners] * share).sum(1)
    moved = cameras.project_each(there, b)
    middle = moved[:, :2] - offset  # of the pixel, which lies beside the sample in both images
    column, row = middle[:, 0].floor().long(), middle[:, 1].floor().long()
    known = (column >= 0) & (row >= 0) & (column < width) & (row < height) & (moved[:, 2] > 0.05)
    nearest = surface.depth[b, row.clamp(0, height - 1), column.clamp(0, width - 1)]
    view = cameras.place[b] - there
    facing = (normal * view).sum(1) / view.norm(dim=1).clamp(min=1e-6)
    # within a pixel a surface seen from the side covers more depth
    slope = (1 - facing.square()).clamp(min=0).sqrt() / facing.clamp(min=_FACING)
    tolerance = _SAME_SURFACE + moved[:, 2] / cameras.focal[b] * slope
    known &= nearest.isfinite() & (moved[:, 2] < nearest + tolerance) & (facing > _FACING)
    # all four pixels that a bilinear look-up mixes must be the person's: edges would bring the background along
    left, top = (middle[:, 0] - 0.5).floor().long(), (middle[:, 1] - 0.5).floor().long()
    for dy in (0, 1):
        for dx in (0, 1):
            known &= surface.inside[b, (top + dy).clamp(0, height - 1), (left + dx).clamp(0, width - 1)]
    rows, columns = torch.meshgrid(
        torch.arange(height, device=device) + 0.5, torch.arange(width, device=device) + 0.5, indexing="ij"
    )
    place = torch.stack([columns, rows], -1).expand(batch, -1, -1, -1).clone()
    place[b, y, x] = middle
    seen = torch.zeros(batch, height, width, dtype=torch.bool, device=device)
    seen[b, y, x] = known
    return place, seen


def _barycentric(corners: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Shares (N, 3) of the corners of projected triangles (N, 3, 3) at pixel places (N,), true to perspective.

    Places beside their triangle, where a pinhole was filled, get the shares of its edge.
    """
    ax, ay, bx, by, cx, cy = (corners[:, k, axis] for k in range(3) for axis in range(2))
    area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    u = ((bx - x) * (cy - y) - (by - y) * (cx - x)) / area
    v = ((cx - x) * (ay - y) - (cy - y) * (ax - x)) / area
    share = torch.stack([u, v, 1 - u - v], -1).clamp(min=0) / corners[..., 2]
    return share / share.sum(-1, keepdim=True)


def labels(template: Template, surface: Surface) -> tuple[Tensor, Tensor]:
    """Index into PARTS and into GARMENTS of every pixel, (P, H, W) uint8."""
    inside = surface.inside.to(torch.uint8)
    parts = template.face_part[surface.triangle] * inside
    garments = (template.face_layer[surface.triangle] + 1).to(torch.uint8) * inside
    return parts, garments


def keypoint_ground_truth(
    joints: Tensor, surface: Surface, seeds: list[int], size: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """Which keypoints a detector would report, and which really show; both (P, 18) bool.

    Args:
        joints: (P, 18, 3) x, y in pixels and depth in metres.
        surface: of the P images.
        seeds: P numbers that decide which hidden joints a detector guesses.
        size: (H, W).
    """
    height, width = size
    x, y = joints[..., 0].floor().long(), joints[..., 1].floor().long()
    framed = (x >= 0) & (y >= 0) & (x < width) & (y < height)
    image = torch.arange(len(joints), device=joints.device)[:, None]
    front = surface.depth[image, y.clamp(0, height - 1), x.clamp(0, width - 1)]
    on_person = front.isfinite()
    visible = framed & on_person & (joints[..., 2] < front + joints.new_tensor(_JOINT_DEPTH))
    guessed = np.stack([np.random.default_rng([seed, 5]).random(18) < _GUESSED for seed in seeds])
    hidden = torch.from_numpy(guessed).to(joints.device)
    hidden[:, _FACE] = False  # nobody guesses a face seen from behind
    return framed & (visible | hidden), visible


def limb_depths(joints: Tensor) -> Tensor:
    """Metres from the camera to the middle of each skeleton limb, (P, 17), of joints (P, 18, 3)."""
    pairs = torch.tensor(LIMBS, device=joints.device)
    return joints[:, pairs, 2].mean(-1)
