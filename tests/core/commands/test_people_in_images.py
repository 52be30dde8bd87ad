"""Commands that look for people in images: `detect`, and `transfer`, `prepare` and `demo` without pose files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from transfer_fixture import person, smooth_image, tiny_model

from dptn_core import samples
from dptn_core.checkpoint import save_model
from dptn_core.cli import main
from dptn_core.data import clips
from dptn_core.data.clips import is_clip, read_clip
from dptn_core.detection import detect_people, load_movenet
from dptn_core.image_io import ImageError, read_image, to_bytes, write_image
from dptn_core.pose import (
    KEYPOINT_NAMES,
    Canvas,
    People,
    draw_skeleton,
    fit_to_person,
    follow_person,
    load_pose_file,
)
from dptn_core.pose.retargeting import retarget

FRAMES = Path(__file__).parents[1] / "detection" / "frames"
JOINTS = json.loads((FRAMES / "joints.json").read_text())


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_model(path, tiny_model())
    return path


def run(*words: object) -> int:
    return main([str(word) for word in words])


def transfer(model: Path, out: Path, *words: object) -> int:
    return run("transfer", "--model", model, "--device", "cpu", "--precision", "fp32", "--out", out, *words)


def clip_of(path: Path, name: str = "jumping.jpg", count: int = 4, step: int = 4) -> list[np.ndarray]:
    """An animated image of a camera that pans."""
    image = to_bytes(read_image(FRAMES / name))
    width = image.shape[1] - step * (count - 1)
    frames = [np.ascontiguousarray(image[:, step * number : step * number + width]) for number in range(count)]
    first, *more = [Image.fromarray(frame) for frame in frames]
    first.save(path, save_all=True, append_images=more, lossless=True)
    return frames


# detect


def test_detect_writes_poses_and_a_skeleton_for_each_picture(tmp_path, capsys):
    assert run("detect", FRAMES / "two.jpg", FRAMES / "walking.jpg", "--out", tmp_path, "--device", "cpu") == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("two.json", "two_skeleton.png", "walking.json", "walking_skeleton.png")
    ]
    (people,) = load_pose_file(tmp_path / "two.json")
    assert people.canvas == Canvas(435, 688)
    for pose, joints in zip(people.people[1:], JOINTS["two"], strict=True):  # a bystander is farthest left
        for joint, xy in joints.items():
            assert np.hypot(*(pose.keypoints[KEYPOINT_NAMES.index(joint)] - xy)) < 25
    numbers = json.loads((tmp_path / "walking.json").read_text())[0]["people"][0]["pose_keypoints_2d"]
    assert set(numbers[2::3]) <= {0.0, 1.0}
    drawn, before = read_image(tmp_path / "two_skeleton.png"), read_image(FRAMES / "two.jpg")
    assert drawn.shape == before.shape and 0.005 < (drawn - before).abs().mean() < 0.2
    assert "two.jpg: 3 found" in capsys.readouterr().out


def test_detect_keeps_scores_on_request_and_leaves_out_what_is_below_the_threshold(tmp_path):
    options = ("--out", tmp_path, "--device", "cpu", "--scores", "--threshold", "0.5")
    assert run("detect", FRAMES / "walking.jpg", *options) == 0
    (people,) = load_pose_file(tmp_path / "walking.json")
    confidence = people.people[0].confidence
    assert confidence[confidence > 0].min() >= 0.5 and len(set(confidence[confidence > 0])) > 8
    assert not people.people[0].present[KEYPOINT_NAMES.index("right_elbow")]  # behind her back


def test_detect_of_a_folder_keeps_its_layout_and_skips_what_is_no_image(tmp_path, capsys):
    (tmp_path / "in" / "anna").mkdir(parents=True)
    shutil.copy(FRAMES / "jumping.jpg", tmp_path / "in" / "anna" / "1.jpg")
    (tmp_path / "in" / "bad.png").write_text("no image")
    assert run("detect", tmp_path / "in", "--out", tmp_path / "out", "--device", "cpu") == 2
    assert (tmp_path / "out" / "anna" / "1.json").is_file()
    said = capsys.readouterr().err.splitlines()
    bad = tmp_path / "in" / "bad.png"
    assert said[0].startswith(f"dptn detect: skipped: {bad} is not an image") and said[0].count("bad.png") == 1
    assert said[0].endswith("; convert it")
    assert said[-1] == "dptn detect: skipped 1 of 2 files for the reasons above"


def test_detect_of_a_clip_puts_all_frames_into_one_file(tmp_path, capsys):
    clip_of(tmp_path / "pan.webp")
    assert run("detect", tmp_path / "pan.webp", "--out", tmp_path / "out", "--device", "cpu") == 0
    frames = load_pose_file(tmp_path / "out" / "pan.json")
    assert [len(frame.people) for frame in frames] == [1] * 4
    noses = [frame.people[0].keypoints[0, 0] for frame in frames]
    assert np.diff(noses) == pytest.approx([-4] * 3, abs=2.5)
    assert "1 to 1 found in 4 frames" in capsys.readouterr().out


def test_detect_finds_in_each_still_whom_it_finds_in_it_alone(tmp_path, capsys):
    """Stills of one size that look alike are no video: whoever is only in the second is found there."""
    both = read_image(FRAMES / "two.jpg")
    alone = both.clone()
    alone[:, :, :90] = both[:, :, 90:91]  # without the bystander, who is farthest left
    write_image(tmp_path / "a.png", alone)
    write_image(tmp_path / "b.png", both)
    for name, files in {"apart": ["b.png"], "together": ["a.png", "b.png"]}.items():
        assert run("detect", *(tmp_path / file for file in files), "--out", tmp_path / name, "--device", "cpu") == 0
    found = {name: load_pose_file(tmp_path / name / "b.json")[0] for name in ("apart", "together")}
    (first,) = load_pose_file(tmp_path / "together" / "a.json")
    assert len(first.people) == 2 and len(found["apart"].people) == 3
    assert (tmp_path / "together" / "b.json").read_bytes() == (tmp_path / "apart" / "b.json").read_bytes()


@pytest.mark.parametrize(
    ("files", "says"),
    [
        (["no.jpg"], "no.jpg: no such file"),
        (["a/one.jpg", "b/one.png"], "would both write"),
        (["empty"], "contains no images; name another folder, or name videos one by one"),
        (["clip.mp4"], "clip.mp4"),
    ],
)
def test_detect_refuses_bad_input_in_one_line(tmp_path, capsys, files, says):
    for folder in ("a", "b", "empty"):
        (tmp_path / folder).mkdir()
    (tmp_path / "clip.mp4").write_bytes(b"no video")
    assert run("detect", *(tmp_path / file for file in files), "--out", tmp_path / "out", "--device", "cpu") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("dptn detect: ") and says in line


def test_detect_refuses_a_file_for_a_folder(tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("mine")
    assert run("detect", FRAMES / "two.jpg", "--out", tmp_path / "notes.txt", "--device", "cpu") == 2
    expected = f"dptn detect: --out {tmp_path / 'notes.txt'} cannot be written: it is a file; name a folder\n"
    assert capsys.readouterr().err == expected


def test_a_damaged_clip_among_pictures_is_named_once(tmp_path, capsys):
    pytest.importorskip("av")
    (tmp_path / "clip.mp4").write_bytes(b"no video")
    files = (FRAMES / "jumping.jpg", tmp_path / "clip.mp4")
    assert run("detect", *files, "--out", tmp_path / "out", "--device", "cpu") == 2
    skipped, _ = capsys.readouterr().err.splitlines()
    assert (
        skipped.count("clip.mp4") == 1
        and skipped.startswith("dptn detect: skipped: ")
        and skipped.endswith("; save it again as MP4")
    )


def test_detect_does_not_write_over_what_it_reads(tmp_path, capsys):
    shutil.copy(FRAMES / "jumping.jpg", tmp_path / "a_skeleton.png")
    shutil.copy(FRAMES / "jumping.jpg", tmp_path / "a.jpg")
    before = (tmp_path / "a_skeleton.png").read_bytes()
    assert run("detect", tmp_path / "a.jpg", tmp_path / "a_skeleton.png", "--out", tmp_path, "--device", "cpu") == 2
    assert "would be overwritten" in capsys.readouterr().err
    assert (tmp_path / "a_skeleton.png").read_bytes() == before


# transfer


def test_a_photograph_needs_no_pose_file(model, tmp_path):
    shutil.copy(samples.PHOTOGRAPH, tmp_path / "me.jpg")
    target = samples.PHOTOGRAPH_TARGETS[0]
    assert transfer(model, tmp_path / "found", "--image", tmp_path / "me.jpg", "--target-pose", target) == 0
    # the same as with the pose that the detector finds
    assert run("detect", tmp_path / "me.jpg", "--out", tmp_path, "--device", "cpu") == 0
    assert transfer(model, tmp_path / "given", "--image", tmp_path / "me.jpg", "--target-pose", target) == 0
    name = f"{target.stem}.png"
    assert (tmp_path / "found" / name).read_bytes() == (tmp_path / "given" / name).read_bytes()


@pytest.mark.parametrize("limb_lengths", [None, "source", "target"])
def test_the_pose_comes_from_an_image_at_the_size_place_and_limb_lengths_of_the_source_person(
    model, tmp_path, limb_lengths
):
    words = ("--image", FRAMES / "jumping.jpg", "--target-image", FRAMES / "two.jpg", "--target-person", 1)
    asked = ("--limb-lengths", limb_lengths) if limb_lengths else ()
    assert transfer(model, tmp_path, *words, *asked) == 0
    network = load_movenet()
    source = detect_people(network, read_image(FRAMES / "jumping.jpg")).people[0]
    wanted = detect_people(network, read_image(FRAMES / "two.jpg")).people[1]
    (placed,) = fit_to_person([wanted], source) if limb_lengths == "target" else retarget([wanted], [source])
    expected = draw_skeleton(People((placed,), placed.canvas))
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "two_skeleton.png")), expected)


@pytest.mark.parametrize("kind", ["animation", "folder"])
def test_a_clip_is_a_sequence_and_frames_without_the_person_are_left_out(model, tmp_path, capsys, kind):
    frames = clip_of(tmp_path / "pan.webp")
    if kind == "folder":
        clip = tmp_path / "pan"
        for number, frame in enumerate([*frames, np.full_like(frames[0], 90)]):
            write_image(clip / f"{number}.png", frame)
    else:
        clip = tmp_path / "pan.webp"
    assert transfer(model, tmp_path / "out", "--image", FRAMES / "balancing.jpg", "--target-image", clip) == 0
    drawn = sorted(path.name for path in (tmp_path / "out").iterdir() if "skeleton" not in path.name)
    assert drawn == [f"pan_{number:04d}.png" for number in range(4)]
    assert ("1 frames without the person are left out" in capsys.readouterr().err) == (kind == "folder")


def test_person_counts_from_the_left(model, tmp_path):
    drawn = []
    for number in (0, 1):
        out = tmp_path / str(number)
        words = ("--image", FRAMES / "two.jpg", "--person", number, "--target-image", FRAMES / "jumping.jpg")
        assert transfer(model, out, *words) == 0
        drawn.append(np.asarray(Image.open(out / "jumping_skeleton.png")).nonzero()[1].mean())
    assert drawn[0] < drawn[1]  # the second person stands further right


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--image", "jumping.jpg"], "add --target-pose FILE.json or --target-image IMAGE"),
        (["--image", "jumping.jpg", "--target-image", "plain.png"], "found nobody; lower --threshold"),
        (["--image", "plain.png", "--target-image", "jumping.jpg"], "plain.png has no pose file beside it"),
        (
            ["--image", "jumping.jpg", "--person=-1", "--target-image", "two.jpg"],
            "expected person 0, the only one found, got -1",
        ),
        (
            ["--image", "two.jpg", "--person", "3", "--target-image", "jumping.jpg"],
            "expected person 0 to 2, counted from the left, got 3",
        ),
        (["--image", "two.jpg", "--target-image", "two.jpg", "--target-person", "7"], "counted from the left, got 7"),
        (["--image", "two.jpg", "--target-image", "no.jpg"], "no.jpg: no such file"),
        (["--image", "two.jpg", "--target-image", "two.jpg", "--threshold", "2"], "expected a number from 0 to 1"),
    ],
)
def test_transfer_says_who_was_not_found(model, tmp_path, capsys, monkeypatch, words, says):
    write_image(tmp_path / "plain.png", smooth_image(120, 160))
    for name in ("jumping.jpg", "two.jpg"):
        shutil.copy(FRAMES / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    try:
        assert transfer(model, tmp_path / "out", *words) == 2
    except SystemExit as stop:
        assert stop.code == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("dptn transfer: ") and says in line
    assert not (tmp_path / "out").exists()


def test_follow_person_stays_with_whoever_is_nearest_and_waits_where_nobody_is():
    size = (120, 160)
    canvas = Canvas(*size)
    left, right = person(size, (10, 20, 30, 60)), person(size, (70, 20, 40, 100))
    nearer = person(size, (14, 20, 30, 60))
    frames = [People((left, right), canvas), People((), canvas), People((right, nearer), canvas)]
    assert follow_person(frames, left) == [left, None, nearer]


# prepare and demo


def test_prepare_needs_nothing_but_photographs(tmp_path, capsys):
    for number, name in enumerate(("jumping", "walking", "crouching")):
        image = read_image(FRAMES / f"{name}.jpg")
        write_image(tmp_path / "me" / f"{number}.png", image)
    options = ("--size", "48x64", "--device", "cpu", "--least-keypoints", "6", "--test-share", "0")
    assert run("prepare", "folder", tmp_path / "me", "--out", tmp_path / "set", *options) == 0
    said = capsys.readouterr().out
    assert "train: 3 images, 6 pairs" in said
    assert run("prepare", "folder", tmp_path / "me", "--out", tmp_path / "bare", *options, "--detector", "none") == 2
    assert "no detector was chosen" in capsys.readouterr().err


def test_the_demo_finds_the_person_itself(model, tmp_path, monkeypatch):
    monkeypatch.setattr(samples, "STUDIO_POSE", tmp_path / "absent.json")
    assert run("demo", "--model", model, "--device", "cpu", "--out", tmp_path / "out") == 0
    assert (tmp_path / "out" / "photograph_strip.png").is_file()
    # in the wave that the figure takes as it is, the woman keeps her proportions
    (woman,) = detect_people(load_movenet(), read_image(samples.STUDIO)).people
    wave = load_pose_file(samples.FIGURE_TARGETS[0])[0].largest()
    (placed,) = retarget([wave], [woman])
    for name, pose in (("figure", wave), ("photograph", placed)):
        drawn = np.asarray(Image.open(tmp_path / "out" / f"{name}_{samples.FIGURE_TARGETS[0].stem}_skeleton.png"))
        np.testing.assert_array_equal(drawn, draw_skeleton(People((pose,), pose.canvas)))


# clips


def test_a_still_picture_is_a_clip_of_one_frame(tmp_path):
    write_image(tmp_path / "a.png", smooth_image(20, 30))
    assert not is_clip(tmp_path / "a.png")
    (frame,) = read_clip(tmp_path / "a.png")
    torch.testing.assert_close(frame, read_image(tmp_path / "a.png"))


def test_the_frames_of_an_animated_picture_come_in_order(tmp_path):
    frames = clip_of(tmp_path / "pan.webp")
    assert is_clip(tmp_path / "pan.webp")
    found = list(read_clip(tmp_path / "pan.webp"))
    assert len(found) == len(frames)
    for one, other in zip(found, frames, strict=True):
        assert np.abs(to_bytes(one).astype(int) - other).max() <= 1


def test_a_video_without_pyav_says_how_to_get_it(tmp_path, monkeypatch):
    def absent(name: str):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(clips, "import_module", absent)
    with pytest.raises(ImageError, match=r"dance\.mp4 is a video.*pip install av"):
        list(read_clip(tmp_path / "dance.mp4"))


def test_the_frames_of_a_video_filmed_upright_are_turned_upright(tmp_path, monkeypatch):
    lying = np.zeros((3, 5, 3), np.uint8)
    lying[0, 4] = 255  # the upper right corner, which one quarter turn counterclockwise brings to the upper left

    class Container:
        streams = SimpleNamespace(video=[0])
        decode = staticmethod(
            lambda video: [
                SimpleNamespace(rotation=90, to_ndarray=lambda format: lying),
                SimpleNamespace(to_ndarray=lambda format: lying),
            ]
        )
        __enter__ = lambda self: self  # noqa: E731
        __exit__ = lambda *_: None  # noqa: E731

    fake = SimpleNamespace(open=lambda path: Container(), error=SimpleNamespace(FFmpegError=OSError))
    monkeypatch.setattr(clips, "import_module", lambda name: fake)
    turned, as_it_is = read_clip(tmp_path / "telephone.mp4")
    assert turned.shape == (3, 5, 3) and turned[0, 0, 0] == 1 and turned.sum() == 3
    assert as_it_is.shape == (3, 3, 5) and as_it_is[0, 0, 4] == 1


def test_a_video_is_read_frame_by_frame(tmp_path):
    av = pytest.importorskip("av")
    with av.open(str(tmp_path / "clip.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for level in (30, 120, 220):
            image = np.full((48, 64, 3), level, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    levels = [float(frame.mean()) * 255 for frame in read_clip(tmp_path / "clip.mp4")]
    assert levels == pytest.approx([30, 120, 220], abs=6)
    (tmp_path / "broken.mp4").write_bytes(b"nothing")
    with pytest.raises(ImageError, match="cannot be read as a video"):
        list(read_clip(tmp_path / "broken.mp4"))
