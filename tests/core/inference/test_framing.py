"""The frame: the authors' crop exactly, people found anywhere, and the way back into the image."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from transfer_fixture import person, smooth_image

from dptn_core.image_io import resize
from dptn_core.inference.framing import (
    Box,
    Frame,
    FramingError,
    check_pose,
    frame_person,
    frame_targets,
    person_extent,
)
from dptn_core.pose import Canvas, Pose

SIZE = (256, 192)
SQUARE = (256, 256)


def random_person(random: np.random.Generator, *, inside: bool = True) -> Pose:
    """A bent person of any size at any place of any canvas."""
    width, height = (int(side) for side in random.integers(40, 1500, 2))
    # Narrower than the canvas, and not so small that whole pixels say nothing about proportions.
    down = random.uniform(0.3, 0.95) * height
    across = min(down * random.uniform(0.2, 1.3), 0.95 * width)
    spare = 0.0 if inside else 0.4
    left = random.uniform(-spare * across, width - across + spare * across)
    top = random.uniform(-spare * down, height - down + spare * down)
    seed = int(random.integers(1 << 30))
    return person((width, height), (left, top, across, down), sway=0.15, seed=seed)


def inner(frame: Frame, pose: Pose) -> np.ndarray:
    """Present keypoints in shares of the frame."""
    xy = pose.keypoints[pose.present]
    return (xy - (frame.box.left, frame.box.top)) / (frame.box.width, frame.box.height)


# The authors' framing


def test_a_deepfashion_square_is_cut_at_40_to_216_and_stretched():
    pose = person(SQUARE, (60, 20, 140, 220))
    frame = frame_person(pose, SQUARE, "stretch")
    assert frame.box == Box(40, 0, 176, 256)
    assert (frame.box.right, frame.box.bottom) == (216, 256)
    moved = frame.pose_inside(pose)
    assert moved.canvas == Canvas(256, 256)
    np.testing.assert_allclose(moved.keypoints[:, 0], (pose.keypoints[:, 0] - 40) * 256 / 176, atol=1e-9)
    np.testing.assert_allclose(moved.keypoints[:, 1], pose.keypoints[:, 1], atol=1e-9)
    image = torch.rand(3, 256, 256)
    torch.testing.assert_close(frame.cut(image), resize(image[:, :, 40:216], SQUARE))


def test_the_answer_goes_back_into_the_same_columns_of_the_square():
    frame = frame_person(person(SQUARE, (60, 20, 140, 220)), SQUARE, "stretch")
    drawn, around = torch.rand(3, 256, 256), torch.rand(3, 256, 256)
    pasted = frame.paste(drawn, around)
    assert torch.equal(pasted[:, :, :40], around[:, :, :40])
    assert torch.equal(pasted[:, :, 216:], around[:, :, 216:])
    narrow = resize(drawn, (256, 176))
    seam = 4  # pixels, at the inner columns only: the frame is as high as the canvas
    torch.testing.assert_close(pasted[:, :, 40 + seam : 216 - seam], narrow[:, :, seam:-seam])


def test_a_picture_of_176_by_256_is_taken_whole():
    pose = person((176, 256), (10, 10, 150, 240))
    frame = frame_person(pose, SQUARE, "stretch")
    assert frame.box == Box(0, 0, 176, 256)
    drawn = torch.rand(3, 256, 256)
    torch.testing.assert_close(frame.paste(drawn, torch.zeros(3, 256, 176)), resize(drawn, (256, 176)))


def test_targets_on_the_authors_canvases_get_the_authors_crop():
    for canvas, box in ((SQUARE, Box(40, 0, 176, 256)), ((176, 256), Box(0, 0, 176, 256))):
        source_pose = person((500, 700))
        source = frame_person(source_pose, SQUARE, "stretch")
        targets = [person(canvas, sway=0.2, seed=seed) for seed in range(3)]
        assert frame_targets(targets, source, source_pose, "stretch") == Frame(box, Canvas(*canvas), SQUARE)


def test_a_joint_a_little_beyond_the_authors_columns_does_not_change_their_crop():
    pose = person(SQUARE, (34, 20, 160, 220))
    frame = frame_person(pose, SQUARE, "stretch")
    assert frame.box == Box(40, 0, 176, 256)
    assert frame.pose_inside(pose).present.sum() == 17  # one wrist was cut off, as theirs were


def test_a_tiny_person_just_beyond_the_authors_columns_is_not_lost():
    for left in (33, 217):
        pose = person(SQUARE, (left, 100, 6, 20))
        assert frame_person(pose, SQUARE, "stretch").pose_inside(pose).present.sum() >= 17


@pytest.mark.parametrize("left", [0, 20, 170, 210])
def test_a_person_who_stands_outside_the_authors_columns_is_not_lost(left):
    pose = person(SQUARE, (left, 40, 45, 150))
    frame = frame_person(pose, SQUARE, "stretch")
    assert frame.pose_inside(pose).present.all()
    middle = person(SQUARE, (100, 40, 50, 150))
    source = frame_person(pose, SQUARE, "stretch")
    for poses, first, first_pose in (
        ([middle], source, pose),
        ([pose], frame_person(middle, SQUARE, "stretch"), middle),
    ):
        both = frame_targets(poses, first, first_pose, "stretch")
        assert all(both.pose_inside(one).present.all() for one in (pose, middle))


def test_stretch_framing_keeps_176_to_256_around_people_of_other_pictures():
    random = np.random.default_rng(3)
    for _ in range(100):
        pose = random_person(random)
        box = frame_person(pose, SQUARE, "stretch").box
        assert box.width / box.height == pytest.approx(176 / 256, abs=1.0 / box.height + 0.002)


# Framing that fits


def test_fit_framing_keeps_proportions_and_the_whole_person_with_margin():
    random = np.random.default_rng(4)
    for _ in range(300):
        pose = random_person(random)
        frame = frame_person(pose, SIZE, "fit")
        box, canvas = frame.box, pose.canvas
        assert box.width / box.height == pytest.approx(192 / 256, abs=1.0 / box.height + 0.002)
        xy = pose.keypoints[pose.present]
        margin = 0.05 * np.ptp(xy, axis=0).max()
        # Towards the edge of the canvas there may be less, but never a joint outside the frame.
        room = (
            *(xy.min(0) - (box.left, box.top)),
            *((box.right, box.bottom) - xy.max(0)),
        )
        at_edge = (box.left <= 0, box.top <= 0, box.right >= canvas.width, box.bottom >= canvas.height)
        assert all(space > margin or (edge and space > -1) for space, edge in zip(room, at_edge, strict=True))
        assert frame.pose_inside(pose).present.sum() >= 17


def test_the_frame_stays_within_the_canvas_where_it_fits_and_holds_it_where_it_does_not():
    random = np.random.default_rng(5)
    for _ in range(300):
        pose = random_person(random, inside=False)
        try:
            box = frame_person(pose, SIZE, "fit").box
        except FramingError:
            continue
        for start, length, limit in (
            (box.left, box.width, pose.canvas.width),
            (box.top, box.height, pose.canvas.height),
        ):
            within = start >= 0 and start + length <= limit + 1  # a pixel for rounding
            around = start <= 0 and start + length >= limit - 1
            assert within or around


def test_a_circle_stays_a_circle():
    width, height, radius = 500, 400, 60
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    disc = ((x - 230) ** 2 + (y - 200) ** 2 < radius**2).float().expand(3, -1, -1)
    frame = frame_person(person((width, height), (150, 60, 160, 280)), SIZE, "fit")
    seen = frame.cut(disc)[0] > 0.5
    across, down = int(seen.any(0).sum()), int(seen.any(1).sum())
    assert abs(across - down) <= 2
    assert across == pytest.approx(2 * radius * SIZE[0] / frame.box.height, abs=2)


def test_half_seen_people_keep_what_is_in_the_picture():
    random = np.random.default_rng(6)
    seen = 0
    for _ in range(300):
        pose = random_person(random, inside=False)
        there = pose.keypoints
        on_canvas = (there >= 0).all(1) & (there < (pose.canvas.width, pose.canvas.height)).all(1)
        if on_canvas.sum() < 4:
            with pytest.raises(FramingError):
                frame_person(pose, SIZE, "fit")
            continue
        seen += 1
        frame = frame_person(pose, SIZE, "fit")
        away = np.abs(inner(frame, pose)[on_canvas] - 0.5).max()
        assert away < 0.5 + 1.5 / min(frame.box.width, frame.box.height)  # half a pixel is lost to whole boxes
    assert seen > 200


def test_a_missing_head_or_missing_legs_still_leave_room_around_what_is_there():
    for missing in ((0, 14, 15, 16, 17), (9, 10, 12, 13), tuple(range(2, 8)), (1,), tuple(range(8, 14))):
        pose = person((400, 600), without=missing)
        frame = frame_person(pose, SIZE, "fit")
        inside = inner(frame, pose)
        assert inside.min() > 0.04 and inside.max() < 0.96


def test_the_extent_reaches_past_crown_hands_and_feet():
    pose = person((400, 600))
    left, top, right, bottom = person_extent(pose)
    (x0, y0), (x1, y1) = pose.keypoints.min(0), pose.keypoints.max(0)
    assert left < x0 - 5 and right > x1 + 5 and top < y0 - 5 and bottom > y1 + 5


# The way in and out


@pytest.mark.parametrize(
    "box", [Box(20, 10, 90, 120), Box(0, 0, 160, 213), Box(-20, -30, 150, 200), Box(100, 90, 90, 120)]
)
def test_cutting_out_and_pasting_back_gives_the_picture_again(box):
    image = smooth_image(160, 200)
    frame = Frame(box, Canvas(160, 200), SIZE)
    back = frame.paste(frame.cut(image), torch.zeros_like(image))
    seam = math.ceil(max(2, 0.02 * min(box.width, box.height)))
    rows = slice(max(box.top, 0) + seam, min(box.bottom, 200) - seam)
    columns = slice(max(box.left, 0) + seam, min(box.right, 160) - seam)
    assert (back - image)[:, rows, columns].abs().max() < 0.01
    assert (frame.paste(frame.cut(image), image) - image).abs().max() < 0.02


def test_random_people_survive_the_way_in_and_out():
    random = np.random.default_rng(7)
    for _ in range(20):
        pose = random_person(random)
        image = smooth_image(pose.canvas.width, pose.canvas.height)
        frame = frame_person(pose, SIZE, "fit")
        seen = frame.cut(image)
        assert seen.shape == (3, *SIZE)
        assert (frame.paste(seen, image) - image).abs().max() < 0.05


def test_pasting_leaves_everything_outside_the_frame_alone_and_all_values_in_range():
    frame = Frame(Box(30, 40, 60, 80), Canvas(120, 150), (32, 24))
    around = torch.rand(3, 150, 120)
    pasted = frame.paste(torch.rand(3, 32, 24), around)
    outside = torch.ones(150, 120, dtype=torch.bool)
    outside[40:120, 30:90] = False
    assert torch.equal(pasted[:, outside], around[:, outside])
    assert pasted.min() >= 0 and pasted.max() <= 1
    assert not torch.equal(pasted[:, 60:100, 40:80], around[:, 60:100, 40:80])


def test_the_seam_is_soft_inside_the_picture_and_absent_at_its_edge():
    frame = Frame(Box(-10, -10, 100, 300), Canvas(200, 280), (96, 32))
    share = frame.paste(torch.ones(3, 96, 32), torch.zeros(3, 280, 200))[0]
    for edge in (share[:, 0], share[0, :80], share[-1, :80]):
        torch.testing.assert_close(edge, torch.ones_like(edge))
    fall = share[140, 80:92]
    assert (fall.diff() <= 1e-6).all() and fall[0] > 0.999 and fall[-1] == 0
    assert ((fall > 0) & (fall < 1)).any()


def test_the_seam_is_the_same_on_all_sides():
    frame = Frame(Box(20, 20, 60, 60), Canvas(100, 100), (32, 32))
    share = frame.paste(torch.ones(3, 32, 32), torch.zeros(3, 100, 100))[0]
    for turned in (share.flip(0), share.flip(1), share.T):
        torch.testing.assert_close(share, turned)
    assert 0 < share[50, 20] < 1


def test_beyond_the_canvas_its_edge_goes_on():
    image = torch.rand(3, 20, 30)
    frame = Frame(Box(-8, -6, 46, 32), Canvas(30, 20), (32, 46))
    seen = frame.cut(image)
    torch.testing.assert_close(seen[:, 6:26, 8:38], image)
    assert torch.equal(seen[:, :6, 8:38], image[:, :1].expand(3, 6, 30))
    assert torch.equal(seen[:, 6:26, 38:], image[:, :, -1:].expand(3, 20, 8))
    assert torch.equal(seen[:, 26:, :8], image[:, -1:, :1].expand(3, 6, 8))


def test_a_frame_without_surroundings_lets_its_own_edge_go_on():
    frame = Frame(Box(5, 4, 12, 16), Canvas(30, 30), (16, 12))
    drawn = torch.rand(3, 16, 12)
    pasted = frame.paste(drawn, None)
    torch.testing.assert_close(pasted[:, 4:20, 5:17], drawn)
    torch.testing.assert_close(pasted[:, :4, 5:17], drawn[:, :1].expand(3, 4, 12))
    torch.testing.assert_close(pasted[:, 4:20, 17:], drawn[:, :, -1:].expand(3, 16, 13))


def test_points_go_in_and_come_back():
    random = np.random.default_rng(8)
    for _ in range(50):
        left, top = (int(n) for n in random.integers(-300, 300, 2))
        width, height = (int(n) for n in random.integers(1, 900, 2))
        frame = Frame(Box(left, top, width, height), Canvas(400, 300), SIZE)
        points = torch.from_numpy(random.uniform(-500, 800, (20, 2)))
        torch.testing.assert_close(frame.points_outside(frame.points_inside(points)), points)
        torch.testing.assert_close(frame.points_inside(frame.points_outside(points)), points)
        corners = frame.points_inside(torch.tensor([[left, top], [left + width, top + height]]).double())
        torch.testing.assert_close(corners, torch.tensor([[0.0, 0.0], [192.0, 256.0]]).double())


def test_keypoints_and_points_go_the_same_way():
    pose = person((500, 400))
    frame = frame_person(pose, SIZE, "fit")
    points = frame.points_inside(torch.from_numpy(pose.keypoints.copy()))
    np.testing.assert_allclose(frame.pose_inside(pose).keypoints, points.numpy(), atol=1e-9)


def test_keypoints_outside_the_frame_are_gone():
    pose = person((400, 400))
    frame = Frame(Box(0, 0, 400, 200), pose.canvas, (32, 64))
    inside = frame.pose_inside(pose)
    expected = pose.keypoints[:, 1] < 200
    np.testing.assert_array_equal(inside.present, expected)
    assert not inside.keypoints[~expected].any()


def test_resizing_averages_when_smaller_and_never_leaves_the_range():
    checks = torch.zeros(3, 64, 64)
    checks[:, ::2, ::2] = checks[:, 1::2, 1::2] = 1
    small = resize(checks, (8, 8))
    assert (small - 0.5).abs().max() < 0.1
    large = resize(torch.tensor([0.0, 1.0]).repeat(3, 4, 4), (40, 40))
    assert large.min() >= 0 and large.max() <= 1


# Frames of targets


def moved(pose: Pose, x: float = 0, y: float = 0, scale: float = 1) -> Pose:
    return pose.transformed((scale, scale), (x, y), pose.canvas)


@pytest.mark.parametrize("framing", ["fit", "stretch"])
def test_a_target_inside_the_sources_frame_gets_that_very_frame(framing):
    source_pose = person((800, 1000), (300, 200, 250, 500))
    source = frame_person(source_pose, SIZE, framing)
    smaller = person((800, 1000), (330, 230, 150, 380))
    assert frame_targets([smaller, source_pose], source, source_pose, framing) is source


@pytest.mark.parametrize("framing", ["fit", "stretch"])
def test_a_target_outside_the_sources_frame_gets_one_that_holds_both_people(framing):
    source_pose = person((1200, 900), (100, 200, 200, 400))
    source = frame_person(source_pose, SIZE, framing)
    random = np.random.default_rng(9)
    for _ in range(50):
        target = moved(source_pose, x=float(random.uniform(250, 700)), y=float(random.uniform(-150, 250)))
        frame = frame_targets([target], source, source_pose, framing)
        assert frame != source and frame.canvas == source.canvas and frame.size == source.size
        for pose in (source_pose, target):
            assert inner(frame, pose).min() >= 0 and inner(frame, pose).max() <= 1


def test_a_person_at_the_edge_of_the_picture_keeps_the_frame_for_the_own_pose():
    random = np.random.default_rng(10)
    for _ in range(50):
        pose = random_person(random)
        source = frame_person(pose, SIZE, "fit")
        assert frame_targets([pose], source, pose, "fit") == source


@pytest.mark.parametrize("framing", ["fit", "stretch"])
def test_on_another_canvas_the_frame_is_put_around_the_targets_alone(framing):
    source_pose = person((800, 1000))
    source = frame_person(source_pose, SIZE, framing)
    targets = [person((640, 480), (50, 100, 120, 300)), person((640, 480), (80, 120, 120, 300))]
    frame = frame_targets(targets, source, source_pose, framing)
    assert frame.canvas == Canvas(640, 480) and frame.size == SIZE
    assert all(inner(frame, pose).min() >= 0 and inner(frame, pose).max() <= 1 for pose in targets)
    assert frame.box.right < 500  # and not around the source as well


def test_all_poses_of_a_sequence_share_one_frame_that_holds_them_all():
    source_pose = person((1200, 900), (100, 200, 200, 400))
    source = frame_person(source_pose, SIZE, "fit")
    walk = [moved(source_pose, x=80.0 * step) for step in range(10)]
    frame = frame_targets(walk, source, source_pose, "fit")
    assert all(inner(frame, pose).min() >= 0 and inner(frame, pose).max() <= 1 for pose in walk)
    assert frame == frame_targets(walk[::-1], source, source_pose, "fit")


def test_a_sequence_on_several_canvases_is_refused_with_both():
    source_pose = person((400, 600))
    source = frame_person(source_pose, SIZE, "fit")
    with pytest.raises(FramingError, match=r"target pose 1 is on a canvas of 300x300, the first on 400x600; bring all"):
        frame_targets([source_pose, person((300, 300))], source, source_pose, "fit")


# Poses no frame can be put around

NOBODY = Pose(np.zeros((18, 2)), np.zeros(18), Canvas(400, 600))


@pytest.mark.parametrize(
    ("pose", "message"),
    [
        (NOBODY, "has 0 of 18 keypoints; expected at least 4. Add the missing joints"),
        (person((400, 600), without=range(3, 18)), "has 3 of 18 keypoints; expected at least 4"),
        (
            person((400, 600), (100, 100, 1.5, 1.5)),
            r"all keypoints .* lie within 1\.5 pixels; expected the size of a body",
        ),
        (person((400, 600), (500, 100, 100, 300)), "only 0 of the 18 .* canvas of 400x600; .* Move the pose into"),
        (person((400, 600), (50, -450, 200, 500)), "only 2 of the 18 keypoints .* lie inside"),
        (person((1, 1), (0.2, 0.1, 0.5, 0.8)), "expected the size of a body"),
    ],
)
def test_poses_that_show_nobody_are_refused_with_advice(pose, message):
    for refused in (
        lambda: check_pose(pose, "drawn pose"),
        lambda: frame_person(pose, SIZE, "fit", "drawn pose"),
        lambda: frame_person(pose, SIZE, "stretch", "drawn pose"),
    ):
        with pytest.raises(FramingError, match=message) as caught:
            refused()
        assert "drawn pose" in str(caught.value) and "\n" not in str(caught.value)


def test_a_refused_pose_of_a_sequence_is_named_by_its_number():
    source_pose = person((400, 600))
    source = frame_person(source_pose, SIZE, "fit")
    with pytest.raises(FramingError, match="the target pose has 0 of 18"):
        frame_targets([NOBODY], source, source_pose, "fit")
    with pytest.raises(FramingError, match="the target pose 2 has 0 of 18"):
        frame_targets([source_pose, source_pose, NOBODY], source, source_pose, "fit")


@pytest.mark.parametrize("place", [(5000.0, 300.0), (100.0, -2000.0), (1e6, 1e6)])
def test_one_joint_far_away_is_named_and_does_not_take_all_memory(place):
    xy = person((400, 600)).keypoints.copy()
    xy[4] = place
    with pytest.raises(
        FramingError, match=f"a keypoint of the pose lies at {place[0]:.0f}, {place[1]:.0f}, far outside"
    ):
        frame_person(Pose(xy, np.ones(18), Canvas(400, 600)), SIZE, "fit")


def test_four_joints_anywhere_are_enough_for_a_frame():
    random = np.random.default_rng(11)
    for _ in range(300):
        keep = random.choice(18, 4, replace=False)
        pose = person((400, 600), (50, 50, 300, 500), without=set(range(18)) - set(keep.tolist()))
        for framing in ("fit", "stretch"):
            frame = frame_person(pose, SIZE, framing)
            assert frame.pose_inside(pose).present.sum() == 4


def test_people_seen_as_a_line_get_a_frame_of_full_shape():
    for box in ((200, 100, 0, 400), (50, 300, 300, 0)):
        pose = person((400, 600), box)
        frame = frame_person(pose, SIZE, "fit")
        assert frame.box.width / frame.box.height == pytest.approx(0.75, abs=0.01)
        assert frame.pose_inside(pose).present.all()


def test_frames_and_canvases_of_gigabytes_are_refused():
    pose = person((16384, 16384))
    with pytest.raises(FramingError, match="million pixels"):
        frame_person(pose, (32, 24), "fit")
    source = person((300, 400))
    with pytest.raises(FramingError, match="16384x16384"):
        frame_targets([pose], frame_person(source, (32, 24), "fit"), source, "fit")


def test_tiny_and_huge_canvases_get_a_frame():
    for canvas in ((20, 30), (5, 5), (3, 2000), (2000, 3), (9000, 9000)):
        pose = person(canvas)
        frame = frame_person(pose, (32, 24), "fit")
        assert frame.box.width >= 1 and frame.box.height >= 4
        assert frame.pose_inside(pose).present.all()


@pytest.mark.parametrize("framing", ["fit", "stretch"])
@pytest.mark.parametrize("name", ["source pose", "target pose"])
def test_a_canvas_too_large_names_the_pose_that_has_it(framing: str, name: str) -> None:
    standing, canvas = random_person(np.random.default_rng(0)), Canvas(30_000, 30_000)
    pose = Pose(np.stack([np.linspace(9_000, 20_000, 18)] * 2, 1), np.ones(18), canvas)
    source = frame_person(standing, (256, 256), framing)
    with pytest.raises(
        FramingError, match=f"expected the {name} on a canvas of at most 100 million pixels, got 30000x30000"
    ):
        if name == "source pose":
            frame_person(pose, (256, 256), framing, name)
        else:
            frame_targets([pose], source, standing, framing)
