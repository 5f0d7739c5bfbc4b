"""Is A better than B? Two predictions of the same rows, compared row by row.

The difference is always turned so that positive means better. One verdict of five:

- `equivalent`: the interval lies inside the margin, even if zero lies outside it; or no answer differs;
- `better`, `worse`: the p-value, corrected for the family, is at most 5 % and the interval agrees;
- `not worse`: the interval lies above minus the margin;
- `cannot tell`: none of these.

`better` and `worse` are wrong in at most 5 % of families; `equivalent` and `not worse` are claims of
one comparison each, and wrong in at most 2.5 % of them. Where no answer differs, `equivalent` is what
was seen on these rows; the interval still says how far the two could be apart on others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ftkit.errors import InputError
from ftkit.metrics import Metric, Scored
from ftkit.metrics._kinds import CountMetric
from ftkit.metrics.accuracy import Accuracy
from ftkit.metrics.mae import Mae
from ftkit.statistics import mcnemar, permutation
from ftkit.statistics.intervals import balanced_rows, student, too_few
from ftkit.statistics.jackknife import codes, leave_out, standard_error

MEETS = {
    "better": ("better",),
    "equivalent": ("equivalent",),
    "not-worse": ("better", "equivalent", "not worse"),
}
"""requirement: outcomes that meet it"""
ALPHA = 0.05
MARGIN = 0.01  # one point


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A against B, the reference."""

    metric: str
    value: float
    """of A, as the metric counts"""
    reference: float
    """of B"""
    difference: float
    """positive: A is better, also where lower is better"""
    rows: int
    fixed: int
    """rows that B gets wrong and A right; of values, that A comes closer to"""
    broken: int
    """rows that B gets right and A wrong; of values, that B comes closer to"""
    same: bool = False
    """whether nothing that the metric sees differs on any row"""
    units: int | None = None
    margin: float | None = None
    """smallest difference that matters; None: any"""
    family: int = 1
    """comparisons that are corrected together"""
    low: float | None = None
    high: float | None = None
    """95 % interval of the difference; None with a `note`"""
    p_value: float | None = None
    """of this comparison by itself; None where it was not tested"""
    corrected: float | None = None
    """p-value corrected for the family"""
    correction: str = ""
    """how: Bonferroni until `holm_family` has seen all of the family, then Holm; empty for a family of one"""
    smallest_effect: float | None = None
    """smallest true difference found with 80 % power at the strictest corrected level"""
    outcome: str = "cannot tell"
    test: str = ""
    note: str = ""


def compare(
    metric: Metric,
    a: Scored,
    b: Scored,
    units: np.ndarray | None = None,
    margin: float | None = None,
    family: int = 1,
) -> Comparison:
    """A against B on the same rows, as one of `family` comparisons.

    The margin of equivalence is 1 point for scores between 0 and 1 unless given, and none otherwise.
    """
    check(a, b)
    groups = None if units is None else codes(units)
    seen = _seen(metric, a, b, groups)
    seen = replace(seen, family=family, margin=margin_of(metric, margin))
    if np.isnan(seen.difference):
        return seen
    if groups is not None and seen.note:
        return replace(seen, outcome=outcome(seen))
    if isinstance(metric, Accuracy) and groups is None:
        return decided(_of_accuracy(seen))
    return decided(_of_any(seen, metric, a, b, groups))


def _seen(metric: Metric, a: Scored, b: Scored, groups: np.ndarray | None) -> Comparison:
    """What lies open, before anything is tested."""
    value, reference = metric.compute(a), metric.compute(b)
    gained = gains(a, b)
    return Comparison(
        metric=metric.name or type(metric).__name__,
        value=value,
        reference=reference,
        difference=(value - reference if metric.higher_is_better else reference - value),
        rows=len(a),
        fixed=int((gained > 0).sum()),
        broken=int((gained < 0).sum()),
        same=len(a) > 0 and same(metric, a, b),
        units=None if groups is None else int(groups.max(initial=-1)) + 1,
        note="not defined on these rows" if np.isnan(value - reference) else too_few(metric, a, groups),
    )


def by_row(scored: Scored) -> np.ndarray:
    """(rows,) how good each answer is: 1 right or 0 wrong; of values, the absolute error, turned."""
    return -Mae().rows(scored) if scored.kind == "values" else Accuracy().rows(scored)


def gains(a: Scored, b: Scored) -> np.ndarray:
    """(rows,) how much better A's answer is; 0 where both say the same."""
    return np.where(permutation.differs(a, b, scores=False), by_row(a) - by_row(b), 0.0)


def margin_of(metric: Metric, given: float | None) -> float | None:
    """The smallest difference that matters: 1 point for scores between 0 and 1 unless given, else none."""
    return MARGIN if given is None and metric.bounds == (0.0, 1.0) else given


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's corrected p-values, in the order given."""
    order = np.argsort(p_values, kind="stable")
    number = len(order)
    corrected = np.empty(number)
    steps = np.asarray(p_values, dtype=np.float64)[order] * np.arange(number, 0, -1)
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(steps))
    return [float(value) for value in corrected]


