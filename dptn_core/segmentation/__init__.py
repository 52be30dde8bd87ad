"""Person masks: BlazePose's segmentation, whose weights ship, made fine along the image's edges."""

from .blazepose import BlazePoseSegmenter
from .mask import person_mask
from .weights import BLAZEPOSE, SegmentationError, load_segmenter

__all__ = ["BLAZEPOSE", "BlazePoseSegmenter", "SegmentationError", "load_segmenter", "person_mask"]
