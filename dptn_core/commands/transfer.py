"""`dptn transfer`: redraw the person of a picture in other poses."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from .options import CommandError, add_model, load_model_of, size
from .poses import read_poses


def add_options(parser: ArgumentParser) -> None:
    """Options of the command."""
    parser.description = "Redraw the person of a picture in one or more poses."
    parser.add_argument("--image", type=Path, required=True, help="picture of the person, any format and size")
    parser.add_argument("--source-pose", type=Path, required=True, help="OpenPose JSON: the pose seen in the picture")
    parser.add_argument(
        "--target-pose",
        type=Path,
        required=True,
        nargs="+",
        help="OpenPose JSON files: one picture is drawn for each pose",
    )
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the pictures (default: out)")
    parser.add_argument(
        "--attention", type=Path, help="also write this picture of where the network looked for the first pose"
    )
    parser.add_argument(
        "--person", type=int, default=None, help="which person of the pose files, from 0 (default: largest)"
    )
    parser.add_argument(
        "--framing", choices=("fit", "stretch"), help="how the person is cut out (default: as the model was trained)"
    )
    parser.add_argument("--size", type=size, help="size the network works at, like 96x128 (default: its training size)")
    add_model(parser)


def run(options: Namespace) -> None:
    """`dptn transfer`."""
    from ..attention_picture import attention_picture
    from ..pictures import check_format, read_picture, write_picture
    from ..pose import Canvas, People, draw_skeleton
    from ..processes import place
    from ..transfer import encode_source, transfer

    if options.attention:
        check_format(options.attention)
    picture = read_picture(options.image)
    canvas = Canvas(picture.shape[2], picture.shape[1])
    source_pose = read_poses(options.source_pose, options.person, canvas)[0]
    read = [(path, read_poses(path, options.person, canvas)) for path in options.target_pose]
    names = _names([(path, len(poses)) for path, poses in read])
    outputs = [options.out / f"{name}{part}.png" for name in names for part in ("", "_skeleton")]
    _keep(options.image, outputs + ([options.attention] if options.attention else []))
    model = load_model_of(options)
    source = encode_source(model, picture, source_pose, framing=options.framing, size=options.size)
    unnamed: Iterator[str] = iter(names)
    rank, processes = place()
    for number, (_, poses) in enumerate(read):
        if number % processes != rank:  # another process draws it
            unnamed = islice(unnamed, len(poses), None)
            continue
        result = transfer(source, poses)  # the poses of one file are a sequence and share a frame
        for pose, drawn in zip(poses, result.pictures, strict=True):
            name = next(unnamed)
            path, skeleton = options.out / f"{name}.png", options.out / f"{name}_skeleton.png"
            write_picture(path, drawn)
            write_picture(skeleton, draw_skeleton(People((pose,), pose.canvas)))
            print(f"wrote {path} and {skeleton}")
        if options.attention and number == 0:
            write_picture(options.attention, attention_picture(result, 0))
            print(f"wrote {options.attention}")


def _names(files: list[tuple[Path, int]]) -> list[str]:
    """A file name for each pose: the pose file's, numbered where it holds several, or where two would be the same."""
    names: list[str] = []
    for path, count in files:
        names += [path.stem] if count == 1 else [f"{path.stem}_{index:04d}" for index in range(count)]
    written = {name.lower() for name in names} | {f"{name.lower()}_skeleton" for name in names}
    return names if len(written) == 2 * len(names) else [f"{name}_{index}" for index, name in enumerate(names)]


def _keep(image: Path, outputs: list[Path]) -> None:
    """Refuse to write over the picture that is read, or one output over another."""
    seen = {image.resolve()}
    for path in outputs:
        if path.resolve() in seen:
            raise CommandError(f"{path} would be written over; choose another --out or --attention")
        seen.add(path.resolve())
