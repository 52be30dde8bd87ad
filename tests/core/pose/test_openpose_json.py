"""The OpenPose JSON that packs exchange: every producer's variant, and junk."""

from __future__ import annotations

import contextlib
import copy
import json
import random

import numpy as np
import pytest

from dptn_core.pose import (
    Canvas,
    People,
    Pose,
    PoseFileNotFoundError,
    PoseFormatError,
    load_pose_file,
    read_openpose,
    save_pose_file,
    write_openpose,
)

CANVAS = Canvas(400, 800)
XY = np.column_stack([np.arange(18) * 20.0 + 10, np.arange(18) * 40.0 + 20])
MISSING = (3, 17)


def flat(xy=XY, score=1.0, missing=MISSING, gap=(0.0, 0.0, 0.0)):
    return [v for i, (x, y) in enumerate(xy) for v in (gap if i in missing else (float(x), float(y), score))]


def image(body, canvas=CANVAS, **parts):
    sides = {} if canvas is None else {"canvas_width": canvas.width, "canvas_height": canvas.height}
    return {"people": [{"pose_keypoints_2d": body, **parts}], **sides}


def expected(missing=MISSING, score=1.0):
    return Pose.from_keypoints([None if i in missing else (*XY[i], score) for i in range(18)], CANVAS)


UNIT = XY / (CANVAS.width, CANVAS.height)
EMPTY_PARTS = {
    "face_keypoints_2d": None,
    "hand_left_keypoints_2d": [],
    "hand_right_keypoints_2d": [0.0] * 63,
}

PIXEL_VARIANTS = {
    "dwpose: pixels, zeros, parts None": [image(flat(), **EMPTY_PARTS)],
    "a bare dict": image(flat()),
    "json text": json.dumps([image(flat())]),
    "a bare dict as text": json.dumps(image(flat())),
    "sdpose: -1, -1 for missing": [image(flat(gap=(-1.0, -1.0, 0.9)), foot_keypoints_2d=[-1.0, -1.0, 0.0] * 6)],
    "missing by confidence only": [image(flat(gap=(333.0, 4.0, 0.0)))],
    "missing by null": [image(flat(gap=(None, None, None)))],
    "missing by null confidence": [image(flat(gap=(5.0, 5.0, None)))],
    "coco visibility flag 2": [image(flat(score=2))],
    "integers": [image([int(v) for v in flat()])],
    "tuples and numpy scalars": ({**image(tuple(np.float32(v) for v in flat()))},),
    "a numpy array": [image(np.array(flat()))],
    "two numbers a joint": [image([v for i, v in enumerate(flat()) if i % 3 != 2])],
    "extra keys": [{**image(flat(), person_id=[-1], junk={"a": [1]}), "version": 1.3, "animals": []}],
    "the old key": [{**image(None), "people": [{"pose_keypoints": flat()}]}],
    "a whole-number float canvas": [{**image(flat()), "canvas_width": 400.0}],
    "body 25": [image(flat()[:24] + [7.0, 7.0, 1.0] + flat()[24:] + [9.0, 9.0, 1.0] * 6)],
}


@pytest.mark.parametrize("document", PIXEL_VARIANTS.values(), ids=PIXEL_VARIANTS.keys())
def test_every_variant_in_pixels_gives_the_same_pose(document):
    (people,) = read_openpose(document)
    assert people == People((expected(),), CANVAS)


NORMALISED_VARIANTS = {
    "aux openpose": [image(flat(UNIT))],
    "missing hand points below zero with confidence 1": [
        image(flat(UNIT), hand_left_keypoints_2d=[-1 / 400, -1 / 800, 1.0] * 21)
    ],
    "-1, -1 for missing": [image(flat(UNIT, gap=(-1.0, -1.0, 1.0)))],
    "pixels left behind in missing points": [image(flat(UNIT, gap=(120.0, 90.0, 0.0)))],
    "two numbers a joint": [image([v for i, v in enumerate(flat(UNIT)) if i % 3 != 2])],
}


@pytest.mark.parametrize("document", NORMALISED_VARIANTS.values(), ids=NORMALISED_VARIANTS.keys())
def test_every_normalised_variant_is_scaled_to_pixels(document):
    (people,) = read_openpose(document)
    pose = people.person(0)
    assert np.allclose(pose.keypoints, expected().keypoints)
    assert np.array_equal(pose.present, expected().present)
    assert pose.hand_left is None


