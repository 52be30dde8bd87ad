"""The workflow that opens as an app, on a front end that has App mode, on a desk and on a phone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from browser import choose_renderer, new_page
from comfy_host import PACK

APP_MODE = (1, 58)  # the oldest front end on which this has been tried
DESK, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
EDITOR = "window.app.graph._nodes.find(n => n.type === 'DPTNEditSkeleton').dptnEditor"
SHOWN = "[...document.querySelectorAll('img')].some(one => one.clientWidth > 200 && one.src.includes('dptn_draft'))"


@pytest.fixture(scope="module")
def page_on_host(hosts, browser) -> Iterator[Any]:
    host = hosts.with_front_end(APP_MODE)
    if host is None:
        pytest.skip(f"no front end from {APP_MODE[0]}.{APP_MODE[1]} on, which App mode needs; see COMFYUI_FRONTENDS")
    opened = new_page(browser)
    opened.host = host
    choose_renderer(opened, host, newer=True)
    yield opened
    opened.close()


@pytest.fixture
def app(page_on_host) -> Any:
    """The page with the app open, and without what the front end says to newcomers."""
    page_on_host.set_viewport_size(DESK)
    workflow = json.loads((PACK / "workflows" / "7_pose_a_person.json").read_text(encoding="utf-8"))
    page_on_host.evaluate("async w => { await window.app.loadGraphData(w, true, true, 'pose_a_person') }", workflow)
    page_on_host.wait_for_selector("[data-testid=app-mode-widget-item] .dptn-editor circle.joint", timeout=30_000)
    skip = page_on_host.get_by_role("button", name="Skip")
    if skip.count():
        skip.first.click()
    return page_on_host


def centre(page: Any, joint: int) -> tuple[float, float]:
    box = page.locator(f".dptn-editor circle[data-joint='{joint}']").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_a_photograph_and_the_editor_are_what_it_asks_for_in_words(app):
    items = app.locator("[data-testid=app-mode-widget-item]")
    assert [text.split("\n")[0] for text in items.all_inner_texts()] == ["Photograph", "Pose"]


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_nothing_is_cut_off(app, size):
    app.set_viewport_size(size)
    app.wait_for_timeout(1500)
    if size is PHONE:
        app.get_by_text("Edit & Run").click()
        app.wait_for_timeout(500)
    beyond = """() => {
      const list = document.querySelector('[data-testid=linear-widgets]').getBoundingClientRect();
      return [...document.querySelectorAll('.dptn-editor :is(button, circle.joint, .stage)')].filter((one) => {
        const box = one.getBoundingClientRect();
        return box.width && (box.left < list.left || box.right > list.right || box.bottom > list.bottom);
      }).map((one) => one.outerHTML.slice(0, 90));
    }"""
    assert app.evaluate(beyond) == []


def test_the_results_follow_live_posing_and_no_tooltip_lies_over_them(app):
    app.locator("button:has-text('Run')").last.click()
    app.wait_for_function(f"{EDITOR}.state.run !== null", timeout=120_000)
    app.locator(".dptn-editor [aria-label^='Live posing']").first.click()
    x, y = centre(app, 4)
    app.mouse.move(x, y)
    app.mouse.down()
    try:
        for step in range(200):
            app.mouse.move(x + step % 30, y + step % 40)
            app.wait_for_timeout(150)
            if app.evaluate(SHOWN):
                break
        assert app.evaluate(SHOWN)
        assert app.locator("[role=tooltip]").count() == 0
    finally:
        app.mouse.up()
    assert not app.faults
