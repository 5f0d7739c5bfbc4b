"""Cost beside quality: every entry's score against what it costs, and the front that no other entry beats."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from ftkit.reports import words
from ftkit.reports.marks import Layer, as_is, dashed, layer, plain
from ftkit.reports.svg import draw

Document = Mapping[str, Any]
Section = dict[str, Any]
Line = Mapping[str, Any]

COUNTS: dict[str, tuple[str, Callable[[float | None], str], bool]] = {
    "seconds": ("seconds to train", words.seconds, True),
    "adapter_bytes": ("bytes of the adapter", words.size, True),
    "trainable_parameters": ("trainable parameters", words.magnitude, True),
    "predictions_per_second": ("predictions a second", words.count, False),
}
"""what is counted: its name, how it is written, and whether less is better"""
MOST_NAMES = 6
"""entries whose names still have room beside their marks; of more, those on the front are named"""
WIDE = 20.0
"""largest by smallest cost: beyond, the axis is logarithmic"""


def cost(document: Document) -> Section | None:
    """Charts of score against each cost, and the table."""
    lines = [line for line in document["cost"] if any(line[key] is not None for key in COUNTS)]
    if not lines:
        return None
    known = [key for key in COUNTS if any(line[key] is not None for line in lines)]
    drawn = [chart for key in known if (chart := _chart(lines, key, document["primary"]))]
    front = [line["name"] for line in lines if line["pareto"]]
    table = [
        {
            "name": line["name"],
            "score": {"value": words.score(line["score"]), "sort": line["score"]},
            "cells": [{"value": COUNTS[key][1](line[key]), "sort": line[key]} for key in known],
            "pareto": line["pareto"],
        }
        for line in lines
    ]
    about = "Round blue marks are on the Pareto front: no other entry is as good on every count and better on one. "
    about += _front(front)
    heads = [COUNTS[key][0] for key in known]
    return {"charts": drawn, "about": about.strip(), "heads": heads, "lines": table}


def _front(names: Sequence[str]) -> str:
    return f"On it: {', '.join(names)}." if names else ""


def _chart(lines: Sequence[Line], key: str, metric: str) -> Markup | None:
    """One mark an entry; the dashed steps are the front by these two numbers alone."""
    known = [line for line in lines if line[key] is not None and line["score"] is not None]
    if len({line[key] for line in known}) < 2:
        return None
    name, write, less = COUNTS[key]
    points = [_point(line, key, metric, write) for line in known]
    x, y = _axes(points, name, words.words(metric))
    spec = plain(284, 220, {"left": 60, "right": 24, "top": 16, "bottom": 48})
    texts = [point for point in points if len(points) <= MOST_NAMES or point["shape"] == "circle"]
    middle = sorted(point["cost"] for point in points)[len(points) // 2]
    steps = "step-after" if less else "step-before"
    spec["layer"] = [
        layer(_steps(known, key, metric, less), dashed("line") | {"interpolate": steps}, x=x, y=y),
        layer(points, {"type": "point", "filled": True, "opacity": 1, "aria": True, "size": 110}, x=x, y=y,
              fill=as_is("colour"), shape=as_is("shape"), description={"field": "tip"}),
        *[layer([point for point in texts if (point["cost"] > middle) == right], _beside(right), x=x, y=y,
                text={"field": "name"}) for right in (False, True)],
    ]  # fmt: skip
    return draw(
        spec, f"{words.words(metric)} by {name}. " + "; ".join(point["tip"] for point in points) + ".", "square"
    )


def _point(line: Line, key: str, metric: str, write: Callable[[float | None], str]) -> dict[str, Any]:
    tip = f"{line['name']}: {words.words(metric)} {words.score(line['score'])}, {write(line[key])}"
    tip += " a second" if key == "predictions_per_second" else ""
    tip += ", on the Pareto front" if line["pareto"] else ""
    colour, shape = ("accent", "circle") if line["pareto"] else ("edge", "square")
    where = {"cost": line[key], "value": line["score"], "name": line["name"] or "(empty)", "tip": tip}
    return where | {"colour": f"var(--{colour})", "shape": shape}


def _axes(points: Sequence[Mapping[str, Any]], name: str, metric: str) -> tuple[Layer, Layer]:
    costs, scores = [point["cost"] for point in points], [point["value"] for point in points]
    low, high = min(costs), max(costs)
    log = low > 0 and high / low > WIDE
    ends = [low / 1.5, high * 1.5] if log else [low - (high - low) * 0.12, high + (high - low) * 0.12]
    air = (max(scores) - min(scores)) * 0.15 or abs(scores[0]) * 0.05 or 0.05
    across = {"type": "log" if log else "linear", "domain": ends, "nice": False}
    upward = {"domain": [min(scores) - air, max(scores) + air], "nice": False}
    title = f"{name} (logarithmic)" if log else name
    ticks = {
        "title": title,
        "format": "~s" if high >= 1000 else "~r",
        "tickCount": 4,
        "grid": False,
        "labelFlush": False,
    }
    x = {"field": "cost", "type": "quantitative", "scale": across, "axis": ticks}
    y = {"field": "value", "type": "quantitative", "scale": upward, "axis": {"title": metric, "tickCount": 5}}
    return x, y


def _steps(lines: Sequence[Line], key: str, metric: str, less: bool) -> list[dict[str, Any]]:
    """The entries that no other beats by score and this cost, cheapest first."""
    sign = 1 if words.direction(metric) else -1
    order = sorted(lines, key=lambda line: (line[key] if less else -line[key], -sign * line["score"]))
    front: list[dict[str, Any]] = []
    for line in order:
        if not front or sign * line["score"] > sign * front[-1]["value"]:
            front.append({"cost": line[key], "value": line["score"]})
    return front


def _beside(left: bool) -> Layer:
    """Names stand on the inner side of their marks."""
    where = {"align": "right", "dx": -9} if left else {"align": "left", "dx": 9}
    return {"type": "text", "baseline": "middle", "dy": -9, "limit": 150} | where