def test_units_are_decided_once_a_picture_over_everybody_and_every_part():
    corner = [0.5, 0.5, 1.0] * 18
    document = [{**image(flat()), "people": [{"pose_keypoints_2d": corner}, {"pose_keypoints_2d": flat()}]}]
    (people,) = read_openpose(document)
    assert people.person(0).keypoints[0].tolist() == [0.5, 0.5]
    (people,) = read_openpose([image(corner, hand_left_keypoints_2d=[30.0, 40.0, 1.0] * 21)])
    assert people.person(0).keypoints[0].tolist() == [0.5, 0.5]
    # Another image of the same list decides for itself.
    _, second = read_openpose([image(flat()), image(corner)])
    assert second.person(0).keypoints[0].tolist() == [200, 400]


@pytest.mark.parametrize("canvas", [Canvas(1, 1), Canvas(2, 2), Canvas(15, 3)])
def test_on_a_tiny_canvas_coordinates_are_pixels(canvas):
    (people,) = read_openpose([image([0.5, 1.0, 1.0] * 18, canvas)])
    assert people.canvas == canvas
    assert people.person(0).keypoints[0].tolist() == [0.5, 1.0]


def test_pixels_on_a_placeholder_canvas_of_1x1_stay_pixels():
    (people,) = read_openpose([image(flat(), Canvas(1, 1))])
    assert np.array_equal(people.person(0).keypoints, expected().keypoints)


def test_keypoints_outside_the_canvas_are_kept():
    body = flat()
    body[0], body[1] = -20.0, -30.0
    assert read_openpose(image(body))[0].person(0).keypoints[0].tolist() == [-20, -30]


def test_real_scores_survive_a_round_trip_and_are_written_as_one_where_that_is_asked_for():
    (people,) = read_openpose([image(flat(score=0.25))])
    assert people == People((expected(score=0.25),), CANVAS)
    assert read_openpose(write_openpose([people])) == [people]
    flags = write_openpose([people], scores=False)[0]["people"][0]["pose_keypoints_2d"]
    assert set(flags[2::3]) == {0.0, 1.0}


def test_joints_below_a_threshold_are_left_out_of_everybody():
    feet = [float(v) for i in range(6) for v in (i + 10, i + 20, 0.02 if i else 0.9)]
    low = flat(score=0.04)
    low[2] = 0.3
    (people,) = read_openpose([image(low, foot_keypoints_2d=feet)])
    (sure,) = people.without(0.3).people
    assert sure.present.tolist() == [True] + [False] * 17 and sure.confidence[0] == 0.3
    assert sure.feet is not None and (sure.feet[:, 2] > 0).tolist() == [True] + [False] * 5
    assert people.without(0.0) == people


def test_coco_17_is_reordered_and_gets_a_neck():
    coco = [float(v) for i in range(17) for v in (100 + i, 200 + i, 0.5 + i / 100)]
    (people,) = read_openpose([image(coco)])
    order = [0, None, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3]
    pose = people.person(0)
    for joint, source in enumerate(order):
        where = 5.5 if source is None else source
        score = 0.55 if source is None else 0.5 + source / 100
        assert pose.keypoints[joint].tolist() == [100 + where, 200 + where]
        assert pose.confidence[joint] == pytest.approx(score)


def test_coco_17_without_a_shoulder_has_no_neck():
    coco = [100.0, 200.0, 1.0] * 17
    coco[15:18] = [0.0, 0.0, 0.0]
    pose = read_openpose([image(coco)])[0].person(0)
    assert not pose.present[1] and not pose.present[5] and pose.present[2]


def test_a_normalised_coco_body_with_a_shoulder_below_zero_has_no_neck():
    coco = [0.5, 0.5, 1.0] * 17
    coco[15:17] = [-0.0025, -0.0025]
    assert not read_openpose([image(coco)])[0].person(0).present[1]


