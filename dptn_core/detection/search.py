"""Everybody in an image: peaks of the centre map at two scales, then a closer look at each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..pose.skeleton import FloatArray
from .crops import Square, cut, shrunk, square_around, turned_back
from .movenet import MULTIPLE, MoveNet, central_person, keypoints_at

Check: TypeAlias = Callable[[], None]
"""Called between network runs; raises to interrupt."""

SIZE: Final = 256  # pixels a side of what the network sees of one person
COARSE, FINE, TURNED = 256, 448, 192  # pixels of the image's longer side in which people are looked for
_PEAK: Final = 0.3  # of the centre map
_NEIGHBOURHOOD: Final = 5  # cells in which one peak counts
_MAX_PEOPLE: Final = 10  # people a scale
_FAINT: Final = 0.1  # confidence of a keypoint that may count before anybody has looked closer
_SAME: Final = 0.12  # of a person's size: keypoints that near, in the median, are one person's
_INSIDE: Final = 0.6  # overlap of boxes beyond which a much less sure person is the other one again
_MUCH_LESS: Final = 0.75
_PERSON: Final = 0.45  # mean confidence of the surest keypoints; below it nobody is there
_TURNED_PERSON: Final = 0.55  # the same in a turned image, where more looks mean more chances to be wrong
_SUREST: Final = 8  # keypoints: of a portrait that ends at the hips, the legs say nothing
_REST: Final = 0.4  # of a box in that of somebody painted over
_LIMB: Final = 0.06  # of a person's size: half the thickness of what is painted over
_BLOCKS: Final = 8  # along a limb
# Pairs of COCO's keypoints: arms, legs, the trunk's edges and diagonals, the head.
_LIMBS: Final = (
    *((5, 7), (7, 9), (6, 8), (8, 10), (11, 13), (13, 15), (12, 14), (14, 16)),
    *((5, 6), (5, 11), (6, 12), (11, 12), (5, 12), (6, 11), (0, 5), (0, 6), (3, 4), (0, 3), (0, 4)),
)
_AT_ONCE: Final = 8  # crops


def find_anywhere(network: MoveNet, image: Tensor, check: Check) -> list[FloatArray]:
    """Everybody in an image; if nobody, whoever reaches far beyond it, lies on their side or is upside down.

    Args:
        network: It is run where it is.
        image: (3, H, W) in [0, 1], on the network's device.
        check: Called between network runs.

    Returns:
        (17, 3) a person: x, y in pixels of `image`, confidence; COCO's order. The surest person first.
    """
    people = find(network, image, (COARSE, FINE), check)
    if people:
        return distinct([*people, *_overshadowed(network, image, people, check)])
    # The middle of somebody whose face fills the image lies below it.
    height, width = image.shape[1:]
    beside, below = width // 2, max(height, width)
    people = find(network, functional.pad(image, (beside, beside, 0, below)), (COARSE,), check)
    if people:
        return [person - (beside, 0, 0) for person in people]
    for turns in (1, 3, 2):
        people = find(network, torch.rot90(image, turns, (1, 2)), (TURNED,), check)
        people = [person for person in people if is_person(person, _TURNED_PERSON)]
        if people:
            return [turned_back(person, turns, width, height) for person in people]
    return []


def find(network: MoveNet, image: Tensor, scales: Sequence[int], check: Check) -> list[FloatArray]:
    """Everybody in an image.

    Args:
        network: It is run where it is.
        image: (3, H, W) in [0, 1], on the network's device.
        scales: Lengths of the longer side, in pixels, at which people are looked for.
        check: Called between network runs.

    Returns:
        (17, 3) a person: x, y in pixels of `image`, confidence; COCO's order. The surest person first.
    """
    candidates: list[FloatArray] = []
    for scale in scales:
        check()
        candidates += [one for one in _peaks(network, image, scale) if not _known(one, candidates)]
    squares = [square for one in candidates if (square := square_around(one, _FAINT)) is not None]
    first = look(network, image, squares, check)
    again = [square_around(one) or square for one, square in zip(first, squares, strict=True)]
    second = look(network, image, again, check)
    people = [_better(one, other) for one, other in zip(first, second, strict=True)]
    return distinct(people)


def _overshadowed(network: MoveNet, image: Tensor, people: Sequence[FloatArray], check: Check) -> list[FloatArray]:
    """Those whom the network does not see beside others: it was made for one person, and drops whoever stands near."""
    others = find(network, _painted_over(image, people), (COARSE,), check)
    found = []
    for other in others:
        if any(_covered(other, person) > _REST for person in people):
            continue  # what the paint has left of somebody
        # what was painted over may have hidden an arm
        square = square_around(other)
        (again,) = look(network, image, [square], check) if square is not None else (other,)
        same = _known(again, [other]) and not _known(again, people)
        found.append(_better(other, again) if same else other)
    return found


def _painted_over(image: Tensor, people: Sequence[FloatArray]) -> Tensor:
    """The image without some people: blocks of its mean colour along their limbs."""
    painted = image.clone()
    colour = image.mean(dim=(1, 2))[:, None, None]
    for person in people:
        seen = person[:, 2] >= _FAINT
        half = _LIMB * np.ptp(person[seen, :2], axis=0).max()
        for one, other in _LIMBS:
            if not (seen[one] and seen[other]):
                continue
            for x, y in np.linspace(person[one, :2], person[other, :2], _BLOCKS):
                left, top, right, bottom = (max(0, int(edge)) for edge in (x - half, y - half, x + half, y + half))
                painted[:, top : bottom + 1, left : right + 1] = colour
    return painted


def look(network: MoveNet, image: Tensor, squares: Sequence[Square], check: Check) -> list[FloatArray]:
    """The person in the middle of each square, in pixels of the image; see `find`."""
    found = []
    for start in range(0, len(squares), _AT_ONCE):
        check()
        some = squares[start : start + _AT_ONCE]
        maps = network(torch.stack([cut(image, square, SIZE) for square in some]))
        for number, square in enumerate(some):
            points = central_person(maps, number).double().cpu().numpy()
            points = turned_back(points, square.turns, SIZE, SIZE)
            points[:, :2] = points[:, :2] * (square.side / SIZE) + (square.left, square.top)
            found.append(points)
    return found


def sureness(person: FloatArray) -> float:
    """Mean confidence of a person's keypoints."""
    return float(person[:, 2].mean())


