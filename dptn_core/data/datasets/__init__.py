"""Pairs of photographs on disk: DeepFashion, Market-1501, and images of one's own, in one layout.

    train/ test/                            images
    <prefix>-pairs-train.csv, ...-test.csv          header from,to
    <prefix>-annotation-train.csv, ...-test.csv     header name:keypoints_y:keypoints_x

That is how the authors of DPTN and PATN lay out their data, and a folder prepared for their code is read as it is.
GFLA's DeepFashion is not: it is made of stretched high-resolution images, which must not be cropped.
"""

from .annotations import DataFileError, read_annotations, read_pairs, write_annotations, write_pairs
from .prepared import PreparedSet, SetKind, Split, open_prepared

__all__ = [
    "DataFileError",
    "PreparedSet",
    "SetKind",
    "Split",
    "open_prepared",
    "read_annotations",
    "read_pairs",
    "write_annotations",
    "write_pairs",
]
