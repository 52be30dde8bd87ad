"""What copies into a hole look like, and what each costs by itself."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from .cells import Cells, flat_index, grown
from .smooth import smooth_fill

FORBIDDEN: Final = 1e4
_REACH: Final = 0.75  # of a cell's side: known pixels so near say how well a move fits
_UNKNOWN: Final = 0.7  # distance between a colour and nothing
_DOWN: Final = 0.2  # cost of moving a pixel by the image's longer side, up or down
_ACROSS: Final = 0.04
_GUESS: Final = 0.35  # weight of what a smooth fill would be
_BLUR: Final = 4  # pixels around, that are compared with the smooth fill
_GRADIENT: Final = 1.0  # weight of differences between neighbouring pixels, against colours
_RARE: Final = 0.2  # weight of how rare a place is


class Look:
    """What is compared of an image.

    Attributes:
        known: (h, w).
        flat: (h * w + 1, 6) colours, differences to the right and down, whether it is known; the last row is nothing.
        blurred: (h * w + 1, 3) colours of what is known around.
        guess: (h, w, 3) the image with its hole filled smoothly.
        rarity: (h * w + 1,) how unlike all others a place is: people and things that are not to appear twice.
    """

    def __init__(self, image: Tensor, known: Tensor, rarity: Tensor) -> None:
        """Of an image (h, w, 3) with what is known of it (h, w), and how rare each place is (h, w)."""
        grey = image.mean(dim=2)
        across = functional.pad(grey[:, 1:] - grey[:, :-1], (0, 1))
        down = functional.pad(grey[1:] - grey[:-1], (0, 0, 0, 1))
        solid = known & functional.pad(known[:, 1:], (0, 1)) & functional.pad(known[1:], (0, 0, 0, 1))
        slopes = torch.stack([across, down], dim=2) * solid[..., None] * _GRADIENT
        looks = torch.cat([image * known[..., None], slopes, known[..., None] * _UNKNOWN], dim=2)
        self.known = known
        self.rarity = functional.pad(rarity.flatten(), (0, 1))
        self.flat = functional.pad(looks.flatten(0, 1), (0, 0, 0, 1))
        planes = image.permute(2, 0, 1)
        colours, share = (
            functional.avg_pool2d(plane[None], 2 * _BLUR + 1, 1, _BLUR)[0]
            for plane in (planes * known, known[None] * 1.0)
        )
        blurred = (colours / share.clamp(min=1e-6)).flatten(1).T
        self.blurred = functional.pad(blurred, (0, 0, 0, 1))
        self.guess = smooth_fill(planes, known).permute(1, 2, 0)

    def copies(self, cells: Cells, moves: Tensor) -> Tensor:
        """(K, N, side^2, 6) what each cell would show by each move; zeros for nothing and outside the hole."""
        return self.flat[flat_index(cells.places + moves[:, None, None], self.known.shape)] * cells.inside[..., None]

    def costs(self, cells: Cells, moves: Tensor, allowed: Tensor) -> Tensor:
        """(K, N) what a move costs in a cell by itself.

        That is how it would go on what is known around, how far it goes, how unlike the smooth fill it is and how rare.
        """
        height, width = self.known.shape
        reach = max(1, round(_REACH * cells.side))
        rim = (grown(~self.known, reach) & self.known).nonzero()
        beyond = self.flat[flat_index(rim + moves[:, None], self.known.shape)]  # (K, R, 6)
        rows, columns = cells.grid.shape
        apart = beyond.new_zeros(len(moves), 1, rows * cells.side, columns * cells.side)
        apart[:, 0, rim[:, 0], rim[:, 1]] = (beyond - self.flat[flat_index(rim, self.known.shape)]).abs().sum(dim=2)
        window = cells.side + 2 * reach
        around = functional.avg_pool2d(apart, window, stride=cells.side, padding=reach)[:, 0] * window**2
        far = (moves.abs().float() / max(height, width) * torch.tensor([_DOWN, _ACROSS])).sum(dim=1)
        middle = cells.places[:, cells.places.shape[1] // 2].clamp(max=torch.tensor([height - 1, width - 1]))
        guess = self.guess[middle[:, 0], middle[:, 1]]
        there = flat_index(middle + moves[:, None], self.known.shape)  # (K, N)
        unlike = (self.blurred[there] - guess).abs().sum(dim=2)
        alone = (far[:, None] + _GUESS * unlike + _RARE * self.rarity[there]) * cells.inside.sum(dim=1)
        return (around[:, cells.grid >= 0] + alone).masked_fill(~allowed, FORBIDDEN)
