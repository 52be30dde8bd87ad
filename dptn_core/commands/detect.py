"""`dptn detect`: find people in images and write their poses."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..system.files import real_path
from .detected_people import Finder, add_threshold, people_finder
from .options import CommandError, about, check_out

if TYPE_CHECKING:
    from torch import Tensor

    from ..pose import People


def add_options(parser: ArgumentParser) -> None:
    """Add the images to read, --out, --scores, --threshold and --device."""
    parser.description = (
        "Find people in images with the built-in detector. For each image, write their poses (OpenPose JSON) and an "
        "image with the skeletons; all frames of a video or an animated image go into one file."
    )
    parser.add_argument("images", type=Path, nargs="+", help="images, videos, or folders of images")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for poses and images (default: out)")
    parser.add_argument(
        "--scores", action="store_true", help="write confidences from 0 to 1 instead of 1 for found and 0 for missing"
    )
    add_threshold(parser)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (default: auto)")


def run(options: Namespace) -> None:
    """Write the poses and skeletons of every image and clip; a file that cannot be read does not stop the others.

    Raises:
        CommandError: options that cannot work together, or files that were skipped.
    """
    from ..data.clips import is_clip
    from ..image_io import ImageError, read_image

    check_out(options.out)
    files = _files(options.images, options.out)
    clips = [file for file in files if is_clip(file)]
    find = people_finder(options.device, options.threshold)
    failed: list[str] = []
    for file in files:
        if file in clips:
            continue
        try:
            image = read_image(file)
        except ImageError as error:
            failed.append(about(file, error))
            continue
        (people,) = find([image])  # alone: only the frames of a clip show the same people again
        _write(file, files[file], [people], image, options.scores)
    for file in clips:
        try:
            first, frames = _clip_people(file, find)
        except (CommandError, ImageError) as error:
            failed.append(about(file, error))
            continue
        _write(file, files[file], frames, first, options.scores)
    if len(files) == 1 and failed:
        raise CommandError(failed[0])
    for reason in failed:
        print(f"dptn detect: skipped: {reason}", file=sys.stderr)
    if failed:
        raise CommandError(f"skipped {len(failed)} of {len(files)} files for the reasons above")


def _files(given: list[Path], out: Path) -> dict[Path, Path]:
    """The files to read, each with the path of what it gives, without suffix.

    Raises:
        CommandError: a folder holds no images, two files would write the same one, or one would be overwritten.
    """
    from ..data.custom.own_images import NoImagesError, find_images

    files: dict[Path, Path] = {}
    for path in given:
        if path.is_dir():
            try:
                found = find_images(path, leave=None if real_path(out) == real_path(path) else out)
            except NoImagesError:
                raise CommandError(
                    f"{path} contains no images; name another folder, or name videos one by one"
                ) from None
            files |= {one.path: out / one.path.relative_to(path).with_suffix("") for one in found}
        else:
            files[path] = out / path.stem
    taken: dict[str, Path] = {}
    read = {real_path(path) for path in files}
    for path, output in files.items():
        over = next((one for one in _outputs(output) if real_path(one) in read), None)
        if over is not None:
            raise CommandError(f"{over} would be overwritten; choose another --out")
        other = taken.setdefault(str(output).casefold(), path)
        if other != path:
            raise CommandError(f"{other} and {path} would both write {output}.json; run the command for each")
    return files


def _outputs(out: Path) -> tuple[Path, Path]:
    """The pose file and the image that are written."""
    return out.with_name(f"{out.name}.json"), out.with_name(f"{out.name}_skeleton.png")


def _clip_people(file: Path, find: Finder) -> tuple[Tensor, list[People]]:
    """The first frame, and who is in each."""
    from ..data.clips import read_clip

    first: list[Tensor] = []

    def frames() -> Iterator[Tensor]:
        for frame in read_clip(file):
            if not first:
                first.append(frame)
            yield frame

    found = list(find(frames()))
    if not found:
        raise CommandError(f"{file} contains no frames; name another video")
    return first[0], found


def _write(file: Path, out: Path, frames: list[People], image: Tensor, scores: bool) -> None:
    from ..image_io import to_bytes, write_image
    from ..pose import draw_skeleton_over, save_pose_file

    pose, shown = _outputs(out)
    save_pose_file(pose, frames, scores=scores)
    write_image(shown, draw_skeleton_over(to_bytes(image), frames[0]))
    counts = [len(people.people) for people in frames]
    found = (
        f"{counts[0]} found" if len(frames) == 1 else f"{min(counts)} to {max(counts)} found in {len(frames)} frames"
    )
    print(f"{file}: {found}; wrote {pose} and {shown}")
