"""The ladder of a search as a drawing: rungs from left to right, validation scores upwards, baselines beside them.

On a phone the rungs are rows, because their names do not fit below one another's columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from ftkit.reports import charts, words
from ftkit.reports.charts import Row
from ftkit.reports.marks import Layer, dashed, layer, line, mark, plain, quantity, ring
from ftkit.reports.svg import draw

PLOT, LEFT, RIGHT, HEIGHT = 640, 64, 196, 230
"""pixels of the plotting area and beside it, where the axis and the names of baselines are"""
GAP = 17.0
"""pixels between the names of baselines"""
FAR = 2.0
"""times the spread of the rungs: a baseline further off would press them together"""

Baseline = tuple[str, float]
"""name, score on the test rows"""


@dataclass(frozen=True)
class Rung:
    """A method of the ladder and how it did on validation rows."""

    name: str
    score: float | None
    """of all parts that tried it, pooled"""
    parts: Mapping[str, float]
    """part: score, where it was tried"""
    remark: str = ""
    """how often it was chosen"""
    delivered: bool = False

    @property
    def tip(self) -> str:
        """What its mark says."""
        said = f"{self.name}: {words.score(self.score)} on validation rows"
        return said + (f", {self.remark}" if self.remark else "") + (", delivered" if self.delivered else "")


def near(rungs: Sequence[Rung], baselines: Sequence[Baseline]) -> list[Baseline]:
    """The baselines that can be drawn beside these rungs; the highest first."""
    values = _values(rungs)
    if not values:
        return []
    low, high = min(values), max(values)
    reach = FAR * max(high - low, 0.05 * max(abs(low), abs(high)))
    kept = [(name, value) for name, value in baselines if low - reach <= value <= high + reach]
    return sorted(kept, key=lambda item: -item[1])


def chart(rungs: Sequence[Rung], baselines: Sequence[Baseline], metric: str, description: str) -> Markup:
    """The ladder for a desk and for a phone; `baselines` are those that are `near`."""
    known = [rung for rung in rungs if rung.score is not None]
    if not known:
        return Markup("")
    rows = [
        Row(
            rung.name,
            rung.score,
            text="delivered, " * rung.delivered + words.score(rung.score),
            tip=rung.tip,
            main=True,
        )
        for rung in known
    ]
    rows += [
        Row(f"{name}, test rows", value, text=words.score(value), tip=_tip(name, value)) for name, value in baselines
    ]
    phone = charts.forest(rows, description, frames=(charts.PHONE,))
    return _desk(known, baselines, metric, description) + phone


def _desk(rungs: Sequence[Rung], baselines: Sequence[Baseline], metric: str, description: str) -> Markup:
    values = [*_values(rungs), *(value for _, value in baselines)]
    air = (max(values) - min(values)) * 0.1 or abs(values[0]) * 0.05 or 0.05
    span = (min(values) - air, max(values) + air)
    x, y = quantity("x", (0, len(rungs)), False, 0), quantity("value", span, True, 5)
    y["axis"] |= {"title": f"validation {metric}"}
    points = [
        {"x": place + 0.5, "value": rung.score, "tip": rung.tip, "name": rung.name, "remark": rung.remark}
        for place, rung in enumerate(rungs)
    ]
    bottom = 54 if any(rung.remark for rung in rungs) else 36
    spec = plain(PLOT, HEIGHT, {"left": LEFT, "right": RIGHT, "top": 14, "bottom": bottom})
    spec["layer"] = [
        *_across(baselines, span, y),
        *_courses(rungs, x, y),
        layer(points, mark("point") | {"size": 90}, x=x, y=y, description={"field": "tip"}),
        layer([point for point, rung in zip(points, rungs, strict=True) if rung.delivered],
              ring(280) | {"aria": False}, x=x, y=y),
        *_names(rungs, points, x),
    ]  # fmt: skip
    return draw(spec, description, "wide")


def _across(baselines: Sequence[Baseline], span: tuple[float, float], y: Layer) -> list[Layer]:
    """A dashed line for each baseline, its name at the right where it covers no other."""
    low, high = span
    places = apart([(high - value) / (high - low) * HEIGHT for _, value in baselines])
    lines = [{"value": value, "tip": _tip(name, value)} for name, value in baselines]
    named = [
        {"value": high - place / HEIGHT * (high - low), "text": f"{name} {words.score(value)}"}
        for (name, value), place in zip(baselines, places, strict=True)
    ]
    text: Layer = {"type": "text", "align": "left", "baseline": "middle", "fill": "var(--quiet)", "limit": RIGHT - 12}
    whole: Layer = {"x": {"value": 0}, "x2": {"value": "width"}}
    rules = layer(lines, dashed("rule") | {"aria": True}, **whole, y=y, description={"field": "tip"})
    return [rules, layer(named, text, x={"value": PLOT + 12}, y=y, text={"field": "text"})]


def apart(places: Sequence[float]) -> list[float]:
    """Rising places moved down, and up again from the end, as little as keeps them `GAP` apart."""
    moved: list[float] = []
    for place in places:
        moved.append(max(place, moved[-1] + GAP) if moved else place)
    limit = float(HEIGHT)
    for number in reversed(range(len(moved))):
        moved[number] = min(moved[number], limit)
        limit = moved[number] - GAP
    return moved


def _courses(rungs: Sequence[Rung], x: Layer, y: Layer) -> list[Layer]:
    """Each fold as a thin line; all of them pooled as a thick one, as far as every fold climbed."""
    names = list(dict.fromkeys(part for rung in rungs for part in rung.parts))
    layers = []
    if len(names) > 1:
        thin = [
            {"part": part, "x": place + 0.5, "value": rung.parts[part]}
            for place, rung in enumerate(rungs)
            for part in rung.parts
        ]
        detail = {"field": "part", "type": "nominal"}
        layers.append(layer(thin, line("line", "accent", 1, 0.35), x=x, y=y, detail=detail))
    shared = [
        {"x": place + 0.5, "value": rung.score}
        for place, rung in enumerate(rungs)
        if len(rung.parts) == len(names)
    ]  # fmt: skip
    return [*layers, layer(shared, line("line", "accent", 2.2), x=x, y=y)]


def _names(rungs: Sequence[Rung], points: Sequence[Mapping[str, Any]], x: Layer) -> list[Layer]:
    text: Layer = {"type": "text", "baseline": "middle", "limit": PLOT / len(rungs) - 10}
    bold = {rung.name for rung in rungs if rung.delivered}
    above: dict[str, Any] = {"x": x, "y": {"value": HEIGHT + 20}, "text": {"field": "name"}}
    plainly = [point for point in points if point["name"] not in bold]
    heavily = [point for point in points if point["name"] in bold]
    below = {"x": x, "y": {"value": HEIGHT + 38}, "text": {"field": "remark"}}
    return [
        layer(plainly, text | {"fontSize": 13}, **above),
        layer(heavily, text | {"fontSize": 13, "fontWeight": 600}, **above),
        layer(points, text | {"fill": "var(--quiet)"}, **below),
    ]


def _values(rungs: Sequence[Rung]) -> list[float]:
    return [value for rung in rungs for value in (rung.score, *rung.parts.values()) if value is not None]


def _tip(name: str, value: float) -> str:
    return f"{name}: {words.score(value)} on the test rows"
