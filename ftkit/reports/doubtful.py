"""Rows whose label should be looked at again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from ftkit.reports import words

Report = Mapping[str, Any]
Section = dict[str, Any]

MOST_TEXT = 400
"""characters of a row's text"""
KINDS = {
    "doubted": "Doubted by a probe",
    "contradicting": "One text, several labels",
}


def doubtful(report: Report) -> Section | None:
    """Rows that a probe doubts, and near-equal rows with different labels; nothing where there are none."""
    found = report["doubtful"]
    if not found or report["kind"] == "values" or not (found["why_not"] or any(found["counts"].values())):
        return None
    tables = [(title, _more(found, kind), [_line(row, kind) for row in found[kind]]) for kind, title in KINDS.items()]
    return {"sentences": _sentences(report, found), "tables": [table for table in tables if table[2]]}


def short(report: Report) -> str:
    """One line for the terminal; nothing where there is no file to look through."""
    found = report["doubtful"]
    if not found or not found["file"]:
        return ""
    counts = [f"{words.count(number)} {kind}" for kind, number in found["counts"].items() if number]
    return f"labels to look at again, in {found['file']}: {', '.join(counts)}"


def _sentences(report: Report, found: Mapping[str, Any]) -> list[str]:
    """How many, by whom, and where the file to review is."""
    said, counts = [], found["counts"]
    if found["why_not"]:
        said.append(f"No probe has looked for doubtful labels: {found['why_not']}.")
    elif counts["doubted"]:
        rare = f" ({words.count(found['rare'], 'row')} of rarer labels left out)" if found["rare"] else ""
        said.append(
            "A linear probe, cross-validated on the untouched base, doubts the label of "
            f"{words.count(counts['doubted'])} of {words.count(found['checked'], 'training row')}{rare}. "
            "Many of them will be right, and only hard: look at the first ones first."
        )
    if counts["contradicting"]:
        say = "says" if counts["contradicting"] == 1 else "say"
        said.append(f"{words.count(counts['contradicting'], 'row')} {say} nearly the same as a row with another label.")
    if report["hidden"]:
        return [*said, "Rows are private in this run (report.rows: hide), so none is shown."]
    if found["file"]:
        said.append(f"All of them are in {found['file']}, with a column for the label that is right.")
    return said


def _more(found: Mapping[str, Any], kind: str) -> str:
    """How many are not shown."""
    left = (found["counts"][kind] or 0) - len(found[kind])
    return f"{words.count(left, 'more row')} in {found['file'] or 'the file to review'}." if left > 0 else ""


def _line(row: Mapping[str, Any], kind: str) -> Section:
    texts = [row["input"]] if isinstance(row["input"], str) else list(row["input"] or [])
    return {
        "texts": [_cut(str(text)) for text in texts],
        "label": words.labels(row["label"]),
        "suggestion": None if row["suggestion"] is None else words.labels(row["suggestion"]),
        "doubt": words.share(row["doubt"]),
        "sort": row["doubt"],
        "place": f"{PurePath(row['file']).name}:{row['line']}" if row["line"] is not None else row["file"],
        "why": row["why"] if kind == "contradicting" else "",  # what all of a table share is its heading
    }


def _cut(text: str) -> str:
    return text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]}…"
