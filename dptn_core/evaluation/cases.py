"""What is scored: one generated image beside its ground truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from ..pose import Pose


@dataclass(frozen=True, eq=False)
class Case:
    """One pair.

    Attributes:
        number: Of the pair in its list, from 0.
        source: Name of the source image; empty where it is not known.
        target: Name of the target image.
        generated: (3, h, w) in [0, 1], all of the target's canvas at any size.
        ground_truth: (3, H, W) in [0, 1].
        from_file: `generated` was read from a file, so that rounding and JPEG have happened already.
        mask: (H, W) bool, the person in `ground_truth`, or None.
        source_image: (3, H', W') in [0, 1], to be shown, or None.
        pose: The target pose on the canvas of `ground_truth`, to be shown, or None.
        joints: Keypoints present in both poses, or None where there is no attention to look at.
        joints_right: How many of them the attention found.
        seconds: Time it took to generate, or None.
        copied: (3, H, W) in [0, 1], the source's image, to be scored beside `generated` as copy_*, or None.
        more: Further scores of this kind of data.
    """

    number: int
    source: str
    target: str
    generated: Tensor
    ground_truth: Tensor
    from_file: bool = False
    mask: Tensor | None = None
    source_image: Tensor | None = None
    pose: Pose | None = None
    joints: int | None = None
    joints_right: int | None = None
    seconds: float | None = None
    copied: Tensor | None = None
    more: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Skipped:
    """A pair that could not be scored.

    Attributes:
        number: Of the pair in its list, from 0.
        source: Name of the source image.
        target: Name of the target image, or of the generated one that has none.
        reason: Why, in words.
    """

    number: int
    source: str
    target: str
    reason: str
