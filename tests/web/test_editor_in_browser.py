"""Edit Skeleton in a real browser, on the front end of the real host."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from comfy_host import PACK

from dptn_core.pose import LIMBS

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
WORKFLOW = PACK / "workflows" / "2_edit_skeleton_and_attention.json"
READY = "window.app && window.app.graph && document.querySelector('canvas')"
NODE = "window.app.graph._nodes.find(n => n.type === 'DPTNEditSkeleton')"
NODES_2 = (1, 35)  # front ends before cannot draw any pack's nodes in the newer renderer


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no Chromium found")
    with playwright.sync_playwright() as runner:
        launched = runner.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield launched
        launched.close()


@pytest.fixture(scope="module", params=["classic", "Nodes 2.0"])
def page(host, browser, request) -> Iterator[Any]:
    opened = browser.new_page(viewport={"width": 1500, "height": 1000})
    opened.faults = []
    opened.on("pageerror", lambda error: opened.faults.append(getattr(error, "stack", None) or str(error)))
    open_front_end(opened, host)
    version = opened.evaluate("window.__COMFYUI_FRONTEND_VERSION__")
    newer = request.param == "Nodes 2.0"
    if newer and tuple(int(part) for part in version.split(".")[:2]) < NODES_2:
        pytest.skip(f"front end {version} has no Nodes 2.0 for packs")
    for name, value in (
        ("Comfy.VueNodes.Enabled", newer),
        ("Comfy.TutorialCompleted", True),
        ("Comfy.Minimap.Visible", False),
    ):
        opened.evaluate("([n, v]) => window.app.ui.settings.setSettingValueAsync(n, v)", [name, value])
    open_front_end(opened, host)
    yield opened
    opened.close()


def open_front_end(page: Any, host: Any) -> None:
    page.goto(f"http://{host.address}")
    page.wait_for_function(READY, timeout=90_000)
    page.wait_for_timeout(2500)


@pytest.fixture
def editor(page) -> Any:
    """The page with the workflow open and the editor's node in the middle."""
    load(page, json.loads(WORKFLOW.read_text()))
    return page


def load(page: Any, workflow: dict[str, Any]) -> None:
    page.evaluate("async w => { await window.app.loadGraphData(w, true, true) }", workflow)
    page.wait_for_timeout(800)
    page.keyboard.press("Escape")
    page.evaluate(
        f"() => {{ const n = {NODE}; const c = window.app.canvas; c.ds.scale = 1;"
        " c.ds.offset = [-n.pos[0] + 400, -n.pos[1] + 220]; c.draw(true, true); }"
    )
    page.wait_for_selector(".dptn-editor circle", timeout=10_000)
    page.wait_for_timeout(500)


def value(page: Any) -> dict[str, Any]:
    """The edit as the prompt carries it."""
    prompt = page.evaluate("window.app.graphToPrompt().then(p => p.output)")
    (node,) = (one for one in prompt.values() if one["class_type"] == "DPTNEditSkeleton")
    result: dict[str, Any] = json.loads(node["inputs"]["edited"])
    return result


def points(edit: dict[str, Any]) -> list[tuple[float, float]]:
    flat = edit["frames"][0]["people"][0]["pose_keypoints_2d"]
    return list(zip(flat[0::3], flat[1::3], strict=True))


def lengths(of: list[tuple[float, float]]) -> list[float]:
    return [math.dist(of[a], of[b]) for a, b in LIMBS]


def drag(page: Any, joint: int, dx: float, dy: float) -> None:
    x, y = page.evaluate(
        """joint => {
            const box = document.querySelector(`.dptn-editor circle[data-joint="${joint}"]`).getBoundingClientRect();
            return [box.x + box.width / 2, box.y + box.height / 2];
        }""",
        joint,
    )
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx, y + dy, steps=10)
    page.mouse.up()
    page.wait_for_timeout(200)


def press(page: Any, label: str) -> None:
    page.evaluate(f"document.querySelector('.dptn-editor button[aria-label^=\"{label}\"]').click()")
    page.wait_for_timeout(150)


