"""Where a run puts rows and where they are: a map of each floor, and the share of rows by error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ftkit.reports import words
from ftkit.reports.marks import Layer, dashed, layer, line, mark, plain
from ftkit.reports.svg import draw

Report = Mapping[str, Any]
Section = dict[str, Any]

WIDTH, MOST_HEIGHT, LEAST_HEIGHT = 300, 420, 160
PADDING = {"left": 56, "right": 16, "top": 16, "bottom": 48}
CURVE = (560, 250)
RIVALS = ("weighted_neighbours", "source", "linear_probe")
"""baselines whose curves are drawn, where there are any"""
DASHES: tuple[list[int], ...] = ([], [6, 3], [2, 3])
COLOURS = ("ink", "edge", "edge")
LOOKS = ("thick blue", "black", "dashed", "dotted")
ASKED = (0.5, 0.75, 0.9, 0.95)
"""shares of rows whose errors stand in the table"""


def places(report: Report) -> Section | None:
    """Maps and the curve of errors; None where no position is predicted."""
    found = report["places"]
    if not found:
        return None
    points = [point for one in found["floors"] for point in one["points"]]
    maps = [_map(one, ground(points)) for one in found["floors"] if one["points"]]
    shown = sum(len(one["points"]) for one in found["floors"])
    remark = "Each line leads from where a row is (open circle) to where it was put (dot); orange: on a wrong floor."
    if 0 < shown < found["rows"]:
        remark += f" {words.count(shown)} of {words.count(found['rows'], 'row')} are drawn, at random."
    return {"maps": maps, "remark": remark if maps else "", **_curves(found["curves"])}


@dataclass(frozen=True)
class Ground:
    """What a map shows, the same for all floors; a metre is as long upwards as across."""

    across: tuple[float, float]
    up: tuple[float, float]
    """metres at either end"""
    height: int
    """pixels, where `WIDTH` is the width"""


def ground(points: Sequence[Sequence[float]]) -> Ground:
    """A ground that holds all points (x, y, predicted x and y, …); of a long building one side is left wide."""
    ends = [_span([point[i] for point in points for i in pair]) for pair in ((0, 2), (1, 3))]
    width, depth = (high - low for low, high in ends)
    height = min(MOST_HEIGHT, max(LEAST_HEIGHT, round(WIDTH * depth / width)))
    unit = max(width / WIDTH, depth / height)  # metres of a pixel
    middles = [(low + high) / 2 for low, high in ends]
    across, up = (
        (middle - unit * pixels / 2, middle + unit * pixels / 2)
        for middle, pixels in zip(middles, (WIDTH, height), strict=True)
    )
    return Ground(across, up, height)


def _map(one: Mapping[str, Any], shown: Ground) -> Section:
    rows = [_row(point, one["name"]) for point in one["points"]]
    x, y = _axis("x", shown.across, "x (m)"), _axis("y", shown.up, "y (m)")
    ends = {"x": x, "y": y, "x2": {"field": "px"}, "y2": {"field": "py"}}
    there, put = {"x": x, "y": y}, {"x": x | {"field": "px"}, "y": y | {"field": "py"}}
    spec = plain(WIDTH, shown.height, PADDING)
    spec["layer"] = []
    for wrong, colour in ((False, "accent"), (True, "bad")):
        mine = [row for row in rows if row["wrong"] == wrong]
        if mine:
            spec["layer"] += [
                layer(mine, line("rule", colour, 1, 0.45), **ends),
                layer(mine, _circle(colour), **put, description={"field": "tip"}),
            ]
    spec["layer"].append(layer(rows, _ring(), **there))
    name = "" if one["name"] is None else f"Floor {one['name']:g}"
    missed = sum(row["wrong"] for row in rows)
    said = f"{name or 'Map'}: {words.count(len(rows), 'row')}, {missed} of them put on another floor."
    return {"name": name, "chart": draw(spec, said, "square"), "caption": said}


def _row(point: Sequence[float], floor: float | None) -> Section:
    x, y, px, py, said = point
    wrong = floor is not None and said != floor
    off = ((px - x) ** 2 + (py - y) ** 2) ** 0.5
    tip = f"at {x:g}, {y:g} m; put {off:.2g} m off" + (f", on floor {said:g}" if wrong else "")
    return {"x": x, "y": y, "px": px, "py": py, "wrong": wrong, "tip": tip}


def _curves(curves: Mapping[str, Sequence[float]]) -> Section:
    names = ["adapted", *[name for name in RIVALS if name in curves][: len(DASHES)]]
    shares = [i / (len(curves["adapted"]) - 1) for i in range(len(curves["adapted"]))]
    # the last rows may be anywhere: the axis ends where nearly all are
    most = max(curves[name][round(0.98 * (len(shares) - 1))] for name in names) or 1.0
    x, y = _axis("error", (0.0, most), "error (m)"), _axis("share", (0.0, 1.0), "share of rows")
    spec = plain(*CURVE, PADDING)
    spec["layer"] = []
    for number, name in enumerate(names):
        points = [{"error": e, "share": s} for e, s in zip(curves[name], shares, strict=True) if e <= most]
        look = line("line", "accent", 2.4) if not number else line("line", COLOURS[number - 1], 1.4)
        look |= {"strokeDash": DASHES[number - 1]} if number > 1 else {}
        spec["layer"].append(layer(points, look, x=x, y=y))
    spec["layer"].insert(0, layer([{"share": 0.5}], dashed("rule"), y=y))
    said = "; ".join(_at(name, curves[name]) for name in names)
    legend = ", ".join(f"{words.predictor(name)} ({kind})" for name, kind in zip(names, LOOKS, strict=False))
    caption = f"Share of rows that are off by no more: {legend}. Higher and further left is better."
    return {
        "curve": draw(spec, f"{said}.", "wide"),
        "caption": caption,
        "lines": [_line(n, curves[n]) for n in names],
        "shares": [f"{one:.0%}" for one in ASKED],
    }


def _at(name: str, curve: Sequence[float]) -> str:
    half, most = curve[len(curve) // 2], curve[round(0.9 * (len(curve) - 1))]
    return f"{words.predictor(name)}: half of the rows within {half:.2g} m, nine in ten within {most:.2g} m"


def _line(name: str, curve: Sequence[float]) -> list[str]:
    last = len(curve) - 1
    return [words.predictor(name), *(words.score(curve[round(share * last)]) for share in ASKED)]


def _span(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    air = (high - low) * 0.05 or 0.5
    return low - air, high + air


def _axis(field: str, span: tuple[float, float], title: str) -> Layer:
    axis = {"title": title, "tickCount": 5, "labelFlush": False}
    return {"field": field, "type": "quantitative", "scale": {"domain": list(span), "nice": False}, "axis": axis}


def _circle(colour: str) -> Layer:
    return mark("circle") | {"fill": f"var(--{colour})", "size": 22}


def _ring() -> Layer:
    ring: Layer = {"type": "point", "filled": False, "size": 26, "strokeWidth": 1, "stroke": "var(--ink)"}
    return ring | {"opacity": 0.7}
