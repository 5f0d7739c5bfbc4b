"""Every test row of a run with what the model said, as its page lists them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ftkit.reports import listing, words

Row = Mapping[str, Any]

UNKNOWN = "(not in training)"
"""how the confusion matrix calls every gold label that training lacked"""
TONES = {"right": "good", "wrong": "bad"}


def predictions(report: Mapping[str, Any], rows: Sequence[Row] | None) -> dict[str, Any] | None:
    """The list of a run's rows: `input`, `gold`, `prediction`, `confidence` and `slices` of each.

    None where there are none, and where rows are hidden.
    """
    if report["hidden"] or not rows:
        return None
    if report["kind"] == "values":
        return _numbers(rows, report["noun"])
    shown, remark = _capped(rows)
    inputs, cut = listing.texts("text", report["noun"], [row["input"] for row in shown])
    columns = [
        inputs,
        *_answers(report, shown),
        listing.shares("confidence", "confidence", [row["confidence"] for row in shown]),
        listing.choices("result", "result", [result(row) for row in shown], tones=TONES),
        *listing.slices(shown),
    ]
    where = "rows.parquet has them whole." if cut else ""
    return {"data": listing.block(columns), "notes": [part for part in (remark, f"{cut} {where}".strip()) if part]}


def _answers(report: Mapping[str, Any], shown: Sequence[Row]) -> list[listing.Column]:
    """Gold and prediction; of tags, every span as a text."""
    gold, said = ([row[key] for row in shown] for key in ("gold", "prediction"))
    if report["kind"] == "tags":
        return [listing.texts("gold", "gold", gold)[0], listing.texts("predicted", "predicted", said)[0]]
    labels = report["labels"]
    return [
        listing.choices("gold", "gold", gold, labels, UNKNOWN),
        listing.choices("predicted", "predicted", said, labels),
    ]


def _numbers(rows: Sequence[Row], noun: str) -> dict[str, Any]:
    """The same of numbers, with how far each prediction is off."""
    shown = rows[: listing.MOST_ROWS]
    inputs, cut = listing.texts("text", noun, [row["input"] for row in shown])
    gold, guesses = ([_listed(row[key]) for row in shown] for key in ("gold", "prediction"))
    off = [_errors(true, guess) for true, guess in zip(gold, guesses, strict=True)]
    columns = [
        inputs,
        *(
            listing.numbers(key, key, [value[0] if value and len(value) == 1 else value for value in values])
            for key, values in (("gold", gold), ("predicted", guesses), ("error", off))
        ),
        *listing.slices(shown),
    ]
    notes = [f"{cut} rows.parquet has them whole."] if cut else []
    if len(shown) < len(rows):
        notes.append(f"This page lists the first {words.count(len(shown))} of {words.count(len(rows), 'test row')}.")
    return {"data": listing.block(columns), "notes": notes}


def _errors(true: list[float] | None, guess: list[float] | None) -> list[float] | None:
    return [b - a for a, b in zip(true, guess, strict=True)] if true and guess else None


def _listed(value: Any) -> list[float] | None:
    return None if value is None else list(value) if isinstance(value, (list, tuple)) else [value]


def result(row: Row) -> str:
    """Right, wrong, or neither where a row has no gold label."""
    if row["gold"] is None:
        return "no gold label"
    if "right" in row:
        return "right" if row["right"] else "wrong"
    return "right" if set(words.labels(row["gold"])) == set(words.labels(row["prediction"])) else "wrong"


def _capped(rows: Sequence[Row]) -> tuple[Sequence[Row], str]:
    """The rows that the page has room for, in their order: wrong ones go before right ones."""
    if len(rows) <= listing.MOST_ROWS:
        return rows, ""
    order = sorted(range(len(rows)), key=lambda place: result(rows[place]) != "wrong")[: listing.MOST_ROWS]
    shown = [rows[place] for place in sorted(order)]
    wrong = sum(result(row) == "wrong" for row in shown)
    which = f": {words.count(wrong)} wrong ones and the first {words.count(len(shown) - wrong)} others."
    which = which if wrong < len(shown) else ", all of them wrong."
    remark = f"This page lists {words.count(len(shown))} of {words.count(len(rows), 'test row')}{which} "
    return shown, f"{remark}predictions.parquet, beside this page, has all of them."
