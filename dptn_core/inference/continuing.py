"""Generated pixels take on the colours of the warped ones beside them, so that no rim shows where they meet."""

from __future__ import annotations

from typing import Final

from torch import Tensor

from ..network.carrier import Warped, look_up, resized
from .source_texture import SourceTexture

_INSIDE: Final = 0.9  # of the source person in a pixel that can be trusted to be of them
_TRUSTED: Final = 2  # power of what says that a pixel is right: the surest count most
_DOUBT: Final = 0.1  # less sure than this of every pixel, nothing is warped that the rest could go by


def continuing(found: Warped, texture: SourceTexture) -> Tensor:
    """What was generated, moved by a smooth surface through its differences to what is warped.

    Where nothing is warped it stays what it is; beside warped pixels it goes on as they are. It is the membrane of
    Poisson image editing (Perez, Gangnet, Blake, SIGGRAPH 2003), its border given by weights instead of a line.

    Args:
        found: what the carrier decided.
        texture: of the source.

    Returns:
        (3, h, w) in [0, 1], at the working size.
    """
    from ..inpainting.smooth import smooth_fill  # its package imports scipy, which is not wanted before the first run

    generated = found.drawing[0]
    size = (generated.shape[1], generated.shape[2])
    # converted after the cut: the matte is as large as the image
    outline = texture.frame.cut(texture.matte[None])[None].to(generated)
    inside = sum(found.weights[0, n] * look_up(outline, found.at[:, n], "zeros")[0, 0] for n in range(2))
    person = 1 - resized(found.choice.softmax(1)[:, -1:], size)[0, 0]
    sure = found.carry[0, 0].sigmoid() * found.matte[0, 0].sigmoid() * person * (inside > _INSIDE)
    if not bool((sure > _DOUBT).any()):
        return generated.clamp(0, 1)
    surface = smooth_fill(found.warped[0] - generated, sure.pow(_TRUSTED))
    return (generated + surface).clamp(0, 1)
