"""Images of one's own: which there are, whom they show, their poses, and which are fit to learn from."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from ...detection.external.extraction_error import ExtractionError
from ...image_io import ImageError, read_image
from ...inference.framing import FramingError, check_pose, person_extent
from ...pose import Canvas, People, Pose, load_pose_file
from ...pose.openpose_json import PoseFormatError
from ...system.files import real_path
from ..datasets.annotations import DataFileError
from ..datasets.prepared import METADATA
from .pose_cache import PoseCache

# Those that cannot be read here are found as well, so that they are named rather than skipped in silence.
SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".jfif", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".avif", ".heic", ".heif"}
)
_POSE_ENDINGS = (".json", "_keypoints.json", ".pose.json")  # ours, OpenPose's own program, pose editors
_RIVAL = 0.35  # of the largest person's height: whoever is this tall too is a second person
_HEAD_OR_TRUNK = (0, 1)  # nose, neck
_OTHER_SHAPE = 0.1  # by which a pose's canvas may be wider or taller than the image: detectors round to blocks
_BEYOND = 0.05  # of the longer side, by which pixels that name no canvas may lie beyond the image
_ANY_CANVAS = Canvas(32_768, 32_768)
_MAX_NAME = 160  # bytes; file systems hold 255, and a file in the making has a longer name

Detect = Callable[[Tensor], People]


@dataclass(frozen=True)
class OwnImage:
    """An image file and whom it shows; "." is whoever the images outside all folders show."""

    path: Path
    person: str


@dataclass(frozen=True)
class Quality:
    """What an image must have to be learnt from."""

    keypoints: int = 8  # of 18, at least
    height: int = 96  # pixels of the person, at least: below, the network's image would be made up of few


class UnfitError(ValueError):
    """An image that is left out; the message is the reason, in words that stand after its name."""


class NoImagesError(DataFileError):
    """A folder without a single image; the message names it and the way out."""


def find_images(root: Path, leave: Path | None = None) -> list[OwnImage]:
    """Every image under `root`, in order: each folder in it is a person, `root` itself is one if images lie there.

    Links are followed, each folder is read once. What begins with a dot, and prepared sets, are left alone.

    Args:
        root: the folder.
        leave: a folder in it that is left alone, too.

    Raises:
        NoImagesError: there is no image in it.
        DataFileError: there is no such folder, or a folder in it cannot be read.
    """
    if not root.is_dir():
        raise DataFileError(f"{root}: no such folder; name a folder of images, or of one folder for each person")
    found = []
    for path in sorted(_files(root, leave), key=lambda file: file.relative_to(root).parts):
        inside = path.relative_to(root).parts
        found.append(OwnImage(path, inside[0] if len(inside) > 1 else "."))
    if not found:
        raise NoImagesError(
            f"{root} holds no images ({', '.join(sorted(SUFFIXES))}); for a video, save its frames as images first"
        )
    return found


def _files(root: Path, leave: Path | None) -> Iterator[Path]:
    top, seen = real_path(root), {real_path(leave)} if leave else set()
    for folder, folders, names in os.walk(root, followlinks=True, onerror=_refuse_folder):
        here = Path(folder)
        true = real_path(here)
        around = true != top and top.is_relative_to(true)  # a link upwards would lead to everything there is
        if true in seen or around or (true != top and METADATA in names):
            folders.clear()
            continue
        seen.add(true)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            path = here / name
            if name.startswith(".") or path.suffix.lower() not in SUFFIXES:
                continue
            if path.is_file() or not path.exists():  # a link to nowhere is named later; pipes and such are no images
                yield path


def _refuse_folder(error: OSError) -> None:
    raise DataFileError(
        f"{error.filename} cannot be read: {error.strerror}; make it readable, or move it away"
    ) from error


def pose_file_of(image: Path) -> Path | None:
    """The OpenPose JSON beside an image: `name.json`, `name_keypoints.json` or `name.pose.json`."""
    return next((file for end in _POSE_ENDINGS if (file := image.with_name(image.stem + end)).is_file()), None)


def people_in(path: Path, image: Tensor, name: str, cache: PoseCache, detect: Detect | None) -> People:
    """Who an image shows: by the pose file beside it, by what an earlier run found, or by the detector.

    Args:
        path: the file.
        image: what it holds, (3, H, W).
        name: of the image in the set, its key in `cache`.
        cache: what the detector found goes there, so that the next run need not detect again.
        detect: the detector, or None.

    Raises:
        UnfitError: nothing tells the pose, or the pose file cannot be used.
        OSError: `cache` cannot be written.
    """
    canvas = Canvas(image.shape[2], image.shape[1])
    if (beside := pose_file_of(path)) is not None:
        return _people_of_file(beside, canvas)
    if (known := cache.read(name, path, canvas)) is not None:
        return known
    if detect is None:
        raise UnfitError("it has no pose file beside it, and no detector was chosen")
    try:
        people = detect(image)
    except ExtractionError as error:
        raise UnfitError(f"the detector failed on it: {error}") from error
    cache.write(name, path, people)
    return people


def _people_of_file(file: Path, canvas: Canvas) -> People:
    """Who a pose file says is in an image, in the image's pixels."""
    people = _one_image(file, canvas)
    if all(pose.is_empty for pose in people.people):
        raise UnfitError(f"its pose file {file.name} contains no person")
    if people.canvas == canvas:
        return people
    literal = _one_image(file, _ANY_CANVAS)
    if literal.canvas == _ANY_CANVAS:  # the file names none, and its points do not fit into the image
        slack = _BEYOND * max(canvas.width, canvas.height)
        for pose in literal.people:
            if (pose.keypoints > (canvas.width + slack, canvas.height + slack)).any():
                x, y = pose.keypoints.max(axis=0)
                raise UnfitError(
                    f"its pose file {file.name} has points at {x:.0f}, {y:.0f}, outside the image of {canvas}; add "
                    "canvas_width and canvas_height to the file, or correct its poses"
                )
        return People(tuple(pose.transformed((1, 1), (0, 0), canvas) for pose in literal.people), canvas)
    wider = people.canvas.width * canvas.height / (people.canvas.height * canvas.width)
    if not 1 / (1 + _OTHER_SHAPE) <= wider <= 1 + _OTHER_SHAPE:
        raise UnfitError(
            f"its pose file {file.name} is for an image of {people.canvas}, but this one is {canvas} once "
            "turned upright; detect its pose again"
        )
    return people.rescaled(canvas)


