"""axe-core finds nothing serious in the editor and in the explorer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import CHROMIUM, chromium, new_page, served_pack
from test_explorer_in_browser import data

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

AXE = Path(__file__).with_name("node_modules") / "axe-core" / "axe.min.js"
TABS = ("Pose", "Library", "Hands", "People", "Frames", "View", "File")


@pytest.fixture(scope="module")
def page() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no Chromium found")
    if not AXE.exists():
        pytest.skip("axe-core is not installed: `npm ci --prefix tests/web`")
    with chromium() as browser, served_pack() as root:
        opened = new_page(browser)
        opened.root = root
        yield opened


def findings(page: Any, element: str) -> list[str]:
    """Serious and critical findings of axe-core within an element, each with its places."""
    page.add_script_tag(path=str(AXE))
    found = page.evaluate("element => axe.run(element)", element)
    return [
        f"{one['id']}: {one['help']}: {[node['html'][:120] for node in one['nodes'][:4]]}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_the_editor(page: Any, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{page.root}/tests/web/mount.html")
    page.wait_for_function("window.editor")
    for tab in TABS:
        page.get_by_role("tab", name=tab).click()
        assert findings(page, ".dptn-editor") == [], tab
    page.get_by_role("button", name="Full window").click()
    assert findings(page, ".dptn-window") == []


def test_the_explorer(page: Any) -> None:
    page.goto(f"{page.root}/tests/web/explorer_page.html")
    page.wait_for_function("window.ready")
    assert findings(page, ".dptn-attention") == []
    run, maps = data()
    page.evaluate("([run, maps]) => window.show(run, maps)", [run, maps])
    page.locator(".stage").first.click()
    assert findings(page, ".dptn-attention") == []
