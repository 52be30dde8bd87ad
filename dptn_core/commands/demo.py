"""`dptn demo`: transfer the images that ship to other poses, to see that everything works."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from .detected_people import THRESHOLD, people_finder, person_found
from .given_poses import read_poses
from .options import add_model, check_out, load_model_of

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


def add_options(parser: ArgumentParser) -> None:
    """Add --out and the options that choose a model."""
    parser.description = (
        "Transfer the drawn figure and the photograph that ship to other poses, and show the attention. The built-in "
        "detector finds the pose in the photograph."
    )
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the images (default: out)")
    add_model(parser)


def run(options: Namespace) -> None:
    """Write the figure and the photograph that ship in other poses, as images, a strip and an attention image each."""
    import torch

    from .. import samples
    from ..image_io import read_image, to_image
    from ..inference.attention_plot import attention_image
    from ..inference.texture_networks import compose_from, load_texturing
    from ..inference.transfer import encode_source, transfer
    from ..pose import People, draw_skeleton
    from ..pose.retargeting import retarget

    check_out(options.out)
    model = load_model_of(options)
    texturing = load_texturing(model.device)
    for name, path, pose_file in (
        ("figure", samples.FIGURE, samples.FIGURE_POSE),
        ("photograph", samples.STUDIO, None),
    ):
        image = read_image(path)
        if pose_file is None:
            (people,) = people_finder(options.device, THRESHOLD)([image])
            source_pose = person_found(people, None, path)
        else:
            source_pose = read_poses(pose_file, None)[0]
        source = encode_source(model, image, source_pose)
        files = samples.FIGURE_TARGETS
        poses = [read_poses(path, None)[0] for path in files]
        if poses[0].canvas != source_pose.canvas:  # one by one: they are no sequence
            poses = [retarget([pose], [source_pose], facing="source")[0] for pose in poses]
        result = transfer(source, poses, compose=compose_from(texturing, source))
        strip = [image]
        for file, pose, generated in zip(files, poses, result.images, strict=True):
            skeleton = draw_skeleton(People((pose,), pose.canvas))
            _write(options.out / f"{name}_{file.stem}.png", generated)
            _write(options.out / f"{name}_{file.stem}_skeleton.png", skeleton)
            strip += [to_image(skeleton), generated.cpu()]
        _write(options.out / f"{name}_strip.png", torch.cat(strip, dim=2))
        _write(options.out / f"{name}_attention.png", attention_image(result.generated.at(0)))
        print(f"wrote {options.out / name}_strip.png and {options.out / name}_attention.png")


def _write(path: Path, image: Tensor | np.ndarray) -> None:
    """Write an image, in place of what a killed run has left of it."""
    from ..image_io import write_image
    from ..system.files import remove_leftovers

    remove_leftovers(path)
    write_image(path, image)
