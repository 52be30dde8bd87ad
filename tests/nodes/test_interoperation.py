"""POSE_KEYPOINT of other packs, in every variant, and the strict form on the way out."""

from __future__ import annotations

import pytest
from graphs import STANDING, Graph, metadata, person, pose_frame, reported_pose, transfer_graph

EMPTY_HAND, EMPTY_FACE = [0.0] * 63, [0.0] * 210


def normalised() -> list[list[float]]:
    return [[x / 384, y / 512] for x, y in STANDING]


def coco(score: float = 1.0) -> list[float]:
    """STANDING as COCO-17."""
    order = (0, 15, 14, 17, 16, 5, 2, 6, 3, 7, 4, 11, 8, 12, 9, 13, 10)
    return [value for index in order for value in (*STANDING[index], score)]


def body_25() -> list[float]:
    middle = [(STANDING[8][0] + STANDING[11][0]) / 2, (STANDING[8][1] + STANDING[11][1]) / 2]
    points = [*STANDING[:8], middle, *STANDING[8:18], *([[200, 445]] * 6)]
    return [value for point in points for value in (*point, 0.9)]


def missing(mark: list[float]) -> dict[str, object]:
    points = [[*point, 1.0] for point in STANDING]
    points[4] = mark
    return pose_frame([person(points)])


STANDING_PERSON = person(STANDING)
VARIANTS = {
    "strict": [
        pose_frame(
            [
                STANDING_PERSON
                | {
                    "hand_left_keypoints_2d": EMPTY_HAND,
                    "hand_right_keypoints_2d": EMPTY_HAND,
                    "face_keypoints_2d": EMPTY_FACE,
                }
            ]
        )
    ],
    "a bare dict": pose_frame([STANDING_PERSON]),
    "parts None": [
        pose_frame([STANDING_PERSON | {"hand_left_keypoints_2d": None, "face_keypoints_2d": None}]),
    ],
    "normalised": [pose_frame([person(normalised())])],
    "normalised without canvas": [pose_frame([person(normalised())], None)],
    "real scores": [pose_frame([person([[*point, 0.31 + number / 40] for number, point in enumerate(STANDING)])])],
    "BODY_25": [pose_frame([{"pose_keypoints_2d": body_25()}])],
    "COCO-17": [pose_frame([{"pose_keypoints_2d": coco()}])],
    "feet and animals beside": [
        pose_frame([STANDING_PERSON | {"foot_keypoints_2d": [0.0] * 18}]) | {"animals": [], "version": "x"}
    ],
}


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_is_read_and_leaves_in_the_strict_form(host, name):
    graph = Graph()
    pose = graph.send_pose(VARIANTS[name])
    graph, nodes = transfer_graph(pose, graph)
    image = graph.report(graph.out(nodes["drawn"]))
    edited = graph.add("DPTNEditSkeleton", pose=pose)
    out = graph.add("ProbeReportPose", pose=graph.out(edited))
    run = host.run(graph.prompt)
    assert run.error is None
    assert metadata(run, image)["shape"] == [1, 512, 384, 3]
    (frame,) = reported_pose(run, out)
    (body,) = frame["people"]
    assert (frame["canvas_width"], frame["canvas_height"]) == (384, 512)
    assert set(body) >= {
        "pose_keypoints_2d",
        "face_keypoints_2d",
        "hand_left_keypoints_2d",
        "hand_right_keypoints_2d",
    }
    assert [len(body[part]) for part in ("pose_keypoints_2d", "hand_left_keypoints_2d", "face_keypoints_2d")] == [
        54,
        63,
        210,
    ]
    numbers = body["pose_keypoints_2d"]
    assert all(isinstance(value, float) for value in numbers)
    scores = {"real scores": [0.31 + number / 40 for number in range(18)], "BODY_25": [0.9] * 18}
    assert numbers[2::3] == pytest.approx(scores.get(name, [1.0] * 18))
    expected = [v for point in STANDING for v in point]
    found = [v for index in range(18) for v in numbers[3 * index : 3 * index + 2]]
    assert max(abs(a - b) for a, b in zip(expected, found, strict=True)) < 1.5


