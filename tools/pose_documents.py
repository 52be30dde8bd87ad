"""The pose documents that Python and the editor must read alike, each with what comes of it.

`python -m tools.pose_documents` writes `tests/core/pose/pose_documents.json` anew. Nothing here calls the readers: what
is expected follows from how a document was made, so a reader that is wrong in both languages fails too.

A document is `text`, or where that would be long, `runs`: pieces of text, each with how often it is repeated. `result`
is "refused", "empty" (there is no edit), or what is kept: the canvas, the frames of people, and of the editor's own
form what else counts. A person is a list of points for each part that is there; a point is [x, y, confidence], or 0
where it is missing.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FILE = Path(__file__).parents[1] / "tests" / "core" / "pose" / "pose_documents.json"
CANVAS = (384, 512)  # for documents that state none
GENERATED = 180

Point = tuple[float, float, float]
Points = list[Point | None]
Size = tuple[int, int]
Person = dict[str, Points]
Document = dict[str, Any]

# Part: key of the document, points.
PARTS = {
    "body": ("pose", 18),
    "hand_left": ("hand_left", 21),
    "hand_right": ("hand_right", 21),
    "face": ("face", 70),
    "feet": ("foot", 6),
}
# Where each of the 18 joints stands in BODY_25 and in COCO-17, which has no neck.
BODY_25 = [0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18]
COCO_17 = {0: 0, 2: 6, 3: 8, 4: 10, 5: 5, 6: 7, 7: 9, 8: 12, 9: 14, 10: 16, 11: 11, 12: 13, 13: 15} | {
    14: 2,
    15: 1,
    16: 4,
    17: 3,
}
NECK, RIGHT_SHOULDER, LEFT_SHOULDER = 1, 2, 5


def documents() -> list[Document]:
    """All of them: those of many producers, then the hostile ones."""
    rng = random.Random(20251129)  # noqa: S311
    return [*(produced(rng, number) for number in range(GENERATED)), *hostile()]


# Documents of producers.


def some_person(rng: random.Random, size: Size) -> Person:
    """A person with some joints missing, and sometimes hands, a face and feet."""

    def points(count: int, missing: float) -> Points:
        return [
            None
            if rng.random() < missing
            else (
                round(rng.uniform(2, size[0] - 1), 2),
                round(rng.uniform(2, size[1] - 1), 2),
                rng.choice([1, 1, 1, round(rng.uniform(0.02, 0.99), 2)]),
            )
            for _ in range(count)
        ]

    person = {"body": points(18, 0.15)}
    for part, often in (("hand_left", 0.15), ("hand_right", 0.15), ("face", 0.03), ("feet", 0.2)):
        if rng.random() < often:
            person[part] = points(PARTS[part][1], 0.1)
    return person


class Producer:
    """How one program writes poses; every choice is made at random once a document."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.layout = rng.choice(["18", "18", "18", "25", "17", "flat"])
        self.fractions = rng.random() < 0.3
        self.exact = not self.fractions and rng.random() < 0.2
        # without confidences only 0,0 says that a point is missing; after division -1 is a fraction
        gaps = ["zero", "zero", "zero score", "null"]
        self.gap = "zero" if self.layout == "flat" else rng.choice(gaps if self.exact else [*gaps, "minus one"])
        self.absent = rng.choice(["absent", "null", "empty", "zeros"])
        self.suffix = rng.choice(["_keypoints_2d"] * 4 + ["_keypoints"])
        self.most_points = 68 if rng.random() < 0.3 else 70  # of a face

    def frame(self, people: list[Person], size: Size, stated: bool) -> tuple[Document, list[Person]]:
        """A frame of the document, and what a reader must find in it."""
        written = [self.person(person, size) for person in people]
        frame: Document = {"people": [document for document, _ in written]}
        if stated:
            side = self.rng.choice([int, float])
            frame |= {"canvas_width": side(size[0]), "canvas_height": side(size[1])}
        if self.exact:
            frame["coordinates"] = "pixels"
        if self.rng.random() < 0.2:
            frame |= {"animals": [], "note": self.rng.choice([None, "é\u2028", {"a": [1e-400, -0.0]}, [[]]])}
        return frame, [found for _, found in written]

    def person(self, person: Person, size: Size) -> tuple[Document, Person]:
        """Somebody as they are written and as they are read."""
        document: Document = {}
        found: Person = {}
        for part, (key, count) in PARTS.items():
            points = person.get(part)
            if part == "face" and points:
                points = [*points[: self.most_points], *[None] * (70 - self.most_points)]
            written = None if points is None else [self.point(point, size) for point in points]
            if written is None:
                filler: Any = {"null": None, "empty": [], "zeros": [0] * (3 * count)}.get(self.absent)
                if self.absent != "absent":
                    document[key + self.suffix] = filler
                continue
            kept = [one for _, one in written]
            flat = [numbers for numbers, _ in written]
            if part == "body":
                flat, kept = self.body(flat, kept)
            elif part == "face":
                flat = flat[: self.most_points]
            document[key + self.suffix] = [number for numbers in flat for number in numbers]
            if part == "body" or any(kept):
                found[part] = kept
        return document, found

    def point(self, point: Point | None, size: Size) -> tuple[list[Any], Point | None]:
        """A point as it is written and as it is read."""
        if point is None:
            gap = {
                "zero": [0, 0, 0],
                "zero score": [7.5, 3, 0],
                "null": [None, None, self.rng.choice([None, 1])],
                "minus one": [-1, -1, 1],
            }[self.gap]
            return (gap[:2] if self.layout == "flat" else gap), None
        x, y, score = point
        if self.fractions:
            x, y = round(x / size[0], 6), round(y / size[1], 6)
        read = (x * size[0], y * size[1]) if self.fractions else (x, y)
        if self.layout == "flat":
            return [x, y], (*read, 1.0)
        return [x, y, score], (*read, score)

    def body(self, flat: list[list[Any]], found: Points) -> tuple[list[list[Any]], Points]:
        """The 18 joints in the layout of this producer."""
        if self.layout == "25":
            body = [[0, 0, 0]] * 25
            for joint, place in enumerate(BODY_25):
                body[place] = flat[joint]
            return body, found
        if self.layout == "17":
            shoulders = [found[RIGHT_SHOULDER], found[LEFT_SHOULDER]]
            there = [point for point in shoulders if point]
            neck = None
            if len(there) == 2:
                (ax, ay, a), (bx, by, b) = there
                neck = ((ax + bx) / 2, (ay + by) / 2, min(a, b))
            body = [[0, 0, 0]] * 17
            for joint, place in COCO_17.items():
                body[place] = flat[joint]
            return body, [*found[:NECK], neck, *found[NECK + 1 :]]
        return flat, found