def _one_image(file: Path, canvas: Canvas) -> People:
    try:
        found = load_pose_file(file, canvas)
    except PoseFormatError as error:
        raise UnfitError(f"its pose file cannot be read: {error}") from error
    if len(found) != 1:
        raise UnfitError(f"its pose file {file.name} expected 1 image, got {len(found)}")
    return found[0]


def fit_person(people: People, quality: Quality) -> Pose:
    """The one person to learn from, without keypoints outside the image: they show nothing.

    Raises:
        UnfitError: nobody, two people, too few keypoints, too small, or a pose no frame can be put around.
    """
    seen = [inside for pose in people.people if not (inside := _inside(pose)).is_empty]
    heights = sorted(((_height(pose), pose) for pose in seen), key=lambda pair: -pair[0])
    if not heights:
        raise UnfitError("no person was found in it")
    height, pose = heights[0]
    rivals = sum(other > _RIVAL * height for other, _ in heights[1:])
    if rivals:
        raise UnfitError(f"it shows {rivals + 1} people; crop it to one")
    count = int(pose.present.sum())
    if count < quality.keypoints:
        raise UnfitError(f"only {count} of 18 keypoints were found; expected at least {quality.keypoints}")
    if not pose.present[list(_HEAD_OR_TRUNK)].any():
        raise UnfitError("neither the nose nor the neck was found")
    if height < quality.height:
        raise UnfitError(f"the person is {height:.0f} pixels tall; expected at least {quality.height}")
    try:
        check_pose(pose, "pose")
    except FramingError as error:
        raise UnfitError(str(error)) from error
    return pose


def _inside(pose: Pose) -> Pose:
    xy, canvas = pose.keypoints, pose.canvas
    there = (xy >= 0).all(axis=1) & (xy <= (canvas.width, canvas.height)).all(axis=1)
    return Pose(xy, np.where(there, pose.confidence, 0.0), canvas)


def read_own(image: Path) -> Tensor:
    """(3, H, W) in [0, 1]; raises UnfitError where `read_image` cannot."""
    try:
        return read_image(image)
    except ImageError as error:
        raise UnfitError(f"it cannot be read: {error}") from error


def file_names(images: list[OwnImage], root: Path) -> Iterator[str]:
    """A name for each image in the set, unique, told apart also where letters' case does not count.

    Names have no folders in them: the field's tools look for images in one folder.
    """
    taken: set[str] = set()
    for image in images:
        inside = image.path.relative_to(root).with_suffix("")
        parts = inside.parts if len(inside.parts) > 1 else (real_path(root).name, *inside.parts)
        name = "-".join(_plain(part) for part in parts)
        name = name.encode()[-_MAX_NAME:].decode(errors="ignore").lstrip(". ")
        number, unique = 1, name
        while unique.casefold() in taken:
            number += 1
            unique = f"{name}-{number}"
        taken.add(unique.casefold())
        yield f"{unique}.png"


def _plain(part: str) -> str:
    """A part of a name without what lists, command lines and file systems use for themselves."""
    whole = unicodedata.normalize("NFC", part)
    return "".join("_" if c in '/:,;"\\<>|?*' or not c.isprintable() else c for c in whole).strip(". ") or "_"


def _height(pose: Pose) -> float:
    if int(pose.present.sum()) < 2:
        return 0.0
    _, top, _, bottom = person_extent(pose)
    xy = pose.keypoints[pose.present]
    return float(max(bottom - top, np.ptp(xy[:, 1])))