@pytest.mark.parametrize("mark", [[0.0, 0.0, 0.0], [-1.0, -1.0, 0.0], [136.0, 240.0, 0.0]])
def test_missing_joints_in_every_spelling(host, mark):
    graph = Graph()
    skeleton = graph.add("DPTNEditSkeleton", pose=graph.send_pose([missing(mark)]))
    out = graph.add("ProbeReportPose", pose=graph.out(skeleton))
    numbers = reported_pose(host.run(graph.prompt), out)[0]["people"][0]["pose_keypoints_2d"]
    assert numbers[12:15] == [0.0, 0.0, 0.0]
    assert numbers[2::3].count(1.0) == 17


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ([], "holds no frame"),
        ([pose_frame([])], "there is no person"),
        ([{"animals": [[1, 2, 3]], "canvas_width": 64, "canvas_height": 64, "version": "ap10k"}], "there is no person"),
        ("not a pose", "pose"),
        ([pose_frame([{"pose_keypoints_2d": [1.0, 2.0]}])], "pose_keypoints_2d"),
        ([pose_frame([person([[0.0, 0.0, 0.0]] * 14 + [[10.0, 10.0, 1.0]] * 4)])], "within"),
        (None, "pose"),
    ],
)
def test_empty_and_broken_pose_data_gets_an_error_that_names_block_and_input(host, document, said):
    graph = Graph()
    graph, _ = transfer_graph(graph.send_pose(document), graph)
    error = host.run(graph.prompt).error
    assert error is not None
    assert "Transfer Pose, input 'pose'" in error and said in error
    assert "Traceback" not in error


def test_the_person_is_chosen_by_place_not_by_order(host):
    people = [person([[x * 0.5 + left, y * 0.5 + 120] for x, y in STANDING]) for left in (200, 0, 400)]
    heights = {}
    for choice in ("leftmost", "2nd from left", "rightmost"):
        graph = Graph()
        pose = graph.send_pose([pose_frame(people, 600, 512)])
        graph, nodes = transfer_graph(pose, graph)
        graph.prompt[nodes["drawn"]]["inputs"]["person"] = choice
        run = host.run(graph.prompt)
        drawn = host.image(run.outputs[nodes["drawn"]]["images"][0]).astype(int)
        dark = drawn.min(2) < 128
        heights[choice] = float(dark.nonzero()[1].mean())
    assert heights["leftmost"] < heights["2nd from left"] - 100 < heights["rightmost"] - 200


def test_a_choice_beyond_those_who_are_there_is_said_so(host):
    graph = Graph()
    graph, nodes = transfer_graph(None, graph)
    graph.prompt[nodes["drawn"]]["inputs"]["person"] = "3rd from left"
    error = host.run(graph.prompt).error
    assert "there is no person '3rd from left': the frame has 1" in error


def test_canvases_that_differ_from_the_picture(host):
    twice = [pose_frame([person([[2 * x, 2 * y] for x, y in STANDING])], 768, 1024)]
    graph = Graph()
    person_node = graph.add("DPTNSamplePerson", person="photograph (astronaut)")
    graph, nodes = transfer_graph(None, graph, image=graph.out(person_node), pose=graph.send_pose(twice))
    error = host.run(graph.prompt).error
    assert "Encode Source, input 'pose'" in error and "768x1024" in error and "512x512" in error

    graph = Graph()  # the same proportions are the same image at another size
    graph, nodes = transfer_graph(graph.send_pose(twice), graph, pose=graph.send_pose(twice))
    report = graph.report(graph.out(nodes["drawn"]))
    assert metadata(host.run(graph.prompt), report)["shape"] == [1, 1024, 768, 3]


def test_a_sequence_without_canvas_shares_one_and_is_not_distorted(host):
    frames = [pose_frame([person([[2 * x + 40 * number, 2 * y] for x, y in STANDING])], None) for number in range(3)]
    graph = Graph()
    block = graph.add("DPTNEditSkeleton", pose=graph.send_pose(frames))
    out = graph.add("ProbeReportPose", pose=graph.out(block))
    drawn = graph.add("DPTNDrawSkeleton", pose=graph.send_pose(frames))
    report = graph.report(graph.out(drawn))
    run = host.run(graph.prompt)
    assert run.error is None, run.error
    noses = [frame["people"][0]["pose_keypoints_2d"][:2] for frame in reported_pose(run, out)]
    assert noses == [[384.0, 140.0], [424.0, 140.0], [464.0, 140.0]]
    assert metadata(run, report)["shape"][0] == 3


def test_shares_of_an_unknown_canvas_cannot_be_drawn_without_a_size(host):
    graph = Graph()
    graph.report(graph.out(graph.add("DPTNDrawSkeleton", pose=graph.send_pose(VARIANTS["normalised without canvas"]))))
    error = host.run(graph.prompt).error
    assert "Draw Skeleton, input 'pose'" in error and "'width' and 'height'" in error
