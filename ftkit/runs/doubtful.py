"""Rows whose label should be looked at again: those that a probe doubts, and near-equal ones with different labels."""

from __future__ import annotations

import csv
import io
from collections import Counter
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np

from ftkit import runs
from ftkit.data.checks import contradictions
from ftkit.data.gold import labels_of
from ftkit.data.table import Gold
from ftkit.privacy import Mask

if TYPE_CHECKING:
    from ftkit.training.fitting import Outcome

SHOWN = 30
"""of each kind in the report; the file to review has all"""
DOUBTED = "doubted by a cross-validated linear probe"
FORMULA = tuple("=+-@\t\r")
"""a spreadsheet computes a cell that begins with one of these, and what it computes may send the sheet elsewhere"""
Entry = dict[str, Any]


def doubtful_of(outcome: Outcome, mask: Mask) -> dict[str, Any]:
    """The report's `doubtful`: counts, and unless rows are hidden the first rows of each kind."""
    doubted, torn = entries(outcome)
    found = outcome.doubts
    shown = not mask.on
    return {
        "checked": len(found.rows),
        "rare": found.rare,
        "why_not": found.why_not,
        "counts": {"doubted": len(doubted), "contradicting": len(torn)},
        "doubted": doubted[:SHOWN] if shown else [],
        "contradicting": torn[:SHOWN] if shown else [],
        "file": runs.LABELS if shown and (doubted or torn) else None,
    }


def entries(outcome: Outcome) -> tuple[list[Entry], list[Entry]]:
    """Rows that the probe doubts, the most doubtful first, and all rows of near-equal texts with different labels."""
    frame, found = outcome.session.splits.rows.frame, outcome.doubts
    if outcome.session.recipe.task.kind == "values":  # people who differ in a number need not be wrong
        return [], []
    place = {int(row): number for number, row in enumerate(found.rows)}
    order = np.argsort(-found.doubt, kind="stable")
    listed = found.rows[order[found.listed[order]]]
    torn = contradictions(frame)
    doubted = [_entry(outcome, row, place, DOUBTED, _said(outcome, place[row])) for row in listed.tolist()]
    return doubted, [one for _, group in torn.groupby(torn) for one in _group(outcome, group.index.tolist(), place)]


def _group(outcome: Outcome, rows: list[int], place: dict[int, int]) -> list[Entry]:
    """Near-equal rows, each with a row that has another label; the commonest label is the suggestion, if one is."""
    gold = outcome.session.splits.rows.frame["gold"]
    ranked = Counter(gold[row] for row in rows).most_common()
    usual = ranked[0][0] if ranked[0][1] > ranked[1][1] else None
    found = []
    for row in rows:
        other = next(one for one in rows if gold[one] != gold[row])
        why = f"near-equal to {_where(outcome, other)}, which is labelled {cell(gold[other])}"
        found.append(_entry(outcome, row, place, why, usual if usual != gold[row] else None))
    return found


def _entry(outcome: Outcome, row: int, place: dict[int, int], why: str, suggestion: Gold) -> Entry:
    known = outcome.session.splits.rows.frame.loc[row].to_dict()
    doubt = float(outcome.doubts.doubt[place[row]]) if row in place else None
    return {
        "row_id": known["row_id"],
        "file": known["source"],
        "line": int(known["line"]),
        "input": list(known["input"]),
        "label": known["gold"],
        "suggestion": suggestion,
        "doubt": doubt,
        "why": why,
    }


def _said(outcome: Outcome, number: int) -> Gold:
    """The label, or labels, that the probe would have given."""
    labels, one = outcome.session.labels, outcome.doubts.suggestion[number]
    return labels[int(one)] if np.ndim(one) == 0 else tuple(labels[i] for i in np.flatnonzero(one))


def _where(outcome: Outcome, row: int) -> str:
    known = outcome.session.splits.rows.frame.loc[row]
    return f"{PurePath(known['source']).name}:{known['line']}"


def cell(gold: Gold) -> str:
    """Labels as one cell."""
    return ",".join(labels_of(gold))


def review_file(found: list[Entry]) -> str:
    """A CSV of rows to look through, with an empty column for the label that is right.

    It begins with a byte-order mark, without which spreadsheets take it for another encoding. What a spreadsheet
    would take for a formula gets an apostrophe in front.
    """
    several = max((len(one["input"]) for one in found), default=1)
    inputs = ["input"] if several == 1 else [f"input {i + 1}" for i in range(several)]
    stream = io.StringIO()
    stream.write("\ufeff")
    writer = csv.writer(stream)
    writer.writerow(["file", "line", *inputs, "label", "suggestion", "doubt", "why", "right label"])
    for one in found:
        doubt = "" if one["doubt"] is None else f"{one['doubt']:.3f}"
        said = [*one["input"], cell(one["label"]), cell(one["suggestion"]), doubt, one["why"], ""]
        writer.writerow([harmless(one["file"]), one["line"], *map(harmless, said)])
    return stream.getvalue()


def harmless(text: str) -> str:
    """The text as a cell that no spreadsheet computes."""
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA) else text