def produced(rng: random.Random, number: int) -> Document:
    """A document of some producer: OpenPose JSON, or the editor's own form."""
    producer = Producer(rng)
    own = rng.random() < 0.35
    sizes = [(384, 512), (512, 384), (640, 640), (1920, 1080), (96, 64)]
    first = rng.choice(sizes)
    count = rng.choice([1, 1, 1, 2, 3, 4])
    mixed = not own and count > 1 and rng.random() < 0.4
    # frames that state no canvas take the first one stated, or that of the node, if it holds their points
    bare = not mixed and not producer.fractions and rng.random() < 0.25
    frames, found = [], []
    for index in range(count):
        size = rng.choice(sizes) if mixed and index else first
        stated = not own and not bare and not (mixed and index and size == first)
        people = [some_person(rng, CANVAS if bare else size) for _ in range(rng.choice([1, 1, 2, 3, 0]))]
        if bare and not own and all(side <= limit for side, limit in zip(CANVAS, first, strict=True)):
            stated = index == 1  # one states it for all
        frame, read = producer.frame(people, size, stated)
        frames.append(frame)
        found.append([fitted(person, size, first) for person in read])
    canvas = first
    if bare and not any("canvas_width" in frame for frame in frames):
        canvas = CANVAS
    name = f"{number}: {producer.layout} {'fractions' if producer.fractions else 'pixels'} {producer.gap}"
    if not own:
        document: Any = frames if count > 1 or rng.random() < 0.5 else frames[0]
        return entry(name, json.dumps(document), kept(canvas, found, foreign=True))
    return own_form(rng, f"{name}, own form", producer, frames, found, canvas, stated=not bare)


def own_form(
    rng: random.Random,
    name: str,
    producer: Producer,
    frames: list[Document],
    found: list[list[Person]],
    canvas: Size,
    *,
    stated: bool,
) -> Document:
    """The frames as the editor's own form has them, in version 1 or 2."""
    version = rng.choice([1, 2, 2, 2.0])
    document: Document = {"version": version, "upstream": rng.choice([None, "0123abcd"])}
    if stated:
        document |= {"canvas_width": canvas[0], "canvas_height": canvas[1]}
    loop, steps = False, []
    if version != 1:
        loop = document["loop"] = rng.random() < 0.3
    for frame in frames:
        frame.pop("canvas_width", None), frame.pop("canvas_height", None)
        duration, easing = rng.choice([1, 1, 7, 12.0]), rng.choice(["linear", "smooth", "slow start", "hold"])
        steps.append([int(duration), easing])
        frame |= {"steps": duration, "easing": easing}
    if rng.random() < 0.3:
        document |= {"rate": 24, "library": [{"name": "own", "pose_keypoints_2d": BODY}, 3]}
    extra = {"foreign": False, "loop": loop, "steps": steps, "upstream": document["upstream"]}
    return entry(name, json.dumps({**document, "frames": frames}), kept(canvas, found, **extra))


