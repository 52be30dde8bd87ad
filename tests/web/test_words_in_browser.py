"""What artists type and read on the front end of the real host: its node search, and the pack in their language."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from browser import new_page, open_front_end
from comfy_host import PACK

SEARCH = """word => {
  const { $pinia } = document.querySelector("#vue-app").__vue_app__.config.globalProperties;
  return $pinia._s.get("nodeDef").nodeSearchService.searchNode(word).map((node) => node.name);
}"""
SHOWN = """kind => {
  const node = window.LiteGraph.createNode(kind);
  return [node.title, node.inputs[0].label ?? node.inputs[0].localized_name,
    node.outputs[0].label ?? node.outputs[0].localized_name];
}"""


@pytest.fixture(scope="module")
def page(first_host, browser) -> Iterator[Any]:
    opened = new_page(browser)
    open_front_end(opened, first_host)
    yield opened
    opened.evaluate("window.app.ui.settings.setSettingValueAsync('Comfy.Locale', 'en')")
    opened.close()


@pytest.mark.parametrize(
    ("word", "nodes"),
    [
        ("openpose", {"DPTNExtractPose", "DPTNEditSkeleton"}),
        ("controlnet", {"DPTNDrawSkeleton"}),
        ("skeleton", {"DPTNEditSkeleton", "DPTNDrawSkeleton"}),
        ("pose", {"DPTNExtractPose", "DPTNTransferPose", "DPTNRetargetPose", "DPTNLoadPose"}),
        ("repose", {"DPTNTransferPose"}),
    ],
)
def test_a_word_of_the_trade_finds_the_nodes(page, word, nodes):
    """Front ends before search aliases look at names and display names alone."""
    assert nodes <= set(page.evaluate(SEARCH, word))


@pytest.mark.parametrize("language", ["zh", "ja", "ko"])
def test_nodes_are_shown_in_the_language_that_is_set(page, host, language):
    page.evaluate("name => window.app.ui.settings.setSettingValueAsync('Comfy.Locale', name)", language)
    open_front_end(page, host)
    node = json.loads((PACK / "locales" / language / "nodeDefs.json").read_text(encoding="utf-8"))["DPTNTransferPose"]
    wanted = [node["display_name"], node["inputs"]["source"]["name"], node["outputs"]["0"]["name"]]
    assert page.evaluate(SHOWN, "DPTNTransferPose") == wanted
