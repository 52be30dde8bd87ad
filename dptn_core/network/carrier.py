"""The carrier: a small network that decides where the source's own pixels go, and where the generator must invent.

It works behind any DPTN model. The attention of the model, its image and two skeletons say, for each target pixel,
which body part of the source it shows (one of the rigid maps of `pose.limb_transforms`), whether the source really
shows that place, and where the person ends. Nothing here is tied to a resolution: maps are analytic, and everything
else is smooth enough to be enlarged (`inference.texture`).

Coordinates are in frame heights, as in `pose.limb_transforms`; K = len(CANDIDATES), P = number of body parts.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..pose.limb_transforms import CANDIDATES, LINE_OF, LINES, PART_OF, LimbTransforms, limb_transforms, nearness
from ..system.device import autocast, choose_precision

PARTS: Final = 15  # body parts and the background, numbered as in `data.synthetic.pairs.PARTS`
WORK_HEIGHT: Final = 256  # pixels at which the carrier looks at images; it chooses at half of that
MULTIPLE: Final = 8  # its sides must be multiples of
_K: Final = len(CANDIDATES)
_CUES: Final = 5  # of each candidate
_REACH: Final = 0.06  # frame heights, the largest residual flow
_FIX: Final = 0.3  # largest change of what was generated, in [0, 1]
_HIDDEN: Final = -1e4  # logit of a candidate that does not exist
_AGREE: Final = 8.0  # per colour difference


@dataclass(frozen=True)
class CarrierInput:
    """What the carrier sees of B transfers."""

    source: Tensor  # (B, 3, H, W) in [0, 1]: the source in its frame
    mask: Tensor  # (B, 1, H, W) in [0, 1]: the source person as a segmenter found it, 0.5 where nobody knows
    generated: Tensor  # (B, 3, h, w) in [0, 1]: what the generator made of the target
    scores: Tensor  # (B, 2, K, rows, columns): attention at each candidate's place, mean and largest of its heads
    source_pose: Tensor  # (B, 18, 3) x, y in frame heights, presence
    target_pose: Tensor  # (B, 18, 3)
    background: tuple[Tensor, Tensor] | None = None  # see `limb_transforms`
    behind: Tensor | None = None  # (B, 3, H, W) in [0, 1]: the source without the person; None: nobody filled it in


@dataclass(frozen=True)
class SourceParts:
    """What the carrier makes of a source, once for any number of poses."""

    image: Tensor  # (B, 3, H, W) in [0, 1]
    logits: Tensor  # (B, P, H, W): body part of each source pixel

    @property
    def parts(self) -> Tensor:
        """(B, P, H, W) probabilities."""
        return self.logits.softmax(1)


@dataclass(frozen=True)
class Warped:
    """What the carrier decides, at its working size H x W; `choice` and `residual` at half of it."""

    transforms: LimbTransforms
    choice: Tensor  # (B, K, H/2, W/2) logits: which candidate each target place comes from
    residual: Tensor  # (B, 2, H/2, W/2) frame heights, added to the chosen candidate's place
    weights: Tensor  # (B, 2, H, W): of the two likeliest candidates of each pixel
    at: Tensor  # (B, 2, H, W, 2): the source places they give
    warped: Tensor  # (B, 3, H, W): the source's pixels from there
    seen: Tensor  # (B, 1, H, W) logit: the source shows this place
    carry: Tensor  # (B, 1, H, W) logit: the source's pixels look right here
    matte: Tensor  # (B, 1, H, W) logit: the person in the target
    drawing: Tensor  # (B, 3, H, W) in about [0, 1]: the generated image, its colours set right


def places(size: tuple[int, int], device: torch.device | str = "cpu") -> Tensor:
    """Middles of the pixels of an (H, W) frame, (H, W, 2) in frame heights."""
    y, x = ((torch.arange(length, device=device) + 0.5) / size[0] for length in size)
    return torch.stack([x[None].expand(size[0], -1), y[:, None].expand(-1, size[1])], -1)


def look_up(image: Tensor, at: Tensor, padding: str = "border", aspect: float | None = None) -> Tensor:
    """Bilinear samples (B, C, h, w) of a frame (B, C, H, W) at places (B, h, w, 2) in frame heights.

    Args:
        image: covers the whole frame.
        at: the places.
        padding: of places beyond the frame, as in `torch.nn.functional.grid_sample`.
        aspect: width of the frame in frame heights; None: W / H, as pixels are square.
    """
    height, width = image.shape[-2:]
    grid = at * at.new_tensor([2 / (aspect or width / height), 2.0]) - 1
    return functional.grid_sample(image, grid, mode="bilinear", padding_mode=padding, align_corners=False)


def resized(x: Tensor, size: tuple[int, int]) -> Tensor:
    """(B, C, H, W) at another size, bilinear."""
    if tuple(x.shape[-2:]) == tuple(size):
        return x
    return functional.interpolate(x, size, mode="bilinear", align_corners=False)


def attention_scores(attention: Tensor, transforms: LimbTransforms, at: Tensor, aspect: float | None = None) -> Tensor:
    """Attention within one token of where each candidate goes.

    Args:
        attention: (B, N, T, rows, columns): of N heads, for T target places, over the source's tokens.
        transforms: of the B pairs.
        at: (T, 2) those target places, frame heights.
        aspect: width of the source's frame in frame heights, where tokens are not square; None: they are.

    Returns:
        (B, N, K, T).
    """
    batch, heads, count, rows, columns = attention.shape
    goes = transforms.at(at[None])[:, :, 0]  # (B, K, T, 2)
    across, x = _within_one(goes[..., 0] * columns / (aspect or columns / rows) - 0.5, columns)
    down, y = _within_one(goes[..., 1] * rows - 0.5, rows)
    row = torch.arange(count, device=at.device)[:, None] * (rows * columns)
    flat = attention.float().flatten(2)
    found = flat.new_zeros(batch, heads, _K * count)
    for i in range(4):
        for j in range(4):
            token = (y[..., i] * columns + x[..., j] + row[:, 0]).flatten(1)[:, None].expand(-1, heads, -1)
            found.addcmul_(flat.gather(2, token), (down[..., i] * across[..., j]).flatten(1)[:, None])
    return found.view(batch, heads, _K, count) * transforms.exists[:, None, :, None]


def _within_one(place: Tensor, length: int) -> tuple[Tensor, Tensor]:
    """Sums over three tokens of a line, interpolated at places (...) between them: weights and tokens, (..., 4) each.

    Only what is asked for is summed: of whole maps, that would take most of the carrier's time.
    """
    first = place.floor()
    after = place - first
    inside, next_inside = ((at >= 0) & (at < length) for at in (first, first + 1))
    before, beyond = (1 - after) * inside, after * next_inside
    weights = torch.stack([before, before + beyond, before + beyond, beyond], -1)
    tokens = first.clamp(-4, length + 4).long()[..., None] + torch.arange(-1, 3, device=place.device)
    there = (tokens >= 0) & (tokens < length)
    return weights * there, tokens.clamp(0, length - 1)


def two_likeliest(choice: Tensor, size: tuple[int, int], sharpness: float = 1.0) -> tuple[Tensor, Tensor]:
    """The two likeliest candidates of each pixel and their weights, (B, 2, H, W) each.

    Args:
        choice: (B, K, h, w) logits.
        size: (H, W).
        sharpness: above 1 makes the change from one candidate to the next shorter.
    """
    best, which = resized(choice, size).topk(2, dim=1)
    return (best * sharpness).softmax(1), which


def candidate_places(transforms: LimbTransforms, which: Tensor, residual: Tensor, at: Tensor) -> Tensor:
    """Source places (B, H, W, 2) of target places (H, W, 2), each moved by its own candidate.

    Args:
        transforms: of the B pairs.
        which: (B, H, W) candidates.
        residual: (B, 2, h, w) frame heights.
        at: (H, W, 2).
    """
    batch, height, width = which.shape
    flat = which.flatten(1)
    table = torch.cat([transforms.matrix.flatten(2), transforms.offset], 2)  # (B, K, 6)
    row = table.gather(1, flat[..., None].expand(-1, -1, 6)).view(batch, height, width, 6)
    x, y = at[..., 0], at[..., 1]
    moved = torch.stack(
        [row[..., 0] * x + row[..., 1] * y + row[..., 4], row[..., 2] * x + row[..., 3] * y + row[..., 5]], -1
    )
    # what stands still is not moved about
    free = (which != _K - 1)[..., None]
    return moved + resized(residual, (height, width)).permute(0, 2, 3, 1) * free


class Carrier(nn.Module):
    """The network; see the module's docstring."""

    def __init__(self) -> None:
        super().__init__()
        lines = len(LINES)
        self.source_parts = _TwoScale(3 + 1, lines, PARTS, (24, 32, 48, 64))
        self.choice = _UNet(_CUES * _K + 3 + 3, (32, 48, 64, 96))
        self.choose = nn.Conv2d(32, _K + 2, 1)
        self.refine = _TwoScale(3 + 3 + 4, lines + 32, 6, (24, 32, 48, 64))
        for bias in (self.choose.bias, self.choose.weight[_K:]):
            if bias is not None:
                nn.init.zeros_(bias)

    def encode(self, source: Tensor, mask: Tensor, pose: Tensor) -> SourceParts:
        """Find the body parts of a source; arguments as in `CarrierInput`."""
        half = _half(source)
        near = nearness(pose, places(half, source.device))
        return SourceParts(source, self._run(self.source_parts, torch.cat([source, mask], 1) - 0.5, near))

    def forward(self, given: CarrierInput, source: SourceParts | None = None) -> tuple[SourceParts, Warped]:
        """Decide about B transfers; `source` is what `encode` made of them, or None."""
        if source is None:
            source = self.encode(given.source, given.mask, given.source_pose)
        work = (given.source.shape[-2], given.source.shape[-1])
        half = _half(given.source)
        device = given.source.device
        transforms = limb_transforms(given.target_pose, given.source_pose, given.background)
        parts = source.parts.detach()
        near = nearness(given.target_pose, places(half, device))
        scores = functional.interpolate(given.scores.flatten(1, 2), half, mode="bilinear", align_corners=False)
        scores = scores.unflatten(1, (2, _K))
        cues, own = self._cues(given, transforms, parts, near, scores)
        features = self._run(self.choice, cues)
        out = self.choose(features)
        # starts as a rule made by hand, which the network corrects
        lines = torch.cat([near[:, list(LINE_OF)], 0.5 - near.amax(1, keepdim=True)], 1)
        prior = 3 * scores[:, 0] + 2 * lines + 3 * own
        choice = (out[:, :_K] + prior).masked_fill(~transforms.exists[..., None, None], _HIDDEN)
        residual = _REACH * torch.tanh(out[:, _K:])
        weights, which = two_likeliest(choice, work)
        at = places(work, device)
        layers = torch.cat([source.image, 1 - parts[:, :1]], 1)
        goes = torch.stack([candidate_places(transforms, which[:, n], residual, at) for n in range(2)], 1)
        found = [look_up(layers, goes[:, n]) for n in range(2)]
        if given.behind is not None:  # what stands still is the background, and not the person who stood there
            empty = functional.pad(given.behind, (0, 0, 0, 0, 0, 1))
            found = [torch.where(which[:, n : n + 1] == _K - 1, look_up(empty, goes[:, n]), found[n]) for n in range(2)]
        warped = weights[:, :1] * found[0] + weights[:, 1:] * found[1]
        probable = choice.softmax(1)
        hints = torch.cat([probable[:, -1:], (probable * own).sum(1, keepdim=True)], 1)
        hints = resized(hints, work)
        generated = resized(given.generated, work)
        full = torch.cat([warped[:, :3] - 0.5, generated - 0.5, warped[:, 3:], weights[:, :1], hints], 1)
        seen, carry, matte, fix = self._run(self.refine, full, torch.cat([near, features], 1)).split((1, 1, 1, 3), 1)
        matte = matte + 6 * (0.5 - hints[:, :1])
        drawing = generated + _FIX * torch.tanh(fix)
        return source, Warped(
            transforms=transforms,
            choice=choice,
            residual=residual,
            weights=weights,
            at=goes,
            warped=warped[:, :3],
            seen=seen,
            carry=carry,
            matte=matte,
            drawing=drawing,
        )

    def _cues(
        self, given: CarrierInput, transforms: LimbTransforms, parts: Tensor, near: Tensor, scores: Tensor
    ) -> tuple[Tensor, Tensor]:
        """What is known of every candidate at half the working size, and how much its place shows its own part."""
        half = _half(given.source)
        batch = len(given.source)
        goes = transforms.at(places(half, given.source.device)).reshape(batch, _K * half[0], half[1], 2)
        small = functional.avg_pool2d(torch.cat([given.source, parts], 1), 2)
        exists = transforms.exists[..., None, None].to(small)
        moved = look_up(small, goes, "zeros").view(batch, 3 + PARTS, _K, *half)
        if given.behind is not None:
            small = functional.avg_pool2d(given.behind, 2)
            still = transforms.at(places(half, given.source.device))[:, -1]
            moved[:, :3, -1] = look_up(small, still, "zeros")
        generated = resized(given.generated, half)
        agree = torch.exp(-_AGREE * (moved[:, :3] - generated[:, :, None]).abs().mean(1)) * exists
        own = torch.stack([moved[:, 3 + part, number] for number, part in enumerate(PART_OF)], 1) * exists
        if given.behind is not None:  # where no part of the person finds itself, there may be background again
            own[:, -1:] = torch.maximum(own[:, -1:], 1 - own[:, :-1].amax(1, keepdim=True))
        lines = torch.cat([near[:, list(LINE_OF)], near.amax(1, keepdim=True)], 1) * exists
        every = [scores.flatten(1, 2), agree, own, lines, generated - 0.5, small[:, :3] - 0.5]
        return torch.cat(every, 1), own

    def _run(self, module: nn.Module, *x: Tensor) -> Tensor:
        """Convolutions train in bfloat16 on CPUs that are good at it; geometry never does: 8 bits are no place."""
        fast = self.training and x[0].device.type == "cpu"
        with autocast("cpu", choose_precision("cpu") if fast else "fp32"):
            out: Tensor = module(*(tensor.contiguous(memory_format=torch.channels_last) for tensor in x))
        return out.float()


