"""The built-in pose detector: the published network's numbers, real frames, awkward images, sequences of frames."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from dptn_core import samples
from dptn_core.data.synthetic.figures import draw_pairs, pair_seeds
from dptn_core.detection import DetectionError, detect_frames, detect_people, load_movenet
from dptn_core.detection.crops import Square, cut, square_around, turned_back
from dptn_core.detection.external import ExtractionError
from dptn_core.detection.movenet import central_person
from dptn_core.image_io import read_image
from dptn_core.pose import KEYPOINT_NAMES, Pose, load_pose_file

FRAMES = Path(__file__).parent / "frames"
JOINTS = json.loads((FRAMES / "joints.json").read_text())
REFERENCE = json.loads((FRAMES / "reference.json").read_text())
TORSO = [KEYPOINT_NAMES.index(f"{side}_{joint}") for joint in ("shoulder", "hip") for side in ("left", "right")]
EMPTY = (  # what scikit-image ships that shows nobody
    *("brick.png", "cell.png", "chelsea.png", "chessboard_GRAY.png", "clock_motion.png", "coffee.png", "coins.png"),
    *("color.png", "grass.png", "gravel.png", "horse.png", "hubble_deep_field.jpg", "ihc.png", "logo.png"),
    *("microaneurysms.png", "moon.png", "motorcycle_left.png", "page.png", "retina.jpg", "rocket.jpg"),
)


@pytest.fixture(scope="module")
def network():
    return load_movenet()


@pytest.fixture
def counted(network):
    """The network, and a list that grows by the number of images of each run of it."""
    runs: list[int] = []
    hook = network.register_forward_pre_hook(lambda _, inputs: runs.append(len(inputs[0])))
    yield network, runs
    hook.remove()


def frame_image(name: str) -> Tensor:
    return read_image(FRAMES / name)


def torso(pose: Pose) -> float:
    shoulders, hips = pose.keypoints[TORSO[:2]].mean(axis=0), pose.keypoints[TORSO[2:]].mean(axis=0)
    return float(np.hypot(*(shoulders - hips)))


@pytest.mark.parametrize("name", REFERENCE)
def test_answers_what_the_tensorflow_js_release_answers(network, name):
    with torch.inference_mode():
        found = central_person(network(frame_image(f"reference_{name}.png")[None])).numpy()
    y_x_score = np.array(REFERENCE[name])
    assert np.abs(found[:, [1, 0]] / 256 - y_x_score[:, :2]).max() < 1e-3
    assert np.abs(found[:, 2] - y_x_score[:, 2]).max() < 1e-3


# Bystanders: a woman behind the man who balances, and one at the edge of the frame with two people.
COUNTS = {"balancing": 2, "two": 3}


@pytest.mark.parametrize("name", JOINTS)
def test_finds_every_joint_that_is_beyond_doubt_on_real_frames(network, name):
    people = detect_people(network, frame_image(f"{name}.jpg")).people
    assert len(people) == COUNTS.get(name, 1)
    for joints in JOINTS[name]:
        numbers = [KEYPOINT_NAMES.index(joint) for joint in joints]
        places = np.array(list(joints.values()))
        pose = min(people, key=lambda one: np.median(np.hypot(*(one.keypoints[numbers] - places).T)))
        for joint, number, xy in zip(joints, numbers, places, strict=True):
            assert pose.present[number], f"{joint} was not found"
            assert np.hypot(*(pose.keypoints[number] - xy)) < 0.2 * torso(pose), joint


def test_finds_the_astronaut_where_a_person_placed_her_joints(network):
    (pose,) = detect_people(network, read_image(samples.PHOTOGRAPH)).people
    by_hand = load_pose_file(samples.PHOTOGRAPH_POSE)[0].largest()
    sure = ("nose", "neck", "right_shoulder", "left_shoulder", "right_eye", "left_eye", "right_ear", "left_ear")
    for joint in (*sure, "right_elbow"):
        number = KEYPOINT_NAMES.index(joint)
        assert np.hypot(*(pose.keypoints[number] - by_hand.keypoints[number])) < 0.2 * torso(by_hand), joint


def test_finds_drawn_figures(network):
    pairs = draw_pairs(pair_seeds(5, 0, 10), (256, 192))
    hits = []
    for image, ground_truth, present in zip(
        (pairs.source + 1) / 2, pairs.source_keypoints.numpy(), pairs.source_present.numpy(), strict=True
    ):
        people = detect_people(network, image, threshold=0).people
        length = np.hypot(*(ground_truth[TORSO[:2]].mean(axis=0) - ground_truth[TORSO[2:]].mean(axis=0)))
        errors = [np.hypot(*(pose.keypoints - ground_truth).T)[present > 0] / length for pose in people]
        hits.extend(min(errors, key=np.median) < 0.2 if errors else np.zeros(int((present > 0).sum()), bool))
    assert np.mean(hits) > 0.85


def test_finds_at_most_one_person_on_twenty_images_of_nobody(network):
    data = Path(pytest.importorskip("skimage").__file__).parent / "data"
    assert sum(len(detect_people(network, read_image(data / name)).people) for name in EMPTY) <= 1


def test_finds_a_bystander_beside_somebody_who_fills_the_middle(network):
    """The network's centre map shows but one of them; `balancing.jpg` has a woman behind the man."""
    people = detect_people(network, frame_image("balancing.jpg")).people
    assert len(people) == 2
    assert np.hypot(*(people[1].keypoints[0] - (318, 83))) < 12  # her nose


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_finds_people_in_images_that_lie_on_their_side_or_stand_on_their_head(network, turns):
    upright = frame_image("jumping.jpg")
    (expected,) = detect_people(network, upright).people
    (found,) = detect_people(network, torch.rot90(upright, turns, (1, 2))).people
    back = turned_back(found.keypoints, turns, upright.shape[2], upright.shape[1])
    both = expected.present & found.present
    assert both.sum() >= 16
    assert np.median(np.hypot(*(back - expected.keypoints).T)[both]) < 0.1 * torso(expected)