def fitted(person: Person, own: Size, canvas: Size) -> Person:
    """On another canvas: scaled alike both ways and centred."""
    scale = min(canvas[0] / own[0], canvas[1] / own[1])
    left, top = (canvas[0] - own[0] * scale) / 2, (canvas[1] - own[1] * scale) / 2
    return {
        part: [point and (point[0] * scale + left, point[1] * scale + top, point[2]) for point in points]
        for part, points in person.items()
    }


# Documents that are damaged, odd or hostile.

BODY = [value for joint in range(18) for value in (20.0 + 10 * joint, 30.0 + 20 * joint, 1.0)]
SIDES: Document = {"canvas_width": 384, "canvas_height": 512}


def person_of(flat: list[Any], scale: Size = (1, 1)) -> Person:
    """The person that 18 points of three numbers are."""
    rows = [flat[index : index + 3] for index in range(0, 54, 3)]
    return {"body": [(x * scale[0], y * scale[1], min(c, 1)) if c else None for x, y, c in rows]}


STANDS = person_of(BODY)
NOBODY: Person = {"body": [None] * 18}


def entry(name: str, text: str | list[tuple[str, int]], result: str | Document) -> Document:
    """A document of the file, whole or as runs."""
    return {"name": name, "text" if isinstance(text, str) else "runs": text, "result": result}


def kept(canvas: Size = CANVAS, frames: list[list[Person]] | None = None, **more: Any) -> Document:
    """What is kept of a document; left out: one frame with one person, whom `BODY` describes."""
    frames = [[STANDS]] if frames is None else frames
    people = [[{part: listed(points) for part, points in person.items()} for person in frame] for frame in frames]
    return {"canvas": list(canvas), "frames": people, **more}


def listed(points: Points) -> list[Any]:
    """Points as the file has them, in thousandths of a pixel."""
    return [[round(number, 3) for number in point] if point else 0 for point in points]


def hostile() -> Iterator[Document]:
    """Everything that somebody has tried, or could."""
    yield from _texts()
    yield from _people()
    yield from _numbers()
    yield from _canvases()
    yield from _own_forms()


def _one(**keys: Any) -> Document:
    return {"people": [{"pose_keypoints_2d": BODY}], **SIDES, **keys}


def _body(body: Any, **keys: Any) -> str:
    return json.dumps({"people": [{"pose_keypoints_2d": body}], **SIDES, **keys})


def _own(frames: Any = None, **keys: Any) -> Document:
    frames = [{"people": [{"pose_keypoints_2d": BODY}]}] if frames is None else frames
    return {"version": 2, **SIDES, "frames": frames, **keys}


