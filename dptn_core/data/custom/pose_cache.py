"""Poses that a detector found, cached for the next run: detection takes most of its time."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from ...pose import Canvas, People, read_openpose, write_openpose
from ...system.files import written_beside

_IMAGE, _DETECTOR = "picture", "detector"  # keys that other readers of such files ignore


@dataclass(frozen=True)
class PoseCache:
    """A folder of OpenPose JSON files, each with the hash of its image and the detector's name.

    Attributes:
        folder: Where they lie.
        detector: Which detector, and its settings; poses of another one are not used. "": any.
    """

    folder: Path
    detector: str = ""

    def file(self, name: str) -> Path:
        """The file for an image of the set, by its name there."""
        return self.folder / f"{Path(name).stem}.json"

    def read(self, name: str, image: Path, canvas: Canvas) -> People | None:
        """Who was found in exactly this image, on its `canvas`; None where the cache has no answer.

        The hash decides: files are renamed, and copied with the dates of others.
        """
        try:
            (document,) = json.loads(self.file(name).read_text(encoding="utf-8"))
            if document[_IMAGE] != _digest(image) or (self.detector and document[_DETECTOR] != self.detector):
                return None
            (people,) = read_openpose(document, canvas)
        except (OSError, ValueError, TypeError, KeyError, RecursionError):  # none, or damaged: it is detected again
            return None
        return people if people.canvas == canvas else None

    def write(self, name: str, image: Path, people: People) -> None:
        """Store who was found.

        Raises:
            OSError: the folder cannot be written.
        """
        (document,) = write_openpose([people])
        document |= {_IMAGE: _digest(image), _DETECTOR: self.detector}
        with written_beside(self.file(name)) as beside:
            beside.write_text(json.dumps([document], allow_nan=False), encoding="utf-8")


def _digest(image: Path) -> str:
    return hashlib.sha256(image.read_bytes()).hexdigest()
