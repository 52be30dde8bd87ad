"""Drawn figures: the same numbers give the same pair, and what a pair says about itself is true of its images."""

from __future__ import annotations

from dataclasses import fields
from itertools import islice

import numpy as np
import pytest
import torch
from torch import Tensor

from dptn_core.data.synthetic.figures import SyntheticPairs, draw_pair_batches, draw_pairs, pair_seeds
from dptn_core.data.synthetic.figures.kinematics import draw_turns, rotation
from dptn_core.data.synthetic.figures.painting import draw_style
from dptn_core.data.synthetic.figures.seeded_numbers import Draws
from dptn_core.data.synthetic.figures.solids import Solids, cast_rays, surface_at, surface_points
from dptn_core.data.synthetic.pair_sheet import pair_sheet, tile, warped_source

SIZE = (64, 48)


def differing_fields(first: SyntheticPairs, second: SyntheticPairs) -> list[str]:
    return [f.name for f in fields(SyntheticPairs) if not torch.equal(getattr(first, f.name), getattr(second, f.name))]


def taken(pairs: SyntheticPairs, index: Tensor | slice) -> SyntheticPairs:
    return SyntheticPairs(**{f.name: getattr(pairs, f.name)[index] for f in fields(SyntheticPairs)})


def pixel_centres(size: tuple[int, int]) -> Tensor:
    """(H, W, 2) xy."""
    ys, xs = torch.meshgrid(torch.arange(size[0]) + 0.5, torch.arange(size[1]) + 0.5, indexing="ij")
    return torch.stack([xs, ys], -1)


def at_places(images: Tensor, places: Tensor) -> Tensor:
    """Nearest pixels of (B, C, H, W) at (B, H, W, 2) xy places."""
    _, channels, height, width = images.shape
    x = places[..., 0].floor().long().clamp(0, width - 1)
    y = places[..., 1].floor().long().clamp(0, height - 1)
    index = (y * width + x).flatten(1)[:, None].expand(-1, channels, -1)
    return images.flatten(2).gather(2, index).view_as(images)


@pytest.fixture(scope="module")
def pairs() -> SyntheticPairs:
    return draw_pairs(pair_seeds(3, 0, 120), SIZE)


@pytest.fixture(scope="module")
def many() -> SyntheticPairs:
    """Enough of them to count kinds, small."""
    return draw_pairs(pair_seeds(12, 0, 200), (48, 36))


# The same numbers, the same pair.


def test_a_pair_is_the_same_alone_in_a_batch_and_in_another_order():
    seeds = pair_seeds(5, 0, 9)
    batch = draw_pairs(seeds, SIZE)
    order = torch.tensor([4, 8, 0, 2, 7, 1, 6, 5, 3])
    assert not differing_fields(draw_pairs(seeds[order], SIZE), taken(batch, order))
    for number in range(9):
        alone = draw_pairs(seeds[number : number + 1], SIZE)
        assert not differing_fields(alone, taken(batch, slice(number, number + 1))), f"pair {number} alone"


def test_a_pair_has_the_same_number_in_every_batch_size():
    whole = draw_pairs(pair_seeds(5, 10, 6), (32, 24))
    parts = list(islice(draw_pair_batches(5, (32, 24), 2, first=10), 3))
    for index, part in enumerate(parts):
        assert not differing_fields(part, taken(whole, slice(2 * index, 2 * index + 2))), f"batch {index}"


def test_other_numbers_and_other_sets_give_other_pairs():
    drawn = torch.cat([draw_pairs(pair_seeds(seed, 0, 12), (32, 24)).source for seed in (0, 1, 2)])
    gaps = (drawn[:, None] - drawn[None]).abs().mean((2, 3, 4))
    gaps.fill_diagonal_(1.0)
    assert gaps.min() > 0.02, f"two of 36 images are nearly the same: mean difference {gaps.min():.4f}"


def test_a_larger_picture_shows_the_same_pair():
    small, large = (draw_pairs(pair_seeds(5, 0, 20), size) for size in ((64, 48), (128, 96)))
    shrunk = torch.nn.functional.avg_pool2d(large.source, 2)
    assert (shrunk - small.source).abs().mean() < 0.03
    assert torch.allclose(large.source_keypoints / 2, small.source_keypoints, atol=1e-3)


