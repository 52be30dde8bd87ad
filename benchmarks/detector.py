"""What the built-in pose detector and the person mask find where the truth is known, and how long they take.

    python -m benchmarks.detector --figures 500
    python -m benchmarks.detector --people people.npz

A file of people holds `image` (N, H, W, 3) uint8, `keypoints` (N, 18, 3): x, y in pixels, and 1 where the joint is to
be seen, of one person an image, and, for the masks, `mask` (N, H, W), 0 to 1.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dptn_core.data.figures import draw_pairs, pair_seeds
from dptn_core.detection import detect_frames, detect_people, load_movenet
from dptn_core.detection.movenet import MoveNet
from dptn_core.pictures import read_picture
from dptn_core.pose import People
from dptn_core.samples import FIGURE
from dptn_core.segmentation import load_segmenter, person_mask

_NEAR = 0.2  # of the torso's length
_RIGHT_SHOULDER, _LEFT_SHOULDER, _HIPS = 2, 5, (8, 11)
_SEED = 0x0DE7EC7
_BATCH = 10
_ROUNDS = 7


def main() -> None:
    """Print the measurements that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=Path, help=".npz of people with known joints")
    parser.add_argument("--figures", type=int, default=0, help="how many drawn figures")
    parser.add_argument("--frames", type=Path, default=Path("tests/core/detection/two.jpg"), help="to measure speed on")
    options = parser.parse_args()
    torch.set_num_threads(1)
    network = load_movenet()
    if options.people:
        with np.load(options.people) as data:
            images, keypoints = data["image"], data["keypoints"]
            masks = data.get("mask")
        cases = ((torch.from_numpy(i).permute(2, 0, 1) / 255, k) for i, k in zip(images, keypoints, strict=True))
        _accuracy(f"{len(images)} people of {options.people.name}", network, cases)
        if masks is not None:
            _masks(network, images, masks)
    if options.figures:
        _accuracy(f"{options.figures} drawn figures", network, _figures(options.figures))
    _speed(network, read_picture(options.frames))


def _figures(count: int) -> Iterable[tuple[Tensor, np.ndarray]]:
    for start in range(0, count, _BATCH):
        pairs = draw_pairs(pair_seeds(_SEED, start, min(_BATCH, count - start)), (384, 288))
        for image, xy, present in zip(pairs.source, pairs.source_keypoints, pairs.source_present, strict=True):
            yield (image + 1) / 2, np.column_stack([xy.numpy(), present.numpy()])


def _accuracy(name: str, network: MoveNet, cases: Iterable[tuple[Tensor, np.ndarray]]) -> None:
    """Shares of the joints to be seen that are found near their true place; of the best matching person."""
    hits: dict[str, list[np.ndarray]] = {"front": [], "back": []}
    found: list[int] = []
    for image, truth in cases:
        people = detect_people(network, image, threshold=0)
        found.append(len(people.people))
        view = "front" if truth[_LEFT_SHOULDER, 0] > truth[_RIGHT_SHOULDER, 0] else "back"
        hits[view].append(np.where(truth[:, 2] > 0, _near(people, truth), np.nan))
    print(f"{name}: of the joints to be seen, found within {_NEAR} of the torso's length")
    both = np.concatenate([np.array(rows) for rows in hits.values() if rows])
    print(f"  all {np.nanmean(both):.1%}")
    for view, rows in hits.items():
        if rows:
            print(f"  {view} views ({len(rows)}) {np.nanmean(np.array(rows)):.1%}")
    print(f"  nobody found in {found.count(0)}, two or more in {sum(count > 1 for count in found)}")


def _near(people: People, truth: np.ndarray) -> np.ndarray:
    """(18,) bool: which joints of the person nearest to the truth are near their place."""
    shoulders = truth[[_RIGHT_SHOULDER, _LEFT_SHOULDER], :2]
    torso = np.hypot(*(shoulders.mean(axis=0) - truth[list(_HIPS), :2].mean(axis=0)))
    errors = [np.hypot(*(pose.keypoints - truth[:, :2]).T) for pose in people.people]
    near = [(error < _NEAR * torso) & pose.present for error, pose in zip(errors, people.people, strict=True)]
    best = max(near, key=lambda one: int(one.sum()), default=np.zeros(len(truth), bool))
    return best


def _masks(network: MoveNet, images: np.ndarray, masks: np.ndarray) -> None:
    """Intersection over union of the masks made from detected poses with the true ones; 0 where nobody was found."""
    segmenter = load_segmenter()
    scores = []
    for pixels, true in zip(images, masks, strict=True):
        image = torch.from_numpy(pixels).permute(2, 0, 1) / 255
        people = detect_people(network, image)
        if not people.people:
            scores.append(0.0)
            continue
        found = person_mask(segmenter, image, people.largest()).numpy() > 0.5
        scores.append(float((found & (true > 0.5)).sum() / (found | (true > 0.5)).sum()))
    low, middle = np.percentile(scores, [5, 50])
    print(f"masks: intersection over union {np.mean(scores):.3f}, median {middle:.3f}, 5th percentile {low:.3f}")


def _speed(network: MoveNet, two: Tensor) -> None:
    """Milliseconds on one core: an image with nobody, one, two people; a tracked frame of each."""
    square = torch.full((3, 512, 512), 0.5)
    one = read_picture(FIGURE)
    segmenter, pose = load_segmenter(), detect_people(network, one).largest()
    cases: dict[str, Callable[[], object]] = {
        "an image of nobody, 512x512": lambda: detect_people(network, square),
        f"one person, {one.shape[2]}x{one.shape[1]}": lambda: detect_people(network, one),
        f"the mask of a person, {one.shape[2]}x{one.shape[1]}": lambda: person_mask(segmenter, one, pose),
        f"two people, {two.shape[2]}x{two.shape[1]}": lambda: detect_people(network, two),
    }
    times: dict[str, list[float]] = {name: [] for name in cases}
    for tracked in ("a tracked frame, one person", "a tracked frame, two people"):
        times[tracked] = []
    for _ in range(_ROUNDS):
        for name, run in cases.items():
            times[name].append(_seconds(run))
        for tracked, image in (("a tracked frame, one person", one), ("a tracked frame, two people", two)):
            frames = detect_frames(network, [image] * 4)
            next(frames)
            times[tracked] += [_seconds(lambda frames=frames: next(frames)) for _ in range(3)]
    for name, values in times.items():
        print(f"{name}: {np.median(values) * 1e3:.0f} ms, {min(values) * 1e3:.0f} at best")


def _seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