@pytest.mark.parametrize(
    "document",
    [
        [{"version": "ap10k", "animals": [[0.1] * 51], "canvas_width": 400, "canvas_height": 800}],
        [{"people": None, "canvas_width": 400, "canvas_height": 800}],
        [{"people": [], "canvas_width": 400, "canvas_height": 800}],
        {"canvas_width": 400, "canvas_height": 800},
    ],
)
def test_no_people_is_nobody_and_no_error(document):
    assert read_openpose(document) == [People((), CANVAS)]


def test_an_empty_list_has_no_pictures_and_an_empty_picture_has_nobody():
    assert read_openpose([]) == []
    assert read_openpose({}) == [People((), Canvas(1, 1))]


def test_a_person_without_points_keeps_their_place():
    document = [{**image(flat()), "people": [{}, {"pose_keypoints_2d": flat()}]}]
    (people,) = read_openpose(document)
    assert people.person(0).is_empty
    assert people.person(1) == expected()


def test_openpose_own_file_without_canvas_gets_one_that_just_holds_the_points():
    document = {"version": 1.3, "people": [{"person_id": [-1], "pose_keypoints_2d": flat(missing=())}]}
    (people,) = read_openpose(document)
    assert people.canvas == Canvas(351, 701)
    assert np.array_equal(people.person(0).keypoints, XY)


def test_normalised_points_without_canvas_live_on_a_canvas_of_1x1():
    (people,) = read_openpose(image(flat(UNIT), canvas=None))
    assert people.canvas == Canvas(1, 1)
    assert np.allclose(people.rescaled(CANVAS).person(0).keypoints, expected().keypoints)


def test_feet_are_read_and_written_where_there_are_some_and_left_out_where_not():
    feet = [float(v) for i in range(6) for v in (i + 10, i + 20, 0.5)]
    feet[15:] = [-1.0, -1.0, 0.0]  # as SDPose marks what it has not found
    (people,) = read_openpose([image(flat(), foot_keypoints_2d=feet)])
    (pose,) = people.people
    assert pose.feet[4].tolist() == [14, 24, 0.5] and not pose.feet[5].any()
    (written,) = write_openpose([people])
    assert written["people"][0]["foot_keypoints_2d"][12:] == [14.0, 24.0, 0.5, 0.0, 0.0, 0.0]
    assert read_openpose([written]) == [people]
    (flags,) = write_openpose([people], scores=False)
    assert flags["people"][0]["foot_keypoints_2d"][12:15] == [14.0, 24.0, 1.0]
    (bare,) = write_openpose(read_openpose([image(flat())]))
    assert "foot_keypoints_2d" not in bare["people"][0]
    with pytest.raises(PoseFormatError, match="foot_keypoints_2d must hold 18 or 12 numbers, got 3"):
        read_openpose([image(flat(), foot_keypoints_2d=[1.0, 2.0, 3.0])])


def test_faces_of_68_points_and_parts_without_confidence_are_read():
    face = [float(v) for i in range(68) for v in (i + 1, i + 2, 1)]
    hand = [float(v) for i in range(21) for v in ((0, 0) if i == 4 else (i + 1, i + 2))]
    parts = {"face_keypoints_2d": face, "hand_right_keypoints_2d": hand}
    pose = read_openpose([image(flat(), **parts)])[0].person(0)
    assert pose.face.shape == (70, 3)
    assert pose.face[67].tolist() == [68, 69, 1] and not pose.face[68:].any()
    assert pose.hand_right[4].tolist() == [0, 0, 0]
    assert pose.hand_right[5].tolist() == [6, 7, 1]


def test_reading_does_not_change_the_document():
    document = [image(flat(UNIT, gap=(-1.0, -1.0, 0.5)), **EMPTY_PARTS)]
    before = copy.deepcopy(document)
    read_openpose(document)
    assert document == before


# Writing


def full_pose(rng, canvas, spread=1.0):
    def points(count):
        flags = (rng.random(count) < 0.7).astype(float)
        return np.column_stack([rng.uniform(-0.1, spread, (count, 2)) * (canvas.width, canvas.height), flags])

    body = points(18)
    parts = [points(21), points(21), points(70)] if rng.random() < 0.5 else [None, None, None]
    return Pose(body[:, :2], body[:, 2], canvas, *parts)