def test_drawing_leaves_the_global_random_numbers_alone():
    before = torch.get_rng_state()
    draw_pairs(pair_seeds(5, 0, 2), (32, 24))
    assert torch.equal(torch.get_rng_state(), before)


# Shapes and ranges.


@pytest.mark.parametrize("size", [(64, 48), (50, 37), (16, 16), (17, 90), (33, 16)])
def test_shapes_types_and_ranges_at_any_size(size):
    height, width = size
    pairs = draw_pairs(pair_seeds(1, 0, 3), size)
    assert len(pairs) == 3
    wanted = {
        "picture": ((3, 3, height, width), torch.float32),
        "keypoints": ((3, 18, 2), torch.float32),
        "present": ((3, 18), torch.bool),
        "visible": ((3, 18), torch.bool),
        "mask": ((3, height, width), torch.bool),
    }
    for side in ("source", "target"):
        for name, (shape, dtype) in wanted.items():
            value = getattr(pairs, side if name == "picture" else f"{side}_{name}")
            assert (tuple(value.shape), value.dtype) == (shape, dtype), f"{side} {name}"
            assert torch.isfinite(value.float()).all(), f"{side} {name}"
        image = getattr(pairs, side)
        assert image.min() >= -1
        assert image.max() <= 1
        assert getattr(pairs, f"{side}_mask").flatten(1).any(1).all(), "an image without a figure"
    assert tuple(pairs.correspondence.shape) == (3, height, width, 2)
    assert pairs.correspondence.dtype == torch.float32
    assert torch.isfinite(pairs.correspondence).all()
    assert (tuple(pairs.seen.shape), pairs.seen.dtype) == ((3, height, width), torch.bool)


@pytest.mark.parametrize("size", [(15, 64), (64, 15), (0, 0), (1, 1)])
def test_sizes_too_small_for_a_figure_are_refused(size):
    with pytest.raises(ValueError, match=f"at least 16 x 16.*{size[0]} x {size[1]}"):
        draw_pairs(pair_seeds(1, 0, 1), size)


def test_joints_are_on_the_canvas_where_present_and_visible_only_where_present(pairs):
    for side in ("source", "target"):
        keypoints, present = getattr(pairs, f"{side}_keypoints"), getattr(pairs, f"{side}_present")
        assert not (getattr(pairs, f"{side}_visible") & ~present).any()
        here = keypoints[present]
        assert (here >= 0).all()
        assert (here < here.new_tensor([SIZE[1], SIZE[0]])).all()


# What a pair knows about itself.


@pytest.mark.parametrize("side", ["source", "target"])
def test_joints_that_show_lie_on_the_figure(pairs, side):
    keypoints, visible, mask = (getattr(pairs, f"{side}_{name}") for name in ("keypoints", "visible", "mask"))
    gap = (keypoints[:, :, None, None] - pixel_centres(SIZE)).norm(dim=-1)  # B, 18, H, W
    gap = torch.where(mask[:, None], gap, torch.inf).amin((2, 3))[visible]
    assert gap.max() <= 2, f"a visible joint is {gap.max():.1f} pixels off the figure"
    assert gap.median() < 1


def test_the_neck_is_the_middle_of_the_shoulders(pairs):
    points = pairs.source_keypoints
    assert torch.allclose(points[:, 1], (points[:, 2] + points[:, 5]) / 2, atol=1e-3)


def test_masks_tell_figure_from_background():
    """Source and target share their background, so they may differ on figures and their soft edges only."""
    pairs = draw_pairs(pair_seeds(3, 0, 40), SIZE)
    figure = (pairs.source_mask | pairs.target_mask).float()[:, None]
    near = torch.nn.functional.max_pool2d(figure, 3, stride=1, padding=1)[:, 0] > 0
    gap = (pairs.source - pairs.target).abs().amax(1)
    assert (gap[~near] > 0).float().mean() < 0.001, "the background should be the same, but for a sliver of a figure"
    only_source = pairs.source_mask & ~pairs.target_mask
    assert (gap[only_source] > 0.02).float().mean() > 0.9


def test_the_correspondence_stays_inside_the_source_wherever_it_is_seen(pairs):
    places = pairs.correspondence[pairs.seen]
    assert (places >= 0).all()
    assert (places < places.new_tensor([SIZE[1], SIZE[0]])).all()


