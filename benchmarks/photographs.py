"""Photographs redrawn in four poses that ship: is the pose found again, is it sharp, is it the same face?

    python -m benchmarks.photographs IMAGE... [--model FILE] [--carrier FILE] [--height 512] [--sheet sheet.png]

For each image the built-in detector finds the person, who is redrawn in every pose by the network alone and with its
texture; the detector then looks for the requested pose in the answer. No image here is ever trained on.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from dptn_core.checkpoint import load_model, starter_path
from dptn_core.commands.options import output_image
from dptn_core.detection import MoveNet, detect_people, load_movenet
from dptn_core.evaluation.people_scores import mean_gradient
from dptn_core.image_io import read_image, resize, write_image
from dptn_core.inference.carrier_file import CARRIER, load_carrier
from dptn_core.inference.texture_networks import Texturing, compose_from
from dptn_core.inference.transfer import EncodedSource, encode_source, transfer
from dptn_core.pose import Canvas, Pose, load_pose_file
from dptn_core.pose.retargeting import retarget
from dptn_core.samples import POSES
from dptn_core.segmentation import can_be_masked, load_segmenter, person_mask

NAMES = ("wave", "walk", "cheer", "greeting_sequence")
NECK, HIPS, FACE, ARMS = 1, (8, 11), (0, 14, 15), (3, 4, 6, 7)
NEAR = 0.2  # of the trunk's length
MAX_SIDE = 2048  # pixels of an image's longer side


def targets(person: Pose) -> list[Pose]:
    """The four poses, taken by this person where they stand, from the side that their image shows."""
    poses = []
    for name in NAMES:
        frames = [people.largest() for people in load_pose_file(POSES[name])]
        poses += retarget([frames[len(frames) // 2]], [person], facing="source")
    return poses


def found_again(detector: MoveNet, image: Tensor, wanted: Pose) -> tuple[np.ndarray, float]:
    """Whether each wanted joint inside the image is found near, (18,) with NaN where nobody asks; score of the face."""
    height, width = image.shape[1:]
    xy = wanted.rescaled(Canvas(width, height)).keypoints
    asked = wanted.present & (xy >= 0).all(1) & (xy[:, 0] < width) & (xy[:, 1] < height)
    hips = [xy[hip] for hip in HIPS if wanted.present[hip]]
    trunk = np.linalg.norm(xy[NECK] - np.mean(hips, axis=0)) if hips and wanted.present[NECK] else height / 4
    hits = np.where(asked, 0.0, np.nan)
    face = 0.0
    for pose in detect_people(detector, image).people:
        near = np.linalg.norm(pose.keypoints - xy, axis=1) < NEAR * trunk
        these = np.where(asked, (near & pose.present).astype(float), np.nan)
        if np.nansum(these) >= np.nansum(hits):
            hits, face = these, float(pose.confidence[list(FACE)].mean())
    return hits, face


def around(image: Tensor, source: EncodedSource, height: int) -> Tensor:
    """The frame's part of an image, for a sheet."""
    box = source.frame.box
    part = image[:, max(0, box.top) : box.bottom, max(0, box.left) : box.right]
    return resize(part, (height, max(1, round(part.shape[2] * height / part.shape[1]))))


def scaled_to(image: Tensor, largest: int) -> Tensor:
    """An image whose longer side is at most `largest` pixels."""
    factor = largest / max(image.shape[1:])
    return image if factor >= 1 else resize(image, (round(image.shape[1] * factor), round(image.shape[2] * factor)))


def main() -> None:
    """Print a row for each image, and the means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path, nargs="+")
    parser.add_argument("--model", type=Path, default=starter_path())
    parser.add_argument("--carrier", type=Path, default=CARRIER)
    parser.add_argument("--height", type=int, default=512, help="of the person's frame, at which sharpness is compared")
    parser.add_argument("--sheet", type=output_image, help="also write the images, a row for each photograph")
    options = parser.parse_args()
    torch.set_num_threads(1)
    model, detector = load_model(options.model), load_movenet()
    texturing = Texturing(load_carrier(path=options.carrier), load_segmenter())
    joints: dict[str, list[np.ndarray]] = {"network": [], "texture": []}
    faces: dict[str, list[float]] = {"network": [], "texture": []}
    sharp: dict[str, list[float]] = {"network": [], "texture": []}
    lines = []
    print("| image | found again | arms | sharpness | face |\n|---|---|---|---|---|")
    for path in tqdm(options.images):
        image = scaled_to(read_image(path), MAX_SIDE)
        person = detect_people(detector, image).largest()
        source = encode_source(model, image, person)
        scale = options.height / source.frame.box.height
        poses = targets(person)
        canvas = poses[0].canvas
        size = (max(1, round(canvas.height * min(1.0, scale))), max(1, round(canvas.width * min(1.0, scale))))
        compose = compose_from(texturing, source)
        small = resize(image, size)
        if not can_be_masked(person):
            print(f"| {path.name} | too few joints for a mask |")
            continue
        mask = resize(person_mask(texturing.segmenter, image, person)[None], size)[0] > 0.5
        steps = float(mean_gradient(small[None] * 2 - 1, mask[None]))
        face = float(person.confidence[list(FACE)].mean())
        cells = [around(image, source, 400)]
        for pose in poses:
            textured = transfer(source, [pose], compose=compose, size=size)
            alone = transfer(source, [pose], size=size)
            matte = textured.mattes[0] > 0.5 if textured.mattes is not None else mask
            for name, result in (("network", alone), ("texture", textured)):
                hits, score = found_again(detector, result.images[0], pose)
                joints[name].append(hits)
                faces[name].append(score / face if face > 0 else np.nan)
                sharp[name].append(float(mean_gradient(result.images[:1] * 2 - 1, matte[None])) / steps)
                if name == "texture":
                    shown = resize(result.images[0], (canvas.height, canvas.width))
                    cells.append(around(shown, source, 400))
        print(row(path.name, joints["texture"][-4:], sharp["texture"][-4:], faces["texture"][-4:]))
        lines.append(torch.cat(cells, 2))
    for name in joints:
        print(row(f"**{name}, all**", joints[name], sharp[name], faces[name]))
    if options.sheet:
        widest = max(line.shape[2] for line in lines)
        padded = [torch.nn.functional.pad(line, (0, widest - line.shape[2])) for line in lines]
        write_image(options.sheet, torch.cat(padded, 1))


def row(name: str, joints: list[np.ndarray], sharp: list[float], faces: list[float]) -> str:
    """One line of a Markdown table."""
    every = np.stack(joints)
    kept = np.nanmean(np.asarray(faces) >= 0.9)
    return (
        f"| {name} | {np.nanmean(every):.3f} | {np.nanmean(every[:, list(ARMS)]):.3f} | {np.mean(sharp):.2f} "
        f"| {np.nanmean(faces):.2f} (0.9 kept: {kept:.0%}) |"
    )


if __name__ == "__main__":
    main()
