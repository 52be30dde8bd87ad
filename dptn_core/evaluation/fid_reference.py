"""FID's other side: the real images, from a prepared set, a folder, or statistics taken before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..data.datasets import DataFileError, PreparedSet, open_prepared
from ..data.datasets.annotations import read_names
from ..image_io import ImageError, read_image
from .frechet import FeatureMoments, Moments, load_moments
from .image_folders import list_images
from .protocols import Protocol
from .scoring import Networks


@dataclass(frozen=True, eq=False)
class FidReference:
    """The real images of a Fréchet distance.

    Attributes:
        moments: Of Inception's features, or None without the network.
        about: What they are of.
        skipped: Images that could not be read.
        small: Moments of MobileNetV2's features, or None without the network or the images themselves.
    """

    moments: Moments | None
    about: str
    skipped: tuple[str, ...] = ()
    small: Moments | None = None


def read_fid_reference(
    place: Path,
    protocol: Protocol,
    networks: Networks,
    progress: Callable[[int, int], None] | None = None,
) -> FidReference:
    """Moments of a set of real images, prepared as the protocol has it.

    Args:
        place: an .npz with statistics, a prepared set, whose training images count, or a folder of images.
        protocol: how images are prepared; statistics must have been taken under the same.
        networks: of the learned metrics.
        progress: called with how many images are done and how many there are.

    Raises:
        WeightFileError: the .npz holds something else, or was taken under another protocol.
        FolderError: there is no such folder, or no image in it.
    """
    if place.suffix == ".npz":
        return FidReference(load_moments(place, protocol.name), f"the statistics in {place}")
    try:
        data = open_prepared(place, "train")
    except DataFileError:
        data = None
    folder = place if data is None else data.folder
    paths = list(list_images(folder).values())
    if data is not None:  # its folder may hold more, of lists that were longer
        belong = images_of(data)
        paths = [path for path in paths if path.name in belong]
    skipped: list[str] = []
    inception, mobilenet = (
        None if network is None else FeatureMoments(network) for network in (networks.inception, networks.mobilenet)
    )
    for image in _read(paths, data, protocol, networks.device, skipped, progress):
        for gathered in (inception, mobilenet):
            if gathered is not None:
                gathered.add(image)
    return FidReference(
        None if inception is None else inception.moments(),
        f"{len(paths)} images of {folder}",
        tuple(skipped),
        None if mobilenet is None else mobilenet.moments(),
    )


def images_of(data: PreparedSet) -> set[str]:
    """Names of a set's training images: of its list, which may hold more than are in pairs."""
    listed = data.root / "train.lst"
    return set(read_names(listed) if listed.is_file() else data.annotations)


def _read(
    paths: list[Path],
    data: PreparedSet | None,
    protocol: Protocol,
    device: torch.device,
    skipped: list[str],
    progress: Callable[[int, int], None] | None,
) -> Iterator[Tensor]:
    for done, path in enumerate(paths, 1):
        try:
            image = (read_image(path) if data is None else data.image(path.name)).to(device)
        except ImageError as error:
            skipped.append(str(error))
        else:
            size = (image.shape[1], image.shape[2])
            yield protocol.for_distance(protocol.as_read(image, size))
        if progress is not None:
            progress(done, len(paths))
