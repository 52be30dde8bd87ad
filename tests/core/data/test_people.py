"""Rendered people: what must hold for every seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from dptn_core.data.synthetic.pair_sheet import warped_source
from dptn_core.data.synthetic.people import TEST_SEED, Studio, held_out, open_studio, posture, render_pairs
from dptn_core.data.synthetic.people.body import rest_bodies
from dptn_core.data.synthetic.people.cache import baked
from dptn_core.data.synthetic.people.clothing import dress
from dptn_core.data.synthetic.people.held_out import Split
from dptn_core.data.synthetic.people.pinholes import close_pinholes
from dptn_core.data.synthetic.people.render import Cast, pose_people, sample_cast
from dptn_core.data.synthetic.people.rig import bone_rotations
from dptn_core.data.synthetic.people.warp_launch import EMPTY
from dptn_core.data.synthetic.synthetic_pairs import GARMENTS, LIMBS, PARTS, PeoplePairs, joined, pair_seeds

SIZE = (128, 96)
FEW, MANY = 200, 2_000


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """As rendering is meant to run: two threads on small tensors wait for each other more than they work."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def studio() -> Studio:
    return open_studio()


@pytest.fixture(scope="module")
def seeds(request: pytest.FixtureRequest) -> Tensor:
    return pair_seeds(17, 0, MANY if request.config.getoption("--long") else FEW)


@pytest.fixture(scope="module")
def pairs(studio: Studio, seeds: Tensor) -> PeoplePairs:
    """Without what happens to photographs."""
    return render_pairs(studio, seeds, SIZE, faults=False)


@pytest.fixture(scope="module")
def photographs(studio: Studio) -> tuple[PeoplePairs, PeoplePairs]:
    """The same pairs as rendered and as photographed."""
    some = pair_seeds(18, 0, 48)
    clean, spoilt = (render_pairs(studio, some, (64, 48), faults=faults) for faults in (False, True))
    return clean, spoilt


def sides(pairs: PeoplePairs, name: str) -> Tensor:
    return torch.cat([getattr(pairs, f"source_{name}"), getattr(pairs, f"target_{name}")])


def near_mask(mask: Tensor, places: Tensor, pixels: int) -> Tensor:
    """Which places (P, N, 2) lie within so many pixels of a mask (P, H, W)."""
    wide = functional.max_pool2d(mask[:, None].float(), 2 * pixels + 1, 1, pixels)[:, 0]
    height, width = mask.shape[1:]
    x, y = places[..., 0].floor().long().clamp(0, width - 1), places[..., 1].floor().long().clamp(0, height - 1)
    return wide[torch.arange(len(mask))[:, None], y, x] > 0


def differing(first: PeoplePairs, second: PeoplePairs) -> list[str]:
    return [f.name for f in fields(first) if not torch.equal(getattr(first, f.name), getattr(second, f.name))]


@pytest.mark.parametrize("faults", [False, True])
def test_a_pair_does_not_depend_on_its_batch(studio: Studio, faults: bool) -> None:
    some = pair_seeds(3, 0, 6)
    together = render_pairs(studio, some, (64, 48), faults=faults)
    alone = joined([render_pairs(studio, some[k : k + 1], (64, 48), faults=faults) for k in range(6)])
    assert not differing(together, alone)
    turned = render_pairs(studio, some.flip(0), (64, 48), faults=faults)
    assert not differing(together, turned[torch.arange(5, -1, -1)])


def test_one_seed_is_one_scene_at_any_size(studio: Studio) -> None:
    some = pair_seeds(5, 0, 8)
    small, large = (render_pairs(studio, some, size, faults=False) for size in ((96, 72), (192, 144)))
    for name in ("source", "target"):
        points = getattr(large, f"{name}_keypoints") / 2 - getattr(small, f"{name}_keypoints")
        assert points.abs().max() < 0.02
        shrunk = functional.avg_pool2d(getattr(large, name), 2)
        error = ((shrunk - getattr(small, name)) / 2).square().mean((1, 2, 3))
        assert (-10 * error.log10()).min() > 20  # dB; finer edges, the same image
    assert torch.allclose(small.limb_depth, large.limb_depth, atol=1e-4)


def test_seeds_and_sets_are_different_people(studio: Studio) -> None:
    some = torch.cat([pair_seeds(seed, 0, 6) for seed in (1, 2)])
    rendered = render_pairs(studio, some, (48, 36)).source.flatten(1)
    distance = torch.cdist(rendered, rendered) / rendered.shape[1] ** 0.5 + torch.eye(12)
    assert distance.min() > 0.1


