"""Load Person on the real host: samples, files of one's own, and what is refused."""

from __future__ import annotations

import json

import pytest
from comfy_host import Host
from graphs import Graph, metadata
from PIL import Image


def size(host: Host, photograph: str) -> list[int]:
    """(N, H, W, C) of what comes out."""
    graph = Graph()
    report = graph.report(graph.out(graph.add("DPTNLoadPerson", photograph=photograph)))
    run = host.run(graph.prompt)
    assert run.error is None, run.error
    found: list[int] = metadata(run, report)["shape"]
    return found


def refusal(host: Host, photograph: object) -> str:
    """What the host says about a value before anything runs."""
    graph = Graph()
    node = graph.add("DPTNLoadPerson", photograph=photograph)
    graph.report(graph.out(node))
    return json.dumps(host.complaints(graph.prompt)[node], ensure_ascii=False)


def test_every_sample_loads(host):
    kind, options = host.get("/object_info/DPTNLoadPerson")["DPTNLoadPerson"]["input"]["required"]["photograph"]
    assert options["image_upload"]  # front ends make an upload button of it
    names = options["options"] if kind == "COMBO" else kind
    for name in names:
        if name.startswith("sample: "):
            assert min(size(host, name)[1:3]) >= 256


def test_a_file_counts_at_once_wherever_front_ends_find_it_and_is_upright(host):
    (host.base / "input" / "mine").mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[0x0112] = 6  # taken with the camera on its side
    image = Image.new("RGB", (60, 40), "teal")
    image.save(host.base / "input" / "mine" / "side.jpg", exif=exif)
    assert size(host, "mine/side.jpg") == [1, 60, 40, 3]
    assert size(host, "mine/side.jpg [input]") == [1, 60, 40, 3]
    (host.base / "output").mkdir(exist_ok=True)
    image.resize((30, 20)).save(host.base / "output" / "result.png")
    assert size(host, "result.png [output]") == [1, 20, 30, 3]
    image.resize((90, 70)).save(host.base / "input" / "mine" / "side.jpg")  # the same name, another image
    assert size(host, "mine/side.jpg") == [1, 70, 90, 3]


@pytest.mark.parametrize(
    ("photograph", "said"),
    [
        ("gone.png", "not in ComfyUI's input folder"),
        ("gone.png [output]", "not in ComfyUI's output folder"),
        ("../../etc/passwd", "lies outside ComfyUI's input folder"),
        ("/etc/passwd", "lies outside ComfyUI's input folder"),
        ("../host.log [temp]", "lies outside ComfyUI's temp folder"),
        ("sample: nobody", "ships no"),
        ("x" * 5000, "Load Person, input 'photograph'"),
        ("\0", "not in ComfyUI's input folder"),
    ],
)
def test_what_is_refused_is_refused_before_the_run(host, photograph, said):
    assert said in refusal(host, photograph)


def test_a_file_that_is_no_image_is_named(host):
    (host.base / "input").mkdir(exist_ok=True)
    (host.base / "input" / "text.png").write_text("nothing to see")
    graph = Graph()
    graph.report(graph.out(graph.add("DPTNLoadPerson", photograph="text.png")))
    error = host.run(graph.prompt).error
    assert error is not None and error.startswith("Load Person, input 'photograph': ") and "text.png" in error
