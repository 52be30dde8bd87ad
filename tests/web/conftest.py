"""What the tests on the host's front end share: one browser, and a page of it in either renderer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from browser import CHROMIUM, NODES_2, choose_renderer, chromium, new_page


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no Chromium found")
    with chromium() as launched:
        yield launched


@pytest.fixture
def host(request) -> Any:
    """The host that the test's page is on."""
    on_host = "page_on_host" in request.fixturenames
    return request.getfixturevalue("page_on_host").host if on_host else request.getfixturevalue("first_host")


@pytest.fixture(scope="module", params=["classic", "Nodes 2.0"])
def page_on_host(hosts, browser, request) -> Iterator[Any]:
    """The host's front end; `renderer` is which one, `asked` what it has requested since."""
    newer = request.param == "Nodes 2.0"
    host = hosts.with_front_end(NODES_2) if newer else hosts.first()
    if host is None:
        versions = ", ".join(".".join(map(str, place.version)) for place in hosts.places)
        pytest.skip(f"no front end from {NODES_2[0]}.{NODES_2[1]} on, which Nodes 2.0 needs, only {versions}")
    opened = new_page(browser)
    opened.host = host
    opened.renderer = request.param
    opened.asked = []
    opened.on("request", lambda sent: opened.asked.append((sent.method, sent.url)))
    choose_renderer(opened, host, newer=newer)
    yield opened
    opened.close()
