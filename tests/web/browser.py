"""A real browser for tests and measurements: on the front end of a real host, or on a bare page."""

from __future__ import annotations

import functools
import http.server
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from comfy_host import PACK

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
READY = "window.app && window.app.graph && document.querySelector('canvas')"
NODES_2 = (1, 35)  # front ends before cannot draw any pack's nodes in the newer renderer


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser; wants playwright and `CHROMIUM`."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as runner:
        launched = runner.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield launched
        launched.close()


def new_page(browser: Any, **options: Any) -> Any:
    """A page that keeps the errors nobody caught in `faults`."""
    page = browser.new_page(viewport={"width": 1500, "height": 1000}, **options)
    page.faults = []
    page.on("pageerror", lambda error: page.faults.append(getattr(error, "stack", None) or str(error)))
    return page


def open_front_end(page: Any, host: Any) -> None:
    """Go to the host and wait until its front end has come up."""
    page.goto(f"http://{host.address}", timeout=90_000)
    page.wait_for_function(READY, timeout=90_000)
    page.wait_for_timeout(2500)


def choose_renderer(page: Any, host: Any, *, newer: bool) -> None:
    """Open the front end in the classic renderer or, from version NODES_2 on, in Nodes 2.0."""
    settings = {
        "Comfy.VueNodes.Enabled": newer,
        "Comfy.TutorialCompleted": True,
        "Comfy.Minimap.Visible": False,
    }
    host.post("/settings", settings)
    open_front_end(page, host)


@contextmanager
def served_pack() -> Iterator[str]:
    """The pack's folder over HTTP, without any host; yields the address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(PACK))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