class _UNet(nn.Module):
    def __init__(self, inputs: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        pairs = list(pairwise(widths))
        self.first = nn.Sequential(_block(inputs, widths[0]), _block(widths[0], widths[0]))
        self.down = nn.ModuleList(nn.Sequential(_block(a, b), _block(b, b)) for a, b in pairs)
        self.up = nn.ModuleList(_block(a + b, a) for a, b in pairs)

    def forward(self, x: Tensor) -> Tensor:
        kept = [self.first(x)]
        for down in self.down:
            kept.append(down(functional.max_pool2d(kept[-1], 2, ceil_mode=True)))
        x = kept.pop()
        for up, skip in zip(reversed(self.up), reversed(kept), strict=True):
            x = up(torch.cat([resized(x, (skip.shape[-2], skip.shape[-1])), skip], 1))
        return x


class _TwoScale(nn.Module):
    """A U-Net at half the size with a thin layer at the full one around it."""

    def __init__(self, full: int, half: int, outputs: int, widths: tuple[int, ...], thin: int = 12) -> None:
        super().__init__()
        self.fine = _block(full, thin)
        self.stem = nn.Conv2d(full, widths[0], 4, 2, 1)
        self.body = _UNet(widths[0] + half, widths)
        self.last = nn.Sequential(_block(widths[0] + thin, thin), nn.Conv2d(thin, outputs, 3, 1, 1))

    def forward(self, full: Tensor, half: Tensor) -> Tensor:
        x: Tensor = self.body(torch.cat([self.stem(full), half], 1))
        x = resized(x, (full.shape[-2], full.shape[-1]))
        out: Tensor = self.last(torch.cat([x, self.fine(full)], 1))
        return out


def _block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


def _half(image: Tensor) -> tuple[int, int]:
    return image.shape[-2] // 2, image.shape[-1] // 2
