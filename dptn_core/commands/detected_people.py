"""People that a command finds in images, by the detector that ships."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from .options import CommandError, find_device, fraction

if TYPE_CHECKING:
    from torch import Tensor

    from ..pose import People, Pose

THRESHOLD = 0.2


class Finder(Protocol):
    """Finds people in images that follow one another; loads the network when it is first used."""

    def __call__(self, images: Iterable[Tensor]) -> Iterator[People]:
        """For each image (3, H, W) in [0, 1], who is in it, from left to right."""


def add_threshold(parser: ArgumentParser) -> None:
    """Add --threshold, the confidence from 0 to 1 below which joints are left out."""
    parser.add_argument(
        "--threshold",
        type=fraction,
        default=THRESHOLD,
        help=f"leave out joints with less confidence, 0 to 1 (default: {THRESHOLD})",
    )


def people_finder(device: str, threshold: float) -> Finder:
    """The built-in detector on a device, by the name that `find_device` takes."""

    @lru_cache
    def network() -> Any:
        from ..detection import load_movenet

        return load_movenet(find_device(device))

    def find(images: Iterable[Tensor]) -> Iterator[People]:
        from ..detection import detect_frames

        return detect_frames(network(), images, threshold=threshold)

    return find


def person_found(people: People, person: int | None, path: Path) -> Pose:
    """The largest person that was found in an image, or the one of a number, from the left.

    Raises:
        CommandError: nobody was found, or too few; the message begins with `path`.
    """
    if not people.people:
        raise CommandError(f"{path}: found nobody; lower --threshold, or name another image")
    if person is not None and not 0 <= person < len(people.people):
        count = len(people.people)
        found = "0, the only one found" if count == 1 else f"0 to {count - 1}, counted from the left"
        raise CommandError(f"{path}: expected person {found}, got {person}")
    return people.largest() if person is None else people.people[person]


def sequence_found(frames: list[People], person: int | None, path: Path) -> list[Pose | None]:
    """One person through the frames of a clip: chosen where somebody is first found, then followed.

    Raises:
        CommandError: as `person_found`, for the first frame with anybody in it; or nobody is in any.
    """
    from ..pose import follow_person

    start = next((number for number, frame in enumerate(frames) if frame.people), None)
    if start is None:
        raise CommandError(f"{path}: found nobody in any of its {len(frames)} frames; lower --threshold")
    return follow_person(frames, person_found(frames[start], person, path))
