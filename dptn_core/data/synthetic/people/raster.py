"""What the camera sees: the nearest surface of every pixel, and what shading needs to know of it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .atlas import STRAND_NOISE, Atlas
from .camera import Cameras
from .clothing import GONE
from .garment_template import CAP, EYE, LONG, SHOE, SKIN, Template

TRIANGLES = (1 << 20) - 1  # bits of a depth map's entry that name the triangle
_ROUGH = {CAP: 0.004, LONG: 0.007}  # metres that strands reach over the edge of hair


@dataclass(frozen=True)
class Posed:
    """P posed, dressed people (two a pair, sources first)."""

    world: Tensor  # (P, V, 3)
    normals: Tensor  # (P, V, 3)
    cut: Tensor  # (B, V), see `Dressed`


@dataclass(frozen=True)
class Samples:
    """N visible samples of surfaces."""

    spot: Tensor  # (N,) flat index into P x H x W at the sampled size
    image: Tensor  # (N,) of P
    grain: Tensor  # (N,) int32, number of the sample within its image
    triangle: Tensor  # (N,)
    layer: Tensor  # (N,)
    place: Tensor  # (N, 3) metres
    normal: Tensor  # (N, 3) unit, bent by what the cloth does
    flat_normal: Tensor  # (N, 3) unit, of the triangle
    view: Tensor  # (N, 3) unit, towards the camera
    uv: Tensor  # (N, 2)
    rest: Tensor  # (N, 3) on the template, metres
    arm: Tensor  # (N,)
    leg: Tensor  # (N,)
    along_arm: Tensor  # (N,)
    edge: Tensor  # (N,) metres from the layer's edge; of the skin below 0: under cloth
    tangents: tuple[Tensor, Tensor]  # (N, 3) unit, along u and v


def rasterise(template: Template, atlas: Atlas, posed: Posed, screen: Tensor, cameras: Cameras, scale: int) -> Tensor:
    """Depth maps (P, H * scale, W * scale) int64: micrometres << 20 | triangle, `EMPTY` where there is nothing.

    Args:
        template: faces.
        atlas: for the strands of hair.
        posed: people; parts that are cut away are not drawn.
        screen: (P, V, 3) from `Cameras.project`.
        cameras: for the size.
        scale: samples a pixel and direction.
    """
    import warp as wp

    from .kernels import raster_kernel
    from .warp_launch import EMPTY, launch, vec, vec3

    device, (height, width) = screen.device, cameras.size
    cut, skin = posed.cut.clone(), template.layer_vertices[SKIN]
    # covered skin is drawn as well, a little below itself, so that no gap between clothes shows what is behind
    cut[:, skin] = torch.where(cut[:, skin] > GONE / 2, 1.0, cut[:, skin])
    rough = screen.new_zeros(len(template.faces))
    for layer, reach in _ROUGH.items():
        rough[template.face_layer == layer] = reach
    drawn = (cut[:, template.faces].amax(-1) > -rough).nonzero()
    drawn = torch.cat([drawn, drawn + drawn.new_tensor([len(cut), 0])]).int()
    for layer in (SKIN, EYE, SHOE):  # closed: its inside is never seen
        rough[template.face_layer == layer] = -1.0
    out = torch.full((len(screen), height * scale, width * scale), EMPTY, dtype=torch.int64, device=device)
    arguments = [
        vec(drawn, wp.int32),
        vec3(screen),
        vec(cut, wp.float32),
        vec(template.faces.int(), wp.vec3i),
        vec(rough, wp.float32),
        vec(template.face_uv, wp.vec2),
        vec(atlas.noise[STRAND_NOISE, ..., 0], wp.float32),
        float(scale),
        width * scale,
        height * scale,
        wp.from_torch(out),
    ]
    launch(raster_kernel, len(drawn), arguments, device)
    return out


def gather(
    template: Template,
    posed: Posed,
    screen: Tensor,
    cameras: Cameras,
    depth: Tensor,
    chosen: Tensor,
    scale: int,
) -> Samples:
    """What shading needs at the chosen samples (a mask like `depth`) of a depth map; the rest as for `rasterise`."""
    import warp as wp

    from .kernels import gather_kernel
    from .warp_launch import launch, vec, vec3

    device, (height, width) = screen.device, cameras.size
    flat = depth.view(-1)
    spot = chosen.view(-1).nonzero()[:, 0]
    key, count = flat[spot], len(spot)
    place, normal, flat_normal, view, rest, along_u, along_v = (torch.empty(count, 3, device=device) for _ in range(7))
    uv, extra = torch.empty(count, 2, device=device), torch.empty(count, 4, device=device)
    limbs = torch.stack([template.arm, template.leg, template.along_arm], -1)
    arguments = [
        vec(spot.int(), wp.int32),
        wp.from_torch(key),
        width * scale,
        height * scale,
        float(scale),
        vec3(screen),
        vec3(posed.world),
        vec3(posed.normals),
        vec3(template.rest),
        vec3(limbs),
        vec(posed.cut, wp.float32),
        vec(template.faces.int(), wp.vec3i),
        vec(template.face_uv, wp.vec2),
        vec3(cameras.place),
        *(vec3(values) for values in (place, normal, flat_normal, view)),
        vec(uv, wp.vec2),
        vec3(rest),
        vec(extra, wp.vec4),
        *(vec3(values) for values in (along_u, along_v)),
    ]
    launch(gather_kernel, count, arguments, device)
    area = height * width * scale * scale
    triangle = key & TRIANGLES
    arm, leg, along_arm, edge = extra.unbind(-1)
    return Samples(
        spot=spot,
        image=spot // area,
        grain=(spot % area).int(),
        triangle=triangle,
        layer=template.face_layer[triangle],
        place=place,
        normal=normal,
        flat_normal=flat_normal,
        view=view,
        uv=uv,
        rest=rest,
        arm=arm,
        leg=leg,
        along_arm=along_arm,
        edge=edge,
        tangents=(along_u, along_v),
    )