def test_background_corresponds_to_itself_and_is_seen_where_both_show_it(pairs):
    background = ~pairs.target_mask
    own = pixel_centres(SIZE).expand_as(pairs.correspondence)
    assert torch.equal(pairs.correspondence[background], own[background])
    assert torch.equal(pairs.seen & background, background & ~pairs.source_mask)


def test_seen_places_of_the_figure_lie_on_the_sources_figure(pairs):
    figure = pairs.seen & pairs.target_mask
    on_figure = at_places(pairs.source_mask[:, None].float(), pairs.correspondence)[:, 0] > 0
    assert on_figure[figure].float().mean() > 0.995
    assert 0.4 < figure.sum() / pairs.target_mask.sum() < 0.95


def test_joints_seen_in_both_pictures_correspond(pairs):
    """The correspondence under a joint of the target has to lead to the same joint of the source."""
    both = pairs.source_visible & pairs.target_visible
    x, y = (pairs.target_keypoints[..., axis].long() for axis in (0, 1))
    x, y = x.clamp(0, SIZE[1] - 1), y.clamp(0, SIZE[0] - 1)
    rows = torch.arange(len(pairs))[:, None]
    usable = both & pairs.seen[rows, y, x] & pairs.target_mask[rows, y, x]
    gap = (pairs.correspondence[rows, y, x] - pairs.source_keypoints).norm(dim=-1)[usable]
    assert usable.sum() > 500
    assert gap.median() < 0.025 * SIZE[0], f"median {gap.median():.2f} pixels"
    assert gap.quantile(0.9) < 0.08 * SIZE[0], f"nine in ten within {gap.quantile(0.9):.2f} pixels"


def test_moving_the_source_along_the_correspondence_gives_the_targets_colours():
    """Flat drawing without outlines has the same colour in every pose, so the error shows the correspondence only."""
    seeds = pair_seeds(77, 0, 300)
    style = draw_style(Draws(seeds))
    pairs = draw_pairs(seeds[(style.shading == 0) & ~style.outline], (96, 72))
    assert len(pairs) > 30
    figure = pairs.seen & pairs.target_mask

    def colour_errors(places: Tensor) -> Tensor:
        return ((at_places(pairs.source, places) - pairs.target).abs().mean(1) / 2)[figure]

    random = torch.Generator().manual_seed(0)
    shuffled = pairs.correspondence.clone()
    for places, mask in zip(shuffled, figure, strict=True):
        found = places[mask]
        places[mask] = found[torch.randperm(len(found), generator=random)]
    moved = colour_errors(pairs.correspondence + 4)
    true, wrong = colour_errors(pairs.correspondence), colour_errors(shuffled)
    assert true.median() < 0.01, f"median error {true.median():.4f}"
    assert true.mean() < 0.06, f"mean error {true.mean():.4f}"
    assert wrong.mean() > 4 * true.mean(), f"shuffled {wrong.mean():.3f}, true {true.mean():.3f}"
    assert moved.mean() > 2 * true.mean(), f"four pixels off {moved.mean():.3f}, true {true.mean():.3f}"


def test_a_figure_turned_by_180_degrees_shows_no_chest():
    seeds = pair_seeds(78, 0, 2500)
    turns = draw_turns(Draws(seeds)).abs() * 180 / torch.pi

    def seen_share_of_the_trunk(chosen: Tensor) -> float:
        pairs = draw_pairs(seeds[chosen][:40], SIZE)
        trunk = pairs.target_keypoints[:, [1, 8, 11]].mean(1)
        near = (pixel_centres(SIZE) - trunk[:, None, None]).norm(dim=-1) < 0.06 * SIZE[0]
        return ((pairs.seen & near & pairs.target_mask).sum() / (near & pairs.target_mask).sum()).item()

    front, back = turns < 20, turns > 160
    assert (front[:, 0] & back[:, 1]).sum() >= 20
    assert seen_share_of_the_trunk(front[:, 0] & back[:, 1]) < 0.05
    assert seen_share_of_the_trunk(front[:, 0] & front[:, 1]) > 0.8


# Variety, measured on what is drawn.


def test_figures_are_seen_from_the_front_and_from_behind(many):
    points, present = many.source_keypoints, many.source_present
    behind = points[:, 5, 0] < points[:, 2, 0]  # the left shoulder on the image's left
    assert 0.08 < behind.float().mean() < 0.4
    no_face = ~present[:, [0, 14, 15]].any(1)
    assert no_face[behind].float().mean() > 0.5, "figures seen from behind should have no nose and no eyes"
    assert no_face[~behind].float().mean() < 0.2


