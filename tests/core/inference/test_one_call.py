"""`dptn_core.transfer_pose`: an image and a pose in, an image out."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import dptn_core
from dptn_core import samples, transfer_pose
from dptn_core.checkpoint import CheckpointError, load_model, starter_path
from dptn_core.image_io import ImageError, read_image
from dptn_core.inference.framing import FramingError
from dptn_core.pose import load_pose_file
from dptn_core.pose.openpose_json import PoseFormatError

WAVE = samples.POSES["wave"]


def test_files_go_in_and_an_image_with_the_source_s_texture_comes_out() -> None:
    image = transfer_pose(samples.FIGURE, WAVE, samples.FIGURE_POSE)
    target = load_pose_file(WAVE)[0].canvas
    assert image.mode == "RGB" and image.size == (target.width, target.height)
    assert np.asarray(image).std() > 20


def test_every_form_of_the_arguments_gives_the_same_image() -> None:
    expected = np.asarray(transfer_pose(samples.FIGURE, WAVE, samples.FIGURE_POSE))
    pixels = read_image(samples.FIGURE).permute(1, 2, 0)  # CHW -> HWC
    pose = load_pose_file(WAVE)[0].largest()
    document = json.loads(samples.FIGURE_POSE.read_text())
    for image in (pixels, (pixels * 255).round().byte().numpy(), Image.open(samples.FIGURE)):
        given = transfer_pose(image, pose, document, load_model(starter_path()))
        assert np.abs(np.asarray(given).astype(int) - expected).mean() < 0.5


def test_without_a_source_pose_the_person_is_found() -> None:
    found = transfer_pose(samples.DANCER, samples.DANCER_POSE)
    assert np.asarray(found).std() > 20
    with pytest.raises(ValueError, match="found nobody in the image; give source_pose"):
        transfer_pose(np.zeros((64, 64, 3), np.uint8), WAVE)


def test_bad_input_is_named() -> None:
    with pytest.raises(ImageError):
        transfer_pose(np.zeros((4,)), WAVE)
    with pytest.raises(PoseFormatError):
        transfer_pose(samples.FIGURE, {"people": 3}, samples.FIGURE_POSE)
    with pytest.raises(ValueError, match="at least one frame, got none"):
        transfer_pose(samples.FIGURE, [], samples.FIGURE_POSE)
    with pytest.raises(CheckpointError):
        transfer_pose(samples.FIGURE, WAVE, samples.FIGURE_POSE, samples.FIGURE)
    with pytest.raises(FramingError):
        transfer_pose(Image.new("RGB", (900, 100)), WAVE, samples.FIGURE_POSE)
    with pytest.raises(AttributeError, match="no attribute 'transfer'"):
        _ = dptn_core.transfer


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys, dptn_core; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
