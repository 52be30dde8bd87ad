"""The built-in pose detector: MoveNet SinglePose Thunder, whose weights ship.

Torch is imported with this package; nothing is downloaded.
"""

from .movenet import MoveNet
from .people import THRESHOLD, detect_frames, detect_people
from .search import Check
from .weights import MOVENET, DetectionError, load_movenet

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
