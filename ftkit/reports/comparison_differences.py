"""What a comparison's page says of differences: the forest of all pairs, their table, and fold by fold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from ftkit.reports import charts, words
from ftkit.reports.charts import Frame, Row
from ftkit.reports.results import OUTCOMES

Document = Mapping[str, Any]
Section = dict[str, Any]

MOST_PAIRS = 30
"""in a chart; the table has all of them"""
FRAMES = (Frame("wide", 900, 200, 270, 36), Frame("narrow", 340, 10, 10, 50))
"""with room for an outcome, a difference and its interval"""
TONES = {"good": "good", "bad": "bad", "neutral": "accent"}


def of_metric(document: Document, metric: str) -> list[Mapping[str, Any]]:
    """The comparisons by one metric, best first; those without a difference last."""
    mine = [one for one in document["comparisons"] if one["metric"] == metric]
    gap = {id(one): one["difference"]["value"] for one in mine}
    return sorted(mine, key=lambda one: (gap[id(one)] is None, -(gap[id(one)] or 0.0)))


def reference(document: Document) -> str:
    """The one entry that all others are compared with; empty where there are several."""
    found = {one["b"] for one in document["comparisons"]}
    return found.pop() if len(found) == 1 else ""


def pair(one: Mapping[str, Any], against: str) -> str:
    """What a line calls a pair; of a shared reference the caption tells."""
    return str(one["a"]) if against == one["b"] else f"{one['a']} against {one['b']}"


def forest(document: Document, metric: str) -> Section | None:
    """Every difference by one metric, against zero and the margin."""
    found, against, points = of_metric(document, metric), reference(document), words.in_points(metric)
    known = [one for one in found if one["difference"]["value"] is not None]
    if not known:
        return None
    rows = [_row(one, against, points) for one in known[:MOST_PAIRS]]
    margin = next((one["margin"] for one in known if one["margin"] is not None), None)
    scale = 100.0 if points else 1.0
    band = None if margin is None else (-margin * scale, margin * scale)
    said = "; ".join(row.tip for row in rows)
    text = f"Differences in {words.words(metric)}. {said}."
    chart = charts.forest(rows, text, 0.0, FRAMES, band, signed=True)
    return {"metric": metric, "chart": chart, "caption": _caption(known, rows, metric, against, margin)}


def _row(one: Mapping[str, Any], against: str, points: bool) -> Row:
    gap, scale = one["difference"], 100.0 if points else 1.0
    low, high = (None if gap[key] is None else gap[key] * scale for key in ("low", "high"))
    span = words.differences(gap["low"], gap["high"], points).removesuffix(f"{words.SPACE}points")
    value = words.difference(gap["value"], points)
    figures = value.removesuffix(f"{words.SPACE}points") + (f" ({span})" if span else "")
    tone, _ = OUTCOMES.get(one["outcome"], ("neutral", ""))
    text = f"{one['outcome']}  {figures}".strip()
    name = pair(one, against)
    tip = f"{name}: {value}" + (f" ({span})" if span else "") + (f", {one['outcome']}" if one["outcome"] else "")
    return Row(name, gap["value"] * scale, low, high, text, tip, True, TONES[tone])


def _caption(
    known: Sequence[Mapping[str, Any]], rows: Sequence[Row], metric: str, against: str, margin: float | None
) -> str:
    points = words.in_points(metric)
    what = f"{'points of ' if points else ''}{words.words(metric)}"
    text = f"Difference in {what} against {against or 'the other of each pair'}, with {words.LEVEL} intervals"
    text += f", the best {MOST_PAIRS} of {len(known)}. " if len(known) > MOST_PAIRS else ". "
    text += "Right of the dashed line is better"
    text += "." if words.direction(metric) else f"; {words.words(metric)} itself is better when lower."
    if margin is not None:
        text += f" The shade is the margin, {words.amount(margin, points)} to either side."
    far = charts.outside(rows)
    return text + (f" The arrow is a value beyond the axis: {far.tip}." if far else "")


def comparisons(document: Document) -> Section | None:
    """All comparisons in figures and in words, the primary metric first."""
    metrics = list(dict.fromkeys([document["primary"], *(one["metric"] for one in document["comparisons"])]))
    found = [one for metric in metrics for one in of_metric(document, metric)]
    if not found:
        return None
    others = [chart for metric in metrics[1:] if (chart := forest(document, metric))]
    tests = {one["test"]: None for one in found if one["test"]}
    corrections = {one["correction"]: None for one in found if one["correction"]}
    remark = f"Tests: {', '.join(tests)}. " if tests else ""
    if corrections:
        family = document["family"]
        of = f" over {words.count(family, 'comparison')} a metric" if family else ""
        remark += f"p is corrected{of} ({', '.join(corrections)}). "
    if any(one["smallest_effect"] is not None for one in found):
        remark += (
            f"Smallest effect: the true difference that these rows would show 4 times in 5 (power 80{words.SPACE}%)."
        )
    return {
        "lines": [_line(one) for one in found],
        "several": len(metrics) > 1,
        "reference": reference(document),
        "others": others,
        "remark": remark.strip(),
        "sentences": [one["sentence"] for one in found if one["sentence"]] if len(found) > 1 else [],
    }


def _line(one: Mapping[str, Any]) -> Section:
    gap, points = one["difference"], words.in_points(one["metric"])
    cells = [
        (one["corrected"], words.probability(one["corrected"]).removeprefix("p = ").removeprefix("p ")),
        (one["fixed"], words.count(one["fixed"])),
        (one["broken"], words.count(one["broken"])),
        (one["smallest_effect"], words.amount(one["smallest_effect"], points)),
        (one["rows_needed"], words.count(one["rows_needed"])),
    ]
    return {
        "a": one["a"],
        "b": one["b"],
        "metric": one["metric"],
        "difference": cell(gap, points) | {"note": one["note"]},
        "outcome": outcome(one["outcome"]),
        "cells": [{"sort": sort, "value": value} for sort, value in cells],
    }


def cell(gap: Mapping[str, Any], points: bool) -> Section:
    """One difference as a table shows it."""
    span = words.differences(gap["low"], gap["high"], points).removesuffix(f"{words.SPACE}points")
    value = words.difference(gap["value"], points)
    return {"value": value, "sort": gap["value"], "interval": span, "note": "", "best": False}


def outcome(word: str) -> Section | None:
    """An outcome with its colour and its sign."""
    tone, icon = OUTCOMES.get(word, ("neutral", "?"))
    return {"word": word, "tone": tone, "icon": icon} if word else None


def by_fold(document: Document) -> Section | None:
    """Differences in every fold, a line for each pair and metric."""
    found = [one for one in document["by_fold"] if one["folds"]]
    if not found:
        return None
    # predictions.parquet counts folds from 0; people, and the page of a run, from 1
    folds = sorted({fold["fold"] for one in found for fold in one["folds"] if fold["fold"] is not None})
    lines = [
        {
            "name": f"{one['a']} against {one['b']}",
            "metric": one["metric"],
            "cells": [_in_fold(one, fold) for fold in folds],
        }
        for one in found
    ]
    return {
        "folds": [fold + 1 for fold in folds],
        "lines": lines,
        "meanings": list(dict.fromkeys(one["meaning"] for one in found)),
    }


def _in_fold(one: Mapping[str, Any], number: int) -> Section:
    found = next((fold for fold in one["folds"] if fold["fold"] == number), {"difference": None, "rows": None})
    value = words.difference(found["difference"], words.in_points(one["metric"]))
    rows = words.count(found["rows"], "row") if found["rows"] is not None else ""
    return {"value": value, "sort": found["difference"], "interval": rows, "note": "", "best": False}


def charts_of(document: Document) -> tuple[Markup, str]:
    """The forest of the primary metric and its caption."""
    found = forest(document, document["primary"])
    return (found["chart"], found["caption"]) if found else (Markup(""), "")
