"""Edit Skeleton in a real browser, on the front end of the real host."""

from __future__ import annotations

import json
import math
import time
from typing import Any

import pytest
from comfy_host import PACK
from PIL import Image

from dptn_core.pose import LIMBS

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

WORKFLOW = PACK / "workflows" / "2_edit_skeleton_and_attention.json"
NODE = "window.app.graph._nodes.find(n => n.type === 'DPTNEditSkeleton')"


@pytest.fixture(scope="module")
def page(page_on_host: Any) -> Any:
    return page_on_host


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
    page.wait_for_selector(".dptn-editor circle.joint", timeout=10_000)
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
    page.evaluate(f"document.querySelector('.dptn-panel button[aria-label^=\"{label}\"]').click()")
    page.wait_for_timeout(150)


def take(page: Any, pose: str) -> None:
    """A pose of the library."""
    page.evaluate(
        "[...document.querySelectorAll('.dptn-panel [role=tab]')].find(t => t.innerText === 'Library').click()"
    )
    page.wait_for_selector(".dptn-panel .shelf button", state="attached")
    press(page, pose)


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
    press(editor, "Bring back")
    editor.wait_for_timeout(200)
    assert points(value(editor))[7] != (0, 0)


def test_the_editor_opens_on_values_it_cannot_read(editor):
    workflow = json.loads(WORKFLOW.read_text())
    (node,) = (one for one in workflow["nodes"] if one["type"] == "DPTNEditSkeleton")
    for text in ("", "{broken", '{"version": 99}', "[]"):
        node["widgets_values"][-1] = text
        load(editor, workflow)
        assert editor.locator(".dptn-editor circle.joint").count() == 18
        drag(editor, 4, 10, 10)
        assert len(points(value(editor))) == 18


