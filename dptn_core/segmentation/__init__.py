"""Person masks: BlazePose's segmentation, whose weights ship, made fine along the image's edges."""

from .blazepose import BlazePoseSegmenter
from .blazepose_file import BLAZEPOSE, SegmentationError, load_segmenter
from .mask import can_be_masked, person_mask

__all__ = ["BLAZEPOSE", "BlazePoseSegmenter", "SegmentationError", "can_be_masked", "load_segmenter", "person_mask"]
