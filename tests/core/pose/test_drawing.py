"""Skeleton images."""

from __future__ import annotations

import numpy as np
import pytest

from dptn_core.pose import (
    JOINT_COLOURS,
    LIMBS,
    Canvas,
    People,
    Pose,
    draw_skeleton,
    draw_skeleton_over,
)

# A person standing in 512x512, every joint well apart from the others.
STANDING = (
    (256, 80), (256, 130), (206, 132), (180, 200), (170, 270), (306, 132), (332, 200), (342, 270), (226, 270),
    (220, 370), (216, 470), (286, 270), (292, 370), (296, 470), (240, 62), (272, 62), (220, 72), (292, 72),
)  # fmt: skip
CANVAS = Canvas(512, 512)


def people(rows=STANDING, canvas=CANVAS, **parts):
    body = Pose.from_keypoints(rows, canvas)
    return People((Pose(body.keypoints, body.confidence, canvas, **parts),), canvas)


def hand(x, y, step):
    joints = np.arange(1, 21)
    points = np.column_stack([x + (joints - 1) // 4 * step, y - ((joints - 1) % 4 + 1) * step, np.ones(20)])
    return np.vstack([[x, y, 1.0], points])


def test_every_joint_has_its_colour_at_its_pixel():
    image = draw_skeleton(people())
    assert image.shape == (512, 512, 3)
    assert image.dtype == np.uint8
    for (x, y), colour in zip(STANDING, JOINT_COLOURS, strict=True):
        assert tuple(image[y, x]) == colour


def test_a_joint_is_a_disc_of_radius_4_at_512():
    image = draw_skeleton(people([STANDING[4] if joint == 4 else None for joint in range(18)]))
    yy, xx = np.mgrid[:512, :512]
    x, y = STANDING[4]
    assert np.array_equal(image.any(axis=2), (xx - x) ** 2 + (yy - y) ** 2 <= 16)


@pytest.mark.parametrize("limb", range(17))
def test_every_limb_is_an_ellipse_of_six_tenths_of_its_colour(limb):
    start, end = LIMBS[limb]
    rows = [STANDING[joint] if joint in (start, end) else None for joint in range(18)]
    image = draw_skeleton(people(rows), joint_radius=0.1)
    (x0, y0), (x1, y1) = STANDING[start], STANDING[end]
    yy, xx = np.mgrid[:512, :512].astype(float)
    dx, dy = xx - (x0 + x1) / 2, yy - (y0 + y1) / 2
    half = np.hypot(x1 - x0, y1 - y0) / 2
    ux, uy = (x1 - x0) / 2 / half, (y1 - y0) / 2 / half
    inside = ((dx * ux + dy * uy) / half) ** 2 + ((dy * ux - dx * uy) / 4) ** 2
    drawn = image.any(axis=2)
    assert not drawn[inside > 1 + 1e-3].any()
    assert drawn[inside < 1 - 1e-3].all()
    middle = image[round((y0 + y1) / 2), round((x0 + x1) / 2)]
    assert tuple(middle) == tuple(int(value * 0.6) for value in JOINT_COLOURS[limb])


def test_a_limb_without_one_of_its_joints_is_not_drawn():
    rows = list(STANDING)
    rows[3] = None
    image = draw_skeleton(people(rows))
    assert not image[166, 193].any()
    assert image[100, 256].any()


def test_the_pose_is_stretched_to_the_wanted_size_and_widths_follow_the_shorter_side():
    image = draw_skeleton(people(), (1024, 1536))
    assert image.shape == (1024, 1536, 3)
    for (x, y), colour in zip(STANDING, JOINT_COLOURS, strict=True):
        assert tuple(image[y * 2, x * 3]) == colour
    lone = [STANDING[4] if joint == 4 else None for joint in range(18)]
    columns = draw_skeleton(people(lone), (1024, 1536)).any(axis=(0, 2)).sum()
    assert columns == 2 * 8 + 1


def test_widths_can_be_chosen_and_must_be_positive():
    lone = [STANDING[4] if joint == 4 else None for joint in range(18)]
    assert draw_skeleton(people(lone), joint_radius=10).any(axis=(0, 2)).sum() == 21
    assert draw_skeleton(people(), limb_width=9).any(axis=2).sum() > draw_skeleton(people()).any(axis=2).sum()
    for value in (0, -1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="limb_width must be a positive"):
            draw_skeleton(people(), limb_width=value)


def test_hands_are_lines_with_blue_dots_and_faces_white_dots():
    face = np.column_stack([np.arange(70) * 5.0 + 80, np.full(70, 500.0), np.arange(70) % 2])
    parts = {"hand_left": hand(400, 200, 20), "hand_right": hand(60, 200, 20), "face": face}
    image = draw_skeleton(people([None] * 18, **parts))
    for x in (400, 60):
        assert tuple(image[200, x]) == (0, 0, 255)
        assert tuple(image[120, x]) == (0, 0, 255)
        assert tuple(image[150, x]) == (255, 153, 0)  # the third bone of the thumb, hue 2/20
        assert tuple(image[150, x + 5]) == (0, 0, 0)
    assert tuple(image[500, 85]) == (255, 255, 255)
    assert not image[500, 80].any()


def test_nobody_is_a_black_picture():
    assert not draw_skeleton(People((), CANVAS)).any()
    assert not draw_skeleton(people([None] * 18)).any()


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (2, 3), (4000, 3000)])
def test_any_size_can_be_drawn(size):
    image = draw_skeleton(people(hand_left=hand(400, 200, 20)), size)
    assert image.shape == (*size, 3)
    assert image.any()


