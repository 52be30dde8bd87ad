"""How fast the attention explorer answers a hover in a browser, and how many bytes a run sends it.

    python benchmarks/attention_explorer.py [--hovers 300]

Wants Chromium and playwright, no host. For the starter model and for one of the paper's sizes with random weights,
whose attention has no pattern to compress, at 256x256 and 512x512: tokens, bytes of the attention file, and two times
of a hover in milliseconds (median, 95th percentile): until the explorer has answered, and until the page has been
painted too, which waits for the browser's next frame. With one pin set; asked of the target, of the source, and of a
region as large as the image.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import sys
from pathlib import Path
from typing import Any

import torch
from PIL import Image

PACK = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PACK), str(PACK / "tests" / "nodes"), str(PACK / "tests" / "web")]

from browser import chromium, new_page, served_pack  # noqa: E402  # from the folders above

from dptn_core.checkpoint import DPTNModel, load_model, starter_path  # noqa: E402
from dptn_core.image_io import to_bytes  # noqa: E402
from dptn_core.inference.attention_maps import attention_maps  # noqa: E402
from dptn_core.inference.transfer import encode_source, transfer  # noqa: E402
from dptn_core.network import Generator, GeneratorConfig  # noqa: E402
from dptn_core.pose import KEYPOINT_NAMES, Canvas, standing_pose  # noqa: E402

CANVAS = Canvas(512, 512)
HOVER = """async ([side, region, hovers]) => {
  const { explorer } = window;
  const [width, height] = explorer.run[side].canvas;
  const { stage } = explorer.panes[side];
  const painted = () => new Promise((done) => requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = done;
    port2.postMessage(0);
  }));
  const [answered, shown] = [[], []];
  for (let hover = 0; hover < hovers + 20; hover++) {
    const [x, y] = [(0.5 + 0.4 * Math.sin(hover * 1.7)), (0.5 + 0.4 * Math.cos(hover * 2.3))];
    const box = stage.getBoundingClientRect();
    await painted();
    const start = performance.now();
    if (region) explorer.point({ side, box: [0, 0, width * (0.9 + 0.1 * x), height], joint: null });
    else stage.dispatchEvent(new PointerEvent("pointermove", {
      clientX: box.left + x * box.width, clientY: box.top + y * box.height, bubbles: true,
    }));
    document.body.getBoundingClientRect(); // layout belongs to it
    const end = performance.now();
    await painted();
    if (hover < 20) continue;
    answered.push(end - start);
    shown.push(performance.now() - start);
  }
  return [answered, shown];
}"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hovers", type=int, default=300)
    options = parser.parse_args()
    with served_pack() as address, chromium() as browser:
        page = new_page(browser)
        page.goto(f"{address}/tests/web/explorer_page.html")
        page.wait_for_function("window.ready")
        for name, model in (("starter", load_model(starter_path())), ("paper's sizes, random", random_model())):
            for side in (256, 512):
                run, packed, metadata = explored(model, side)
                print(f"{name}, {side}x{side}: {metadata}", flush=True)
                page.evaluate("window.mount()")
                page.evaluate("([run, file]) => window.show(run, file)", [run, base64.b64encode(packed).decode()])
                page.evaluate("window.explorer.click(window.explorer.run, 'target', [256, 256], 0)")
                for question in ("target", "source"):
                    for region in (False, True):
                        answered, shown = page.evaluate(HOVER, [question, region, options.hovers])
                        asked = f"{question}{', whole image' if region else ''}"
                        print(f"  {asked:<24} answered {spread(answered)}   painted {spread(shown)}", flush=True)


def random_model() -> DPTNModel:
    """The paper's sizes, with weights large enough that attention is neither uniform nor a point."""
    torch.manual_seed(0)
    generator = Generator(GeneratorConfig())
    for weight in generator.parameters():
        if weight.ndim > 1:
            torch.nn.init.normal_(weight.data, std=1 / weight[0].numel() ** 0.5)
    return DPTNModel(generator.eval().requires_grad_(False), (256, 256), 6.0, "fit", {})


def explored(model: DPTNModel, side: int) -> tuple[dict[str, Any], bytes, str]:
    """A run as the explorer takes it, its packed maps, and their sizes in words."""
    pose = standing_pose(CANVAS)
    image = torch.rand(3, CANVAS.height, CANVAS.width, generator=torch.Generator().manual_seed(0))
    source = encode_source(model, image, pose, size=(side, side))
    result = transfer(source, [pose.transformed((0.9, 0.95), (20.0, 10.0), CANVAS)])
    maps = attention_maps(result.generated.at(0))
    packed = maps.packed()
    sides = {}
    for name, frame, of, shown in (
        ("target", result.generated.frame, result.generated.poses[0], result.images[0]),
        ("source", source.frame, source.pose, image),
    ):
        box = frame.box
        sides[name] = {
            "canvas": [CANVAS.width, CANVAS.height],
            "frame": [box.left, box.top, box.width, box.height],
            "joints": of.keypoints.round(1).tolist(),
            "images": [data_url(shown)],
        }
    numbers = {name: {**metadata, "images": []} for name, metadata in sides.items()}
    rows, columns = maps.grid
    metadata = (
        f"{rows * columns} tokens in cells of {maps.block}x{maps.block}, {maps.values.nbytes / 1e6:.2f} MB, "
        f"file {len(packed) / 1e6:.2f} MB, joints and frames {len(json.dumps(numbers))} bytes"
    )
    names = [name.replace("_", " ") for name in KEYPOINT_NAMES]
    return {"names": names, "views": ["image"], **sides}, packed, metadata


def data_url(image: torch.Tensor) -> str:
    """An image inside its own address."""
    buffer = io.BytesIO()
    Image.fromarray(to_bytes(image)).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def spread(values: list[float]) -> str:
    """Median and 95th percentile."""
    ordered = sorted(values)
    return f"{ordered[len(ordered) // 2]:5.2f} {ordered[int(0.95 * len(ordered))]:5.2f} ms"


if __name__ == "__main__":
    main()