def test_live_posing_draws_while_pulling_and_starts_nothing_else(editor, host):
    before = set(host.get("/history"))  # other tests ask for drafts themselves
    editor.evaluate("window.app.queuePrompt(0, 1)")
    editor.wait_for_timeout(1000)
    wait_until_idle(host)
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
            window.grounds = [];
            new MutationObserver(() => {
              const image = document.querySelector('.dptn-editor image.background');
              if (image) window.grounds.push(image.getAttribute('href'));
            }).observe(document.querySelector('.dptn-editor'), { childList: true, subtree: true });
        }"""
    )
    drag(editor, 4, 10, 10)
    assert editor.evaluate("window.ran.length") == 0  # the switch is off
    press(editor, "Live posing")
    editor.wait_for_timeout(2000)
    ground = "document.querySelector('.dptn-editor image.background').getAttribute('href')"
    for step in range(3):
        drag(editor, 4, 10, 15 - step)
    # the person follows under the pose, small at first and then full size
    editor.wait_for_function(f"{ground}.includes('ComfyUI_temp') && window.open.size === 0", timeout=30_000)
    kinds = {
        str(one["id"]): one["type"]
        for one in editor.evaluate("window.app.graph._nodes.map(n => ({id: n.id, type: n.type}))")
    }
    ran = [kinds[name] for name in editor.evaluate("window.ran")]
    assert ran.count("DPTNTransferPose") >= 2
    assert set(ran) <= {"DPTNTransferPose", "DPTNEditSkeleton"}
    assert editor.evaluate("window.most") == 1
    assert editor.evaluate("window.grounds.some(href => href.includes('dptn_draft'))")
    assert not editor.evaluate("window.app.canvas.pause_rendering")
    press(editor, "Live posing")
    assert "dptn_background" in editor.evaluate(ground)  # off: the connected image again
    deadline = time.monotonic() + 30
    while drafts_in_history(host, before) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not drafts_in_history(host, before), "drafts do not fill the queue's history"


def drafts_in_history(host: Any, but: set[str]) -> int:
    prompts = (entry["prompt"][2] for name, entry in host.get("/history").items() if name not in but)
    return sum(any(node["inputs"].get("draft") for node in prompt.values()) for prompt in prompts)


def test_lengths_are_kept_at_another_zoom_of_the_graph(editor):
    editor.evaluate(
        f"() => {{ const c = window.app.canvas; const n = {NODE}; c.ds.scale = 0.7;"
        " c.ds.offset = [-n.pos[0] + 500, -n.pos[1] + 300]; c.draw(true, true); }"
    )
    editor.wait_for_timeout(500)
    before = points(value(editor))
    drag(editor, 7, 20, -50)
    after = points(value(editor))
    assert math.dist(before[7], after[7]) > 20
    assert max(abs(a - b) for a, b in zip(lengths(before), lengths(after), strict=True)) < 0.5


def test_people_library_keyframes_and_pasted_json_reach_the_prompt(editor):
    press(editor, "Add a person")
    assert len(value(editor)["frames"][0]["people"]) == 2
    press(editor, "Remove this person")
    take(editor, "T-pose")
    edit = points(value(editor))
    assert abs(edit[4][1] - edit[2][1]) < 15 and edit[4][0] < edit[2][0]
    press(editor, "Add a keyframe")
    take(editor, "kick")
    frames = value(editor)["frames"]
    assert len(frames) == 2 and frames[0]["steps"] == 12
    editor.evaluate(
        "text => { const data = new DataTransfer(); data.setData('text/plain', text);"
        "document.querySelector('.dptn-panel .stage').dispatchEvent("
        "new ClipboardEvent('paste', { clipboardData: data, bubbles: true })) }",
        json.dumps([{"people": [{"pose_keypoints_2d": [50, 60, 1] * 18}], "canvas_width": 384, "canvas_height": 512}]),
    )
    assert len(value(editor)["frames"]) == 2  # it asks first
    press(editor, "replace everything")
    assert points(value(editor))[0] == (50, 60)


def test_the_full_window_opens_and_closes_and_the_node_keeps_the_edit(editor):
    press(editor, "Full window")
    editor.wait_for_selector("dialog.dptn-window .stage")
    x, y = editor.evaluate("""() => { const b = document.querySelector('dialog circle[data-joint="4"]')
        .getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; }""")
    editor.mouse.move(x, y)
    editor.mouse.down()
    editor.mouse.move(x + 30, y - 80, steps=5)
    editor.mouse.up()
    edited = value(editor)
    editor.keyboard.press("Escape")  # once, although a joint is selected
    editor.wait_for_selector("dialog", state="detached")
    assert editor.locator(".dptn-editor circle.joint").count() == 18
    assert value(editor) == edited


def wait_until_idle(host: Any) -> None:
    """Until the host has finished and noted all that it was asked for."""
    end = time.monotonic() + 90
    while (queue := host.get("/queue")) and (queue["queue_running"] or queue["queue_pending"]):
        assert time.monotonic() < end, queue
        time.sleep(0.2)


def test_what_comes_out_uses_the_edit(editor, host):
    press(editor, "Standing pose")
    take(editor, "arms raised")
    editor.evaluate("window.app.queuePrompt(0, 1)")
    editor.wait_for_function(f"{NODE}.dptnEditor.state.run?.by_hand === true", timeout=90_000)
    wait_until_idle(host)
    history = host.get("/history")
    newest = max(history.values(), key=lambda entry: entry["prompt"][0])
    (said,) = (out["dptn_pose"][0] for out in newest["outputs"].values() if "dptn_pose" in out)
    assert json.loads(said)["by_hand"]
    (sent,) = (n for n in newest["prompt"][2].values() if n["class_type"] == "DPTNEditSkeleton")
    assert json.loads(sent["inputs"]["edited"]) == value(editor)


def test_an_edit_outlives_another_connected_pose_unless_the_artist_says_otherwise(editor):
    def run_with(seed: int) -> None:
        editor.evaluate(
            "seed => { const n = window.app.graph._nodes.find(n => n.type === 'DPTNSamplePerson');"
            "n.widgets.find(w => w.name === 'person').value = 'drawn figure (by seed)';"
            "n.widgets.find(w => w.name === 'figure_seed').value = seed; }",
            seed,
        )
        before = editor.evaluate(f"{NODE}.dptnEditor.state.run?.upstream")
        editor.evaluate("window.app.queuePrompt(0, 1)")
        editor.wait_for_function(
            f"before => {{ const run = {NODE}.dptnEditor.state.run; return run && run.upstream !== before; }}",
            arg=before,
            timeout=90_000,
        )

    shown = f"{NODE}.dptnEditor.state.people()[0].points[4]"
    run_with(41)
    press(editor, "Mirror")
    edited = editor.evaluate(shown)
    run_with(42)
    assert editor.evaluate(shown) == edited
    assert editor.evaluate(f"{NODE}.dptnEditor.state.run.by_hand")
    assert "Your edit is kept" in editor.inner_text(".dptn-panel .asked")
    press(editor, "use the connected pose")
    assert editor.evaluate(shown) != edited
    assert editor.locator(".dptn-panel .asked").is_hidden()
    press(editor, "Undo")
    press(editor, "use my edit")
    assert editor.evaluate(shown) == edited
    assert editor.locator(".dptn-panel .asked").is_hidden()


def test_the_editor_shows_the_canvas_that_the_block_uses(editor):
    editor.evaluate(f"() => {{ const n = {NODE}; n.disconnectInput(0); n.disconnectInput(1); }}")
    press(editor, "Standing pose")
    editor.evaluate(
        f"() => {{ const w = {NODE}.widgets.find(w => w.name === 'width'); w.value = 1024; w.callback?.(1024); }}"
    )
    editor.wait_for_function(f"{NODE}.dptnEditor.state.canvas.width === 1024")
    before = editor.evaluate(f"{NODE}.dptnEditor.state.people()[0].points[0]")
    editor.evaluate("window.app.queuePrompt(0, 1)")
    editor.wait_for_function(f"{NODE}.dptnEditor.state.run?.canvas?.width === 1024", timeout=90_000)
    assert editor.evaluate(f"{NODE}.dptnEditor.state.people()[0].points[0]") == before


def test_the_image_of_a_connected_load_image_lies_under_the_pose_before_any_run(editor, host):
    Image.new("RGB", (300, 200), "teal").save(host.base / "input" / "teal.png")
    shown = f"(() => {{ const e = {NODE}.dptnEditor; return [e.stage.background ?? '', e.state.canvas.width]; }})()"
    greyed = f"{NODE}.widgets.filter(w => w.disabled).map(w => w.name)"
    editor.evaluate(
        f"""() => {{
            const n = {NODE}, load = window.LiteGraph.createNode('LoadImage');
            window.app.graph.add(load);
            load.widgets.find(w => w.name === 'image').value = 'teal.png';
            n.disconnectInput(0);
            load.connect(0, n, n.inputs.findIndex(i => i.name === 'background'));
        }}"""
    )
    editor.wait_for_function(f"{shown}[0].includes('teal.png') && {shown}[1] === 300")
    assert editor.evaluate(greyed) == ["width", "height"]
    editor.evaluate(f"() => {{ const n = {NODE}; n.disconnectInput(1); n.disconnectInput(0); }}")
    editor.wait_for_function(f"{shown}[0] === '' && !{greyed}.length")


def test_a_workflow_that_was_left_and_opened_again_still_has_its_background(editor, host):
    editor.evaluate("window.app.queuePrompt(0, 1)")
    editor.wait_for_function(f"{NODE}.dptnEditor.state.run !== null", timeout=90_000)
    wait_until_idle(host)
    ground = f"{NODE}.dptnEditor.stage.background"
    before = editor.evaluate(ground)
    assert "dptn_background" in before
    outputs = editor.evaluate("JSON.stringify(window.app.nodeOutputs)")
    load(editor, editor.evaluate("window.app.graph.serialize()"))
    # as the front end does for the workflow's tab
    editor.evaluate("text => { window.app.nodeOutputs = JSON.parse(text); }", outputs)
    editor.evaluate(f"{NODE}.dptnEditor.element.dispatchEvent(new PointerEvent('pointerenter'))")
    editor.wait_for_function(f"before => {ground} === before", arg=before, timeout=10_000)


def test_live_posing_goes_on_after_its_prompt_was_taken_out_of_the_queue(editor, host):
    press(editor, "Live posing")
    editor.wait_for_timeout(500)
    wait_until_idle(host)
    editor.evaluate(
        """async () => {
            const { api } = await import('/scripts/api.js');
            window.posts = 0;
            const send = api.fetchApi;
            window.restore = () => { api.fetchApi = send; };
            api.fetchApi = async (path, options) => {
                const answer = await send.call(api, path, options);
                if (path === '/prompt') window.posts++;
                return answer;
            };
        }"""
    )
    # the host is kept busy, so that the live prompt waits in the queue, from where it is taken
    editor.evaluate(
        f"""async () => {{
            const person = window.app.graph._nodes.find(n => n.type === 'DPTNSamplePerson');
            person.widgets.find(w => w.name === 'person').value = 'drawn figure (by seed)';
            person.widgets.find(w => w.name === 'figure_seed').value = 77;
            await window.app.queuePrompt(0, 1);
            const before = window.posts;
            {NODE}.dptnEditor.state.mirror();
            while (window.posts === before) await new Promise(done => setTimeout(done, 5));
            await fetch('/queue', {{ method: 'POST', body: JSON.stringify({{ clear: true }}) }});
        }}"""
    )
    wait_until_idle(host)
    editor.wait_for_timeout(1500)
    before = editor.evaluate("window.posts")
    editor.evaluate(f"{NODE}.dptnEditor.state.mirror()")
    editor.wait_for_function("before => window.posts > before", arg=before, timeout=30_000)
    editor.evaluate("window.restore()")
    press(editor, "Live posing")


def test_a_clone_has_the_edit_and_goes_its_own_way(editor):
    drag(editor, 4, 15, 30)
    original = value(editor)
    editor.evaluate(
        f"() => {{ const n = {NODE}; window.app.canvas.selectNode(n); window.app.canvas.copyToClipboard([n]);"
        " window.app.canvas.pasteFromClipboard(); }"
    )
    editor.wait_for_timeout(1000)
    texts = "window.app.graph._nodes.filter(n => n.type === 'DPTNEditSkeleton').map(n => n.dptnEditor.text)"
    first, second = editor.evaluate(texts)
    assert first == second and json.loads(first) == original
    editor.evaluate("window.app.graph._nodes.filter(n => n.type === 'DPTNEditSkeleton')[1].dptnEditor.state.mirror()")
    first, second = editor.evaluate(texts)
    assert json.loads(first) == original and first != second


def test_inside_a_subgraph_the_edit_travels_and_live_posing_finds_its_way_out(editor, host):
    if not editor.evaluate("typeof window.app.graph.convertToSubgraph === 'function'"):
        pytest.skip("this front end has no subgraphs")
    drag(editor, 4, 15, 30)
    edited = value(editor)
    editor.evaluate("window.app.queuePrompt(0, 1)")
    editor.wait_for_function(f"{NODE}.dptnEditor.state.run !== null", timeout=90_000)
    wait_until_idle(host)  # what the whole graph still runs is not live posing's
    editor.wait_for_timeout(500)
    editor.evaluate(f"window.app.graph.convertToSubgraph(new Set([{NODE}])) && null")
    editor.wait_for_timeout(1000)
    assert value(editor) == edited
    prompt = editor.evaluate("window.app.graphToPrompt().then(p => p.output)")
    (name,) = (name for name, node in prompt.items() if node["class_type"] == "DPTNEditSkeleton")
    assert ":" in name
    inner = (
        "window.app.graph._nodes.filter(n => n.subgraph).flatMap(n => n.subgraph._nodes)"
        ".find(n => n.type === 'DPTNEditSkeleton')"
    )
    editor.evaluate(
        "async () => { const { api } = await import('/scripts/api.js'); window.ran = [];"
        "api.addEventListener('executed', e => window.ran.push(String(e.detail.node))); }"
    )
    editor.evaluate(f"{inner}.dptnEditor.toolbar.live.click()")
    editor.wait_for_timeout(1000)
    editor.evaluate(f"{inner}.dptnEditor.state.mirror()")
    editor.wait_for_function("window.ran.length >= 2", timeout=30_000)
    editor.evaluate(f"{inner}.dptnEditor.toolbar.live.click()")
    kinds = {key: node["class_type"] for key, node in prompt.items()}
    assert {kinds[name] for name in editor.evaluate("window.ran")} <= {"DPTNTransferPose", "DPTNEditSkeleton"}
    # into the subgraph: the editor is drawn there as well
    editor.evaluate(
        "() => { const n = window.app.graph._nodes.find(n => n.subgraph);"
        " window.app.canvas.openSubgraph(n.subgraph, n); }"
    )
    editor.wait_for_selector(".dptn-editor circle.joint", timeout=10_000)
    editor.evaluate("window.app.canvas.setGraph(window.app.graph)")


def test_the_graph_s_own_undo_takes_an_edit_back(editor):
    before = editor.evaluate(f"{NODE}.dptnEditor.text")
    drag(editor, 4, 15, 30)
    assert editor.evaluate(f"{NODE}.dptnEditor.text") != before
    editor.mouse.click(1450, 950)  # outside the editor
    editor.wait_for_timeout(300)
    editor.keyboard.press("Control+z")
    editor.wait_for_function(f"before => {NODE}?.dptnEditor?.text === before", arg=before, timeout=10_000)


def test_a_deleted_node_leaves_nothing_behind(editor):
    press(editor, "Live posing")
    editor.evaluate(f"() => {{ window.gone = {NODE}.dptnEditor; window.app.graph.remove({NODE}); }}")
    editor.wait_for_timeout(500)
    assert editor.locator(".dptn-panel").count() == 0
    changes = editor.evaluate(
        "() => { const before = gone.text; window.dispatchEvent(new PointerEvent('pointermove'));"
        " return gone.text === before; }"
    )
    assert changes
    assert editor.evaluate("gone.stage.pointers.size") == 0


def test_the_renderer_may_change_in_the_middle_of_an_edit(page, host):
    if page.renderer != "Nodes 2.0":
        pytest.skip("switched to and fro in the newer renderer's turn")
    load(page, json.loads(WORKFLOW.read_text()))
    drag(page, 4, 15, 30)
    edited = value(page)
    for newer in (False, True):
        page.evaluate("v => window.app.ui.settings.setSettingValueAsync('Comfy.VueNodes.Enabled', v)", newer)
        page.wait_for_timeout(1500)
        page.wait_for_selector(".dptn-editor circle.joint", timeout=10_000)
        assert value(page) == edited
        drag(page, 7, -12, -25)
        assert value(page) != edited
        edited = value(page)


def test_nothing_of_ours_failed_on_the_page(page):
    assert [fault for fault in page.faults if "dptn" in fault.lower()] == []
