"""What texture costs beyond the network, on the figure that ships: seconds, and memory at 2048 pixels of height.

    python -m benchmarks.texture_speed [--threads 1] [--rounds 5]

Best of the rounds; sizes take turns, so that whatever else the machine does falls on all of them.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Callable
from pathlib import Path

import torch

from dptn_core.checkpoint import load_model, starter_path
from dptn_core.image_io import read_image
from dptn_core.inference.source_texture import encode_texture
from dptn_core.inference.texture import compose_texture, decide
from dptn_core.inference.texture_networks import load_texturing, mask_of
from dptn_core.inference.transfer import Composed, Generated, encode_source, transfer
from dptn_core.pose import load_pose_file
from dptn_core.samples import FIGURE, FIGURE_POSE, POSES

HEIGHTS = (256, 512, 1024, 2048)
_PAGE, _MIB = 4096, 2**20


def memory() -> float:
    """MiB that this process holds (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE / _MIB


def max_memory(run: Callable[[], object]) -> float:
    """MiB by which the process grows at most while something runs."""
    before, peak, done = memory(), [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.002):
            peak[0] = max(peak[0], memory() - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    run()
    done.set()
    watcher.join()
    return peak[0]


def main() -> None:
    """Print a line for each step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    image, pose = read_image(FIGURE), load_pose_file(FIGURE_POSE)[0].largest()
    wave = load_pose_file(POSES["wave"])[0].largest()
    source = encode_source(load_model(starter_path()), image, pose)
    texturing = load_texturing()
    mask = mask_of(texturing.segmenter, image, [pose])
    texture = encode_texture(texturing.carrier, source, mask)
    kept: list[Generated] = []

    def keep(generated: Generated, size: tuple[int, int]) -> Composed:
        kept.append(generated)
        return compose_texture(decide(texturing.carrier, texture, generated), texture, size)

    transfer(source, [wave], compose=keep)
    decision = decide(texturing.carrier, texture, kept[0])
    steps: dict[str, Callable[[], object]] = {
        "source, once: person mask": lambda: mask_of(texturing.segmenter, image, [pose]),
        "source, once: texture": lambda: encode_texture(texturing.carrier, source, mask),
        "a pose: network": lambda: transfer(source, [wave]),
        "a pose: decide": lambda: decide(texturing.carrier, texture, kept[0]),
    }
    for height in HEIGHTS:
        size = (height, height * 3 // 4)
        steps[f"a pose: compose {height}"] = lambda size=size: compose_texture(decision, texture, size)  # type: ignore[misc]
    best = dict.fromkeys(steps, float("inf"))
    for _ in range(options.rounds):
        for name, step in steps.items():
            begin = time.perf_counter()
            step()
            best[name] = min(best[name], time.perf_counter() - begin)
    for name, seconds in best.items():
        print(f"{name:28s} {seconds:.3f} s")
    largest = (HEIGHTS[-1], HEIGHTS[-1] * 3 // 4)
    grown = max_memory(lambda: compose_texture(decision, texture, largest))
    print(f"memory at {HEIGHTS[-1]:<18d} {grown:.0f} MiB")


if __name__ == "__main__":
    main()
