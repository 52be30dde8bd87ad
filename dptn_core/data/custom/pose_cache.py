"""Poses that a detector found, kept for the next run: finding them is what takes long."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from ...pose import Canvas, People, read_openpose, write_openpose
from ...system.files import written_beside

_IMAGE, _DETECTOR = "picture", "detector"  # keys that other readers of such files ignore


@dataclass(frozen=True)
class PoseMemory:
    """A folder of OpenPose JSON files, each with what it was found in and by what.

    Attributes:
        folder: Where they lie.
        detector: Which detector, and how it was set; what another one found does not count. "": any.
    """

    folder: Path
    detector: str = ""

    def file(self, name: str) -> Path:
        """Where the pose of the image of this name in the set lies."""
        return self.folder / f"{Path(name).stem}.json"

    def recall(self, name: str, image: Path, canvas: Canvas) -> People | None:
        """Who was found in exactly this image, on its `canvas`; None where nobody knows.

        Names and dates do not tell: files are renamed, and copied with the dates of others.
        """
        try:
            (document,) = json.loads(self.file(name).read_text(encoding="utf-8"))
            if document[_IMAGE] != _digest(image) or (self.detector and document[_DETECTOR] != self.detector):
                return None
            (people,) = read_openpose(document, canvas)
        except (OSError, ValueError, TypeError, KeyError, RecursionError):  # none, or spoilt: it is found anew
            return None
        return people if people.canvas == canvas else None

    def keep(self, name: str, image: Path, people: People) -> None:
        """Write down who was found.

        Raises:
            OSError: the folder cannot be written.
        """
        (document,) = write_openpose([people])
        document |= {_IMAGE: _digest(image), _DETECTOR: self.detector}
        with written_beside(self.file(name)) as beside:
            beside.write_text(json.dumps([document], allow_nan=False), encoding="utf-8")


def _digest(image: Path) -> str:
    return hashlib.sha256(image.read_bytes()).hexdigest()
