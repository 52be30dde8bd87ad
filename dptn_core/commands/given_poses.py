"""Poses that a command is given as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .options import CommandError

if TYPE_CHECKING:
    from ..pose import Canvas, Pose


def read_poses(path: Path, person: int | None, canvas: Canvas | None = None) -> list[Pose]:
    """The chosen person of every image in a pose file; `canvas` is for files that state none."""
    from ..pose import load_pose_file

    found = load_pose_file(path, canvas)
    poses = []
    for index, people in enumerate(found):
        try:
            poses.append(people.largest() if person is None else people.person(person))
        except (ValueError, IndexError) as error:
            where = f"{path}" if len(found) == 1 else f"{path}, image {index}"
            raise CommandError(f"{where}: {error}") from error
    if not poses:
        raise CommandError(f"expected at least one pose in {path}, got none")
    return poses
