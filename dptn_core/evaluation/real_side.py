"""FID's other side: the real pictures, from a prepared set, a folder, or statistics taken before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from ..data.pairs import DataFileError, PreparedSet, open_prepared
from ..data.pairs.annotations import read_names
from ..pictures import PictureError, read_picture
from .folders import list_pictures
from .frechet import InceptionFeatures, Moments, load_moments, moments_of
from .protocols import Protocol


@dataclass(frozen=True, eq=False)
class RealSide:
    """Moments of real pictures, what they are of, and the pictures that could not be read."""

    moments: Moments
    about: str
    skipped: tuple[str, ...] = ()


def real_side(
    place: Path,
    protocol: Protocol,
    inception: InceptionFeatures,
    progress: Callable[[int, int], None] | None = None,
) -> RealSide:
    """Moments of a set of real pictures, prepared as the protocol has it.

    Args:
        place: an .npz with statistics, a prepared set, whose training pictures count, or a folder of pictures.
        protocol: how pictures are prepared; statistics must have been taken under the same.
        inception: the network, on the device to use.
        progress: called with how many pictures are done and how many there are.

    Raises:
        WeightFileError: the .npz holds something else, or was taken under another protocol.
        FolderError: there is no such folder, or no picture in it.
    """
    if place.suffix == ".npz":
        return RealSide(load_moments(place, protocol.name), f"the statistics in {place}")
    try:
        data = open_prepared(place, "train")
    except DataFileError:
        data = None
    folder = place if data is None else data.folder
    paths = list(list_pictures(folder).values())
    if data is not None:  # its folder may hold more, of lists that were longer
        belong = pictures_of(data)
        paths = [path for path in paths if path.name in belong]
    skipped: list[str] = []
    pictures = _read(paths, data, protocol, inception, skipped, progress)
    return RealSide(moments_of(pictures, inception), f"{len(paths)} pictures of {folder}", tuple(skipped))


def pictures_of(data: PreparedSet) -> set[str]:
    """Names of a set's training pictures: of its list, which may hold more than are in pairs."""
    listed = data.root / "train.lst"
    return set(read_names(listed) if listed.is_file() else data.annotations)


def _read(
    paths: list[Path],
    data: PreparedSet | None,
    protocol: Protocol,
    inception: InceptionFeatures,
    skipped: list[str],
    progress: Callable[[int, int], None] | None,
) -> Iterator[Tensor]:
    for done, path in enumerate(paths, 1):
        try:
            picture = (read_picture(path) if data is None else data.picture(path.name)).to(inception.mean.device)
        except PictureError as error:
            skipped.append(str(error))
        else:
            size = (picture.shape[1], picture.shape[2])
            yield protocol.for_distance(protocol.as_read(picture, size))
        if progress is not None:
            progress(done, len(paths))