def test_figures_sit_raise_their_arms_and_step(many):
    points = torch.cat([many.source_keypoints, many.target_keypoints])

    def length(a: int, b: int) -> Tensor:
        return (points[:, a] - points[:, b]).norm(dim=-1)

    sitting = (length(8, 9) < 0.6 * length(9, 10)) & (length(11, 12) < 0.6 * length(12, 13))
    raised = (points[:, [4, 7], 1] < points[:, [0], 1]).any(1)
    hanging = (points[:, [4, 7], 1] > points[:, [3, 6], 1]).all(1)
    apart = (points[:, 10] - points[:, 13]).norm(dim=-1) > 0.6 * length(8, 10)
    for name, found in {"sitting": sitting, "raised arms": raised, "hanging arms": hanging, "wide legs": apart}.items():
        assert 0.03 < found.float().mean() < 0.85, f"{name}: {found.float().mean():.3f}"


def test_some_figures_are_cropped_and_some_joints_missing(many):
    complete = many.source_present.all(1).float().mean()
    outside = (many.source_keypoints[..., 1] >= 48).any(1)
    assert 0.05 < complete < 0.9
    assert 0.05 < outside.float().mean() < 0.5
    assert not (many.source_present & (many.source_keypoints[..., 1] >= 48)).any()
    hidden = many.source_present & ~many.source_visible
    assert hidden.any(), "detectors guess hidden joints; some should be present without being visible"


def test_backgrounds_are_plain_graded_and_cluttered(many):
    figure = torch.nn.functional.max_pool2d(many.source_mask.float()[:, None], 5, stride=1, padding=2)[:, 0] > 0
    spread = []
    for image, mask in zip(many.source, figure, strict=True):
        if (~mask).sum() > 50:
            spread.append(image[:, ~mask].std(1).max())
    spread = torch.stack(spread)
    plain, busy = spread < 1e-3, spread > 0.2
    for name, found in {"plain": plain, "busy": busy, "between": ~plain & ~busy}.items():
        assert 0.1 < found.float().mean() < 0.8, f"{name}: {found.float().mean():.3f}"


def test_figures_differ_in_size_colour_and_build(many):
    area = many.source_mask.float().mean((1, 2))
    assert area.quantile(0.9) > 1.6 * area.quantile(0.1)
    colours = torch.stack([p[:, m].mean(1) for p, m in zip(many.source, many.source_mask, strict=True)])
    assert colours.std(0).min() > 0.15
    points = many.source_keypoints
    build = (points[:, 2] - points[:, 5]).norm(dim=-1) / (points[:, 1] - points[:, 8]).norm(dim=-1)
    assert build.std() > 0.05
    moved = (many.source_keypoints - many.target_keypoints).norm(dim=-1).mean(1)
    assert moved.median() > 3, "source and target should be different poses"


# Random numbers.


def test_draws_are_uniform():
    values = Draws(pair_seeds(0, 0, 4000)).unit("some.name", 50)
    assert values.min() >= 0
    assert values.max() < 1
    assert values.mean().item() == pytest.approx(0.5, abs=0.003)
    assert values.var().item() == pytest.approx(1 / 12, abs=0.001)
    counts = torch.histc(values, 20, 0, 1) / values.numel()
    assert (counts - 0.05).abs().max() < 0.003


def test_draws_of_other_seeds_names_and_places_are_unrelated():
    seeds = torch.arange(20_000)
    draws = Draws(seeds)
    columns = {
        "a": draws.unit("a"),
        "b": draws.unit("b"),
        "a.b": draws.unit("a.b"),
        "next seed": Draws(seeds + 1).unit("a"),
        "next set": Draws(seeds + (1 << 32)).unit("a"),
        "second": draws.unit("many", 2)[:, 1],
        "first": draws.unit("many", 2)[:, 0],
    }
    table = torch.stack(list(columns.values()))
    correlation = torch.corrcoef(table) - torch.eye(len(table))
    worst = correlation.abs().max()
    assert worst < 0.035, f"correlation {worst:.3f} between {list(columns)}"


def test_draws_do_not_depend_on_the_batch():
    seeds = torch.tensor([7, -3, 1 << 40, 0])
    together = Draws(seeds).unit("x", 3, 2)
    for row, seed in enumerate(seeds):
        assert torch.equal(Draws(seed[None]).unit("x", 3, 2)[0], together[row])
    assert torch.equal(Draws(seeds).unit("x", 6).view(4, 3, 2), together)


