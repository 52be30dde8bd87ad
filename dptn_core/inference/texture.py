"""The source's own pixels warped to the target at any resolution, and generated ones where it has none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import torch
from torch import Tensor

from ..network.carrier import (
    Carrier,
    CarrierInput,
    Warped,
    attention_scores,
    candidate_places,
    two_likeliest,
)
from ..pose.limb_transforms import CANDIDATES, LimbTransforms, limb_transforms
from ..segmentation.edges import applied, linear_model
from .box import Box
from .continuing import continuing
from .framing import Frame
from .source_texture import SourceTexture, beyond, pose_in, working_frame
from .texture_layers import background_at, coarser, looked_up
from .transfer import Compose, Composed, Generated

_TOKENS: Final = 48  # rows of target places at most at which attention is asked
_QUERIES: Final = 256  # at once
_PIXELS: Final = 1 << 18  # composed at once
# How much shorter a change is than at the working size, where it is as wide as the carrier is unsure of its place:
_SHARP: Final = 8.0  # from one body part to the next
_STEEP: Final = 3.0  # from the person to the background
_SURER: Final = 2.5  # from warped to generated
_OUTLINE: Final = 0.5  # how far the source's own outline counts where its pixels are warped
# Of the person in a pixel: up to the first there is nobody, from the second on all of it counts; else rims show.
_WISPS: Final = (0.1, 0.35)  # where it is warped
_GENERATED_WISPS: Final = (0.15, 0.45)  # where it is generated
_HEAD_OUTLINE: Final = 0.95  # how far the source's outline of a head counts that both poses show from the front
_FACE: Final = (0, 14, 15, 16, 17)  # nose, eyes, ears: of a head that turns away, one goes missing
_HEAD: Final = CANDIDATES.index("head")
_NOTHING: Final = 0.01  # weight below which a pixel is not worth its computation
_FINER: Final = 1.25  # a source this much finer than the output is scaled down first


@dataclass(frozen=True, eq=False)
class Decision:
    """What the carrier decided about one target, at its working size h x w."""

    frame: Frame  # of the target
    lies: Box  # where the source's frame lies on the target's canvas, for what stands still
    found: Warped
    same_head: bool  # source and target show the head from the front: its outline is the source's

    def correspondence(self, texture: SourceTexture) -> Tensor:
        """Pixels of the source image (h, w, 2), for each pixel of the target's frame."""
        height, width = self.frame.size
        box = texture.frame.box
        scale = self.found.at.new_tensor([box.width / width * height, box.height])
        likelier = self.found.at[0, 0]
        return likelier * scale + scale.new_tensor([box.left, box.top])

    def choice(self) -> Tensor:
        """Candidate of `pose.limb_transforms` that each pixel of the target's frame took, (h, w) int64."""
        return two_likeliest(self.found.choice, self.frame.size)[1][0, 0]


def composer(carrier: Carrier, texture: SourceTexture) -> Compose:
    """Composes images from the source's own pixels, for `transfer`.

    Args:
        carrier: in eval mode.
        texture: of the source that is transferred, from `encode_texture`.
    """
    return lambda generated, size: compose_texture(decide(carrier, texture, generated), texture, size)


def decide(carrier: Carrier, texture: SourceTexture, generated: Generated) -> Decision:
    """Ask the carrier where the pixels of one target come from."""
    device = next(carrier.parameters()).device
    work = replace(working_frame(generated.frame), size=texture.frame.size)
    target = pose_in(work, generated.pose).to(device)
    lies = _lying_on(generated.still, texture.frame)
    background = _still(work, lies)
    with torch.inference_mode():
        transforms = limb_transforms(target, texture.pose, background)
        given = CarrierInput(
            source=texture.parts.image,
            mask=texture.parts.image[:, :1],  # unused: the source's parts are known already
            generated=generated.image[None].float().to(device),
            scores=_scores(generated, transforms, work),
            source_pose=texture.pose,
            target_pose=target,
            background=background,
            behind=texture.behind,
        )
        front = all(bool(pose[0, _FACE, 2].all()) for pose in (texture.pose, target))
        return Decision(work, lies, carrier(given, texture.parts)[1], front)


def compose_texture(decision: Decision, texture: SourceTexture, size: tuple[int, int]) -> Composed:
    """The image of a decision at any size (H, W), in strips: memory grows with the output alone."""
    height, width = size
    frame, found = decision.frame, decision.found
    canvas = frame.canvas
    with torch.inference_mode():
        image, invented = background_at(texture, decision.frame, decision.lies, size)
        matte = image.new_zeros(height, width)
        maps = _Maps.of(decision, texture)
        layers = _layers(texture, found, frame, height / canvas.height)
        for rows, columns in _strips(frame, size):
            y = ((rows + 0.5) / height * canvas.height - frame.box.top) / frame.box.height
            x = ((columns + 0.5) / width * canvas.width - frame.box.left) / frame.box.width
            person, covers, unseen, there = _composed(found, maps, layers, texture.frame, y, x)
            region = (slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1))
            for plane, colour in zip(image, person, strict=True):
                _blend(plane[region], colour, covers, there)
            _blend(matte[region], torch.ones_like(covers), covers, there)
            _blend(invented[region], unseen, covers, there)
    return Composed(image, matte, invented)


