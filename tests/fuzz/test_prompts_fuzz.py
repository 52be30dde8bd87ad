"""Prompts that no front end would send: each runs, or gets an error that names node and input."""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from comfy_host import Host, Rejected, Run
from fuzzing import seconds
from graphs import Graph

SCHEMAS = json.loads((Path(__file__).parents[1] / "nodes" / "schemas.json").read_text())
MIN_PROMPTS = 100  # however slow the machine is
# Where each socket gets what it wants: a node of `chain`, and its output.
WANTED = {
    "DPTN_MODEL": ("model", 0),
    "IMAGE": ("person", 0),
    "POSE_KEYPOINT": ("person", 1),
    "DPTN_SOURCE": ("source", 0),
    "DPTN_ATTENTION": ("drawn", 1),
    "MASK": ("mask", 0),
}


@dataclass(frozen=True)
class Odd:
    """What an input is given in place of what it wants."""

    value: Any
    way: (
        str  # "typed" into the prompt, as JSON along a "wire", or in "python", which tells ProbeSendPython what to send
    )
    wrong: bool  # certainly nothing that the input takes


@dataclass(frozen=True)
class Case:
    """One node and what is odd about its inputs."""

    node: str
    odd: dict[str, Odd] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()

    def graph(self) -> Graph:
        """The node behind a chain that gives it what it wants, but for what is odd."""
        graph = Graph()
        chain(graph)
        inputs: dict[str, Any] = {}
        for name, group, kind, shown in SCHEMAS[self.node]["inputs"]:
            if name in self.left_out:
                continue
            if name in self.odd:
                inputs[name] = sent(graph, self.odd[name])
            elif group == "required" or "default" in shown:
                inputs[name] = list(WANTED[kind]) if kind in WANTED else shown["default"]
        inputs |= {name: sent(graph, odd) for name, odd in self.odd.items() if name not in inputs}
        graph.prompt["case"] = {"class_type": self.node, "inputs": inputs}
        graph.add("PreviewAny", source=["case", 0])
        return graph


def chain(graph: Graph) -> None:
    """A transfer, under names that are the same in each prompt, so that the host keeps its results."""

    def add(name: str, kind: str, **inputs: Any) -> None:
        graph.prompt[name] = {"class_type": kind, "inputs": inputs}

    def defaults(kind: str) -> dict[str, Any]:
        return {name: shown["default"] for name, _, _, shown in SCHEMAS[kind]["inputs"] if "default" in shown}

    add("model", "DPTNLoadModel", model="starter", dtype="fp32")
    add("person", "DPTNSamplePerson", person="figure", figure_seed=0)
    add("mask", "ProbeSendMask", shape="[1, 8, 8]")
    wires = {"model": ["model", 0], "image": ["person", 0], "pose": ["person", 1]}
    add("source", "DPTNEncodeSource", **defaults("DPTNEncodeSource"), **wires)
    add("drawn", "DPTNTransferPose", **defaults("DPTNTransferPose"), source=["source", 0], pose=["person", 1])


def sent(graph: Graph, odd: Odd) -> Any:
    if odd.way == "typed":
        return odd.value
    kind = "ProbeSendPython" if odd.way == "python" else "ProbeSendAnything"
    return graph.out(graph.add(kind, text=json.dumps(odd.value)))


OBJECTS = ["object", "bytes", "latent", "function", "huge", "generator", "circle"]
FRAMES = ["latent", "numpy number", "numpy pose", "poses of tensors"]  # pose data, or objects without people
OTHERS = ["", "largest", "full", "none", "../x", "nan", "0", "True", "Largest "]


