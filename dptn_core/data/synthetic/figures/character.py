"""One drawn character in many poses: images to try fine-tuning with, as a character sheet would give them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch

from ....image_io import ImageError, read_image, write_image
from ....pose import Canvas, People, Pose, save_pose_file
from ....system.files import remove_leftovers
from ....system.folder_lock import alone_in
from ..synthetic_pairs import pair_seeds
from .figure_pairs import draw_pairs

_AT_ONCE = 4  # pairs


def draw_character(seed: int, images: int, size: tuple[int, int]) -> Iterator[tuple[torch.Tensor, Pose]]:
    """A character in that many poses.

    Args:
        seed: which character.
        images: how many; more of the same seed begin with the same ones.
        size: (H, W) in pixels, at least 16 each.

    Yields:
        Image (3, H, W) in [0, 1] and the pose seen in it.

    Raises:
        ValueError: the size is too small.
    """
    canvas = Canvas(size[1], size[0])
    for first in range(0, images, 2 * _AT_ONCE):
        count = min(_AT_ONCE, -(-(images - first) // 2))
        poses = pair_seeds(seed, first // 2, count)
        drawn = draw_pairs(pair_seeds(seed, 0, 1).expand(count), size, pose_seeds=poses)
        both = (
            (drawn.source, drawn.source_keypoints, drawn.source_present),
            (drawn.target, drawn.target_keypoints, drawn.target_present),
        )
        for index in range(min(2 * _AT_ONCE, images - first)):
            batch, keypoints, present = both[index % 2]
            image, points, there = (values[index // 2].double() for values in (batch, keypoints, present))
            yield (image.float() + 1) / 2, Pose((points * there[:, None]).numpy(), there.numpy(), canvas)


def write_character(folder: Path, seed: int, images: int, size: tuple[int, int]) -> Iterator[Path]:
    """Write a character's images, each with its pose beside it as OpenPose JSON; yields the images' paths.

    Raises:
        FileExistsError: `folder` is a file, or holds other images.
        FolderInUseError: another command is writing there.
        OSError: `folder` cannot be written.
        ValueError: as for `draw_character`.
    """
    digits = max(3, len(str(images - 1)))
    paths = [folder / f"{index:0{digits}}.png" for index in range(images)]
    if folder.exists() and not folder.is_dir():
        raise FileExistsError(f"{folder} is a file; name a folder for the character")
    with alone_in(folder, "--character"):
        remove_leftovers(*paths, *(path.with_suffix(".json") for path in paths))
        if others := sorted(set(folder.glob("*.png")) - set(paths)):
            raise FileExistsError(f"{folder} holds other images, {others[0].name} first; name a new folder")
        for path, (image, pose) in zip(paths, draw_character(seed, images, size), strict=True):
            if path.exists() and not _is(path, image):
                raise FileExistsError(f"{path} already exists with another image; name a new folder")
            save_pose_file(path.with_suffix(".json"), [People((pose,), pose.canvas)])
            write_image(path, image)
            yield path


def _is(path: Path, image: torch.Tensor) -> bool:
    """Whether a file holds this image, as far as a file can."""
    try:
        found = read_image(path)
    except ImageError:
        return False
    return found.shape == image.shape and bool((found - image).abs().max() < 1 / 255)