@pytest.mark.parametrize("size", [(0, 5), (5, -1)])
def test_a_size_must_be_positive(size):
    with pytest.raises(ValueError, match="must be 1 to"):
        draw_skeleton(people(), size)


@pytest.mark.parametrize("far", [1e3, 1e4, 1e6])
def test_keypoints_outside_are_clipped(far):
    rng = np.random.default_rng(0)
    rows = [tuple(xy) for xy in rng.uniform(-far, far, (18, 2))]
    rows[1], rows[2] = (-far, 100.0), (far, 100.0)
    wild = np.column_stack([rng.uniform(-far, far, (21, 2)), np.ones(21)])
    with np.errstate(all="raise"):
        image = draw_skeleton(people(rows, hand_right=wild))
    assert image.shape == (512, 512, 3)
    assert image[100, 256].any()


def test_joints_in_one_place_are_drawn():
    image = draw_skeleton(people([(100, 100)] * 18))
    assert tuple(image[100, 100]) == JOINT_COLOURS[-1]
    assert image.any(axis=2).sum() < 120


def test_drawing_over_blends_and_leaves_the_picture_alone():
    image = np.random.default_rng(0).integers(0, 256, (512, 512, 3), dtype=np.uint8)
    before = image.copy()
    over = draw_skeleton_over(image, people(), alpha=0.5)
    assert np.array_equal(image, before)
    drawn = draw_skeleton(people())
    covered = drawn.any(axis=2)
    assert np.array_equal(over[~covered], image[~covered])
    wanted = image[covered].astype(float) * 0.5 + drawn[covered] * 0.5
    assert np.abs(over[covered] - wanted).max() <= 0.5
    assert np.array_equal(draw_skeleton_over(image, people(), alpha=0.0), image)
    assert np.array_equal(draw_skeleton_over(np.zeros_like(image), people(), alpha=1.0), drawn)


@pytest.mark.parametrize(
    ("image", "alpha", "words"),
    [
        (np.zeros((5, 5, 3)), 0.5, "uint8"),
        (np.zeros((5, 5), np.uint8), 0.5, r"\(H, W, 3\) uint8, got \(5, 5\)"),
        (np.zeros((5, 5, 4), np.uint8), 0.5, r"got \(5, 5, 4\)"),
        (np.zeros((5, 5, 3), np.uint8), 1.5, "alpha must be 0 to 1"),
    ],
)
def test_drawing_over_refuses_other_pictures(image, alpha, words):
    with pytest.raises(ValueError, match=words):
        draw_skeleton_over(image, people(), alpha=alpha)
