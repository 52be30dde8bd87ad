"""Poses out of images: OpenPose's body network (controlnet-aux) and ViTPose (transformers).

Both packages are optional and imported when a detector is loaded, not before. Nothing is downloaded except by
`download_weights`. OpenPose's code and weights are for non-commercial use only (CMU); ViTPose and RT-DETR are
Apache-2.0.
"""

from .download import download_weights
from .extraction_error import ExtractionError
from .openpose import load_openpose
from .pose_detector import PoseDetector
from .vitpose import load_vitpose
from .wanted_weights import OPENPOSE_BODY, PERSONS, VITPOSE, Weights, find_weights, missing_weights_message

__all__ = [
    "OPENPOSE_BODY",
    "PERSONS",
    "VITPOSE",
    "ExtractionError",
    "PoseDetector",
    "Weights",
    "download_weights",
    "find_weights",
    "load_openpose",
    "load_vitpose",
    "missing_weights_message",
]
