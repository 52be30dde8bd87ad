"""`dptn prepare folder --detector`: poses that a detector finds, and which of them are remembered."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from image_folder_fixture import BODY, PLAN, SIZE, everything, person, photograph, reason_for, said

from dptn_core.cli import main
from dptn_core.data.custom.image_folder import FolderPlan, prepare_folder
from dptn_core.detection import external
from dptn_core.detection.external import ExtractionError, wanted_weights
from dptn_core.pose import Canvas, People, Pose


class Watcher:
    """A detector that says what it is told and counts."""

    def __init__(self, *bodies: np.ndarray, error: Exception | None = None) -> None:
        self.bodies, self.error, self.calls = bodies, error, 0

    def __call__(self, image: torch.Tensor) -> People:
        self.calls += 1
        if self.error:
            raise self.error
        assert image.shape[0] == 3 and image.dtype == torch.float32 and 0 <= image.min() <= image.max() <= 1
        canvas = Canvas(image.shape[2], image.shape[1])
        scale = np.array([canvas.width, canvas.height])
        return People(tuple(Pose(body * scale, np.full(18, 0.5), canvas) for body in self.bodies), canvas)


class TestDetector:
    @pytest.fixture
    def bare(self, tmp_path: Path) -> Path:
        for index in range(3):
            photograph(tmp_path / "anna" / f"{index}.png", index)
        return tmp_path / "anna"

    def test_it_looks_where_no_pose_file_is_and_once(self, bare: Path, tmp_path: Path) -> None:
        person(bare / "0.png")
        detect = Watcher(BODY)
        out = tmp_path / "out"
        first = prepare_folder(bare, out, PLAN, detect)
        assert (detect.calls, first.left_out) == (2, ())
        lists = {name: data for name, data in everything(out).items() if name.endswith(".csv")}
        assert prepare_folder(bare, out, PLAN, detect) == first and detect.calls == 2
        assert prepare_folder(bare, out, PLAN) == first  # nor is a detector needed for what is known
        assert {name: data for name, data in everything(out).items() if name.endswith(".csv")} == lists

    def test_other_images_of_the_same_name_and_other_detectors_are_looked_at_anew(
        self, bare: Path, tmp_path: Path
    ) -> None:
        detect, out = Watcher(BODY), tmp_path / "out"
        prepare_folder(bare, out, FolderPlan(size=SIZE, detector="one"), detect)
        photograph(bare / "1.png", 77)
        os.utime(bare / "1.png", (1, 1))  # copied with its date
        prepare_folder(bare, out, FolderPlan(size=SIZE, detector="one"), detect)
        assert detect.calls == 4
        prepare_folder(bare, out, FolderPlan(size=SIZE, detector="other"), detect)
        assert detect.calls == 7

    def test_a_pose_does_not_move_to_another_image_when_one_is_taken_away(self, bare: Path, tmp_path: Path) -> None:
        detect, out = Watcher(BODY), tmp_path / "out"
        photograph(bare / "1.bmp", 50)  # comes before 1.png, and takes its name when that is what it is
        prepare_folder(bare, out, PLAN, detect)
        (bare / "1.bmp").unlink()
        os.utime(bare / "1.png", (1, 1))
        prepare_folder(bare, out, PLAN, detect)
        assert detect.calls == 5  # four, and the one whose name is another's now

    @pytest.mark.parametrize("spoilt", [b"", b"{}", b"[1]", b"[" * 9999, b"\xff", b'[{"picture": 1, "detector": ""}]'])
    def test_what_is_remembered_and_spoilt_is_found_anew(self, bare: Path, tmp_path: Path, spoilt: bytes) -> None:
        detect, out = Watcher(BODY), tmp_path / "out"
        prepare_folder(bare, out, PLAN, detect)
        (out / "poses" / "anna-1.json").write_bytes(spoilt)
        assert not prepare_folder(bare, out, PLAN, detect).left_out and detect.calls == 4

    @pytest.mark.parametrize(
        ("detect", "says"),
        [
            (None, "no pose file beside it, and no detector was chosen"),
            (Watcher(), "no person was found"),
            (Watcher(BODY, BODY * 0.9), "2 people"),
            (Watcher(error=ExtractionError("out of memory")), "the detector failed on it: out of memory"),
        ],
    )
    def test_reasons(self, anna: Path, tmp_path: Path, detect: Watcher | None, says: str) -> None:
        (anna / "1.json").unlink()
        assert says in reason_for(anna, tmp_path / "out", "1.png", detect=detect)

    def test_the_command_runs_it(
        self, bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:

        detect, thresholds = Watcher(BODY), []

        class Loaded:
            @staticmethod
            def detect(image: torch.Tensor, *, threshold: float) -> People:
                thresholds.append(threshold)
                return detect(image)

        monkeypatch.setattr(external, "find_weights", lambda wanted, places: places[0])
        monkeypatch.setattr(external, "load_openpose", lambda path, device: Loaded)
        arguments = ["prepare", "folder", str(bare), "--out", str(tmp_path / "out"), "--size", "48x64"]
        arguments += ["--detector", "openpose", "--device", "cpu"]
        assert main([*arguments, "--threshold", "0.4"]) == 0
        assert main([*arguments, "--threshold", "0.4"]) == 0
        assert thresholds == [0.4] * 3
        assert main([*arguments, "--threshold", "0.6"]) == 0
        assert thresholds == [0.4] * 3 + [0.6] * 3

    @pytest.mark.parametrize(("detector", "named"), [("openpose", "body_pose_model.pth"), ("vitpose", "ViTPose")])
    def test_missing_weights_are_one_line_with_every_way_out(
        self, bare: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
        detector: str, named: str,
    ) -> None:  # fmt: skip

        monkeypatch.setattr(wanted_weights, "_cached", lambda wanted: iter(()))
        error = said(capsys, bare, "--out", tmp_path / "out", "--detector", detector, "--device", "cpu")
        for words in (named, "huggingface.co", "--download", "--weights FOLDER", "licence", str(tmp_path / "out")):
            assert words in error
        assert not (tmp_path / "out").exists()
