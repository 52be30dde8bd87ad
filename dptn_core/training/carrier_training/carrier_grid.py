"""Sample grids of a carrier: the same examples after every so many steps, to see what it learns."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from ...data.synthetic.pair_sheet import tile
from ...image_io import write_image
from ...network.carrier import Carrier, resized
from .carrier_losses import background_of, compose
from .examples import Examples, given_of


def save_carrier_grid(path: Path, carrier: Carrier, examples: Examples) -> None:
    """Write a grid with rows of source, generated, composed, true target, matte, and the weight of warped pixels.

    Args:
        path: of the PNG.
        carrier: the averaged weights, in eval mode.
        examples: to show, always the same ones, on the carrier's device.
    """
    given = given_of(examples)
    with torch.no_grad():
        _, found = carrier(given)
        composed = compose(found, background_of(examples))
    matte = found.matte.sigmoid()
    size = (examples.source.shape[-2], examples.source.shape[-1])
    target = examples.target.float() / 255
    columns = [given.source, resized(given.generated, size), composed, target, matte, matte * found.carry.sigmoid()]
    write_image(path, tile([_as_shown(column) for column in columns], columns=2))


def _as_shown(image: Tensor) -> Tensor:
    """(B, 1 or 3, H, W) in [0, 1] as (B, 3, H, W) in [-1, 1]."""
    return image.expand(-1, 3, -1, -1) * 2 - 1
