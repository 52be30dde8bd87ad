"""`dptn transfer`: redraw the person of an image, or of each of many, in other poses."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..system.files import real_path
from .detected_people import THRESHOLD, Finder, people_finder, person_found, sequence_found
from .given_poses import read_poses
from .options import CommandError, about, add_model, check_out, fraction, load_model_of, positive, size

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from ..checkpoint import DPTNModel
    from ..inference.texture_networks import Texturing
    from ..pose import Canvas, People, Pose


MAX_HEIGHT = 8192  # pixels of an image
_PARTS = ("", "_skeleton", "_person", "_invented")  # what is written of a pose; the last two with --masks


@dataclass(frozen=True)
class _Source:
    """An image, the file of the pose seen in it, if there is one, and the folder of its results."""

    image: Path
    pose: Path | None
    out: Path


@dataclass(frozen=True)
class _Target:
    """A target pose or a sequence of them: in a pose file, or found in one image or in the frames of a clip.

    A pose file may state no canvas; then its poses are read on that of each image anew, so here they are None.
    """

    path: Path
    count: int
    found: tuple[Pose, ...] | None = None


def add_options(parser: ArgumentParser) -> None:
    """Add --image and the poses, what is written where, how it is generated, and the model's options.

    --image is required; `run` checks that a target pose or image is given, and what does not go together.
    """
    parser.description = "Generate the person of an image, or of each of many images, in one or more other poses."
    parser.add_argument(
        "--image",
        type=Path,
        required=True,
        nargs="+",
        help="image of the person, any format and size; several, or a folder of them: each gets a folder in --out",
    )
    parser.add_argument(
        "--source-pose",
        type=Path,
        nargs="+",
        help="OpenPose JSON: the pose seen in each image, one file for each (default: the file beside the image, as "
        "me.json or me_keypoints.json beside me.png; without one, the pose is found in the image)",
    )
    parser.add_argument(
        "--target-pose",
        type=Path,
        default=[],
        nargs="+",
        help="OpenPose JSON files: one image is generated for each pose",
    )
    parser.add_argument(
        "--target-image",
        type=Path,
        default=[],
        nargs="+",
        help="images to take the pose from, brought to the size, place and limb lengths of the person in --image; a "
        "video, an animated image or a folder of frames is a sequence",
    )
    parser.add_argument(
        "--limb-lengths",
        choices=("source", "target"),
        default="source",
        help="whose limb lengths poses from --target-image get: source, those of the person in --image, which keeps "
        "their proportions; target, those of the other person (default: source)",
    )
    parser.add_argument(
        "--facing",
        choices=("source", "target"),
        default="source",
        help="which side of the person poses from --target-image show: source, the side that --image shows, so that "
        "somebody seen from behind stays so; target, the side that the other person shows (default: source)",
    )
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the images (default: out)")
    parser.add_argument(
        "--attention",
        type=Path,
        help="also write this image of where the network attended for the first pose of the first image",
    )
    parser.add_argument(
        "--texture",
        choices=("full", "network"),
        default="full",
        help="full: sharp, from the image's own pixels wherever it shows them; network: what the network alone "
        "generates (default: full)",
    )
    parser.add_argument(
        "--height",
        type=positive,
        help=f"height of the images in pixels, up to {MAX_HEIGHT}; the width follows (default: the pose's canvas)",
    )
    parser.add_argument(
        "--masks",
        action="store_true",
        help="also write NAME_person.png, the person, and NAME_invented.png, what the image does not show",
    )
    parser.add_argument(
        "--person",
        type=int,
        default=None,
        help="which person of --image and of the pose files, from 0; in images, from the left (default: largest)",
    )
    parser.add_argument(
        "--target-person",
        type=int,
        default=None,
        help="which person of --target-pose and --target-image (default: --person in files, the largest in images)",
    )
    parser.add_argument(
        "--threshold",
        type=fraction,
        help="leave out joints with less confidence, 0 to 1, in images and in pose files (default: "
        f"{THRESHOLD} in images; 0 in pose files, which leaves none out)",
    )
    parser.add_argument(
        "--framing", choices=("fit", "stretch"), help="how the person is cut out (default: as the model was trained)"
    )
    parser.add_argument("--size", type=size, help="size the network works at, like 96x128 (default: its training size)")
    add_model(parser)


def run(options: Namespace) -> None:
    """`dptn transfer`."""
    from ..image_io import check_format
    from ..system.distributed import place

    check_out(options.out)
    if options.attention:
        check_format(options.attention)
    if options.height and options.height > MAX_HEIGHT:
        raise CommandError(f"expected --height of at most {MAX_HEIGHT} pixels, got {options.height}")
    if options.masks and options.texture == "network":
        raise CommandError("--masks needs --texture full: the network alone does not tell what it invented")
    if not (options.target_pose or options.target_image):
        raise CommandError("expected a target pose, got none; add --target-pose FILE.json or --target-image IMAGE")
    sources = _sources(options)
    find = people_finder(options.device, THRESHOLD if options.threshold is None else options.threshold)
    targets = [_Target(path, len(_poses_of(path, options))) for path in options.target_pose]
    targets += [_image_target(path, options.target_person, find) for path in options.target_image]
    names = _names([(target.path, target.count) for target in targets])
    _keep(sources, names, options)
    model = load_model_of(options)
    texturing = _texturing(options, model)
    # in this order each process meets few images, and encodes each of them once
    jobs = [(source, file) for source in range(len(sources)) for file in range(len(names))]
    rank, processes = place()
    own = jobs[len(jobs) * rank // processes : len(jobs) * (rank + 1) // processes]
    failed = 0
    for number in sorted({source for source, _ in own}):
        files = [file for source, file in own if source == number]
        try:
            _generate(
                model,
                texturing,
                sources[number],
                {file: targets[file] for file in files},
                names,
                find,
                options,
                number == 0,
            )
        except ValueError as error:  # the image or its pose is bad; a disk that fails is an OSError, and ends it all
            if len(sources) == 1:
                raise
            print(f"dptn transfer: {about(sources[number].image, error)}. Skipped", file=sys.stderr)
            failed += 1
    if failed:
        said = f"{failed} of the {len(sources)} images were skipped, for the reasons above"
        if processes == 1:
            raise CommandError(said)
        # of several processes, one that fails would have the others ended in the middle of their work
        print(f"dptn transfer: process {rank}: {said}", file=sys.stderr)


def _generate(
    model: DPTNModel,
    texturing: Texturing | None,
    source: _Source,
    targets: dict[int, _Target],
    names: list[list[str]],
    find: Finder,
    options: Namespace,
    first: bool,
) -> None:
    """One image in the poses of some of the targets, by their numbers; `first`: the one that --attention is about."""
    from ..image_io import read_image
    from ..inference.attention_plot import attention_image
    from ..inference.texture_networks import compose_from
    from ..inference.transfer import encode_source, transfer
    from ..pose import Canvas, People, draw_skeleton
    from ..system.files import remove_leftovers

    image = read_image(source.image)
    canvas = Canvas(image.shape[2], image.shape[1])
    seen, others = _source_pose(source, image, find, options)
    encoded = encode_source(model, image, seen, framing=options.framing, size=options.size)
    compose = compose_from(texturing, encoded, others) if texturing else None
    shows_attention = bool(options.attention) and first and 0 in targets
    outputs = [source.out / f"{name}{part}.png" for file in targets for name in names[file] for part in _PARTS]
    remove_leftovers(*outputs, *([options.attention] if shows_attention else []))
    for file, chosen in targets.items():
        if chosen.found is None:
            poses = _poses_of(chosen.path, options, canvas)
        else:
            poses = _placed(list(chosen.found), seen, options)
        # the poses of one file are a sequence and share a frame
        result = transfer(encoded, poses, compose=compose, size=_output_size(poses[0].canvas, options.height))
        for number, (target, image, name) in enumerate(zip(poses, result.images, names[file], strict=True)):
            path, skeleton = source.out / f"{name}.png", source.out / f"{name}_skeleton.png"
            _write(path, image)
            _write(skeleton, draw_skeleton(People((target,), target.canvas)))
            print(f"wrote {path} and {skeleton}")
            if options.masks and result.mattes is not None and result.invented is not None:
                for mask, what in ((result.mattes, "person"), (result.invented, "invented")):
                    _write(source.out / f"{name}_{what}.png", mask[number][None].expand(3, -1, -1))
        if shows_attention and file == 0:
            _write(options.attention, attention_image(result.generated.at(0)))
            print(f"wrote {options.attention}")


def _texturing(options: Namespace, model: DPTNModel) -> Texturing | None:
    from ..inference.texture_networks import load_texturing

    return load_texturing(model.device) if options.texture == "full" else None


def _output_size(canvas: Canvas, height: int | None) -> tuple[int, int] | None:
    """(H, W) of the canvas's proportions, or None: the canvas."""
    return None if height is None else (height, max(1, round(canvas.width * height / canvas.height)))


