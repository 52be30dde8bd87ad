"""Cameras: framing a person, projecting the world."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .garment_template import BODY_VERTICES, Template
from .person import column
from .scene import Scene


@dataclass(frozen=True)
class Cameras:
    """P cameras."""

    place: Tensor  # (P, 3) metres
    axes: Tensor  # (P, 3, 3): right, down, forward as rows
    focal: Tensor  # (P,) pixels
    size: tuple[int, int]  # H, W

    def project(self, places: Tensor) -> Tensor:
        """World places (P, N, 3) to x, y in pixels and depth in metres, (P, N, 3)."""
        offset = places - self.place[:, None]
        seen = torch.stack([(offset * self.axes[:, None, axis]).sum(-1) for axis in range(3)], -1)
        return torch.cat([self._to_pixels(seen, self.focal[:, None, None]), seen[..., 2:]], -1)

    def project_each(self, places: Tensor, camera: Tensor) -> Tensor:
        """World places (N, 3), each by the camera (N,) of its own, to x, y and depth, (N, 3)."""
        offset = places - self.place[camera]
        axes = self.axes[camera]
        seen = torch.stack([(offset * axes[:, axis]).sum(-1) for axis in range(3)], -1)
        return torch.cat([self._to_pixels(seen, self.focal[camera][:, None]), seen[..., 2:]], -1)

    def _to_pixels(self, seen: Tensor, focal: Tensor) -> Tensor:
        height, width = self.size
        return seen[..., :2] / seen[..., 2:].clamp(min=1e-3) * focal + seen.new_tensor([width / 2, height / 2])


def frame_people(template: Template, scenes: Sequence[Scene], world: Tensor, size: tuple[int, int]) -> Cameras:
    """Cameras of B scenes that frame their people, sources first.

    Args:
        template: tells which vertices belong to a crop.
        scenes: B of them.
        world: (2B, V, 3) posed vertices.
        size: (H, W).
    """
    device, batch, (height, width) = world.device, len(scenes), size
    crops = torch.tensor([scene.camera.crops[k] for k in range(2) for scene in scenes], device=device)[:, None]
    body, above = world[:, :BODY_VERTICES], template.height[None, :BODY_VERTICES] > crops
    counted = (above & ((template.arm[None, :BODY_VERTICES] < 0.5) | (crops < 0)))[..., None]
    low = torch.where(counted, body, torch.inf).amin(1)
    high = torch.where(counted, body, -torch.inf).amax(1)
    aim = (low + high) / 2
    values = {
        name: column(scenes, f"camera.{name}", device)[:, 0].repeat(2)
        for name in ("field_of_view", "pitch", "roll", "room")
    }
    half = (values["field_of_view"].double() / 2).tan().float()
    extent = torch.maximum((high - low)[:, 1], (high - low)[:, 0] * height / width) / 2 * (1 + values["room"])
    distance = extent / half + 0.12
    shared = torch.tensor([scene.camera.shared for scene in scenes], device=device).repeat(2)
    first, second = distance.split(batch)
    distance = torch.where(shared, torch.maximum(first, second).repeat(2), distance)
    middle = ((aim[:batch] + aim[batch:]) / 2).repeat(2, 1)
    aim = torch.where(shared[:, None], middle, aim)
    return _look_at(aim, distance, values["pitch"], values["roll"], height / 2 / half, size)


def _look_at(
    aim: Tensor, distance: Tensor, pitch: Tensor, roll: Tensor, focal: Tensor, size: tuple[int, int]
) -> Cameras:
    exact, zero = pitch.double(), torch.zeros_like(pitch)
    back = torch.stack([zero, -exact.sin().float(), exact.cos().float()], -1)
    right = torch.stack([zero + 1, zero, zero], -1)
    down = torch.cross(back, right, dim=-1)
    c, s = roll.double().cos().float()[:, None], roll.double().sin().float()[:, None]
    axes = torch.stack([right * c + down * s, down * c - right * s, -back], 1)
    return Cameras(aim + back * distance[:, None], axes, focal, size)
