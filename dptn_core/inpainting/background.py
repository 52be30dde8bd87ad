"""What is behind a person: the hole an image has without them, filled with the image's own texture."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final, TypeAlias

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
_AT_ONCE: Final = 1 << 18  # pixels filled at once
_MAX_PIXELS: Final = 1 << 24  # of the surroundings, at which copies are made; larger ones are filled at a smaller size
_MAX_SMOOTH: Final = 1 << 20  # the same, where there is nothing to copy

_Band: TypeAlias = tuple[slice, Tensor]  # rows, and the colours (3, n) of the unknown pixels in them


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
    rows, columns = _around(unknown)
    there = unknown[rows, columns]
    barred = there if avoid is None else there | (avoid[rows, columns].to(image.device) > _HOLE)
    out = image.clone()
    part, opacity = out[:, rows, columns], hole[rows, columns]
    for band, colours in _filled(image[:, rows, columns], there, barred, seed):
        inside = there[band]
        shown = ((opacity[band][inside] - _HOLE) / (_FULL - _HOLE)).clamp(0, 1).to(colours)
        seen = part[:, band][:, inside]
        part[:, band][:, inside] = torch.lerp(seen, colours, shown).clamp(0, 1)
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


def _filled(image: Tensor, unknown: Tensor, barred: Tensor, seed: int) -> Iterator[_Band]:
    """Colours of the unknown pixels of (H, W); from barred ones nothing is copied."""
    factor = max(-(-max(unknown.shape) // _MAX_SIDE), round((int(unknown.sum()) / _MAX_HOLE) ** 0.5))
    if not Patches.can_be_made_of(_all_of(~barred, factor)):
        return _smooth(image, unknown)
    coarser = _coarseness(unknown, _MAX_PIXELS)
    if coarser == 1:
        return _copied(image, unknown, barred, factor, seed) or _smooth(image, unknown)
    small = _means(image, coarser)
    small_unknown, small_barred = (~_all_of(~mask, coarser).to(image.device) for mask in (unknown, barred))
    filled = small.clone()
    for band, colours in _filled(small, small_unknown, small_barred, seed):
        filled[:, band][:, small_unknown[band]] = colours
    return _enlarged(filled, unknown, coarser)


def _smooth(image: Tensor, unknown: Tensor) -> Iterator[_Band]:
    """The same from a smooth surface, which is found in a small image."""
    factor = _coarseness(unknown, _MAX_SMOOTH)
    known = _means((~unknown)[None].to(image), factor)
    sums = torch.cat([_means(torch.where(unknown, 0, plane)[None], factor) for plane in image])
    return _enlarged(smooth_fill(sums / known.clamp(min=1e-9), known[0] > 0), unknown, factor)


def _coarseness(unknown: Tensor, pixels: int) -> int:
    """By how much an image is to be scaled down to have at most so many pixels."""
    return math.ceil((unknown.numel() / pixels) ** 0.5)


def _enlarged(small: Tensor, unknown: Tensor, factor: int) -> Iterator[_Band]:
    """Colours of the unknown pixels (H, W) from an image (3, h, w) that is `factor` times smaller."""
    height, width = small.shape[1:]
    for rows, places in _bands(unknown):
        at = (places + 0.5) / factor - 0.5
        (top, bottom, down), (left, right, across) = (_between(at[:, 0], height), _between(at[:, 1], width))
        upper = torch.lerp(small[:, top, left], small[:, top, right], across)
        lower = torch.lerp(small[:, bottom, left], small[:, bottom, right], across)
        yield rows, torch.lerp(upper, lower, down)


def _between(place: Tensor, length: int) -> tuple[Tensor, Tensor, Tensor]:
    """The pixels before and after places (N,) of a line, and how far each is from one to the other."""
    place = place.clamp(0, length - 1)
    before = place.long()
    return before, (before + 1).clamp(max=length - 1), place - before


def _bands(unknown: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Rows of (H, W), few at once, and the y, x of the unknown pixels in them, (n, 2); not those without any."""
    step = max(1, _AT_ONCE // unknown.shape[1])
    for start in range(0, len(unknown), step):
        rows = slice(start, start + step)
        places = unknown[rows].nonzero()
        if len(places):
            places[:, 0] += start
            yield rows, places


def _clear(free: Tensor) -> Tensor:
    """(h, w) places around which enough is free to copy from."""
    side = 2 * _CLEAR + 1
    return functional.max_pool2d((~free).float()[None, None], side, stride=1, padding=_CLEAR)[0, 0] == 0


def _all_of(mask: Tensor, factor: int) -> Tensor:
    """(h, w) whether a mask is True in all of each square of `factor` pixels a side; on the CPU."""
    return functional.max_pool2d((~mask)[None].float(), factor, ceil_mode=True)[0].cpu() == 0


def _means(image: Tensor, factor: int) -> Tensor:
    """Means (C, h, w) of squares of `factor` pixels a side, smaller at the right and the lower edge."""
    return functional.avg_pool2d(image[None], factor, ceil_mode=True, count_include_pad=False)[0]


def _copied(image: Tensor, unknown: Tensor, barred: Tensor, factor: int, seed: int) -> Iterator[_Band] | None:
    """The same from copies of what is known; None where none of it goes on what is around the hole."""
    known, free = (_all_of(~mask, factor) for mask in (unknown, barred))
    small = _means(image, factor).permute(1, 2, 0).cpu() * known[..., None]
    generator = torch.Generator().manual_seed(seed)
    patches = Patches(small, known, free)
    look = Look(small, known, patches.rarity(known.shape, generator))
    moves = labelled(look, small, _clear(free), likely_moves(patches, generator), generator)
    if moves is None:
        return None
    corrections = corrected(small, known, moves).to(image.device)
    moves = aligned_moves(image, known, moves, factor, factor // 2).to(image.device)
    return _moved(image, unknown, known.to(image.device), factor, moves, corrections)


def _moved(
    image: Tensor, unknown: Tensor, known: Tensor, factor: int, moves: Tensor, corrections: Tensor
) -> Iterator[_Band]:
    """Colours of the unknown pixels, from the up to four copies around each.

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
    for band, part in _bands(unknown):
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
                there = image[:, source[:, 0].clamp(0, height - 1), source[:, 1].clamp(0, width - 1)]
                total += (there + corrections[one].T) * weight
                weights += weight
        yield band, total / weights