def test_choices_come_as_often_as_their_weights_say():
    weights = (0.5, 0.0, 2.0, 1.5)
    chosen = Draws(pair_seeds(9, 0, 20_000)).choice("kind", weights, 3)
    assert chosen.dtype == torch.int64
    found = torch.bincount(chosen.flatten(), minlength=4) / chosen.numel()
    assert torch.allclose(found, torch.tensor(weights) / 4, atol=0.01), found.tolist()
    assert found[1] == 0


def test_chances_ranges_and_bells():
    draws = Draws(pair_seeds(9, 0, 20_000))
    assert draws.chance("c", 0.2).float().mean().item() == pytest.approx(0.2, abs=0.01)
    assert not draws.chance("never", 0.0).any()
    assert draws.chance("always", 1.0).all()
    between = draws.between("r", -3.0, 5.0)
    assert (between.min() >= -3) & (between.max() < 5)
    assert between.mean().item() == pytest.approx(1.0, abs=0.06)
    bell = draws.bell("b", 2.0)
    assert bell.abs().max() <= 2
    assert bell.mean().item() == pytest.approx(0, abs=0.03)
    assert bell.std().item() == pytest.approx(2 / 3, abs=0.02)  # of the mean of three uniforms on [-2, 2]


# Solids, against a march along every ray.

SHAPES = {"ellipsoid": (1.0, 0.0, -1.0), "cylinder": (1.0, 0.0, 0.0)}
CANVAS = (37, 42)
# Fine near the image, far enough out that every ray starts beyond the first place it can meet a cone.
MARCH = 2 * np.sinh(np.linspace(9, -9, 4000))


def cone(taper: float) -> tuple[float, float, float]:
    return 1.0, 2 * taper, taper * taper


def turned(rng: np.random.Generator) -> np.ndarray:
    matrix, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    return matrix * np.sign(np.linalg.det(matrix))


def placed_solids(cases: list[list[tuple[np.ndarray, tuple[float, ...], tuple[float, float], bool]]]) -> Solids:
    """One image a case, each with solids of (axes, shape, clip, shown); centres near the middle."""
    rng = np.random.default_rng(5)
    centre = np.array([CANVAS[1] / 2, CANVAS[0] / 2, 0.0]) + rng.uniform(-5, 5, (len(cases), len(cases[0]), 3))
    return Solids(
        axes=torch.tensor(np.array([[solid[0] for solid in case] for case in cases]), dtype=torch.float32),
        centre=torch.tensor(centre, dtype=torch.float32),
        shape=torch.tensor([[solid[1] for solid in case] for case in cases]),
        clip=torch.tensor([[solid[2] for solid in case] for case in cases]),
        shown=torch.tensor([[solid[3] for solid in case] for case in cases]),
    )


