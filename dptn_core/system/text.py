"""Text that every console, log and socket can hold."""

from __future__ import annotations

import re
import sys
from typing import Final

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # all but tab and line break


def printable(text: str) -> str:
    r"""`text` with escapes such as \ud800 for what UTF-8 or this process's console cannot encode.

    So are control characters other than line breaks and tabs, with which a file name could move a terminal's cursor.
    Lone surrogates come from JSON and from file names that are not UTF-8; a console may use cp1252. Writing either to a
    log raises an error where nobody expects one, which ends the thread that wrote it.
    """
    for encoding in ("utf-8", *_console_encodings()):
        text = text.encode(encoding, "backslashreplace").decode(encoding)
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def _console_encodings() -> set[str]:
    streams = (sys.stdout, sys.stderr)
    return {encoding for stream in streams if (encoding := getattr(stream, "encoding", None))}