def _write(path: Path, image: Tensor | np.ndarray) -> None:
    """Write an image; where that fails, it would fail for the next image too."""
    from ..image_io import ImageError, write_image

    try:
        write_image(path, image)
    except ImageError as error:
        raise OSError(str(error)) from error


def _sources(options: Namespace) -> list[_Source]:
    """The source images: results of one go into --out itself, of several each into a folder of its name."""
    from ..data.custom.own_images import find_images, pose_file_of

    images: list[tuple[Path, Path]] = []  # and what their folders are named after
    for path in options.image:
        if path.is_dir():
            inside = None if real_path(options.out) == real_path(path) else options.out
            found = [one.path for one in find_images(path, leave=inside)]
            images += [(one, one.relative_to(path).with_suffix("")) for one in found]
        else:
            images.append((path, Path(path.stem)))
    given: list[Path] | None = options.source_pose
    if given is not None and len(given) != len(images):
        raise CommandError(
            f"expected one --source-pose for each --image, in the same order, got {len(given)} for {len(images)}; or "
            "leave it out where the files lie beside the images"
        )
    poses: Sequence[Path | None] = given or [pose_file_of(path) for path, _ in images]
    if len(images) == 1 and not options.image[0].is_dir():
        return [_Source(options.image[0], poses[0], options.out)]
    names = [str(name) for _, name in images]
    if len({name.lower() for name in names}) < len(names):
        names = [f"{name}_{number}" for number, name in enumerate(names)]
    return [_Source(path, pose, options.out / name) for (path, _), pose, name in zip(images, poses, names, strict=True)]


