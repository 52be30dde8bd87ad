"""What the built-in pose detector and the person mask find where the ground truth is known, and how long they take.

    python -m benchmarks.detector --people 500 --figures 500

People are the sources of the fixed rendered test set `people-500` (wants the extra `train`); figures are drawn.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dptn_core.data.synthetic.figures import draw_pairs
from dptn_core.data.synthetic.synthetic_pairs import SyntheticPairs, pair_seeds
from dptn_core.detection import detect_frames, detect_people, load_movenet
from dptn_core.detection.crops import shrunk
from dptn_core.detection.movenet import MoveNet
from dptn_core.image_io import read_image
from dptn_core.pose import People
from dptn_core.samples import FIGURE
from dptn_core.segmentation import load_segmenter, person_mask

_NEAR = 0.2  # of the torso's length
_RIGHT_SHOULDER, _LEFT_SHOULDER, _HIPS = 2, 5, (8, 11)
_SIZE = (384, 288)
_FIGURES_SEED = 0x0DE7EC7
_BATCH = 10
_ROUNDS = 7
_THREE = Path("tests/core/detection/frames/two.jpg")  # and a bystander
_CANVAS = 1200  # pixels
_WALKING, _SHARE = Path("tests/core/detection/frames/walking.jpg"), 0.89  # of its height is the person
_TRACKED = 3  # frames, after the first


class _Case(NamedTuple):
    """An image (3, H, W) in [0, 1] of one person, xy of the joints, which are to be seen, and the mask (H, W)."""

    image: Tensor
    keypoints: np.ndarray
    visible: np.ndarray
    mask: np.ndarray


def main() -> None:
    """Print the measurements that were asked for, and the times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=0, help="how many rendered people")
    parser.add_argument("--figures", type=int, default=0, help="number of drawn figures")
    parser.add_argument("--several", type=Path, default=_THREE, help="three people, for times")
    options = parser.parse_args()
    torch.set_num_threads(1)
    network = load_movenet()
    if options.people:
        _accuracy(f"{options.people} rendered people", network, _people(options.people))
    if options.figures:
        _accuracy(f"{options.figures} drawn figures", network, _figures(options.figures))
    _smallest(network)
    _speed(network, read_image(options.several))


def _figures(count: int) -> Iterator[_Case]:
    for start in range(0, count, _BATCH):
        yield from _cases(draw_pairs(pair_seeds(_FIGURES_SEED, start, min(_BATCH, count - start)), _SIZE))


def _people(count: int) -> Iterator[_Case]:
    from dptn_core.data.synthetic.people import TEST_SEED, open_studio, render_pairs

    studio = open_studio()
    for start in range(0, count, _BATCH):
        seeds = pair_seeds(TEST_SEED, start, min(_BATCH, count - start))
        yield from _cases(render_pairs(studio, seeds, _SIZE, split="test"))


def _cases(pairs: SyntheticPairs) -> Iterator[_Case]:
    for number in range(len(pairs)):
        yield _Case(
            (pairs.source[number].float() + 1) / 2,
            pairs.source_keypoints[number].double().numpy(),
            pairs.source_visible[number].numpy(),
            pairs.source_mask[number].reshape(_SIZE).numpy(),
        )


def _accuracy(name: str, network: MoveNet, cases: Iterator[_Case]) -> None:
    """Joints that are found near their true place, of the best matching person, and the masks made of found poses."""
    segmenter = load_segmenter()
    hits: dict[str, list[np.ndarray]] = {"front": [], "back": []}
    found: list[int] = []
    overlaps: list[float] = []
    for case in cases:
        people = detect_people(network, case.image)
        found.append(len(people.people))
        view = "front" if case.keypoints[_LEFT_SHOULDER, 0] > case.keypoints[_RIGHT_SHOULDER, 0] else "back"
        hits[view].append(np.where(case.visible, _near(people, case), np.nan))
        if people.people:
            mask = person_mask(segmenter, case.image, people.largest()).numpy() > 0.5
            overlaps.append(float((mask & case.mask).sum() / (mask | case.mask).sum()))
        else:
            overlaps.append(0.0)
    print(f"{name}: of the joints to be seen, found within {_NEAR} of the torso's length")
    print(f"  all {np.nanmean(np.concatenate([np.array(rows) for rows in hits.values() if rows])):.1%}")
    for view, rows in hits.items():
        if rows:
            print(f"  {view} views ({len(rows)}) {np.nanmean(np.array(rows)):.1%}")
    print(f"  no person found in {found.count(0)}, two or more in {sum(count > 1 for count in found)}")
    low, middle = np.percentile(overlaps, [5, 50])
    print(f"  masks: intersection over union {np.mean(overlaps):.3f}, median {middle:.3f}, 5th percentile {low:.3f}")


def _near(people: People, case: _Case) -> np.ndarray:
    """(18,) bool: which joints of the person nearest to the ground truth are near their place."""
    shoulders = case.keypoints[[_RIGHT_SHOULDER, _LEFT_SHOULDER]]
    torso = np.hypot(*(shoulders.mean(axis=0) - case.keypoints[list(_HIPS)].mean(axis=0)))
    errors = [np.hypot(*(pose.keypoints - case.keypoints).T) for pose in people.people]
    near = [(error < _NEAR * torso) & pose.present for error, pose in zip(errors, people.people, strict=True)]
    best = max(near, key=lambda one: int(one.sum()), default=np.zeros(len(case.keypoints), bool))
    return best


def _smallest(network: MoveNet) -> None:
    """How small somebody may be in an image: a photograph of somebody who walks, on a square of grey."""
    photograph = read_image(_WALKING)
    found = []
    for parts in range(3, 41):
        height = min(_CANVAS * 2 // 3, round(_CANVAS / parts / _SHARE))
        small = shrunk(photograph, (height, max(1, height * photograph.shape[2] // photograph.shape[1])))
        image = torch.full((3, _CANVAS, _CANVAS), 0.5)
        image[:, _CANVAS // 3 :, _CANVAS // 2 :][:, : small.shape[1], : small.shape[2]] = small
        if not detect_people(network, image).people:
            break
        found.append(parts)
    print(f"somebody who walks is found down to 1/{max(found, default=1)} of the longer side of the image")


def _speed(network: MoveNet, several: Tensor) -> None:
    """Milliseconds on one core: an image of no person, one, three; a mask; a tracked frame of one and of three."""
    empty = torch.full((3, 512, 512), 0.5)
    one = read_image(FIGURE)
    segmenter, pose = load_segmenter(), detect_people(network, one).largest()
    cases: dict[str, Callable[[], object]] = {
        "an image without people, 512x512": lambda: detect_people(network, empty),
        f"one person, {one.shape[2]}x{one.shape[1]}": lambda: detect_people(network, one),
        f"three people, {several.shape[2]}x{several.shape[1]}": lambda: detect_people(network, several),
        f"the mask of a person, {one.shape[2]}x{one.shape[1]}": lambda: person_mask(segmenter, one, pose),
    }
    times: dict[str, list[float]] = {name: [] for name in cases}
    followed = {"a tracked frame, one person": one, "a tracked frame, three people": several}
    times |= {name: [] for name in followed}
    for _ in range(_ROUNDS):
        for name, run in cases.items():
            times[name].append(_seconds(run))
        for name, image in followed.items():
            frames = detect_frames(network, [image] * (_TRACKED + 1))
            next(frames)
            times[name] += [_seconds(lambda frames=frames: next(frames)) for _ in range(_TRACKED)]
    for name, values in times.items():
        print(f"{name}: {np.median(values) * 1e3:.0f} ms, {min(values) * 1e3:.0f} at best")


def _seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