def test_a_pulled_hand_moves_in_the_prompt_and_limbs_keep_their_lengths(editor):
    before = points(value(editor))
    drag(editor, 4, 25, 60)
    after = points(value(editor))
    assert math.dist(before[4], after[4]) > 20
    assert max(abs(a - b) for a, b in zip(lengths(before), lengths(after), strict=True)) < 0.05
    assert before[2] == after[2] and before[10] == after[10]


def test_a_drag_is_undone_and_redone_as_one_step(editor):
    before = value(editor)
    drag(editor, 7, -20, -30)
    changed = value(editor)
    assert changed != before
    press(editor, "Undo")
    assert points(value(editor)) == points(before)
    press(editor, "Redo")
    assert value(editor) == changed


def test_the_graph_does_not_move_while_a_joint_is_pulled(editor):
    place = f"[...{NODE}.pos, ...window.app.canvas.ds.offset]"
    before = editor.evaluate(place)
    drag(editor, 13, 30, -10)
    assert editor.evaluate(place) == before


def test_an_edit_survives_saving_and_loading_the_workflow(editor):
    drag(editor, 4, 15, 30)
    edited = value(editor)
    saved = editor.evaluate("window.app.graph.serialize()")
    load(editor, json.loads(WORKFLOW.read_text()))
    assert value(editor) != edited
    load(editor, saved)
    assert value(editor) == edited


def test_joints_hide_and_come_back_and_arrow_keys_nudge(editor):
    editor.evaluate("document.querySelector('.dptn-editor circle[data-joint=\"7\"]').focus()")
    editor.keyboard.press("ArrowRight")
    editor.keyboard.press("Shift+ArrowUp")
    editor.keyboard.press("Delete")
    editor.wait_for_timeout(200)
    assert points(value(editor))[7] == (0, 0)
    editor.evaluate("[...document.querySelectorAll('.dptn-editor button')].at(-1).click()")
    editor.wait_for_timeout(200)
    assert points(value(editor))[7] != (0, 0)


def test_the_editor_opens_on_values_it_cannot_read(editor):
    workflow = json.loads(WORKFLOW.read_text())
    (node,) = (one for one in workflow["nodes"] if one["type"] == "DPTNEditSkeleton")
    for text in ("", "{broken", '{"version": 99}', "[]"):
        node["widgets_values"][-1] = text
        load(editor, workflow)
        assert editor.locator(".dptn-editor circle").count() == 18
        drag(editor, 4, 10, 10)
        assert len(points(value(editor))) == 18


def test_live_posing_draws_while_pulling_and_starts_nothing_else(editor):
    editor.evaluate("window.app.queuePrompt(0, 1)")
    editor.wait_for_function("fetch('/queue').then(r => r.json()).then(q => !q.queue_running.length)", timeout=60_000)
    editor.wait_for_timeout(4000)
    editor.evaluate(
        """async () => {
            const { api } = await import('/scripts/api.js');
            window.ran = [];
            window.most = 0;
            window.open = new Set();
            api.addEventListener('executed', e => window.ran.push(String(e.detail.node)));
            api.addEventListener('execution_start', e => {
              window.open.add(e.detail.prompt_id); window.most = Math.max(window.most, window.open.size);
            });
            for (const end of ['execution_success', 'execution_error'])
              api.addEventListener(end, e => window.open.delete(e.detail.prompt_id));
        }"""
    )
    drag(editor, 4, 10, 10)
    assert editor.evaluate("window.ran.length") == 0  # the switch is off
    press(editor, "Live posing")
    editor.wait_for_timeout(2000)
    for step in range(3):
        drag(editor, 4, 10, 15 - step)
    editor.wait_for_timeout(3000)
    kinds = {
        str(one["id"]): one["type"]
        for one in editor.evaluate("window.app.graph._nodes.map(n => ({id: n.id, type: n.type}))")
    }
    ran = [kinds[name] for name in editor.evaluate("window.ran")]
    assert ran.count("DPTNTransferPose") >= 2
    assert set(ran) <= {"DPTNTransferPose", "DPTNEditSkeleton"}
    assert editor.evaluate("window.most") == 1


def test_nothing_of_ours_failed_on_the_page(page):
    assert [fault for fault in page.faults if "dptn" in fault.lower()] == []