def test_the_source_moved_along_the_correspondence_is_the_target(pairs: PeoplePairs) -> None:
    error = ((warped_source(pairs) - pairs.target) / 2).abs().mean(1)
    known = pairs.seen & pairs.target_mask
    assert known.float().mean() > 0.05
    assert error[known].mean() < 0.08
    # and a correspondence that is a little off is worse
    shifted = torch.roll(warped_source(pairs), 3, 3)
    assert ((shifted - pairs.target) / 2).abs().mean(1)[known].mean() > 1.3 * error[known].mean()


def test_what_is_seen_lies_on_the_same_part_of_the_body(pairs: PeoplePairs) -> None:
    height, width = SIZE
    known = pairs.seen & pairs.target_mask
    batch = torch.arange(len(pairs))[:, None, None].expand_as(known)[known]
    place = pairs.correspondence[known].floor().long()
    there = pairs.source_parts[batch, place[:, 1].clamp(0, height - 1), place[:, 0].clamp(0, width - 1)]
    assert (there > 0).all()
    assert (there == pairs.target_parts[known]).float().mean() > 0.97


def test_visible_keypoints_lie_on_the_person(pairs: PeoplePairs) -> None:
    visible = sides(pairs, "visible")
    assert visible.any(1).all()
    assert near_mask(sides(pairs, "mask"), sides(pairs, "keypoints"), 2)[visible].all()
    assert (sides(pairs, "present") | ~visible).all()


def test_every_image_shows_a_person(pairs: PeoplePairs) -> None:
    covered = sides(pairs, "mask").float().mean((1, 2))
    assert covered.min() > 0.03
    assert covered.max() < 0.95
    assert sides(pairs, "present").sum(1).min() >= 4


def test_no_person_has_a_hole(pairs: PeoplePairs) -> None:
    """The middle of every limb is on the person, and no pixel of background lies within one part of the body."""
    mask, points = sides(pairs, "mask"), sides(pairs, "keypoints")
    limbs = torch.tensor(LIMBS[:12])
    middle = points[:, limbs].mean(2)
    height, width = SIZE
    framed = ((middle > 1) & (middle < torch.tensor([width - 1.0, height - 1.0]))).all(-1)
    assert near_mask(mask, middle, 1)[framed].all()
    # single strands of hair and spread fingers aside, which let the background through
    garments, parts = sides(pairs, "garments"), sides(pairs, "parts")
    loose = torch.tensor([GARMENTS.index("cap hair"), GARMENTS.index("long hair")])
    hands = torch.tensor([PARTS.index("left hand"), PARTS.index("right hand")])
    solid = ~torch.isin(garments, loose) & ~torch.isin(parts, hands)
    labels = torch.where(solid, parts, 0).float()[:, None]
    neighbours = functional.unfold(labels, 3, padding=1).unflatten(2, SIZE)
    around = torch.cat([neighbours[:, :4], neighbours[:, 5:]], 1)
    enclosed = ~mask & (around == around[:, :1]).all(1) & (around[:, 0] > 0)
    assert not enclosed.any()


@pytest.fixture(scope="module")
def slit(studio: Studio) -> tuple[Tensor, Tensor]:
    """A depth map (2, 8, 10), 2 x 2 samples a pixel: the trunk with a hole of one pixel; and a leg."""
    trunk, leg = ((studio.template.face_part == PARTS.index(name)).nonzero()[:, 0] for name in ("trunk", "left thigh"))
    depth = torch.full((2, 8, 10), 2_000_000 << 20) | trunk[0]
    depth[:, 3, 4] = 1_900_000 << 20 | trunk[1]  # the nearest to the hole's upper left
    depth[:, 4:6, 4:6] = EMPTY
    return depth, leg[:1]


def test_a_pixel_that_one_part_encloses_shows_the_nearest_surface(studio: Studio, slit: tuple[Tensor, Tensor]) -> None:
    depth = slit[0].clone()
    close_pinholes(studio.template, depth, 2)
    assert (depth[:, 4, 4] == depth[:, 3, 4]).all()
    assert (depth[:, 5, 5] == depth[:, 6, 5]).all()
    assert (depth < EMPTY).all()
    untouched = torch.ones(8, 10, dtype=torch.bool)
    untouched[4:6, 4:6] = False
    assert torch.equal(depth[:, untouched], slit[0][:, untouched])


