"""What the carrier learns from: pairs with known ground truth, and what generator and segmenter made of sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ...checkpoint import DPTNModel
from ...data.synthetic.pair_heatmaps import pair_heatmaps
from ...data.synthetic.synthetic_pairs import MIRRORED_JOINTS, MIRRORED_PARTS, PARTS, PeoplePairs, SyntheticPairs
from ...inference.source_texture import hole_around
from ...inpainting import fill_background
from ...network.carrier import CarrierInput, attention_scores, places, resized
from ...pose import Canvas, Pose
from ...pose.limb_transforms import MIRRORED, limb_transforms
from ...segmentation import BlazePoseSegmenter, SegmentationError, person_mask

UNKNOWN = 255  # part label of pairs whose parts nobody knows
_NOBODY = 0.5  # mask where no segmenter looked
_PLACES = 32  # rows of target places at which attention is asked, for 128 rows of pixels


@dataclass(frozen=True)
class Examples:
    """N examples at H x W (frame heights are H pixels), in few bytes."""

    source: Tensor  # (N, 3, H, W) uint8
    target: Tensor  # (N, 3, H, W) uint8
    source_matte: Tensor  # (N, H, W) uint8
    target_matte: Tensor  # (N, H, W) uint8
    source_parts: Tensor  # (N, H, W) uint8, index into PARTS or UNKNOWN
    target_parts: Tensor  # (N, H, W) uint8
    flow: Tensor  # (N, H, W, 2) float16, frame heights: source place less the pixel's own
    seen: Tensor  # (N, H, W) bool
    source_pose: Tensor  # (N, 18, 3) float32, frame heights and presence
    target_pose: Tensor  # (N, 18, 3)
    mask: Tensor  # (N, H, W) uint8: the source person as the segmenter found it
    generated: Tensor  # (N, 3, h, w) uint8
    scores: Tensor  # (N, 2, K, rows, columns) float16
    behind: Tensor  # (N, 3, H, W) uint8: the source with the person taken out, as in use

    def __len__(self) -> int:
        return self.source.shape[0]

    def __getitem__(self, index: Tensor | slice) -> Examples:
        """Some of the examples."""
        return Examples(**{f.name: getattr(self, f.name)[index] for f in fields(self)})

    def tensors(self) -> dict[str, Tensor]:
        """By field, ready to be saved."""
        return {f.name: getattr(self, f.name).contiguous() for f in fields(self)}

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> Examples:
        """The opposite of `tensors`."""
        return cls(**{f.name: tensors[f.name] for f in fields(cls)})


def joined(parts: Sequence[Examples]) -> Examples:
    """Examples of one size together."""
    return Examples(**{f.name: torch.cat([getattr(part, f.name) for part in parts]) for f in fields(Examples)})


def make_examples(pairs: SyntheticPairs, model: DPTNModel, segmenter: BlazePoseSegmenter | None) -> Examples:
    """Examples of pairs at the carrier's working size.

    Args:
        pairs: on the CPU.
        model: the generator; it sees the pairs at its training size, whose proportions must be theirs.
        segmenter: finds the source person as it will in use; None: nobody knows.
    """
    height, width = pairs.source.shape[-2:]
    source_pose = pose_tensor(pairs.source_keypoints, pairs.source_present, height)
    target_pose = pose_tensor(pairs.target_keypoints, pairs.target_present, height)
    generated, scores = _asked(pairs, model, source_pose, target_pose)
    unknown = torch.full(pairs.source_mask.shape, UNKNOWN, dtype=torch.uint8)
    size = (int(height), int(width))
    source_matte = pairs.source_matte if isinstance(pairs, PeoplePairs) else pairs.source_mask.float()
    return Examples(
        source=_bytes((pairs.source + 1) / 2),
        target=_bytes((pairs.target + 1) / 2),
        source_matte=_bytes(source_matte),
        target_matte=_bytes(pairs.target_matte if isinstance(pairs, PeoplePairs) else pairs.target_mask.float()),
        source_parts=pairs.source_parts if isinstance(pairs, PeoplePairs) else unknown,
        target_parts=pairs.target_parts if isinstance(pairs, PeoplePairs) else unknown.clone(),
        flow=(pairs.correspondence / height - places(size)).clamp(-2, 2).half(),
        seen=pairs.seen,
        source_pose=source_pose,
        target_pose=target_pose,
        mask=_bytes(_masks(pairs, segmenter)),
        generated=_bytes(generated),
        scores=scores.half(),
        behind=_bytes(without_people((pairs.source + 1) / 2, source_matte)),
    )


def pose_tensor(keypoints: Tensor, present: Tensor, height: int) -> Tensor:
    """(B, 18, 3) as the carrier wants it, of keypoints (B, 18, 2) in pixels of a frame `height` high."""
    there = present.float()[..., None]
    return torch.cat([keypoints.float() / height * there, there], -1)


def given_of(examples: Examples) -> CarrierInput:
    """What the carrier sees of examples."""
    return CarrierInput(
        source=examples.source.float() / 255,
        mask=examples.mask.float()[:, None] / 255,
        generated=examples.generated.float() / 255,
        scores=examples.scores.float(),
        source_pose=examples.source_pose,
        target_pose=examples.target_pose,
        behind=examples.behind.float() / 255,
    )


def without_people(images: Tensor, mattes: Tensor) -> Tensor:
    """Images (B, 3, H, W) in [0, 1] with the person of each taken out, who is where mattes (B, H, W) say.

    Holes are filled at half the size, which takes a quarter of the time, of which it is most.
    """
    filled = [
        fill_background(image.contiguous(), hole_around(matte, len(matte)))
        for image, matte in zip(*(functional.avg_pool2d(x.float(), 2) for x in (images, mattes)), strict=True)
    ]
    holes = torch.stack([hole_around(matte, len(matte)) for matte in mattes.float()])[:, None]
    size = (int(images.shape[-2]), int(images.shape[-1]))
    return torch.lerp(images.float(), resized(torch.stack(filled), size), (2 * holes).clamp(0, 1))


def mirrored(examples: Examples) -> Examples:
    """The same pairs seen in a mirror."""
    aspect = examples.source.shape[-1] / examples.source.shape[-2]

    def pose(given: Tensor) -> Tensor:
        swapped = given[:, list(MIRRORED_JOINTS)].clone()
        swapped[..., 0] = torch.where(swapped[..., 2] > 0, aspect - swapped[..., 0], 0.0)
        return swapped

    def parts(labels: Tensor) -> Tensor:
        table = torch.arange(256, dtype=torch.uint8)
        table[: len(PARTS)] = torch.tensor(MIRRORED_PARTS, dtype=torch.uint8)
        return table[labels.flip(-1).long()]

    flow = examples.flow.flip(2).clone()
    flow[..., 0] = -flow[..., 0]
    flipped = {
        name: getattr(examples, name).flip(-1)
        for name in ("source", "target", "source_matte", "target_matte", "seen", "mask", "generated", "behind")
    }
    return replace(
        examples,
        **flipped,
        flow=flow,
        source_parts=parts(examples.source_parts),
        target_parts=parts(examples.target_parts),
        source_pose=pose(examples.source_pose),
        target_pose=pose(examples.target_pose),
        scores=examples.scores.flip(-1)[:, :, list(MIRRORED)],
    )


def _asked(pairs: SyntheticPairs, model: DPTNModel, source_pose: Tensor, target_pose: Tensor) -> tuple[Tensor, Tensor]:
    """The generator's images (B, 3, h, w) in [0, 1] and its attention at the candidates' places."""
    small = _shrunk(pairs, model.training_size)
    maps = pair_heatmaps(model, small)
    transforms = limb_transforms(target_pose, source_pose)
    stride = model.config.stride
    grid = (model.training_size[0] // stride, model.training_size[1] // stride)
    generator = model.generator
    at = places(grid).flatten(0, 1)
    with torch.inference_mode():
        features = generator.encode_source(small.source.to(model.dtype), maps[0])
        image = generator.transfer(features, maps[1])
        every: list[Tensor] = []
        for layer, queries in enumerate(generator.attention_queries(features, maps[1])):
            heads = generator.attention_of(features, queries, layer, average_heads=False)
            every.append(attention_scores(heads.unflatten(-1, grid), transforms, at))
    found = torch.cat(every, 1)
    scores = torch.stack([found.mean(1), found.amax(1)], 1).unflatten(-1, grid)
    return ((image.float() + 1) / 2).clamp(0, 1), scores


def _shrunk(pairs: SyntheticPairs, size: tuple[int, int]) -> SyntheticPairs:
    height, width = pairs.source.shape[-2:]
    factor = torch.tensor([size[1] / width, size[0] / height])
    source = functional.interpolate(pairs.source, size, mode="bicubic", align_corners=False, antialias=True)
    points = {name: getattr(pairs, name) * factor for name in ("source_keypoints", "target_keypoints")}
    return replace(pairs, source=source.clamp(-1, 1), **points)


def _masks(pairs: SyntheticPairs, segmenter: BlazePoseSegmenter | None) -> Tensor:
    """(B, H, W) in [0, 1]."""
    batch, _, height, width = pairs.source.shape
    masks = torch.full((batch, height, width), _NOBODY)
    if segmenter is None:
        return masks
    canvas = Canvas(width, height)
    for number, (image, xy, present) in enumerate(
        zip(pairs.source, pairs.source_keypoints.numpy(), pairs.source_present.numpy(), strict=True)
    ):
        pose = Pose(np.where(present[:, None], xy, 0.0).astype(float), present.astype(float), canvas)
        try:
            masks[number] = person_mask(segmenter, (image + 1) / 2, pose)
        except SegmentationError:  # too few joints say where the person is, as happens in use
            continue
    return masks


def _bytes(values: Tensor) -> Tensor:
    return (values.float().clamp(0, 1) * 255 + 0.5).to(torch.uint8)
