"""A prepared set: images with keypoints, and which of them make pairs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from torch import Tensor

from ...checkpoint import Framing
from ...image_io import ImageError, read_image
from ...pose import Canvas, Pose
from .annotations import DataFileError, Keypoints, read_annotations, read_pairs

SetKind = Literal["deepfashion", "market", "folder"]
Split = Literal["train", "test"]
METADATA = "dptn-set.json"  # written by `dptn prepare folder`
METADATA_VERSION = 1

# How files of the published sets begin; the first spelling is the authors' own.
PREFIXES: dict[SetKind, tuple[str, ...]] = {
    "deepfashion": ("fasion-resize", "fashion-resize"),
    "market": ("market",),
    "folder": ("own",),
}
# DeepFashion's images are 256x256 with the person in columns 40 to 216; keypoints refer to those 176 columns.
FASHION_SQUARE, FASHION_LEFT, FASHION_WIDTH = 256, 40, 176
SIZES: dict[SetKind, tuple[int, int]] = {"deepfashion": (256, FASHION_WIDTH), "market": (128, 64)}
_SUFFIXES = (".jpg", ".png", ".jpeg", ".webp")


@dataclass(frozen=True)
class PreparedSet:
    """One split of a set of images.

    Attributes:
        kind: Which set.
        root: Its folder.
        split: Which half.
        size: (H, W) of every image as `image` returns it, which its keypoints refer to.
        framing: How the network sees such images: "stretch" shows DeepFashion's 176 columns 256 wide.
        pairs: Names of source and target images.
        annotations: (18, 3) keypoints of every image: x, y in pixels of `size`, and 1 or 0.
    """

    kind: SetKind
    root: Path
    split: Split
    size: tuple[int, int]
    framing: Framing
    pairs: tuple[tuple[str, str], ...]
    annotations: dict[str, Keypoints]

    @property
    def folder(self) -> Path:
        """Where the images lie."""
        return self.root / self.split

    def path(self, name: str) -> Path:
        """The file of an image; names are also found with the suffix of another format.

        Raises:
            ImageError: there is none.
        """
        path = self.folder / name
        if path.is_file():
            return path
        for suffix in _SUFFIXES:
            if (other := path.with_suffix(suffix)).is_file():
                return other
        raise ImageError(f"{path}: no such file")

    def image(self, name: str) -> Tensor:
        """(3, H, W) float32 in [0, 1], cut as the keypoints refer to it.

        Raises:
            ImageError: missing, damaged, or not of this set's size.
        """
        path = self.path(name)
        image = read_image(path)
        found = (image.shape[1], image.shape[2])
        if self.kind == "deepfashion" and found == (FASHION_SQUARE, FASHION_SQUARE):
            return image[:, :, FASHION_LEFT : FASHION_LEFT + FASHION_WIDTH]
        if found != self.size:
            raise ImageError(f"{path} is {found[1]}x{found[0]}; {self._expected()}")
        return image

    def pose(self, name: str) -> Pose:
        """The pose of an image, on its canvas of `size`."""
        points = self.annotations[name].astype(np.float64)
        present = points[:, 2] > 0
        canvas = Canvas(self.size[1], self.size[0])
        return Pose(np.where(present[:, None], points[:, :2], 0.0), present.astype(np.float64), canvas)

    def _expected(self) -> str:
        if self.kind == "deepfashion":
            return (
                f"expected {FASHION_SQUARE}x{FASHION_SQUARE} or {FASHION_WIDTH}x{FASHION_SQUARE}. High-resolution "
                "originals are framed differently, even scaled down: use the images of img.zip"
            )
        return f"expected {self.size[1]}x{self.size[0]}"

    def check_first(self) -> None:
        """Check the size of one image, so that a wrong set is refused before a run has started.

        Raises:
            ImageError: see `image`.
        """
        self.image(self.pairs[0][0])


def check_other_sets(out: Path, kind: SetKind) -> None:
    """Check that a folder for a set of one kind holds no set of another.

    Raises:
        DataFileError: it does; the message names the pair list.
    """
    for other, prefixes in PREFIXES.items():
        for path in (out / f"{prefix}-pairs-{split}.csv" for prefix in prefixes for split in get_args(Split)):
            if other != kind and path.exists():
                raise DataFileError(f"{out} already holds another set ({path.name}); choose another --out")


def open_prepared(root: Path, split: Split) -> PreparedSet:
    """Read the lists of a prepared folder.

    Args:
        root: the folder that holds `train/`, `test/` and the lists.
        split: which half.

    Raises:
        DataFileError: it is not a prepared set; the message names the files that are missing.
    """
    if not root.is_dir():
        raise DataFileError(f"{root}: no such folder; make one with 'dptn prepare'")
    kind, prefix = _kind(root, split)
    pairs = read_pairs(root / f"{prefix}-pairs-{split}.csv")
    annotations = read_annotations(root / f"{prefix}-annotation-{split}.csv")
    check_annotated(root / f"{prefix}-pairs-{split}.csv", pairs, annotations)
    size = _own_size(root) if kind == "folder" else SIZES[kind]
    framing: Framing = "stretch" if kind == "deepfashion" else "fit"
    return PreparedSet(kind, root, split, size, framing, tuple(pairs), annotations)


def check_annotated(path: Path, pairs: Iterable[tuple[str, str]], annotations: Mapping[str, Keypoints]) -> None:
    """See that every image of a pair list has keypoints.

    Raises:
        DataFileError: some have none; `path` is the pair list the message names.
    """
    if lacking := sorted({name for pair in pairs for name in pair} - annotations.keys()):
        raise DataFileError(
            f"{path} names {len(lacking)} images without an annotation, {lacking[0]} first; the two files are from "
            "different sets"
        )


def _kind(root: Path, split: Split) -> tuple[SetKind, str]:
    names = [(kind, prefix) for kind in get_args(SetKind) for prefix in PREFIXES[kind]]
    for kind, prefix in names:
        if (root / f"{prefix}-pairs-{split}.csv").is_file():
            return kind, prefix
    if any((root / f"{prefix}-pairs-{other}.csv").is_file() for _, prefix in names for other in get_args(Split)):
        raise DataFileError(f"{root} has no {split} pairs; prepare it again with a larger --test-fraction")
    looked_for = ", ".join(f"{prefix}-pairs-{split}.csv" for _, prefix in names)
    raise DataFileError(f"{root} is not a prepared set: it has none of {looked_for}; make one with 'dptn prepare'")


def _own_size(root: Path) -> tuple[int, int]:
    path = root / METADATA
    try:
        metadata = json.loads(path.read_text(encoding="utf-8"))
        version, height, width = (metadata[key] for key in ("version", "height", "width"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataFileError(f"{path} cannot be read ({error}); prepare the folder again") from error
    if version != METADATA_VERSION or not all(type(side) is int and side > 0 for side in (height, width)):
        raise DataFileError(f"{path} has version {version!r} and size {width!r}x{height!r}; prepare the folder again")
    return height, width
