"""What the tests on the host's front end share: one browser, and a page of it in either renderer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from browser import CHROMIUM, NoNodes2, choose_renderer, chromium, new_page


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no Chromium found")
    with chromium() as launched:
        yield launched


@pytest.fixture(scope="module", params=["classic", "Nodes 2.0"])
def page_on_host(host, browser, request) -> Iterator[Any]:
    """The host's front end; `renderer` is which one, `asked` what it has requested since."""
    opened = new_page(browser)
    opened.renderer = request.param
    opened.asked = []
    opened.on("request", lambda sent: opened.asked.append((sent.method, sent.url)))
    try:
        choose_renderer(opened, host, newer=request.param == "Nodes 2.0")
    except NoNodes2 as error:
        pytest.skip(str(error))
    yield opened
    opened.close()
