"""Make the images of nodes in the help pages, on a real host's front end.

    python -m tools.node_pictures DPTNPersonMask
    python -m tools.node_pictures --after 2_edit_skeleton_and_attention DPTNTransferPose DPTNAttentionPreview

The second shows nodes of a workflow after its run. Wants a host and Chromium, as the tests in a browser do.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path += [str(ROOT / "tests" / "nodes"), str(ROOT / "tests" / "web")]

from browser import choose_renderer, chromium, new_page  # noqa: E402
from comfy_host import find_host, running_host  # noqa: E402

_SHOW = """
async ([kind, ran]) => {
  const { app, LiteGraph } = window;
  let node = app.graph._nodes.find((one) => one.type === kind && ran);
  if (!node) {
    app.graph.clear();
    node = LiteGraph.createNode(kind);
    app.graph.add(node);
    const size = node.computeSize();
    node.size = [Math.max(size[0], 340), size[1]];
  }
  app.canvas.ds.scale = ran ? 1 : 1.5;
  app.canvas.ds.offset = [80 - node.pos[0], 90 - node.pos[1]];
  app.canvas.deselectAll();
  app.graph.setDirtyCanvas(true, true);
  await new Promise((done) => setTimeout(done, 700));
  const from = app.canvas.convertOffsetToCanvas([node.pos[0] - 12, node.pos[1] - 33]);
  const to = app.canvas.convertOffsetToCanvas([node.pos[0] + node.size[0] + 12, node.pos[1] + node.size[1] + 12]);
  const box = app.canvas.canvas.getBoundingClientRect();
  return { x: box.left + from[0], y: box.top + from[1], width: to[0] - from[0], height: to[1] - from[1] };
}
"""
_RUN = """
async (workflow) => {
  await window.app.loadGraphData(workflow);
  await window.app.queuePrompt(0, 1);
}
"""
_WAIT = 25_000  # milliseconds in which a run ends


def main() -> None:
    """Write web/docs/images/nodes/<id>.png for each node id."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="+", help="node ids")
    parser.add_argument("--after", metavar="WORKFLOW", help="run this one of workflows/ and show its nodes")
    options = parser.parse_args()
    found = find_host()
    if isinstance(found, str):
        raise SystemExit(found)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_host(*found, Path(folder) / "base") as host,
        chromium() as browser,
    ):
        page = new_page(browser)
        choose_renderer(page, host, newer=False)
        if options.after:
            workflow = (ROOT / "workflows" / f"{options.after}.json").read_text(encoding="utf-8")
            page.evaluate(_RUN, json.loads(workflow))
            page.wait_for_timeout(_WAIT)
        for kind in options.kinds:
            clip: Any = page.evaluate(_SHOW, [kind, bool(options.after)])
            out = ROOT / "web" / "docs" / "images" / "nodes" / f"{kind}.png"
            page.screenshot(path=str(out), clip=clip)
            print(f"wrote {out}")


if __name__ == "__main__":
    main()
