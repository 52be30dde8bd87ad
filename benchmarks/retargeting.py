"""Poses of one rendered person retargeted to another: how far are their limbs from the other's own, in the same pose?

    python -m benchmarks.retargeting [--pairs 400]
    python -m benchmarks.retargeting --proportions

Each pair is two people of different builds. One is seen in one pose, as a source image shows them; the other takes
another pose, which is retargeted to the first. The ground truth is the first in that pose. Keypoints are projected from
the bodies, from far away. Errors are in trunk lengths of the first, "fitted" is scaled as a whole.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np
import torch
from tqdm import tqdm

from dptn_core.data.synthetic.people import TEST_SEED, open_studio
from dptn_core.data.synthetic.people.render import Studio, pose_people, sample_cast
from dptn_core.pose import Canvas, Pose, fit_to_person
from dptn_core.pose.retargeting import KINDS, retarget

CANVAS = Canvas(1000, 1000)
BATCH = 8
LIMBS = ((2, 3), (5, 6), (3, 4), (6, 7), (8, 9), (11, 12), (9, 10), (12, 13))
NAMES = ("upper arm", "upper arm", "forearm", "forearm", "thigh", "thigh", "shin", "shin")


def seen(joints: torch.Tensor) -> Pose:
    """World joints (18, 3) in metres from far in front."""
    xy = joints[:, :2].double().numpy() * 350
    return Pose(xy - xy.mean(0) + 500, np.ones(18), CANVAS)


def samples(studio: Studio, first: int, count: int) -> list[tuple[Pose, Pose, Pose]]:
    """The first person's source pose, the second's target pose, and the first's target pose."""
    ours, theirs = (
        sample_cast(studio, [TEST_SEED + start + n for n in range(first, first + count)], "test")
        for start in (0, 10**6)
    )
    with torch.no_grad():
        own = pose_people(studio, ours)[1]
        other = pose_people(studio, replace(theirs, poses=ours.poses))[1]
    return [(seen(own[n]), seen(other[count + n]), seen(own[count + n])) for n in range(count)]


def lengths(pose: Pose) -> np.ndarray:
    """(8,) pixels."""
    starts, ends = np.array(LIMBS).T
    return np.hypot(*(pose.keypoints[ends] - pose.keypoints[starts]).T)


def proportions(studio: Studio, bodies: int = 96) -> dict[str, float]:
    """Mean length of each kind of limb as a fraction of the trunk's, over bodies that training samples."""
    rows = []
    for first in range(0, bodies, BATCH):
        cast = sample_cast(studio, [77_000 + first + n for n in range(BATCH)], "train")
        with torch.no_grad():
            every = pose_people(studio, cast)[1].double().numpy()
        for joints in (np.vstack([one, one[[8, 11]].mean(0)]) for one in every):
            mean = {
                kind: np.mean([np.linalg.norm(joints[end] - joints[start]) for start, end in limbs])
                for kind, (_, limbs) in KINDS.items()
            }
            rows.append([length / mean["trunk"] for length in mean.values()])
    return dict(zip(KINDS, np.mean(rows, 0).tolist(), strict=True))


def main() -> None:
    """Print errors of limbs by kind, fitted and retargeted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=400)
    parser.add_argument("--proportions", action="store_true", help="print those of bodies instead")
    options = parser.parse_args()
    torch.set_num_threads(1)
    studio = open_studio()
    if options.proportions:
        print({kind: round(fraction, 3) for kind, fraction in proportions(studio).items()})
        return
    errors: dict[str, list[np.ndarray]] = {"fitted": [], "retargeted": []}
    for first in tqdm(range(0, options.pairs, BATCH)):
        for source, target, truth in samples(studio, first, min(BATCH, options.pairs - first)):
            trunk = np.linalg.norm(source.keypoints[1] - source.keypoints[[8, 11]].mean(0))
            for name, (result,) in (
                ("fitted", fit_to_person([target], source)),
                ("retargeted", retarget([target], [source])),
            ):
                errors[name].append(np.abs(lengths(result) - lengths(truth)) / trunk)
    print("| | " + " | ".join(dict.fromkeys(NAMES)) + " | all | median |\n|---|---|---|---|---|---|---|")
    for name, rows in errors.items():
        table = np.stack(rows)
        kinds = [table[:, [other == kind for other in NAMES]].mean() for kind in dict.fromkeys(NAMES)]
        print(f"| {name} | " + " | ".join(f"{x:.4f}" for x in (*kinds, table.mean(), np.median(table))) + " |")


if __name__ == "__main__":
    main()
