"""Person masks: BlazePose's segmentation, whose weights ship, made fine along the image's edges."""

from .blazepose import BlazePoseSegmenter
from .mask import can_be_masked, person_mask
from .weights import BLAZEPOSE, SegmentationError, load_segmenter

__all__ = ["BLAZEPOSE", "BlazePoseSegmenter", "SegmentationError", "can_be_masked", "load_segmenter", "person_mask"]
