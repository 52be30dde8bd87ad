"""Poses that a command is given as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .options import CommandError

if TYPE_CHECKING:
    from ..pose import Canvas, Pose


def read_poses(path: Path, person: int | None, canvas: Canvas | None = None, threshold: float = 0.0) -> list[Pose]:
    """The chosen person of every image in a pose file.

    Args:
        path: of the file.
        person: their number, from 0; None: the largest.
        canvas: for files that state none.
        threshold: joints with less confidence, 0 to 1, are left out.

    Raises:
        CommandError: there is no pose, or not that person; the message begins with `path`.
        PoseFormatError: the file cannot be read.
    """
    from ..pose import load_pose_file

    found = load_pose_file(path, canvas)
    poses = []
    for index, image in enumerate(found):
        people = image.without(threshold)
        try:
            poses.append(people.largest() if person is None else people.person(person))
        except (ValueError, IndexError) as error:
            where = f"{path}" if len(found) == 1 else f"{path}, image {index}"
            raise CommandError(f"{where}: {error}") from error
    if not poses:
        raise CommandError(f"expected at least one pose in {path}, got none")
    return poses
