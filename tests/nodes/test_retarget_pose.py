"""Retarget Pose on the real host, and Transfer Pose where it retargets."""

from __future__ import annotations

import numpy as np
import pytest
from graphs import STANDING, Graph, metadata, person, pose_frame, reported_pose, transfer_graph

from dptn_core.pose import Canvas, Pose
from dptn_core.pose.retargeting import retarget

HIPS, KNEES, ANKLES = [8, 11], [9, 12], [10, 13]
POINTS = np.array(STANDING, float)


def long_legged(scale: float = 1.0, shift: float = 0.0) -> list[list[float]]:
    """Somebody who stands like STANDING on legs a sixth longer."""
    points = POINTS.copy()
    points[KNEES + ANKLES] = points[[*HIPS, *HIPS]] + (points[KNEES + ANKLES] - points[[*HIPS, *HIPS]]) * 7 / 6
    return (points * scale + [shift, 0]).tolist()


def run_node(host, frames, source=None, graph=None, **inputs):
    """Run the node alone; what it sent as a pose, as images, and its error."""
    graph = graph or Graph()
    source_pose = graph.send_pose(source or [pose_frame([person(STANDING)])])
    node = graph.add("DPTNRetargetPose", pose=graph.send_pose(frames), source_pose=source_pose, **inputs)
    pose = graph.add("ProbeReportPose", pose=graph.out(node))
    images = graph.report(graph.out(node, 1))
    run = host.run(graph.prompt)
    if run.error is not None:
        return None, None, run.error
    return reported_pose(run, pose), metadata(run, images), None


def points_of(frame) -> np.ndarray:
    (one,) = frame["people"]
    return np.array(one["pose_keypoints_2d"]).reshape(18, 3)[:, :2]


def by_the_core(points, source=STANDING, size=(384, 512), **options) -> np.ndarray:
    """What the core makes of one pose, for somebody who stands on a canvas of 384 x 512."""
    target, own = (
        Pose(np.array(xy, float), np.ones(18), Canvas(*canvas)) for xy, canvas in ((points, size), (source, (384, 512)))
    )
    return retarget([target], [own], **options)[0].keypoints


def test_a_pose_gets_the_limbs_of_the_source_person(host):
    ((frame,), _, error) = run_node(host, [pose_frame([person(long_legged())])])
    assert error is None
    np.testing.assert_allclose(points_of(frame), by_the_core(long_legged()), atol=1e-3)
    before, after = (np.abs(one - POINTS).max() for one in (np.array(long_legged()), points_of(frame)))
    assert after < before


def test_strength_goes_from_the_poses_own_proportions_to_the_source_persons(host):
    legs = []
    for strength in (0.0, 0.5, 1.0):
        ((frame,), _, _) = run_node(host, [pose_frame([person(long_legged())])], strength=strength)
        np.testing.assert_allclose(points_of(frame), by_the_core(long_legged(), strength=strength), atol=1e-3)
        legs.append(np.hypot(*(points_of(frame)[ANKLES] - points_of(frame)[HIPS]).T).mean())
    assert legs[0] > legs[1] > legs[2]


def test_place_says_on_whose_canvas_and_how_large(host):
    large = long_legged(2, 100)
    frames = [pose_frame([person(large)], 900, 1100)]
    ((like_source,), preview, _) = run_node(host, frames)
    assert (like_source["canvas_width"], like_source["canvas_height"]) == (384, 512)
    assert preview["shape"] == [1, 512, 768, 3] and preview["high"] > 0.9
    np.testing.assert_allclose(points_of(like_source), by_the_core(large, size=(900, 1100)), atol=1e-3)
    ((as_is,), preview, _) = run_node(host, frames, place="as the pose is")
    assert (as_is["canvas_width"], as_is["canvas_height"]) == (900, 1100)
    assert preview["shape"] == [1, 512, 2 * 419, 3]
    np.testing.assert_allclose(points_of(as_is), by_the_core(large, size=(900, 1100), place="target"), atol=1e-3)


def test_one_person_is_tracked_and_frames_without_them_stay_empty(host):
    frames = []
    for number in range(6):
        two = [person(long_legged(0.5, 2 * number)), person(long_legged(0.5, 190 - 2 * number))]
        frames.append(pose_frame(two if number % 2 else two[::-1]))
    frames.insert(0, pose_frame([]))
    for choice, step in (("leftmost", 4), ("rightmost", -4)):  # the source person is twice as large
        found, preview, error = run_node(host, frames, person=choice)
        assert error is None, error
        assert [len(frame["people"]) for frame in found] == [0, 1, 1, 1, 1, 1, 1]
        assert preview["shape"][0] == 7
        middles = [points_of(frame)[HIPS].mean(0)[0] for frame in found[1:]]
        assert np.diff(middles) == pytest.approx([step] * 5, abs=0.01)


