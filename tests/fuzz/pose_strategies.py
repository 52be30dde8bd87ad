"""Pose documents that are nearly right, for hypothesis: what producers write, with odd values in odd places."""

from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import strategies as st

from tools.pose_documents import FILE

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
ODD = JSON | st.sampled_from([1e300, -1e300, 10**400, 1e6, -1e6, 1_000_001, [[]], {"toString": 1, "valueOf": 1}, "1"])


def mostly(usual: st.SearchStrategy[Any], odd: st.SearchStrategy[Any] = ODD) -> st.SearchStrategy[Any]:
    """One in sixteen is odd."""
    return st.integers(0, 15).flatmap(lambda number: odd if number == 7 else usual)


PIXELS = st.integers(-2000, 80_000).map(lambda hundredths: hundredths / 100)
FRACTION = st.integers(-200, 1600).map(lambda thousandths: thousandths / 1000)
SCORE = st.sampled_from([1, 1.0, 0, 0.5, 2, 0.02, -1, None])
GAP = st.sampled_from([(0, 0, 0), (-1, -1, 1), (5, 6, 0), (None, None, None), (0, 0, 1)])


@st.composite
def numbers(draw: st.DrawFn, counts: list[tuple[int, int]]) -> Any:
    """A flat list of one of the lengths (points, numbers of a point) that a part may have."""
    points, each = draw(st.sampled_from(counts))
    unit = draw(st.sampled_from([PIXELS, PIXELS, FRACTION, st.floats(allow_nan=False, width=32)]))
    # a few points, repeated: what matters is not how many differ
    some = draw(st.lists(st.tuples(unit, unit, SCORE) | GAP, min_size=1, max_size=5))
    flat = [value for index in range(points) for value in some[index % len(some)][:each]]
    if draw(st.integers(0, 9)) == 7:
        flat[draw(st.integers(0, len(flat) - 1))] = draw(ODD)
    return flat


PARTS: dict[str, Any] = {
    "pose": numbers([(18, 3), (18, 2), (25, 3), (17, 3)]),
    "hand_left": numbers([(21, 3), (21, 2)]),
    "hand_right": numbers([(21, 3), (21, 2)]),
    "face": numbers([(70, 3), (68, 3), (70, 2)]),
    "foot": numbers([(6, 3), (6, 2)]),
}
SIDE = mostly(st.integers(1, 700) | st.sampled_from([1, 15, 16, 384, 512, 512.0, 32768, 32769, 0, None]))


@st.composite
def persons(draw: st.DrawFn) -> Any:
    """Somebody with a body, and some other parts."""
    person = {}
    for part, flat in PARTS.items():
        if part == "pose" or draw(st.integers(0, 4)) == 3:
            suffix = draw(st.sampled_from(["_keypoints_2d"] * 3 + ["_keypoints"]))
            person[part + suffix] = draw(mostly(flat, ODD | st.just([])))
    if draw(st.integers(0, 9)) == 7:
        person |= draw(st.dictionaries(st.text(max_size=5), JSON, max_size=2))
    return person


@st.composite
def frames(draw: st.DrawFn) -> Any:
    """One image."""
    frame: dict[str, Any] = {"people": draw(mostly(st.lists(mostly(persons()), max_size=2)))}
    if draw(st.booleans()):
        frame |= {"canvas_width": draw(SIDE), "canvas_height": draw(SIDE)}
    if draw(st.integers(0, 5)) == 3:
        frame["coordinates"] = draw(mostly(st.just("pixels")))
    return frame


@st.composite
def own_forms(draw: st.DrawFn) -> Any:
    """The editor's own form."""
    duration = mostly(st.integers(1, 9) | st.sampled_from([9_999, 10_000, 3.0, 0]))
    easing = mostly(st.sampled_from(["linear", "smooth", "slow start", "slow end", "hold"]))
    timed = st.tuples(frames(), st.fixed_dictionaries({}, optional={"steps": duration, "easing": easing}))
    document: dict[str, Any] = {
        "version": draw(mostly(st.sampled_from([1, 2, 2, 2.0]))),
        "frames": draw(mostly(st.lists(mostly(timed.map(lambda pair: pair[0] | pair[1])), max_size=3))),
    }
    optional = {"canvas_width": SIDE, "canvas_height": SIDE, "loop": mostly(st.booleans()), "library": JSON}
    optional |= {"upstream": mostly(st.none() | st.text(max_size=4)), "rate": JSON}
    return document | draw(st.fixed_dictionaries({}, optional=optional))


DOCUMENTS = mostly(frames() | st.lists(mostly(frames()), max_size=3) | own_forms())


@st.composite
def texts(draw: st.DrawFn) -> str:
    """A document as text, sometimes with a character more, less or other."""
    text = json.dumps(draw(DOCUMENTS), ensure_ascii=draw(st.booleans()))
    if draw(st.integers(0, 5)) == 3:
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.text(max_size=3)) + text[at + draw(st.integers(0, 3)) :]
    return text


# Short enough that a change is felt, and that many are tried.
KNOWN = [one["text"] for one in json.loads(FILE.read_text(encoding="utf-8"))["documents"] if "text" in one]
KNOWN = [text for text in KNOWN if len(text) < 4000]
STRING, NUMBER = r'"(?:[^"\\]|\\.)*"', r"-?[0-9][0-9.eE+-]*"
KINDS = {
    "key": (
        re.compile(STRING + r"(?=\s*:)"),
        ["people", "version", "frames", "canvas_width", "canvas_height", "coordinates", "steps", "easing", "loop"],
    ),
    "value": (
        re.compile(rf"(?:{STRING}|{NUMBER}|true|false|null)(?!\s*:)"),
        ["null", "true", "false", "0", "-1", "0.5", "1.5", "2", "17", "600", "1e6", "1e999", "NaN", "[]", "{}", '"1"'],
    ),
    "mark": (re.compile(r"[\[\]{},:]"), ["[", "]", "{", "}", ",", ":", "", " "]),
}


@st.composite
def changed(draw: st.DrawFn) -> str:
    """A document of the shared set with a few of its keys and values replaced, and now and then a mark."""
    text = draw(st.sampled_from(KNOWN))
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(["key"] * 5 + ["value"] * 10 + ["mark"]))
        pattern, others = KINDS[kind]
        tokens = list(pattern.finditer(text))
        if not tokens:
            continue
        # near the start and the end are those that decide most
        near = draw(st.sampled_from([len(tokens), min(len(tokens), 8)]))
        token = tokens[draw(st.integers(-near, near - 1))]
        other = draw(st.sampled_from(others))
        text = text[: token.start()] + (json.dumps(other) if kind == "key" else other) + text[token.end() :]
    return text


TEXTS = st.one_of(changed(), changed(), texts(), st.text(max_size=40))
