"""A kept set on disk: bytes of a pair by what they hold, and the time to read one.

    dptn figures --kind people --keep FOLDER --pairs 500 --size 128x176
    python -m benchmarks.kept_pairs FOLDER

Times are of one thread's CPU, so that what else runs changes them little; medians of batches of 8.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open

from dptn_core.data.synthetic.kept import KeptSet, open_kept, read_pairs

_ROUNDS, _BATCH = 30, 8
_WANTED = 20_000  # pairs


def bytes_a_pair(kept: KeptSet) -> dict[str, float]:
    """By what they hold; the last entry is all of it, the manifest and the files' own headers among it."""
    names = ("source and target", "labels, mattes, masks", "correspondence")
    held = dict.fromkeys(names, 0.0)
    manifest = kept.manifest
    for shard in range(manifest.shards):
        with safe_open(manifest.path(kept.folder, shard), framework="numpy") as file:
            sizes = np.diff(file.get_tensor("ends").ravel(), prepend=0).reshape(-1, 4).sum(0)
        for name, size in zip(names, (sizes[0] + sizes[1], sizes[2], sizes[3]), strict=True):
            held[name] += float(size)
    whole = sum(path.stat().st_size for path in kept.folder.iterdir())
    held["keypoints, depth, the rest"] = whole - sum(held.values())
    held["all"] = whole
    return {name: size / len(kept) for name, size in held.items()}


def milliseconds(kept: KeptSet, augment_seed: int | None) -> float:
    """CPU time to read a pair."""
    random = np.random.default_rng(0)
    times = []
    for _ in range(_ROUNDS):
        numbers = random.integers(0, len(kept), _BATCH).tolist()
        started = time.process_time()
        read_pairs(kept, numbers, augment_seed)
        times.append((time.process_time() - started) / _BATCH * 1e3)
    return statistics.median(times)


def main() -> None:
    """Print both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    kept = open_kept(options.folder)
    print(f"{len(kept)} pairs of {kept.manifest.width}x{kept.manifest.height}; bytes a pair, and MB for {_WANTED:,}:")
    for name, size in bytes_a_pair(kept).items():
        print(f"  {name:28}{size:>8.0f}{size * _WANTED / 1e6:>8.0f}")
    print("CPU ms to read a pair:")
    for name, seed in (("as it is", None), ("recoloured, mirrored, cropped", 1)):
        print(f"  {name:30}{milliseconds(kept, seed):>6.1f}")


if __name__ == "__main__":
    main()
