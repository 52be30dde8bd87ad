"""The files of an evaluation: scores.json, pairs.csv and report.html in one folder."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from ..system.files import remove_leftovers, written_beside
from ..system.folder_lock import alone_in
from .fid_reference import FidReference
from .frechet import save_moments
from .metrics import METRICS
from .report_page import page, page_template
from .scoring import Part
from .summary import VERSION

JSON_FILE, CSV_FILE, PAGE_FILE, MOMENTS_FILE = "scores.json", "pairs.csv", "report.html", "fid-real.npz"


class ReportError(OSError):
    """A report cannot be written; the message says where, why, and what to do."""


@contextmanager
def report_folder(folder: Path) -> Iterator[None]:
    """Make the folder of a report and keep it for this process; what stands in its way is said before hours of scoring.

    Raises:
        ReportError: it cannot be made, or holds a report of another version.
        FolderInUseError: another command is writing there.
        ModuleNotFoundError: Jinja, of the extra `train`, is not installed.
    """
    page_template()
    with ExitStack() as stack:
        try:
            stack.enter_context(alone_in(folder))
        except OSError as error:
            raise ReportError(f"no report can be written to {folder}: {error}; choose another folder") from error
        version = _version(folder / JSON_FILE)
        if version not in (None, VERSION):
            raise ReportError(
                f"{folder / JSON_FILE} is of version {version}, whose scores do not compare with version {VERSION}; "
                "delete that report, or choose another folder"
            )
        remove_leftovers(*(folder / name for name in (JSON_FILE, CSV_FILE, PAGE_FILE, MOMENTS_FILE)))
        yield


def _version(path: Path) -> object:
    """The version of an earlier report; None where there is none, or nothing that can be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found.get("version") if isinstance(found, dict) else None


def write_report(folder: Path, part: Part, summary: Mapping[str, Any], real: FidReference | None) -> None:
    """Write every file, each whole or not at all; the page, which is the last, shows what the others hold.

    Args:
        folder: is made if need be.
        part: all pairs.
        summary: from `summarise`.
        real: FID's other side, kept for the next evaluation, or None.

    Raises:
        ReportError: the folder cannot be written.
    """
    try:
        if real is not None and real.moments is not None and real.moments.count > 1:
            save_moments(folder / MOMENTS_FILE, real.moments, summary["protocol"]["name"])
        with written_beside(folder / CSV_FILE) as beside:
            _write_rows(beside, part)
        with written_beside(folder / JSON_FILE) as beside:
            beside.write_text(to_json(summary) + "\n", encoding="utf-8", errors="backslashreplace")
        with written_beside(folder / PAGE_FILE) as beside:
            beside.write_text(page(summary, part), encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise ReportError(f"the report cannot be written to {folder}: {error}") from error


def to_json(summary: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> str:
    """A summary, or several, as strict JSON, which knows no NaN and no infinity."""
    return json.dumps(summary, indent=2, ensure_ascii=False, allow_nan=False)


def _write_rows(path: Path, part: Part) -> None:
    """One line a pair, skipped ones among them, in the order of their numbers; what is missing stays empty."""
    used = [metric.name for metric in METRICS if any(metric.name in row.scores for row in part.rows)]
    columns = ["number", "source", "target", *used, "joints", "joints_right", "seconds", "skipped"]
    lines: list[dict[str, Any]] = [
        {
            "number": row.number,
            "source": row.source,
            "target": row.target,
            **row.scores,
            "joints": row.joints,
            "joints_right": row.joints_right,
            "seconds": row.seconds,
        }
        for row in part.rows
    ]
    lines += [
        {"number": pair.number, "source": pair.source, "target": pair.target, "skipped": pair.reason}
        for pair in part.skipped
    ]
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted(lines, key=lambda line: int(line["number"])))
