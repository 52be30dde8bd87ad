"""The front end's own tests, and what it shares with Python."""

from __future__ import annotations

import json
import shutil
import subprocess

import numpy as np
import pytest
from comfy_host import PACK

from dptn_core.pose import KEYPOINT_NAMES, LIMBS, Canvas, People, standing_pose
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
    text = write_edited(EditedPose((People((pose,), canvas), People((), canvas)), "0123"))
    back = javascript(
        "import { readValue, writeValue } from './web/skeleton/value.js';"
        "console.log(JSON.stringify(writeValue(readValue(process.argv[1], { width: 1, height: 1 }))))",
        text,
    )
    edit = read_edited(back)
    assert edit is not None and edit.upstream == "0123" and len(edit.frames) == 2 and not edit.frames[1].people
    assert np.abs(edit.frames[0].people[0].keypoints - pose.keypoints).max() <= 0.005 + 1e-9


def test_nothing_in_the_front_end_is_fetched_from_elsewhere():
    for path in (PACK / "web").rglob("*.js"):
        text = path.read_text()
        assert "://" not in text.replace("http://www.w3.org/2000/svg", ""), path
        assert ".bind(" not in text and ".connect(" not in text, "strings that the registry's scanner takes for malware"
