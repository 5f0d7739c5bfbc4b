"""Recipes, not adapters: each trained with several seeds, all of which predict the same rows.

Seeds and rows are both drawn at random and crossed, as readers and cases are in studies of diagnosis.
The difference of the two means has the variance

    seeds of A / S_A  +  seeds of B / S_B  +  max(0, rows - seeds by rows)

where `rows` is the jackknife variance of the difference of the seed means. It holds the
interaction of seeds and rows, which the spread between seeds holds as well, so that is taken out
once. Student's t with the degrees of freedom of Satterthwaite (1946), those of Hillis (2007) for two
groups with readers of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ftkit.errors import InputError
from ftkit.metrics import Metric, Scored
from ftkit.statistics import mcnemar
from ftkit.statistics.intervals import FEW_ROWS, TOO_FEW, student, too_few
from ftkit.statistics.jackknife import codes, leave_out, standard_error
from ftkit.statistics.paired import ALPHA, Comparison, by_row, certain, check, decided, margin_of, same

LEAST_SEEDS = 5


@dataclass(frozen=True)
class Spread:
    """Where the difference of two recipes varies; variances of that difference."""

    seeds: tuple[float, float]
    """of A and of B"""
    rows: float
    """between rows, or units, without what the seeds hold already"""
    freedom: float
    """of the whole"""

    @property
    def error(self) -> float:
        """Standard error of the difference."""
        return float((sum(self.seeds) + self.rows) ** 0.5)


def compare_recipes(
    metric: Metric,
    a: Sequence[Scored],
    b: Sequence[Scored],
    units: np.ndarray | None = None,
    margin: float | None = None,
    family: int = 1,
) -> Comparison:
    """Recipe A against recipe B, one entry for each seed; the seeds of the two need not be the same.

    `fixed` and `broken` count rows by what most seeds say. Raises InputError below 5 seeds of either.
    """
    _check(a, b)
    groups = None if units is None else codes(units)
    seen = replace(_seen(metric, a, b, groups), margin=margin_of(metric, margin), family=family)
    if np.isnan(seen.difference) or (seen.note and not seen.same):
        return seen
    if seen.note:
        return decided(seen)
    found = spread(metric, a, b, groups)
    sure = certain(metric, a[0], seen.units, found.error, found.freedom)
    quantile = student(1 - ALPHA, found.freedom)
    half = float(np.hypot(quantile * found.error, sure))
    seen = replace(seen, test=f"t test, seeds crossed with {'rows' if groups is None else 'units'}")
    if half == 0:
        return decided(replace(seen, p_value=1.0, note="no rows that differ"))
    widest = metric.bounds[1] - metric.bounds[0]
    low, high = np.clip([seen.difference - half, seen.difference + half], -widest, widest)
    reach = student(1 - ALPHA / family, found.freedom) + student(2 * mcnemar.POWER - 1, found.freedom)
    least = float(np.hypot(reach * found.error, sure))
    p_value = _p_value(quantile * seen.difference / half, found.freedom)
    seen = replace(seen, low=float(low), high=float(high), p_value=p_value)
    return decided(replace(seen, smallest_effect=least if least < widest else None))


def spread(metric: Metric, a: Sequence[Scored], b: Sequence[Scored], groups: np.ndarray | None = None) -> Spread:
    """What the difference of the two means owes to seeds, and what to rows or units (whole numbers from 0)."""
    left_out = [np.array([leave_out(metric, one, groups) for one in side]) for side in (a, b)]
    seeds = [float(np.var([metric.compute(one) for one in side], ddof=1)) / len(side) for side in (a, b)]
    twice = sum(_interaction(each) for each in left_out)
    total = standard_error(left_out[0].mean(0) - left_out[1].mean(0), groups is not None) ** 2
    rows = max(0.0, total - twice)
    parts = [(seeds[0], len(a) - 1), (seeds[1], len(b) - 1), (rows, left_out[0].shape[1] - 1)]
    below = sum(part**2 / freedom for part, freedom in parts)
    freedom = sum(part for part, _ in parts) ** 2 / below if below > 0 else float(parts[-1][1])
    return Spread(seeds=(seeds[0], seeds[1]), rows=rows, freedom=freedom)


def _interaction(left_out: np.ndarray) -> float:
    """Variance of one recipe's mean by how differently its seeds judge rows; `left_out` is (seeds, rows)."""
    number, rows = left_out.shape
    apart = left_out - left_out.mean(0) - left_out.mean(1, keepdims=True) + left_out.mean()
    return float((apart**2).sum() * (rows - 1) / rows / (number - 1) / number)


def _seen(metric: Metric, a: Sequence[Scored], b: Sequence[Scored], groups: np.ndarray | None) -> Comparison:
    """What lies open, before anything is tested."""
    value, reference = (float(np.mean([metric.compute(one) for one in side])) for side in (a, b))
    good_a, good_b = (_opinion(side) for side in (a, b))
    undefined = np.isnan(value - reference)
    return Comparison(
        metric=metric.name or type(metric).__name__,
        value=value,
        reference=reference,
        difference=(value - reference) * (1 if metric.higher_is_better else -1),
        rows=len(a[0]),
        fixed=int((good_a > good_b).sum()),
        broken=int((good_a < good_b).sum()),
        same=len(a[0]) > 0 and all(same(metric, a[0], one) for one in (*a, *b)),
        units=None if groups is None else int(groups.max(initial=-1)) + 1,
        note="not defined on these rows" if undefined else _too_few(metric, a[0], groups),
    )


def _opinion(side: Sequence[Scored]) -> np.ndarray:
    """(rows,) what most seeds get right; of numbers, how close they come on average."""
    mean = np.mean([by_row(one) for one in side], axis=0)
    return np.asarray(mean if side[0].kind == "values" else mean > 0.5)


def _too_few(metric: Metric, scored: Scored, groups: np.ndarray | None) -> str:
    """Why these rows allow no interval, or nothing; a jackknife needs more rows than an exact test."""
    return too_few(metric, scored, groups) or (TOO_FEW if len(scored) < FEW_ROWS else "")


def _p_value(statistic: float, freedom: float) -> float:
    from scipy.special import stdtr

    return float(2 * stdtr(freedom, -abs(statistic)))


def _check(a: Sequence[Scored], b: Sequence[Scored]) -> None:
    fewest = min(len(a), len(b))
    if fewest < LEAST_SEEDS:
        message = f"a verdict on recipes needs {LEAST_SEEDS} seeds of each, here are {fewest}"
        raise InputError(message, f"train with --seeds {LEAST_SEEDS}")
    for one in (*a, *b):
        check(a[0], one)
