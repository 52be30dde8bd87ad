"""Whether a real host stays whole in long use: memory over many prompts, interrupts, and several clients at once.

    python benchmarks/soak.py [--prompts 1000] [--interrupts 50] [--clients 4] [--height 512]

Wants a ComfyUI host (found as the tests find it). Every prompt generates a person in another pose, with texture. Prints

- the slope of the host's resident memory over the prompts, the host's history cleared after each, first tenth left out;
- what came of sequences that were interrupted at random moments, and whether an image is the same after them as before;
- whether clients that queue their prompts at once each receive their own images, as they do one after the other.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

PACK = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PACK / "tests" / "nodes"))

from comfy_host import Host, Run, find_host, running_host  # noqa: E402  # from the folder above
from graphs import STANDING, Graph, metadata, person, pose_frame, transfer_graph  # noqa: E402

FRAMES = 12  # of a sequence that is interrupted
EACH = 10  # prompts of a client


def generated(host: Host, height: int, *moved: float) -> tuple[Run, str]:
    """Generate the person moved that far, in pixels, in a frame each; the run, and a hash of the images."""
    graph, report, _ = graph_of(height, moved)
    run = host.run(graph.prompt)
    if run.error is not None:
        sys.exit(f"the host refused a prompt: {run.error}")
    return run, metadata(run, report)["hash"]


def graph_of(height: int, moved: tuple[float, ...]) -> tuple[Graph, str, str]:
    """The prompt, and its nodes that report the images and generate them."""
    graph, scale = Graph(), height / 512
    width = height * 3 // 4

    def frame(shift: float) -> dict[str, object]:
        return pose_frame([person([[x * scale + shift, y * scale] for x, y in STANDING])], width, height)

    image = graph.out(graph.add("ProbeSendImages", count=1, height=height, width=width, channels=3))
    seen, target = graph.send_pose([frame(0.0)]), graph.send_pose([frame(shift) for shift in moved])
    graph, nodes = transfer_graph(target, graph, image=image, pose=seen)
    graph.prompt[nodes["drawn"]]["inputs"]["poses_at_once"] = 1
    return graph, graph.report(graph.out(nodes["drawn"])), nodes["drawn"]


def memory_slope(host: Host, height: int, prompts: int) -> None:
    """Print how the host's memory grows with prompts."""
    used = []
    started = time.perf_counter()
    for number in range(prompts):
        generated(host, height, 1 + number / 50)
        host.post("/history", {"clear": True})
        used.append(host.memory() / 2**20)
    seconds = (time.perf_counter() - started) / prompts
    settled = used[prompts // 10 :]
    slope = 100 * float(np.polyfit(range(len(settled)), settled, 1)[0])
    print(
        f"{prompts} prompts, {seconds:.2f} s each: {settled[0]:.0f} MiB at the start, {settled[-1]:.0f} at the end, "
        f"{max(settled):.0f} at most; slope {slope:+.3f} MiB per 100 prompts"
    )


def interrupts(host: Host, height: int, count: int, dice: random.Random) -> None:
    """Print what comes of sequences interrupted at random moments, and whether the host generates the same after."""
    _, before = generated(host, height, 0.5)
    started = time.perf_counter()
    generated(host, height, *(1 + number / 10 for number in range(FRAMES)))
    whole = time.perf_counter() - started
    stopped = ended = 0
    for number in range(count):
        graph, _, _ = graph_of(height, tuple(2 + number + frame / 10 for frame in range(FRAMES)))
        prompt = host.queue(graph.prompt)
        time.sleep(dice.uniform(0, whole))
        host.post("/interrupt", {})
        run = host.wait(prompt)
        stopped += run.interrupted
        ended += not run.interrupted and run.error is None
    _, after = generated(host, height, 0.5)
    same = "the same image" if after == before else "ANOTHER IMAGE"
    print(f"{count} interrupts: {stopped} stopped a sequence, {ended} came too early or too late; {same} as before")


def clients_at_once(host: Host, height: int, count: int) -> None:
    """Print whether every client receives its own images."""
    shifts = [[20 + 3 * client + number / 10 for number in range(EACH)] for client in range(count)]

    def hashes(client: int, own: Host) -> list[str]:
        return [generated(own, height, shift)[1] for shift in shifts[client]]

    others = [Host(host.address, host.base, host.process, host.log) for _ in range(count)]
    for other in others:
        other.open()
    with ThreadPoolExecutor(count) as threads:
        together = list(threads.map(hashes, range(count), others))
    alone = [hashes(client, host) for client in range(count)]
    same = sum(np.equal(together, alone).ravel().tolist())
    print(f"{count} clients at once, {EACH} prompts each: {same} of {count * EACH} images as one after the other")


def main() -> None:
    """Run all three and print what they show."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=1000)
    parser.add_argument("--interrupts", type=int, default=50)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--height", type=int, default=512, help="of the images, in pixels (default: 512)")
    parser.add_argument("--seed", type=int, default=1, help="of the moments of interrupts (default: 1)")
    options = parser.parse_args()
    found = find_host()
    if isinstance(found, str):
        sys.exit(found)
    with tempfile.TemporaryDirectory() as folder, running_host(*found, Path(folder) / "base") as host:
        print("ComfyUI", host.get("/system_stats")["system"]["comfyui_version"])
        memory_slope(host, options.height, options.prompts)
        interrupts(host, options.height, options.interrupts, random.Random(options.seed))  # noqa: S311
        clients_at_once(host, options.height, options.clients)


if __name__ == "__main__":
    main()