def _lying_on(still: Frame, source: Frame) -> Box:
    """Where the source's frame lies on the target's canvas: on one canvas where it is, on another on `still`."""
    return source.box if still.canvas == source.canvas else working_frame(still).box


def _still(target: Frame, source: Box) -> tuple[Tensor, Tensor]:
    """Where in the source's frame, which lies on a box of the target's canvas, the things are that stand still."""
    aspect = target.size[1] / target.size[0]
    scale_x, scale_y = target.box.width / source.width, target.box.height / source.height
    left = (target.box.left - source.left) / source.width * aspect
    top = (target.box.top - source.top) / source.height
    return torch.diag(torch.tensor([scale_x, scale_y])), torch.tensor([left, top])


def _scores(generated: Generated, transforms: LimbTransforms, work: Frame) -> Tensor:
    """(1, 2, K, rows, columns): the attention of all layers and heads at each candidate's place, mean and largest."""
    source = generated.source
    rows, columns = source.features.grid
    step = -(-rows // _TOKENS)
    picked_rows = torch.arange(step // 2, rows, step)
    picked_columns = torch.arange(step // 2, columns, step)
    tokens = (picked_rows[:, None] * columns + picked_columns).flatten()
    aspect = work.size[1] / work.size[0]
    at = torch.stack(
        torch.meshgrid((picked_columns + 0.5) / columns * aspect, (picked_rows + 0.5) / rows, indexing="xy"), -1
    )
    at = at.flatten(0, 1).to(transforms.matrix.device)
    generator = source.model.generator
    every = []
    for layer, queries in enumerate(generated.queries):
        parts = []
        for some, there in zip(tokens.split(_QUERIES), at.split(_QUERIES), strict=True):
            heads = generator.attention_of(source.features, queries[:, :, some], layer, average_heads=False)
            maps = heads[0].unflatten(-1, (rows, columns)).to(transforms.matrix.device)
            parts.append(attention_scores(maps[None], transforms, there, aspect)[0])
        every.append(torch.cat(parts, -1))  # (heads, K, T)
    found = torch.cat(every)
    grid = (len(picked_rows), len(picked_columns))
    return torch.stack([found.mean(0), found.amax(0)])[None].unflatten(-1, grid)


@dataclass(frozen=True)
class _Maps:
    """The carrier's decisions as planes that are enlarged together."""

    coarse: Tensor  # (K + 2, h / 2, w / 2): choice, residual
    fine: Tensor  # (8, h, w): seen, weight of warped pixels before the sigmoid, model of the matte
    generated: Tensor  # (3, h, w), its colours those of the warped pixels beside it
    head: bool  # the head's outline is the source's

    @classmethod
    def of(cls, decision: Decision, texture: SourceTexture) -> _Maps:
        found = decision.found
        generated = continuing(found, texture)
        weight = found.carry[0].sigmoid()
        person = (weight * found.warped[0] + (1 - weight) * generated).clamp(0, 1)
        return cls(
            torch.cat([found.choice[0], found.residual[0]]),
            torch.cat([found.seen[0], found.carry[0], linear_model((_STEEP * found.matte[0]).sigmoid(), person)]),
            generated,
            decision.same_head and bool(found.transforms.exists[0, _HEAD]),
        )


def _strips(frame: Frame, size: tuple[int, int]) -> Iterator[tuple[Tensor, Tensor]]:
    """Rows and columns of the output that the person may be in, few enough at once."""
    box = beyond(frame.box)
    scale_y, scale_x = size[0] / frame.canvas.height, size[1] / frame.canvas.width
    top, bottom = (min(max(round(edge * scale_y), 0), size[0]) for edge in (box.top, box.bottom))
    left, right = (min(max(round(edge * scale_x), 0), size[1]) for edge in (box.left, box.right))
    if right <= left or bottom <= top:
        return
    columns = torch.arange(left, right)
    for rows in torch.arange(top, bottom).split(max(1, _PIXELS // (right - left))):
        yield rows, columns


def _layers(texture: SourceTexture, found: Warped, target: Frame, scale: float) -> Tensor:
    """The source person's colours and matte, (H, W, 4), on the source's canvas and no finer than is needed.

    Args:
        texture: the source.
        found: its transforms say how much larger the source person is than the target's.
        target: frame of the target.
        scale: pixels of the output for one of the target's canvas.
    """
    exists = found.transforms.exists[0, :-1]
    size = found.transforms.matrix[0, :-1][exists].det().abs().sqrt()
    larger = float(size.median()) if len(size) else 1.0
    finer = texture.frame.box.height * larger / (target.box.height * scale)
    if finer <= _FINER:
        return texture.layers
    height, width = (max(1, round(side / finer)) for side in texture.layers.shape[:2])
    return coarser(texture.layers, (height, width))


def _composed(
    found: Warped, maps: _Maps, layers: Tensor, source: Frame, y: Tensor, x: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The person in a strip of the output.

    Args:
        found: the carrier's decisions.
        maps: the same, to be enlarged.
        layers: from `_layers`.
        source: frame of the source.
        y: (h,) rows as fractions of the target's frame.
        x: (w,) columns.

    Returns:
        Of the N pixels that the person may cover: colours (3, N), the matte (N,), how much is invented (N,), and where
        they are, (h, w) bool.
    """
    device = maps.fine.device
    y, x = y.to(device), x.to(device)
    fine = _enlarged(maps.fine, y, x)
    there = fine[7] > _NOTHING  # the largest value the matte has close by
    fine = fine[:, there]
    coarse = _enlarged(maps.coarse, y, x)[:, there]
    generated = _enlarged(maps.generated, y, x)[:, there]
    aspect = source.size[1] / source.size[0]
    row, column = there.nonzero(as_tuple=True)
    at = torch.stack([x[column] * aspect, y[row]], -1)  # (N, 2)
    warped = _warped(found, coarse, layers, source, at)
    weight = (_SURER * fine[1]).sigmoid()
    person = (weight * warped[:3] + (1 - weight) * generated).clamp(0, 1)
    matte = applied(fine[2:, None], person[:, None])[0]
    # where pixels are warped, or the source shows the place, its own outline is the sharpest there is
    shown = torch.maximum(_OUTLINE * weight, fine[0].sigmoid())
    matte = matte * (1 - shown * (1 - warped[3]))
    if maps.head:
        matte = matte * (1 - _HEAD_OUTLINE * _beside_head(found, coarse, layers, source, at))
    low, high = (start + weight * (end - start) for start, end in zip(_GENERATED_WISPS, _WISPS, strict=True))
    matte = matte * ((matte - low) / (high - low)).clamp(0, 1)
    return person, matte, 1 - fine[0].sigmoid(), there


def _beside_head(found: Warped, coarse: Tensor, layers: Tensor, source: Frame, at: Tensor) -> Tensor:
    """How sure it is that target places (N, 2) would be of the head but lie outside its outline in the source, (N,)."""
    candidates = coarse.shape[0] - 2
    head = coarse[: candidates - 1].softmax(0)[_HEAD]  # of all but the background
    maybe = head > _NOTHING
    which = torch.full((int(maybe.sum()),), _HEAD, device=head.device)
    inside = _sampled(found, which, coarse[candidates:, maybe].T, layers, source, at[maybe])[3]
    beside = torch.zeros_like(head)
    beside[maybe] = head[maybe] * (1 - inside)
    return beside


def _warped(found: Warped, coarse: Tensor, layers: Tensor, source: Frame, at: Tensor) -> Tensor:
    """The source's colours and matte (4, N) for N target places (N, 2)."""
    candidates = coarse.shape[0] - 2
    choice, residual = coarse[:candidates] * _SHARP, coarse[candidates:].T
    best, first = choice.max(0)
    others = choice.scatter(0, first[None], -torch.inf)
    second_best, second = others.max(0)
    weight = (second_best - best).exp() / (1 + (second_best - best).exp())  # of the second
    warped = _sampled(found, first, residual, layers, source, at)
    mixed = weight > _NOTHING
    other = _sampled(found, second[mixed], residual[mixed], layers, source, at[mixed])
    warped[:, mixed] += weight[mixed] * (other - warped[:, mixed])
    return warped


def _sampled(found: Warped, which: Tensor, residual: Tensor, layers: Tensor, source: Frame, at: Tensor) -> Tensor:
    """(C, N) samples of layers (H, W, C) where candidates (N,) send places (N, 2)."""
    goes = candidate_places(found.transforms, which[None, None], residual.T[None, :, None], at[None])[0, 0]
    aspect = source.size[1] / source.size[0]
    box, canvas = source.box, source.canvas
    x = (goes[:, 0] / aspect * box.width + box.left) / canvas.width
    y = (goes[:, 1] * box.height + box.top) / canvas.height
    return looked_up(layers, torch.stack([x, y], -1).to(layers.device)).T.to(which.device)


def _enlarged(planes: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """Planes (C, h, w) of a frame at rows y (H,) and columns x (W,), fractions of it: (C, H, W), bilinear.

    Two products of matrices: as the new grid is straight, that is many times faster than looking pixels up.
    """
    return _tents(y, planes.shape[1]) @ planes @ _tents(x, planes.shape[2]).T


def _tents(at: Tensor, length: int) -> Tensor:
    """Weights (N, length) of the pixels of a line at fractions (N,) of it."""
    place = (at * length - 0.5).clamp(0, length - 1)
    return (1 - (place[:, None] - torch.arange(length, device=at.device)).abs()).clamp(min=0)


def _blend(plane: Tensor, value: Tensor, weight: Tensor, there: Tensor) -> None:
    """Mix values (N,) by weights (N,) into a plane (h, w) at the N places that are `there`."""
    weight, value, there = weight.to(plane.device), value.to(plane.device), there.to(plane.device)
    plane[there] += weight * (value - plane[there])
