"""The charts of a page, as Vega-Lite specifications drawn when the page is made.

Charts of named rows come in two drawings, for a desk and for a phone; CSS shows the one that fits.
All sizes are given, none is measured from text, so a font that this machine lacks moves nothing.
Empty input gives an empty drawing, and one value is as good as many.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from ftkit.reports import words
from ftkit.reports.marks import SIGNED, Layer, as_is, dashed, layer, line, mark, plain, quantity, shade
from ftkit.reports.svg import draw


@dataclass(frozen=True)
class Row:
    """One line of a chart of named rows."""

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    text: str = ""
    """what stands at the end of the line"""
    tip: str = ""
    """what the mark says on hover and to a screen reader"""
    main: bool = False
    """drawn in the colour of the run, and round; the others grey, and square"""
    tone: str = ""
    """a colour of the palette instead"""


@dataclass(frozen=True)
class Frame:
    """Pixels of a chart of named rows."""

    kind: str
    whole: int
    left: int
    right: int
    step: int

    @property
    def plot(self) -> int:
        """Width of the plotting area."""
        return self.whole - self.left - self.right

    @property
    def stacked(self) -> bool:
        """Names above their marks instead of beside them."""
        return self.kind == "narrow"

    def middle(self, place: int) -> float:
        """Where the marks of a row stand."""
        return self.step * (place + 0.5) + (10 if self.stacked else 0)


DESK = Frame("wide", 900, 200, 190, 36)
PHONE = Frame("narrow", 340, 10, 10, 50)


def forest(
    rows: Sequence[Row],
    description: str,
    reference: float | None = None,
    frames: Sequence[Frame] = (DESK, PHONE),
    band: tuple[float, float] | None = None,
    signed: bool = False,
) -> Markup:
    """Values with their intervals, one named row each.

    `reference` is a dashed line across all rows and `band` a shade; `signed` marks the axis +1, +2, …
    """
    known = [row for row in rows if row.value is not None]
    if not known:
        return Markup("")
    span = _span(known[:-1] if outside(known) else known, reference, *(band or ()))
    return drawn(known, description, lambda frame: _forest_layers(reference, band), span, frames, signed=signed)


def outside(rows: Sequence[Row]) -> Row | None:
    """The last row, where it alone would press all others together; its mark then is an arrow at the edge."""
    known = [row for row in rows if row.value is not None]
    if len(known) < 3:
        return None
    (low, high), (lowest, highest) = _span(known[:-1]), _span(known)
    beyond = not low <= (known[-1].value or 0.0) <= high
    return known[-1] if beyond and (high - low) < 0.4 * (highest - lowest) else None


def bars(rows: Sequence[Row], description: str) -> Markup:
    """Amounts as bars from zero, one named row each."""
    known = [row for row in rows if row.value is not None]
    if not known:
        return Markup("")
    top = max(row.value or 0.0 for row in known) or 1.0
    return drawn(known, description, _bar_layers, (0.0, top), axis=False)


def difference(value: float, low: float | None, high: float | None, points: bool, higher: bool, tip: str) -> Markup:
    """One difference with its interval against zero, and which side is the better one."""
    scale = 100.0 if points else 1.0
    ends = [number * scale for number in (value, low, high) if number is not None]
    reach = max(abs(number) for number in ends) * 1.15 or 1.0
    row = {"value": value * scale, "tip": tip}
    if low is not None and high is not None:
        row |= {"low": low * scale, "high": high * scale}
    drawings = []
    for kind, width in (("wide", 900), ("narrow", 300)):
        sides = [{"x": -reach, "text": "← worse" if higher else "← better", "align": "left"}]
        sides.append({"x": reach, "text": "better →" if higher else "worse →", "align": "right"})
        spec = plain(width - 20, 34, {"left": 10, "right": 10, "top": 24, "bottom": 26})
        spec["layer"] = _difference_layers(row, sides, reach, ticks=7 if kind == "wide" else 4)
        drawings.append(draw(spec, tip, kind))
    return Markup("").join(drawings)


def reliability(bins: Sequence[Mapping[str, Any]], description: str) -> Markup:
    """How often the model is right, by how sure it is; on the dashed line the two agree."""
    known = [item for item in bins if item["confidence"] is not None and item["accuracy"] is not None and item["rows"]]
    if not known:
        return Markup("")
    most = max(item["rows"] for item in known)
    values = [
        dict(item)
        | {"size": 40 + 360 * item["rows"] / most}
        | {"tip": f"{words.count(item['rows'], 'row')}, sure to {words.share(item['confidence'])}: "
                  f"{words.share(item['accuracy'])} right"}
        for item in known
    ]  # fmt: skip
    unit = {"domain": [0, 1]}
    axis = {"format": ".0%", "tickCount": 5, "labelFlush": False}
    x = {"field": "confidence", "type": "quantitative", "scale": unit, "axis": axis | {"title": "confidence"}}
    y = {"field": "accuracy", "type": "quantitative", "scale": unit, "axis": axis | {"title": "share that is right"}}
    spec = plain(284, 250, {"left": 56, "right": 20, "top": 16, "bottom": 48})
    ends = [item for item in values if item["low"] is not None and item["high"] is not None]
    spec["layer"] = [
        layer([{"confidence": 0, "accuracy": 0}, {"confidence": 1, "accuracy": 1}], dashed("line"), x=x, y=y),
        layer(ends, line("rule", "accent", 2, 0.55), x=x, y=y | {"field": "low"}, y2={"field": "high"}),
        layer(values, mark("circle"), x=x, y=y, size=as_is("size"), description={"field": "tip"}),
    ]
    return draw(spec, description, "square")


def drawn(
    rows: Sequence[Row],
    description: str,
    layers: Any,
    span: tuple[float, float],
    frames: Sequence[Frame] = (DESK, PHONE),
    axis: bool = True,
    signed: bool = False,
) -> Markup:
    """The same rows, drawn for each frame: `layers` of marks, names on the left and figures on the right."""
    drawings = []
    for frame in frames:
        mixed = not all(row.main for row in rows)  # only then is there one to tell apart
        data = [_point(row, place, frame) | _at_edge(row, span) | {"bold": mixed and row.main}
                for place, row in enumerate(rows)]  # fmt: skip
        bottom = 34 if axis else 6
        padding = {"left": frame.left, "right": frame.right, "top": 6, "bottom": bottom}
        spec = plain(frame.plot, frame.step * len(rows), padding)
        x = quantity("value", span, axis, 4 if frame.stacked else 6)
        if signed:
            x["axis"] |= SIGNED
        pixels = {"domain": [0, frame.step * len(rows)], "range": [0, frame.step * len(rows)]}
        y = {"field": "y", "type": "quantitative", "axis": None, "scale": pixels}
        spec["data"] = {"values": data}
        spec["layer"] = [layer | {"encoding": {"y": y} | layer["encoding"]} for layer in layers(frame)(x, y)]
        spec["layer"] += _texts(frame, y)
        drawings.append(draw(spec, description, frame.kind))
    return Markup("").join(drawings)


def _point(row: Row, place: int, frame: Frame) -> dict[str, Any]:
    """A row as the specification's data: fixed field names, the user's text only in values."""
    middle = frame.middle(place)
    point = {"name": row.name or "(empty)", "value": row.value, "text": row.text, "tip": row.tip or row.name}
    point |= {"y": middle, "y0": middle - 24 if frame.stacked else middle, "mid": middle - 7, "end": middle + 7}
    if row.low is not None and row.high is not None:
        point |= {"low": row.low, "high": row.high}
    colour = f"var(--{row.tone or ('accent' if row.main else 'edge')})"
    return point | {"colour": colour, "shape": "circle" if row.main else "square", "size": 110 if row.main else 70}


def _at_edge(row: Row, span: tuple[float, float]) -> dict[str, Any]:
    """An arrow for a row beyond the axis, without its interval."""
    value, (low, high) = row.value or 0.0, span
    if low <= value <= high:
        return {}
    side, edge = ("left", low) if value < low else ("right", high)
    return {"value": edge, "shape": f"triangle-{side}", "low": None, "high": None}


def _forest_layers(reference: float | None, band: tuple[float, float] | None) -> Any:
    def layers(x: Layer, y: Layer) -> list[Layer]:
        colour = as_is("colour")
        grid = {"mark": {"type": "rule", "opacity": 0}, "encoding": {"x": x, "y": y}}
        across: list[Layer] = []
        if band is not None:
            across = [shade(band, x)]
        if reference is not None:
            across += [{"data": {"values": [{"value": reference}]}, "mark": dashed("rule"),
                       "encoding": {"x": x, "y": {"value": 0}, "y2": {"value": "height"}}}]  # fmt: skip
        interval = {
            "mark": line("rule", "edge", 3, 0.75) | {"strokeCap": "round"},
            "transform": [{"filter": "isValid(datum.low)"}],
            "encoding": {"x": x | {"field": "low"}, "x2": {"field": "high"}, "stroke": colour},
        }
        mark = {
            "mark": {"type": "point", "filled": True, "opacity": 1, "aria": True},
            "encoding": {"x": x, "fill": colour, "description": {"field": "tip"}}
            | {name: as_is(name) for name in ("shape", "size")},
        }
        return [grid, *across, interval, mark]

    return layers


def _bar_layers(frame: Frame) -> Any:
    def layers(x: Layer, y: Layer) -> list[Layer]:
        mark = {"type": "rect", "cornerRadius": 2, "aria": True}
        ends = {"x": x, "x2": {"datum": 0}, "y": y | {"field": "mid"}, "y2": {"field": "end"}}
        return [{"mark": mark, "encoding": ends | {"fill": as_is("colour"), "description": {"field": "tip"}}}]

    return layers


def _texts(frame: Frame, y: Layer) -> list[Layer]:
    """The name of each row, and its value in figures."""
    left: Layer = {"type": "text", "align": "left", "baseline": "middle"}
    at = y | {"field": "y0"}
    limit = {"limit": frame.plot - 155 if frame.stacked else frame.left - 20}
    name = {"text": {"field": "name"}, "x": {"value": -frame.left + (10 if frame.stacked else 4)}, "y": at}
    figure = {"text": {"field": "text"}, "y": at}
    if frame.stacked:
        figure["x"] = {"value": frame.plot}
        side: Layer = {"align": "right"}
    else:
        figure["x"] = {"value": frame.plot + 18}
        side = {"align": "left"}
    return [
        {"mark": left | limit | {"fontSize": 13}, "encoding": name, "transform": [{"filter": "!datum.bold"}]},
        {"mark": left | limit | {"fontSize": 13, "fontWeight": 600}, "encoding": name,
         "transform": [{"filter": "datum.bold"}]},
        {"mark": left | side | {"fill": "var(--quiet)"}, "encoding": figure},
    ]  # fmt: skip


def _difference_layers(row: Layer, sides: list[Layer], reach: float, ticks: int) -> list[Layer]:
    x = quantity("value", (-reach, reach), True, ticks)
    x["axis"] |= SIGNED
    middle = {"y": {"value": 17}}
    ends = [row] if "low" in row else []
    return [
        layer([{"value": 0}], line("rule", "ink", 1.2), x=x, y={"value": -4}, y2={"value": 34}),
        *[
            layer([side], {"type": "text", "align": side["align"], "fill": "var(--quiet)"},
                   x=x | {"field": "x"}, y={"value": -12}, text={"field": "text"})
            for side in sides
        ],
        layer(ends, line("rule", "accent", 3, 0.75) | {"strokeCap": "round"}, x=x | {"field": "low"},
               x2={"field": "high"}, **middle),
        layer([row], mark("point") | {"size": 120}, x=x, description={"field": "tip"}, **middle),
    ]  # fmt: skip


def _span(rows: Sequence[Row], *others: float | None) -> tuple[float, float]:
    """From the lowest to the highest end, with some air, not below 0 or above 1 for shares."""
    ends = [end for row in rows for end in (row.value, row.low, row.high, *others) if end is not None]
    low, high = min(ends), max(ends)
    air = (high - low) * 0.06 or abs(low) * 0.1 or 0.1
    share = low >= 0 and high <= 1
    return (max(0.0, low - air), min(1.0, high + air)) if share else (low - air, high + air)
