"""Rows that changed between two entries, as a comparison's page lists them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ftkit.reports import listing, words

TONES = {"fixed": "good", "broken": "bad"}


def flips(document: Mapping[str, Any]) -> dict[str, Any] | None:
    """The list of all flips, or why none is shown."""
    if document["hidden"]:
        return {"why": "Rows are private in these runs (report.rows: hide), so none is shown.", "data": None}
    rows, numbers = document["flips"], document["kind"] == "values"
    if not rows:
        return None
    shown = rows[: listing.MOST_ROWS]
    inputs, cut = listing.texts("text", "text", [row["input"] or [] for row in shown])
    columns = [
        *([inputs] if any(row["input"] for row in shown) else []),
        listing.choices("kind", "change", [row["kind"] for row in shown], ["fixed", "broken"], tones=TONES),
        *_pairs(shown),
        *(_numbers(shown) if numbers else _answers(shown, document["labels"])),
        *listing.slices(shown),
    ]
    left = (document["flips_left_out"] or 0) + len(rows) - len(shown)
    notes = [f"{words.count(left, 'more flip is', 'more flips are')} not listed here."] if left else []
    where = " The inputs are whole in rows.parquet of the runs." if cut else ""
    notes += [cut + where] if cut else []
    counts = {kind: sum(row["kind"] == kind for row in rows) for kind in TONES}
    fixed = "closer to the truth than the reference" if numbers else "wrong in the reference, right now"
    about = f"Fixed: {fixed} ({words.count(counts['fixed'])} listed). "
    about += f"Broken: the other way round ({words.count(counts['broken'])} listed)."
    about += " Those that moved most come first." if numbers else ""
    return {"why": "", "about": about, "data": listing.block(columns, "flip", "flips"), "notes": notes}


def _pairs(rows: list[Any]) -> list[listing.Column]:
    """Which pair a flip is of, where there are several; of a shared reference the answers tell."""
    if len({row["b"] for row in rows}) > 1:
        return [listing.choices("pair", "pair", [f"{row['a']} against {row['b']}" for row in rows])]
    entries = [row["a"] for row in rows]
    return [listing.choices("pair", "entry", entries)] if len(set(entries)) > 1 else []


def _names(rows: list[Any]) -> tuple[str, str]:
    """What the two are called: what all rows share by its name."""
    entries, references = ({row[key] for row in rows} for key in ("a", "b"))
    mine = entries.pop() if len(entries) == 1 else "predicted"
    return mine, references.pop() if len(references) == 1 else "reference"


def _numbers(rows: list[Any]) -> list[listing.Column]:
    """What is true, and what the two predicted."""
    mine, theirs = _names(rows)
    named = (("gold", "gold"), ("prediction_a", mine), ("prediction_b", theirs))
    return [listing.numbers(key, name, [row[key] for row in rows]) for key, name in named]


def _answers(rows: list[Any], labels: list[str]) -> list[listing.Column]:
    """What is right, and what the two said with what confidence."""
    mine, theirs = _names(rows)
    found = [listing.choices("gold", "gold", [row["gold"] for row in rows], labels)]
    for key, name in (("a", mine), ("b", theirs)):
        found.append(listing.choices(key, name, [row[f"prediction_{key}"] for row in rows], labels, menu=False))
        sure = [row[f"confidence_{key}"] for row in rows]
        if any(value is not None for value in sure):
            found.append(listing.shares(f"confidence_{key}", "confidence", sure))
    return found