def _texts() -> Iterator[Document]:
    """What is no JSON, or hardly."""
    whole = json.dumps(_one())
    foreign = kept(foreign=True)
    for name, text in {
        "nothing": "",
        "line breaks": " \t\r\n",
        "a byte order mark alone": "\ufeff",
        "a space that does not break": "\xa0",
        "a wide space": "\u3000\u2003",
        "an empty list": "[]",
        "an empty object": "{}",
        "own form without frames": json.dumps(_own([])),
        "own form with kept poses alone": json.dumps(_own([], library=[{"name": "a"}])),
    }.items():
        yield entry(name, text, "empty")
    for name, text in {
        "a separator that no browser strips": "\x1c",
        "next line": "\x85",
        "a brace": "{",
        "half a document": whole[:100],
        "a byte order mark before it": "\ufeff" + whole,
        "two documents": whole + whole,
        "a comma too many": '{"people": [],}',
        "single quotes": "{'people': []}",
        "a comment": '{"people": [] /* nobody */}',
        "a number": "3",
        "a huge number": "9" * 400,
        "a text": '"people"',
        "true": "true",
        "null": "null",
        "not a number": "NaN",
        "infinity": "-Infinity",
        "not a number under an unknown key": '{"people": [], "score": NaN}',
        "not a number under a key of a person": '{"people": [{"score": NaN}]}',
        "infinity under an unknown key": '{"people": [], "score": [Infinity]}',
        "minus infinity under an unknown key": '{"people": [], "score": {"a": -Infinity}}',
        "not a number that another value replaces": '{"people": [], "score": NaN, "score": 1}',
        "not a number, lower case": '{"people": [], "score": nan}',
        "undefined": '{"people": undefined}',
        "a number with a leading zero": '{"people": [], "score": 01}',
        "a number with a plus": '{"people": [], "score": +1}',
        "a number that ends in a point": '{"people": [], "score": 1.}',
        "a hexadecimal number": '{"people": [], "score": 0x10}',
        "digits of another script": '{"people": [], "score": \u0661}',
        "a line break in a text": '{"people": [], "note": "a\nb"}',
        "a null byte": '{"people": []}\x00',
        "a bad escape": '{"people": [], "note": "\\x41"}',
        "JSON within JSON": json.dumps(whole),
        "JSON within a list": json.dumps([whole]),
        "a list of lists": "[[]]",
        "a list of numbers": "[3]",
        "a list with null": "[null]",
        "a frame and null": json.dumps([_one(), None]),
        "a frame and true": json.dumps([_one(), True]),
    }.items():
        yield entry(name, text, "refused")
    deep: dict[str, tuple[list[tuple[str, int]], str | Document]] = {
        "lists of lists": ([("[", 5000), ("]", 5000)], "refused"),
        "objects of objects": ([('{"a":', 5000), ("1", 1), ("}", 5000)], "refused"),
        "half of it": ([("[", 100_000)], "refused"),
        "under an unknown key": (
            [('{"people": [], "a": ', 1), ("[", 5000), ("]", 5000), ("}", 1)],
            "refused",
        ),
        "under a key of a person": (
            [('{"people": [{"a": ', 1), ("[", 5000), ("]", 5000), ("}]}", 1)],
            "refused",
        ),
        "in place of a number": (
            [('{"people": [{"pose_keypoints_2d": [', 1), ("0,", 53), ("[", 5000), ("]", 5000), ("]}]}", 1)],
            "refused",
        ),
        "in place of a step": (
            [('{"version":2,"frames":[{"steps":', 1), ("[", 5000), ("]", 5000), ("}]}", 1)],
            "refused",
        ),
        "in a kept pose": (
            [('{"version":2,"frames":[],"library":[', 1), ("[", 5000), ("]", 5000), ("]}", 1)],
            "refused",
        ),
        "101 deep": ([('{"people": [], "a": ', 1), ("[", 100), ("]", 100), ("}", 1)], "refused"),
        "100 deep": (
            [('{"people": [], "a": ', 1), ("[", 99), ("]", 99), ("}", 1)],
            kept(frames=[[]], foreign=True),
        ),
        # the editor keeps what others wrote about a person, and writes it deeper than it stood
        "97 deep in a person": (
            [
                (json.dumps({"people": [{"pose_keypoints_2d": BODY}]})[:-3] + ', "a": ', 1),
                ("[", 97),
                ("]", 97),
                ('}], "canvas_width": 384, "canvas_height": 512}', 1),
            ],
            kept(foreign=True),
        ),
        "brackets in a text": ([('{"people": [], "a": "', 1), ("[", 5000), ('"}', 1)], kept(frames=[[]], foreign=True)),
    }
    for name, (runs, result) in deep.items():
        yield entry(f"nested: {name}", runs, result)
    for name, text in {
        "white space around it": f" \n\t{whole}\r\n ",
        "unknown keys": json.dumps(_one(version=1.3, junk={"a": [1, None, "\ud800", {}]}, toString=1)),
        "a key twice, the last one counts": whole[:-1] + ', "canvas_width": 200, "canvas_width": 384}',
        "people twice, the last ones count": '{"people": 3, ' + whole[1:],
        "a key named __proto__": '{"__proto__": {"people": 3}, ' + whole[1:],
        "a key named constructor": '{"constructor": null, "hasOwnProperty": 1, ' + whole[1:],
        "a lone surrogate as a key": '{"\\ud800": 1, ' + whole[1:],
        "a number too large for a float": '{"score": 1e999, ' + whole[1:],
        "a number of 5,000 digits": '{"score": ' + "1" * 5000 + ", " + whole[1:],
        "a number of 5,000 decimals": '{"score": 0.' + "1" * 5000 + ", " + whole[1:],
        "a tiny number": '{"score": -1e-999, ' + whole[1:],
        "an empty key": '{"": {"": []}, ' + whole[1:],
        "escapes in a key": whole.replace('"people"', '"\\u0070eople"'),
    }.items():
        yield entry(name, text, foreign)


