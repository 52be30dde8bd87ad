"""How long the skeleton editor takes to stand, in a real browser, without a host.

    python benchmarks/editor_start.py [--runs 20]

Wants Chromium and playwright. Loads a bare page with the editor on it, each time with an empty cache, and prints the
median and 95th percentile in milliseconds: until the modules have arrived and run, until the editor is in the page,
and until it is painted. The modules come from this machine without compression; their size on the wire is printed too.
"""

from __future__ import annotations

import argparse
import gzip
import sys
from pathlib import Path

PACK = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PACK / "tests" / "nodes"), str(PACK / "tests" / "web")]

from browser import CHROMIUM, chromium, served_pack  # noqa: E402  # from the folder above

MOUNT = """async () => {
  const start = performance.now();
  const { SkeletonEditor } = await import('/web/skeleton/editor.js');
  const loaded = performance.now();
  const size = { width: 384, height: 512 };
  const editor = new SkeletonEditor({ onChange() {}, onLive() {}, fallbackCanvas: () => size });
  const place = document.createElement('div');
  place.style.cssText = 'width: 420px; height: 700px';
  place.append(editor.element);
  document.body.append(place);
  const stands = performance.now();
  await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
  if (!document.querySelector('.dptn-editor circle.joint')) throw new Error('the editor shows no joint');
  return [loaded - start, stands - loaded, performance.now() - stands, performance.now() - start];
}"""
STAGES = ("modules loaded and run", "editor in the page", "painted", "whole start")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    runs = parser.parse_args().runs
    if CHROMIUM is None:
        sys.exit("no Chromium found")
    times, files = [], set()
    with chromium() as browser, served_pack() as root:
        for _ in range(runs):
            page = browser.new_page(viewport={"width": 1500, "height": 1000})  # a context of its own: nothing is cached
            page.on("request", lambda sent: files.add(sent.url.removeprefix(root + "/")))
            page.goto(f"{root}/web/skeleton/")  # a list of files: nothing of the editor is loaded yet
            times.append(page.evaluate(MOUNT))
            page.close()
    modules = [PACK / file for file in files if file.endswith(".js")]
    size = sum(len(gzip.compress(module.read_bytes())) for module in modules)
    print(f"{len(modules)} modules, {size / 1000:.1f} kB gzipped, {runs} starts")
    for name, values in zip(STAGES, zip(*times, strict=True), strict=True):
        ordered = sorted(values)
        print(f"{name:<24} {ordered[len(ordered) // 2]:6.0f} {ordered[int(0.95 * len(ordered))]:6.0f} ms")


if __name__ == "__main__":
    main()
