"""The built-in pose detector: MoveNet SinglePose Thunder, whose weights ship.

Torch is imported with this package; nothing is downloaded.
"""

from .built_in import THRESHOLD, detect_frames, detect_people
from .movenet import MoveNet
from .movenet_file import MOVENET, DetectionError, load_movenet
from .search import Check

__all__ = [
    "MOVENET",
    "THRESHOLD",
    "Check",
    "DetectionError",
    "MoveNet",
    "detect_frames",
    "detect_people",
    "load_movenet",
]