def test_what_lies_between_two_parts_or_open_stays_background(studio: Studio, slit: tuple[Tensor, Tensor]) -> None:
    between = slit[0].clone()
    between[0, 4:6, 6:] = (2_000_000 << 20) | slit[1]  # what lies to the right of the hole
    between[1, 6:] = EMPTY  # a notch of the outline
    closed = between.clone()
    close_pinholes(studio.template, closed, 2)
    assert torch.equal(closed, between)


def test_a_half_covered_pixel_keeps_its_edge(studio: Studio, slit: tuple[Tensor, Tensor]) -> None:
    depth = slit[0].clone()
    depth[:, 4, 4:6] = depth[0, 0, 0]
    half = depth.clone()
    close_pinholes(studio.template, depth, 2)
    assert torch.equal(depth, half)


def test_people_whose_face_may_not_show_are_not_cut_off_at_the_bust(studio: Studio) -> None:
    cast = casts(studio, "train", 600)
    crops = np.array([scene.camera.crops[k] for k in range(2) for scene in cast.scenes])
    turned = np.array([abs((pose.root[0] + np.pi) % (2 * np.pi) - np.pi) > np.pi / 2 for pose in cast.poses])
    raised = np.array([(pose.arm[:, 0] > np.radians(100)).any() for pose in cast.poses])
    assert (crops[~turned & ~raised] == 1.12).any()
    assert (crops[turned | raised] <= 0.8).all()
    for scene in cast.scenes:
        assert not scene.camera.shared or scene.camera.crops[0] == scene.camera.crops[1]


def test_everybody_is_dressed(pairs: PeoplePairs) -> None:
    cloth = torch.tensor([GARMENTS.index(name) for name in ("bottom", "top", "outer", "skirt")])
    garments, parts = sides(pairs, "garments"), sides(pairs, "parts")
    trunk = parts == PARTS.index("trunk")
    skin = trunk & (garments == GARMENTS.index("skin"))
    large = trunk.sum((1, 2)) > 150
    # a neckline or a bare waist, never more
    assert (skin.sum((1, 2))[large] < 0.4 * trunk.sum((1, 2))[large]).all()
    assert (trunk & torch.isin(garments, cloth)).any((1, 2))[large].all()


def test_mattes_fit_masks_and_labels(pairs: PeoplePairs) -> None:
    matte, mask = sides(pairs, "matte"), sides(pairs, "mask")
    assert matte.min() >= 0 and matte.max() <= 1
    inner = functional.max_pool2d((~mask).float()[:, None], 3, 1, 1)[:, 0] == 0
    outer = functional.max_pool2d(mask.float()[:, None], 3, 1, 1)[:, 0] == 0
    assert matte[inner].mean() > 0.995
    assert matte[outer].mean() < 0.005
    assert torch.equal(sides(pairs, "parts") > 0, mask)
    assert torch.equal(sides(pairs, "garments") > 0, mask)


def test_nearer_limbs_hide_farther_ones(pairs: PeoplePairs) -> None:
    """Where a forearm shows over the trunk, its depth is less than the trunk's."""
    arms = {LIMBS.index((3, 4)): "right forearm", LIMBS.index((6, 7)): "left forearm"}
    trunk = [LIMBS.index((1, 8)), LIMBS.index((1, 11))]
    depth = torch.cat([pairs.limb_depth[:, 0], pairs.limb_depth[:, 1]])
    points, parts = sides(pairs, "keypoints"), sides(pairs, "parts")
    right, total = 0, 0
    for limb, name in arms.items():
        middle = points[:, LIMBS[limb]].mean(1)
        x, y = middle[:, 0].long().clamp(0, SIZE[1] - 1), middle[:, 1].long().clamp(0, SIZE[0] - 1)
        shown = parts[torch.arange(len(parts)), y, x] == PARTS.index(name)
        corners = points[:, [2, 5, 8, 11]]
        inside = ((middle > corners.amin(1)) & (middle < corners.amax(1))).all(1)
        nearer = depth[:, limb] < depth[:, trunk].mean(1)
        right += int(nearer[shown & inside].sum())
        total += int((shown & inside).sum())
    assert total > 20
    assert right > 0.95 * total


