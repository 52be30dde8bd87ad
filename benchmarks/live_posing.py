"""How long live posing takes: from the change of a pose in the browser to the person's image, on a real host.

    python benchmarks/live_posing.py [--seconds 12] [--front-end-root FOLDER]

Wants a ComfyUI host (found as the tests find it), Chromium and playwright. Drags a wrist to and fro with live posing on
and prints the median and 95th percentile of what is spent where, in milliseconds: from the last move of the pointer
that counted until the prompt is on its way, until the host has taken it, until it has generated
the image, and until that is on the screen; and the images a second.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import sys
import tempfile
import time
from pathlib import Path

PACK = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PACK / "tests" / "nodes"))

from comfy_host import find_host, running_host  # noqa: E402  # from the folder above

READY = "window.app && window.app.graph && document.querySelector('canvas')"
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
LISTEN = """async () => {
  const edit = window.app.graph._nodes.find(n => n.type === 'DPTNEditSkeleton');
  const draw = String(window.app.graph._nodes.find(n => n.type === 'DPTNTransferPose').id);
  const canvas = window.app.canvas;
  canvas.ds.scale = 1; canvas.ds.offset = [-edit.pos[0] + 300, -edit.pos[1] + 300]; canvas.draw(true, true);
  const { api } = await import('/scripts/api.js');
  const queue = api.queuePrompt;
  window.sent = {}; window.shown = [];
  let moved = 0;
  const options = edit.dptnEditor.state.options;
  const change = options.onText;
  options.onText = text => { moved = window.event?.timeStamp ?? performance.now(); change(text); };
  api.queuePrompt = async (...given) => {
    const start = [moved, performance.now()];
    const answer = await queue.apply(api, given);
    window.sent[answer.prompt_id] = [...start, performance.now()];
    return answer;
  };
  api.addEventListener('executed', event => {
    const { node, output, prompt_id } = event.detail;
    if (String(node) !== draw || !output.images) return;
    const generated = performance.now();
    const image = new Image();
    image.onload = () => requestAnimationFrame(() => window.shown.push([prompt_id, generated, performance.now()]));
    image.src = api.apiURL('/view?' + new URLSearchParams(output.images[0]));
  });
  edit.dptnEditor.element.querySelector('[aria-label^="Live posing"]').click();
}"""


def main() -> None:
    """Measure and print."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=12.0)
    parser.add_argument("--front-end-root", default=None, help="static folder of another front end")
    options = parser.parse_args()
    found, chromium = find_host(), shutil.which("chromium") or shutil.which("google-chrome")
    if isinstance(found, str) or chromium is None:
        sys.exit(found if isinstance(found, str) else "no Chromium found")
    extra = ["--front-end-root", options.front_end_root] if options.front_end_root else []
    workflow = json.loads((PACK / "workflows" / "2_edit_skeleton_and_attention.json").read_text())
    with (
        tempfile.TemporaryDirectory() as folder,
        running_host(*found, Path(folder) / "base", *extra) as host,
        sync_playwright() as runner,
    ):
        page = runner.chromium.launch(executable_path=chromium, args=FLAGS).new_page(
            viewport={"width": 1500, "height": 1000}
        )
        page.goto(f"http://{host.address}")
        page.wait_for_function(READY, timeout=90_000)
        page.wait_for_timeout(3000)
        page.evaluate("async w => { await window.app.loadGraphData(w, true, true) }", workflow)
        page.wait_for_timeout(1000)
        page.keyboard.press("Escape")
        page.evaluate("window.app.queuePrompt(0, 1)")
        page.wait_for_timeout(10_000)
        page.evaluate(LISTEN)
        page.wait_for_timeout(2000)
        page.evaluate("() => { window.sent = {}; window.shown = []; }")
        duration = drag(page, options.seconds)
        page.wait_for_timeout(1500)
        sent, shown = page.evaluate("window.sent"), page.evaluate("window.shown")
    known = [(*sent[name], generated, done) for name, generated, done in shown if name in sent]
    print(f"{len(known)} images, {len(known) / duration:.1f} a second")
    stages = ("prompt on its way", "prompt taken", "generated", "image on the screen")
    for stage, name in enumerate(stages, 1):
        report(name, [times[stage] - times[stage - 1] for times in known])
    report("drag event to image", [times[-1] - times[0] for times in known])


def drag(page: object, seconds: float) -> float:
    """Pull the right wrist about for some seconds."""
    x, y = page.evaluate(  # type: ignore[attr-defined]
        "() => { const box = document.querySelector('.dptn-editor circle[data-joint=\"4\"]').getBoundingClientRect();"
        " return [box.x + box.width / 2, box.y + box.height / 2]; }"
    )
    mouse = page.mouse  # type: ignore[attr-defined]
    mouse.move(x, y)
    mouse.down()
    start, step = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        step += 1
        mouse.move(x + 30 * math.sin(step / 9), y + 40 + 40 * math.cos(step / 9))
        time.sleep(0.03)
    mouse.up()
    return time.perf_counter() - start


def report(name: str, values: list[float]) -> None:
    """Print the median and the 95th percentile."""
    ordered = sorted(values)
    if ordered:
        print(f"{name:<24} {ordered[len(ordered) // 2]:6.0f} {ordered[int(0.95 * len(ordered))]:6.0f} ms")


if __name__ == "__main__":
    main()
