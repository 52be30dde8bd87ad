"""Images of what the network attended to, to show and to save."""

from __future__ import annotations

import colorsys
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from ..image_io import resize, to_bytes, to_image
from .attention import Correspondence, attention_at, correspondence, peaks, warped
from .transfer import EncodedSource, Generated

SHOWN_JOINTS = tuple(range(14))  # without eyes and ears, which lie on top of each other
_PANEL_HEIGHT = 512


def attention_image(generated: Generated, *, layer: int = -1) -> np.ndarray:
    """Four panels: the generated image with its joints, the source with where each joint attended, the source's own
    pixels warped along the attention, and how sure the network was.

    Args:
        generated: the image.
        layer: Texture Transfer Block.

    Returns:
        (H, W, 3) uint8.
    """
    source = generated.source
    pose = generated.frame.pose_inside(generated.pose)
    shown = [joint for joint in SHOWN_JOINTS if pose.present[joint]]
    points = torch.from_numpy(generated.pose.keypoints[shown]).float().to(generated.image.device)
    attention = attention_at(generated, points, layer=layer)
    attended = source.frame.points_inside(peaks(attention, source)).cpu().numpy()
    found = correspondence(generated, layer=layer)
    source_view = source.frame.cut(source.image).to(attention.device)

    colours = [joint_colour(joint) for joint in shown]
    target_panel = _panel(generated.image)
    _mark(target_panel, pose.keypoints[shown], colours, generated.frame.size, filled=True)
    heat = _heat(source_view, attention, colours)
    source_panel = _panel(heat)
    _mark(source_panel, attended, colours, source.frame.size, filled=False)
    sure = resize(found.confidence[None].float(), generated.frame.size).expand(3, -1, -1)
    panels = [target_panel, source_panel, _panel(warped(source, found)), _panel(sure)]
    gap = np.full((panels[0].height, 6, 3), 255, dtype=np.uint8)
    strips: list[np.ndarray] = []
    for panel in panels:
        strips += [np.asarray(panel), gap]
    return np.concatenate(strips[:-1], axis=1)


def heat_over_source(source: EncodedSource, attention: Tensor, colours: Sequence[tuple[int, int, int]]) -> Tensor:
    """The whole source image, dimmed and grey, with attention maps shining on it, each in its colour.

    Args:
        source: that the maps attend to.
        attention: (N, h, w), from `attention_at`.
        colours: N RGB colours, 0..255.

    Returns:
        (3, H, W) in [0, 1], of the source image's size, on its device.
    """
    image = source.image
    nothing = image.new_zeros(1, *image.shape[1:])
    glows = (source.frame.paste((one / one.max().clamp(min=1e-9))[None].to(image), nothing)[0] for one in attention)
    return _shine(image, glows, colours)


def mark_peaks(image: Tensor, points: Tensor, colours: Sequence[tuple[int, int, int]]) -> Tensor:
    """A copy of a (3, H, W) image with a ring at each of (N, 2) xy pixels."""
    panel = Image.fromarray(to_bytes(image))
    size = (image.shape[1], image.shape[2])
    _mark(panel, points.cpu().numpy(), list(colours), size, filled=False, radius=max(4, round(min(size) / 50)))
    return to_image(panel)


def source_map(generated: Generated, found: Correspondence) -> Tensor:
    """Correspondence as compositors keep it, an ST map: red x and green y of the source place, blue the confidence.

    Returns:
        (3, H, W) in [0, 1] on the target's canvas; x and y are fractions of the source image, 0 left and top.
    """
    image = generated.source.image
    place = found.source.permute(2, 0, 1) / found.source.new_tensor([image.shape[2], image.shape[1]])[:, None, None]
    return generated.frame.paste(torch.cat([place, found.confidence[None]]).float().clamp(0, 1), None)


def joint_colour(joint: int) -> tuple[int, int, int]:
    """The RGB colour, 0..255, that stands for a body joint in attention images."""
    red, green, blue = colorsys.hsv_to_rgb(joint / len(SHOWN_JOINTS), 0.9, 1.0)
    return round(red * 255), round(green * 255), round(blue * 255)


def _panel(image: Tensor) -> Image.Image:
    height, width = image.shape[1:]
    size = (max(1, round(width * _PANEL_HEIGHT / height)), _PANEL_HEIGHT)
    return Image.fromarray(to_bytes(image)).resize(size, Image.Resampling.BICUBIC)


def _mark(
    panel: Image.Image,
    points: np.ndarray,
    colours: list[tuple[int, int, int]],
    size: tuple[int, int],
    *,
    filled: bool,
    radius: int = 6,
) -> None:
    """Dots (filled) or rings at (N, 2) pixels of an image of `size`."""
    draw = ImageDraw.Draw(panel)
    scale = np.array([panel.width / size[1], panel.height / size[0]])
    for (x, y), colour in zip(points * scale, colours, strict=True):
        box = (x - radius, y - radius, x + radius, y + radius)
        if filled:
            draw.ellipse(box, fill=colour, outline=(0, 0, 0))
        else:
            draw.ellipse(box, outline=(0, 0, 0), width=5)
            draw.ellipse(box, outline=colour, width=3)


def _heat(image: Tensor, attention: Tensor, colours: Sequence[tuple[int, int, int]]) -> Tensor:
    """The grey image with each of (N, h, w) attention maps shining in its colour."""
    size = (image.shape[1], image.shape[2])
    return _shine(image, (resize((one / one.max().clamp(min=1e-9))[None], size)[0] for one in attention), colours)


def _shine(image: Tensor, glows: Iterable[Tensor], colours: Sequence[tuple[int, int, int]]) -> Tensor:
    """The grey image (3, H, W) with lights (H, W) of 0..1 on it, each in its colour, taken one by one."""
    grey = image.mean(0, keepdim=True).expand(3, -1, -1) * 0.55
    for glow, colour in zip(glows, colours, strict=True):
        tint = grey.new_tensor(colour)[:, None, None] / 255
        grey = grey * (1 - 0.6 * glow) + tint * 0.6 * glow
    return grey
