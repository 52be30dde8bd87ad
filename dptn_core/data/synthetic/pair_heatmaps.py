"""Heat maps of synthetic pairs, made as a model expects them."""

from __future__ import annotations

from torch import Tensor

from ...checkpoint import DPTNModel
from ...pose.heatmaps import keypoint_heatmaps
from .synthetic_pairs import SyntheticPairs


def pair_heatmaps(model: DPTNModel, pairs: SyntheticPairs) -> tuple[Tensor, Tensor]:
    """Heat maps of sources and targets as the model wants them, (B, 18, H, W) each."""
    size = (pairs.source.shape[2], pairs.source.shape[3])

    def maps(keypoints: Tensor, present: Tensor) -> Tensor:
        return keypoint_heatmaps(keypoints, present, size, model.heatmap_sigma, dtype=model.dtype)

    source = maps(pairs.source_keypoints, pairs.source_present)
    return source, maps(pairs.target_keypoints, pairs.target_present)