def holm_family(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The same comparisons, corrected as one family; those without a test are not counted."""
    tested = [index for index, found in enumerate(comparisons) if found.p_value is not None]
    corrected = holm([comparisons[index].p_value or 0.0 for index in tested])
    family = list(comparisons)
    for index, value in zip(tested, corrected, strict=True):
        one = replace(family[index], corrected=value, correction="Holm" if len(tested) > 1 else "")
        family[index] = replace(one, outcome=outcome(one))
    return family


def outcome(found: Comparison) -> str:
    """One of better, worse, equivalent, not worse, cannot tell."""
    if found.same:
        return "equivalent"
    if found.low is None or found.high is None:
        return "cannot tell"
    if found.margin is not None and -found.margin < found.low and found.high < found.margin:
        return "equivalent"
    if found.corrected is not None and found.corrected <= ALPHA and (found.low > 0 or found.high < 0):
        return "better" if found.low > 0 else "worse"
    return "not worse" if found.margin is not None and found.low > -found.margin else "cannot tell"


def rows_to_tell(found: Comparison) -> int | None:
    """Rows on which a difference like this one would be `not worse`, its interval as wide as rows let it be.

    None where it is that already, where no number of rows would show it, and without an interval or a margin.
    """
    if found.low is None or found.margin is None or found.outcome in MEETS["not-worse"]:
        return None
    room, half = found.difference + found.margin, found.difference - found.low
    return math.ceil(found.rows * (half / room) ** 2) if room > 0 else None


def decided(found: Comparison) -> Comparison:
    """With its p-value corrected for the family as if alone in it (Bonferroni), and its outcome."""
    alone = min(1.0, (found.p_value or 0.0) * found.family)
    found = replace(found, corrected=alone, correction="Bonferroni" if found.family > 1 else "")
    return replace(found, outcome=outcome(found))


def _of_accuracy(plain: Comparison) -> Comparison:
    low, high = mcnemar.tango(plain.fixed, plain.broken, plain.rows)
    return replace(
        plain,
        low=low,
        high=high,
        p_value=mcnemar.exact(plain.fixed, plain.broken),
        smallest_effect=mcnemar.smallest_effect(plain.fixed, plain.broken, plain.rows, ALPHA / plain.family),
        test="exact McNemar",
    )


def _of_any(plain: Comparison, metric: Metric, a: Scored, b: Scored, groups: np.ndarray | None) -> Comparison:
    plain = replace(
        plain,
        p_value=permutation.p_value(metric, a, b, groups),
        test=f"paired permutation of {'rows' if groups is None else 'units'}",
    )
    if plain.note:
        return plain
    left_out = leave_out(metric, a, groups) - leave_out(metric, b, groups)
    error, freedom = standard_error(left_out, groups is not None), len(left_out) - 1
    sure = certain(metric, a, plain.units, error, freedom)
    half = float(np.hypot(student(1 - ALPHA, freedom) * error, sure))
    widest = metric.bounds[1] - metric.bounds[0]
    low, high = np.clip([plain.difference - half, plain.difference + half], -widest, widest)
    if half == 0 and not np.isfinite(widest):
        return replace(plain, note="no rows that differ")
    seen = student(1 - ALPHA / plain.family, freedom) + student(2 * mcnemar.POWER - 1, freedom)
    smallest = float(np.hypot(seen * error, sure))
    return replace(plain, low=float(low), high=float(high), smallest_effect=smallest if smallest < widest else None)


def certain(metric: Metric, a: Scored, units: int | None, error: float, freedom: float) -> float:
    """Half of the interval if no row differed, as in Tango's: few differing rows are no proof of none."""
    square = student(1 - ALPHA, freedom) ** 2
    if error == 0:
        widest = metric.bounds[1] - metric.bounds[0]
        rows = units or balanced_rows(a)
        return square / (rows + square) * widest if np.isfinite(widest) else 0.0
    return square / (2 * balanced_rows(a)) if isinstance(metric, CountMetric) else 0.0


def same(metric: Metric, a: Scored, b: Scored) -> bool:
    """Whether the metric sees no difference; scores are kept to about seven digits."""
    if permutation.differs(a, b, scores=False).any():
        return False
    if not metric.needs_scores:
        return True
    return a.scores is not None and b.scores is not None and bool(np.allclose(a.scores, b.scores, atol=1e-6))


def check(a: Scored, b: Scored) -> None:
    """Raise InputError unless both predict the same rows with the same labels."""
    if a.labels != b.labels:
        raise InputError("the predictions to compare have different labels", "compare runs of the same labels")
    if a.gold.shape != b.gold.shape or not np.array_equal(a.gold, b.gold):
        raise InputError("the predictions to compare are not of the same rows", "align them by row_id")