def test_the_written_form_is_strict():
    document = write_openpose([People((expected(),), CANVAS)])
    assert list(document[0]) == ["people", "canvas_width", "canvas_height"]
    assert (document[0]["canvas_width"], document[0]["canvas_height"]) == (400, 800)
    (person,) = document[0]["people"]
    lengths = {key: len(values) for key, values in person.items()}
    assert lengths == {
        "pose_keypoints_2d": 54,
        "face_keypoints_2d": 210,
        "hand_left_keypoints_2d": 63,
        "hand_right_keypoints_2d": 63,
    }
    assert all(type(value) is float for values in person.values() for value in values)
    assert person["pose_keypoints_2d"] == flat()
    assert not any(person["face_keypoints_2d"])


@pytest.mark.parametrize("seed", range(20))
def test_reading_what_was_written_gives_the_same_value(seed):
    rng = np.random.default_rng(seed)
    images = []
    for _ in range(3):
        canvas = Canvas(int(rng.integers(1, 600)), int(rng.integers(1, 600)))
        spread = 1.0 if rng.random() < 0.8 else 0.001
        poses = tuple(full_pose(rng, canvas, spread) for _ in range(rng.integers(0, 3)))
        images.append(People(poses, canvas))
    document = write_openpose(images)
    assert read_openpose(document) == images
    assert read_openpose(json.dumps(document)) == images
    assert write_openpose(read_openpose(document)) == document


@pytest.mark.parametrize("point", [(0.5, 0.5), (1.0, 1.0), (-1.0, -1.0), (0.0, 0.0), (-0.5, -0.5)])
def test_a_lone_point_near_the_origin_survives_the_round_trip(point):
    images = [People((Pose.from_keypoints([point] + [None] * 17, CANVAS),), CANVAS)]
    assert read_openpose(write_openpose(images)) == images


def test_a_strict_document_is_written_back_unchanged():
    zeros = {"hand_left_keypoints_2d": [0.0] * 63, "hand_right_keypoints_2d": [0.0] * 63}
    document = [image(flat(), face_keypoints_2d=[5.0, 6.0, 1.0] * 70, **zeros)]
    assert write_openpose(read_openpose(document)) == document


# Files


def test_a_saved_file_loads_as_the_same_value(tmp_path):
    images = [People((expected(),), CANVAS), People((), Canvas(3, 4))]
    path = tmp_path / "Pose é.json"
    save_pose_file(path, images)
    save_pose_file(path, images)
    assert load_pose_file(path) == images
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_a_byte_order_mark_is_no_obstacle(tmp_path):
    path = tmp_path / "pose.json"
    path.write_text(json.dumps(image(flat())), encoding="utf-8-sig")
    assert load_pose_file(path)[0].person(0) == expected()


def test_a_failed_save_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "pose.json"
    path.write_text("[]")

    def refuse(*_):
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", refuse)
    with pytest.raises(OSError, match="disk full"):
        save_pose_file(path, [People((expected(),), CANVAS)])
    assert path.read_text() == "[]"
    assert [entry.name for entry in tmp_path.iterdir()] == ["pose.json"]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(PoseFileNotFoundError, match=r"no pose file at .*nowhere.json") as caught:
        load_pose_file(tmp_path / "nowhere.json")
    assert isinstance(caught.value, FileNotFoundError)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"  \n", "is empty"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b"{", "not JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[" + b"9" * 5000 + b"]", "not JSON|must be an object"),
    ],
)
def test_a_bad_file_is_refused_in_words(tmp_path, content, words):
    path = tmp_path / "pose.json"
    path.write_bytes(content)
    with pytest.raises(PoseFormatError, match=words):
        load_pose_file(path)


def test_a_folder_and_an_impossible_name_are_refused_in_words(tmp_path):
    with pytest.raises(PoseFormatError, match="folder"):
        load_pose_file(tmp_path)
    with pytest.raises(PoseFormatError, match="cannot read"):
        load_pose_file("a\0b")
    with pytest.raises(PoseFormatError, match="cannot read"):
        load_pose_file(tmp_path / ("x" * 5000))


# Refusals


