"""Make the icon and the banner that the ComfyUI registry shows: docs/images/icon.png and docs/images/banner.jpg.

    python -m tools.registry_images

Both are made of the rendered person that ships. The banner shows the person, a pose, and the person in this pose, as
`dptn transfer` redraws them; the icon is the pose alone. No host is needed.
"""

from __future__ import annotations

import math
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from dptn_core.cli import main as dptn
from dptn_core.pose import People, Pose, draw_silhouette, draw_skeleton, load_pose_file, save_pose_file
from dptn_core.samples import RENDERED, RENDERED_POSE

_IMAGES = Path(__file__).parents[1] / "docs" / "images"
_ICON = 400  # pixels a side, the most the registry takes
_BANNER = (1680, 720)  # width, height: 21:9
_PANELS = 3
_GROUND = np.array([24.0, 28.0, 42.0])  # RGB behind skeletons
_BODY = np.array([92.0, 104.0, 140.0])  # RGB of the icon's silhouette
_RIGHT_ELBOW, _RIGHT_WRIST = 3, 4
_LIFTED, _BENT = 70.0, 20.0  # degrees, clockwise in the image: upper arm about the shoulder, forearm about the elbow
_LIMB = 0.016  # half the thickness of the icon's limbs, of its side


def main() -> None:
    """Write both files."""
    person = load_pose_file(RENDERED_POSE)[0].people[0]
    target = _with_arm_raised(person)
    _icon(target).save(_IMAGES / "icon.png", optimize=True)
    _banner(target).save(_IMAGES / "banner.jpg", quality=88)


def _with_arm_raised(pose: Pose) -> Pose:
    """The pose with its right arm up; limbs keep their lengths."""
    points = pose.keypoints.copy()
    for joint, moved, degrees in (
        (_RIGHT_ELBOW - 1, [_RIGHT_ELBOW, _RIGHT_WRIST], _LIFTED),
        (_RIGHT_ELBOW, [_RIGHT_WRIST], _BENT),
    ):
        sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
        turn = np.array([[cosine, sine], [-sine, cosine]])  # of row vectors
        points[moved] = points[joint] + (points[moved] - points[joint]) @ turn
    return replace(pose, keypoints=points)


def _icon(pose: Pose) -> Image.Image:
    """Skeleton and body of a pose, from head to thigh."""
    points = pose.keypoints[pose.present]
    left, right = points[:, 0].min(), points[:, 0].max()
    side = 1.3 * (right - left)
    canvas = pose.canvas
    factor = _ICON / side
    size = round(canvas.height * factor), round(canvas.width * factor)
    people = People((pose,), canvas)
    body = draw_silhouette(people, size).astype(float) / 255
    image = _GROUND + (_BODY - _GROUND) * body
    lines = draw_skeleton(people, size, limb_width=_LIMB * _ICON, joint_radius=1.25 * _LIMB * _ICON)
    image = np.where(lines.any(-1, keepdims=True), lines, image)
    x, y = round(((left + right) / 2 - side / 2) * factor), round((points[:, 1].min() - 0.17 * side) * factor)
    bounds = (x, y, x + _ICON, y + _ICON)
    ground = Image.new("RGB", (_ICON, _ICON), tuple(_GROUND.astype(int)))
    ground.paste(Image.fromarray(image.astype(np.uint8)), (-bounds[0], -bounds[1]))
    return ground


def _banner(pose: Pose) -> Image.Image:
    """The source, the pose, and the source in this pose, side by side."""
    width, height = _BANNER[0] // _PANELS, _BANNER[1]
    with tempfile.TemporaryDirectory() as folder:
        file, out = Path(folder) / "target.json", Path(folder) / "out"
        save_pose_file(file, [People((pose,), pose.canvas)])
        asked = ["--image", str(RENDERED), "--target-pose", str(file), "--out", str(out), "--height", "1024"]
        if dptn(["transfer", *asked]):
            raise SystemExit("the banner's person could not be redrawn; see the line above")
        made = Image.open(out / "target.png").convert("RGB")
    lines = draw_skeleton(People((pose,), pose.canvas), (made.height, made.width))
    skeleton = Image.fromarray(np.where(lines.any(-1, keepdims=True), lines, _GROUND).astype(np.uint8))
    banner = Image.new("RGB", _BANNER)
    for place, image in enumerate((Image.open(RENDERED).convert("RGB"), skeleton, made)):
        banner.paste(_filling(image, (width, height)), (place * width, 0))
    return banner


def _filling(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The middle of an image that fills a size (width, height)."""
    scale = max(size[0] / image.width, size[1] / image.height)
    larger = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)
    left, top = (larger.width - size[0]) // 2, (larger.height - size[1]) // 2
    return larger.crop((left, top, left + size[0], top + size[1]))


if __name__ == "__main__":
    main()
