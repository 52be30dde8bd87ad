"""Rigid candidates for where a target pixel comes from: one small affine map per body part, from two skeletons.

A limb moves like a rigid thing, so the two ends of it in source and target say where each of its pixels went. The
maps are analytic: they can be evaluated at any resolution, and what they move keeps its shape. Coordinates are in
units of the frame's height: x in [0, width / height], y in [0, 1].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

# Ends of the limbs that have a map of their own: arms, then legs; OpenPose joints.
LIMBS: Final = ((2, 3), (3, 4), (5, 6), (6, 7), (8, 9), (9, 10), (11, 12), (12, 13))
_ENDS: Final = (1, 3, 5, 7)  # limbs with a hand or a foot beyond them
_GROUPS: Final = ((2, 5, 8, 11), (1, 2, 5), (1, 8, 11), (0, 1, 14, 15, 16, 17))  # trunk, shoulders, hips, head
_LENGTHS: Final = (*LIMBS, (2, 5), (8, 11), (2, 8), (5, 11))  # that say how large a person is

CANDIDATES: Final = (
    *("right upper arm", "right forearm", "left upper arm", "left forearm"),
    *("right thigh", "right shin", "left thigh", "left shin"),
    *("right hand", "left hand", "right foot", "left foot"),
    *("trunk", "shoulders", "hips", "head", "background"),
)
# The part (index into `data.synthetic.pairs.PARTS`) that each candidate moves.
PART_OF: Final = (3, 4, 6, 7, 9, 10, 12, 13, 5, 8, 11, 14, 2, 2, 2, 1, 0)
# The same candidates of a mirrored person.
MIRRORED: Final = (2, 3, 0, 1, 6, 7, 4, 5, 9, 8, 11, 10, 12, 13, 14, 15, 16)

# Lines of the body that nearness is measured to, and the one that belongs to each candidate but the background.
LINES: Final = (*LIMBS, (2, 11), (5, 8), (2, 5), (8, 11), (1, 0), (16, 17))
LINE_OF: Final = (0, 1, 2, 3, 4, 5, 6, 7, 1, 3, 5, 7, 8, 10, 11, 12)

_MIN_LENGTH: Final = 0.01  # of the frame's height: a shorter limb points at the camera and has no direction
_SIZES: Final = (0.2, 5.0)  # how much larger or smaller a person may be
_STRETCH: Final = 4.0  # how much a limb may be foreshortened
_GROUP_STRETCH: Final = 1.6
_HEAD: Final = 0.5  # how far a head, which turns and nods, takes the person's size for its own
_FIRM: Final = 1e-3  # pulls the trunk's affine map to a similarity where joints leave it open


@dataclass(frozen=True)
class LimbTransforms:
    """K = len(CANDIDATES) maps, target place -> matrix @ place + offset = source place, of B pairs of poses."""

    matrix: Tensor  # (B, K, 2, 2)
    offset: Tensor  # (B, K, 2)
    exists: Tensor  # (B, K) bool: both poses show the joints it is made of

    def at(self, places: Tensor) -> Tensor:
        """Source places (B, K, H, W, 2) of target places (H, W, 2)."""
        moved = torch.einsum("bkij,hwj->bkhwi", self.matrix, places)
        return moved + self.offset[:, :, None, None]


def limb_transforms(target: Tensor, source: Tensor, background: tuple[Tensor, Tensor] | None = None) -> LimbTransforms:
    """The candidates of pairs of poses.

    Args:
        target: (B, 18, 3) x, y in frame heights, and above 0 where the joint is known.
        source: (B, 18, 3) likewise, in the source's frame.
        background: matrix (2, 2) and offset (2,) of what stands still; None: the frames are the same.
    """
    both = (target[..., 2] > 0) & (source[..., 2] > 0)
    to, back = target[..., :2], source[..., :2]
    lengths = torch.tensor(_LENGTHS, device=target.device)
    shown = both[:, lengths].all(-1)
    along_target, along_source = (xy[:, lengths[:, 1]] - xy[:, lengths[:, 0]] for xy in (to, back))
    size = _relative_size(along_target, along_source, shown)
    maps = []
    for limb, (start, end) in enumerate(LIMBS):
        exists = shown[:, limb] & (along_target[:, limb].norm(dim=-1) > _MIN_LENGTH)
        exists = exists & (along_source[:, limb].norm(dim=-1) > _MIN_LENGTH)
        matrix = _limb_matrix(along_target[:, limb], along_source[:, limb], size, stretched=True)
        middles = (to[:, start] + to[:, end]) / 2, (back[:, start] + back[:, end]) / 2
        maps.append((matrix, _offset(matrix, *middles), exists))
    for limb in _ENDS:  # hands and feet: turned like the limb before them, not foreshortened with it
        end = LIMBS[limb][1]
        matrix = _limb_matrix(along_target[:, limb], along_source[:, limb], size, stretched=False)
        maps.append((matrix, _offset(matrix, to[:, end], back[:, end]), maps[limb][2]))
    maps += _group_maps(to, back, both, size)
    matrix, offset = background or (torch.eye(2), torch.zeros(2))
    batch = len(target)
    everywhere = torch.ones(batch, dtype=torch.bool, device=target.device)
    maps.append((matrix.to(to).expand(batch, 2, 2), offset.to(to).expand(batch, 2), everywhere))
    matrices, offsets, exist = zip(*maps, strict=True)
    return LimbTransforms(torch.stack(matrices, 1), torch.stack(offsets, 1), torch.stack(exist, 1))


def nearness(pose: Tensor, places: Tensor, reach: float = 0.05) -> Tensor:
    """How near places are to each line of the body, (B, len(LINES), H, W): 1 on it, falling by e every `reach`.

    Args:
        pose: (B, 18, 3) as in `limb_transforms`.
        places: (H, W, 2).
        reach: in frame heights.
    """
    ends = torch.tensor(LINES, device=pose.device)
    start = pose[:, ends[:, 0], :2][:, :, None, None]
    along = pose[:, ends[:, 1], :2][:, :, None, None] - start
    from_start = places - start
    # a little beyond both ends: hands, feet, the crown
    part = ((from_start * along).sum(-1) / along.square().sum(-1).clamp(min=1e-6)).clamp(-0.15, 1.15)
    away = (from_start - part[..., None] * along).norm(dim=-1)
    return torch.exp(-away / reach) * (pose[:, ends, 2] > 0).all(-1)[..., None, None]


def _relative_size(along_target: Tensor, along_source: Tensor, shown: Tensor) -> Tensor:
    """How much larger the source person is, (B,), by the lengths both poses show."""
    ratio = (along_source.square().sum(-1) * shown).sum(1) / (along_target.square().sum(-1) * shown).sum(1).clamp(
        min=1e-6
    )
    return torch.where(shown.any(1), ratio.sqrt().clamp(*_SIZES), torch.ones_like(ratio))


def _limb_matrix(target: Tensor, source: Tensor, size: Tensor, *, stretched: bool) -> Tensor:
    """(B, 2, 2) taking direction `target` (B, 2) to `source`: along the limb by their lengths, across by `size`."""
    lengths = [vector.norm(dim=-1).clamp(min=1e-4) for vector in (target, source)]
    bases = []
    for vector, length in zip((target, source), lengths, strict=True):
        unit = vector / length[:, None]
        bases.append(torch.stack([unit, torch.stack([-unit[:, 1], unit[:, 0]], -1)], -1))
    along = size
    if stretched:
        along = torch.minimum(torch.maximum(lengths[1] / lengths[0], size / _STRETCH), size * _STRETCH)
    return bases[1] @ torch.diag_embed(torch.stack([along, size], -1)) @ bases[0].mT


def _group_maps(to: Tensor, back: Tensor, both: Tensor, size: Tensor) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Maps of trunk, shoulders, hips and head, from more than two joints each."""
    maps = []
    for number, group in enumerate(_GROUPS):
        joints = list(group)
        weight = both[:, joints].to(to)
        count = weight.sum(1)
        middles = [(xy[:, joints] * weight[..., None]).sum(1) / count.clamp(min=1)[:, None] for xy in (to, back)]
        here, there = (
            (xy[:, joints] - middle[:, None]) * weight[..., None]
            for xy, middle in zip((to, back), middles, strict=True)
        )
        if number == 0:
            matrix = _affine(here, there, size)
            exists = count >= 3
        else:
            matrix = _similarity(here, there, size, pull=_HEAD if number == 3 else 0.0)
            exists = count >= 2
        maps.append((matrix, _offset(matrix, middles[0], middles[1]), exists))
    return maps


