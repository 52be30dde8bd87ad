"""What the host says about every block, against the snapshot: ids, order, types and defaults are released interfaces.

Inputs may only be appended. Update the snapshot with `python tests/nodes/test_schemas.py` when one was.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SNAPSHOT = Path(__file__).with_name("schemas.json")
DOCS = Path(__file__).resolve().parents[2] / "web" / "docs"
# Combos whose options depend on the files of the machine.
FILE_COMBOS = {("DPTNLoadModel", "model"), ("DPTNLoadPose", "file"), ("DPTNLoadPerson", "photograph")}


def described(info: dict[str, Any]) -> dict[str, Any]:
    """The parts of /object_info that saved workflows and prompts depend on."""
    result = {}
    for node, metadata in sorted(info.items()):
        if not node.startswith("DPTN"):
            continue
        inputs = []
        for group in ("required", "optional"):
            for name in metadata["input_order"].get(group, []):
                kind, options = metadata["input"][group][name]
                shown = {key: value for key, value in options.items() if key in ("default", "min", "max", "step")}
                choices = options.get("options")
                if choices is not None and (node, name) not in FILE_COMBOS:
                    shown["options"] = choices
                inputs.append([name, group, kind, shown])
        outputs = [list(pair) for pair in zip(metadata["output"], metadata["output_name"], strict=True)]
        result[node] = {
            "display_name": metadata["display_name"],
            "category": metadata["category"],
            "output_node": metadata["output_node"],
            "inputs": inputs,
            "outputs": outputs,
        }
    return result


def test_every_block_is_as_released(host):
    assert described(host.get("/object_info")) == json.loads(SNAPSHOT.read_text())


def test_every_input_and_output_has_a_tooltip_and_every_block_a_description(host):
    for node, metadata in host.get("/object_info").items():
        if node.startswith("DPTN"):
            assert len(metadata["description"]) > 40, node
            inputs = {**metadata["input"].get("required", {}), **metadata["input"].get("optional", {})}
            for name, (_, options) in inputs.items():
                assert len(options.get("tooltip", "")) > 10, (node, name)
            assert all(metadata["output_tooltips"]), node


def test_every_block_has_a_help_page_with_a_picture(host):
    for node in described(host.get("/object_info")):
        page = host.fetch(f"/extensions/dptn-pose-transfer/docs/{node}.md").decode()
        assert page == (DOCS / f"{node}.md").read_text()
        images = [line.split("](")[1].split(")")[0] for line in page.splitlines() if line.startswith("![")]
        assert images, node
        for image in images:
            assert host.fetch(f"/extensions/dptn-pose-transfer/docs/{image}")[:4] in (b"\x89PNG", b"\xff\xd8\xff\xe0")


if __name__ == "__main__":
    import tempfile

    from comfy_host import find_host, running_host

    found = find_host()
    if isinstance(found, str):
        raise SystemExit(found)
    with tempfile.TemporaryDirectory() as folder, running_host(*found, Path(folder) / "base") as running:
        SNAPSHOT.write_text(json.dumps(described(running.get("/object_info")), indent=1) + "\n")