def _people() -> Iterator[Document]:
    """What stands in place of people and of their parts."""
    nobody = kept(frames=[[]], foreign=True)
    for name, document in {
        "people null": {"people": None, **SIDES},
        "no people": SIDES,
        "animals in place of people": {"animals": [[1]], **SIDES},
        "an own form without a version": {"frames": [], **SIDES},
    }.items():
        yield entry(name, json.dumps(document), nobody)
    for odd in (3, True, False, "", "x", {}, 0):
        yield entry(f"people {odd!r}", json.dumps({"people": odd}), "refused")
        yield entry(f"a person {odd!r}", json.dumps({"people": [odd] if odd != {} else [[]]}), "refused")
        for key in ("pose", "face", "foot"):
            person = {f"{key}_keypoints_2d": odd}
            yield entry(f"{key} {odd!r}", json.dumps({"people": [person]}), "refused")
    yield entry("a person null", json.dumps({"people": [None]}), "refused")
    for odd in (False, 0, "", {}):
        both = {"pose_keypoints_2d": odd, "pose_keypoints": BODY}
        yield entry(f"body {odd!r} beside the old key", json.dumps({"people": [both]}), "refused")
    for name, person in {
        "no key": {},
        "null": {"pose_keypoints_2d": None},
        "an empty list": {"pose_keypoints_2d": []},
        "an empty list beside the old key": {"pose_keypoints_2d": [], "pose_keypoints": BODY},
        "zeros": {"pose_keypoints_2d": [0] * 54},
        "nulls": {"pose_keypoints_2d": [None] * 54},
        "zeros without confidences": {"pose_keypoints_2d": [0] * 36},
        "a hand of zeros": {"hand_left_keypoints_2d": [0] * 63},
    }.items():
        yield entry(f"body: {name}", json.dumps({"people": [person], **SIDES}), kept(frames=[[NOBODY]], foreign=True))
    for name, person in {
        "the old key": {"pose_keypoints": BODY},
        "null beside the old key": {"pose_keypoints_2d": None, "pose_keypoints": BODY},
        "beside a wrong old key": {"pose_keypoints_2d": BODY, "pose_keypoints": 3},
        "three dimensions beside it": {"pose_keypoints_2d": BODY, "pose_keypoints_3d": [1]},
        "other parts null": {"pose_keypoints_2d": BODY, "face_keypoints_2d": None, "hand_left_keypoints": None},
    }.items():
        yield entry(f"body: {name}", json.dumps({"people": [person], **SIDES}), kept(foreign=True))
    for count in (1, 3, 17, 35, 37, 50, 53, 55, 57, 74, 76, 399):
        yield entry(f"a body of {count} numbers", _body([1] * count), "refused")
    for key, count in (("face", 63), ("face", 209), ("hand_left", 54), ("hand_right", 210), ("foot", 9), ("foot", 36)):
        person = {"pose_keypoints_2d": BODY, f"{key}_keypoints_2d": [1] * count}
        yield entry(f"a {key} of {count} numbers", json.dumps({"people": [person], **SIDES}), "refused")
    foot = {"pose_keypoints_2d": BODY, "foot_keypoints_2d": [40, 50] * 3 + [0, 0] * 3}
    feet = {**STANDS, "feet": [(40, 50, 1)] * 3 + [None] * 3}
    yield entry(
        "one foot without confidences", json.dumps({"people": [foot], **SIDES}), kept(frames=[[feet]], foreign=True)
    )
    hand = {"pose_keypoints_2d": BODY, "hand_left_keypoints_2d": [-1, -1, 1] * 20 + [9, 8, 0.5]}
    with_hand = {**STANDS, "hand_left": [*[None] * 20, (9, 8, 0.5)]}
    yield entry(
        "a hand of one point", json.dumps({"people": [hand], **SIDES}), kept(frames=[[with_hand]], foreign=True)
    )


def _numbers() -> Iterator[Document]:
    """What stands in place of a number."""
    for odd in ("1", "", True, False, [], [5], {}, {"toString": 1, "valueOf": 1}, 1e300, -1e300, 1_000_000.5, -1e7):
        for place in (0, 2, 53):
            body = [*BODY[:place], odd, *BODY[place + 1 :]]
            yield entry(f"{json.dumps(odd)} at {place} of a body", _body(body), "refused")
    text = _body([*BODY[:53], "ODD"])
    for odd in ("1e999", "-1e999", "9" * 400, "NaN", "Infinity"):
        yield entry(f"{odd[:12]} for a confidence", text.replace('"ODD"', odd), "refused")
    for odd, read in ((2, 1), (1_000_000, 1), (0.001, 0.001), (1e-300, 1e-300), (0, 0), (-0.0, 0), (-1, 0), (None, 0)):
        body = [*BODY[:53], odd]
        person = person_of([*BODY[:53], read])
        yield entry(f"a confidence of {odd}", _body(body), kept(frames=[[person]], foreign=True))
    for x, y in ((1e6, -1e6), (-20, -30.5), (0, 0), (-1, -1.5), (383.99, 600)):
        body = [x, y, 1, *BODY[3:]]
        yield entry(f"a point at {x}, {y}", _body(body), kept(frames=[[person_of(body)]], foreign=True))
    for gap in ([-1, -1, 1], [None, 3, 1], [3, None, 1], [5, 5, None], [-1.0, -1, 0.2]):
        body = [*gap, *BODY[3:]]
        person = person_of([0, 0, 0, *BODY[3:]])
        yield entry(f"{gap} for a missing point", _body(body), kept(frames=[[person]], foreign=True))
    body = [-1, -1, 1, *BODY[3:]]
    yield entry("-1, -1 in pixels", _body(body, coordinates="pixels"), kept(frames=[[person_of(body)]], foreign=True))


