"""Make the README's animated image: a joint is dragged in the editor, and the person follows.

    python -m tools.editor_clip

Wants a host and Chromium, as the tests in a browser do. Every frame is taken when the draft of its pose is on the
screen, so that the image shows what live posing does and not how fast the machine is that made it.
"""

from __future__ import annotations

import io
import json
import math
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path += [str(ROOT / "tests" / "nodes"), str(ROOT / "tests" / "web")]

from browser import choose_renderer, chromium, new_page  # noqa: E402
from comfy_host import find_host, running_host  # noqa: E402

OUT: Final = ROOT / "docs" / "images" / "editor-live.webp"
WORKFLOW: Final = "0_photo_to_pose"
_FRAMES: Final = 30
_REACH: Final = (-40, 190)  # pixels on the screen that the wrist is pulled sideways and down
_SHOWN: Final = 120  # milliseconds a frame
_REST: Final = 1500  # the first and the last
_WIDTH: Final = 860  # pixels of the image
_LAY_OUT: Final = """
async (workflow) => {
  const { app } = window;
  await app.loadGraphData(workflow, true, true);
  const node = (type) => app.graph._nodes.find((one) => one.type === type);
  const [edit, transfer] = [node('DPTNEditSkeleton'), node('DPTNTransferPose')];
  transfer.pos = [edit.pos[0] + edit.size[0] + 20, edit.pos[1]];
  transfer.size = [edit.size[0], edit.size[1]];
  app.canvas.ds.scale = 1;
  app.canvas.ds.offset = [60 - edit.pos[0], 110 - edit.pos[1]];
  app.graph.setDirtyCanvas(true, true);
  window.shown = 0;
  const { api } = await import('/scripts/api.js');
  api.addEventListener('executed', ({ detail }) => {
    if (String(detail.node) === String(transfer.id) && detail.output.images) window.shown += 1;
  });
  await app.queuePrompt(0, 1);
  return [60, 110, edit.size[0] * 2 + 20, edit.size[1]];
}
"""


def main() -> None:
    """Write docs/images/editor-live.webp."""
    found = find_host()
    if isinstance(found, str):
        raise SystemExit(found)
    workflow = json.loads((ROOT / "workflows" / f"{WORKFLOW}.json").read_text(encoding="utf-8"))
    with (
        tempfile.TemporaryDirectory() as folder,
        running_host(*found, Path(folder) / "base") as host,
        chromium() as browser,
    ):
        page = new_page(browser)
        choose_renderer(page, host, newer=False)
        left, top, width, height = page.evaluate(_LAY_OUT, workflow)
        page.wait_for_function("window.shown > 0", timeout=120_000)
        page.wait_for_timeout(2000)
        page.locator(".dptn-editor [aria-label^='Live posing']").click()
        clip = {"x": left - 10, "y": top - 40, "width": width + 20, "height": min(height + 50, 1000 - top + 40)}
        frames = drag(page, clip)
    first, *rest = (frame.resize((_WIDTH, round(frame.height * _WIDTH / frame.width))) for frame in frames)
    shown = [_REST, *[_SHOWN] * (len(rest) - 1), _REST]
    first.save(OUT, save_all=True, append_images=rest, duration=shown, loop=0, quality=72, method=6)
    print(f"wrote {OUT}: {len(frames)} frames, {OUT.stat().st_size / 1e6:.1f} MB")


def drag(page: Any, clip: dict[str, float]) -> list[Image.Image]:
    """Pull the right wrist down and back again; an image of each draft."""
    wrist = page.locator(".dptn-editor circle[data-joint='4']").bounding_box()
    x, y = wrist["x"] + wrist["width"] / 2, wrist["y"] + wrist["height"] / 2
    frames = [look(page, clip)]
    page.mouse.move(x, y)
    page.mouse.down()
    for number in range(1, _FRAMES + 1):
        before = page.evaluate("window.shown")
        turn = 0.5 - 0.5 * math.cos(1.6 * math.pi * number / _FRAMES)  # down, and most of the way up
        page.mouse.move(x + _REACH[0] * math.sin(math.pi * turn), y + _REACH[1] * turn, steps=2)
        page.wait_for_function("before => window.shown > before", arg=before, timeout=30_000)
        page.wait_for_timeout(250)
        frames.append(look(page, clip))
    page.mouse.up()
    page.wait_for_timeout(6000)  # the whole image, once the joint is let go
    return [*frames, look(page, clip)]


def look(page: Any, clip: dict[str, float]) -> Image.Image:
    """What is on the screen."""
    return Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB")


if __name__ == "__main__":
    main()
