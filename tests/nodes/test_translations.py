"""`locales/`: what the host's front end shows of the nodes in other languages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from comfy_host import PACK
from test_schemas import SNAPSHOT

LANGUAGES = {  # letters that a text of the language has
    "zh": re.compile("[\u4e00-\u9fff]"),
    "ja": re.compile("[\u3040-\u30ff\u4e00-\u9fff]"),
    "ko": re.compile("[\uac00-\ud7af]"),
}
QUOTED = re.compile("“(.+?)”|「(.+?)」|(?<![\\w'])'(.+?)'")
HOST_NODES = {"图像转换为遮罩", "画像をマスクに変換", "이미지를 마스크로 변환"}  # Convert Image to Mask

Texts = dict[str, str]


def translated(language: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((PACK / "locales" / language / "nodeDefs.json").read_text(encoding="utf-8"))
    return found


def flat(tree: dict[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def wanted_keys() -> set[str]:
    """What the front end looks up, for every node of the snapshot."""
    keys = set()
    for node, schema in json.loads(SNAPSHOT.read_text()).items():
        keys |= {f"{node}.display_name", f"{node}.description"}
        shown = [f"inputs.{name}" for name, *_ in schema["inputs"]]
        shown += [f"outputs.{number}" for number in range(len(schema["outputs"]))]
        keys |= {f"{node}.{one}.{kind}" for one in shown for kind in ("name", "tooltip")}
    return keys


def test_these_are_the_languages_and_no_file_is_there_that_no_host_reads():
    files = {path.relative_to(PACK / "locales").as_posix() for path in (PACK / "locales").rglob("*") if path.is_file()}
    assert files == {f"{language}/nodeDefs.json" for language in LANGUAGES}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_key_is_translated_and_none_is_left_over(language):
    there, wanted = set(dict(flat(translated(language)))), wanted_keys()
    file = f"locales/{language}/nodeDefs.json"
    missing, left = sorted(wanted - there), sorted(there - wanted)
    assert not missing, f"{file} lacks {', '.join(missing)}: translate {'it' if len(missing) == 1 else 'them'}"
    assert not left, f"{file} has {', '.join(left)}, which no node has: remove {'it' if len(left) == 1 else 'them'}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_english_is_left_standing(language):
    left = [key for key, text in flat(translated(language)) if not LANGUAGES[language].search(text)]
    assert not left


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_quoted_is_what_the_page_shows(language):
    """Names of nodes and inputs as they are translated; options as they are, for front ends translate none."""
    nodes = translated(language)
    names = [re.sub(r"\s*[(（].*", "", node["display_name"]) for node in nodes.values()]
    names += [one["name"] for node in nodes.values() for one in node["inputs"].values()]
    known = {*names, *HOST_NODES, *_options()}
    unknown = []
    for key, text in flat(nodes):
        quoted = ["".join(groups) for groups in QUOTED.findall(text)]
        unknown += [(key, one) for one in quoted if one not in known]
    assert not unknown


def _options() -> set[str]:
    schemas = json.loads(SNAPSHOT.read_text())
    options = {one for schema in schemas.values() for *_, shown in schema["inputs"] for one in shown.get("options", ())}
    return {*options, "starter", "sample: ..."}  # of combos whose options depend on the machine


def test_the_host_serves_them(host):
    served = host.get("/i18n")
    for language in LANGUAGES:
        ours = translated(language)
        assert {name: served[language]["nodeDefs"][name] for name in ours} == ours


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_that_of_the_schema(host, language):
    texts = dict(flat(translated(language)))
    assert not [key for key, text in _english(host.get("/object_info")).items() if texts.get(key) == text]


def _english(info: dict[str, Any]) -> Texts:
    texts = {}
    for node, metadata in info.items():
        if not node.startswith("DPTN"):
            continue
        texts |= {f"{node}.{key}": metadata[key] for key in ("display_name", "description")}
        for name, (_, options) in {**metadata["input"]["required"], **metadata["input"].get("optional", {})}.items():
            texts |= {f"{node}.inputs.{name}.name": name, f"{node}.inputs.{name}.tooltip": options["tooltip"]}
        outputs = zip(metadata["output_name"], metadata["output_tooltips"], strict=True)
        for number, (name, tooltip) in enumerate(outputs):
            texts |= {f"{node}.outputs.{number}.name": name, f"{node}.outputs.{number}.tooltip": tooltip}
    return texts
