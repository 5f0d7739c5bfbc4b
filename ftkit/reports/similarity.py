"""The map of a bank's adapters: those that change the base alike stand close to one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from ftkit.reports import words
from ftkit.reports.marks import as_is, layer, mark, plain, quantity
from ftkit.reports.palette import HEAT_STEPS
from ftkit.reports.svg import draw

SIZES = (("wide", 860, 420), ("narrow", 320, 300))
AIR = 0.08  # of the plot, on each side


def drawn(found: Mapping[str, Any] | None) -> Markup:
    """A point for each group, the stronger in colour the more it is expected to gain; nothing where there is no map."""
    if found is None:
        return Markup("")
    points = found["points"]
    most = max(abs(one["expected"]) for one in points) or 1.0
    values = [
        {"x": one["x"], "y": one["y"], "colour": _colour(one["expected"] / most)}
        | {"tip": f"{one['group']}: expected {words.difference(one['expected'], points=False)}"}
        for one in points
    ]
    titles = [f"component {i}, {words.share(share)}" for i, share in enumerate(found["shares"], start=1)]
    drawings = []
    for kind, width, height in SIZES:
        plot = (width - 50, height - 60)
        spec = plain(*plot, {"left": 40, "right": 10, "top": 16, "bottom": 44})
        spans = _spans([[one[axis] for one in points] for axis in "xy"], plot)
        x, y = (quantity(axis, span, True, 5) for axis, span in zip("xy", spans, strict=True))
        for axis, title in ((x, titles[0]), (y, titles[1])):
            axis["axis"] |= {"title": title, "labels": False}
        point = mark("circle") | {"size": 130, "stroke": "var(--edge)", "strokeWidth": 1}
        spec["layer"] = [layer(values, point, x=x, y=y, fill=as_is("colour"), description={"field": "tip"})]
        drawings.append(draw(spec, f"Map of the adapters of {words.count(len(points), 'group')}", kind))
    return Markup("").join(drawings)


def caption(found: Mapping[str, Any] | None) -> str:
    """What the map shows, and of whom."""
    if found is None:
        return ""
    gains = [one["expected"] for one in found["points"]]
    whom = f"{words.count(found['of'], 'group')} with an adapter of their own"
    if len(gains) < found["of"]:
        whom = f"{len(gains):,} groups, drawn at random from {whom}"
    return (
        f"The {whom}: adapters that change the base and its head alike stand close together (principal components of "
        f"the changes). The stronger the colour, the larger the expected gain: "
        f"{words.differences(min(gains), max(gains), points=False)}."
    )


def _colour(share: float) -> str:
    """Blue for a gain and orange for a loss, in steps; `share` of the largest."""
    step = min(int(abs(share) * HEAT_STEPS), HEAT_STEPS - 1)
    return f"var(--heat-{'right' if share >= 0 else 'wrong'}-{step})"


def _spans(values: Sequence[Sequence[float]], plot: Sequence[int]) -> list[tuple[float, float]]:
    """What each axis shows, at one scale for both: what is twice as far away on the map is twice as unlike."""
    unit = max((max(some) - min(some)) / pixels for some, pixels in zip(values, plot, strict=True)) or 1.0
    reach = [unit * pixels * (0.5 + AIR) for pixels in plot]
    middles = [(min(some) + max(some)) / 2 for some in values]
    return [(middle - half, middle + half) for middle, half in zip(middles, reach, strict=True)]
