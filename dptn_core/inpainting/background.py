"""What is behind a person: the hole an image has without them, filled with the image's own texture."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from .alignment import aligned_moves
from .labelling import labelled
from .look import Look
from .moves import likely_moves
from .patches import Patches
from .seams import corrected
from .smooth import smooth_fill

_HOLE: Final = 0.05  # above it a pixel is unknown
_FULL: Final = 0.5  # from here on only the fill is seen
_MAX_SIDE: Final = 256  # pixels of the longer side of what is searched
_MAX_HOLE: Final = 10_000  # pixels of its hole, about
_SURROUNDINGS: Final = 1.0  # of the hole's larger side, on each side of it
_CLEAR: Final = 3  # small pixels around what is copied that are known too: one for each alignment, one to blend
_AT_ONCE: Final = 1 << 18  # pixels copied at once


def fill_background(image: Tensor, hole: Tensor, *, avoid: Tensor | None = None, seed: int = 0) -> Tensor:
    """An image whose hole is filled so that it goes on behind it.

    Args:
        image: (3, H, W) float32 in [0, 1], RGB, on any device.
        hole: (H, W), 0 to 1; above 0.05 the image is unknown and none of it is used, from 0.5 on nothing of it is
            seen, between the two it goes over into the fill. The caller has made it wider than what is to vanish.
        avoid: (H, W), 0 to 1; what is above 0.05 stays but is not copied: other people, who would appear twice.
        seed: Of the search; the same seed gives the same image.

    Returns:
        (3, H, W) float32 in [0, 1], on the image's device; where `hole` is at most 0.05 it is `image`, bit by bit.
        Where nothing at all is known it is the mean colour of `image`.

    Raises:
        ValueError: One of them is not as described.
    """
    _check(image, "hole", hole)
    if avoid is not None:
        _check(image, "avoid", avoid)
    image, hole = image.detach(), hole.detach().to(image.device)
    unknown = hole > _HOLE
    if not unknown.any():
        return image.clone()
    if unknown.all():
        return image.mean(dim=(1, 2), keepdim=True).expand_as(image).clone()
    part = _around(unknown)
    out = image.clone()
    cut, there = out[(slice(None), *part)], unknown[part]
    barred = there if avoid is None else there | (avoid[part].to(image.device) > _HOLE)
    filled = _filled(cut, there, barred, seed)
    shown = ((hole[part][there] - _HOLE) / (_FULL - _HOLE)).clamp(0, 1)
    cut[:, there] = torch.lerp(cut[:, there], filled, shown.to(filled)).clamp(0, 1)
    return out


def _check(image: Tensor, name: str, mask: Tensor) -> None:
    if image.ndim != 3 or image.shape[0] != 3 or image.dtype != torch.float32 or image.numel() == 0:
        raise ValueError(
            f"fill_background: image is {tuple(image.shape)} {image.dtype}; give (3, height, width) of float32"
        )
    if mask.shape != image.shape[1:]:
        raise ValueError(
            f"fill_background: {name} is {tuple(mask.shape)}, the image {tuple(image.shape)}; give one number a pixel"
        )


def _around(unknown: Tensor) -> tuple[slice, slice]:
    """Rows and columns of the hole with its surroundings."""
    rows, columns = unknown.any(dim=1).nonzero()[:, 0], unknown.any(dim=0).nonzero()[:, 0]
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    left, right = int(columns[0]), int(columns[-1]) + 1
    margin = max(int(_SURROUNDINGS * max(bottom - top, right - left)), 32)
    return slice(max(top - margin, 0), bottom + margin), slice(max(left - margin, 0), right + margin)


def _filled(image: Tensor, unknown: Tensor, barred: Tensor, seed: int) -> Tensor:
    """(3, N) for each unknown pixel of (H, W); from barred ones nothing is copied."""
    factor = max(-(-max(unknown.shape) // _MAX_SIDE), round((int(unknown.sum()) / _MAX_HOLE) ** 0.5))
    known, free = (_all_of(~mask, factor) for mask in (unknown, barred))
    if not Patches.can_be_made_of(free):
        return smooth_fill(image, ~unknown)[:, unknown]
    small = _reduced(image, factor) * known[..., None]
    generator = torch.Generator().manual_seed(seed)
    patches = Patches(small, known, free)
    look = Look(small, known, patches.rarity(known.shape, generator))
    moves = labelled(look, small, _clear(free), likely_moves(patches, generator), generator)
    if moves is None:
        return smooth_fill(image, ~unknown)[:, unknown]
    corrections = corrected(small, known, moves).to(image.device)
    moves = aligned_moves(image, known, moves, factor, factor // 2).to(image.device)
    return _copied(image, unknown, known.to(image.device), factor, moves, corrections)


def _clear(free: Tensor) -> Tensor:
    """(h, w) places around which enough is free to copy from."""
    side = 2 * _CLEAR + 1
    return functional.max_pool2d((~free).float()[None, None], side, stride=1, padding=_CLEAR)[0, 0] == 0


def _all_of(mask: Tensor, factor: int) -> Tensor:
    """(h, w) whether a mask is True in all of each square of `factor` pixels a side; on the CPU."""
    pad = (0, -mask.shape[1] % factor, 0, -mask.shape[0] % factor)
    return functional.max_pool2d(functional.pad((~mask)[None].float(), pad), factor)[0].cpu() == 0


def _reduced(image: Tensor, factor: int) -> Tensor:
    """Means (h, w, 3) of squares of `factor` pixels a side; on the CPU."""
    pad = (0, -image.shape[2] % factor, 0, -image.shape[1] % factor)
    means = functional.avg_pool2d(functional.pad(image, pad)[None], factor)[0]
    share = functional.avg_pool2d(functional.pad(torch.ones_like(image[:1]), pad)[None], factor)[0]
    return (means / share).permute(1, 2, 0).cpu()


def _copied(image: Tensor, unknown: Tensor, known: Tensor, factor: int, moves: Tensor, corrections: Tensor) -> Tensor:
    """Colours (3, N) of the unknown pixels, from the up to four copies around each.

    Args:
        image: (3, H, W).
        unknown: (H, W).
        known: (h, w) of squares of `factor` pixels.
        moves: (n, 2) y, x in pixels of the image for each square that is not known.
        corrections: (n, 3) to add to their colours.
    """
    height, width = unknown.shape
    rows, columns = known.shape
    number = torch.full((rows * columns,), -1, device=image.device)
    number[~known.flatten()] = torch.arange(len(moves), device=image.device)
    flat = image.flatten(1)
    answers = []
    for part in unknown.nonzero().split(_AT_ONCE):
        cell = (part + 0.5) / factor - 0.5
        first = cell.floor()
        share = cell - first
        total = image.new_zeros(3, len(part))
        weights = image.new_zeros(len(part))
        for down in (0, 1):
            for across in (0, 1):
                y = (first[:, 0].long() + down).clamp(0, rows - 1)
                x = (first[:, 1].long() + across).clamp(0, columns - 1)
                one = number[y * columns + x]
                weight = (share[:, 0] if down else 1 - share[:, 0]) * (share[:, 1] if across else 1 - share[:, 1])
                weight = weight * (one >= 0)
                one = one.clamp(min=0)
                source = part + moves[one]
                index = source[:, 0].clamp(0, height - 1) * width + source[:, 1].clamp(0, width - 1)
                total += (flat[:, index] + corrections[one].T) * weight
                weights += weight
        answers.append(total / weights)
    return torch.cat(answers, dim=1)
