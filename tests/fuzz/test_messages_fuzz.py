"""Whatever a message quotes, every console, log and socket can hold it."""

from __future__ import annotations

import io
import json
import sys

import pytest
from fuzzing import try_to_break
from hypothesis import strategies as st

from dptn_core.pose import PoseFormatError, read_openpose
from dptn_core.system.text import printable

ENCODINGS = ["utf-8", "cp1252", "ascii", "shift_jis", "utf-16", "cp437"]
# lone surrogates, control characters and other planes among them
TEXT = st.text(
    st.characters() | st.sampled_from("\ud800\udfff\x00\x1b\x7f\x85\u2028\ufeff\U0001f57a\r\n\t"), max_size=60
)


def test_printable_text_can_be_written_to_any_console(monkeypatch: pytest.MonkeyPatch) -> None:
    def claim(case: tuple[str, str]) -> None:
        text, encoding = case
        console = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict")
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", console)
            patch.setattr(sys, "stderr", console)
            shown = printable(text)
            assert printable(shown) == shown
        console.write(shown)
        shown.encode("utf-8")
        assert all(letter in "\t\n" or letter.isprintable() or ord(letter) > 0x9F for letter in shown)
        if text.isascii() and text.isprintable():
            assert shown == text

    try_to_break("messages", st.tuples(TEXT, st.sampled_from(ENCODINGS)), claim)


@pytest.mark.parametrize("place", ["people", "canvas_width", "keypoints"])
def test_what_a_refusal_quotes_is_short(place: str) -> None:
    def claim(text: str) -> None:
        person = {"pose_keypoints_2d": [text] * 54}
        document = {"people": [person]} if place == "keypoints" else {place: text, "canvas_height": 1}
        with pytest.raises(PoseFormatError) as caught:
            read_openpose(json.dumps(document))
        printable(str(caught.value)).encode()
        assert len(str(caught.value)) < 500

    try_to_break("refusals", TEXT, claim)
