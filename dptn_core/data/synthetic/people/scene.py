"""Where and how a pair is photographed: light, camera, place, and what the camera gets wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from . import held_out
from .held_out import Split
from .mesh import Array
from .panoramas import Panoramas

LIGHTS = 12  # directions that light comes from, each with its own depth map of the person: soft shadows, occlusion
_DEGREE = np.pi / 180
_WHOLE, _KNEES, _HIPS, _BUST = -1.0, 0.40, 0.80, 1.12  # crops
STUDIO_PLACES = ("white", "studio")


@dataclass(frozen=True)
class Light:
    """The key light first, then the surroundings."""

    colours: Array  # (LIGHTS, 3) linear
    directions: Array  # (LIGHTS, 3), towards the light
    softness: float  # of the key light's shadow, cells of its depth map


@dataclass(frozen=True)
class Camera:
    """One camera for both images, or one for each."""

    field_of_view: float  # radians, vertical
    pitch: float
    roll: float
    crops: tuple[float, float]  # of source and target: the body from this height up, metres on the template; -1: all
    room: float  # share of the frame left free around the body
    shared: bool  # a camera that stands still


@dataclass(frozen=True)
class Faults:
    """What photographs look like afterwards; the same for both images but for the grain."""

    noise: float  # standard deviation, in 0..1
    blur: float  # sigma in pixels of an image 256 high
    white_balance: Array  # (3,) factors
    quality: int  # of the JPEG; 0: never compressed
    bystander: int  # seed of a second person behind; -1: none
    occluder: int  # seed of something in front; -1: nothing


@dataclass(frozen=True)
class Scene:
    """All of it."""

    light: Light
    camera: Camera
    faults: Faults
    place: str  # "white", "studio", "room", "street", "clutter" or "panorama"
    panorama: int  # index, or -1
    panorama_turn: float  # radians
    gain: float  # exposure
    background_blur: float  # sigma in pixels of an image 256 high
    tone: float  # how much of a film's curve, 0..1
    saturation: float
    seed: int  # of details


def sample_scene(rng: np.random.Generator, split: Split, panoramas: Panoramas) -> Scene:
    """A scene; the test's panoramas are never the training's."""
    kinds = ("studio", "overcast", "sunny", "window", "indoor", "flash")
    kind = str(rng.choice(kinds, p=(0.46, 0.12, 0.14, 0.12, 0.1, 0.06)))
    light = _lamps(rng, kind)
    panorama, turn = -1, 0.0
    if rng.random() < (0.12 if kind == "studio" else 0.85):
        panorama = int(rng.choice(held_out.panoramas(split, panoramas.names)))
        light, turn = _panorama_light(rng, panoramas.lamps[panorama], light.directions[1:])
    # exposed for a grey card turned to the camera and up
    card = np.array([0, -0.35, 0.94])
    gain = rng.uniform(0.9, 1.3) / (light.colours.mean(1) * np.clip(light.directions @ card, 0, None)).sum()
    place = _sample_place(rng, kind)
    if panorama >= 0 and rng.random() < 0.88:
        place = "panorama"
    return Scene(
        light=Light(light.colours * gain, light.directions, light.softness),
        camera=_sample_camera(rng),
        faults=_sample_faults(rng),
        place=place,
        panorama=panorama,
        panorama_turn=turn,
        gain=float(gain),
        background_blur=(0.0, rng.uniform(0.4, 1.5), rng.uniform(1.5, 6))[rng.choice(3, p=(0.25, 0.4, 0.35))],
        tone=rng.uniform(0.0, 1.0),
        saturation=rng.normal(1.0, 0.1),
        seed=int(rng.integers(1 << 30)),
    )


def step_back(scene: Scene, faceless: Sequence[bool]) -> Scene:
    """The scene without busts of people whose face does not show: too little would be known of where they are.

    Args:
        scene: as sampled.
        faceless: of source and target, whether the face may not show.
    """
    camera = scene.camera
    back = [any(faceless)] * 2 if camera.shared else faceless
    first, second = (min(crop, _HIPS) if away else crop for crop, away in zip(camera.crops, back, strict=True))
    return replace(scene, camera=replace(camera, crops=(first, second)))


def _sample_place(rng: np.random.Generator, kind: str) -> str:
    if kind == "studio":
        return str(rng.choice(("white", "studio", "room", "street", "clutter"), p=(0.45, 0.22, 0.15, 0.1, 0.08)))
    if kind in ("sunny", "overcast"):
        return str(rng.choice(("street", "clutter"), p=(0.8, 0.2)))
    return str(rng.choice(("studio", "room", "street", "clutter"), p=(0.1, 0.35, 0.4, 0.15)))


def _sample_camera(rng: np.random.Generator) -> Camera:
    field_of_view = (rng.uniform(16, 28), rng.uniform(28, 46), rng.uniform(46, 60))[rng.choice(3, p=(0.5, 0.35, 0.15))]
    crops = rng.choice((_WHOLE, _KNEES, _HIPS, _BUST), 2, p=(0.6, 0.16, 0.16, 0.08))
    if rng.random() < 0.75:
        crops[1] = crops[0]
    return Camera(
        field_of_view=field_of_view * _DEGREE,
        pitch=rng.normal(2, 5) * _DEGREE,
        roll=rng.normal(0, 0.8) * _DEGREE,
        crops=(float(crops[0]), float(crops[1])),
        room=rng.uniform(0.06, 0.26) if crops[0] < 0 else rng.uniform(0.02, 0.15),
        shared=bool(rng.random() < 0.65 and crops[0] == crops[1]),
    )


def _sample_faults(rng: np.random.Generator) -> Faults:
    seed = int(rng.integers(1 << 30))
    return Faults(
        noise=abs(rng.normal(0, 0.008)),
        blur=rng.uniform(0.2, 0.7) if rng.random() < 0.4 else 0.0,
        white_balance=1 + rng.normal(0, 0.035, 3) if rng.random() < 0.5 else np.ones(3),
        quality=int(rng.integers(55, 98)) if rng.random() < 0.7 else 0,
        bystander=seed if rng.random() < 0.05 else -1,
        occluder=seed if rng.random() < 0.07 else -1,
    )


def _lamps(rng: np.random.Generator, kind: str) -> Light:
    """A key light and surroundings of a studio, the sky, a window, a room or a flash."""
    count = LIGHTS - 1
    i = np.arange(count) + 0.5
    up, azimuth = 1 - 2 * i / count, np.pi * (1 + 5**0.5) * i + rng.uniform(0, 2 * np.pi)  # a Fibonacci sphere
    radius = np.sqrt(1 - up**2)
    directions = np.stack([radius * np.sin(azimuth), -up, radius * np.cos(azimuth)], 1)
    turn, rise = rng.uniform(-70, 70), rng.uniform(20, 60)
    power, soft, warmth, ambient, sky = 1.0, 3.0, 0.0, 0.7, 0.4
    if kind == "studio":
        turn, power, soft = rng.uniform(-55, 55), rng.uniform(0.5, 1.2), rng.uniform(4, 9)
        warmth, ambient = rng.normal(0, 0.03), rng.uniform(0.55, 0.95)
    elif kind == "overcast":
        rise, power, soft, warmth, ambient, sky = rng.uniform(50, 80), 0.35, 10.0, rng.normal(-0.03, 0.03), 0.8, 0.9
    elif kind == "sunny":
        rise, power, soft = rng.uniform(25, 65), rng.uniform(1.2, 2.2), 0.8
        warmth, ambient, sky = rng.uniform(0.02, 0.14), 0.55, 0.6
    elif kind == "window":
        turn, rise = rng.choice((-1, 1)) * rng.uniform(45, 95), rng.uniform(5, 30)
        power, soft, ambient = rng.uniform(0.8, 1.5), 8.0, 0.45
    elif kind == "indoor":
        rise, power, soft, warmth, ambient = (
            rng.uniform(45, 80),
            rng.uniform(0.7, 1.4),
            5.0,
            rng.uniform(0.05, 0.2),
            0.5,
        )
    else:
        turn, rise, power, soft, ambient = rng.uniform(-8, 8), rng.uniform(0, 14), 1.4, 1.0, 0.4
    a, e = turn * _DEGREE, rise * _DEGREE
    key = np.array([np.cos(e) * np.sin(a), -np.sin(e), np.cos(e) * np.cos(a)])
    cool = _tint(-0.5 * warmth + (-0.10 if kind == "sunny" else rng.normal(0, 0.03)))
    radiance = ambient * (0.55 + sky * np.clip(up, -0.3, 1))[:, None] * cool
    ground = rng.uniform(0.15, 0.6) * (np.ones(3) if kind == "studio" else np.array([1.0, 0.96, 0.9]))
    radiance = np.where(up[:, None] < -0.1, (ambient * 0.5 + power * 0.12) * ground, radiance)
    for _ in range(int(rng.integers(1, 5))):  # windows, lamps, coloured walls
        centre = rng.normal(0, 1, 3)
        lobe = np.exp(4 * (directions @ (centre / np.linalg.norm(centre)) - 1))[:, None]
        radiance = radiance * (1 + lobe * rng.uniform(-0.6, 1.8)) * (1 + lobe * rng.normal(0, 0.12, 3))
    colours = np.concatenate([0.7 * power * _tint(warmth)[None], np.clip(radiance, 0.01, None) * (4.0 / count)])
    return Light(colours, np.concatenate([key[None], directions]), soft)


def _tint(warmth: float) -> Array:
    return np.array([1 + warmth, 1.0, 1 - 1.3 * warmth])


def _panorama_light(rng: np.random.Generator, lamps: Array, directions: Array) -> tuple[Light, float]:
    """The brightest spot of a panorama (32, 64, 3) as key light and the rest by direction, and the panorama's turn."""
    height, width = lamps.shape[:2]
    theta = (np.arange(height) + 0.5) / height * np.pi
    phi = (np.arange(width) + 0.5) / width * 2 * np.pi
    solid = np.sin(theta)[:, None] * (np.pi / height) * (2 * np.pi / width)
    power = lamps.mean(-1) * (theta < 1.7)[:, None]
    row, column = np.unravel_index(power.argmax(), power.shape)
    turn = rng.uniform(-100, 100) * _DEGREE - phi[column]
    azimuth = phi + turn
    sine = np.sin(theta)[:, None]
    places = np.stack([sine * np.sin(azimuth), -np.cos(theta)[:, None] * np.ones(width), sine * np.cos(azimuth)], -1)
    key = places[row, column]
    near = (places @ key > np.cos(14 * _DEGREE))[..., None]
    flux = lamps * solid[..., None] / np.pi
    colours = np.zeros((len(directions) + 1, 3))
    colours[0] = (flux * near).sum((0, 1))
    owner = (places.reshape(-1, 3) @ directions.T).argmax(1)
    rest = (flux * ~near).reshape(-1, 3)
    for i in range(len(directions)):
        colours[i + 1] = rest[owner == i].sum(0)
    sunny = colours[0].mean() > 0.25 * colours.mean(1).sum()
    # what these lights reach lights the rest: without bounces a panorama is harsher than the place was
    colours[0] *= 0.55
    colours[1:] = 0.55 * colours[1:] + 0.45 * colours[1:].mean(0)
    return Light(colours, np.concatenate([key[None], directions]), 1.0 if sunny else 6.0), float(turn)
