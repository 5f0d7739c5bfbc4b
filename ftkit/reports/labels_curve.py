"""What more labels would buy: the score by number of labels, drawn on to twice and four times as many.

A report of a run that was trained without `--curve`, or that is older than it, has none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from ftkit.reports import words
from ftkit.reports.marks import Layer, layer, line, mark, plain, quantity
from ftkit.reports.svg import draw

Report = Mapping[str, Any]
Section = dict[str, Any]

SIZES = (
    ("wide", 790, 300, {"left": 64, "right": 46, "top": 14, "bottom": 50}),
    ("narrow", 262, 220, {"left": 52, "right": 26, "top": 14, "bottom": 50}),
)
"""kind, pixels of the plotting area, and beside it"""
PREDICTORS = {"adapted": "accent", "linear_probe": "edge"}
"""predictor: colour"""
TICKS = (1, 2, 5)
NEAR = 1.001
"""times a number of labels within which another is the same"""


def sentence(report: Report) -> str:
    """What twice the labels would buy; nothing where no curve was asked for."""
    found = report["curve"]
    return found["sentence"] if found else ""


def section(report: Report) -> Section | None:
    """The sentence, the drawing, what it rests on and every share in figures."""
    found = report["curve"]
    if not found or not found["sentence"]:
        return None
    points = {name: found["points"].get(name) or [] for name in _drawn(found)}
    return {
        "sentence": found["sentence"],
        "chart": _chart(found, points) if any(points.values()) else Markup(""),
        "key": _key(points, found),
        "caption": _caption(found),
        "back_test": _back_test(found),
        "about": _about(report, found),
        "names": [words.predictor(name) for name in points],
        "lines": _lines(points),
    }


def _drawn(found: Mapping[str, Any]) -> list[str]:
    """The predictors to show: of a solved head, which answers as the probe does, one of them."""
    several = [[point["values"] for point in found["points"].get(name) or []] for name in PREDICTORS]
    return list(PREDICTORS) if several[0] != several[1] else ["adapted"]


def _key(points: Mapping[str, Any], found: Mapping[str, Any]) -> Markup:
    """What the lines are; those that are not drawn are not named."""
    key = Markup('<span class="key"></span>adapted model')
    if "linear_probe" in points:
        key += Markup(' <span class="key" style="border-color:var(--edge)"></span>linear probe')
    if _told(found):
        key += Markup(' <span class="key dashed" style="border-color:var(--accent)"></span>with more labels')
    return key


def _told(found: Mapping[str, Any]) -> bool:
    return found["outcome"] in ("gain", "little") and bool(found["trend"])


def _caption(found: Mapping[str, Any]) -> str:
    text = f"{words.sentence(words.words(found['metric']))} by number of labels trained on, with {words.LEVEL} "
    text += "intervals. Large marks are means, small ones single trainings."
    if _told(found):
        text += " The line is what fits all marks; dashed, what twice and, in grey, four times the labels would be "
        text += "expected to reach."
    return text


def _back_test(found: Mapping[str, Any]) -> str:
    """How well the smaller shares would have foretold the largest."""
    test = found["back_test"]
    if not test:
        return ""
    span = words.interval(test["low"], test["high"])
    said = f"Put to the test: with no more than {words.count(test['from'])} labels, {words.score(test['expected'])} "
    said += f"({span}) would have been expected at {words.count(test['labels'])}. It was {words.score(test['value'])}, "
    return said + ("inside that interval." if test["inside"] else "outside that interval.")


def _about(report: Report, found: Mapping[str, Any]) -> str:
    """How the curve came about, and what it stands on."""
    text = f"Every share was drawn and trained {words.count(found['seeds'], 'time')}, with the learning rate and the "
    text += f"number of passes chosen on all labels, and scored on the same {words.count(found['rows'], 'row')}, each "
    text += "by a model that was not trained on it."
    most = max((point["labels"] for several in found["points"].values() for point in several), default=None)
    if report["folds"] and most is not None:
        text += f" Each of the {report['folds']} folds trains on about {words.count(most)} of the "
        text += f"{words.count(found['labels'])} labels."
    if found["left_out"]:
        several = ", ".join(words.count(labels) for labels in found["left_out"])
        text += f" Left out, because a training ran away or the score is not defined: {several} labels."
    if _told(found):
        text += " The forecast takes it that new labels come from where these do, and that the curve goes on as it"
        text += " has: one that ends just here cannot be told from one that does not."
    return text


def _lines(points: Mapping[str, Any]) -> list[Section]:
    first, *others = points.values()
    return [
        {"labels": words.count(cells[0]["labels"]), "cells": [_cell(cell) for cell in cells]}
        for cells in zip(first, *others, strict=False)
    ]


def _cell(point: Mapping[str, Any]) -> Section:
    single = ", ".join(words.score(value) for value in point["values"])
    return {
        "value": words.score(point["value"]),
        "interval": words.interval(point["low"], point["high"]),
        "single": single,
    }


def _chart(found: Mapping[str, Any], points: Mapping[str, Any]) -> Markup:
    """The curve for a desk and for a phone."""
    ahead = [point for point in found["trend"] if point["value"] is not None] if _told(found) else []
    shown = [point for several in points.values() for point in several if point["value"] is not None]
    if not shown:
        return Markup("")
    labels = [point["labels"] for point in (*shown, *ahead)]
    ends = [
        end for point in (*shown, *ahead) for end in (point["low"], point["value"], point["high"]) if end is not None
    ]
    air = (max(ends) - min(ends)) * 0.05 or 0.05
    text = f"{words.words(found['metric'])} by number of labels. {_said(points)} {found['sentence']}"
    drawings = []
    for kind, width, height, padding in SIZES:
        x = quantity("labels", (min(labels) / 1.05, max(labels) * 1.05), True, 5)
        x["scale"]["type"] = "log"
        x["axis"] |= {"title": "labels to train on", "values": _ticks(min(labels), max(labels), kind), "grid": False}
        x["axis"] |= {"format": ",d", "labelOverlap": False, "tickCount": None}
        y = quantity("value", (min(ends) - air, max(ends) + air), True, 5)
        y["axis"] |= {"title": words.words(found["metric"])}
        spec = plain(width, height, padding)
        spec["layer"] = _layers(found, points, ahead, x, y)
        drawings.append(draw(spec, text, kind))
    return Markup("").join(drawings)


def _said(points: Mapping[str, Any]) -> str:
    said = []
    for name, several in points.items():
        values = "; ".join(f"{words.count(one['labels'])}: {words.score(one['value'])}" for one in several)
        said.append(f"{words.sentence(words.predictor(name))}, {values}.")
    return " ".join(said)


def _ticks(low: float, high: float, kind: str) -> list[int]:
    """Round numbers within an axis that grows by factors; on a phone fewer of them."""
    steps = TICKS if kind == "wide" else TICKS[::2]
    every = [step * 10**power for power in range(12) for step in steps]
    return [tick for tick in every if low / 1.05 <= tick <= high * 1.05]


def _layers(
    found: Mapping[str, Any], points: Mapping[str, Any], trend: Sequence[Mapping[str, Any]], x: Layer, y: Layer
) -> list[Layer]:
    """Bands below, then lines, single trainings, means, and what lies ahead."""
    bands, lines, marks = [], [], []
    last = max(one["labels"] for several in points.values() for one in several)
    for name, several in points.items():
        colour = PREDICTORS[name]
        fitted = [one for one in trend if one["labels"] <= last * NEAR] if name == "adapted" else []
        bands.append(_band(fitted or several, colour, 0.14, x, y))
        lines.append(layer(fitted or several, line("line", colour, 2.2), x=x, y=y))
        single = [{"labels": one["labels"], "value": value} for one in several for value in one["values"]]
        dots = {"type": "point", "filled": True, "fill": f"var(--{colour})", "size": 14, "opacity": 0.5}
        marks.append(layer(single, dots, x=x, y=y))
        means = [dict(one) | {"tip": _tip(words.predictor(name), one)} for one in several]
        shape = {"shape": "circle" if name == "adapted" else "square", "size": 55, "fill": f"var(--{colour})"}
        marks.append(layer(means, mark("point") | shape, x=x, y=y, description={"field": "tip"}))
    for start, colour in ((last, "accent"), (2 * last, "edge")) if trend else ():
        stretch = [one for one in trend if start / NEAR <= one["labels"] <= 2 * start * NEAR]
        if not stretch:
            continue
        bands.append(_band(stretch, colour, 0.1, x, y))
        lines.append(layer(stretch, line("line", colour, 2.2) | {"strokeDash": [6, 4]}, x=x, y=y))
        end = [dict(stretch[-1]) | {"tip": _tip("expected", stretch[-1])}]
        ring = {"type": "point", "filled": True, "fill": "var(--paper)", "stroke": f"var(--{colour})", "size": 60}
        ring |= {"strokeWidth": 1.8, "opacity": 1, "aria": True}
        marks.append(layer(end, ring, x=x, y=y, description={"field": "tip"}))
    return [*bands, *lines, *marks]


def _band(several: Sequence[Mapping[str, Any]], colour: str, opacity: float, x: Layer, y: Layer) -> Layer:
    whole = [one for one in several if one["low"] is not None and one["high"] is not None]
    area = {"type": "area", "fill": f"var(--{colour})", "opacity": opacity}
    return layer(whole, area, x=x, y=y | {"field": "low"}, y2={"field": "high"})


def _tip(who: str, point: Mapping[str, Any]) -> str:
    span = words.interval(point["low"], point["high"])
    said = f"{words.count(point['labels'], 'label')}, {who}: {words.score(point['value'])}"
    return said + (f" ({span})" if span else "")
