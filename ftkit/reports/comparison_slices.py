"""Parts of the rows: every entry's score on each, the worst tenth of them, and where an entry harms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ftkit.reports import charts, words
from ftkit.reports.charts import Frame, Row
from ftkit.reports.comparison_differences import cell
from ftkit.reports.marks import Layer, as_is, line

Document = Mapping[str, Any]
Section = dict[str, Any]
Value = Mapping[str, Any]

MOST_SLICES = 20
"""in a chart; the table has all of them"""
STYLES = (
    ("■", "square", "edge"),
    ("●", "circle", "accent"),
    ("◆", "diamond", "ink"),
    ("▲", "triangle-up", "accent"),
    ("▼", "triangle-down", "edge"),
)
"""sign, shape and colour of the entries in a chart, the reference first"""
HARM = "bad"


def slices(document: Document) -> list[Section]:
    """A section for each column."""
    names = [entry["name"] for entry in document["entries"]]
    return [_column(column, document["primary"], names) for column in document["slices"] if column["values"]]


def _column(column: Mapping[str, Any], primary: str, entries: Sequence[str]) -> Section:
    metric = column.get("metric") or primary
    order = sorted(column["values"], key=lambda value: _rank(value, metric, entries))
    name = words.words(metric)
    harmed = [_harm(value, entry, metric) for value in order for entry in entries if _harms(value, entry)]
    shown, drawn = order[:MOST_SLICES], entries[: len(STYLES)]
    worst = f", the {len(shown)} worst of {len(order)}" if len(order) > len(shown) else ", worst first"
    some = f" Of {len(entries)} entries, the first {len(drawn)} are drawn." if len(entries) > len(drawn) else ""
    return {
        "column": column["column"],
        "metric": metric,
        "chart": dots(shown, drawn, metric, f"{name} by {column['column']}{worst}"),
        "keys": [(sign, colour, entry) for (sign, _, colour), entry in zip(STYLES, drawn, strict=False)],
        "caption": f"{words.sentence(name)}{worst}.{some}" + (" Orange: the entry harms there." if harmed else ""),
        "entries": list(entries),
        "lines": [_line(value, entries, metric) for value in order],
        "worst": [line for entry in entries if (line := _worst(column, entry, metric))],
        "harmed": harmed,
    }


def _score(value: Value, entry: str) -> dict[str, Any]:
    return words.primary_score(value["scores"], entry)


def _harms(value: Value, entry: str) -> bool:
    return bool(value["against"].get(entry, {}).get("harms"))


def _harm(value: Value, entry: str, metric: str) -> str:
    where = value["value"] or "(empty)"
    return f"{entry} harms {where}: {_gap(value, entry, metric)} on {words.count(value['rows'], 'row')}"


def _gap(value: Value, entry: str, metric: str) -> str:
    return words.difference(value["against"][entry]["difference"]["value"], words.in_points(metric))


def _rank(value: Value, metric: str, entries: Sequence[str]) -> tuple[bool, float]:
    """Worst first, by the worst of the entries."""
    sign = 1 if words.direction(metric) else -1
    known = [sign * score for entry in entries if (score := _score(value, entry)["value"]) is not None]
    return (not known, min(known, default=0.0))


def _line(value: Value, entries: Sequence[str], metric: str) -> Section:
    cells = []
    for entry in entries:
        found = _score(value, entry)
        span = words.interval(found.get("low"), found.get("high"))
        score = {"value": words.score(found["value"]), "sort": found["value"], "interval": span, "best": False}
        gap = value["against"].get(entry)
        change = cell(gap["difference"], words.in_points(metric)) if gap else None
        cells.append(
            {"score": score | {"note": found.get("note") or ""}, "change": change, "harms": _harms(value, entry)}
        )
    return {"name": value["value"], "rows": value["rows"], "cells": cells}


def _worst(column: Mapping[str, Any], entry: str, metric: str) -> Section | None:
    found = column["worst_tenth"].get(entry)
    if not found or found["score"].get("value") is None:
        return None
    score, some = found["score"], found["values"]
    named = ", ".join(some[:5]) + (f" and {len(some) - 5} more" if len(some) > 5 else "")
    span = words.interval(score.get("low"), score.get("high"))
    figure = f"{words.score(score['value'])}" + (f" ({span})" if span else "")
    return {"entry": entry, "text": f"{words.words(metric)} {figure} on {words.count(found['rows'], 'row')}: {named}"}


def dots(values: Sequence[Value], entries: Sequence[str], metric: str, description: str) -> Any:
    """A line for each slice, on it a mark for each entry."""
    marks = [
        (place, found["value"], entry, number)
        for place, value in enumerate(values)
        for number, entry in enumerate(entries)
        if (found := _score(value, entry))["value"] is not None
    ]
    if not marks:
        return ""
    scores = [score for _, score, _, _ in marks]
    air = (max(scores) - min(scores)) * 0.06 or 0.05
    rows = [_named(value, scores[0]) for value in values]
    said = "; ".join(f"{row.name}: {_said(value, entries, metric)}" for row, value in zip(rows, values, strict=True))

    def layers(frame: Frame) -> Any:
        return lambda x, y: _layers([_mark(frame, values, metric, one) for one in marks], frame, len(rows), x, y)

    return charts.drawn(rows, f"{description}. {said}.", layers, (min(scores) - air, max(scores) + air))


def _named(value: Value, anywhere: float) -> Row:
    return Row(value["value"], anywhere, text=words.count(value["rows"], "row"))


def _said(value: Value, entries: Sequence[str], metric: str) -> str:
    return ", ".join(f"{entry} {words.score(_score(value, entry)['value'])}" for entry in entries)


def _mark(frame: Frame, values: Sequence[Value], metric: str, one: tuple[int, float, str, int]) -> dict[str, Any]:
    place, score, entry, number = one
    value, (_, shape, colour) = values[place], STYLES[number]
    tip = f"{value['value'] or '(empty)'}, {entry}: {words.score(score)}"
    if entry in value["against"]:
        tip += f" ({_gap(value, entry, metric)})"
    if _harms(value, entry):
        tip, colour = f"{tip}, harms", HARM
    return {"value": score, "y": frame.middle(place), "tip": tip, "shape": shape, "colour": f"var(--{colour})"}


def _layers(marks: Sequence[Mapping[str, Any]], frame: Frame, rows: int, x: Layer, y: Layer) -> list[Layer]:
    """A thin line from the lowest to the highest mark of each slice, and the marks."""
    spans: dict[float, list[float]] = {}
    for mark in marks:
        spans.setdefault(mark["y"], []).append(mark["value"])
    lines = [{"y": at, "value": min(found), "high": max(found)} for at, found in spans.items()]
    point = {"type": "point", "filled": True, "opacity": 1, "aria": True, "size": 90}
    shapes = {"shape": as_is("shape"), "fill": as_is("colour"), "description": {"field": "tip"}}
    return [
        {
            "data": {"values": lines},
            "mark": line("rule", "edge", 1.5, 0.6),
            "encoding": {"x": x, "x2": {"field": "high"}},
        },
        {"data": {"values": list(marks)}, "mark": point, "encoding": {"x": x} | shapes},
    ]
