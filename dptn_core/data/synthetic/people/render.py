"""One pair for each seed: sampling, posing, drawing, and the ground truth about it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..synthetic_pairs import PeoplePairs, by_side, joined
from .atlas import Atlas, load_atlas
from .body import rest_bodies, vertex_normals
from .camera import Cameras, frame_people
from .camera_response import photograph
from .clothing import dress
from .develop import develop
from .garment_template import BODY_VERTICES, BOTTOM, OUTER, SKIRT, TOP, Template, load_template
from .geometry import product
from .ground_truth import correspondence, keypoint_ground_truth, labels, limb_depths, surface_of
from .held_out import Split
from .lighting import Lit, cast_shadows, shine_on
from .materials import materials
from .mesh import Array
from .panoramas import Panoramas, load_panoramas
from .person import Person, sample_expression, sample_person
from .pinholes import close_pinholes
from .places import places_behind
from .posture import JointAngles, hides_face, sample_angles, sample_turn
from .raster import Posed, gather, rasterise
from .rig import bone_rotations, skin
from .scene import Scene, sample_scene, step_back
from .warp_launch import EMPTY

_AT_ONCE = 8  # pairs
_OVERSAMPLING = 2
_MIN_SIDE = 32
_WHOLE_BODY = (-1.0, -1.0)  # a camera's crops
_RELIEF = {BOTTOM: 0.7, TOP: 1.0, OUTER: 1.0, SKIRT: 0.9}  # of large folds


@dataclass(frozen=True)
class Studio:
    """What every rendering needs, loaded once."""

    template: Template
    atlas: Atlas
    panoramas: Panoramas


@dataclass(frozen=True)
class Cast:
    """What the random numbers of B pairs say."""

    people: Sequence[Person]
    scenes: Sequence[Scene]
    poses: Sequence[JointAngles]  # 2B, sources first
    expressions: Array  # (2B, E)


def open_studio(device: torch.device | str = "cpu") -> Studio:
    """Template, atlas and panoramas on a device; worked out once and kept on disk (see `cache`).

    Raises:
        ModuleNotFoundError: anny, warp or scikit-image is not installed (extra `train`).
        OSError: the cache folder cannot be written.
    """
    place = torch.device(device)
    return Studio(load_template(place), load_atlas(place), load_panoramas(place))


def render_pairs(
    studio: Studio, seeds: Tensor, size: tuple[int, int], *, split: Split = "train", faults: bool = True
) -> PeoplePairs:
    """Render one pair for each seed; the same seed gives the same pair in any batch, and one scene at any size.

    Args:
        studio: see `open_studio`; decides the device.
        seeds: (B,) int64, 0 and above, see `pair_seeds`.
        size: (H, W) in pixels, at least 32 each.
        split: "test" takes bodies, poses, fabrics and panoramas that "train" never has.
        faults: with what cameras, files and other people do to photographs; without, source and target differ by
            pose and light alone.

    Raises:
        ValueError: the size is too small, or there are no seeds, or one is below 0.
    """
    check_size(size)
    if not len(seeds):
        raise ValueError("seeds is empty; give one for each pair")
    if int(seeds.min()) < 0:
        raise ValueError(f"seeds holds {int(seeds.min())}; allowed: 0 and above")
    with torch.no_grad(), _warp_stream(studio.atlas.noise.device):
        parts = [_render(studio, part.tolist(), size, split, faults) for part in seeds.split(_AT_ONCE)]
    return joined(parts)


def check_size(size: tuple[int, int]) -> None:
    """Raise a ValueError if people cannot be rendered at (H, W)."""
    if min(size) < _MIN_SIDE:
        raise ValueError(
            f"size must be at least {_MIN_SIDE} x {_MIN_SIDE} pixels to render a person, got {size[0]} x {size[1]}"
        )


def _warp_stream(device: torch.device) -> AbstractContextManager[object]:
    """Warp's kernels join torch's stream on CUDA."""
    if device.type != "cuda":
        return nullcontext()
    import warp as wp

    stream: AbstractContextManager[object] = wp.ScopedStream(wp.stream_from_torch(torch.cuda.current_stream()))
    return stream


def sample_cast(studio: Studio, seeds: Sequence[int], split: Split) -> Cast:
    """Everything that is random about some pairs but the details of their surfaces."""
    people, scenes, poses, expressions = [], [], ([], []), ([], [])  # type: ignore[var-annotated]
    for seed in seeds:
        person_rng, scene_rng, *pose_rngs = (np.random.default_rng([seed, part]) for part in range(4))
        people.append(sample_person(person_rng, split, studio.template.local_changes))
        scene = sample_scene(scene_rng, split, studio.panoramas)
        turn = sample_turn(pose_rngs[0])
        alike = pose_rngs[1].random() < 0.55
        turns = turn, turn + pose_rngs[1].normal(0, 20) * np.pi / 180 if alike else sample_turn(pose_rngs[1])
        for k in range(2):
            poses[k].append(sample_angles(pose_rngs[k], turns[k], split))
            expressions[k].append(sample_expression(pose_rngs[k], studio.template.expressions))
        scenes.append(step_back(scene, (hides_face(poses[0][-1]), hides_face(poses[1][-1]))))
    return Cast(people, scenes, [*poses[0], *poses[1]], np.stack([*expressions[0], *expressions[1]]))


def pose_people(studio: Studio, cast: Cast) -> tuple[Posed, Tensor]:
    """Posed, dressed people standing on the floor, and their keypoints in the world, (2B, 18, 3)."""
    template = studio.template
    source, heads = rest_bodies(template, [person.body for person in cast.people])
    dressed = dress(template, cast.people, source, heads)
    rest = dressed.vertices.repeat(2, 1, 1)
    normals = vertex_normals(dressed.vertices, template.faces).repeat(2, 1, 1)
    amounts = torch.from_numpy(cast.expressions).to(rest)
    rest[:, template.expression_vertices] += product(amounts, template.expression_shapes.flatten(1)).view(
        len(rest), -1, 3
    )
    relief = rest.new_zeros(rest.shape[1])
    for layer, amount in _RELIEF.items():
        relief[template.layer_vertices[layer]] = amount
    both = heads.repeat(2, 1, 1)
    rotations, places = bone_rotations(template, both, cast.poses)
    waves = [scene.seed + k for k in range(2) for scene in cast.scenes]
    deep = relief * (0.0014 + 0.0022 * dressed.loose.repeat(2, 1))
    world, normals = skin(template, rest, normals, deep, both, rotations, places, waves)
    on_ground = (template.height < 0.12) & (template.vertex_layer != SKIRT)
    world[..., 1] -= world[:, on_ground, 1].amax(1)[:, None]
    joints = (world[:, None, template.regress_vertices] * template.regress[None, :, :, None]).sum(2)
    return Posed(world, normals, dressed.cut), joints


@dataclass(frozen=True)
class _Shot:
    """B people in two poses before their cameras, drawn without a background."""

    posed: Posed
    cameras: Cameras
    screen: Tensor  # (2B, V, 3)
    joints: Tensor  # (2B, 18, 3) x, y in pixels and depth in metres
    depth: Tensor  # (2B, H * _OVERSAMPLING, W * _OVERSAMPLING) from `rasterise`
    lit: Lit
    person: Tensor  # (2B, H, W, 3) sRGB, premultiplied
    matte: Tensor  # (2B, H, W)


def _shoot(studio: Studio, cast: Cast, size: tuple[int, int]) -> _Shot:
    posed, joints = pose_people(studio, cast)
    cameras = frame_people(studio.template, cast.scenes, posed.world, size)
    screen = cameras.project(posed.world)
    depth = rasterise(studio.template, studio.atlas, posed, screen, cameras, _OVERSAMPLING)
    close_pinholes(studio.template, depth, _OVERSAMPLING)
    lit = cast_shadows(studio.template, posed, cast.scenes, posed.world[:, :BODY_VERTICES].mean(1))
    person, matte = _draw_person(studio, cast, posed, screen, cameras, depth, lit)
    return _Shot(posed, cameras, screen, cameras.project(joints), depth, lit, person, matte)


def _render(studio: Studio, seeds: list[int], size: tuple[int, int], split: Split, faults: bool) -> PeoplePairs:
    cast = sample_cast(studio, seeds, split)
    shot = _shoot(studio, cast, size)
    behind = places_behind(cast.scenes, studio.atlas, studio.panoramas, shot.cameras, shot.lit)
    row = torch.arange(2 * len(seeds), device=behind.device)[:, None, None].expand(behind.shape[:3])
    image = shot.person + develop(behind, cast.scenes, row) * (1 - shot.matte[..., None])
    image = (image * 255).round() / 255  # as a file has it; and the last bits of sums depend on the batch
    pairs = _with_ground_truth(studio, cast, seeds, shot, image.permute(0, 3, 1, 2))
    if not faults:
        return pairs
    return photograph(pairs, cast.scenes, seeds, _bystanders(studio, cast.scenes, size, split))


def _bystanders(
    studio: Studio, scenes: Sequence[Scene], size: tuple[int, int], split: Split
) -> dict[int, tuple[Tensor, Tensor]]:
    """By index of the scene, somebody else: premultiplied sRGB (3, H, W) and matte (H, W)."""
    seeds = {index: scene.faults.bystander for index, scene in enumerate(scenes) if scene.faults.bystander >= 0}
    if not seeds:
        return {}
    cast = sample_cast(studio, list(seeds.values()), split)
    # from head to foot: a close-up would be cut off in mid-air
    whole = [replace(scene, camera=replace(scene.camera, crops=_WHOLE_BODY, room=0.1)) for scene in cast.scenes]
    shot = _shoot(studio, replace(cast, scenes=whole), size)
    return {index: (shot.person[k].permute(2, 0, 1), shot.matte[k]) for k, index in enumerate(seeds)}


def _draw_person(
    studio: Studio, cast: Cast, posed: Posed, screen: Tensor, cameras: Cameras, depth: Tensor, lit: Lit
) -> tuple[Tensor, Tensor]:
    """The people's light as sRGB, premultiplied (2B, H, W, 3), and their mattes (2B, H, W)."""
    covered = depth < EMPTY
    samples = gather(studio.template, posed, screen, cameras, depth, _to_shade(covered), _OVERSAMPLING)
    material = materials(studio.template, studio.atlas, cast.people, cast.scenes, samples)
    diffuse, mirrored = shine_on(
        lit,
        samples.place,
        material.normal,
        samples.flat_normal,
        samples.view,
        samples.image,
        samples.grain,
        material.wrap,
        material.exponent,
    )
    light = material.albedo * diffuse + mirrored * material.gloss[:, None]
    colour = develop(light, cast.scenes, samples.image)
    height, width = cameras.size
    row, column = samples.spot // (width * _OVERSAMPLING), samples.spot % (width * _OVERSAMPLING)
    pixel = row // _OVERSAMPLING * width + column // _OVERSAMPLING  # rows of all images, one below the other
    canvas = light.new_zeros(len(depth) * height * width, 4)
    canvas.index_add_(0, pixel, torch.cat([colour, torch.ones_like(colour[:, :1])], 1))
    canvas = canvas.view(len(depth), height, width, 4)
    matte = functional.avg_pool2d(covered[:, None].float(), _OVERSAMPLING)[:, 0]
    return canvas[..., :3] / canvas[..., 3:].clamp(min=1) * matte[..., None], matte


