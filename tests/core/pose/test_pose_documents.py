"""What Python makes of the documents that the editor reads too (tests/web/documents.test.mjs)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dptn_core.pose import Canvas, People, Pose, PoseFormatError, fit_to_canvas, load_pose_file
from dptn_core.pose.edited import EditedPose, read_edited
from tools.pose_documents import FILE, written

GOLDEN = json.loads(FILE.read_text(encoding="utf-8"))
CANVAS = Canvas(*GOLDEN["canvas"])
DOCUMENTS = GOLDEN["documents"]
NEAR = 1e-3  # pixels, twice what the file leaves out


def text_of(document: dict[str, Any]) -> str:
    return document["text"] if "text" in document else "".join(piece * count for piece, count in document["runs"])


def found(pose: Pose) -> dict[str, np.ndarray]:
    parts = {"hand_left": pose.hand_left, "hand_right": pose.hand_right, "face": pose.face, "feet": pose.feet}
    body = np.column_stack([pose.keypoints, pose.confidence])
    return {"body": body} | {name: part for name, part in parts.items() if part is not None}


def assert_people(frames: list[People] | tuple[People, ...], result: dict[str, Any]) -> None:
    assert [len(frame.people) for frame in frames] == [len(frame) for frame in result["frames"]]
    for frame, people in zip(frames, result["frames"], strict=True):
        assert frame.canvas == Canvas(*result["canvas"])
        for pose, parts in zip(frame.people, people, strict=True):
            assert found(pose).keys() == parts.keys()
            for name, points in found(pose).items():
                expected = np.array([point or [0.0, 0.0, 0.0] for point in parts[name]])
                np.testing.assert_allclose(points, expected, rtol=0, atol=NEAR, err_msg=name)
                assert [bool(one) for one in parts[name]] == (points[:, 2] > 0).tolist()


def read(document: dict[str, Any]) -> EditedPose | str:
    try:
        return read_edited(text_of(document), CANVAS) or "empty"
    except PoseFormatError as error:
        assert len(str(error)) < 500
        return "refused"


def test_the_file_is_what_its_script_writes() -> None:
    """Written anew by `python -m tools.pose_documents`; its diff is to be read like code."""
    assert FILE.read_text(encoding="utf-8") == written()
    assert len(DOCUMENTS) >= 300 and FILE.stat().st_size < 1_000_000


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document["name"].encode("unicode_escape").decode())
def test_the_edited_pose_is_what_the_editor_shows(document: dict[str, Any]) -> None:
    result, edit = document["result"], read(document)
    if isinstance(result, str) or isinstance(edit, str):
        assert edit == result
        return
    assert_people(edit.frames, result)
    assert edit.foreign == result["foreign"]
    if not edit.foreign:
        steps = [[step.frames, step.easing] for step in edit.steps]
        assert (edit.loop, steps, edit.upstream) == (result["loop"], result["steps"], result["upstream"])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document["name"].encode("unicode_escape").decode())
def test_a_pose_file_holds_the_same(document: dict[str, Any], tmp_path: Path) -> None:
    """But for files that say nothing, which are no pose, and for what only an edit has: its form and its length."""
    result, text = document["result"], text_of(document)
    own = '"version"' in text and '"people"' not in text.split('"frames"')[0]
    if own or result == "empty" or "10,001 frames" in document["name"] or text.startswith("\ufeff"):
        return
    path = tmp_path / "pose.json"
    path.write_text(text, encoding="utf-8")
    if result == "refused":
        with pytest.raises(ValueError):
            frames = load_pose_file(path, CANVAS)
            [fit_to_canvas(frame, frames[0].canvas) for frame in frames]
        return
    frames = load_pose_file(path, CANVAS)
    assert_people([fit_to_canvas(frame, frames[0].canvas) for frame in frames], result)
    assert [len(frame.people) for frame in load_pose_file(path)] == [len(frame) for frame in result["frames"]]
