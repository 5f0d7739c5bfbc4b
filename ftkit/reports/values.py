"""Predicted numbers against true ones: a plot of rows, and the error by how large the truth is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from ftkit.reports import words
from ftkit.reports.marks import as_is, dashed, layer, line, mark, plain
from ftkit.reports.svg import draw

Report = Mapping[str, Any]
Section = dict[str, Any]

WIDTH, HEIGHT = 284, 250
PADDING = {"left": 56, "right": 20, "top": 16, "bottom": 48}
REMARK = (
    "Numbers come without a probability of being right, so there is no calibration, no threshold to answer from, and "
    "no list of doubtful labels."
)


def values(report: Report) -> Section | None:
    """Each target's plots and errors; None where labels are predicted."""
    tables = [_table(one, len(report["values"]) > 1) for one in report["values"] if one["bins"]]
    return {"tables": tables, "remark": REMARK} if tables else None


def _table(one: Mapping[str, Any], several: bool) -> Section:
    bins = [dict(item) for item in one["bins"]]
    shown = len(one["points"])
    caption = "A mark is all rows of a range of the truth; on the dashed line prediction and truth agree."
    if shown:
        caption = "A mark is a test row; on the dashed line prediction and truth agree."
    if 0 < shown < one["rows"]:
        caption += f" {words.count(shown)} of {words.count(one['rows'], 'row')} are drawn, at random."
    return {
        "name": one["target"] if several else "",
        "chart": _scatter(one["points"], bins, _said(bins)),
        "caption": f"{caption} The line is the mean prediction.",
        "errors": _errors(bins, _said(bins)),
        "errors_caption": "Mean error by the true number: above zero too high, below it too low.",
        "lines": [_line(item) for item in bins],
    }


def _line(item: Mapping[str, Any]) -> list[str]:
    numbers = [words.score(item["prediction"]), _signed(item["error"]), words.score(item["absolute"])]
    return [_range(item), words.count(item["rows"]), *numbers]


def _range(item: Mapping[str, Any]) -> str:
    low, high = (f"{item[end]:.4g}" for end in ("low", "high"))
    return low if low == high else f"{low} to {high}"


def _signed(value: float | None) -> str:
    return words.difference(value, points=False)


def _said(bins: Sequence[Mapping[str, Any]]) -> str:
    """The bins as a sentence, for those who do not see the plot."""
    parts = (f"{_range(item)}: {words.score(item['prediction'])}" for item in bins)
    return f"Mean prediction where the truth is {'; '.join(parts)}."


def _scatter(points: Sequence[Sequence[float]], bins: Sequence[Section], description: str) -> Markup:
    rows = [{"gold": gold, "prediction": guess} for gold, guess in points]
    means = [item | {"gold": (item["low"] + item["high"]) / 2, "size": 60, "tip": _tip(item)} for item in bins]
    ends = [number for one in (*rows, *means) for number in (one["gold"], one["prediction"])]
    low, high = min(ends), max(ends)
    air = (high - low) * 0.04 or 0.5
    span = (low - air, high + air)
    x, y = _axis("gold", span, "true"), _axis("prediction", span, "predicted")
    spec = plain(WIDTH, HEIGHT, PADDING)
    diagonal = [{"gold": end, "prediction": end} for end in span]
    spot = {"type": "circle", "fill": "var(--edge)", "opacity": 0.35, "size": 14}
    spec["layer"] = [
        layer(diagonal, dashed("line"), x=x, y=y),
        layer(rows, spot, x=x, y=y),
        layer(means, line("line", "accent", 2), x=x, y=y),
        layer(means, mark("circle"), x=x, y=y, size=as_is("size"), description={"field": "tip"}),
    ]
    return draw(spec, description, "square")


def _errors(bins: Sequence[Section], description: str) -> Markup:
    known = [item | {"gold": (item["low"] + item["high"]) / 2, "size": 60, "tip": _tip(item)} for item in bins]
    places, errors = [item["gold"] for item in known], [item["error"] for item in known]
    reach = max(map(abs, errors)) * 1.15 or 1.0
    air = (max(places) - min(places)) * 0.06 or 0.5
    x = _axis("gold", (min(places) - air, max(places) + air), "true")
    y = _axis("error", (-reach, reach), "mean error")
    spec = plain(WIDTH, HEIGHT, PADDING)
    spec["layer"] = [
        layer([{"error": 0}], line("rule", "ink", 1.2), y=y),
        layer(known, line("rule", "accent", 2, 0.55), x=x, y=y, y2={"datum": 0}),
        layer(known, mark("circle"), x=x, y=y, size=as_is("size"), description={"field": "tip"}),
    ]
    return draw(spec, description, "square")


def _tip(item: Mapping[str, Any]) -> str:
    error = f"{words.count(item['rows'], 'row')}, mean error {_signed(item['error'])}"
    return f"true {_range(item)}: predicted {words.score(item['prediction'])} on average, {error}"


def _axis(field: str, span: tuple[float, float], title: str) -> Section:
    axis = {"title": title, "tickCount": 5, "labelFlush": False}
    return {"field": field, "type": "quantitative", "scale": {"domain": list(span), "nice": False}, "axis": axis}
