"""A saved workflow as the prompt its front end would queue."""

from __future__ import annotations

from typing import Any

WIDGETS = {"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"}
NOTES = {"Note", "MarkdownNote"}
MUTED = 2


def prompt_of(workflow: dict[str, Any], info: dict[str, Any], *, with_muted: bool = False) -> dict[str, dict[str, Any]]:
    """Links by slot, widget values by position, in the order the host declares its inputs.

    Args:
        workflow: the UI form, version 0.4, without subgraphs.
        info: the host's /object_info.
        with_muted: as if everything that is muted were not.

    Raises:
        KeyError: a node the host does not know.
        ValueError: widget values that do not match the host's declaration.
    """
    links = {link[0]: link for link in workflow["links"]}
    prompt = {}
    muted = {node["id"] for node in workflow["nodes"] if node["mode"] == MUTED and not with_muted}
    for node in workflow["nodes"]:
        if node["type"] in NOTES or node["id"] in muted:
            continue
        declared = info[node["type"]]
        values = list(node["widgets_values"])
        inputs: dict[str, Any] = {}
        for group in ("required", "optional"):
            for name in declared["input_order"].get(group, []):
                kind, *rest = declared["input"][group][name]
                options = rest[0] if rest else {}
                if isinstance(kind, list) or kind in WIDGETS:
                    if not values and "default" not in options:
                        raise ValueError(f"{node['type']}: no value for {name}")
                    # an input appended since the workflow was saved keeps its default, as in the front ends
                    inputs[name] = values.pop(0) if values else options["default"]
                    if options.get("control_after_generate") or options.get("image_upload"):
                        values.pop(0)  # of a widget that the front end adds
        if values:
            raise ValueError(f"{node['type']}: values left over: {values}")
        for slot in node["inputs"]:
            if slot.get("link") is not None:
                _, source, output, target, _, kind = links[slot["link"]]
                if target != node["id"]:
                    raise ValueError(f"link {slot['link']} does not end at node {node['id']}")
                if source not in muted:
                    inputs[slot["name"]] = [str(source), output]
        prompt[str(node["id"])] = {"class_type": node["type"], "inputs": inputs}
    return prompt
