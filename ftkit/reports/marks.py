"""Pieces of a Vega-Lite specification that all charts are put together from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Layer = dict[str, Any]
SIGNED = {"labelExpr": "datum.value == 0 ? '0' : format(datum.value, '+.3~g')"}
"""of an axis of differences"""


def plain(width: int, height: int, padding: Mapping[str, int]) -> dict[str, Any]:
    """A specification of exactly this size."""
    return {"width": width, "height": height, "padding": dict(padding), "autosize": {"type": "none"}}


def quantity(field: str, span: tuple[float, float], axis: bool, ticks: int) -> Layer:
    """A number along an axis from end to end of `span`, drawn with about `ticks` ticks or not at all."""
    shown = {"title": None, "tickCount": ticks, "labelFlush": False} if axis else None
    return {"field": field, "type": "quantitative", "scale": {"domain": list(span), "nice": False}, "axis": shown}


def layer(data: Sequence[Mapping[str, Any]], mark: Layer, **encoding: Any) -> Layer:
    """One kind of mark for each item of `data`."""
    return {"data": {"values": list(data)}, "mark": mark, "encoding": encoding}


def as_is(field: str) -> Layer:
    """A field that already holds what is drawn: a colour, a shape, a size."""
    return {"field": field, "type": "nominal" if field != "size" else "quantitative", "scale": None, "legend": None}


def line(kind: str, colour: str, width: float, opacity: float = 1) -> Layer:
    """A `rule` or a `line` in a colour of the palette."""
    return {"type": kind, "stroke": f"var(--{colour})", "strokeWidth": width, "opacity": opacity}


def dashed(kind: str) -> Layer:
    """A line that something is measured against."""
    return line(kind, "edge", 1.2) | {"strokeDash": [4, 4]}


def mark(kind: str) -> Layer:
    """A filled mark that says its value on hover and to a screen reader."""
    return {"type": kind, "filled": True, "fill": "var(--accent)", "opacity": 1, "aria": True}


def ring(size: int) -> Layer:
    """An open circle round the mark that was chosen."""
    open_circle = {"type": "point", "filled": False, "size": size, "strokeWidth": 1.4, "stroke": "var(--ink)"}
    return open_circle | {"opacity": 1, "aria": True}


def shade(band: tuple[float, float], x: Layer) -> Layer:
    """A shaded range of the axis, behind everything."""
    values = [{"value": band[0], "high": band[1]}]
    ends = {"x": x, "x2": {"field": "high"}, "y": {"value": 0}, "y2": {"value": "height"}}
    return layer(values, {"type": "rect", "fill": "var(--sunken)"}, **ends)
