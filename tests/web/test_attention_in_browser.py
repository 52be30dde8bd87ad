"""The attention explorer inside Attention Preview, in a real browser on the front end of the real host."""

from __future__ import annotations

import json
from typing import Any

import pytest
from comfy_host import PACK

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

WORKFLOW = PACK / "workflows" / "2_edit_skeleton_and_attention.json"
KIND = "DPTNAttentionPreview"
NODE = f"window.app.graph._nodes.find(n => n.type === '{KIND}')"
HEAT = "document.querySelector('.dptn-attention .stage[aria-label=target] canvas').toDataURL()"
PLACES = (
    "JSON.stringify([window.app.graph._nodes.map(n => [n.id, ...n.pos]).sort(),"
    f" [...window.app.canvas.ds.offset], {NODE}.size[0]])"
)
FULL = ".dptn-attention:not(.empty)"


@pytest.fixture(scope="module")
def page(page_on_host: Any) -> Any:
    return page_on_host


@pytest.fixture
def unrun(page) -> Any:
    """The page with the workflow open and the node in the middle."""
    load(page, json.loads(WORKFLOW.read_text()))
    return page


@pytest.fixture
def explored(unrun) -> Any:
    """The same after a run."""
    run(unrun)
    unrun.wait_for_selector(FULL, timeout=60_000)
    unrun.wait_for_timeout(1200)  # the node grows by its preview
    return unrun


def load(page: Any, workflow: dict[str, Any]) -> None:
    page.evaluate("async w => { await window.app.loadGraphData(w, true, true) }", workflow)
    page.wait_for_timeout(800)
    page.keyboard.press("Escape")
    page.evaluate(
        f"() => {{ const n = {NODE}; const c = window.app.canvas; c.ds.scale = 1;"
        " c.ds.offset = [-n.pos[0] + 400, -n.pos[1] + 120]; c.draw(true, true); }"
    )
    page.wait_for_selector(".dptn-attention", timeout=10_000)
    page.wait_for_timeout(500)


def run(page: Any) -> None:
    page.evaluate("window.app.queuePrompt(0, 1)")


def screen(page: Any, side: str, x: float, y: float) -> tuple[float, float]:
    """Where a share of one of the images is on the page."""
    box = page.locator(f".stage[aria-label={side}]").bounding_box()
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def said(page: Any) -> str:
    text: str = page.locator(".dptn-attention .said").inner_text()
    return text


def pins(page: Any, kind: str = "pin") -> int:
    count: int = page.locator(f".dptn-attention circle.{kind}").count()
    return count


def drag(page: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=6)
    page.mouse.up()


def prompt(page: Any) -> dict[str, Any]:
    nodes = page.evaluate("window.app.graphToPrompt().then(p => p.output)")
    (node,) = (one for one in nodes.values() if one["class_type"] == KIND)
    inputs: dict[str, Any] = node["inputs"]
    return inputs


def saved(page: Any) -> dict[str, Any]:
    (node,) = (one for one in page.evaluate("window.app.graph.serialize()")["nodes"] if one["type"] == KIND)
    return dict(node)


def test_before_the_first_run_it_says_what_to_do(unrun):
    assert unrun.locator(FULL).count() == 0
    assert "Run the workflow" in said(unrun)
    assert unrun.locator(".dptn-attention .said").is_visible()


