"""The workflows that ship: complete, tidy, and run on the real host."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from comfy_host import PACK
from PIL import Image
from prompt_of import MUTED, NOTES, prompt_of

FOLDER = PACK / "workflows"
FILES = sorted(FOLDER.glob("*.json"))
# What does not ship: diffusion files by node type and input.
WANTED_FILES = {("CheckpointLoaderSimple", "ckpt_name"), ("ControlNetLoader", "control_net_name")}
DIFFUSION = [path for path in FILES if "diffusion" in path.stem]
TITLE_HEIGHT = 30


def read(path: Path) -> dict[str, Any]:
    workflow: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return workflow


def name_of(path: Path) -> str:
    return path.stem


def test_those_that_need_downloads_say_so_in_their_title():
    assert (len(FILES), len(DIFFUSION)) == (8, 2)
    assert [path for path in FILES if path.stem.endswith("_needs_downloads")] == DIFFUSION


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_whichever_is_opened_first_runs_at_once_with_what_ships(host, path):
    """Hosts list templates in the order of the file system, so none may fail; what needs downloads is muted."""
    run = host.run(prompt_of(read(path), host.get("/object_info")))
    assert run.error is None
    images = [one for output in run.outputs.values() for one in output.get("images", [])]
    assert images
    for one in images:
        assert host.image(one).std() > 5


def missing_files(host: Any, prompt: dict[str, Any]) -> set[tuple[str, str]]:
    """Node types and inputs that name a file this host has not; any other complaint is a failure."""
    missing = set()
    for node, errors in host.complaints(prompt).items():
        for error in errors["errors"]:
            assert error["type"] == "value_not_in_list", error
            missing.add((prompt[node]["class_type"], error["extra_info"]["input_name"]))
    return missing


@pytest.mark.parametrize("path", DIFFUSION, ids=name_of)
def test_the_host_misses_nothing_but_the_diffusion_files(host, path):
    workflow = read(path)
    prompt = prompt_of(workflow, host.get("/object_info"), with_muted=True)
    assert missing_files(host, prompt) == WANTED_FILES
    offered = [one for node in workflow["nodes"] for one in node["properties"].get("models", [])]
    assert {one["directory"] for one in offered} == {"checkpoints", "controlnet"}
    readme = (PACK / "README.md").read_text(encoding="utf-8")
    assert all(one["name"] in readme for one in offered)


def test_the_pose_edited_by_hand_is_the_one_that_counts(host):
    (path,) = (path for path in FILES if "edit_skeleton" in path.stem)
    workflow = read(path)
    (editor,) = (str(node["id"]) for node in workflow["nodes"] if node["type"] == "DPTNEditSkeleton")
    prompt = prompt_of(workflow, host.get("/object_info"))
    prompt[editor]["inputs"]["width"] += 1  # so that the host does not take the answer from its cache
    said = json.loads(host.run(prompt).outputs[editor]["dptn_pose"][0])
    assert said["by_hand"] is True


def test_a_photograph_of_ones_own_takes_the_place_of_the_one_that_ships(host):
    (path,) = (path for path in FILES if "photo_to_pose" in path.stem)
    workflow = read(path)
    ids = {node["type"]: node["id"] for node in workflow["nodes"]}
    prompt = prompt_of(workflow, host.get("/object_info"), with_muted=True)
    folder = host.base / "input"
    folder.mkdir(exist_ok=True)
    with Image.open(PACK / "dptn_core" / "samples" / "figure.png") as image:
        image.convert("RGB").save(folder / "mine.png")
    own, shipped = str(ids["LoadImage"]), str(ids["DPTNSamplePerson"])
    prompt[own]["inputs"]["image"] = "mine.png"
    for node in prompt.values():
        node["inputs"] = {name: [own, 0] if link == [shipped, 0] else link for name, link in node["inputs"].items()}
    run = host.run(prompt)
    assert run.error is None, run.error
    said = json.loads(run.outputs[str(ids["DPTNEditSkeleton"])]["dptn_pose"][0])
    assert said["by_hand"] is False  # the edit was made over somebody else
    (drawn,) = run.outputs[str(ids["DPTNTransferPose"])]["images"]
    assert host.image(drawn).shape[:2] == (512, 384)


@pytest.mark.parametrize("path", DIFFUSION, ids=name_of)
def test_our_part_of_a_diffusion_workflow_runs(host, path):
    """What feeds the diffusion, up to the image, the skeleton and the mask that it gets."""
    prompt = prompt_of(read(path), host.get("/object_info"), with_muted=True)
    ours = {name: node for name, node in prompt.items() if node["class_type"].startswith("DPTN")}
    wanted = [name for name, node in ours.items() if node["class_type"] in ("DPTNTransferPose", "DPTNDrawSkeleton")]
    for name in wanted:
        ours[f"report {name}"] = {"class_type": "ProbeReportImages", "inputs": {"image": [name, 0]}}
    run = host.run(ours)
    assert run.error is None
    for name in wanted:
        assert json.loads(run.outputs[f"report {name}"]["facts"][0])["shape"] == [1, 1024, 768, 3]


@pytest.mark.parametrize("path", DIFFUSION, ids=name_of)
def test_diffusion_finishes_what_was_invented(host, path):
    """The mask on the latent comes from Transfer Pose, has its size, and says how much is drawn anew."""
    prompt = prompt_of(read(path), host.get("/object_info"), with_muted=True)
    kinds = {name: node["class_type"] for name, node in prompt.items()}
    (noise,) = (node for node in prompt.values() if node["class_type"] == "SetLatentNoiseMask")
    (sampler,) = (node for node in prompt.values() if node["class_type"] == "KSampler")
    assert kinds[sampler["inputs"]["model"][0]] == "DifferentialDiffusion"
    mask, slot = noise["inputs"]["mask"]
    needed = {}
    waiting = [mask]
    while waiting:
        name = waiting.pop()
        needed[name] = prompt[name]
        waiting += [link[0] for link in prompt[name]["inputs"].values() if isinstance(link, list)]
    (drawing,) = (name for name in needed if kinds[name] == "DPTNTransferPose")
    assert any([drawing, 3] in node["inputs"].values() for node in needed.values())
    shown = {"class_type": "MaskToImage", "inputs": {"mask": [mask, slot]}}
    report = {"class_type": "ProbeReportImages", "inputs": {"image": ["image", 0]}}
    run = host.run(needed | {"image": shown, "report": report})
    assert run.error is None, run.error
    said = json.loads(run.outputs["report"]["facts"][0])
    assert said["shape"] == [1, 1024, 768, 3] and said["high"] > 0.9 and said["low"] < 0.5


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_node_is_missing_and_none_is_of_another_pack(host, path):
    info = host.get("/object_info")
    for node in read(path)["nodes"]:
        if node["type"] in NOTES:
            continue
        module = info[node["type"]]["python_module"]
        assert module == "nodes" or module.startswith("comfy_extras.") or node["type"].startswith("DPTN"), node["type"]


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_boxes_overlap_and_groups_and_notes_explain(path):
    workflow = read(path)
    for a, b in combinations(workflow["nodes"], 2):
        (ax, ay), (aw, ah), (bx, by), (bw, bh) = a["pos"], a["size"], b["pos"], b["size"]
        apart = ax + aw <= bx or bx + bw <= ax or ay + ah <= by - TITLE_HEIGHT or by + bh <= ay - TITLE_HEIGHT
        assert apart, (a["type"], b["type"])
    assert workflow["groups"] and all(group["title"] for group in workflow["groups"])
    for a, b in combinations(workflow["groups"], 2):
        (ax, ay, aw, ah), (bx, by, bw, bh) = a["bounding"], b["bounding"]
        assert ax + aw <= bx or bx + bw <= ax or ay + ah <= by or by + bh <= ay, (a["title"], b["title"])
    for node in workflow["nodes"]:  # a box lies in a group or outside of it, never across its edge
        (x, y), (w, h) = node["pos"], node["size"]
        for group in workflow["groups"]:
            gx, gy, gw, gh = group["bounding"]
            inside = gx <= x and x + w <= gx + gw and gy <= y - TITLE_HEIGHT and y + h <= gy + gh
            outside = x + w <= gx or gx + gw <= x or y + h <= gy or gy + gh <= y - TITLE_HEIGHT
            assert inside or outside, (node["type"], group["title"])
    notes = [node for node in workflow["nodes"] if node["type"] in NOTES]
    assert notes and all(len(note["widgets_values"][0]) > 60 for note in notes)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_nothing_of_its_authors_machine_is_in_it_and_it_has_a_thumbnail(host, path):
    kinds = {node["type"] for node in read(path)["nodes"] if node["mode"] != MUTED}
    assert kinds & {"DPTNSamplePerson", "DPTNLoadPerson"} and "LoadImage" not in kinds
    for node in read(path)["nodes"]:
        if node["type"] == "DPTNLoadPerson":
            assert node["widgets_values"][0].startswith("sample: ")
    templates = host.get("/workflow_templates")["dptn-pose-transfer"]
    assert path.stem in templates
    thumbnail = FOLDER / f"{path.stem}.jpg"
    with Image.open(thumbnail) as image:
        assert image.format == "JPEG" and 200 <= image.width <= 800
    served = host.fetch(f"/api/workflow_templates/dptn-pose-transfer/{thumbnail.name}")
    assert served == thumbnail.read_bytes()


SAVED = Path(__file__).with_name("saved")


@pytest.mark.parametrize("path", sorted(SAVED.glob("*.json")), ids=name_of)
def test_a_workflow_saved_with_an_earlier_release_still_runs(host, path):
    """These files are never edited: what somebody saved once has to work for ever."""
    prompt = prompt_of(read(path), host.get("/object_info"))
    if "diffusion" in path.stem:
        assert missing_files(host, prompt) == WANTED_FILES
    else:
        assert host.run(prompt).error is None