def inside_by(shape: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Above 0 inside the endless solid; of a double cone, only the half on which the radius 1 + k t is positive."""
    a, b, t = points
    if shape[2] < 0:
        return 1 - a * a - b * b - t * t
    return 1 + np.sign(shape[1]) * np.sqrt(shape[2]) * t - np.hypot(a, b)


def marched_depth(solids: Solids, image: int, solid: int, pixels: np.ndarray) -> np.ndarray:
    """Depth (N,) at which rays through pixels (N, 2) xy first cross a solid's surface, -inf where they miss it."""
    axes, centre = solids.axes[image, solid].double().numpy(), solids.centre[image, solid].double().numpy()
    shape, clip = solids.shape[image, solid].double().numpy(), solids.clip[image, solid].numpy()
    inverse = np.linalg.inv(axes)

    def local(z: np.ndarray) -> np.ndarray:
        """(3, ...) for depths z (..., N)."""
        x, y = np.broadcast_to(pixels[:, 0], z.shape), np.broadcast_to(pixels[:, 1], z.shape)
        return np.tensordot(inverse, np.stack([x, y, z]) - centre.reshape(3, *[1] * z.ndim), 1)

    inside = inside_by(shape, local(np.repeat(MARCH[:, None], len(pixels), 1))) > 0
    crossing = inside[1:] != inside[:-1]
    first = crossing.argmax(0)
    above, below, begins = MARCH[first], MARCH[first + 1], inside[first, np.arange(len(pixels))]
    for _ in range(40):
        middle = (above + below) / 2
        same = (inside_by(shape, local(middle)) > 0) == begins
        above, below = np.where(same, middle, above), np.where(same, below, middle)
    t = local(above)[2]
    return np.where(crossing.any(0) & (t >= clip[0]) & (t <= clip[1]), above, -np.inf)


def compare_with_march(solids: Solids) -> None:
    hits = cast_rays(solids, CANVAS)
    centres = pixel_centres(CANVAS)[::3, ::2]
    pixels = centres.reshape(-1, 2).double().numpy()
    covered = 0.0
    for image in range(len(solids.axes)):
        shown = solids.shown[image].tolist()
        depths = np.stack(
            [
                marched_depth(solids, image, k, pixels) if shown[k] else np.full(len(pixels), -np.inf)
                for k in range(solids.count)
            ]
        )
        wanted, solid = depths.max(0), np.where(np.isfinite(depths.max(0)), depths.argmax(0), -1)
        found = hits.depth_map[image, ::3, ::2].flatten().numpy()
        found_solid = hits.solid_map[image, ::3, ::2].flatten().numpy()
        covered += (solid >= 0).mean()
        wrong = found_solid != solid
        assert wrong.mean() <= 0.006, f"image {image}: {wrong.sum()} of {wrong.size} pixels show another solid"
        both = ~wrong & (solid >= 0)
        if not both.any():
            continue
        gap = np.abs(found[both] - wanted[both])
        assert np.quantile(gap, 0.98) < 0.01, f"image {image}: depths {np.sort(gap)[-8:]} pixels apart"
    assert covered > 0.05 * len(solids.axes), "the cases show next to nothing"


def random_case(rng: np.random.Generator, shape: tuple[float, ...], clip: tuple[float, float] = (-1.0, 1.0)):
    return turned(rng) * rng.uniform(6, 14, 3), shape, clip, True


@pytest.mark.parametrize("kind", SHAPES)
def test_rays_meet_ellipsoids_and_cylinders_where_a_march_does(kind):
    rng = np.random.default_rng(1)
    compare_with_march(placed_solids([[random_case(rng, SHAPES[kind])] for _ in range(6)]))


def test_rays_meet_cones_where_a_march_does():
    rng = np.random.default_rng(2)
    compare_with_march(placed_solids([[random_case(rng, cone(k))] for k in (-0.9, -0.5, -0.1, 0.1, 0.5, 0.9)]))


@pytest.mark.parametrize("taper", [0.6, -0.6, 0.15, -0.15])
@pytest.mark.parametrize("end", [1.0, -1.0], ids=["tail to the viewer", "head to the viewer"])
def test_rays_meet_cones_seen_along_their_axis(taper, end):
    """Exactly along it and a little beside it: there the other half of the double cone must not show."""
    cases = []
    for lean in (0.0, 0.03, 0.2):
        lean_matrix = rotation("x", torch.tensor(lean, dtype=torch.float64)).numpy()
        axes = lean_matrix @ np.diag([12.0, 9.0, 8.0 * end])
        cases.append([(axes, cone(taper), (-1.0, 1.0), True)])
    compare_with_march(placed_solids(cases))


def test_clipped_solids_end_at_their_clip():
    rng = np.random.default_rng(3)
    cases = [
        [random_case(rng, shape, clip)]
        for shape in (*SHAPES.values(), cone(0.4))
        for clip in ((-1.0, 0.0), (-0.3, 0.5), (0.2, 1.0))
    ]
    compare_with_march(placed_solids(cases))


def test_the_nearer_of_two_solids_hides_the_other():
    rng = np.random.default_rng(4)
    shapes = [*SHAPES.values(), cone(0.4), cone(-0.7)]
    cases = [[random_case(rng, first), random_case(rng, second)] for first in shapes for second in shapes[:2]]
    compare_with_march(placed_solids(cases))


def test_solids_that_are_not_shown_hide_nothing_and_may_be_flat():
    rng = np.random.default_rng(6)
    flat = (np.zeros((3, 3)), SHAPES["ellipsoid"], (-1.0, 1.0), False)
    compare_with_march(placed_solids([[random_case(rng, SHAPES["ellipsoid"]), flat] for _ in range(2)]))


def test_hits_list_the_covered_pixels_of_their_maps():
    rng = np.random.default_rng(7)
    hits = cast_rays(placed_solids([[random_case(rng, SHAPES["ellipsoid"])] for _ in range(3)]), CANVAS)
    solid = torch.full_like(hits.solid_map, -1).flatten(1)
    depth = torch.full_like(hits.depth_map, -torch.inf).flatten(1)
    solid[hits.image, hits.pixel] = hits.solid
    depth[hits.image, hits.pixel] = hits.depth
    assert torch.equal(solid.view_as(hits.solid_map), hits.solid_map)
    assert torch.equal(depth.view_as(hits.depth_map), hits.depth_map)
    assert tuple(hits.solid_map.shape) == (3, *CANVAS)


def test_surface_points_come_back_and_normals_stand_on_the_surface():
    rng = np.random.default_rng(8)
    shapes = [*SHAPES.values(), cone(0.3), cone(-0.5)]
    solids = placed_solids([[random_case(rng, shape)] for shape in shapes])
    hits = cast_rays(solids, CANVAS)
    width = CANVAS[1]
    points = torch.stack([hits.pixel % width + 0.5, hits.pixel // width + 0.5, hits.depth], 1)
    surface = surface_at(solids, solids.inverse_axes(), hits.image, hits.solid, points)
    a, b, t = surface.local.unbind(1)
    c0, c1, c2 = solids.shape[hits.image, hits.solid].unbind(1)
    assert torch.allclose(a * a + b * b, c0 + c1 * t + c2 * t * t, atol=2e-3), "hits should lie on the surface"
    assert torch.allclose(surface.normal.norm(dim=1), torch.ones_like(a), atol=1e-5)
    assert (surface.normal[:, 2] > -1e-3).float().mean() > 0.99, "what shows should face the viewer"
    moved = surface_points(solids, hits.image, hits.solid, surface.local, solids.shape[hits.image, hits.solid])
    assert torch.allclose(moved, points, atol=0.02)

    # around the axis and along it, a small step on the surface is at right angles to the normal
    spun = torch.stack([a * np.cos(0.01) - b * np.sin(0.01), a * np.sin(0.01) + b * np.cos(0.01), t], 1)
    later = t + 0.01 * (1 - t.abs()).clamp(min=0.05) * -t.sign()
    radius = solids.radius(later, torch.stack([c0, c1, c2], 1)) / solids.radius(t, torch.stack([c0, c1, c2], 1))
    along = torch.stack([a * radius, b * radius, later], 1)
    for name, place in {"around": spun, "along": along}.items():
        step = surface_points(solids, hits.image, hits.solid, place, solids.shape[hits.image, hits.solid]) - moved
        slope = (step * surface.normal).sum(1).abs() / step.norm(dim=1).clamp(min=1e-6)
        assert slope.quantile(0.95) < 0.05, f"{name}: {slope.quantile(0.95):.3f}"


# Sheets.


def test_a_sheet_shows_source_target_and_carried_source_side_by_side():
    pairs = draw_pairs(pair_seeds(1, 0, 5), (32, 24))
    sheet = pair_sheet(pairs, columns=2)
    assert (sheet.shape, sheet.dtype) == ((3 * 32, 2 * 3 * 24, 3), np.uint8)
    wanted = ((pairs.source[3] + 1) * 127.5).round().byte().permute(1, 2, 0).numpy()
    assert np.array_equal(sheet[32:64, 72:96], wanted), "pair 3 should stand in the second line, second column"
    assert (sheet[64:, 72:] == 255).all(), "the last line should be filled up with white"


def test_the_carried_source_is_magenta_where_nothing_is_seen(pairs):
    warped = warped_source(pairs).permute(0, 2, 3, 1)
    assert (warped[~pairs.seen] == torch.tensor([1.0, -1.0, 1.0])).all()
    background = pairs.seen & ~pairs.target_mask
    assert torch.allclose(warped[background], pairs.source.permute(0, 2, 3, 1)[background], atol=1e-5)


def test_tiles_keep_the_range_and_the_number_of_lines():
    black, white = torch.full((3, 3, 4, 5), -2.0), torch.full((3, 3, 4, 5), 2.0)
    sheet = tile([black, white], columns=3)
    assert sheet.shape == (4, 30, 3)
    assert (sheet[:, :5] == 0).all()
    assert (sheet[:, 5:10] == 255).all()
