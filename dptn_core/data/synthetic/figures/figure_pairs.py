"""Pairs of drawn people: one figure in two poses, with everything about them known exactly."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ..synthetic_pairs import SyntheticPairs, by_side, pair_seeds
from .kinematics import Skeleton3D, draw_joint_angles, draw_proportions, draw_turns, pose_skeleton
from .painting import draw_backgrounds, draw_style, paint
from .seeded_numbers import Draws
from .solids import Hits, Solids, cast_rays, surface_at, surface_points
from .textures import draw_decals, draw_textures
from .wardrobe import draw_outfit, dress

TEST_SEED = 2022
TEST_PAIRS = 500

# Names of the drawn skeleton's joints in OpenPose order; the neck is the midpoint of the shoulders, as OpenPose has it.
_JOINTS = (
    "nose",
    "neck",
    *(f"right_{name}" for name in ("shoulder", "elbow", "wrist")),
    *(f"left_{name}" for name in ("shoulder", "elbow", "wrist")),
    *(f"right_{name}" for name in ("hip", "knee", "ankle")),
    *(f"left_{name}" for name in ("hip", "knee", "ankle")),
    "right_eye",
    "left_eye",
    "right_ear",
    "left_ear",
)
# How deep under the skin a joint sits, in statures (head joints lie on it).
_JOINT_DEPTH = (0.02, 0.09, *(0.05, 0.04, 0.03) * 2, *(0.1, 0.06, 0.04) * 2, 0.02, 0.02, 0.06, 0.06)


def draw_pairs(
    seeds: Tensor, size: tuple[int, int], *, oversampling: int = 2, pose_seeds: Tensor | None = None
) -> SyntheticPairs:
    """Draw one pair for each seed; the same seed gives the same pair in any batch.

    Args:
        seeds: (B,) int64, on the device to draw on.
        size: (H, W) in pixels, at least 16 each.
        oversampling: rays a pixel and direction for the colours.
        pose_seeds: (B,) int64 to draw the figures of `seeds` in other poses; see `Draws`.

    Raises:
        ValueError: the size is too small.
    """
    if min(size) < 16:
        raise ValueError(f"size must be at least 16 x 16 pixels to draw a figure, got {size[0]} x {size[1]}")
    draws = Draws(seeds, pose_seeds)
    body, outfit = draw_proportions(draws), draw_outfit(draws)
    turns = draw_turns(draws)
    poses = [pose_skeleton(body, draw_joint_angles(draws, n, turns[:, i])) for i, n in enumerate(("source", "target"))]
    both = Skeleton3D(
        {k: torch.cat([p.positions[k] for p in poses]) for k in poses[0].positions},
        {k: torch.cat([p.frames[k] for p in poses]) for k in poses[0].frames},
    )
    in_statures, materials = dress(body.twice(), outfit.twice(), both)
    scale, offset = _camera(draws, both, body.head, size)
    solids = in_statures.placed(scale, offset)
    hits = cast_rays(solids, size)

    joints = torch.stack([_joint(both, name) for name in _JOINTS], 1) * scale[:, None, None] + offset[:, None]
    present, visible = _joint_visibility(draws, joints, hits, scale, size)
    batch = len(seeds)
    correspondence, seen = _correspond(solids, hits, batch, size, scale)

    fine = (size[0] * oversampling, size[1] * oversampling)
    zoom = torch.full_like(scale, oversampling)
    fine_solids = solids.placed(zoom, torch.zeros_like(offset))
    textures = draw_textures(draws)
    image = paint(
        fine_solids,
        materials,
        cast_rays(fine_solids, fine),
        textures,
        draw_decals(draws, textures),
        draw_style(draws),
        draw_backgrounds(draws, size),
        oversampling,
    )
    known = {"keypoints": joints[..., :2], "present": present, "visible": visible, "mask": hits.solid_map >= 0}
    return SyntheticPairs(
        **by_side(image * 2 - 1, **known),
        correspondence=correspondence,
        seen=seen,
    )


def draw_pair_batches(
    seed: int, size: tuple[int, int], batch: int, *, first: int = 0, device: torch.device | str = "cpu"
) -> Iterator[SyntheticPairs]:
    """The endless set number `seed`, batch by batch, from pair `first` on."""
    while True:
        yield draw_pairs(pair_seeds(seed, first, batch, device), size)
        first += batch


def _joint(bones: Skeleton3D, name: str) -> Tensor:
    if name == "neck":
        return (bones.positions["right_shoulder"] + bones.positions["left_shoulder"]) / 2
    return bones.positions[name]


def _camera(draws: Draws, bones: Skeleton3D, head: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Scale (2B,) in pixels a stature and offset (2B, 3) that frame source and target.

    Most pairs share one camera, as two poses on one canvas do; some are framed one by one, and some are cropped.
    """
    height, width = size
    places = torch.stack(list(bones.positions.values()), 1)[..., :2]
    crown = bones.positions["head"][:, None, :2] + torch.cat([head, head])[:, None, None] * places.new_tensor(
        [[[0.55, 0.6], [-0.55, 0.6], [0.55, -0.62], [-0.55, -0.62]]]
    )
    places = torch.cat([places, crown], 1)
    low, high = places.amin(1) - 0.02, places.amax(1) + 0.02  # (2B, 2)
    first_low, second_low = low.chunk(2)
    first_high, second_high = high.chunk(2)
    shared = draws.chance("camera.shared", 0.7)[:, None]
    # two poses on one canvas stand at about the same spot, not exactly
    low = torch.cat([torch.where(shared, torch.minimum(first_low, second_low), v) for v in (first_low, second_low)])
    high = torch.cat(
        [torch.where(shared, torch.maximum(first_high, second_high), v) for v in (first_high, second_high)]
    )

    def each(name: str, a: float, b: float, *shape: int) -> Tensor:
        """One number for both images of a shared camera, two numbers otherwise."""
        values = draws.between(name, a, b, 2, *shape)
        second = torch.where(shared.view(-1, *[1] * len(shape)), values[:, 0], values[:, 1])
        return torch.cat([values[:, 0], second])

    cropped = draws.chance("camera.cropped", 0.22).repeat(2)
    fill = torch.where(cropped, each("camera.close", 1.0, 1.9), each("camera.fill", 0.74, 0.98))
    extent = high - low
    scale = fill * torch.minimum(height / extent[:, 1], width / extent[:, 0])
    frame = scale.new_tensor([width, height])
    slack = frame - extent * scale[:, None]
    # close crops look at the upper body more often than at the feet
    share = each("camera.share", 0.0, 1.0, 2)
    lean = torch.where(cropped, 0.5, 1.0)
    share = torch.stack([share[:, 0], share[:, 1] * lean], 1)
    share = torch.where(slack < 0, share, 0.5 + (share - 0.5) * 0.8)
    corner = slack * share - low * scale[:, None]
    return scale, torch.cat([corner, torch.zeros_like(corner[:, :1])], 1)


