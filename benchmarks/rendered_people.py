"""How many rendered pairs a second this machine makes: one process of one thread a core.

python -m benchmarks.rendered_people [--size 128x176 --size 192x256] [--pairs 64] [--processes 2]
"""

from __future__ import annotations

import argparse
import time
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier

import torch

from dptn_core.commands.options import size
from dptn_core.data.synthetic.people import open_studio, render_pairs
from dptn_core.data.synthetic.synthetic_pairs import pair_seeds
from dptn_core.system.cores import usable_cores

BATCH = 8


def work(number: int, pairs: int, sizes: list[tuple[int, int]], ready: Barrier) -> None:
    """Render `pairs` pairs of each size, all processes at once; the first prints the speed of all."""
    torch.set_num_threads(1)
    studio = open_studio()
    for wanted in sizes:
        render_pairs(studio, pair_seeds(1, 0, BATCH), wanted)
        ready.wait()
        start = time.perf_counter()
        for first in range(0, pairs, BATCH):
            render_pairs(studio, pair_seeds(2 + number, first, BATCH), wanted)
        ready.wait()  # the slowest counts
        if number == 0:
            speed = ready.parties * pairs / (time.perf_counter() - start)
            print(f"{wanted[0]}x{wanted[1]} (height x width), {ready.parties} processes: {speed:.1f} pairs/s")


def main() -> None:
    """Print one line a size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=size, action="append", help="width x height (default: 128x176 and 192x256)")
    parser.add_argument("--pairs", type=int, default=64, help="a process and size, in batches of 8 (default: 64)")
    parser.add_argument("--processes", type=int, default=usable_cores())
    options = parser.parse_args()
    context = get_context("spawn")
    ready = context.Barrier(options.processes)
    sizes = options.size or [(176, 128), (256, 192)]
    open_studio()  # so that the cache is there before they all ask for it
    team = [
        context.Process(target=work, args=(number, options.pairs, sizes, ready)) for number in range(options.processes)
    ]
    for process in team:
        process.start()
    for process in team:
        process.join()


if __name__ == "__main__":
    main()
