"""Scores on the fixed test set of rendered people, `people-500`, where the ground truth is known exactly.

People, poses, fabrics and panoramas of the set are held out from training (`data.synthetic.people.held_out`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from ..checkpoint import DPTNModel
from ..data.synthetic.pair_heatmaps import pair_heatmaps
from ..data.synthetic.people import TEST_PAIRS, TEST_SEED, check_size, open_studio, render_pairs
from ..data.synthetic.synthetic_pairs import PeoplePairs, SyntheticPairs, pair_seeds
from ..perceptual import ShiftTolerantDistance
from .attention_accuracy import attention_peaks, joint_tokens
from .figure_scores import foreground_psnr, seen_in_both, whole_attention

COPY = "copying the source"
_INPUT_SIZE = (256, 192)  # at which sources are rendered for the network, whatever sizes are compared
_NEAR = (0.1, 0.05)  # fractions of the height
_ROOM = 0.12  # of the person's box, around it, where ST-LPIPS looks


@dataclass(frozen=True)
class PeopleScores:
    """Means over the pairs at one size; all but attention over the target person."""

    pairs: int
    height: int
    width: int
    psnr: float  # dB, mean of each pair's
    ssim: float  # Gaussian window, sigma 1.5
    st_lpips: float | None  # AlexNet, in the person's box with the true background; None without its weights
    sharpness: float  # mean brightness step between neighbouring pixels, as a ratio to the truth's
    attention_10: float | None  # fraction of joints seen in both images whose attention peaks within 10 % of the height
    attention_5: float | None


def score_people(
    models: Mapping[str, DPTNModel],
    sizes: Sequence[tuple[int, int]] = ((256, 192),),
    *,
    pairs: int = TEST_PAIRS,
    batch: int = 4,
    distance: ShiftTolerantDistance | None = None,
    progress: Callable[[int], None] | None = None,
) -> dict[str, list[PeopleScores]]:
    """Score models, and copying the source, on the first `pairs` pairs of the test set.

    Args:
        models: by name; each generates at its training size, and its image is scaled to each of `sizes`.
        sizes: (H, W) at which images are compared.
        pairs: how many.
        batch: pairs at once; does not change the result.
        distance: ST-LPIPS, or None where its weights are not there.
        progress: called with the number of pairs done.

    Returns:
        Scores by model (and COPY), one for each size.

    Raises:
        ModuleNotFoundError: rendering people needs packages of the extra `train`.
        ValueError: a size is too small.
    """
    for size in sizes:
        check_size(size)
    studio = open_studio()
    tables: dict[tuple[str, tuple[int, int]], list[Tensor]] = {}
    attention: dict[str, list[Tensor]] = {name: [] for name in models}
    for first in range(0, pairs, batch):
        seeds = pair_seeds(TEST_SEED, first, min(batch, pairs - first))
        rendered = {
            size: render_pairs(studio, seeds, size, split="test", faults=False) for size in {*sizes, _INPUT_SIZE}
        }
        ground_truths = {size: rendered[size] for size in sizes}
        answers = {COPY: rendered[_INPUT_SIZE].source}
        for name, model in models.items():
            answers[name], found = _generate(model, shrunk(rendered[_INPUT_SIZE], model.training_size))
            attention[name].append(found)
        for size, ground_truth in ground_truths.items():
            for name, image in answers.items():
                shown = ground_truth.source if name == COPY else scaled(image, size)
                tables.setdefault((name, size), []).append(image_scores(shown, ground_truth, distance))
        if progress is not None:
            progress(min(first + batch, pairs))
    return {
        name: [_summary(tables[name, size], attention.get(name), pairs, size) for size in sizes]
        for name in (COPY, *models)
    }


def _summary(parts: list[Tensor], attention: list[Tensor] | None, pairs: int, size: tuple[int, int]) -> PeopleScores:
    psnr, ssim, st_lpips, sharpness = torch.cat(parts).double().nanmean(0).tolist()
    near = torch.cat(attention).float().mean(0).tolist() if attention else (None, None)
    return PeopleScores(
        pairs=pairs,
        height=size[0],
        width=size[1],
        psnr=psnr,
        ssim=ssim,
        st_lpips=None if st_lpips != st_lpips else st_lpips,
        sharpness=sharpness,
        attention_10=near[0],
        attention_5=near[1],
    )


def shrunk(pairs: SyntheticPairs, size: tuple[int, int]) -> SyntheticPairs:
    """What a network of that training size sees of pairs: images and keypoints at (H, W)."""
    height, width = pairs.source.shape[2:]
    factor = torch.tensor([size[1] / width, size[0] / height])
    return SyntheticPairs(
        source=scaled(pairs.source, size),
        target=scaled(pairs.target, size),
        source_keypoints=pairs.source_keypoints * factor,
        target_keypoints=pairs.target_keypoints * factor,
        source_present=pairs.source_present,
        target_present=pairs.target_present,
        source_visible=pairs.source_visible,
        target_visible=pairs.target_visible,
        source_mask=pairs.source_mask,  # masks and correspondence stay as they are: nobody asks for them
        target_mask=pairs.target_mask,
        correspondence=pairs.correspondence,
        seen=pairs.seen,
    )


def scaled(image: Tensor, size: tuple[int, int]) -> Tensor:
    """An image (B, 3, h, w) in [-1, 1] at (H, W), as `dptn transfer` would scale it."""
    larger = functional.interpolate(image.float(), size, mode="bicubic", align_corners=False, antialias=True)
    return larger.clamp(-1, 1)


def generated(model: DPTNModel, pairs: PeoplePairs, size: tuple[int, int]) -> Tensor:
    """What a model makes of pairs' sources, (B, 3, H, W) in [-1, 1] at `size`."""
    image, _ = _generate(model, shrunk(pairs, model.training_size))
    return scaled(image, size)