def is_person(person: FloatArray, least: float = _PERSON) -> bool:
    """Whether what the network says of a place is enough to call it a person."""
    return float(np.sort(person[:, 2])[-_SUREST:].mean()) >= least


def distinct(people: Sequence[FloatArray]) -> list[FloatArray]:
    """Those who are people, each once, the surest first."""
    kept: list[FloatArray] = []
    for person in sorted(people, key=sureness, reverse=True):
        if is_person(person) and not _known(person, kept) and not any(_shadows(other, person) for other in kept):
            kept.append(person)
    return kept


def _peaks(network: MoveNet, image: Tensor, long_side: int) -> list[FloatArray]:
    """Rough keypoints of everybody whose centre the network sees at one scale."""
    height, width = image.shape[1:]
    scale = long_side / max(height, width)
    size = max(1, round(height * scale)), max(1, round(width * scale))
    padding = -size[1] % MULTIPLE, -size[0] % MULTIPLE
    maps = network(functional.pad(shrunk(image, size), (0, padding[0], 0, padding[1]))[None])
    centre = maps.centre[0]
    highest = functional.max_pool2d(centre[None], _NEIGHBOURHOOD, 1, _NEIGHBOURHOOD // 2)[0]
    places = ((highest == centre) & (centre > _PEAK))[0].nonzero()
    scores = centre[0, places[:, 0], places[:, 1]]
    found: list[FloatArray] = []
    for row, column in places[scores.argsort(descending=True)][:_MAX_PEOPLE].tolist():
        points = keypoints_at(maps, 0, (row, column)).double().cpu().numpy()
        points[:, :2] *= (width / size[1], height / size[0])
        if not _known(points, found):
            found.append(points)
    return found


def _better(first: FloatArray, second: FloatArray) -> FloatArray:
    """The second look, unless it sees less."""
    return second if sureness(second) >= sureness(first) else first


def _covered(person: FloatArray, by: FloatArray) -> float:
    """Fraction of the smaller one's box that lies in the other's."""
    (low, high), (other_low, other_high) = _box(person), _box(by)
    common = np.prod(np.clip(np.minimum(high, other_high) - np.maximum(low, other_low), 0, None))
    return float(common / max(1.0, min(np.prod(high - low), np.prod(other_high - other_low))))


def _shadows(person: FloatArray, other: FloatArray) -> bool:
    """Whether another is but a doubtful second reading of a person, such as one with left and right exchanged."""
    (low, high), (other_low, other_high) = _box(person), _box(other)
    common = np.prod(np.clip(np.minimum(high, other_high) - np.maximum(low, other_low), 0, None))
    union = np.prod(high - low) + np.prod(other_high - other_low) - common
    return bool(common > _INSIDE * union) and sureness(other) < _MUCH_LESS * sureness(person)


def _box(person: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Upper left and lower right corner around the surest keypoints."""
    xy = person[person[:, 2].argsort()[-_SUREST:], :2]
    return xy.min(axis=0), xy.max(axis=0)


def _known(person: FloatArray, others: Sequence[FloatArray]) -> bool:
    """Whether somebody of the others is the same person."""
    for other in others:
        size = max(np.ptp(other[:, 0]), np.ptp(other[:, 1]), 1.0)
        if np.median(np.hypot(*(person - other)[:, :2].T)) < _SAME * size:
            return True
    return False
