"""Which person of several: by size or by place, never by the order a detector happened to list them in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .skeleton import NoPersonError, People, Pose

LARGEST, CENTRAL = "largest", "most central"
FROM_LEFT = ("leftmost", "2nd from left", "3rd from left", "4th from left")
RIGHTMOST = "rightmost"
PERSON_CHOICES = (LARGEST, CENTRAL, *FROM_LEFT, RIGHTMOST)


def choose_person(people: People, choice: str = LARGEST) -> Pose:
    """One person of an image; those without a single body keypoint do not count.

    Args:
        people: of one image.
        choice: one of `PERSON_CHOICES`.

    Raises:
        NoPersonError: nobody is there, or fewer people than `choice` counts.
        ValueError: no such choice.
    """
    if choice not in PERSON_CHOICES:
        raise ValueError(f"expected one of {', '.join(PERSON_CHOICES)} for person, got {choice!r}")
    if choice == LARGEST:
        return people.largest()
    there = from_left(people)
    if not there:
        raise NoPersonError("there is no person in this pose data: it has no body keypoint")
    if choice == RIGHTMOST:
        return there[-1]
    if choice == CENTRAL:
        middle = people.canvas.width / 2, people.canvas.height / 2
        return min(there, key=lambda pose: float(np.hypot(*(_middle(pose) - middle))))
    index = FROM_LEFT.index(choice)
    if index >= len(there):
        raise NoPersonError(f"there is no person {choice!r}: the frame has {len(there)}")
    return there[index]


def follow_person(frames: Sequence[People], first: Pose) -> list[Pose | None]:
    """One person through the frames of a sequence: in each, whoever is nearest to where they were last.

    Args:
        frames: On canvases of one size.
        first: The person as they are at the beginning.

    Returns:
        For each frame the person, or None where nobody has a keypoint that both poses show.
    """
    last = first
    found: list[Pose | None] = []
    for frame in frames:
        distances = [(_distance(pose, last), pose) for pose in frame.people if (pose.present & last.present).any()]
        nearest = min(distances, key=lambda pair: pair[0], default=None)
        found.append(nearest[1] if nearest else None)
        last = nearest[1] if nearest else last
    return found


def _distance(pose: Pose, other: Pose) -> float:
    both = pose.present & other.present
    return float(np.median(np.hypot(*(pose.keypoints - other.keypoints)[both].T)))


def from_left(people: People) -> list[Pose]:
    """Everybody who has a body keypoint, by the middle of their box, left to right."""
    return sorted((pose for pose in people.people if not pose.is_empty), key=lambda pose: float(_middle(pose)[0]))


def _middle(pose: Pose) -> np.ndarray:
    left, top, right, bottom = pose.bounds()
    return np.array([(left + right) / 2, (top + bottom) / 2])
