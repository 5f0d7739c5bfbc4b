"""Scores of the rows that share a value of a column, the worst tenth of them, and where an adapter harms.

By the primary metric where it is a mean over rows, else by accuracy (of numbers, by the mean absolute
error): a slice seldom has enough rows of every label for a mean over labels. Whether an entry harms is
tested in every slice against the reference, and corrected over all slices of all columns by Holm's method.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ftkit.comparison.aligning import Side
from ftkit.metrics import Metric, Scored
from ftkit.metrics.accuracy import Accuracy
from ftkit.metrics.mae import Mae
from ftkit.statistics import tables
from ftkit.statistics.intervals import FEW_ROWS, Interval, interval
from ftkit.statistics.paired import ALPHA, Comparison, compare, holm_family

ENOUGH_SLICES = 10
"""for a worst tenth; of fewer the worst one is shown"""
CHOSEN = "chosen for being the worst, so no interval holds"

Rows = Mapping[str, np.ndarray]
"""value of a column: positions of its rows"""


def slices(
    sides: Sequence[Side], columns: Mapping[str, np.ndarray], primary: Metric, units: np.ndarray | None
) -> list[dict[str, Any]]:
    """A block for each column: every value with its scores and differences, and the worst tenth of each entry."""
    metric = primary if primary.rows(sides[0].scored) is not None else _by_row(sides[0].scored)
    by_column = {column: _rows(values) for column, values in columns.items()}
    against = {side.entry.name: _against(metric, side, sides[0], by_column, units) for side in sides[1:]}
    return [
        {
            "column": column,
            "metric": metric.name,
            "values": [_line(metric, sides, column, value, rows[value], units, against) for value in rows],
            "worst_tenth": {side.entry.name: _worst(metric, side, rows) for side in sides},
        }
        for column, rows in by_column.items()
    ]


def _by_row(scored: Scored) -> Metric:
    return Mae(name="mae") if scored.kind == "values" else Accuracy(name="accuracy")


def _rows(values: np.ndarray) -> Rows:
    names, place = np.unique(values, return_inverse=True)
    order = np.argsort(place, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(place))[:-1])
    return dict(zip(names.tolist(), parts, strict=True))


def _against(
    metric: Metric, side: Side, reference: Side, columns: Mapping[str, Rows], units: np.ndarray | None
) -> dict[tuple[str, str], Comparison]:
    """The entry against the reference in every slice, corrected over them."""
    parts = {(column, value): mine for column, rows in columns.items() for value, mine in rows.items()}
    found = []
    for mine in parts.values():
        some = None if units is None else units[mine]
        found.append(
            compare(metric, side.scored.take(mine), reference.scored.take(mine), some, family=max(1, len(parts)))
        )
    return dict(zip(parts, holm_family(found), strict=True))


def _line(
    metric: Metric,
    sides: Sequence[Side],
    column: str,
    value: str,
    mine: np.ndarray,
    units: np.ndarray | None,
    against: Mapping[str, Mapping[tuple[str, str], Comparison]],
) -> dict[str, Any]:
    some = None if units is None else units[mine]
    scores = {side.entry.name: tables.entry(interval(metric, side.scored.take(mine), some)) for side in sides}
    gaps = {name: _gap(found[column, value]) for name, found in against.items()}
    return {"value": value, "rows": len(mine), "scores": scores, "against": gaps}


def _gap(found: Comparison) -> dict[str, Any]:
    harms = found.corrected is not None and found.corrected <= ALPHA and found.difference < 0
    difference = {"value": tables.plain(found.difference), "low": found.low, "high": found.high}
    return {"difference": difference, "corrected": found.corrected, "harms": harms}


def _worst(metric: Metric, side: Side, rows: Rows) -> dict[str, Any]:
    """The tenth of the slices with the lowest scores, as one; slices of fewer than 10 rows only if there are no
    others, for a single wrong row makes one the worst."""
    large = [value for value, mine in rows.items() if len(mine) >= FEW_ROWS] or list(rows)
    sign = 1 if metric.higher_is_better else -1
    order = sorted(large, key=lambda value: sign * metric.compute(side.scored.take(rows[value])))
    chosen = order[: max(1, len(large) // ENOUGH_SLICES)]
    mine = np.concatenate([rows[value] for value in chosen])
    score = Interval(metric.compute(side.scored.take(mine)), None, None, CHOSEN)
    return {"values": chosen, "rows": len(mine), "score": tables.entry(score)}
