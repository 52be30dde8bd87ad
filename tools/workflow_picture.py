"""Make the image of a workflow for the README on a real host's front end.

    python -m tools.workflow_picture 0_photo_to_pose

Wants a host and Chromium, as the tests in a browser do.
"""

from __future__ import annotations

import io
import json
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path += [str(ROOT / "tests" / "nodes"), str(ROOT / "tests" / "web")]

from browser import choose_renderer, chromium, new_page  # noqa: E402
from comfy_host import Host, find_host, running_host  # noqa: E402

_VIEW = """
async (workflow) => {
  const { app } = window;
  await app.loadGraphData(workflow);
  await app.queuePrompt(0, 1);
}
"""
_FIT = """
async () => {
  const { app } = window;
  const nodes = app.graph._nodes;
  const left = Math.min(...nodes.map((n) => n.pos[0])) - 40;
  const top = Math.min(...nodes.map((n) => n.pos[1])) - 100;
  const right = Math.max(...nodes.map((n) => n.pos[0] + n.size[0])) + 40;
  const bottom = Math.max(...nodes.map((n) => n.pos[1] + n.size[1])) + 40;
  const box = app.canvas.canvas.getBoundingClientRect();
  const scale = Math.min((box.width - 80) / (right - left), (box.height - 60) / (bottom - top));
  app.canvas.ds.scale = scale;
  app.canvas.ds.offset = [70 / scale - left, 50 / scale - top];
  app.canvas.deselectAll();
  app.graph.setDirtyCanvas(true, true);
  await new Promise((done) => setTimeout(done, 1500));
}
"""
_LIMIT = 180  # seconds in which a run ends
_SETTLE = 3_000  # milliseconds in which its images are on the screen


def main(name: str) -> None:
    """Write web/docs/images/workflows/<name>.jpg."""
    found = find_host()
    if isinstance(found, str):
        raise SystemExit(found)
    workflow = json.loads((ROOT / "workflows" / f"{name}.json").read_text(encoding="utf-8"))
    with (
        tempfile.TemporaryDirectory() as folder,
        running_host(*found, Path(folder) / "base") as host,
        chromium() as browser,
    ):
        page = new_page(browser)
        choose_renderer(page, host, newer=False)
        page.evaluate(_VIEW, workflow)
        page.wait_for_timeout(_SETTLE)
        page.keyboard.press("Escape")  # what the front end says of models that are to be downloaded
        wait_until_idle(host)
        page.wait_for_timeout(_SETTLE)
        page.evaluate(_FIT)
        shot = Image.open(io.BytesIO(page.screenshot()))
    out = ROOT / "web" / "docs" / "images" / "workflows" / f"{name.removesuffix('_needs_downloads')}.jpg"
    shot.convert("RGB").save(out, quality=85)
    print(f"wrote {out}")


def wait_until_idle(host: Host) -> None:
    """Wait for the end of what the host has been given; raises TimeoutError."""
    end = time.monotonic() + _LIMIT
    while any(host.get("/queue").values()):
        if time.monotonic() > end:
            raise TimeoutError(f"the host is still at work after {_LIMIT} s")
        time.sleep(0.5)


if __name__ == "__main__":
    main(*sys.argv[1:])
