"""Poses of rendered people as joint angles within a grown-up's limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .held_out import Split
from .mesh import Array

_DEGREE = np.pi / 180
_Range = tuple[float, float]


@dataclass(frozen=True)
class _Posture:
    """What a limb does: ranges in degrees of abduction, flexion, twist and of elbow or knee."""

    weight: float
    ranges: tuple[_Range, _Range, _Range, _Range]
    held_out: bool = False


_ARMS = (
    _Posture(0.36, ((3, 14), (-10, 12), (-25, 25), (5, 30))),  # hanging
    _Posture(0.08, ((20, 50), (-10, 20), (-30, 30), (5, 50))),  # held away
    _Posture(0.12, ((38, 55), (-22, -5), (-80, -55), (80, 112))),  # hand on hip
    _Posture(0.12, ((2, 18), (15, 45), (-60, -15), (60, 115))),  # forearm before the body
    _Posture(0.12, ((110, 168), (-10, 30), (-40, 40), (5, 110))),  # raised
    _Posture(0.08, ((70, 100), (0, 30), (-30, 30), (0, 60))),  # out to the side
    _Posture(0.06, ((5, 25), (40, 80), (-60, 0), (30, 120))),  # reaching forward
    _Posture(0.06, ((5, 18), (18, 38), (-78, -55), (85, 102))),  # across the belly
    _Posture(0.25, ((118, 150), (-5, 20), (-95, -60), (95, 130)), held_out=True),  # hand behind the head
    _Posture(0.25, ((8, 24), (25, 50), (-85, -60), (105, 128)), held_out=True),  # folded before the chest
    _Posture(0.25, ((60, 88), (55, 90), (-20, 30), (0, 35)), held_out=True),  # pointing ahead and out
    _Posture(0.25, ((24, 42), (-38, -24), (-20, 20), (15, 60)), held_out=True),  # drawn back, as in a stride
)
_LEGS = (
    _Posture(0.52, ((0, 8), (-5, 8), (0, 22), (0, 8))),  # standing
    _Posture(0.15, ((6, 26), (-6, 10), (5, 30), (0, 14))),  # apart
    _Posture(0.20, ((-2, 6), (-22, 32), (0, 14), (3, 40))),  # stepping
    _Posture(0.05, ((-9, -2), (0, 14), (0, 14), (0, 18))),  # crossed
    _Posture(0.08, ((0, 20), (50, 92), (-5, 20), (30, 110))),  # knee up
    _Posture(0.35, ((10, 24), (28, 48), (10, 30), (55, 85)), held_out=True),  # half a squat
    _Posture(0.35, ((-4, 4), (-32, -20), (0, 10), (45, 80)), held_out=True),  # running, behind
    _Posture(0.30, ((28, 40), (0, 18), (20, 40), (0, 12)), held_out=True),  # wide apart
)
_HELD_OUT_SHARE = 0.6  # of the limbs of test poses
# Degrees at the three joints of a finger, from the palm outwards, and how far the fingers are closed side by side.
_HANDS: tuple[tuple[float, tuple[_Range, _Range, _Range], _Range], ...] = (
    (0.62, ((8, 28), (12, 38), (8, 22)), (0.7, 1.0)),  # relaxed
    (0.16, ((-4, 8), (0, 12), (0, 8)), (0.3, 1.0)),  # flat
    (0.12, ((55, 80), (70, 95), (40, 60)), (0.9, 1.0)),  # fist
    (0.10, ((20, 45), (35, 60), (20, 35)), (0.8, 1.0)),  # holding something thin
)
_TURNS = ((0.5, 0, 20), (0.25, 20, 60), (0.1, 60, 100), (0.15, 140, 180))  # weight, degrees from the viewer


_RAISED = 100 * _DEGREE  # abduction of an arm that may hide the face


@dataclass(frozen=True)
class JointAngles:
    """Angles in radians; pairs are the person's right, then their left."""

    root: Array  # (3,): turn about the vertical, lean forward, tilt sideways
    spine: Array  # (3,): twist, bend forward, bend sideways
    head: Array  # (3,): turn, nod, tilt
    arm: Array  # (2, 4): abduction, flexion, twist, elbow
    leg: Array  # (2, 4): abduction, flexion, twist, knee
    wrist: Array  # (2,)
    pronation: Array  # (2,)
    ankle: Array  # (2,)
    finger: Array  # (2, 3): at each of the three joints
    closed: Array  # (2,), 0 spread as at rest, 1 side by side


def sample_turn(rng: np.random.Generator) -> float:
    """How far a person is turned from the viewer, radians."""
    _, low, high = _TURNS[rng.choice(len(_TURNS), p=[row[0] for row in _TURNS])]
    return float(rng.uniform(low, high) * rng.choice((-1, 1)) * _DEGREE)


def sample_angles(rng: np.random.Generator, turn: float, split: Split) -> JointAngles:
    """A pose.

    Args:
        rng: random numbers.
        turn: from the viewer, radians.
        split: the test's poses have limbs that training never sees.
    """

    def bell(limit: float, count: int | None = None) -> Array:
        drawn: Array = np.clip(rng.normal(0, limit / 2, count), -limit, limit) * _DEGREE
        return drawn

    hands = [_HANDS[k] for k in rng.choice(len(_HANDS), 2, p=[row[0] for row in _HANDS])]
    return JointAngles(
        root=np.array([turn, bell(2.5), bell(2.5)]),
        spine=np.array([bell(16), rng.uniform(-6, 10) * _DEGREE, bell(9)]),
        head=np.array([bell(40), bell(14) - 2 * _DEGREE, bell(11)]),
        # every pose of the test has an arm that is new
        arm=_limbs(rng, _ARMS, rng.random() < 0.45, split, new=split == "test"),
        leg=_limbs(rng, _LEGS, rng.random() < 0.55, split, new=False),
        wrist=bell(24, 2),
        pronation=rng.uniform(-20, 60, 2) * _DEGREE,
        ankle=rng.uniform(-12, 5, 2) * _DEGREE,
        finger=np.array([[rng.uniform(*joint) for joint in hand[1]] for hand in hands]) * _DEGREE,
        closed=np.array([rng.uniform(*hand[2]) for hand in hands]),
    )


def hides_face(pose: JointAngles) -> bool:
    """Whether a face may not show: the person is turned away, or an arm is raised."""
    return bool(np.cos(pose.root[0]) < 0 or (pose.arm[:, 0] > _RAISED).any())


def _limbs(rng: np.random.Generator, table: Sequence[_Posture], same: bool, split: Split, *, new: bool) -> Array:
    """Angles of both sides, (2, 4) radians; `same`: both in the same posture; `new`: the first in one held out."""

    def posture(new: bool) -> _Posture:
        held_out = new or (split == "test" and rng.random() < _HELD_OUT_SHARE)
        rows = [row for row in table if row.held_out == held_out]
        weights = np.array([row.weight for row in rows])
        return rows[rng.choice(len(rows), p=weights / weights.sum())]

    first = posture(new)
    second = first if same else posture(False)
    return np.array([[rng.uniform(*bounds) for bounds in row.ranges] for row in (first, second)]) * _DEGREE
