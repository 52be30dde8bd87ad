"""Prompts in the host's API form, built link by link."""

from __future__ import annotations

import json
from typing import Any

Prompt = dict[str, dict[str, Any]]
Link = list[Any]

DEFAULTS: dict[str, dict[str, Any]] = {
    "DPTNLoadModel": {"model": "starter", "dtype": "fp32"},
    "DPTNSamplePerson": {"person": "figure", "figure_seed": 0},
    "DPTNLoadPerson": {"photograph": "sample: studio"},
    "DPTNExtractPose": {
        "detector": "built in",
        "people": "everybody",
        "threshold": 0.2,
        "missing_weights": "stop with an error",
    },
    "DPTNCleanPoses": {
        "people": "everybody",
        "threshold": 0.2,
        "reject_outliers": True,
        "longest_gap": 12,
        "smoothing": 9,
        "keep_limb_lengths": True,
    },
    "DPTNConvertPose": {"threshold": 0.3, "person": "largest", "width": 0, "height": 0, "scores": False},
    "DPTNRetargetPose": {
        "strength": 1.0,
        "place": "like the source",
        "person": "largest",
        "source_person": "largest",
    },
    "DPTNPersonMask": {"person": "everybody"},
    "DPTNEditSkeleton": {"width": 384, "height": 512, "edited": ""},
    "DPTNDrawSkeleton": {"width": 0, "height": 0, "style": "OpenPose", "thickness": 1.0},
    "DPTNLoadPose": {"file": "sample: wave"},
    "DPTNSavePose": {"filename_prefix": "poses/test"},
    "DPTNEncodeSource": {"person": "largest", "framing": "as the model was trained", "working_height": 0},
    "DPTNTransferPose": {
        "person": "largest",
        "size_and_place": "as the pose is",
        "when_nobody": "stop with an error",
        "poses_at_once": 8,
    },
    "DPTNAttentionPreview": {"joint": "all joints", "points": "", "picture": 0, "layer": -1, "head": -1},
}


class Graph:
    """A prompt under construction; `add` returns the new node's id, `out` a link to one of its outputs."""

    def __init__(self) -> None:
        self.prompt: Prompt = {}

    def add(self, kind: str, /, **inputs: Any) -> str:
        name = str(len(self.prompt) + 1)
        self.prompt[name] = {"class_type": kind, "inputs": DEFAULTS.get(kind, {}) | inputs}
        return name

    @staticmethod
    def out(node: str, slot: int = 0) -> Link:
        return [node, slot]

    def send_pose(self, document: object) -> Link:
        """Any object on a POSE_KEYPOINT wire, as another pack would send it."""
        return self.out(self.add("ProbeSendPose", text=json.dumps(document)))

    def report(self, image: Link) -> str:
        return self.add("ProbeReportImages", image=image)


def transfer_graph(
    target: Link | None = None, graph: Graph | None = None, **encode: Any
) -> tuple[Graph, dict[str, str]]:
    """The shortest pose transfer; `target` replaces the shipped one. Returns the graph and its nodes by role."""
    graph = graph or Graph()
    model = graph.add("DPTNLoadModel")
    person = graph.add("DPTNSamplePerson")
    if target is None:
        target = graph.out(graph.add("DPTNLoadPose"))
    inputs = {"model": graph.out(model), "image": graph.out(person), "pose": graph.out(person, 1)} | encode
    source = graph.add("DPTNEncodeSource", **inputs)
    drawn = graph.add("DPTNTransferPose", source=graph.out(source), pose=target)
    return graph, {"model": model, "person": person, "source": source, "drawn": drawn}


def metadata(run: Any, node: str) -> dict[str, Any]:
    """What ProbeReportImages said."""
    result: dict[str, Any] = json.loads(run.outputs[node]["facts"][0])
    return result


def reported_pose(run: Any, node: str) -> Any:
    """What ProbeReportPose said."""
    return json.loads(run.outputs[node]["pose"][0])


def person(points: list[list[float]], **parts: Any) -> dict[str, Any]:
    """A person of OpenPose JSON from 18 points of two or three numbers."""
    flat = [value for point in points for value in (point if len(point) == 3 else [*point, 1.0])]
    return {"pose_keypoints_2d": flat, **parts}


# Somebody standing, 18 points on a canvas of 384 x 512.
STANDING = [
    *([192, 70], [192, 112], [152, 112], [140, 180], [136, 240], [232, 112], [244, 180], [248, 240]),
    *([168, 240], [164, 340], [162, 435], [216, 240], [220, 340], [222, 435]),
    *([184, 62], [200, 62], [174, 68], [210, 68]),
]


def pose_frame(people: list[dict[str, Any]], width: int | None = 384, height: int | None = 512) -> dict[str, Any]:
    """A frame of POSE_KEYPOINT."""
    frame: dict[str, Any] = {"people": people}
    return frame if width is None else frame | {"canvas_width": width, "canvas_height": height}
