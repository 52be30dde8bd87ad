"""Synthetic pairs by number, made ahead or not."""

from __future__ import annotations

import pytest
import torch
from training_fixture import CPU, differences

from dptn_core.data.synthetic.figures import draw_pairs, pair_seeds
from dptn_core.training import ConfigError
from dptn_core.training.synthetic_batches import PairSource
from dptn_core.training.training_config import DataConfig

pytestmark = pytest.mark.usefixtures("one_thread")


def test_pairs_come_by_number_however_they_are_asked_for():
    wanted = draw_pairs(pair_seeds(1, 0, 14), (32, 24))
    source = PairSource(DataConfig(), CPU)
    asked = [(0, 2), (2, 2), (4, 3), (7, 2), (12, 2), (3, 2), (3, 2)]  # on, past what was drawn ahead, back, again
    for first, count in asked:
        found = source.pairs(first, count, (32, 24), (first + count, first + 2 * count, 40))
        assert len(found) == count
        different = differences(vars(wanted[first : first + count]), vars(found))
        assert not different, f"{count} pairs from {first}: {different}"
    assert tuple(source.pairs(3, 2, (48, 32)).source.shape) == (2, 3, 48, 32)
    assert not torch.equal(PairSource(DataConfig(seed=2), CPU).pairs(0, 2, (32, 24)).source, wanted[:2].source)


@pytest.mark.parametrize("kind", ["figures", "mix"])
def test_training_never_draws_the_test_set(kind):
    with pytest.raises(ConfigError, match=r"data\.seed is 2022, the number of the drawn figures' test set"):
        PairSource(DataConfig(kind=kind, seed=2022), CPU)
