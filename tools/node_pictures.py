"""Make the pictures of nodes in the help pages, on a real host's front end.

    python -m tools.node_pictures DPTNPersonMask

Wants a host and Chromium, as the tests in a browser do.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path += [str(ROOT / "tests" / "nodes"), str(ROOT / "tests" / "web")]

from browser import choose_renderer, chromium, new_page  # noqa: E402
from comfy_host import find_host, running_host  # noqa: E402

_SHOW = """
async (kind) => {
  const { app, LiteGraph } = window;
  app.graph.clear();
  const node = LiteGraph.createNode(kind);
  app.graph.add(node);
  const size = node.computeSize();
  node.size = [Math.max(size[0], 340), size[1]];
  node.pos = [20, 50];
  app.canvas.ds.scale = 1.5;
  app.canvas.ds.offset = [60, 40];
  app.canvas.deselectAll();
  app.graph.setDirtyCanvas(true, true);
  await new Promise((done) => setTimeout(done, 700));
  const from = app.canvas.convertOffsetToCanvas([node.pos[0] - 12, node.pos[1] - 33]);
  const to = app.canvas.convertOffsetToCanvas([node.pos[0] + node.size[0] + 12, node.pos[1] + node.size[1] + 12]);
  const box = app.canvas.canvas.getBoundingClientRect();
  return { x: box.left + from[0], y: box.top + from[1], width: to[0] - from[0], height: to[1] - from[1] };
}
"""


def main(kinds: list[str]) -> None:
    """Write web/docs/images/nodes/<id>.png for each node id."""
    found = find_host()
    if isinstance(found, str):
        raise SystemExit(found)
    if not kinds:
        raise SystemExit(__doc__)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_host(*found, Path(folder) / "base") as host,
        chromium() as browser,
    ):
        page = new_page(browser)
        choose_renderer(page, host, newer=False)
        for kind in kinds:
            clip: Any = page.evaluate(_SHOW, kind)
            out = ROOT / "web" / "docs" / "images" / "nodes" / f"{kind}.png"
            page.screenshot(path=str(out), clip=clip)
            print(f"wrote {out}")


if __name__ == "__main__":
    main(sys.argv[1:])