@pytest.mark.parametrize("height", [32, 3000])
def test_finds_the_same_in_tiny_and_in_huge_images(network, height):
    usual = frame_image("jumping.jpg")
    scale = height / usual.shape[1]
    size = height, round(usual.shape[2] * scale)
    other = torch.nn.functional.interpolate(usual[None], size, mode="bilinear", antialias=True)[0]
    (expected,) = detect_people(network, usual).people
    (found,) = detect_people(network, other).people
    both = expected.present & found.present
    assert both.sum() >= 14
    assert np.median(np.hypot(*(found.keypoints / scale - expected.keypoints).T)[both]) < 0.1 * torso(expected)


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (900, 1), (33, 31)])
def test_images_too_odd_to_show_anybody_show_nobody(network, size):
    assert detect_people(network, torch.full((3, *size), 0.5)).people == ()


def test_a_portrait_that_fills_the_image_is_found(network):
    face = read_image(samples.PHOTOGRAPH)[:, 20:200, 130:330]
    (pose,) = detect_people(network, face).people
    assert pose.present[[KEYPOINT_NAMES.index(name) for name in ("nose", "left_eye", "right_eye")]].all()


def test_keypoints_carry_their_confidence_and_the_neck_that_of_the_worse_shoulder(network):
    (pose,) = detect_people(network, frame_image("walking.jpg"), threshold=0).people
    neck, right, left = pose.keypoints[1], pose.keypoints[2], pose.keypoints[5]
    assert neck == pytest.approx((right + left) / 2, abs=0.11)  # rounded to a tenth of a pixel
    assert pose.confidence[1] == pytest.approx(min(pose.confidence[2], pose.confidence[5]))
    assert len(set(pose.confidence.round(6))) > 10 and pose.confidence.max() < 1


def test_the_threshold_leaves_out_what_is_less_sure(network):
    image = frame_image("walking.jpg")
    (everything,) = detect_people(network, image, threshold=0).people
    (some,) = detect_people(network, image, threshold=0.7).people
    assert (some.present == (everything.confidence >= 0.7)).all()
    assert 0 < some.present.sum() < everything.present.sum()
    assert detect_people(network, image, threshold=1).people == ()


def test_nothing_is_said_of_places_beyond_the_image(network):
    image = frame_image("jumping.jpg")[:, :300]  # the feet are cut off
    (pose,) = detect_people(network, image, threshold=0).people
    assert (pose.keypoints >= 0).all() and (pose.keypoints <= (image.shape[2], image.shape[1])).all()
    assert not pose.present[KEYPOINT_NAMES.index("left_ankle")] or pose.confidence[13] < 0.3


def moving(name: str, count: int, step: int) -> list[Tensor]:
    """Frames of a camera that pans."""
    image = frame_image(name)
    return [image[:, :, step * number : image.shape[2] - step * (count - 1 - number)] for number in range(count)]


