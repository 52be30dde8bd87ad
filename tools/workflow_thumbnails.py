"""Make the thumbnails of the workflows: run each on a real host and put its images side by side.

    python -m tools.workflow_thumbnails [1_pose_transfer ...]

Without names, of all. Wants a host, as the tests do.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path += [str(ROOT / "tests" / "nodes"), str(ROOT / "tests" / "workflows")]

from comfy_host import find_host, running_host  # noqa: E402
from prompt_of import prompt_of  # noqa: E402

_WIDTH, _HEIGHT = 800, 512  # pixels, of the strip and of its images before they are joined
_LATER = 8  # the other image of a sequence that is shown
_INVENTED = 3  # output of Transfer Pose
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
            strip(host, path).save(out, quality=88)
            print(f"wrote {out}")


def strip(host: Any, path: Path) -> Image.Image:
    """What a workflow takes and what it makes."""
    prompt: Prompt = prompt_of(json.loads(path.read_text(encoding="utf-8")), host.get("/object_info"))
    persons, drawing = _of(prompt, "DPTNSamplePerson"), _of(prompt, "DPTNTransferPose")[0]
    shown = [[person, 0] for person in persons]
    if len(persons) == 1:
        skeleton = {"pose": prompt[drawing]["inputs"]["pose"], "width": 0, "height": 0, "style": "OpenPose"}
        prompt["skeleton"] = {"class_type": "DPTNDrawSkeleton", "inputs": {**skeleton, "thickness": 1.0}}
        shown.append(["skeleton", 0])
    shown.append([drawing, 0])
    shown += [[preview, _BODY_PARTS] for preview in _of(prompt, "DPTNAttentionPreview")]
    if "diffusion" in path.stem:
        prompt["invented"] = {"class_type": "MaskToImage", "inputs": {"mask": [drawing, _INVENTED]}}
        shown.append(["invented", 0])
    for number, link in enumerate(shown):
        prompt[f"shown {number}"] = {"class_type": "PreviewImage", "inputs": {"images": link}}
    run = host.run(prompt)
    if run.error is not None:
        raise SystemExit(f"{path.name}: {run.error}")
    images: list[Image.Image] = []
    for number in range(len(shown)):
        entries = run.outputs[f"shown {number}"]["images"]
        images += [Image.fromarray(host.image(one)) for one in (entries[0], *entries[_LATER : _LATER + 1])]
    return _joined(images)


def _of(prompt: Prompt, kind: str) -> list[str]:
    return [name for name, node in prompt.items() if node["class_type"] == kind]


def _joined(images: list[Image.Image]) -> Image.Image:
    level = [one.resize((round(one.width * _HEIGHT / one.height), _HEIGHT), Image.Resampling.LANCZOS) for one in images]
    row = Image.new("RGB", (sum(one.width for one in level), _HEIGHT))
    left = 0
    for one in level:
        row.paste(one, (left, 0))
        left += one.width
    return row.resize((_WIDTH, round(_HEIGHT * _WIDTH / row.width)), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    main(sys.argv[1:])