def with_value(value):
    body = flat()
    body[7] = value
    return [image(flat()), image(body)]


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (None, "pose data must be a list of images or one image, got null"),
        (7, "got 7"),
        (b"[]", "got a value of type bytes"),
        ("7", "got 7"),
        ("nonsense", "pose data is not JSON"),
        ([[]], r"^\[0\] must be an object, got a list of 0"),
        ([{}, None], r"^\[1\] must be an object, got null"),
        ([{"people": {}}], r"^\[0\].people must be a list, got an object"),
        ([{"people": "abc"}], r"^\[0\].people must be a list, got 'abc'"),
        ([{"people": [None]}], r"^\[0\].people\[0\] must be an object, got null"),
        ({"people": [5]}, r"^people\[0\] must be an object, got 5"),
        (
            [{"people": [{}, {"pose_keypoints_2d": [0.0] * 40}]}],
            r"^\[0\].people\[1\].pose_keypoints_2d must hold 54, 75, 51 or 36 numbers, got 40$",
        ),
        (
            [image(flat(), face_keypoints_2d=[1.0])],
            r"face_keypoints_2d must hold 210, 204 or 140 numbers, got 1",
        ),
        (
            [image(flat(), hand_left_keypoints_2d=[1.0])],
            r"hand_left_keypoints_2d must hold 63 or 42 numbers",
        ),
        ([image("0" * 54)], "pose_keypoints_2d must be a list of numbers, got '0000"),
        ([image([[1.0, 2.0, 1.0]] * 18)], "must hold 54, 75, 51 or 36 numbers, got 18"),
        (with_value("12"), r"^\[1\].people\[0\].pose_keypoints_2d\[7\] must be a number, got '12'"),
        (with_value(True), r"\[7\] must be a number, got true"),
        (with_value([1.0]), r"\[7\] must be a number, got a list of 1"),
        (with_value({}), r"\[7\] must be a number, got an object"),
        (with_value(1j), r"\[7\] must be a number, got a value of type complex"),
        (with_value(float("nan")), r"\[7\] must be finite, got nan"),
        (with_value(float("inf")), r"\[7\] must be finite, got inf"),
        (with_value(10**400), r"\[7\] must be finite, got an integer of 1329 bits"),
        (with_value(1e300), r"\[7\] must be within 1000000 of zero, got 1e\+300"),
        (json.dumps(with_value(float("nan"))), r"\[7\] must be finite, got nan"),
        (json.dumps(with_value(12345.0)).replace("12345.0", "1e400"), r"\[7\] must be finite, got inf"),
        ([{"canvas_width": 5}], r"^\[0\].canvas_height is missing"),
        ([{"canvas_width": 0, "canvas_height": 5}], r"\[0\].canvas_width must be a whole number .*, got 0"),
        ([{"canvas_width": 5, "canvas_height": 5.5}], r"canvas_height must be a whole number .*, got 5.5"),
        ([{"canvas_width": "5", "canvas_height": 5}], r"canvas_width must be a whole number .*, got '5'"),
        ([{"canvas_width": True, "canvas_height": 5}], r"canvas_width must be a whole number .*, got true"),
        ([{"canvas_width": 10**5000, "canvas_height": 5}], r"canvas_width must be a whole number"),
        ([{"canvas_width": float("inf"), "canvas_height": 5}], r"canvas_width must be a whole number"),
        ([image([9e5, 5.0, 1.0] * 18, canvas=None)], r"^\[0\] has no canvas_width"),
    ],
)
def test_a_refusal_has_the_path_and_the_value(document, words):
    with pytest.raises(PoseFormatError, match=words):
        read_openpose(document)


def junk(rng, depth=0):
    scalars = [
        None,
        True,
        0,
        -1,
        1.5,
        1e400,
        float("nan"),
        10**400,
        10**5000,
        "",
        "x" * 99,
        b"\xff",
        1j,
        object(),
    ]
    kind = rng.random()
    if depth > 3 or kind < 0.5:
        return rng.choice(scalars)
    if kind < 0.75:
        # A list of the right length is worth a try, but lists of long lists of long lists take for ever.
        if rng.random() < 0.5:
            return [rng.choice(scalars) for _ in range(rng.choice([36, 51, 54, 63, 75]))]
        return [junk(rng, depth + 1) for _ in range(rng.randrange(4))]
    keys = ["people", "pose_keypoints_2d", "canvas_width", "canvas_height", "coordinates", 5, None]
    return {rng.choice(keys): junk(rng, depth + 1) for _ in range(rng.randrange(4))}