def _fractions(most: float = 1.0) -> list[float]:
    return [value for joint in range(18) for value in ((joint + 1) / 20, most * (joint + 1) / 18, 1.0)]


def _canvases() -> Iterator[Document]:
    """Which canvas counts, and in which units the numbers are."""
    person = {"pose_keypoints_2d": BODY}

    def on(width: Any, height: Any, *people: Any) -> Document:
        return {"people": list(people), "canvas_width": width, "canvas_height": height}

    for width, height in (
        *((0, 9), (9, -1), (32769, 9), (1e9, 9), (9, 1e300), (9.5, 9), ("9", 9), (9, "384")),
        *((True, 9), (9, False), ([], 9), (9, {}), (None, 9), (9, None), ({"valueOf": 1}, 9)),
    ):
        yield entry(f"a canvas of {width!r} by {height!r}", json.dumps(on(width, height)), "refused")
    yield entry("a width alone", '{"people": [], "canvas_width": 9}', "refused")
    yield entry("a height alone", '{"people": [], "canvas_height": 9}', "refused")
    yield entry("a huge whole number for a side", json.dumps(on(3, 4)).replace("3", "9" * 5000), "refused")
    for side in (1, 16, 32768, 400.0):
        yield entry(f"a canvas of {side}", json.dumps(on(side, side)), kept((int(side),) * 2, [[]], foreign=True))
    yield entry(
        "1e2 for a side",
        '{"people": [], "canvas_width": 1e2, "canvas_height": 100}',
        kept((100, 100), [[]], foreign=True),
    )
    yield entry("null for both sides", json.dumps(on(None, None, person)), kept(foreign=True))
    yield entry("no canvas, the node's holds the points", json.dumps({"people": [person]}), kept(foreign=True))

    far = [*BODY[:51], 600, 700.5, 1]
    alone = {"people": [{"pose_keypoints_2d": far}]}
    yield entry(
        "no canvas, points beyond the node's", json.dumps(alone), kept((601, 701), [[person_of(far)]], foreign=True)
    )
    edge = [*BODY[:51], 384, 512, 1]
    alone = {"people": [{"pose_keypoints_2d": edge}]}
    yield entry(
        "no canvas, a point on the node's edge", json.dumps(alone), kept((385, 513), [[person_of(edge)]], foreign=True)
    )
    below = [-5, -7, 1, *BODY[3:]]
    alone = {"people": [{"pose_keypoints_2d": below}]}
    yield entry("no canvas, a point below zero", json.dumps(alone), kept(frames=[[person_of(below)]], foreign=True))
    for reach in (32768, 40000):
        alone = {"people": [{"pose_keypoints_2d": [*BODY[:51], reach, 5, 1]}]}
        yield entry(f"no canvas, a point at {reach}", json.dumps(alone), "refused")

    # frames of one sequence share a canvas: the first one stated goes before the node's
    wide = on(700, 400)
    for name, frames in {"first": [{"people": [person]}, wide], "last": [wide, {"people": [person]}]}.items():
        found: list[list[Person]] = [[STANDS], []] if name == "first" else [[], [STANDS]]
        yield entry(f"mixed: the {name} frame states none", json.dumps(frames), kept((700, 400), found, foreign=True))
    middle = [{"people": [person]}, on(200, 200), wide, {"people": [person]}]
    size = (331, 391)  # 200x200 does not hold the points; the smallest that does
    small = [[STANDS], [], [], [STANDS]]
    moved = json.dumps(middle)
    tall = [*BODY[:51], 330, 390, 1]
    moved = moved.replace(json.dumps(BODY), json.dumps(tall))
    small = [[person_of(tall)], [], [], [person_of(tall)]]
    yield entry("mixed: the first stated holds too little", moved, kept(size, small, foreign=True))
    unit = _fractions()
    mixed = [{"people": [{"pose_keypoints_2d": unit}]}, on(800, 600)]
    yield entry(
        "mixed: fractions of the canvas stated later",
        json.dumps(mixed),
        kept((800, 600), [[person_of(unit, (800, 600))], []], foreign=True),
    )
    two = [on(384, 512, person), on(768, 1024, person)]
    half = fitted(STANDS, (768, 1024), (384, 512))
    yield entry("two canvases of one shape", json.dumps(two), kept(frames=[[STANDS], [half]], foreign=True))
    square = [on(384, 512, person), on(512, 512, person)]
    centred = fitted(STANDS, (512, 512), (384, 512))
    yield entry("two canvases of two shapes", json.dumps(square), kept(frames=[[STANDS], [centred]], foreign=True))
    tiny = [on(32768, 32768, person), on(1, 1, {"pose_keypoints_2d": [90, 90, 1, *BODY[3:]]})]
    yield entry("two canvases so far apart that points leave every image", json.dumps(tiny), "refused")

    fractions = {"people": [{"pose_keypoints_2d": unit}], **SIDES}
    yield entry("fractions", json.dumps(fractions), kept(frames=[[person_of(unit, CANVAS)]], foreign=True))
    exact = {**fractions, "coordinates": "pixels"}
    yield entry("fractions that are pixels", json.dumps(exact), kept(frames=[[person_of(unit)]], foreign=True))
    for units in ("pixel", True, None, ["pixels"]):
        odd = {**fractions, "coordinates": units}
        yield entry(f"coordinates {units!r}", json.dumps(odd), kept(frames=[[person_of(unit, CANVAS)]], foreign=True))
    for most, scale in ((1.5, CANVAS), (1.501, (1, 1))):
        body = _fractions(most)
        found = [[person_of(body, scale)]]
        yield entry(f"fractions up to {most}", _body(body), kept(frames=found, foreign=True))
    corner = {"people": [{"pose_keypoints_2d": unit}, {"pose_keypoints_2d": BODY}], **SIDES}
    yield entry("somebody in the corner", json.dumps(corner), kept(frames=[[person_of(unit), STANDS]], foreign=True))
    for side, scale in ((15, (1, 1)), (16, (16, 16))):
        small_canvas = json.dumps(on(side, side, {"pose_keypoints_2d": unit}))
        found = [[person_of(unit, scale)]]
        yield entry(f"fractions on a canvas of {side}", small_canvas, kept((side, side), found, foreign=True))
    only_zero = [0, 0, 1] * 18
    yield entry("all points in the corner", _body(only_zero), kept(frames=[[person_of(only_zero)]], foreign=True))
    # a detector marks missing points by -1 before it divides by the size
    marked = [-1 / 384, -1 / 512, 1, *unit[3:]]
    found = [[person_of([0, 0, 0, *unit[3:]], CANVAS)]]
    yield entry("fractions with -1 divided", _body(marked), kept(frames=found, foreign=True))
    hand = {"pose_keypoints_2d": unit, "hand_left_keypoints_2d": [-0.01, -0.01, 1] * 21}
    found = [[person_of(unit, CANVAS)]]
    yield entry(
        "fractions and a hand below zero", json.dumps({"people": [hand], **SIDES}), kept(frames=found, foreign=True)
    )

    # BODY_25: what is left out when it becomes 18 joints still says in which units the numbers are
    body_25 = [*unit[:24], 0.5, 0.5, 1, *unit[24:54], *[0, 0, 0] * 6]
    found = [[person_of(unit, CANVAS)]]
    yield entry("BODY_25 in fractions", _body(body_25), kept(frames=found, foreign=True))
    body_25[-3:] = [200, 300, 1]
    yield entry("BODY_25 with a heel in pixels", _body(body_25), kept(frames=[[person_of(unit)]], foreign=True))
    bare_25 = [*BODY[:24], 50, 50, 1, *BODY[24:54], *[0, 0, 0] * 5, 500, 511, 1]
    bare = {"people": [{"pose_keypoints_2d": bare_25}]}
    yield entry("BODY_25 without canvas, a heel beyond the node's", json.dumps(bare), kept((501, 512), foreign=True))
    # COCO-17: no neck between shoulders of which one is missing
    coco = [[(index + 1) / 20, (index + 1) / 18, 1.0] for index in range(17)]
    coco[5] = [-0.01, -0.01, 1.0]
    rows = [[0, 0, 0] if joint == NECK else coco[COCO_17[joint]] for joint in range(18)]
    rows[LEFT_SHOULDER] = [0, 0, 0]
    found = [[person_of([value for row in rows for value in row], CANVAS)]]
    yield entry(
        "COCO-17 in fractions, a shoulder below zero",
        _body([value for row in coco for value in row]),
        kept(frames=found, foreign=True),
    )


