"""The front end's own tests, and what it shares with Python."""

from __future__ import annotations

import colorsys
import gzip
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from comfy_host import PACK

from dptn_core.pose import KEYPOINT_NAMES, LIMBS, Canvas, People, Pose, Step, standing_pose
from dptn_core.pose.drawing import JOINT_COLOURS
from dptn_core.pose.edited import EditedPose, read_edited, write_edited

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="no node to run JavaScript with")


def javascript(program: str, *arguments: str) -> object:
    """Run a module that prints JSON."""
    run = subprocess.run(
        [NODE, "--input-type=module", "-e", program, *arguments], cwd=PACK, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@needs_node
def test_the_tests_of_the_editor_pass():
    run = subprocess.run([NODE, "--test", "tests/web/"], cwd=PACK, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-3000:]


@needs_node
@pytest.mark.parametrize("size", [(384, 512), (1920, 1080), (64, 900)])
def test_joints_limbs_and_the_standing_person_are_the_same_in_both_languages(size):
    joints, limbs, points = javascript(
        "import { JOINTS, LIMBS, standing } from './web/skeleton/anatomy.js';"
        "console.log(JSON.stringify([JOINTS, LIMBS, standing(Number(process.argv[1]), Number(process.argv[2]))]))",
        *map(str, size),
    )
    assert joints == [name.replace("_", " ") for name in KEYPOINT_NAMES]
    assert [tuple(limb) for limb in limbs] == list(LIMBS)
    assert np.allclose(points, standing_pose(Canvas(*size)).keypoints)


@needs_node
def test_a_value_written_by_one_language_is_read_by_the_other():
    canvas = Canvas(384, 512)
    pose = standing_pose(canvas).transformed((0.5, 0.5), (33.25, 7.5), canvas)
    frames = (People((pose,), canvas), People((), canvas))
    text = write_edited(EditedPose(frames, "0123", steps=(Step(7, "slow end"), Step(2)), loop=True, keep=True))
    back = javascript(
        "import { readValue, writeValue } from './web/skeleton/value.js';"
        "console.log(JSON.stringify(writeValue(readValue(process.argv[1], { width: 1, height: 1 }))))",
        text,
    )
    edit = read_edited(back)
    assert edit is not None and edit.upstream == "0123" and len(edit.frames) == 2 and not edit.frames[1].people
    assert edit.steps == (Step(7, "slow end"), Step(2)) and edit.loop and edit.keep
    assert np.abs(edit.frames[0].people[0].keypoints - pose.keypoints).max() <= 0.005 + 1e-9


def variants() -> list[object]:
    """Pose data as different producers write it."""
    rng = np.random.default_rng(5)
    xy = rng.uniform(20, 300, (25, 2)).round(2)
    xyc = np.column_stack([xy, np.ones(25)])
    canvas = {"canvas_width": 384, "canvas_height": 512}

    def one(flat: object, **more: object) -> dict[str, object]:
        return {"people": [{"pose_keypoints_2d": flat}], **canvas, **more}

    body = xyc[:18].ravel().tolist()
    shares = (xyc[:18] / [384, 512, 1]).ravel().tolist()
    beyond = [1.2 if index == 0 else value for index, value in enumerate(shares)]
    detector = [-1 / 384, -1 / 512, 1.0, *shares[3:]]
    hand = np.column_stack([rng.uniform(20, 300, (21, 2)), np.ones(21)]).ravel().tolist()
    parts = {"pose_keypoints_2d": body, "hand_left_keypoints_2d": hand, "hand_right_keypoints_2d": None}
    parts["face_keypoints_2d"] = np.column_stack([rng.uniform(9, 99, (68, 2)), np.ones(68)]).ravel().tolist()
    return [
        one(body),
        [one(body)],
        [one(shares), one(body), one(beyond), one(detector)],
        [one(xyc.ravel().tolist()), one(xyc[:17].ravel().tolist()), one(xy[:18].ravel().tolist())],
        [one([0, 0, 0, -1, -1, 1, 5, 5, 0, 7, 7, 0.4, None, 3, 1, *body[15:]])],
        {"people": [parts, {"pose_keypoints": body}, {}], **canvas},
        {"version": 1.3, "people": [{"pose_keypoints_2d": body}]},
        [{"people": [{"pose_keypoints_2d": body}]}, {"people": None}, {"animals": []}],
        one(shares, coordinates="pixels"),
        one([v if i % 3 < 2 else [0.04, 0.5, 0.97, 1.5, 1e-9][i % 5] for i, v in enumerate(body)]),
        one([v if i % 3 < 2 else 0.3 + i / 100 for i, v in enumerate(xyc[:17].ravel().tolist())]),
        {"people": [{**parts, "foot_keypoints_2d": [5.0, 6.0, 0.25] * 5 + [0, 0, 0]}], **canvas},
        [one(body), {"people": [{"pose_keypoints_2d": body}], "canvas_width": 700, "canvas_height": 400}],
        [{"people": [{"pose_keypoints_2d": [v * 3 for v in body]}]}],
        [{"people": [{"pose_keypoints_2d": shares}]}],
    ]


@needs_node
@pytest.mark.parametrize("document", variants(), ids=range(len(variants())))
def test_both_languages_read_the_same_from_every_producer(document):
    program = (
        "import { readValue } from './web/skeleton/value.js';"
        "const { canvas, frames } = readValue(process.argv[1], { width: 384, height: 512 });"
        "console.log(JSON.stringify({ canvas, frames }))"
    )
    found = javascript(program, json.dumps(document))
    edit = read_edited(json.dumps(document), Canvas(384, 512))
    assert edit is not None
    assert found["canvas"] == {"width": edit.frames[0].canvas.width, "height": edit.frames[0].canvas.height}
    assert len(found["frames"]) == len(edit.frames)
    for people, frame in zip(found["frames"], edit.frames, strict=True):
        assert len(people) == len(frame.people)
        for person, pose in zip(people, frame.people, strict=True):
            body = np.column_stack([pose.keypoints, pose.confidence])
            left, right = (None, None) if pose.feet is None else (pose.feet[:3], pose.feet[3:])
            parts = (body, pose.hand_left, pose.hand_right, pose.face, left, right)
            names = ("handLeft", "handRight", "face", "footLeft", "footRight")
            read = (person["points"], *(person["parts"][name] for name in names))
            for points, part in zip(read, parts, strict=True):
                assert (points is None) == (part is None)
                for point, row in zip(points or [], [] if part is None else part, strict=True):
                    assert (point is None) == (row[2] == 0)
                    assert point is None or np.allclose(point + [1] * (3 - len(point)), row)


@needs_node
def test_points_of_a_face_have_the_same_mirror_images_in_both_languages():
    canvas = Canvas(100, 100)
    face = np.column_stack([np.arange(70.0), np.full(70, 5.0), np.ones(70)])
    pose = Pose(np.zeros((18, 2)), np.zeros(18), canvas, face=face)
    order = (100 - pose.mirrored().face[:, 0]).astype(int).tolist()
    assert order == javascript(
        "import { MIRRORED_FACE } from './web/skeleton/person.js'; console.log(JSON.stringify(MIRRORED_FACE))"
    )


def sources() -> list[Path]:
    """All modules: those that the host has every page import, and those imported on demand."""
    return [path for suffix in ("*.js", "*.mjs") for path in (PACK / "web").rglob(suffix)]


@needs_node
def test_openpose_colours_are_those_of_draw_skeleton():
    found = javascript(
        "import { openPoseColour } from './web/skeleton/anatomy.js';"
        "console.log(JSON.stringify(Array.from({ length: 18 }, (_, joint) => openPoseColour(joint))))"
    )
    for text, colour in zip(found, JOINT_COLOURS, strict=True):
        degrees = int(re.fullmatch(r"hsl\((\d+) 100% 50%\)", text)[1])
        assert [round(255 * part) for part in colorsys.hls_to_rgb(degrees / 360, 0.5, 1)] == list(colour)


def test_the_front_end_stays_small():
    sizes = {path: len(gzip.compress(path.read_bytes())) for path in sources()}
    assert sum(size for path, size in sizes.items() if path.suffix == ".js") < 60_000, sizes
    assert sum(sizes.values()) < 90_000, sizes


def test_lines_of_the_front_end_stay_within_100_columns():
    """Comments, tables and styles too, which the formatter leaves as they are."""
    tests = [path for folder in ("web", "fuzz") for path in (PACK / "tests" / folder).glob("*.mjs")]
    for path in [*sources(), PACK / "web" / "types.d.ts", *tests]:
        long = [n for n, line in enumerate(path.read_text().splitlines(), 1) if len(line.expandtabs(2)) > 100]
        assert not long, f"{path}: lines {long}"


def test_nothing_in_the_front_end_is_fetched_from_elsewhere():
    for path in sources():
        text = path.read_text()
        assert "://" not in text.replace("http://www.w3.org/2000/svg", ""), path
        assert ".bind(" not in text and ".connect(" not in text, "strings that the registry's scanner takes for malware"