def _to_shade(covered: Tensor) -> Tensor:
    """Which covered samples (P, H * s, W * s) get a colour: every second one, as on a chessboard.

    All of them decide the matte; the others only get a colour where their pixel would have none.
    """
    height, width = covered.shape[1:]
    chess = (torch.arange(height, device=covered.device)[:, None] + torch.arange(width, device=covered.device)) % 2 == 0
    chosen = covered & chess
    reached = functional.max_pool2d(chosen[:, None].float(), _OVERSAMPLING)
    alone = functional.interpolate(reached, scale_factor=float(_OVERSAMPLING), mode="nearest")[:, 0] == 0
    return chosen | (covered & alone)


def _with_ground_truth(studio: Studio, cast: Cast, seeds: list[int], shot: _Shot, image: Tensor) -> PeoplePairs:
    batch, joints, matte = len(seeds), shot.joints, shot.matte
    surface = surface_of(shot.depth, _OVERSAMPLING)
    place, seen = correspondence(studio.template, shot.posed, shot.cameras, shot.screen, surface)
    guesses = [2 * seed + k for k in range(2) for seed in seeds]
    present, visible = keypoint_ground_truth(joints, surface, guesses, shot.cameras.size)
    parts, garments = labels(studio.template, surface)
    shared = torch.tensor([scene.camera.shared for scene in cast.scenes], device=place.device)[:, None, None]
    background = ~surface.inside
    seen = seen | (background[:batch] & background[batch:] & shared)
    return PeoplePairs(
        **by_side(
            image * 2 - 1,
            keypoints=joints[..., :2],
            present=present,
            visible=visible,
            mask=surface.inside,
            matte=matte,
            parts=parts,
            garments=garments,
        ),
        correspondence=place,
        seen=seen,
        limb_depth=limb_depths(joints).view(2, batch, -1).transpose(0, 1),
    )
