"""Pictures of one's own: which there are, whom they show, their poses, and which are fit to learn from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from ...framing import FramingError, check_pose, person_extent
from ...pictures import PictureError, read_picture
from ...pose import Canvas, People, Pose, load_pose_file, save_pose_file
from ...pose.openpose_json import PoseFormatError
from .annotations import DataFileError

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif"})
_POSE_ENDINGS = (".json", "_keypoints.json", ".pose.json")  # ours, OpenPose's own program, pose editors
_RIVAL = 0.35  # of the largest person's height: whoever is this tall too is a second person
_HEAD_OR_TRUNK = (0, 1)  # nose, neck

Detect = Callable[[Tensor], People]


@dataclass(frozen=True)
class OwnPicture:
    """A picture file and whom it shows."""

    path: Path
    person: str


@dataclass(frozen=True)
class Quality:
    """What a picture must have to be learnt from."""

    keypoints: int = 8  # of 18, at least
    height: int = 96  # pixels of the person, at least: below, the network's picture would be made up of few


class UnfitError(ValueError):
    """A picture that is left out; the message is the reason, in words that stand after its name."""


def find_pictures(root: Path) -> list[OwnPicture]:
    """Every picture under `root`, in order: each folder in it is a person, `root` itself is one if pictures lie there.

    Files and folders whose names begin with a dot are left alone.

    Raises:
        DataFileError: there is no such folder, or no picture in it.
    """
    if not root.is_dir():
        raise DataFileError(f"{root}: no such folder; name one with pictures, or with a folder of pictures a person")
    found = []
    for path in sorted(root.rglob("*")):
        inside = path.relative_to(root)
        if path.suffix.lower() not in SUFFIXES or any(part.startswith(".") for part in inside.parts):
            continue
        if path.is_file():
            found.append(OwnPicture(path, inside.parts[0] if len(inside.parts) > 1 else root.resolve().name))
    if not found:
        raise DataFileError(f"{root} holds no pictures ({', '.join(sorted(SUFFIXES))})")
    return found


def pose_file_of(picture: Path) -> Path | None:
    """The OpenPose JSON beside a picture: `name.json`, `name_keypoints.json` or `name.pose.json`."""
    return next((file for end in _POSE_ENDINGS if (file := picture.with_name(picture.stem + end)).is_file()), None)


def people_in(picture: Path, image: Tensor, remembered: Path, detect: Detect | None) -> People:
    """Who a picture shows: by the pose file beside it, by what an earlier run found, or by the detector.

    Args:
        picture: the file.
        image: what it holds, (3, H, W).
        remembered: where this run keeps what the detector found, so that the next need not look again.
        detect: the detector, or None.

    Raises:
        UnfitError: nothing tells the pose, or the pose file cannot be used.
    """
    canvas = Canvas(image.shape[2], image.shape[1])
    beside = pose_file_of(picture)
    known = remembered if beside is None and _newer(remembered, picture) else beside
    if known is not None:
        try:
            found = load_pose_file(known, canvas)
        except PoseFormatError as error:
            raise UnfitError(f"its pose file cannot be used: {error}") from error
        if len(found) != 1:
            raise UnfitError(f"its pose file {known.name} holds {len(found)} pictures; one is wanted")
        return found[0].rescaled(canvas)
    if detect is None:
        raise UnfitError("there is no pose file beside it, and no detector was chosen")
    people = detect(image)
    save_pose_file(remembered, [people])
    return people


def fit_person(people: People, quality: Quality) -> Pose:
    """The one person to learn from.

    Raises:
        UnfitError: nobody, two people, too few keypoints, too small, or a pose no frame can be put around.
    """
    heights = sorted(((_height(pose), pose) for pose in people.people if not pose.is_empty), key=lambda pair: -pair[0])
    if not heights:
        raise UnfitError("nobody was found in it")
    height, pose = heights[0]
    if len(heights) > 1 and heights[1][0] > _RIVAL * height:
        raise UnfitError(f"it shows {len(heights)} people; cut it so that one is left")
    count = int(pose.present.sum())
    if count < quality.keypoints:
        raise UnfitError(f"only {count} of 18 keypoints were found; at least {quality.keypoints} are wanted")
    if not pose.present[list(_HEAD_OR_TRUNK)].any():
        raise UnfitError("neither nose nor neck was found")
    if height < quality.height:
        raise UnfitError(f"the person is {height:.0f} pixels tall; at least {quality.height} are wanted")
    try:
        check_pose(pose, "pose")
    except FramingError as error:
        raise UnfitError(str(error)) from error
    return pose


def read_own(picture: Path) -> Tensor:
    """(3, H, W) in [0, 1]; raises UnfitError where `read_picture` cannot."""
    try:
        return read_picture(picture)
    except PictureError as error:
        raise UnfitError(f"it cannot be read: {error}") from error


def file_names(pictures: list[OwnPicture], root: Path) -> Iterator[str]:
    """A name for each picture in the set, unique, told apart also where letters' case does not count."""
    taken: set[str] = set()
    for picture in pictures:
        inside = picture.path.relative_to(root).with_suffix("")
        parts = inside.parts if len(inside.parts) > 1 else (picture.person, *inside.parts)
        name = "/".join(_plain(part) for part in parts)
        number, unique = 1, name
        while unique.lower() in taken:
            number += 1
            unique = f"{name}_{number}"
        taken.add(unique.lower())
        yield f"{unique}.png"


def _plain(part: str) -> str:
    """A part of a name without what lists and file systems use for themselves."""
    return "".join("_" if c in ':,"\\<>|?*' or ord(c) < 32 else c for c in part).strip(". ") or "_"


def _newer(file: Path, than: Path) -> bool:
    return file.is_file() and file.stat().st_mtime >= than.stat().st_mtime


def _height(pose: Pose) -> float:
    if int(pose.present.sum()) < 2:
        return 0.0
    _, top, _, bottom = person_extent(pose)
    xy = pose.keypoints[pose.present]
    return float(max(bottom - top, np.ptp(xy[:, 1])))