def _source_pose(source: _Source, image: Tensor, find: Finder, options: Namespace) -> tuple[Pose, list[Pose]]:
    """The pose seen in an image, by its pose file or found in it, and those of everybody else there."""
    from ..pose import Canvas, load_pose_file

    if source.pose is not None:
        canvas = Canvas(image.shape[2], image.shape[1])
        threshold = options.threshold or 0.0
        seen = read_poses(source.pose, options.person, canvas, threshold)
        if len(seen) > 1:
            raise CommandError(
                f"expected the pose of {source.image} alone in {source.pose}, got those of {len(seen)} images"
            )
        everybody = load_pose_file(source.pose, canvas)[0].without(threshold).people
        return seen[0], [one for one in everybody if one != seen[0]]
    (people,) = find([image])
    if not people.people:
        name = source.image.stem
        raise CommandError(
            f"{source.image} has no pose file beside it ({name}.json, {name}_keypoints.json or {name}.pose.json), "
            "and the detector found nobody in it; name a pose with --source-pose, or lower --threshold"
        )
    found = person_found(people, options.person, source.image)
    return found, [one for one in people.people if one != found]


def _poses_of(path: Path, options: Namespace, canvas: Canvas | None = None) -> list[Pose]:
    """The poses of a target's file; `canvas` is for files that state none."""
    person: int | None = options.person if options.target_person is None else options.target_person
    return read_poses(path, person, canvas, options.threshold or 0.0)


def _image_target(path: Path, person: int | None, find: Finder) -> _Target:
    """The pose in an image, or the poses of somebody in the frames of a clip; frames without them are left out."""
    frames = _people_of(path, find)
    if len(frames) == 1:
        return _Target(path, 1, (person_found(frames[0], person, path),))
    poses = [pose for pose in sequence_found(frames, person, path) if pose is not None]
    if len(poses) < len(frames):
        print(
            f"dptn transfer: {path}: {len(frames) - len(poses)} frames without the person are left out", file=sys.stderr
        )
    return _Target(path, len(poses), tuple(poses))


def _people_of(path: Path, find: Finder) -> list[People]:
    from ..data.clips import read_clip
    from ..data.custom.own_images import find_images
    from ..image_io import read_image
    from ..pose import fit_to_canvas

    if path.is_dir():
        found = list(find(read_image(one.path) for one in find_images(path)))
    else:
        found = list(find(read_clip(path)))
    if not found:
        raise CommandError(f"expected at least one frame in {path}, got none; name another image, video or folder")
    return [fit_to_canvas(people, found[0].canvas) for people in found]


def _placed(poses: list[Pose], seen: Pose, options: Namespace) -> list[Pose]:
    """Poses of somebody else at the size and place of the person in the source, limbs and side of one of the two."""
    from ..pose.retargeting import retarget

    strength = 1.0 if options.limb_lengths == "source" else 0.0
    return retarget(poses, [seen], strength=strength, facing=options.facing)


def _names(files: list[tuple[Path, int]]) -> list[list[str]]:
    """A file name for each pose: the pose file's, numbered where it holds several, or where two would be the same."""
    names = [
        [path.stem] if count == 1 else [f"{path.stem}_{index:04d}" for index in range(count)] for path, count in files
    ]
    flat = [name for some in names for name in some]
    written = {name.lower() for name in flat} | {f"{name.lower()}_skeleton" for name in flat}
    if len(written) == 2 * len(flat):
        return names
    numbers = iter(range(len(flat)))
    return [[f"{name}_{next(numbers)}" for name in some] for some in names]


def _keep(sources: list[_Source], names: list[list[str]], options: Namespace) -> None:
    """Refuse to write over an image that is read, or one output over another."""
    seen = {real_path(source.image) for source in sources}
    outputs = [
        source.out / f"{name}{part}.png"
        for source in sources
        for some in names
        for name in some
        for part in (_PARTS if options.masks else _PARTS[:2])
    ]
    for path in outputs + ([options.attention] if options.attention else []):
        if real_path(path) in seen:
            raise CommandError(f"{path} would be overwritten; choose another --out or --attention")
        seen.add(real_path(path))