def test_everything_is_asked_of_what_the_run_returned_and_nothing_in_the_graph_moves(explored):
    places = explored.evaluate(PLACES)
    explored.asked.clear()
    words = set()
    for x in (0.4, 0.5, 0.6):
        explored.mouse.move(*screen(explored, "target", x, 0.6))
        words.add(said(explored))
    assert len(words) == 3 and all("attends to source" in one for one in words)
    explored.mouse.click(*screen(explored, "target", 0.5, 0.6))
    assert (pins(explored), pins(explored, "ring")) == (1, 1)
    explored.mouse.move(*screen(explored, "source", 0.5, 0.5))
    assert "is attended most by target" in said(explored)
    joint = explored.locator(".stage[aria-label=target] circle.joint").nth(10).bounding_box()
    explored.mouse.click(joint["x"] + joint["width"] / 2, joint["y"] + joint["height"] / 2)
    explored.mouse.move(5, 500)
    assert "(right ankle)" in said(explored)
    drag(explored, screen(explored, "target", 0.1, 0.7), screen(explored, "target", 0.3, 0.9))
    explored.mouse.move(5, 500)
    assert pins(explored) == 3 and "region" in said(explored)
    drag(explored, screen(explored, "source", 0.4, 0.4), screen(explored, "source", 0.6, 0.5))
    assert pins(explored) == 4
    before = explored.evaluate(HEAT)
    explored.locator(".dptn-attention").get_by_label("Layer").select_option("0")
    explored.locator(".dptn-attention").get_by_label("Head").select_option("1")
    assert explored.evaluate(HEAT) != before
    chosen = explored.locator(".dptn-attention").get_by_label("Layer")
    chosen.click()
    explored.keyboard.press("ArrowDown")
    explored.keyboard.press("Enter")
    assert chosen.input_value() == "1"
    explored.get_by_role("button", name="clear pins").click()
    assert pins(explored) == 0
    assert explored.evaluate(PLACES) == places
    # the front end itself may still be fetching the node's preview, with a random number in the address
    ours = [(how, url) for how, url in explored.asked if "rand=" not in url]
    assert [url for how, url in ours if how != "GET" or "/prompt" in url or "/view" in url] == []


def test_keys_move_the_pointed_place_and_delete_takes_pins_not_nodes(explored):
    count = explored.evaluate("window.app.graph._nodes.length")
    explored.mouse.click(*screen(explored, "target", 0.5, 0.6))
    explored.keyboard.press("ArrowRight")
    first = said(explored)
    explored.keyboard.press("ArrowDown")
    assert said(explored) != first
    explored.keyboard.press("Enter")
    assert pins(explored) == 2
    explored.keyboard.press("Delete")
    explored.keyboard.press("Backspace")
    assert pins(explored) == 0
    assert explored.evaluate("window.app.graph._nodes.length") == count


def test_it_leaves_nothing_in_the_workflow_or_the_prompt(explored):
    explored.evaluate(
        f"() => {{ for (const [name, value] of [['joint', 'none'], ['points', '7,8; 9,10'], ['head', 1]])"
        f" {NODE}.widgets.find(w => w.name === name).value = value; }}"
    )
    explored.mouse.click(*screen(explored, "target", 0.5, 0.6))
    assert pins(explored) == 1
    assert saved(explored)["widgets_values"] == ["none", "7,8; 9,10", 0, -1, 1]
    inputs = prompt(explored)
    link = inputs.pop("attention")
    assert isinstance(link, list)
    wanted = {"joint": "none", "points": "7,8; 9,10", "picture": 0, "layer": -1, "head": 1}
    assert inputs == wanted
    workflow = explored.evaluate("window.app.graph.serialize()")
    load(explored, workflow)
    assert saved(explored)["widgets_values"] == ["none", "7,8; 9,10", 0, -1, 1]
    assert {name: value for name, value in prompt(explored).items() if name != "attention"} == wanted
    assert "Run the workflow" in said(explored)


def test_a_workflow_that_was_left_and_opened_again_is_explored_on(explored):
    outputs = explored.evaluate("JSON.stringify(window.app.nodeOutputs)")
    workflow = explored.evaluate("window.app.graph.serialize()")
    explored.mouse.move(5, 500)
    load(explored, workflow)
    explored.mouse.move(5, 505)
    assert explored.locator(FULL).count() == 0
    # as the front end does for the workflow's tab
    explored.evaluate("text => { window.app.nodeOutputs = JSON.parse(text); }", outputs)
    explored.locator(".dptn-attention").hover()
    explored.wait_for_selector(FULL, timeout=10_000)


def test_the_same_inside_a_subgraph(explored):
    if not explored.evaluate("typeof window.app.graph.convertToSubgraph === 'function'"):
        pytest.skip("this front end has no subgraphs")
    explored.evaluate(f"window.app.graph.convertToSubgraph(new Set([{NODE}])) && null")
    explored.wait_for_timeout(1000)
    run(explored)
    inner = "window.app.graph._nodes.filter(n => n.subgraph).flatMap(n => n.subgraph._nodes)[0]"
    explored.wait_for_function(
        f"Object.keys(window.app.nodeOutputs).includes({inner}.graph.id + ':' + {inner}.id)", timeout=60_000
    )
    outputs = explored.evaluate("JSON.stringify(window.app.nodeOutputs)")
    explored.mouse.move(5, 500)
    load_into_subgraph(explored, explored.evaluate("window.app.graph.serialize()"))
    explored.mouse.move(5, 505)
    explored.evaluate("text => { window.app.nodeOutputs = JSON.parse(text); }", outputs)
    explored.hover(".dptn-attention")
    explored.wait_for_selector(FULL, timeout=30_000)
    explored.evaluate("window.app.canvas.setGraph(window.app.graph)")