def _own_forms() -> Iterator[Document]:
    """The editor's own form."""
    once: Document = {"foreign": False, "loop": False, "steps": [[1, "linear"]], "upstream": None}
    for version in (0, 3, -1, 1.5, "2", "1", None, True, [], [2], {}, {"toString": 1}, "constructor", "\ud800", 1e300):
        yield entry(f"version {version!r}", json.dumps(_own(version=version)), "refused")
    yield entry("a version of 5,000 digits", json.dumps(_own()).replace(": 2", ": " + "2" * 5000, 1), "refused")
    for version in (1, 2, 2.0):
        yield entry(f"version {version!r}", json.dumps(_own(version=version)), kept(**once))
    yield entry("2 with zeros", json.dumps(_own()).replace(": 2", ": 2.000", 1), kept(**once))
    for frames in (None, {}, 3, "", True):
        yield entry(f"frames {frames!r}", json.dumps({**_own(), "frames": frames}), "refused")
        yield entry(f"a frame {frames!r}", json.dumps(_own([frames if frames != {} else []])), "refused")
    yield entry("no frames", json.dumps({"version": 2, **SIDES}), "refused")
    yield entry("an empty frame", json.dumps(_own([{}])), kept(frames=[[]], **once))
    for key, odds in {
        "loop": (None, 0, 1, "true", [], {}),
        "upstream": (0, True, [], {}),
    }.items():
        for odd in odds:
            yield entry(f"{key} {odd!r}", json.dumps(_own(**{key: odd})), "refused")
    for key, odds in {
        "steps": (0, -1, 1.5, 10_001, 1e300, "3", None, True, False, [], {}, {"toString": 1}),
        "easing": ("bouncy", "", "toString", "Linear", None, 0, True, [], ["linear"], {"toString": 1, "valueOf": 1}),
    }.items():
        for odd in odds:
            yield entry(f"{key} {odd!r}", json.dumps(_own([{"people": [], key: odd}])), "refused")
    # what only the editor reads never costs the edit
    for key, odds in {
        "rate": (0, "x", None, {"valueOf": 1}),
        "library": (0, {}, "x", [None, 3, [], {}, {"pose_keypoints_2d": [1]}, {"pose_keypoints_2d": {"a": 1}}]),
    }.items():
        for odd in odds:
            yield entry(f"{key} {odd!r}", json.dumps(_own(**{key: odd})), kept(**once))
    # version 1 had no loop
    yield entry("a loop of version 1", json.dumps(_own(version=1, loop="x")), kept(**once))
    looped = once | {"loop": True, "steps": [[10_000, "linear"]]}
    yield entry(
        "the longest loop", json.dumps(_own([{"people": [], "steps": 10_000}], loop=True)), kept(frames=[[]], **looped)
    )
    pair = [{"people": [], "steps": 10_000}, {"people": []}]
    yield entry("one frame too many", json.dumps(_own(pair)), "refused")
    pair[0]["steps"] = 9_999
    long = once | {"steps": [[9_999, "linear"], [1, "linear"]]}
    yield entry("the longest sequence", json.dumps(_own(pair)), kept(frames=[[], []], **long))
    yield entry("a loop one frame too long", json.dumps(_own(pair, loop=True) | {"frames": [*pair, *pair]}), "refused")
    many: list[tuple[str, int]] = [("[", 1), ("{},", 10_000), ("{}]", 1)]
    yield entry("10,001 frames of OpenPose JSON", many, "refused")
    # which canvas counts
    person = {"people": [{"pose_keypoints_2d": BODY}]}
    stated = {**person, "canvas_width": 700, "canvas_height": 400}
    yield entry("the document's canvas goes before a frame's", json.dumps(_own([stated])), kept(**once))
    for nothing in ({}, {"canvas_width": None, "canvas_height": None}):
        document = {"version": 2, "frames": [stated], **nothing}
        name = f"a frame's canvas where the document states {'null' if nothing else 'none'}"
        yield entry(name, json.dumps(document), kept((700, 400), **once))
    yield entry("no canvas: the node's", json.dumps({"version": 2, "frames": [person]}), kept(**once))
    two = [stated, {**person, **SIDES}]
    fit = [[STANDS], [fitted(STANDS, CANVAS, (700, 400))]]
    twice = once | {"steps": [[1, "linear"]] * 2}
    yield entry("frames of two canvases", json.dumps({"version": 2, "frames": two}), kept((700, 400), fit, **twice))
    for odd in (0, "384", {}, 40_000, 9.5):
        yield entry(f"a canvas width of {odd!r}", json.dumps(_own(canvas_width=odd)), "refused")
        yield entry(f"a canvas width of {odd!r} without frames", json.dumps(_own([], canvas_width=odd)), "refused")
    half = {key: side for key, side in _own().items() if key != "canvas_height"}
    yield entry("a canvas width alone", json.dumps(half), "refused")
    # OpenPose's own files state a version too
    yield entry("people and a version", json.dumps(_one(version=9)), kept(foreign=True))
    yield entry(
        "people null and a version",
        json.dumps({"people": None, "version": 2, "frames": 3}),
        kept(frames=[[]], foreign=True),
    )


def written() -> str:
    """The file: one document a line."""
    lines = ",\n".join(json.dumps(one, separators=(",", ":")) for one in documents())
    return f'{{"canvas":{json.dumps(CANVAS)},"documents":[\n{lines}\n]}}\n'


def main() -> None:
    """Write the file anew."""
    FILE.write_text(written(), encoding="utf-8")
    print(f"{FILE}: {len(documents())} documents, {FILE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
