"""Make the thumbnails of the workflows: run each on a real host and show what it makes, and small what it takes.

They are square, because hosts show them in square cards.

    python -m tools.workflow_thumbnails [1_pose_transfer ...]

Without names, of all. Wants a host, as the tests do.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps, ImageStat

ROOT = Path(__file__).parents[1]
sys.path += [str(ROOT / "tests" / "nodes"), str(ROOT / "tests" / "workflows")]

from comfy_host import find_host, running_host  # noqa: E402
from prompt_of import prompt_of  # noqa: E402

_SIDE = 512  # pixels
_INSET, _MARGIN, _FRAME = 150, 12, 2  # longer side of what is shown small, and what keeps it apart
_LATER = 8  # the image of a sequence that is shown
_BODY_PARTS = 4  # output of Attention Preview

Prompt = dict[str, dict[str, Any]]


def main(names: list[str]) -> None:
    """Write workflows/<name>.jpg for each name, or for all."""
    found = find_host()
    if isinstance(found, str):
        raise SystemExit(found)
    files = [ROOT / "workflows" / f"{name}.json" for name in names] or sorted((ROOT / "workflows").glob("*.json"))
    with tempfile.TemporaryDirectory() as folder, running_host(*found, Path(folder) / "base") as host:
        for path in files:
            out = path.with_suffix(".jpg")
            thumbnail(host, path).save(out, quality=88)
            print(f"wrote {out}")


def thumbnail(host: Any, path: Path) -> Image.Image:
    """The image that a workflow makes, and inset what it takes: the person, and the pose or the second person."""
    prompt: Prompt = prompt_of(json.loads(path.read_text(encoding="utf-8")), host.get("/object_info"))
    persons = _of(prompt, "DPTNSamplePerson") + _of(prompt, "DPTNLoadPerson")
    transfer = _of(prompt, "DPTNTransferPose")[0]
    shown = [[transfer, 0], *([person, 0] for person in persons)]
    if len(persons) == 1:
        skeleton = {"pose": prompt[transfer]["inputs"]["pose"], "width": 0, "height": 0, "style": "OpenPose"}
        prompt["skeleton"] = {"class_type": "DPTNDrawSkeleton", "inputs": {**skeleton, "thickness": 2.0}}
        shown.append(["skeleton", 0])
    shown += [[preview, _BODY_PARTS] for preview in _of(prompt, "DPTNAttentionPreview")]
    for number, link in enumerate(shown):
        prompt[f"shown {number}"] = {"class_type": "PreviewImage", "inputs": {"images": link}}
    run = host.run(prompt)
    if run.error is not None:
        raise SystemExit(f"{path.name}: {run.error}")
    images: list[Image.Image] = []
    for number in range(len(shown)):
        entries = run.outputs[f"shown {number}"]["images"]
        images.append(Image.fromarray(host.image(entries[min(_LATER, len(entries) - 1)])))
    return _with_insets(*images)


def _of(prompt: Prompt, kind: str) -> list[str]:
    return [name for name, node in prompt.items() if node["class_type"] == kind]


def _with_insets(made: Image.Image, *taken: Image.Image) -> Image.Image:
    """What is made fills the square; what is taken stands at the side where it covers the plainer part."""
    square = _filled(made)
    width, top = _INSET + 2 * _FRAME, _MARGIN
    sides = (_MARGIN, _SIDE - _MARGIN - width)
    left = min(sides, key=lambda x: sum(ImageStat.Stat(square.crop((x, 0, x + width, _SIDE))).var))
    for one in taken:
        small = one.copy()
        small.thumbnail((_INSET, _INSET), Image.Resampling.LANCZOS)
        framed = ImageOps.expand(small, _FRAME, "white")
        square.paste(framed, (left if left == _MARGIN else _SIDE - _MARGIN - framed.width, top))
        top += framed.height + _MARGIN
    return square


def _filled(image: Image.Image) -> Image.Image:
    """The whole image in the square, at the right: nothing of the person is cut."""
    fitted = image.copy().resize((round(image.width * _SIDE / image.height), _SIDE), Image.Resampling.LANCZOS)
    if fitted.width >= _SIDE:
        return ImageOps.fit(image, (_SIDE, _SIDE), Image.Resampling.LANCZOS)
    square = fitted.crop((0, 0, 1, _SIDE)).resize((_SIDE, _SIDE))
    square.paste(fitted, (_SIDE - fitted.width, 0))
    return square


if __name__ == "__main__":
    main(sys.argv[1:])
