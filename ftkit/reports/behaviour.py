"""How the model behaves: its learning curves, its confusions, its confidence and its mistakes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from ftkit.reports import charts, curves, words
from ftkit.reports.palette import HEAT_STEPS

Report = Mapping[str, Any]
Section = dict[str, Any]

MOST_LABELS = 25
"""in a confusion matrix that a person can still read"""
MOST_TEXT = 1200
"""characters of a mistake's text"""
MISTAKES: dict[bool, Section] = {
    False: {
        "title": "Most confident mistakes",
        "about": "Rows that the model got wrong while it was surest. Often the model is to blame, sometimes the label.",
    },
    True: {
        "title": "Largest errors",
        "about": "Rows whose prediction is furthest off. Often the model is to blame, sometimes the given number.",
    },
}
"""whether numbers are predicted: what heads the list"""


def learning(report: Report) -> Section | None:
    """Validation score and loss by epoch."""
    history, epochs = report["history"], report["choices"].get("epochs") or {}
    epochs = epochs if isinstance(epochs, Mapping) else {}
    metric = curves.score_name(history, report["primary"])
    held = curves.curves(history, curves.validation(metric)) if metric else []
    train, loss = curves.curves(history, curves.training_loss), curves.curves(history, curves.validation("log_loss"))
    if not (held or train or loss):
        return None
    kept = {(line.part, line.member, line.seed): (epoch, value) for line, epoch, value in curves.chosen(held, epochs)}
    name = words.words(metric or "")
    table = [_curve_line(line, kept.get((line.part, line.member, line.seed)), metric or "") for line in held]
    losses = f"Loss by epoch. Training: {_course(train)} Validation: {_course(loss)}"
    return {
        "score": curves.score_chart(held, epochs, metric or "", f"Validation {name} by epoch. {_course(held)}"),
        "loss": curves.loss_chart(train, loss, epochs, losses),
        "metric": name,
        "caption": _caption(name, len(held), bool(kept)),
        "table": table,
        "trained": bool(train),
        "held_out": bool(loss),
    }


def _caption(metric: str, trainings: int, rings: bool) -> str:
    text = f"Validation {metric}"
    text += f" of {trainings} trainings (thin) and their mean, as far as all of them go." if trainings > 1 else "."
    return text + (" Rings mark the chosen epochs." if rings else "")


def _curve_line(line: curves.Curve, kept: tuple[float, float] | None, metric: str) -> Section:
    first, last = line.points[0], line.points[-1]
    pick = max if words.direction(metric) else min
    best = pick(line.points, key=lambda point: point[1])
    epoch = "" if kept is None else f"{kept[0]:g}"
    figures = [words.score(first[1]), words.score(best[1]), f"{best[0]:g}", f"{last[0]:g}", epoch or words.NONE]
    return {"name": line.name, "figures": figures}


def _course(lines: list[curves.Curve]) -> str:
    """A curve as a sentence, for those who do not see it."""
    middle = curves.mean(lines)
    if middle is None:
        return "not measured."
    (start, first), (end, last) = middle.points[0], middle.points[-1]
    return f"{words.score(first)} at epoch {start:g}, {words.score(last)} at epoch {end:g} ({middle.name})."


def confusion(report: Report) -> Section | None:
    """Which labels are taken for which: a matrix for few labels, the most frequent pairs for many."""
    if report["kind"] == "values":
        return None
    if report["kind"] == "labels":
        why = "A row may carry several labels, so none is mistaken for one other: there is no confusion matrix."
        return {"why": why, "matrix": None, "pairs": []}
    found, pairs = report["confusion"], report["confused"]
    if found and 2 <= len(found["labels"]) <= MOST_LABELS:
        return {"why": "", "matrix": _matrix(found["labels"], found["counts"]), "pairs": []}
    if not pairs:
        return None
    if report["kind"] == "tags":
        why = "The most frequent mistakes: right borders with another type, missed spans, and ones too many."
        return {"why": why, "matrix": None, "pairs": pairs}
    why = f"With {len(report['labels'])} labels a matrix cannot be read; these are the most frequent confusions."
    return {"why": why, "matrix": None, "pairs": pairs}


def _matrix(names: list[str], counts: list[list[int | None]]) -> Section:
    """Cells with their shade: the share of the gold label, finer for mistakes, which are rarer."""
    lines = []
    for i, (name, row) in enumerate(zip(names, counts, strict=False)):
        total = sum(count or 0 for count in row)
        cells = []
        for j, number in enumerate(row):
            part = (number or 0) / total if total else 0.0
            step = min(HEAT_STEPS - 1, int((part if i == j else part**0.5) * HEAT_STEPS))
            cells.append({"rows": number or 0, "kind": "right" if i == j else "wrong", "step": step})
        lines.append({"name": name, "cells": cells, "rows": total})
    return {"names": names, "lines": lines}


def reliability(report: Report) -> Section | None:
    """Whether a confidence of 80 % means right in 80 of 100 cases."""
    found = report["reliability"]
    if not found or not found["bins"]:
        return None
    said = "; ".join(
        f"sure to {words.share(item['confidence'])}: {words.share(item['accuracy'])} right"
        for item in found["bins"]
        if item["rows"]
    )
    sentence = ""
    if found["ece"] is not None:
        error = words.amount(found["ece"], True)
        sentence = f"On average, confidence and truth lie {error} apart (ECE {words.score(found['ece'])})."
    return {"sentence": sentence, "chart": charts.reliability(found["bins"], f"Reliability. {said}.")}


def mistakes(report: Report) -> Section | None:
    """The rows that the model got wrong while it was surest; of numbers, those that are furthest off."""
    if report["hidden"]:
        why = "Rows are private in this run (report.rows: hide), so none is shown."
        return MISTAKES[report["kind"] == "values"] | {"why": why, "rows": []}
    rows = []
    for mistake in report["mistakes"]:
        texts = [mistake["input"]] if isinstance(mistake["input"], str) else list(mistake["input"] or [])
        rows.append(
            {
                "picture": Markup(mistake["picture"]),  # a task's own drawing, which escapes what it shows
                # a drawing of spans holds the text
                "texts": [] if report["kind"] == "tags" else [_cut(str(text)) for text in texts],
                "gold": words.answers(mistake["gold"]),
                "prediction": words.answers(mistake["prediction"]),
                "confidence": words.share(mistake["confidence"]),
            }
        )
    return MISTAKES[report["kind"] == "values"] | {"why": "", "rows": rows} if rows else None


def _cut(text: str) -> str:
    left = len(text) - MOST_TEXT
    return text if left <= 0 else f"{text[:MOST_TEXT]}… ({left:,} more characters)"