def test_photographs_hide_more_and_never_less(photographs: tuple[PeoplePairs, PeoplePairs]) -> None:
    clean, spoilt = photographs
    for name in ("visible", "mask"):
        assert not (sides(spoilt, name) & ~sides(clean, name)).any()
    assert not (spoilt.seen & ~clean.seen).any()
    assert (sides(clean, "mask") & ~sides(spoilt, "mask")).any()  # something in front of somebody
    assert torch.equal(clean.source_keypoints, spoilt.source_keypoints)
    assert torch.equal(clean.correspondence, spoilt.correspondence)
    changed = (sides(clean, "mask").float().mean((1, 2)) == sides(spoilt, "mask").float().mean((1, 2))).float()
    assert changed.mean() > 0.8  # most have nothing in front


def test_colours_change_alike_in_both_images(photographs: tuple[PeoplePairs, PeoplePairs]) -> None:
    clean, spoilt = photographs

    def cast_of(name: str) -> Tensor:
        both = getattr(clean, f"{name}_mask") & getattr(spoilt, f"{name}_mask")
        means = [
            (((getattr(p, name) + 1) / 2) * both[:, None]).sum((2, 3)) / both.sum((1, 2))[:, None]
            for p in (clean, spoilt)
        ]
        return means[1] / means[0].clamp(min=0.02)

    source, target = cast_of("source"), cast_of("target")
    assert (source - 1).abs().max() > 0.03
    assert (source - target).abs().mean() < 0.4 * (source - 1).abs().mean() + 0.01


def casts(studio: Studio, split: Split, count: int = 150) -> Cast:
    return sample_cast(studio, pair_seeds(TEST_SEED if split == "test" else 1, 0, count).tolist(), split)


def test_training_never_samples_what_the_test_holds(studio: Studio) -> None:
    train, test = (casts(studio, split) for split in ("train", "test"))

    def fabrics(cast: Cast, name: str) -> set[int]:
        return {getattr(f, name) for person in cast.people for f in person.outfit.fabrics.values()}

    plain = {0, 3, 5, 11, 13, 15, 16}  # cloth of trousers and jackets, where a test garment may have none of its own
    assert not fabrics(train, "print_number") & fabrics(test, "print_number") - {-1}
    assert not fabrics(train, "pattern") & fabrics(test, "pattern") - plain
    places = [{scene.panorama for scene in cast.scenes} - {-1} for cast in (train, test)]
    assert places[0] and places[1] and not places[0] & places[1]
    bodies = [np.array([[p.body.phenotype[name] for name in held_out.SHAPE] for p in c.people]) for c in (train, test)]
    nearest = np.abs(bodies[0][:, None] - bodies[1][None]).max(2).min()
    assert nearest > 0.05


def test_test_poses_have_limbs_that_training_never_has(studio: Studio) -> None:
    train, test = (casts(studio, split, 400) for split in ("train", "test"))
    arms = [np.concatenate([pose.arm for pose in cast.poses]) for cast in (train, test)]
    behind_the_head = [((a[:, 2] < np.radians(-62)) & (a[:, 0] > np.radians(118))).mean() for a in arms]
    assert behind_the_head[0] == 0
    # no test pose is made of known arms alone: each has one whose angles no row of training's table allows
    known = [row for row in posture._ARMS if not row.held_out]
    for pose in test.poses:
        degrees = np.degrees(pose.arm)
        fits = [
            any(all(lo - 1e-6 <= v <= hi + 1e-6 for v, (lo, hi) in zip(arm, row.ranges, strict=True)) for row in known)
            for arm in degrees
        ]
        assert not all(fits)
    assert behind_the_head[1] > 0.05


def test_the_test_set_is_what_it_was(studio: Studio) -> None:
    """People, poses and cameras of the fixed test set; a change here makes all published figures void."""
    first = render_pairs(studio, pair_seeds(TEST_SEED, 0, 3), (64, 48), split="test", faults=False)
    noses = first.source_keypoints[:, 0], first.target_keypoints[:, 4]
    expected = NOSES, WRISTS
    for found, wanted in zip(noses, expected, strict=True):
        assert torch.allclose(found, torch.tensor(wanted), atol=0.05)


NOSES = [[20.76, 10.06], [16.77, 14.1], [25.19, 16.35]]
WRISTS = [[6.07, 15.06], [7.53, 36.47], [-5.03, 53.27]]