def _look_up(image: Tensor, xy: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Values of (B, H, W) images at pixel places (B, N, 2), and which places are inside, both (B, N)."""
    height, width = size
    x, y = xy[..., 0].floor().long(), xy[..., 1].floor().long()
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    flat = (y.clamp(0, height - 1) * width + x.clamp(0, width - 1)).clamp(0, height * width - 1)
    return image.flatten(1).gather(1, flat), inside


def _joint_visibility(
    draws: Draws, joints: Tensor, hits: Hits, scale: Tensor, size: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """Which joints a detector reports and which really show, both (2B, 18)."""
    front, inside = _look_up(hits.depth_map, joints[..., :2], size)
    depth = joints.new_tensor(_JOINT_DEPTH)
    visible = inside & (front < joints[..., 2] + depth * scale[:, None] * 1.25 + 1.0)
    # Detectors guess hidden body joints most of the time, but not a face seen from behind.
    guessed = draws.chance("keypoints.guessed", 0.85, 2, 18).transpose(0, 1).flatten(0, 1)
    guessed = (
        guessed & (torch.arange(18, device=joints.device) % 18 < 14) & (torch.arange(18, device=joints.device) > 0)
    )
    missed = draws.chance("keypoints.missed", 0.015, 2, 18).transpose(0, 1).flatten(0, 1)
    present = (visible | (inside & guessed)) & ~missed
    return present, visible & present


def _correspond(solids: Solids, hits: Hits, batch: int, size: tuple[int, int], scale: Tensor) -> tuple[Tensor, Tensor]:
    """For each target pixel its place in the source and whether the source shows it: (B, H, W, 2), (B, H, W)."""
    height, width = size
    device = hits.depth_map.device
    ys, xs = torch.meshgrid(
        torch.arange(height, device=device) + 0.5, torch.arange(width, device=device) + 0.5, indexing="ij"
    )
    place = torch.stack([xs, ys], -1).expand(batch, -1, -1, -1).flatten(1, 2).clone()
    background = hits.solid_map < 0
    seen = (background[:batch] & background[batch:]).flatten(1)

    target = hits.image >= batch
    image, pixel, solid, depth = (v[target] for v in (hits.image, hits.pixel, hits.solid, hits.depth))
    points = torch.stack([pixel % width + 0.5, pixel // width + 0.5, depth], 1)
    inverse = solids.inverse_axes()
    local = surface_at(solids, inverse, image, solid, points).local
    in_source = image - batch
    moved = surface_points(solids, in_source, solid, local, solids.shape[image, solid])
    facing = surface_at(solids, inverse, in_source, solid, moved).normal[:, 2] > 0.05
    x, y = moved[:, 0].floor().long(), moved[:, 1].floor().long()
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    x, y = x.clamp(0, width - 1), y.clamp(0, height - 1)
    same = hits.solid_map[in_source, y, x] == solid
    near = (hits.depth_map[in_source, y, x] - moved[:, 2]).abs() < 0.015 * scale[in_source]
    place[in_source, pixel] = moved[:, :2]
    seen[in_source, pixel] = inside & facing & (same | near)
    return place.view(batch, height, width, 2), seen.view(batch, height, width)
