"""Rigid candidates from two skeletons."""

from __future__ import annotations

import torch
from torch import Tensor

from dptn_core.network.carrier import places
from dptn_core.pose.limb_transforms import (
    CANDIDATES,
    LIMBS,
    LINE_OF,
    LINES,
    MIRRORED,
    PART_OF,
    limb_transforms,
    nearness,
)

STANDING = torch.tensor(
    [
        *([0.37, 0.12], [0.37, 0.20], [0.30, 0.21], [0.27, 0.34], [0.25, 0.46], [0.44, 0.21], [0.47, 0.34]),
        *([0.49, 0.46], [0.33, 0.48], [0.32, 0.68], [0.31, 0.88], [0.41, 0.48], [0.42, 0.68], [0.43, 0.88]),
        *([0.36, 0.10], [0.38, 0.10], [0.34, 0.11], [0.40, 0.11]),
    ]
)


def _pose(xy: Tensor, missing: tuple[int, ...] = ()) -> Tensor:
    present = torch.ones(18)
    present[list(missing)] = 0
    return torch.cat([xy * present[:, None], present[:, None]], 1)[None]


def test_tables_name_every_candidate_once() -> None:
    assert len(PART_OF) == len(MIRRORED) == len(CANDIDATES)
    assert len(LINE_OF) == len(CANDIDATES) - 1
    assert max(LINE_OF) < len(LINES)
    for number, name in enumerate(CANDIDATES):
        swapped = name.replace("right", "?").replace("left", "right").replace("?", "left")
        assert CANDIDATES[MIRRORED[number]] == swapped


def test_the_same_pose_stays_where_it_is() -> None:
    at = places((16, 12))
    found = limb_transforms(_pose(STANDING), _pose(STANDING))
    assert found.exists.all()
    torch.testing.assert_close(found.at(at), at.expand(1, len(CANDIDATES), -1, -1, -1), atol=2e-3, rtol=0)


def test_every_candidate_follows_a_person_that_is_moved_turned_and_enlarged() -> None:
    angle = torch.tensor(0.4)
    turn = 1.5 * torch.stack([torch.stack([angle.cos(), -angle.sin()]), torch.stack([angle.sin(), angle.cos()])])
    shift = torch.tensor([0.1, -0.2])
    found = limb_transforms(_pose(STANDING), _pose(STANDING @ turn.T + shift))
    at = places((16, 12))
    wanted = at @ turn.T + shift
    # the trunk is held a little near an upright person where its four joints leave it open
    for number, name in enumerate(CANDIDATES[:-1]):
        off = (found.at(at)[0, number] - wanted).norm(dim=-1).max()
        assert off < (0.08 if name == "trunk" else 1e-4), (name, float(off))
    torch.testing.assert_close(found.at(at)[0, -1], at)


def test_a_limb_takes_its_ends_to_the_source_and_keeps_its_width_when_foreshortened() -> None:
    target = STANDING.clone()
    target[4] = target[3] + 0.3 * (target[4] - target[3])  # the forearm points at the camera
    found = limb_transforms(_pose(target), _pose(STANDING))
    number = CANDIDATES.index("right forearm")
    matrix, offset = found.matrix[0, number], found.offset[0, number]
    for joint in LIMBS[number]:
        torch.testing.assert_close(matrix @ target[joint] + offset, STANDING[joint], atol=1e-4, rtol=0)
    along = (target[4] - target[3]) / (target[4] - target[3]).norm()
    across = torch.stack([-along[1], along[0]])
    assert 0.9 < (matrix @ across).norm() < 1.1
    hand = found.matrix[0, CANDIDATES.index("right hand")]
    assert 0.9 < (hand @ along).norm() < 1.1  # a hand is not squeezed with its arm


def test_joints_that_are_missing_in_either_pose_take_their_candidates_away() -> None:
    found = limb_transforms(_pose(STANDING, (4,)), _pose(STANDING, (9, 10)))
    gone = {name for name, exists in zip(CANDIDATES, found.exists[0].tolist(), strict=True) if not exists}
    assert gone == {"right forearm", "right hand", "right thigh", "right shin", "right foot"}
    assert found.matrix.isfinite().all() and found.offset.isfinite().all()


def test_poses_without_any_joint_leave_the_background() -> None:
    empty = torch.zeros(2, 18, 3)
    found = limb_transforms(empty, empty, (2 * torch.eye(2), torch.tensor([0.1, 0.2])))
    assert found.exists.sum(1).tolist() == [1, 1]
    at = places((4, 3))
    torch.testing.assert_close(found.at(at)[:, -1], (2 * at + torch.tensor([0.1, 0.2])).expand(2, -1, -1, -1))
    assert found.at(at).isfinite().all()


def test_all_joints_in_one_place_give_finite_maps() -> None:
    point = torch.full((18, 2), 0.5)
    found = limb_transforms(_pose(point), _pose(STANDING))
    assert found.matrix.isfinite().all() and found.offset.isfinite().all()
    assert not found.exists[0, : len(LIMBS)].any()


def test_nearness_is_one_on_a_line_and_falls_away_from_it() -> None:
    size = (64, 48)
    near = nearness(_pose(STANDING), places(size))
    assert near.shape == (1, len(LINES), *size)
    middle = (STANDING[2] + STANDING[3]) / 2 * 64
    on = near[0, 0, int(middle[1]), int(middle[0])]
    assert on > 0.8
    assert near[0, 0, 60, 40] < 0.02
    assert nearness(_pose(STANDING, (2,)), places(size))[0, 0].max() == 0
