"""Learning curves: the validation score and the loss by epoch, and the epoch that was chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from ftkit.reports import words
from ftkit.reports.marks import layer, ring
from ftkit.reports.svg import draw

MOST_LINES = 40
"""thin lines in one chart; more would be a grey area and megabytes"""


@dataclass(frozen=True)
class Curve:
    """One member's course: a value for each epoch that it was measured at."""

    part: str
    member: str
    seed: int | None
    points: tuple[tuple[float, float], ...]
    """(epoch, value), epochs rising"""

    @property
    def name(self) -> str:
        """`fold 1, inner 1, seed 7`, without what is not known."""
        seed = "" if self.seed is None else f"seed {self.seed}"
        return ", ".join(part for part in (self.part, self.member, seed) if part)


def score_name(history: Iterable[Mapping[str, Any]], primary: str) -> str | None:
    """The metric to follow: the primary one where it was measured, else the first that is no loss."""
    measured: dict[str, None] = {}
    for step in history:
        measured |= dict.fromkeys(step["validation"] or {})
    if primary in measured:
        return primary
    return next((name for name in measured if name != "log_loss"), None)


def curves(history: Iterable[Mapping[str, Any]], value: Callable[[Mapping[str, Any]], float | None]) -> list[Curve]:
    """One curve for each part, member and seed that has a value at all."""
    found: dict[tuple[str, str, int | None], dict[float, float]] = {}
    for step in history:
        number = value(step)
        if number is not None and step["epoch"] is not None:
            found.setdefault((step["part"], step["member"], step["seed"]), {})[step["epoch"]] = number
    return [Curve(*key, tuple(sorted(points.items()))) for key, points in found.items()]


def validation(metric: str) -> Callable[[Mapping[str, Any]], float | None]:
    """Reads one validation metric of a step."""
    return lambda step: (step["validation"] or {}).get(metric)


def training_loss(step: Mapping[str, Any]) -> float | None:
    """Reads the training loss of a step."""
    loss: float | None = step["train_loss"]
    return loss


def mean(lines: Sequence[Curve]) -> Curve | None:
    """The mean over all curves, as far as every one of them runs.

    Beyond that, the mean of those that are left would rise or fall with who stopped.
    """
    if not lines:
        return None
    shared = set.intersection(*(set(dict(line.points)) for line in lines))
    points = tuple((epoch, sum(dict(line.points)[epoch] for line in lines) / len(lines)) for epoch in sorted(shared))
    name = lines[0].name if len(lines) == 1 else f"mean of {len(lines)}"
    return Curve(name, "", None, points) if points else None


def chosen(lines: Iterable[Curve], epochs: Mapping[str, Any]) -> list[tuple[Curve, float, float]]:
    """(curve, epoch, value) wherever the epoch that was chosen for a curve's part, or part and seed, was measured."""
    found = []
    for line in lines:
        epoch = epochs.get(f"{line.part}, seed {line.seed}", epochs.get(line.part))
        if isinstance(epoch, (int, float)) and epoch in dict(line.points):
            found.append((line, float(epoch), dict(line.points)[epoch]))
    return found


def score_chart(lines: Sequence[Curve], epochs: Mapping[str, Any], metric: str, description: str) -> Markup:
    """The validation score by epoch, rings at the chosen epochs."""
    return _chart([("validation", lines, "accent", [])], chosen(lines, epochs), words.words(metric), description)


def loss_chart(
    train: Sequence[Curve], held_out: Sequence[Curve], epochs: Mapping[str, Any], description: str
) -> Markup:
    """Training loss (solid) and validation log-loss (dashed) by epoch."""
    groups = [("training", train, "accent", []), ("validation", held_out, "bad", [6, 4])]
    return _chart(groups, chosen(held_out, epochs), "loss", description)


Group = tuple[str, Sequence[Curve], str, list[int]]


def _chart(groups: Sequence[Group], rings: Sequence[tuple[Curve, float, float]], what: str, description: str) -> Markup:
    lines = [line for _, members, _, _ in groups for line in members]
    if not lines:
        return Markup("")
    spec: dict[str, Any] = {
        "width": 290, "height": 200, "autosize": {"type": "none"},
        "padding": {"left": 54, "right": 16, "top": 14, "bottom": 46},
    }  # fmt: skip
    x, y = _axes(lines, what)
    spec["layer"] = [layer for group in groups for layer in _layers(group, x, y, what)]
    spec["layer"] += _rings(rings, x, y, what)
    return draw(spec, description, "square")


def _axes(lines: Sequence[Curve], what: str) -> tuple[dict[str, Any], dict[str, Any]]:
    epochs = [epoch for line in lines for epoch, _ in line.points]
    values = [value for line in lines for _, value in line.points]
    last = max(max(epochs), 1)
    air = (max(values) - min(values)) * 0.08 or abs(values[0]) * 0.05 or 0.05
    ticks = {"title": "epoch", "tickMinStep": 1, "tickCount": 8, "format": "~g", "grid": False, "labelFlush": False}
    across = {"domain": [min(0, *epochs), last], "nice": False}
    upward = {"domain": [min(values) - air, max(values) + air], "nice": False}
    x = {"field": "epoch", "type": "quantitative", "scale": across, "axis": ticks}
    y = {"field": "value", "type": "quantitative", "scale": upward, "axis": {"title": what, "tickCount": 5}}
    return x, y


def _layers(group: Group, x: dict[str, Any], y: dict[str, Any], what: str) -> list[dict[str, Any]]:
    """Thin lines for the members and a thick one for their mean, which carries what is read aloud."""
    kind, members, colour, dash = group
    stroke: dict[str, Any] = {"stroke": f"var(--{colour})", "strokeDash": dash}
    layers = []
    if len(members) > 1:
        thin = [
            {"line": place, "epoch": epoch, "value": value}
            for place, line in enumerate(members[:MOST_LINES])
            for epoch, value in line.points
        ]
        detail = {"field": "line", "type": "nominal"}
        mark = stroke | {"type": "line", "strokeWidth": 1, "opacity": 0.35}
        layers.append({"data": {"values": thin}, "mark": mark, "encoding": {"x": x, "y": y, "detail": detail}})
    middle = mean(members)
    if middle is None:
        return layers
    said = f"{kind} {what}, {middle.name}" if kind not in what else f"{what}, {middle.name}"
    thick = [
        {"epoch": epoch, "value": value, "tip": f"epoch {epoch:g}: {words.score(value)} ({said})"}
        for epoch, value in middle.points
    ]
    data = {"values": thick}
    dots = {"type": "point", "filled": True, "size": 26, "fill": f"var(--{colour})", "opacity": 1, "aria": True}
    layers.append({"data": data, "mark": {"type": "line", "strokeWidth": 2.2} | stroke, "encoding": {"x": x, "y": y}})
    layers.append({"data": data, "mark": dots, "encoding": {"x": x, "y": y, "description": {"field": "tip"}}})
    return layers


def _rings(
    rings: Sequence[tuple[Curve, float, float]], x: dict[str, Any], y: dict[str, Any], what: str
) -> list[dict[str, Any]]:
    values = [
        {"epoch": epoch, "value": value, "tip": f"chosen for {line.name}: epoch {epoch:g}, {what} {words.score(value)}"}
        for line, epoch, value in rings[:MOST_LINES]
    ]
    return [layer(values, ring(70), x=x, y=y, description={"field": "tip"})]
