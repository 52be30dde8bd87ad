"""Heat maps and attention targets of a batch."""

from __future__ import annotations

import torch

from dptn_core.data.synthetic.figures import draw_pairs, pair_seeds
from dptn_core.training.batches import make_batch, sigma_at
from dptn_core.training.training_config import DataConfig


def test_a_batch_holds_heat_maps_and_attention_of_its_size():
    batch = make_batch(draw_pairs(pair_seeds(1, 0, 2), (32, 24)), 0.75, 8, 7.0)
    assert tuple(batch.source_heatmaps.shape) == tuple(batch.target_heatmaps.shape) == (2, 18, 32, 24)
    tokens, share = batch.attention
    assert tuple(batch.attention_weight.shape) == (2, 12)
    assert tokens.shape == share.shape == (2, 12, 64)
    assert tokens.min() >= 0 and tokens.max() < 12


def test_heat_maps_shrink_with_the_image():
    assert sigma_at(DataConfig(), 256) == 6.0
    assert sigma_at(DataConfig(heatmap_sigma=4.0), 64) == 1.0


def test_tokens_of_the_figure_count_more_for_attention():
    pairs = draw_pairs(pair_seeds(1, 0, 4), (64, 48))
    even, weighted = (make_batch(pairs, 1.5, 8, foreground) for foreground in (1.0, 7.0))
    figure = torch.nn.functional.avg_pool2d(pairs.target_mask.float()[:, None], 8).flatten(1)
    assert torch.allclose(weighted.attention_weight, even.attention_weight * (1 + 6 * figure), atol=1e-5)
