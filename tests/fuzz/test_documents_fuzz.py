"""Whatever stands in a pose document, it is read or refused in words, by Python and by the editor alike."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest
from fuzzing import seconds, try_to_break
from pose_strategies import DOCUMENTS, TEXTS

from dptn_core.pose import Canvas, People, PoseFormatError, read_openpose, write_openpose
from dptn_core.pose.edited import EditedPose, read_edited, write_edited

HERE = Path(__file__).parent
CANVAS = Canvas(384, 512)
NODE = shutil.which("node")


def numbers_of(frames: list[People] | tuple[People, ...]) -> list[Any]:
    return [value for frame in write_openpose(list(frames)) for person in frame["people"] for value in person.values()]


def test_documents_are_read_or_refused_and_written_strictly() -> None:
    def claim(document: object) -> None:
        try:
            frames = read_openpose(document, CANVAS)
        except PoseFormatError as error:
            assert 3 < len(str(error)) < 1000
            return
        again = read_openpose(json.dumps(write_openpose(frames, scores=True), allow_nan=False))
        assert again == frames

    try_to_break("documents", DOCUMENTS, claim)


def test_edited_poses_are_read_or_refused_and_written_back() -> None:
    def claim(text: str) -> None:
        try:
            edit = read_edited(text, CANVAS)
        except PoseFormatError as error:
            assert 3 < len(str(error)) < 1000
            return
        if edit is not None:
            again = read_edited(write_edited(edit))
            assert again is not None
            assert (again.steps, again.loop) == (edit.steps, edit.loop)
            assert numbers_of(again.frames) == numbers_of(edit.frames)

    try_to_break("edited", TEXTS, claim)


@pytest.fixture
def editor() -> Iterator[subprocess.Popen[str]]:
    """The editor's reader, a text a line."""
    if NODE is None:
        pytest.skip("no node to run JavaScript with")
    command = [NODE, str(HERE / "read_values.mjs")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as reader:
        yield reader
        assert reader.stdin is not None
        reader.stdin.close()


def shown(edit: EditedPose | None) -> Any:
    """An edit as `read_values.mjs` says it."""
    if edit is None:
        return "empty"
    canvas = edit.frames[0].canvas
    return {
        "canvas": [canvas.width, canvas.height],
        "foreign": edit.foreign,
        "upstream": edit.upstream,
        "loop": edit.loop,
        "steps": [[step.frames, step.easing] for step in edit.steps],
        "frames": [[_parts(pose) for pose in frame.people] for frame in edit.frames],
    }


def _parts(pose: Any) -> list[Any]:
    body = np.column_stack([pose.keypoints, pose.confidence])
    parts = [body, pose.hand_left, pose.hand_right, pose.face, pose.feet]
    return [part if part is None else [_point(row) for row in part] for part in parts]


def _point(row: np.ndarray) -> list[float] | None:
    """A place, and the confidence where it is below 1; None: missing."""
    return row[: 2 if row[2] == 1 else 3].tolist() if row[2] > 0 else None


def assert_alike(python: Any, javascript: Any) -> None:
    """Equal, numbers up to rounding."""
    if isinstance(python, float) or isinstance(javascript, float):
        assert python == pytest.approx(javascript, rel=1e-9, abs=1e-6)
    elif isinstance(python, list) and isinstance(javascript, list):
        assert len(python) == len(javascript)
        for one, other in zip(python, javascript, strict=True):
            assert_alike(one, other)
    elif isinstance(python, dict) and isinstance(javascript, dict):
        assert python.keys() == javascript.keys()
        for key, value in python.items():
            assert_alike(value, javascript[key])
    else:
        assert python == javascript


def test_editor_and_nodes_read_every_text_alike(editor: subprocess.Popen[str]) -> None:
    assert editor.stdin is not None and editor.stdout is not None
    to_editor: IO[str] = editor.stdin
    from_editor: IO[str] = editor.stdout

    def claim(text: str) -> None:
        to_editor.write(json.dumps(text) + "\n")
        to_editor.flush()
        javascript = json.loads(from_editor.readline())
        try:
            python = shown(read_edited(text, CANVAS))
        except PoseFormatError:
            python = "refused"
        assert_alike(python, javascript)

    try_to_break("both languages", TEXTS, claim)


@pytest.mark.skipif(NODE is None, reason="no node to run JavaScript with")
def test_the_editor_reads_or_refuses_and_writes_back() -> None:
    """By fast-check, which makes other documents."""
    command = [str(NODE), str(HERE / "documents_fuzz.mjs"), str(seconds("javascript"))]
    run = subprocess.run(command, capture_output=True, text=True, check=False, encoding="utf-8")
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
