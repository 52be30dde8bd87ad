"""What is behind a person: the hole an image has without them, filled with the image's own texture."""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from .alignment import aligned_moves
from .labelling import labelled
from .moves import likely_moves
from .seams import corrected
from .smooth import smooth_fill

_HOLE: Final = 0.05  # above it a pixel is unknown
_FULL: Final = 0.5  # from here on only the fill is seen
_LONGEST: Final = 256  # pixels of the longer side of what is searched
_LARGEST: Final = 10_000  # pixels of its hole, about
_SURROUNDINGS: Final = 1.0  # of the hole's larger side, on each side of it
_CLEAR: Final = 3  # small pixels around what is copied that are known too: one for each alignment, one to blend
_AT_ONCE: Final = 1 << 18  # pixels copied at once


class _Part(NamedTuple):
    """A rectangle of the image: rows and columns."""

    top: int
    bottom: int
    left: int
    right: int


def fill_background(image: Tensor, hole: Tensor, *, seed: int = 0) -> Tensor:
    """An image whose hole is filled so that it goes on behind it.

    Args:
        image: (3, H, W) float32 in [0, 1], RGB, on any device.
        hole: (H, W), 0 to 1; above 0.05 the image is unknown and none of it is used, from 0.5 on nothing of it is
            seen, between the two it goes over into the fill. The caller has made it wider than what is to vanish.
        seed: Of the search; the same seed gives the same image.

    Returns:
        (3, H, W) float32 in [0, 1], on the image's device; where `hole` is at most 0.05 it is `image`, bit by bit.
        Where nothing at all is known it is the mean colour of `image`.

    Raises:
        ValueError: The two are not as described.
    """
    _check(image, hole)
    unknown = hole > _HOLE
    if not unknown.any():
        return image.clone()
    if unknown.all():
        return image.mean(dim=(1, 2), keepdim=True).expand_as(image).clone()
    part = _around(unknown)
    out = image.clone()
    cut = out[:, part.top : part.bottom, part.left : part.right]
    there = unknown[part.top : part.bottom, part.left : part.right]
    filled = _filled(cut, there, seed)
    shown = ((hole[part.top : part.bottom, part.left : part.right][there] - _HOLE) / (_FULL - _HOLE)).clamp(0, 1)
    cut[:, there] = torch.lerp(cut[:, there], filled, shown.to(filled)).clamp(0, 1)
    return out


def _check(image: Tensor, hole: Tensor) -> None:
    if image.ndim != 3 or image.shape[0] != 3 or image.dtype != torch.float32 or image.numel() == 0:
        raise ValueError(
            f"fill_background: image is {tuple(image.shape)} {image.dtype}; give (3, height, width) of float32"
        )
    if hole.shape != image.shape[1:]:
        raise ValueError(
            f"fill_background: hole is {tuple(hole.shape)}, the image {tuple(image.shape)}; give one number a pixel"
        )


def _around(unknown: Tensor) -> _Part:
    """The hole with its surroundings."""
    rows, columns = unknown.any(dim=1).nonzero()[:, 0], unknown.any(dim=0).nonzero()[:, 0]
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    left, right = int(columns[0]), int(columns[-1]) + 1
    margin = max(int(_SURROUNDINGS * max(bottom - top, right - left)), 32)
    height, width = unknown.shape
    return _Part(max(top - margin, 0), min(bottom + margin, height), max(left - margin, 0), min(right + margin, width))


def _filled(image: Tensor, unknown: Tensor, seed: int) -> Tensor:
    """(3, N) for each unknown pixel."""
    factor = max(-(-max(unknown.shape) // _LONGEST), round((int(unknown.sum()) / _LARGEST) ** 0.5))
    small, known = _reduced(image, unknown, factor)
    sources = _sources(known)
    generator = torch.Generator().manual_seed(seed)
    moves = labelled(small, known, sources, likely_moves(small, known, sources, generator), generator)
    if moves is None:
        return smooth_fill(image, ~unknown)[:, unknown]
    corrections = corrected(small, known, moves).to(image.device)
    moves = aligned_moves(image, known, moves, factor, factor // 2).to(image.device)
    return _copied(image, unknown, known.to(image.device), factor, moves, corrections)


def _sources(known: Tensor) -> Tensor:
    """(h, w) places around which enough is known to copy from."""
    side = 2 * _CLEAR + 1
    return functional.max_pool2d((~known).float()[None, None], side, stride=1, padding=_CLEAR)[0, 0] == 0


def _reduced(image: Tensor, unknown: Tensor, factor: int) -> tuple[Tensor, Tensor]:
    """Means (h, w, 3) of squares of `factor` pixels a side, and whether all of each is known (h, w); on the CPU."""
    pad = (0, -unknown.shape[1] % factor, 0, -unknown.shape[0] % factor)
    there = functional.pad(torch.ones_like(unknown)[None, None].float(), pad)
    share = functional.avg_pool2d(there, factor)[0]
    small = functional.avg_pool2d(functional.pad(image[None], pad), factor)[0] / share
    hole = functional.max_pool2d(functional.pad(unknown[None, None].float(), pad), factor)[0, 0]
    known = (hole == 0).cpu()
    return small.permute(1, 2, 0).cpu() * known[..., None], known


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
