"""Which person of several: by size or by place, never by the order a detector happened to list them in."""

from __future__ import annotations

import numpy as np

from .skeleton import NoPersonError, People, Pose

LARGEST, CENTRAL = "largest", "most central"
FROM_LEFT = ("leftmost", "2nd from left", "3rd from left", "4th from left")
RIGHTMOST = "rightmost"
PERSON_CHOICES = (LARGEST, CENTRAL, *FROM_LEFT, RIGHTMOST)


def choose_person(people: People, choice: str = LARGEST) -> Pose:
    """One person of a picture; those without a single body keypoint do not count.

    Args:
        people: of one picture.
        choice: one of `PERSON_CHOICES`.

    Raises:
        NoPersonError: nobody is there, or fewer people than `choice` counts.
        ValueError: no such choice.
    """
    if choice not in PERSON_CHOICES:
        raise ValueError(f"person is {choice!r}; allowed: {', '.join(PERSON_CHOICES)}")
    if choice == LARGEST:
        return people.largest()
    there = from_left(people)
    if not there:
        raise NoPersonError("there is no person in this pose data: no body keypoint is present")
    if choice == RIGHTMOST:
        return there[-1]
    if choice == CENTRAL:
        middle = people.canvas.width / 2, people.canvas.height / 2
        return min(there, key=lambda pose: float(np.hypot(*(_middle(pose) - middle))))
    index = FROM_LEFT.index(choice)
    if index >= len(there):
        raise NoPersonError(
            f"the person {choice!r} was asked for, and there {'is' if len(there) == 1 else 'are'} {len(there)}"
        )
    return there[index]


def from_left(people: People) -> list[Pose]:
    """Everybody who has a body keypoint, by the middle of their box, left to right."""
    return sorted((pose for pose in people.people if not pose.is_empty), key=lambda pose: float(_middle(pose)[0]))


def _middle(pose: Pose) -> np.ndarray:
    left, top, right, bottom = pose.bounds()
    return np.array([(left + right) / 2, (top + bottom) / 2])