def test_the_source_person_is_the_one_that_is_chosen(host):
    other = long_legged(0.5, 190)
    source = [pose_frame([person(STANDING), person(other)])]
    for choice, own in (("leftmost", STANDING), ("rightmost", other)):
        ((frame,), _, error) = run_node(host, [pose_frame([person(STANDING)])], source, source_person=choice)
        assert error is None, error
        np.testing.assert_allclose(points_of(frame), by_the_core(STANDING, own), atol=1e-3)


def test_one_ratio_for_a_sequence_keeps_what_a_limb_does_in_it(host):
    """A knee that is lifted towards the camera shortens by the same fraction as before."""
    lifted = np.array(long_legged())
    lifted[ANKLES[0]] = lifted[KNEES[0]] + (lifted[ANKLES[0]] - lifted[KNEES[0]]) * 0.4
    found, _, error = run_node(host, [pose_frame([person(one)]) for one in (long_legged(), lifted.tolist())])
    assert error is None
    shins = [np.hypot(*(points_of(frame)[ANKLES[0]] - points_of(frame)[KNEES[0]])) for frame in found]
    assert shins[1] / shins[0] == pytest.approx(0.4, rel=0.01)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"frames": []}, ["input 'pose'", "holds no frame"]),
        ({"source": [pose_frame([])]}, ["input 'source_pose'", "no person"]),
        ({"frames": [pose_frame([person(STANDING)]), pose_frame([person(STANDING)], 99, 99)]}, ["384x512, 99x99"]),
        ({"person": "2nd from left"}, ["input 'pose'", "Choose another 'person'"]),
        ({"source_person": "2nd from left"}, ["input 'source_pose'", "Choose another 'source_person'"]),
        (
            {"source": [pose_frame([person([[x / 384, y / 512] for x, y in STANDING])], None)]},
            ["input 'source_pose': expected a canvas", "such as Extract Pose"],
        ),
    ],
)
def test_bad_input_is_refused_with_a_way_out(host, changed, says):
    changed = {"frames": [pose_frame([person(STANDING)])]} | changed
    _, _, error = run_node(host, changed.pop("frames"), changed.pop("source", None), **changed)
    assert error is not None and error.startswith("Retarget Pose, input '"), error
    assert all(one in error for one in says), error


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("place", '"nowhere"', "input 'place': expected 'like the source' or 'as the pose is', got 'nowhere'"),
        ("strength", "1.5", "input 'strength': expected 0 to 1, got 1.5"),
        ("strength", "NaN", "input 'strength': expected 0 to 1, got nan"),
        ("strength", '"half"', "input 'strength': expected 0 to 1, got 'half'"),
        ("person", '"tallest"', "input 'person': expected 'largest', "),
    ],
)
def test_values_that_come_along_a_wire_are_checked(host, name, text, said):
    graph = Graph()
    anything = graph.out(graph.add("ProbeSendAnything", text=text))
    _, _, error = run_node(host, [pose_frame([person(STANDING)])], **{name: anything}, graph=graph)
    assert error is not None and error.startswith(f"Retarget Pose, {said}"), error


def test_a_pose_without_a_canvas_is_read_on_that_of_the_source(host):
    fractions = [[x / 384, y / 512] for x, y in STANDING]
    ((frame,), _, error) = run_node(host, [pose_frame([person(fractions)], None)])
    assert error is None, error
    np.testing.assert_allclose(points_of(frame), POINTS, atol=1e-3)


def transferred(host, target, size_and_place):
    graph = Graph()
    graph, nodes = transfer_graph(target(graph), graph)
    graph.prompt[nodes["drawn"]]["inputs"]["size_and_place"] = size_and_place
    run = host.run(graph.prompt)
    assert run.error is None, run.error
    return np.stack([host.image(one).astype(int) for one in run.outputs[nodes["drawn"]]["images"]])


def test_transfer_pose_retargets_as_the_node_does(host):
    """Frames on canvases of any size too, since the source says where they go."""

    def frames(graph):
        large = pose_frame([person(long_legged(2, 100))], 900, 1100)
        return graph.send_pose([large, pose_frame([person(long_legged(2, 130))], 900, 1100)])

    def by_the_node(graph):
        source_pose = graph.out(graph.add("DPTNSamplePerson"), 1)
        return graph.out(graph.add("DPTNRetargetPose", pose=frames(graph), source_pose=source_pose))

    retargeted = transferred(host, frames, "retargeted to the source")
    assert retargeted.shape == (2, 512, 384, 3)
    assert abs(retargeted - transferred(host, by_the_node, "as the pose is")).mean() < 0.01
    assert abs(retargeted - transferred(host, frames, "like the source")).mean() > 0.5


def test_somebody_seen_from_behind_stays_so_where_asked(host):
    back = Pose(POINTS, np.ones(18), Canvas(384, 512)).with_sides_swapped().keypoints.tolist()
    source = [pose_frame([person(back)])]
    turned, kept = (
        points_of(run_node(host, [pose_frame([person(STANDING)])], source, facing=facing)[0][0])
        for facing in ("like the source", "as the pose is")
    )
    right, left = 2, 5
    assert turned[left, 0] < turned[right, 0] and kept[left, 0] > kept[right, 0]