def test_only_grown_ups(studio: Studio) -> None:
    for split in ("train", "test"):
        people = casts(studio, split).people
        assert min(person.body.phenotype["age"] for person in people) >= 0.62
        source, _ = rest_bodies(studio.template, [person.body for person in people[:24]])
        height = source[:, :13380, 1].amax(1) - source[:, :13380, 1].amin(1)
        assert height.min() > 1.4 and height.max() < 2.1


def test_clothes_lie_over_the_body(studio: Studio) -> None:
    people = casts(studio, "train", 8).people
    source, heads = rest_bodies(studio.template, [person.body for person in people])
    dressed = dress(studio.template, people, source, heads)
    assert dressed.vertices.isfinite().all()
    assert dressed.cut.isfinite().all()
    assert ((dressed.vertices - source[:, studio.template.vertices]).norm(dim=-1) < 0.6).all()


def test_bones_keep_their_lengths_in_any_pose(studio: Studio) -> None:
    cast = casts(studio, "train", 6)
    _, heads = rest_bodies(studio.template, [person.body for person in cast.people])
    both = heads.repeat(2, 1, 1)
    rotations, places = bone_rotations(studio.template, both, cast.poses)
    turned = rotations @ rotations.mT
    assert torch.allclose(turned, torch.eye(3).expand_as(turned), atol=1e-4)
    for bone, parent in enumerate(studio.template.parents):
        if parent >= 0:
            rest = (both[:, bone] - both[:, parent]).norm(dim=1)
            posed = (places[:, bone] - places[:, parent]).norm(dim=1)
            assert torch.allclose(rest, posed, atol=1e-4)


def test_people_stand_on_the_floor(studio: Studio) -> None:
    posed, joints = pose_people(studio, casts(studio, "train", 6))
    assert posed.world[..., 1].max() < 0.02 + 0.5  # skirts may hang lower than the feet of a raised leg
    assert joints[..., 1].max() < 0.05


@pytest.mark.parametrize("size", [(31, 64), (64, 8)])
def test_too_small_a_size_is_refused(studio: Studio, size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=f"got {size[0]} x {size[1]}"):
        render_pairs(studio, pair_seeds(1, 0, 1), size)


def test_seeds_below_0_are_refused(studio: Studio) -> None:
    with pytest.raises(ValueError, match="seeds holds -1"):
        render_pairs(studio, torch.tensor([3, -1]), SIZE)


def test_no_seeds_are_refused(studio: Studio) -> None:
    with pytest.raises(ValueError, match="seeds is empty"):
        render_pairs(studio, pair_seeds(1, 0, 0), SIZE)


@pytest.fixture
def cache(tmp_path, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    monkeypatch.setenv("DPTN_CACHE", str(tmp_path))
    yield tmp_path


def test_what_is_worked_out_is_kept(cache) -> None:
    made = []

    def bake():
        made.append(1)
        return {"x": torch.arange(3.0)}, {"name": "y"}

    for _ in range(2):
        tensors, metadata = baked("thing", "1", bake)
    assert len(made) == 1
    assert tensors["x"].tolist() == [0, 1, 2] and metadata == {"name": "y"}
    baked("thing", "2", bake)
    assert len(made) == 2


def test_what_a_killed_process_left_is_removed(cache) -> None:
    left = cache / ".thing-1.12345.part.safetensors"
    left.write_bytes(b"half of it")
    baked("thing", "1", lambda: ({"x": torch.zeros(1)}, {}))
    assert not left.exists()


def test_a_cache_folder_that_cannot_be_written_says_what_to_do(cache, monkeypatch: pytest.MonkeyPatch) -> None:
    (cache / "file").write_bytes(b"")
    monkeypatch.setenv("DPTN_CACHE", str(cache / "file"))
    with pytest.raises(OSError, match="set DPTN_CACHE to another folder"):
        baked("thing", "1", lambda: ({}, {}))


def test_a_kept_result_needs_no_writing(cache) -> None:
    baked("thing", "1", lambda: ({"x": torch.zeros(1)}, {}))
    (cache / "thing-1.lock").unlink()
    baked("thing", "1", lambda: pytest.fail("worked out anew"))
    assert not (cache / "thing-1.lock").exists()


def test_a_damaged_cache_says_what_to_do(cache) -> None:
    (cache / "thing-1.safetensors").write_bytes(b"no tensors")
    with pytest.raises(OSError, match="delete it"):
        baked("thing", "1", lambda: ({}, {}))