@dataclass(frozen=True)
class Maker:
    """Odd values by chance, the same ones for the same seed."""

    chance: Random

    def case(self) -> Case:
        node = self.chance.choice(sorted(SCHEMAS))
        inputs = {name: (kind, shown) for name, _, kind, shown in SCHEMAS[node]["inputs"]}
        names = self.chance.sample(sorted(inputs), min(len(inputs), self.chance.choice([1, 1, 2])))
        wrong = self.chance.random() < 0.5
        odd = {name: self.odd(name, *inputs[name], wrong=wrong) for name in names}
        if self.chance.random() < 0.03:
            odd["input_of_another_version"] = Odd(1, "wire", True)
        return Case(node, odd, frozenset(names[:1]) if self.chance.random() < 0.03 else frozenset())

    def odd(self, name: str, kind: str, shown: dict[str, Any], *, wrong: bool) -> Odd:
        """What an input may be given in place of what it wants."""
        if not wrong:
            return self.strange(kind)
        if self.chance.random() < 0.3 and kind not in ("IMAGE", "MASK"):
            return Odd(self.tensor(), "python", True)
        if self.chance.random() < 0.3:
            objects = [which for which in OBJECTS if kind != "POSE_KEYPOINT" or which not in FRAMES]
            return Odd({"object": self.chance.choice(objects)}, "python", True)
        return Odd(self.wrong(kind, shown), "wire", True)

    def wrong(self, kind: str, shown: dict[str, Any]) -> Any:
        """JSON that an input of this kind never takes."""
        if kind in ("INT", "FLOAT"):
            return self.chance.choice(
                [None, "abc", "3", [], [1], {"x": 1}, True, math.nan, math.inf, -math.inf, 10**30]
            )
        if kind == "BOOLEAN":
            return self.chance.choice([None, "true", [], {"x": 1}, 5, 0.5, math.nan])
        if kind == "STRING":
            return self.chance.choice([None, 5, 0.5, [], ["x"], {"x": 1}, True])
        if kind == "COMBO":
            texts = [text for text in OTHERS if text not in shown.get("options", OTHERS)]
            return self.chance.choice([None, 5, 0.5, [], ["full"], {"x": 1}, True, *texts])
        if kind == "POSE_KEYPOINT":
            return self.chance.choice([None, 5, 0.5, True, "", "x", [], [[]], [5], {"people": 5}, {"people": [[1]]}])
        return self.chance.choice([5, 0.5, "x", [], [1, 2], {"x": 1}, True, [{"people": []}]])

    def strange(self, kind: str) -> Odd:
        """Something that an input of this kind may take, or may not."""
        if self.chance.random() < 0.2:
            return Odd(self.chance.choice([0, 1, -1, 0.5, "", "x", 10**12, {"x": 1}, True, None]), "typed", False)
        if kind in ("IMAGE", "MASK"):
            return Odd(self.tensor(array=False), "python", False)
        if kind == "STRING":
            texts = [
                *OTHERS,
                "1,1; 20,30",
                "9,9",
                "-1,5",
                "a/b",
                "a\\b",
                "x" * 500,
                "\t",
                "日本",
                json.dumps(self.frames()),
            ]
            return Odd(self.chance.choice([*texts, json.dumps({"version": 2, "frames": self.frames()})]), "wire", False)
        if kind == "POSE_KEYPOINT":
            if self.chance.random() < 0.2:
                return Odd({"object": self.chance.choice(FRAMES)}, "python", False)
            return Odd(self.frames(), "wire", False)
        if kind == "BOOLEAN":
            return Odd(self.chance.random() < 0.5, "wire", False)
        return Odd(self.number(), "wire", False)

    def number(self) -> float:
        whole = [0, 1, 2, 3, 5, 7, 17, 100, 511, 1000, -1, -2, -100, 2**31, 2**63, -(2**63), 10**30]
        return self.chance.choice([*whole, 0.0, 3.0, 0.001, 0.5, -0.5, 1e-300, 1e308, -1e308])

    def tensor(self, *, array: bool | None = None) -> dict[str, Any]:
        size = self.chance.choice
        usual = [size([1, 1, 2]), size([1, 3, 64, 400]), size([1, 3, 64, 400]), size([1, 2, 3, 3, 4, 5])][
            : size([3, 4])
        ]
        shape = usual if self.chance.random() < 0.6 else [size([0, 1, 3, 8]) for _ in range(size(range(6)))]
        kinds = ["float32", "float32", "float16", "bfloat16", "float64", "uint8", "int64", "bool", "complex64"]
        found = {"shape": shape, "fill": size([0.0, 0.5, 1.0, -3.0, 300.0, math.nan, math.inf]), "dtype": size(kinds)}
        as_array = size([False, True]) if array is None else array
        return found | {"array": as_array and found["dtype"] != "bfloat16"}

    def frames(self) -> Any:
        """Pose data, well formed more or less."""
        each = [self.frame() for _ in range(self.chance.choice([0, 1, 1, 2, 3]))]
        return self.chance.choice([each, *each[:1]])

    def frame(self) -> dict[str, Any]:
        people = [{"pose_keypoints_2d": self.points()} for _ in range(self.chance.choice([0, 1, 1, 1, 2]))]
        side = [16, 256, 400, 1, 2.0, None, 0, -5, "x", 32768, 10**9]
        sides = self.chance.choice([{}, {"canvas_width": 300, "canvas_height": 400}, None])
        if sides is None:
            sides = {key: self.chance.choice(side) for key in ("canvas_width", "canvas_height")}
        return {"people": people} | sides

    def points(self) -> Any:
        count = self.chance.choice([54, 54, 54, 75, 51, 36, 10])
        scale = self.chance.choice([1, 100, 400, 1e5])
        points = [self.chance.random() * scale if place % 3 < 2 else self.chance.random() for place in range(count)]
        if self.chance.random() < 0.3:
            points[self.chance.randrange(count)] = self.chance.choice([None, "x", math.nan, 1e9, -1, True, []])
        return self.chance.choice([points, points, points, None, [0] * count, [5] * count, {}])


def test_prompts_that_no_front_end_would_send(host: Host) -> None:
    maker = Maker(Random(17))  # noqa: S311 - no secret
    failed: list[str] = []
    tried, end = 0, time.monotonic() + seconds("prompts")
    while tried < MIN_PROMPTS or time.monotonic() < end:
        tried += 1
        case = maker.case()
        graph = case.graph()
        try:
            run = host.wait(host.queue(graph.prompt, list(graph.prompt)[-1:]))
        except Rejected:
            continue  # the host itself saw that something is wrong
        try:
            check(run, case)
        except AssertionError as error:
            failed.append(f"{case}: {error}")
    assert not failed, f"{len(failed)} of {tried}:\n" + "\n".join(failed)


def check(run: Run, case: Case) -> None:
    wrong = [name for name, odd in case.odd.items() if odd.wrong]
    if run.error is None:
        assert not wrong, f"{wrong} went through"
        return
    found = next(message["data"] for message in run.messages if message["type"] == "execution_error")
    assert found["node_id"] == "case", found
    assert found["exception_type"].endswith("NodeError"), found
    node = SCHEMAS[case.node]["display_name"].split(" (")[0].removesuffix(" for ControlNet")
    assert run.error.startswith(node), run.error
    inputs = [name for name, *_ in SCHEMAS[case.node]["inputs"]]
    named = wrong if len(wrong) == len(case.odd) else [*inputs, *case.odd]
    assert any(f"'{name}'" in run.error for name in named), (named, run.error)
