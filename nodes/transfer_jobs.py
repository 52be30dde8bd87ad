"""Which source Transfer Pose generates in which poses, and at what size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..dptn_core.image_io import MAX_PIXELS
from ..dptn_core.inference.transfer import EncodedSource
from ..dptn_core.pose import Canvas, People, Pose, fit_to_canvas, fit_to_person
from ..dptn_core.pose.retargeting import retarget
from .errors import NodeError, node_error_context

NODE = "Transfer Pose"
AS_IS, LIKE_SOURCE, RETARGETED = "as the pose is", "like the source", "retargeted to the source"
MAX_HEIGHT = 4096
_SAME_SHAPE = 0.02  # how far proportions of canvases may differ to be the same


_Placing = Callable[[list[Pose], Pose], list[Pose]]  # a sequence, and the pose of the source person
_PLACINGS: dict[str, _Placing | None] = {
    AS_IS: None,
    LIKE_SOURCE: fit_to_person,
    RETARGETED: lambda poses, source: retarget(poses, [source], facing="source"),
}


@dataclass(frozen=True)
class Job:
    """One source in one or more poses."""

    source: int  # its index
    poses: list[Pose]  # at least one, on one canvas
    size: tuple[int, int]  # (H, W) of the images
    before: int  # images of the jobs before this one


def plan_jobs(
    sources: Sequence[EncodedSource],
    poses: Sequence[Pose | None],
    *,
    size_and_place: str,
    height: int,
    draft: int,
) -> list[Job]:
    """One source in all poses, each source in the same pose, or each in its own.

    Args:
        sources: at least one.
        poses: one a frame, on any canvases; None for frames that are left out, and the source that goes with them. At
            least one is a pose.
        size_and_place: `AS_IS`; `LIKE_SOURCE`, scaled and moved to the place and the canvas of the source; or
            `RETARGETED`, there as well, and with the source person's limb lengths.
        height: of the images in pixels; 0: of the canvas.
        draft: if not 0, pixels that no side exceeds.

    Raises:
        NodeError: numbers of sources and poses do not match, canvases differ in shape, a size is too large, or there is
            no such `size_and_place`.
    """
    if size_and_place not in [*_PLACINGS]:  # the host lets any text through that comes by a link
        raise NodeError(
            f"{NODE}, input 'size_and_place': expected '{AS_IS}', '{LIKE_SOURCE}' or '{RETARGETED}', got "
            f"{size_and_place!r}"
        )
    placed = _PLACINGS[size_and_place]
    jobs: list[Job] = []
    for index, some in _pairs(len(sources), _on_one_canvas(poses, by_force=placed is not None)):
        if placed is not None:
            with node_error_context(NODE, "pose"):
                some = placed(some, sources[index].pose)
        before = jobs[-1].before + len(jobs[-1].poses) if jobs else 0
        jobs.append(Job(index, some, _size(some[0].canvas, height, draft), before))
    return jobs


def _pairs(count: int, poses: list[Pose | None]) -> list[tuple[int, list[Pose]]]:
    """Numbers of `count` sources and the poses of each."""
    if count > 1 and len(poses) not in (1, count):
        raise NodeError(
            f"{NODE}, inputs 'source' and 'pose': expected one source, one pose, or as many poses as sources, got "
            f"{count} sources and {len(poses)} poses"
        )
    if count == 1:
        return [(0, [pose for pose in poses if pose is not None])]
    each = poses * count if len(poses) == 1 else poses
    return [(index, [pose]) for index, pose in enumerate(each) if pose is not None]


def _on_one_canvas(poses: Sequence[Pose | None], *, by_force: bool) -> list[Pose | None]:
    """Frames of a sequence on the first one's canvas: those of its proportions, or all (`by_force`)."""
    canvas = next(pose.canvas for pose in poses if pose is not None)
    same: list[Pose | None] = []
    for number, pose in enumerate(poses):
        if pose is None or pose.canvas == canvas:
            same.append(pose)
            continue
        stretch = (pose.canvas.width / pose.canvas.height) / (canvas.width / canvas.height)
        if by_force:
            same.append(fit_to_canvas(People((pose,), pose.canvas), canvas).people[0])
        elif abs(stretch - 1) < _SAME_SHAPE:
            same.append(pose.rescaled(canvas))
        else:
            raise NodeError(
                f"{NODE}, input 'pose': expected frames with the proportions of the first, {canvas}, got {pose.canvas} "
                f"in frame {number}; bring all frames to one canvas, or choose '{LIKE_SOURCE}'"
            )
    return same


def _size(canvas: Canvas, height: int, draft: int) -> tuple[int, int]:
    """(H, W) of the images: of a canvas or of another height, and in drafts of at most so many pixels a side."""
    if not 0 <= height <= MAX_HEIGHT:
        raise NodeError(f"{NODE}, input 'output_height': expected 0 to {MAX_HEIGHT} pixels, got {height}")
    scale = height / canvas.height if height else 1.0
    if draft:
        scale = min(scale, draft / max(canvas.width, canvas.height))
    size = max(1, round(canvas.height * scale)), max(1, round(canvas.width * scale))
    if height and size[0] * size[1] > MAX_PIXELS:
        raise NodeError(
            f"{NODE}, input 'output_height': expected images of at most {MAX_PIXELS // 10**6} million pixels, got "
            f"{size[1]}x{size[0]} on this canvas of {canvas}; choose a smaller height"
        )
    return size