def spoiled(rng):
    """A good document with a few places replaced by junk."""
    body = rng.choice([flat(), flat(UNIT), [1.0, 2.0, 0.5] * 17, [1.0, 2.0, 0.5] * 25, [1.0, 2.0] * 18])
    document = [image(list(body), hand_left_keypoints_2d=[1.0] * 63, face_keypoints_2d=[2.0] * 210)]
    for _ in range(rng.randrange(1, 4)):
        place = document
        while True:
            keys = range(len(place)) if isinstance(place, list) else list(place)
            if not keys:
                break
            key = rng.choice(keys)
            if not isinstance(place[key], (list, dict)) or rng.random() < 0.15:
                place[key] = junk(rng)
                break
            place = place[key]
    return document


@pytest.mark.parametrize("make", [junk, spoiled])
def test_junk_is_read_or_refused_in_words_and_nothing_else(make):
    rng = random.Random(20260)  # noqa: S311
    refused = 0
    for _ in range(1500):
        document = make(rng)
        try:
            images = read_openpose(document)
        except PoseFormatError as error:
            refused += 1
            assert 5 < len(str(error)) < 300
        else:
            written = write_openpose(images)
            assert write_openpose(read_openpose(written)) == written
    assert refused > 100


def test_torn_text_is_read_or_refused_in_words_and_nothing_else():
    rng = random.Random(7)  # noqa: S311
    text = json.dumps([image(flat())])
    for _ in range(500):
        letters = list(text)
        for _ in range(rng.randrange(1, 5)):
            letters[rng.randrange(len(letters))] = rng.choice('[]{},:"-e0.\\ \ud800')
        torn = "".join(letters[: rng.randrange(len(letters))] if rng.random() < 0.3 else letters)
        with contextlib.suppress(PoseFormatError):
            read_openpose(torn)


def test_deeply_nested_values_are_refused_and_not_walked():
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(PoseFormatError):
        read_openpose(deep)
    with pytest.raises(PoseFormatError):
        read_openpose([image([deep] * 54)])


def test_a_likely_canvas_counts_where_the_document_states_none_and_the_points_fit():
    body, unit = flat(), flat(UNIT)
    for document in (image(body, None), image(unit, None)):
        (people,) = read_openpose(document, canvas=CANVAS)
        assert people.canvas == CANVAS
        np.testing.assert_allclose(people.people[0].keypoints, expected().keypoints)
    assert read_openpose(image(body, None), canvas=Canvas(100, 100)) == read_openpose(image(body, None))
    assert read_openpose(image(body), canvas=Canvas(1000, 1000)) == read_openpose(image(body))
    assert read_openpose({"people": []}, canvas=CANVAS)[0].canvas == CANVAS


def test_a_likely_canvas_is_used_for_files_too(tmp_path):
    path = tmp_path / "pose.json"
    path.write_text(json.dumps(image(flat(), None)))
    assert load_pose_file(path, CANVAS)[0] == People((expected(),), CANVAS)


def test_a_joint_a_little_outside_does_not_turn_0_to_1_into_pixels():
    body = [v for i in range(18) for v in (0.3 + 0.01 * i, 0.2 + 0.03 * i, 1.0)]
    hand = [1.01, 0.5, 1.0] + [0.0] * 60
    document = {
        "people": [{"pose_keypoints_2d": body, "hand_left_keypoints_2d": hand}],
        "canvas_width": 512,
        "canvas_height": 512,
    }
    pose = read_openpose(document)[0].people[0]
    assert pose.bounds()[3] > 300
    assert pose.hand_left is not None and pose.hand_left[0, 0] == pytest.approx(1.01 * 512)


def test_frames_without_canvas_share_one():
    points = [[100.0 + 10 * joint, 50.0 + 20 * joint] for joint in range(18)]

    def frame(shift):
        return {"people": [{"pose_keypoints_2d": [v for x, y in points for v in (x + shift, y, 1.0)]}]}

    first, second = read_openpose([frame(0), frame(300)])
    assert first.canvas == second.canvas == Canvas(571, 391)
    stated = {"people": [], "canvas_width": 640, "canvas_height": 480}
    assert {people.canvas for people in read_openpose([frame(0), stated, frame(30)])} == {Canvas(640, 480)}
