"""Bodies at rest: what a person's numbers make of the template."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from .garment_template import Template
from .geometry import product, unit
from .person import Body


def rest_bodies(template: Template, bodies: Sequence[Body]) -> tuple[Tensor, Tensor]:
    """Source vertices (B, S, 3) and heads of the bones (B, J, 3) of bodies at rest, metres."""
    from anny.models.phenotype import make_phenotype_anchors, phenotype_blendshape_weights

    device = template.source.device
    labels = list(bodies[0].phenotype)
    phenotypes = torch.tensor([[body.phenotype[name] for name in labels] for body in bodies], device=device)
    weights = phenotype_blendshape_weights(
        phenotypes,
        labels,
        make_phenotype_anchors(torch.float32, device),
        template.phenotype_mask,
        extrapolate=False,
    )
    changes = torch.from_numpy(np.stack([body.local_changes for body in bodies])).to(device)
    # a change has a shape for each direction
    local = torch.stack([changes.clamp(min=0), (-changes).clamp(min=0)], -1).flatten(1)
    shapes = torch.cat([product(weights, template.phenotype_projection), local], 1)
    batch, joints = len(bodies), len(template.bones)
    places = template.source + product(shapes, template.shapes).view(batch, -1, 3)
    heads = template.heads + product(shapes, template.head_shapes.flatten(1)).view(batch, joints, 3)
    return places, heads


def vertex_normals(places: Tensor, faces: Tensor) -> Tensor:
    """Unit normals (B, V, 3) of vertices (B, V, 3) of a mesh of faces (F, 3), pointing outwards."""
    a, b, c = (places[:, faces[:, k]] for k in range(3))
    normals = torch.cross(c - a, b - a, dim=-1)  # the world's axes are left-handed
    total = torch.zeros_like(places)
    for k in range(3):
        total.index_add_(1, faces[:, k], normals)
    return unit(total)