def _generate(model: DPTNModel, pairs: SyntheticPairs) -> tuple[Tensor, Tensor]:
    """Generated targets (B, 3, h, w), and for joints seen in both images whether attention is near, (N, 2) bool."""
    source_maps, target_maps = pair_heatmaps(model, pairs)
    with torch.inference_mode():
        features = model.generator.encode_source(pairs.source.to(model.dtype), source_maps)
        image = model.generator.transfer(features, target_maps).float()
    height, width = model.training_size
    stride = model.config.stride
    grid = (height // stride, width // stride)
    tokens = joint_tokens(pairs.target_keypoints, grid, stride)
    rows = whole_attention(model, features, target_maps)
    rows = rows.gather(1, tokens[..., None].expand(-1, -1, rows.shape[2]))
    apart = (attention_peaks(rows, grid[1], stride) - pairs.source_keypoints).norm(dim=-1) / height
    both = seen_in_both(pairs)
    return image, torch.stack([apart[both] <= near for near in _NEAR], 1)


def image_scores(image: Tensor, ground_truth: PeoplePairs, distance: ShiftTolerantDistance | None) -> Tensor:
    """PSNR, SSIM, ST-LPIPS and sharpness over the target person, (B, 4)."""
    mask = ground_truth.target_mask
    columns = [
        foreground_psnr(image, ground_truth.target, mask),
        _masked_ssim(image, ground_truth.target, mask),
        _person_distance(image, ground_truth.target, mask, distance),
        mean_gradient(image, mask) / mean_gradient(ground_truth.target, mask),
    ]
    return torch.stack(columns, 1)


def _masked_ssim(image: Tensor, ground_truth: Tensor, mask: Tensor) -> Tensor:
    from torchmetrics.functional.image import structural_similarity_index_measure

    _, similar = structural_similarity_index_measure(
        (image + 1) / 2, (ground_truth + 1) / 2, sigma=1.5, data_range=1.0, reduction="none", return_full_image=True
    )
    similar = torch.as_tensor(similar).mean(1)
    return (similar * mask).sum((1, 2)) / mask.sum((1, 2)).clamp(min=1)


def _person_distance(
    image: Tensor, ground_truth: Tensor, mask: Tensor, distance: ShiftTolerantDistance | None
) -> Tensor:
    if distance is None:
        return image.new_full((len(image),), torch.nan)
    shown = torch.where(mask[:, None], image, ground_truth)
    each = []
    for one, wanted, inside in zip(shown, ground_truth, mask, strict=True):
        rows, columns = (inside.any(axis).nonzero()[:, 0] for axis in (1, 0))
        room = int(_ROOM * len(rows)) + 16
        window = (
            slice(max(0, int(rows[0]) - room), int(rows[-1]) + room),
            slice(max(0, int(columns[0]) - room), int(columns[-1]) + room),
        )
        cut = (slice(None), *window)
        with torch.inference_mode():
            each.append(distance(one[cut][None], wanted[cut][None]))
    return torch.cat(each)


def mean_gradient(image: Tensor, mask: Tensor) -> Tensor:
    """Mean brightness step between neighbouring pixels of a mask, (B,).

    Args:
        image: (B, 3, H, W) in [-1, 1].
        mask: (B, H, W) bool.
    """
    brightness = image.mean(1) / 2
    total = image.new_zeros(len(image))
    count = image.new_zeros(len(image))
    for axis in (1, 2):
        inside = mask.narrow(axis, 1, mask.shape[axis] - 1) & mask.narrow(axis, 0, mask.shape[axis] - 1)
        total = total + (brightness.diff(dim=axis).abs() * inside).sum((1, 2))
        count = count + inside.sum((1, 2))
    return total / count.clamp(min=1)