def test_a_tracked_frame_takes_one_run_a_person_and_finds_the_same(counted):
    network, runs = counted
    frames = moving("jumping.jpg", 4, 3)
    iterator = detect_frames(network, frames)
    next(iterator)
    first = sum(runs)
    followed = list(iterator)
    assert first > 3 and sum(runs) == first + 3
    for frame, people in zip(frames[1:], followed, strict=True):
        (alone,) = detect_people(network, frame).people
        both = alone.present & people.people[0].present
        assert np.median(np.hypot(*(alone.keypoints - people.people[0].keypoints).T)[both]) < 0.05 * torso(alone)


def test_a_cut_to_another_image_of_the_same_size_is_looked_at_as_a_whole(network):
    two = frame_image("two.jpg")
    one = torch.nn.functional.interpolate(frame_image("jumping.jpg")[None], tuple(two.shape[1:]))[0]
    counts = [len(people.people) for people in detect_frames(network, [one, two, one])]
    assert counts == [1, 3, 1]


def test_somebody_who_leaves_is_not_followed_into_nothing(network):
    there = frame_image("jumping.jpg")
    gone = there.mean(dim=(1, 2), keepdim=True).expand_as(there)
    assert [len(people.people) for people in detect_frames(network, [there, gone, there])] == [1, 0, 1]


def test_a_newcomer_is_found_within_a_second(network):
    two = frame_image("two.jpg")
    alone = two.clone()
    alone[:, 230:] = two[:, 230:].mean()  # the nearer person is not there yet
    counts = [len(people.people) for people in detect_frames(network, [alone, alone, *[two] * 14])]
    assert counts[:2] == [2, 2] and counts[-1] == 3


def test_what_check_raises_ends_the_detection(network):
    def stop() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        detect_people(network, frame_image("jumping.jpg"), check=stop)


def test_bad_input_is_refused_in_words(network, tmp_path):
    with pytest.raises(DetectionError, match=r"0 to 1, got 1\.5"):
        detect_people(network, frame_image("jumping.jpg"), threshold=1.5)
    with pytest.raises(ExtractionError, match="divide by 255"):
        detect_people(network, torch.zeros(3, 64, 64, dtype=torch.uint8))
    with pytest.raises(DetectionError, match=r"absent\.safetensors.*install this package again"):
        load_movenet(path=tmp_path / "absent.safetensors")
    (tmp_path / "short.safetensors").write_bytes(b"x" * 40)
    with pytest.raises(DetectionError, match=r"short\.safetensors"):
        load_movenet(path=tmp_path / "short.safetensors")
    with pytest.raises(ValueError, match="multiples of 32"):
        network(torch.zeros(1, 3, 64, 40))


def test_a_square_is_cut_out_upright_and_black_beyond_the_image():
    image = torch.zeros(3, 40, 60)
    image[:, 10:20, 50:60] = 1
    whole = cut(image, Square(50, 10, 20), 20)
    assert whole[0, :10, :10].min() == 1 and whole[0, 10:].max() == 0 and whole[0, :, 10:].max() == 0
    turned = cut(image, Square(50, 10, 20, turns=1), 20)
    assert torch.equal(turned, torch.rot90(whole, 1, (1, 2)))
    assert cut(image, Square(500, 500, 20), 20).max() == 0


@pytest.mark.parametrize(("direction", "turns"), [((0, 1), 0), ((-1, 0), 1), ((0, -1), 2), ((1, 0), 3)])
def test_the_square_stands_the_trunk_upright(direction, turns):
    points = np.zeros((17, 3))
    points[:, 2] = 1
    points[:, :2] = 100
    points[11:, :2] += 50 * np.array(direction)
    square = square_around(points)
    assert square is not None and square.turns == turns


def test_a_square_is_not_put_around_next_to_nothing():
    points = np.zeros((17, 3))
    points[:2, 2] = 1
    assert square_around(points) is None


def test_the_weights_are_small_and_name_where_they_are_from():
    from safetensors import safe_open

    from dptn_core.detection import MOVENET

    assert MOVENET.stat().st_size < 13e6
    with safe_open(MOVENET, "pt") as file:
        about = file.metadata()
        assert {file.get_tensor(name).dtype for name in file.keys()} == {torch.float16}  # noqa: SIM118
    assert "human-models 3.0.4" in about["source"] and "Apache-2.0" in about["licence"]
    notice = (Path(__file__).parents[3] / "NOTICE").read_text()
    assert "movenet-thunder.safetensors" in notice and "human-models 3.0.4" in notice


def test_the_picture_may_come_from_pillow(network):
    from dptn_core.image_io import to_image

    image = to_image(Image.open(FRAMES / "jumping.jpg"))
    assert len(detect_people(network, image).people) == 1