def load_into_subgraph(page: Any, workflow: dict[str, Any]) -> None:
    """Open a workflow and go into its one subgraph, to the node in it."""
    page.evaluate("async w => { await window.app.loadGraphData(w, true, true) }", workflow)
    page.wait_for_timeout(800)
    page.evaluate(
        "() => { const c = window.app.canvas; const n = window.app.graph._nodes.find(n => n.subgraph);"
        " c.openSubgraph(n.subgraph, n); const [inner] = n.subgraph._nodes; c.ds.scale = 1;"
        " c.ds.offset = [-inner.pos[0] + 400, -inner.pos[1] + 120]; c.draw(true, true); }"
    )
    page.wait_for_selector(".dptn-attention.empty", timeout=10_000)
    page.wait_for_timeout(500)


def test_pinned_places_go_into_points_and_the_next_run_draws_them(explored):
    explored.mouse.click(*screen(explored, "target", 0.5, 0.6))
    explored.mouse.click(*screen(explored, "target", 0.3, 0.9))
    explored.get_by_role("button", name="to points").click()
    points = prompt(explored)["points"]
    assert [len(point.split(",")) for point in points.split("; ")] == [2, 2]
    assert "points" in said(explored)
    explored.evaluate(
        """async () => {
            const { api } = await import('/scripts/api.js');
            window.answers = [];
            api.addEventListener('executed', e => {
              if (e.detail.output?.dptn_attention) window.answers.push(JSON.parse(e.detail.output.dptn_attention[0]));
            });
        }"""
    )
    run(explored)
    explored.wait_for_function("window.answers.length", timeout=60_000)
    asked = explored.evaluate("window.answers[0].asked.slice(-2)")
    assert "; ".join(f"{x:.0f},{y:.0f}" for x, y in asked) == points
    explored.wait_for_timeout(1500)
    assert pins(explored) == 2  # they stay for the next run


def test_a_copy_is_a_node_of_its_own_and_a_removed_one_is_gone(explored):
    explored.mouse.click(*screen(explored, "target", 0.5, 0.6))
    explored.evaluate(
        f"() => {{ const n = {NODE}; window.copy = n.clone(); window.copy.pos = [n.pos[0], n.pos[1] + 1500];"
        " window.app.graph.add(window.copy); }"
    )
    explored.wait_for_timeout(500)
    assert explored.evaluate("window.copy.widgets.filter(w => w.name === 'explorer').length") == 1
    elements = "[window.copy, {NODE}].map(n => n.widgets.find(w => w.name === 'explorer').element)".replace(
        "{NODE}", NODE
    )
    assert explored.evaluate(
        "(([a, b]) => { const empty = one => one.querySelector('.dptn-attention').classList.contains('empty');"
        f" return a !== b && empty(a) && !empty(b); }})({elements})"
    )
    explored.evaluate("window.app.graph.remove(window.copy)")
    explored.mouse.click(*screen(explored, "target", 0.3, 0.8))
    assert pins(explored) == 2
    explored.evaluate(f"window.app.graph.remove({NODE})")
    explored.wait_for_timeout(500)
    assert explored.locator(".dptn-attention").count() == 0
    explored.mouse.click(600, 500)


def test_a_run_whose_file_is_gone_asks_for_another(host, explored):
    for file in (host.base / "temp").glob("dptn_attention*"):
        file.unlink()
    run(explored)  # nothing changed, so the host repeats what it said
    explored.wait_for_selector(".dptn-attention.empty", timeout=30_000)
    assert "Run the workflow again" in said(explored)
    explored.evaluate(f"() => {{ {NODE}.widgets.find(w => w.name === 'points').value = '{id(explored) % 300},5'; }}")
    run(explored)
    explored.wait_for_selector(FULL, timeout=60_000)


def test_nothing_of_ours_failed_on_the_page(page):
    assert [fault for fault in page.faults if "dptn" in fault.lower() or "explorer" in fault.lower()] == []
