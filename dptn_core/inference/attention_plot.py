"""A picture of what the network looked at, to show and to save."""

from __future__ import annotations

import colorsys
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from ..image_io import resize, to_bytes, to_picture
from .attention import Correspondence, attention_at, carried, correspondence, peaks
from .transfer import Transfer

SHOWN_JOINTS = tuple(range(14))  # without eyes and ears, which lie on top of each other
_PANEL_HEIGHT = 512


def attention_picture(transfer: Transfer, index: int, *, layer: int = -1) -> np.ndarray:
    """Four panels: the drawn target with its joints, the source with where each joint looked, the source's own pixels
    carried along the attention, and how sure the network was.

    Args:
        transfer: the result to show.
        index: which of its pictures.
        layer: Texture Transfer Block.

    Returns:
        (H, W, 3) uint8.
    """
    source = transfer.source
    pose = transfer.frame.pose_inside(transfer.poses[index])
    shown = [joint for joint in SHOWN_JOINTS if pose.present[joint]]
    points = torch.from_numpy(transfer.poses[index].keypoints[shown]).float().to(transfer.drawn.device)
    attention = attention_at(transfer, index, points, layer=layer)
    looked = source.frame.points_inside(peaks(attention, transfer)).cpu().numpy()
    found = correspondence(transfer, index, layer=layer)
    source_view = source.frame.cut(source.picture).to(attention.device)

    colours = [joint_colour(joint) for joint in shown]
    target_panel = _panel(transfer.drawn[index])
    _mark(target_panel, pose.keypoints[shown], colours, transfer.frame.size, filled=True)
    heat = _heat(source_view, attention, colours)
    source_panel = _panel(heat)
    _mark(source_panel, looked, colours, source.frame.size, filled=False)
    sure = resize(found.confidence[None].float(), transfer.frame.size).expand(3, -1, -1)
    panels = [target_panel, source_panel, _panel(carried(transfer, found)), _panel(sure)]
    gap = np.full((panels[0].height, 6, 3), 255, dtype=np.uint8)
    strips: list[np.ndarray] = []
    for panel in panels:
        strips += [np.asarray(panel), gap]
    return np.concatenate(strips[:-1], axis=1)


def heat_over_source(transfer: Transfer, attention: Tensor, colours: Sequence[tuple[int, int, int]]) -> Tensor:
    """The whole source picture, dimmed and grey, with attention maps shining on it, each in its colour.

    Args:
        transfer: the result the attention was asked of.
        attention: (N, h, w), from `attention_at`.
        colours: N RGB colours, 0..255.

    Returns:
        (3, H, W) in [0, 1], of the source picture's size, on its device.
    """
    source = transfer.source
    picture = source.picture
    nothing = picture.new_zeros(1, *picture.shape[1:])
    glows = (source.frame.paste((one / one.max().clamp(min=1e-9))[None].to(picture), nothing)[0] for one in attention)
    return _shine(picture, glows, colours)


def mark_peaks(picture: Tensor, points: Tensor, colours: Sequence[tuple[int, int, int]]) -> Tensor:
    """A copy of a (3, H, W) picture with a ring at each of (N, 2) xy pixels."""
    panel = Image.fromarray(to_bytes(picture))
    size = (picture.shape[1], picture.shape[2])
    _mark(panel, points.cpu().numpy(), list(colours), size, filled=False, radius=max(4, round(min(size) / 50)))
    return to_picture(panel)


def source_map(transfer: Transfer, found: Correspondence) -> Tensor:
    """Correspondence as compositors keep it, an ST map: red x and green y of the source place, blue the confidence.

    Returns:
        (3, H, W) in [0, 1] on the target's canvas; x and y are shares of the source picture, 0 left and top.
    """
    picture = transfer.source.picture
    place = found.source.permute(2, 0, 1) / found.source.new_tensor([picture.shape[2], picture.shape[1]])[:, None, None]
    return transfer.frame.paste(torch.cat([place, found.confidence[None]]).float().clamp(0, 1), None)


def joint_colour(joint: int) -> tuple[int, int, int]:
    """The RGB colour, 0..255, that stands for a body joint in attention pictures."""
    red, green, blue = colorsys.hsv_to_rgb(joint / len(SHOWN_JOINTS), 0.9, 1.0)
    return round(red * 255), round(green * 255), round(blue * 255)


def _panel(picture: Tensor) -> Image.Image:
    height, width = picture.shape[1:]
    size = (max(1, round(width * _PANEL_HEIGHT / height)), _PANEL_HEIGHT)
    return Image.fromarray(to_bytes(picture)).resize(size, Image.Resampling.BICUBIC)


def _mark(
    panel: Image.Image,
    points: np.ndarray,
    colours: list[tuple[int, int, int]],
    size: tuple[int, int],
    *,
    filled: bool,
    radius: int = 6,
) -> None:
    """Dots (filled) or rings at (N, 2) pixels of a picture of `size`."""
    draw = ImageDraw.Draw(panel)
    scale = np.array([panel.width / size[1], panel.height / size[0]])
    for (x, y), colour in zip(points * scale, colours, strict=True):
        box = (x - radius, y - radius, x + radius, y + radius)
        if filled:
            draw.ellipse(box, fill=colour, outline=(0, 0, 0))
        else:
            draw.ellipse(box, outline=(0, 0, 0), width=5)
            draw.ellipse(box, outline=colour, width=3)


def _heat(picture: Tensor, attention: Tensor, colours: Sequence[tuple[int, int, int]]) -> Tensor:
    """The grey picture with each of (N, h, w) attention maps shining in its colour."""
    size = (picture.shape[1], picture.shape[2])
    return _shine(picture, (resize((one / one.max().clamp(min=1e-9))[None], size)[0] for one in attention), colours)


def _shine(picture: Tensor, glows: Iterable[Tensor], colours: Sequence[tuple[int, int, int]]) -> Tensor:
    """The grey picture (3, H, W) with lights (H, W) of 0..1 on it, each in its colour, taken one by one."""
    grey = picture.mean(0, keepdim=True).expand(3, -1, -1) * 0.55
    for glow, colour in zip(glows, colours, strict=True):
        tint = grey.new_tensor(colour)[:, None, None] / 255
        grey = grey * (1 - 0.6 * glow) + tint * 0.6 * glow
    return grey
