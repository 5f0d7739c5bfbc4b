"""Paired permutation: had the two predictions of a row been swapped at random, how large would the
difference be?

Whole units are swapped where rows hang together. Rows that do not differ drop out. With at most 13
rows or units that differ, all swaps are tried; else 10,000 are drawn with a fixed seed, or up to
2,000 for a metric of which only `compute` is known, where drawing also stops once 100 were as large
(Besag and Clifford, 1991).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ftkit.metrics import Metric, Scored
from ftkit.metrics._kinds import CountMetric, Counts, InfluenceMetric, MomentMetric, count
from ftkit.metrics.ece import Ece, narrow
from ftkit.statistics.jackknife import sum_by, sum_rows

DRAWS = 10_000
SLOW_DRAWS = 2_000
ENOUGH = 100  # draws as large as what was seen, when each costs a computation
EXACT = 13  # 2 ** 13 < DRAWS
ROUNDING = 1e-6
"""sds of the truth within which two predicted numbers are the same: float32 has seven digits"""
CELLS = 4_000_000  # swaps held at a time

Differences = Callable[[np.ndarray], np.ndarray]
"""(draws, rows or units) of 0 and 1, 1 where swapped -> (draws,) differences"""


def p_value(metric: Metric, a: Scored, b: Scored, units: np.ndarray | None = None, seed: int = 0) -> float:
    """Two-sided p-value of metric(a) - metric(b); `units` are whole numbers from 0."""
    values_a, values_b = _per_row(metric, a), _per_row(metric, b)
    if values_a is not None and values_b is not None:
        return _of_means(values_a - values_b, units, seed)
    if isinstance(metric, Ece) and a.scores is not None and b.scores is not None and not a.multi_label:
        a, b = narrow(a), narrow(b)
    groups = np.arange(len(a)) if units is None else units
    differing = np.unique(groups[differs(a, b, metric.needs_scores or not isinstance(metric, CountMetric))])
    place = np.full(int(groups.max()) + 1, -1)
    place[differing] = np.arange(len(differing))
    if isinstance(metric, CountMetric):
        differences = _of_counts(metric, a, b, place[groups])
        return _share(differences, len(differing), DRAWS, seed)
    if isinstance(metric, MomentMetric):
        return _share(_of_moments(metric, a, b, place[groups]), len(differing), DRAWS, seed)
    return _share(_computed(metric, a, b, place[groups]), len(differing), SLOW_DRAWS, seed, ENOUGH)


def differs(a: Scored, b: Scored, scores: bool) -> np.ndarray:
    """(rows,) whether the two predictions, or with `scores` anything, differ on a row."""
    different = apart(a, b) if a.kind == "values" else a.prediction != b.prediction
    different = different.any(1) if different.ndim == 2 else different
    if scores and a.scores is not None and b.scores is not None:
        different = different | (a.scores != b.scores).any(1)
    return np.asarray(different)


def apart(a: Scored, b: Scored) -> np.ndarray:
    """(rows, targets) whether two numbers differ by more than the rounding of arithmetic."""
    return np.asarray(np.abs(a.prediction - b.prediction) > ROUNDING * (a.gold.std(axis=0) + np.finfo(float).tiny))


def _per_row(metric: Metric, scored: Scored) -> np.ndarray | None:
    return metric.contributions(scored) if isinstance(metric, InfluenceMetric) else metric.rows(scored)


def _of_means(gaps: np.ndarray, units: np.ndarray | None, seed: int) -> float:
    rows = len(gaps)
    sums = gaps if units is None else np.bincount(units, gaps)
    sums = sums[sums != 0]
    total = float(sums.sum())
    return _share(lambda swapped: (total - 2 * (swapped @ sums)) / rows, len(sums), DRAWS, seed)


def _of_counts(metric: CountMetric, a: Scored, b: Scored, place: np.ndarray) -> Differences:
    """`place`: of each row among the rows or units that differ, -1 for the others."""
    in_play = np.flatnonzero(place >= 0)
    whole_a, whole_b = count(a), count(b)
    if not len(in_play):
        return lambda swapped: np.full(len(swapped), float(metric.of_counts(whole_a) - metric.of_counts(whole_b)))
    gap = sum_by(a.take(in_play), place[in_play]) - sum_by(b.take(in_play), place[in_play])

    def differences(swapped: np.ndarray) -> np.ndarray:
        moved = Counts(
            swapped @ gap.right,  # whole numbers far below 2 ** 53: exact
            swapped @ gap.predicted,
            np.zeros(gap.gold.shape[1]),
            np.zeros(len(swapped)),
            a.multi_label,
        )
        return np.asarray(metric.of_counts(whole_a - moved) - metric.of_counts(whole_b + moved))

    return differences


def _of_moments(metric: MomentMetric, a: Scored, b: Scored, place: np.ndarray) -> Differences:
    """`place` as above."""
    in_play = np.flatnonzero(place >= 0)
    each_a, each_b = metric.moments(a), metric.moments(b)
    gaps = (each_a - each_b)[in_play]
    gap = sum_rows(gaps, place[in_play]) if len(in_play) else np.zeros((0, *gaps.shape[1:]))

    def differences(swapped: np.ndarray) -> np.ndarray:
        moved = np.tensordot(swapped[:, : len(gap)], gap, axes=1)  # (draws, …)
        after_a, after_b = ((each_a.sum(0) - moved) / len(a), (each_b.sum(0) + moved) / len(b))
        return np.asarray(metric.of_moments(after_a) - metric.of_moments(after_b))

    return differences


def _computed(metric: Metric, a: Scored, b: Scored, place: np.ndarray) -> Differences:
    def difference(swapped: np.ndarray) -> float:
        swap = np.append(swapped, 0.0)[place] > 0  # place -1 reads the appended 0
        return metric.compute(_mixed(a, b, swap)) - metric.compute(_mixed(b, a, swap))

    return lambda swapped: np.array([difference(row) for row in swapped])


def _mixed(a: Scored, b: Scored, swap: np.ndarray) -> Scored:
    column = swap[:, None]
    prediction = np.where(column if a.prediction.ndim == 2 else swap, b.prediction, a.prediction)
    scores = None if a.scores is None or b.scores is None else np.where(column, b.scores, a.scores)
    return Scored(a.labels, a.gold, prediction, scores, a.footage)


def _share(differences: Differences, groups: int, draws: int, seed: int, enough: int | None = None) -> float:
    """Share of swaps that give a difference at least as large as the one without swaps."""
    if groups == 0:
        return 1.0
    seen = abs(float(differences(np.zeros((1, groups)))[0]))
    seen -= 1e-9 * max(1.0, seen)  # equal sums may differ in their last digits
    exact = groups <= EXACT
    done = hits = 0
    for swapped in _every(groups) if exact else _drawn(groups, draws, seed, enough):
        hits += int((np.abs(differences(swapped)) >= seen).sum())
        done += len(swapped)
        if enough is not None and not exact and hits >= enough:
            break
    return hits / done if exact else (hits + 1) / (done + 1)


def _every(groups: int) -> Iterator[np.ndarray]:
    # a swap of all groups but some only turns the sign: half of the swaps is enough
    numbers = np.arange(2 ** (groups - 1))[:, None]
    yield ((numbers >> np.arange(groups)) & 1).astype(np.float64)


def _drawn(groups: int, draws: int, seed: int, enough: int | None) -> Iterator[np.ndarray]:
    rng = np.random.default_rng(seed)
    size = min(draws, max(1, CELLS // groups)) if enough is None else 100
    for start in range(0, draws, size):
        number = min(size, draws - start)
        bits = np.unpackbits(rng.integers(0, 256, (number, (groups + 7) // 8), dtype=np.uint8), axis=1, count=groups)
        yield bits.astype(np.float64)
