"""Every declared pair by every metric: difference, test, correction, outcome.

The pairs of one metric are one family, corrected by Holm's method. The primary metric decides; the
others describe, and are corrected among themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from ftkit.comparison.aligning import Side
from ftkit.metrics import Metric
from ftkit.statistics import mcnemar, tables
from ftkit.statistics.crossed import compare_recipes
from ftkit.statistics.folded import compare_folds
from ftkit.statistics.paired import ALPHA, Comparison, compare, holm_family

Which = Literal["first", "all"]
Subject = Literal["adapters", "procedures", "recipes"]
ENOUGH_SEEDS = 5
"""on both sides, for a verdict on recipes"""


@dataclass(frozen=True, eq=False)
class Pair:
    """A against B, the reference."""

    a: Side
    b: Side

    @property
    def subject(self) -> Subject:
        """What a verdict on the pair is on."""
        if min(len(self.a.by_seed), len(self.b.by_seed)) >= ENOUGH_SEEDS:
            return "recipes"
        return "adapters" if self.folds is None else "procedures"

    @property
    def folds(self) -> np.ndarray | None:
        """The folds that the rows were predicted in, the reference's first; None where both held rows out."""
        return self.b.folds if self.b.folds is not None else self.a.folds

    @property
    def same_folds(self) -> bool:
        """Whether both were predicted in the same folds."""
        return self.a.folds is not None and self.b.folds is not None and np.array_equal(self.a.folds, self.b.folds)


def declared(sides: Sequence[Side], which: Which) -> list[Pair]:
    """All against the first, or each against those named before it."""
    if which == "first":
        return [Pair(side, sides[0]) for side in sides[1:]]
    return [Pair(a, b) for place, b in enumerate(sides) for a in sides[place + 1 :]]


def margins(metrics: Mapping[str, Metric], primary: str, given: float | None) -> dict[str, float | None]:
    """What was given is for the primary metric and others of its range; None elsewhere, for the usual one."""
    return {name: given if metric.bounds == metrics[primary].bounds else None for name, metric in metrics.items()}


def compare_all(
    metric: Metric, pairs: Sequence[Pair], units: np.ndarray | None, margin: float | None
) -> list[Comparison]:
    """One comparison for each pair, corrected as one family; a side that the metric cannot score is not tested."""
    sides = {side.entry.name: side for pair in pairs for side in (pair.a, pair.b)}
    able = {name: scorable(metric, side) for name, side in sides.items()}
    tested = [able[pair.a.entry.name] and able[pair.b.entry.name] for pair in pairs]
    family = max(1, sum(tested))
    found = [
        _compared(metric, pair, units, margin, family) if test else _untested(metric, pair, margin, family)
        for pair, test in zip(pairs, tested, strict=True)
    ]
    return holm_family(found)


def scorable(metric: Metric, side: Side) -> bool:
    """Whether the metric has a value that means something: see `tables.by_chance`."""
    return not np.isnan(metric.compute(side.scored)) and not chance(metric, side)


def chance(metric: Metric, side: Side) -> dict[str, tables.Entry]:
    """The score of a predictor that answers all rows of a fold alike, where the metric has nothing to show."""
    return {} if side.folds is None else tables.by_chance(side.scored, side.folds, {metric.name: metric})


def rows_needed(metric: Metric, pair: Pair, found: Comparison) -> int | None:
    """Labelled test rows that would show a difference of the margin's size, in 4 of 5 cases, at the strictest level.

    With the exact test at the observed share of differing rows; else from the smallest effect, which
    shrinks with the root of the number of rows. None for recipes, which more rows alone do not make
    surer, and where there is no margin.
    """
    if not found.margin or np.isnan(found.difference) or pair.subject == "recipes":
        return None
    if found.test == "exact McNemar":
        share = (found.fixed + found.broken) / found.rows
        return mcnemar.rows_needed(found.margin, share, ALPHA / found.family)
    if found.smallest_effect is None or found.low is None:
        return None
    return int(np.ceil(found.rows * (found.smallest_effect / found.margin) ** 2))


def by_fold(metric: Metric, pair: Pair) -> list[dict[str, Any]] | None:
    """The difference in each fold; None where the two were not predicted in the same folds."""
    if pair.folds is None or not pair.same_folds:
        return None
    sign = 1 if metric.higher_is_better else -1
    lines = []
    for fold in np.unique(pair.folds):
        rows = np.flatnonzero(pair.folds == fold)
        gap = metric.compute(pair.a.scored.take(rows)) - metric.compute(pair.b.scored.take(rows))
        lines.append({"fold": int(fold), "rows": len(rows), "difference": tables.plain(sign * gap)})
    return lines


def _compared(metric: Metric, pair: Pair, units: np.ndarray | None, margin: float | None, family: int) -> Comparison:
    a, b = pair.a, pair.b
    if pair.subject == "recipes":
        return compare_recipes(metric, list(a.by_seed.values()), list(b.by_seed.values()), units, margin, family)
    if pair.folds is not None:
        return compare_folds(metric, a.scored, b.scored, pair.folds, units, margin, family)
    return compare(metric, a.scored, b.scored, units, margin, family)


def _untested(metric: Metric, pair: Pair, margin: float | None, family: int) -> Comparison:
    """What the two scored, without a test."""
    values = [_value(metric, side) for side in (pair.a, pair.b)]
    one = Comparison(
        metric=metric.name,
        value=values[0],
        reference=values[1],
        difference=(values[0] - values[1]) * (1 if metric.higher_is_better else -1),
        rows=len(pair.a.scored),
        fixed=0,
        broken=0,
    )
    return replace(one, margin=margin, family=family, note="the metric has nothing to show of one of the two")


def _value(metric: Metric, side: Side) -> float:
    found: Mapping[str, Any] = chance(metric, side).get(metric.name, {"value": metric.compute(side.scored)})
    return float("nan") if found["value"] is None else float(found["value"])