def _affine(target: Tensor, source: Tensor, size: Tensor) -> Tensor:
    """Least squares (B, 2, 2) taking centred points (B, n, 2) to others, held near an upright similarity."""
    firm = _FIRM * torch.eye(2, device=target.device)
    upright = torch.diag_embed(size[:, None].expand(-1, 2))
    return torch.linalg.solve(target.mT @ target + firm, target.mT @ source + firm @ upright).mT


def _similarity(target: Tensor, source: Tensor, size: Tensor, pull: float) -> Tensor:
    """Least squares turn and size (B, 2, 2) taking centred points (B, n, 2) to others; `pull` to the person's size."""
    norm = target.square().sum((1, 2)).clamp(min=1e-6)
    cosine = (target * source).sum((1, 2)) / norm
    sine = (target[..., 0] * source[..., 1] - target[..., 1] * source[..., 0]).sum(1) / norm
    found = (cosine.square() + sine.square()).sqrt().clamp(min=1e-6)
    # a head or trunk that turns looks narrower, and is not
    held = torch.minimum(torch.maximum(found, size / _GROUP_STRETCH), size * _GROUP_STRETCH)
    held = (held / size) ** (1 - pull) * size / found
    cosine, sine = cosine * held, sine * held
    return torch.stack([cosine, -sine, sine, cosine], -1).view(-1, 2, 2)


def _offset(matrix: Tensor, target: Tensor, source: Tensor) -> Tensor:
    """(B, 2), so that a matrix takes the point `target` to `source`."""
    return source - (matrix @ target[..., None])[..., 0]
