"""Attention along limbs: where photographs' poses say that attention should look."""

from __future__ import annotations

import pytest
import torch
from attention_fixture import dense

from dptn_core.network import AttentionTarget
from dptn_core.training.limbs import limb_attention

SIZE, STRIDE = (64, 48), 4
ROWS, COLUMNS = SIZE[0] // STRIDE, SIZE[1] // STRIDE
SHOULDER, ELBOW, WRIST = 2, 3, 4


def pose(**joints: tuple[float, float]) -> tuple[torch.Tensor, torch.Tensor]:
    points, present = torch.zeros(1, 18, 2), torch.zeros(1, 18, dtype=torch.bool)
    for name, place in joints.items():
        points[0, globals()[name]], present[0, globals()[name]] = torch.tensor(place), True
    return points, present


def peak(attention: AttentionTarget, row: int, column: int) -> tuple[float, float]:
    """The middle of what a token looks at, xy in pixels."""
    share = dense(attention)[0, row * COLUMNS + column].view(ROWS, COLUMNS)
    y, x = torch.meshgrid(torch.arange(ROWS) + 0.5, torch.arange(COLUMNS) + 0.5, indexing="ij")
    return (share * x).sum().item() * STRIDE, (share * y).sum().item() * STRIDE


def test_a_token_looks_at_the_same_share_of_its_limb():
    source = pose(ELBOW=(10.0, 40.0), WRIST=(10.0, 20.0))  # upwards, 20 long
    target = pose(ELBOW=(4.0, 10.0), WRIST=(44.0, 10.0))  # to the right, 40 long
    attention, weight = limb_attention(*source, *target, SIZE, STRIDE)
    on = weight.view(ROWS, COLUMNS)
    assert on[2, 1:11].tolist() == [1] * 10  # the row of y = 10, from x = 4 to x = 44
    assert on.sum() == on[1:4].sum() <= 14  # and half a token beside the ends
    assert set(attention.share.sum(-1).flatten().tolist()) <= {0.0, 1.0}
    for column in range(1, 11):
        x = (column + 0.5) * STRIDE
        assert peak(attention, 2, column) == pytest.approx((10.0, 40.0 - 20.0 * (x - 4) / 40), abs=1e-3)


def test_only_limbs_that_both_poses_show_count_and_the_nearest_of_several():
    both = pose(SHOULDER=(8.0, 8.0), ELBOW=(8.0, 32.0), WRIST=(40.0, 32.0))
    attention, weight = limb_attention(*both, *pose(ELBOW=(8.0, 32.0), WRIST=(40.0, 32.0)), SIZE, STRIDE)
    assert weight.view(ROWS, COLUMNS)[:7].sum() == 0  # no upper arm
    assert weight.sum() > 0
    attention, weight = limb_attention(*both, *both, SIZE, STRIDE)
    for row, column in ((2, 1), (6, 1), (8, 4), (8, 8)):  # the same pose looks at the same place, on its own limb
        x, y = peak(attention, row, column)
        assert abs(x - (column + 0.5) * STRIDE) <= 2 and abs(y - (row + 0.5) * STRIDE) <= 2
    nobody = pose()
    _, weight = limb_attention(*nobody, *both, SIZE, STRIDE)
    assert weight.sum() == 0


def test_a_limb_without_length_is_its_joint():
    source = pose(ELBOW=(10.0, 40.0), WRIST=(10.0, 20.0))
    attention, weight = limb_attention(*source, *pose(ELBOW=(22.0, 30.0), WRIST=(22.0, 30.0)), SIZE, STRIDE)
    assert weight.view(ROWS, COLUMNS)[7, 5] == 1 and attention.share.isfinite().all()
    assert peak(attention, 7, 5) == pytest.approx((10.0, 40.0), abs=1e-3)
