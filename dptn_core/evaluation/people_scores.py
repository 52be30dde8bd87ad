"""The fixed test set of rendered people, `people-500`, where the ground truth is known exactly.

People, poses, fabrics and panoramas of the set are held out from training (`data.synthetic.people.held_out`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor
from torch.nn import functional

from ..checkpoint import DPTNModel
from ..data.synthetic.pair_heatmaps import pair_heatmaps
from ..data.synthetic.synthetic_pairs import SyntheticPairs, pair_seeds
from .cases import Case
from .figure_scores import joints_found, seen_in_both, whole_attention
from .generation import BATCH, batches_of, generate_timed, known_pose

SIZE = (256, 192)  # at which images are compared unless another is named
_INPUT_SIZE = (256, 192)  # at which sources are rendered for the network, whatever size is compared
_NEARER = 0.05  # of the height


def generate_people(
    model: DPTNModel, numbers: Iterable[int], size: tuple[int, int] = SIZE, *, batch: int = BATCH
) -> Iterator[Case]:
    """Generate pairs of the test set, with their exact masks.

    Args:
        model: any DPTN model; it generates at its training size, and its image is scaled to `size`.
        numbers: of the pairs; any of them.
        size: (H, W) at which images are compared.
        batch: pairs at once; does not change the result.

    Raises:
        ModuleNotFoundError: rendering people needs packages of the extra `train`.
        ValueError: the size is too small; raised by the first pair.
    """
    # needs packages that scoring anything else can do without
    from ..data.synthetic.people import TEST_SEED, open_studio, render_pairs

    studio = open_studio()
    warm = False
    for some in batches_of(numbers, batch):
        seeds = torch.cat([pair_seeds(TEST_SEED, number, 1) for number in some])
        rendered = {each: render_pairs(studio, seeds, each, split="test", faults=False) for each in {size, _INPUT_SIZE}}
        ground_truth, given = rendered[size], rendered[_INPUT_SIZE]
        small = shrunk(given, model.training_size).to(model.device)
        maps = pair_heatmaps(model, small)
        features, image, seconds = generate_timed(model, small.source.to(model.dtype), *maps, warm)
        warm = True
        attention = whole_attention(model, features, maps[1])
        near, nearer = (joints_found(attention, small, model.config.stride, *more).cpu() for more in ((), (_NEARER,)))
        both = seen_in_both(given)
        shown = scaled(image.cpu() * 2 - 1, size)
        ground_truth_steps = mean_gradient(ground_truth.target, ground_truth.target_mask)
        steps, copied_steps = (
            mean_gradient(one, ground_truth.target_mask) / ground_truth_steps for one in (shown, ground_truth.source)
        )
        for index, number in enumerate(some):
            more = {"sharpness": float(steps[index]), "copy_sharpness": float(copied_steps[index])}
            if joints := int(both[index].sum()):
                more["attention_5"] = int((nearer & both)[index].sum()) / joints
            source = (ground_truth.source[index] + 1) / 2
            yield Case(
                number,
                f"person {number}",
                f"person {number}, target",
                generated=(shown[index] + 1) / 2,
                ground_truth=(ground_truth.target[index] + 1) / 2,
                mask=ground_truth.target_mask[index],
                source_image=source,
                pose=known_pose(ground_truth, index),
                joints=joints,
                joints_right=int((near & both)[index].sum()),
                seconds=seconds / len(some),
                copied=source,
                more=more,
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
