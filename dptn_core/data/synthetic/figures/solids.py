"""Solids of revolution under an affine map, and the rays that hit them.

A solid is the surface {p = (a, b, t): a^2 + b^2 = c0 + c1 t + c2 t^2, t_low <= t <= t_high}, open at its ends (balls
close the joints), placed in the image by x = axes @ p + centre (pixels, x right, y down, z towards the viewer).
Ellipsoids (1, 0, -1), cylinders (1, 0, 0) and cones (1, 2k, k^2) are all of that form, so one closed-form intersection
draws every limb, head, skirt and sleeve.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

TILE = 16  # pixels; a solid is only tested in the tiles its bounding box touches
_DEPTH_BITS = 24
_TILES_AT_ONCE = 4096  # bounds the memory of a batch


@dataclass(frozen=True)
class Solids:
    """K solids in each of B images.

    `shape` may differ between two images of one figure (a skirt opens with the stride); a point keeps its height t
    and its direction around the axis.
    """

    axes: Tensor  # (B, K, 3, 3): columns are the images of the a, b and t axes
    centre: Tensor  # (B, K, 3)
    shape: Tensor  # (B, K, 3): c0, c1, c2
    clip: Tensor  # (B, K, 2): t_low, t_high
    shown: Tensor  # (B, K) bool

    @property
    def count(self) -> int:
        """Number of solids K."""
        return self.axes.shape[1]

    def __getitem__(self, index: slice | Tensor) -> Solids:
        return Solids(**{f.name: getattr(self, f.name)[index] for f in fields(self)})

    def placed(self, scale: Tensor, offset: Tensor) -> Solids:
        """Scaled by `scale` (B,) and then moved by `offset` (B, 3)."""
        return Solids(
            self.axes * scale[:, None, None, None],
            self.centre * scale[:, None, None] + offset[:, None],
            self.shape,
            self.clip,
            self.shown,
        )

    def at_full_precision(self) -> Solids:
        """The same in float64, where the device has it (Apple's GPUs do not)."""
        if self.axes.device.type == "mps":
            return self
        return Solids(self.axes.double(), self.centre.double(), self.shape.double(), self.clip.double(), self.shown)

    def inverse_axes(self) -> Tensor:
        """Inverse of `axes` (B, K, 3, 3); of solids that are not shown, which may be flat, the identity."""
        identity = torch.eye(3, dtype=self.axes.dtype, device=self.axes.device)
        return torch.linalg.inv(torch.where(self.shown[..., None, None], self.axes, identity))

    def radius(self, t: Tensor, shape: Tensor) -> Tensor:
        """Radius at height t in units of the cross axes."""
        c0, c1, c2 = shape.unbind(-1)
        return (c0 + c1 * t + c2 * t * t).clamp(min=1e-12).sqrt()


@dataclass(frozen=True)
class Hits:
    """What the ray of each covered pixel meets first, as a list over covered pixels of all images (N,)."""

    image: Tensor  # (N,) int64
    pixel: Tensor  # (N,) int64, row-major index
    solid: Tensor  # (N,) int64
    depth: Tensor  # (N,) z in pixels
    solid_map: Tensor  # (B, H, W) int64, -1 where nothing is hit
    depth_map: Tensor  # (B, H, W) z in pixels, -inf where nothing is hit


def _bounding_tiles(solids: Solids, size: tuple[int, int]) -> Tensor:
    """Which tiles each solid may touch: (B, K, tiles down, tiles across) bool."""
    height, width = size
    low, high = solids.clip.unbind(-1)
    radius = torch.maximum(solids.radius(low, solids.shape), solids.radius(high, solids.shape))
    # an ellipsoid is widest between its ends
    radius = torch.where(solids.shape[..., 2] < 0, solids.shape[..., 0].clamp(min=0).sqrt(), radius)
    touches = []
    for axis, length in ((1, height), (0, width)):
        spread = radius * solids.axes[..., axis, :2].norm(dim=-1)
        ends = torch.stack([solids.axes[..., axis, 2] * low, solids.axes[..., axis, 2] * high], -1)
        first = (solids.centre[..., axis] + ends.amin(-1) - spread).unsqueeze(-1)
        last = (solids.centre[..., axis] + ends.amax(-1) + spread).unsqueeze(-1)
        start = torch.arange(0, length, TILE, device=first.device)
        touches.append((first < start + TILE) & (last > start) & solids.shown.unsqueeze(-1))
    return touches[0][..., :, None] & touches[1][..., None, :]


def _quadratic(left: tuple[Tensor, ...], right: tuple[Tensor, ...]) -> Tensor:
    """Product of two planes k0 + k1 p + k2 q as coefficients of (1, p, q, p^2, p q, q^2), (N, 6)."""
    (a0, a1, a2), (b0, b1, b2) = left, right
    return torch.stack([a0 * b0, a0 * b1 + a1 * b0, a0 * b2 + a2 * b0, a1 * b1, a1 * b2 + a2 * b1, a2 * b2], -1)


def _intersect(inverse: Tensor, centre: Tensor, shape: Tensor, clip: Tensor, corner: Tensor, basis: Tensor) -> Tensor:
    """Depth at which the rays of N tiles enter N solids, -inf for a miss.

    In a tile everything is a polynomial of the pixel's place, so its few coefficients are found in float64 for the
    tile and two small matrix products give discriminants and depths of all its pixels.

    Args:
        inverse: (N, 3, 3) inverse axes, centre (N, 3), shape (N, 3), clip (N, 2), all float64.
        corner: (N, 2) xy of the tiles' corners, float64.
        basis: (6, P) float32: 1, p, q, p^2, p q, q^2 of the pixels from their tile's corner.

    Returns:
        (N, P) float32 depths.
    """
    c0, c1, c2 = shape.unbind(-1)
    offset = corner - centre[:, :2]
    n = inverse
    # a, b and t on the plane z = 0 of the ray, as planes over the tile
    planes = [((n[:, i, :2] * offset).sum(-1), n[:, i, 0], n[:, i, 1]) for i in range(3)]
    a, b, t = planes
    na, nb, nt = n[:, 0, 2], n[:, 1, 2], n[:, 2, 2]
    # the ray is p + z (na, nb, nt); inside, alpha z^2 + 2 beta z + gamma <= 0
    alpha = na**2 + nb**2 - c2 * nt**2
    limit = 1e-9 * (na**2 + nb**2 + nt**2) + 1e-30
    alpha = torch.where(alpha.abs() < limit, limit, alpha)
    beta = [na * a[i] + nb * b[i] - nt * c2 * t[i] for i in range(3)]
    beta[0] = beta[0] - nt * c1 / 2
    gamma = _quadratic(a, a) + _quadratic(b, b) - c2[:, None] * _quadratic(t, t)
    gamma[:, :3] -= c1[:, None] * torch.stack(t, -1)
    gamma[:, 0] -= c0
    square = (_quadratic(tuple(beta), tuple(beta)) - alpha[:, None] * gamma) / (alpha**2)[:, None]
    middle = torch.stack(beta, -1) / -alpha[:, None]
    # Looking into a cone along its axis (alpha < 0) only one root lies on the real cone, the other on its mirror
    # image beyond the apex; which one depends on where the apex points.
    sign = torch.where((alpha < 0) & (c1 * nt <= 0), -1.0, 1.0)
    height = torch.stack(t, -1) + nt[:, None] * middle

    root = square.float() @ basis  # (N, P)
    missed = root <= 0
    root.clamp_(min=0).sqrt_().mul_(sign.float()[:, None])
    level = torch.addcmul(height.float() @ basis[:3], root, nt.float()[:, None])
    missed |= (level < clip[:, :1]) | (level > clip[:, 1:])
    depth = (middle.float() @ basis[:3]).add_(root).add_(centre[:, 2:].float())
    return depth.masked_fill_(missed, -torch.inf)


def cast_rays(solids: Solids, size: tuple[int, int]) -> Hits:
    """First solid along the ray of every pixel centre (orthographic, from +z).

    Args:
        solids: placed in pixels.
        size: (H, W), any.
    """
    height, width = size
    batch, device = solids.axes.shape[0], solids.axes.device
    touched = _bounding_tiles(solids, size)
    down, across = touched.shape[-2:]
    image, solid, tile_y, tile_x = touched.nonzero(as_tuple=True)

    lane = torch.arange(TILE, device=device) + 0.5
    p, q = lane.repeat(TILE), lane.repeat_interleave(TILE)
    basis = torch.stack([torch.ones_like(p), p, q, p * p, p * q, q * q])
    exact = solids.at_full_precision()
    inverse = exact.inverse_axes()
    corner = torch.stack([tile_x, tile_y], -1).to(exact.axes.dtype) * TILE
    slot = (image * down + tile_y) * across + tile_x
    nearest = torch.full((batch * down * across, TILE * TILE), -1, dtype=torch.int32, device=device)
    reach = 4.0 * max(height, width)
    steps = (1 << _DEPTH_BITS) - 1
    for some in torch.arange(len(slot), device=device).split(_TILES_AT_ONCE):
        i, k = image[some], solid[some]
        depth = _intersect(inverse[i, k], exact.centre[i, k], exact.shape[i, k], exact.clip[i, k], corner[some], basis)
        # Depth and solid share one integer, so that a single maximum finds both and ties fall the same way always.
        level = depth.add_(reach).mul_(steps / (2 * reach)).clamp_(-1, steps).int()
        key = torch.where(level >= 0, (level << 6) | k.int()[:, None], -1)
        nearest.scatter_reduce_(0, slot[some][:, None].expand_as(key), key, "amax")

    grid = nearest.view(batch, down, across, TILE, TILE).transpose(2, 3)
    grid = grid.reshape(batch, down * TILE, across * TILE)[:, :height, :width]
    solid_map = torch.where(grid >= 0, grid % 64, -1).long()
    depth_map = torch.where(grid >= 0, (grid // 64).float() * (2 * reach / steps) - reach, -torch.inf)
    where, flat = (grid >= 0).flatten(1).nonzero(as_tuple=True)
    return Hits(where, flat, solid_map.flatten(1)[where, flat], depth_map.flatten(1)[where, flat], solid_map, depth_map)


@dataclass(frozen=True)
class Surface:
    """Points on solids, in the solids' own terms."""

    local: Tensor  # (N, 3): a, b, t
    normal: Tensor  # (N, 3): outward, unit length, in the image's axes


def surface_at(solids: Solids, inverse: Tensor, image: Tensor, solid: Tensor, points: Tensor) -> Surface:
    """Local coordinates and normals of surface points.

    Args:
        solids: the solids, and `inverse` their `inverse_axes`.
        image, solid: (N,) which solid each point lies on.
        points: (N, 3) pixels.
    """
    row = image * solids.count + solid
    own, shape = inverse.flatten(0, 1)[row], solids.shape.flatten(0, 1)[row]
    local = torch.bmm(own, (points - solids.centre.flatten(0, 1)[row]).unsqueeze(2)).squeeze(2)
    slope = -(shape[:, 1] / 2 + shape[:, 2] * local[:, 2])
    gradient = torch.cat([local[:, :2], slope[:, None]], 1)
    normal = torch.bmm(gradient.unsqueeze(1), own).squeeze(1)
    return Surface(local, torch.nn.functional.normalize(normal, dim=1))


def surface_points(solids: Solids, image: Tensor, solid: Tensor, local: Tensor, shape: Tensor) -> Tensor:
    """Where the points `local` (N, 3) of solids with `shape` (N, 3) lie on these solids: pixels (N, 3)."""
    own = solids.shape[image, solid]
    t = local[:, 2]
    swell = solids.radius(t, own) / solids.radius(t, shape)
    moved = torch.cat([local[:, :2] * swell[:, None], local[:, 2:]], 1)
    return (solids.axes[image, solid] @ moved.unsqueeze(-1)).squeeze(-1) + solids.centre[image, solid]
