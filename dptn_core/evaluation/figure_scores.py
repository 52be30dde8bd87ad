"""Scores on the fixed test set of drawn figures, where the ground truth is known exactly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..checkpoint import DPTNModel
from ..data.synthetic.figures import TEST_PAIRS, TEST_SEED, SyntheticPairs, draw_pairs, pair_seeds
from ..data.synthetic.pair_heatmaps import pair_heatmaps
from ..data.synthetic.pair_sheet import warped_source
from ..network import SourceFeatures
from .attention_accuracy import attention_peaks, joint_tokens, near

COLOUR_RIGHT = 0.12  # garment colour errors below it count as the right colour


@dataclass(frozen=True)
class DrawnScores:
    """Means over a test set; decibels are means of each pair's decibels."""

    pairs: int
    foreground_psnr: float  # dB over the pixels of the target figure
    copy_psnr: float  # dB of the source image itself over the same pixels
    warped_psnr: float  # dB of the source's pixels moved along the true correspondence, where the source shows them
    ssim: float  # over the whole frame, Gaussian window, sigma 1.5
    attention_accuracy: float  # share of joints seen in both images whose peak is near the ground truth
    joints: int  # such joints
    garment_colour_error: float  # mean over pairs: largest difference of the mean colour of torso and legs, 0..1
    colours_right: float  # share of pairs in which that error is below COLOUR_RIGHT


def evaluate_drawn(
    model: DPTNModel,
    *,
    pairs: int = TEST_PAIRS,
    seed: int = TEST_SEED,
    batch: int = 10,
    compose: Callable[[DPTNModel, SyntheticPairs], Tensor] | None = None,
    progress: Callable[[int], None] | None = None,
) -> DrawnScores:
    """Score a model on the first `pairs` drawn pairs of set `seed`, at its training size.

    Args:
        model: the model; its device and number format are used.
        pairs, seed: which test set.
        batch: pairs at once; does not change the result.
        compose: gives the images that are scored, (B, 3, H, W) in [-1, 1]; None: those of the model alone.
        progress: called with the number of pairs done.
    """
    from torchmetrics.functional.image import structural_similarity_index_measure

    height, width = model.training_size
    drawn_psnr, copied_psnr, warped_psnr, similarity, hits, errors = [], [], [], [], [], []
    for first in range(0, pairs, batch):
        some = draw_pairs(pair_seeds(seed, first, min(batch, pairs - first), model.device), (height, width))
        drawn, attention = _run(model, some)
        if compose is not None:
            drawn = compose(model, some)
        drawn_psnr.append(foreground_psnr(drawn, some.target, some.target_mask))
        copied_psnr.append(foreground_psnr(some.source, some.target, some.target_mask))
        warped_psnr.append(foreground_psnr(warped_source(some), some.target, some.target_mask & some.seen))
        index = structural_similarity_index_measure(
            (drawn + 1) / 2, (some.target + 1) / 2, sigma=1.5, data_range=1.0, reduction="none"
        )
        similarity.append(torch.as_tensor(index))
        hits.append(joint_hits(attention, some, model.config.stride))
        errors.append(garment_error(drawn, some))
        if progress is not None:
            progress(min(first + batch, pairs))
    right, colour = torch.cat(hits), torch.cat(errors)
    return DrawnScores(
        pairs=pairs,
        foreground_psnr=torch.cat(drawn_psnr).mean().item(),
        copy_psnr=torch.cat(copied_psnr).mean().item(),
        warped_psnr=torch.cat(warped_psnr).mean().item(),
        ssim=torch.cat(similarity).mean().item(),
        attention_accuracy=right.float().mean().item(),
        joints=len(right),
        garment_colour_error=colour.mean().item(),
        colours_right=(colour < COLOUR_RIGHT).float().mean().item(),
    )


def _run(model: DPTNModel, pairs: SyntheticPairs) -> tuple[Tensor, Tensor]:
    """Drawn targets (B, 3, H, W) and the last block's attention (B, T, T), both fp32."""
    source_maps, target_maps = pair_heatmaps(model, pairs)
    with torch.inference_mode():
        features = model.generator.encode_source(pairs.source.to(model.dtype), source_maps)
        drawn = model.generator.transfer(features, target_maps)
        attention = whole_attention(model, features, target_maps)
    return drawn.float(), attention


def whole_attention(model: DPTNModel, features: SourceFeatures, target_maps: Tensor) -> Tensor:
    """The last block's attention of every target token, (B, T, T) fp32."""
    with torch.inference_mode():
        rows = torch.arange(features.grid[0] * features.grid[1], device=model.device)
        return model.generator.attention_rows(features, target_maps, rows)


def foreground_psnr(image: Tensor, ground_truth: Tensor, mask: Tensor) -> Tensor:
    """Peak signal-to-noise ratio over masked pixels, dB, (B,).

    Args:
        image, ground truth: (B, 3, H, W) in [-1, 1].
        mask: (B, H, W) bool, at least one pixel each.
    """
    error = ((image - ground_truth) / 2).square().mean(1) * mask
    mean = error.sum((1, 2)) / mask.sum((1, 2)).clamp(min=1)
    return -10 * mean.clamp(min=1e-10).log10()


def joint_hits(attention: Tensor, pairs: SyntheticPairs, stride: int) -> Tensor:
    """For each joint seen in both images: whether attention at its target place peaks near its source place.

    Args:
        attention: (B, T, T).
        pairs: the pairs it belongs to.
        stride: pixels a token.

    Returns:
        (N,) bool, N joints of all pairs.
    """
    return joints_found(attention, pairs, stride)[seen_in_both(pairs)]


def seen_in_both(pairs: SyntheticPairs) -> Tensor:
    """Joints that can be found at all, (B, 18) bool."""
    return pairs.source_visible & pairs.target_visible


def joints_found(attention: Tensor, pairs: SyntheticPairs, stride: int) -> Tensor:
    """For every joint, seen or not, what `joint_hits` says of it, (B, 18) bool."""
    height, width = pairs.source.shape[2:]
    columns = width // stride
    tokens = joint_tokens(pairs.target_keypoints, (height // stride, columns), stride)
    rows = attention.gather(1, tokens[..., None].expand(-1, -1, attention.shape[2]))  # (B, 18, T)
    return near(attention_peaks(rows, columns, stride), pairs.source_keypoints, height)


def garment_error(image: Tensor, pairs: SyntheticPairs) -> Tensor:
    """Largest difference of mean colour, over torso and legs, between drawn and true target, (B,) in 0..1.

    Torso and legs are discs around the middle of the trunk and the knees, restricted to the figure.
    """
    height, width = image.shape[2:]
    ys, xs = torch.meshgrid(
        torch.arange(height, device=image.device) + 0.5, torch.arange(width, device=image.device) + 0.5, indexing="ij"
    )
    points = pairs.target_keypoints
    places = [(points[:, 1] + points[:, 8] + points[:, 11]) / 3, points[:, 9], points[:, 12]]
    worst = image.new_zeros(len(pairs))
    for place in places:
        inside = (xs - place[:, 0, None, None]).hypot(ys - place[:, 1, None, None]) < 0.05 * height
        inside = inside & pairs.target_mask
        count = inside.sum((1, 2))
        gap = ((image - pairs.target) / 2 * inside[:, None]).sum((2, 3)) / count.clamp(min=1)[:, None]
        worst = torch.maximum(worst, torch.where(count > 12, gap.abs().amax(1), 0.0))
    return worst
