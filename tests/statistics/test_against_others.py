"""Tests, corrections and decisions equal those of statsmodels, of scipy, or of a search written here.

Random cases with fixed seeds, 80 to 200 each. The expected calibration error is compared with a loop over
sorted rows beside the other metrics (`tests/metrics/test_metric_values.py`).
"""

from __future__ import annotations

import numpy as np
import pytest
from drawn_rows import soft
from scipy.optimize import brentq, minimize_scalar
from scipy.stats import norm, permutation_test
from statsmodels.stats.contingency_tables import mcnemar as sm_mcnemar
from statsmodels.stats.multitest import multipletests

from ftkit.metrics import Metric, Scored, load
from ftkit.statistics import mcnemar, permutation
from ftkit.statistics.paired import compare, holm


def test_mcnemar_equals_that_of_statsmodels() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        fixed, broken = (int(one) for one in rng.integers(0, 60, 2))
        table = [[rng.integers(0, 100), fixed], [broken, rng.integers(0, 100)]]
        assert mcnemar.exact(fixed, broken) == pytest.approx(sm_mcnemar(table, exact=True).pvalue, abs=1e-12)


def test_holm_equals_that_of_statsmodels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gc.collect", lambda *_: 0)  # statsmodels collects garbage in every call: 0.1 s each
    rng = np.random.default_rng(1)
    for _ in range(200):
        values = rng.random(int(rng.integers(1, 20))) ** 3
        assert holm(list(values)) == pytest.approx(list(multipletests(values, method="holm")[1]), abs=1e-12)
    assert holm([]) == []


def by_scipy(metric: Metric, a: Scored, b: Scored, draws: int) -> float:
    """The rows' numbers are permuted between the two, which scipy does for any statistic."""

    def statistic(first: np.ndarray, second: np.ndarray) -> float:
        def chosen(pick: np.ndarray) -> Scored:
            pick = pick.astype(int)  # 0: of A, 1: of B
            scores = None if a.scores is None or b.scores is None else np.where(pick[:, None], b.scores, a.scores)
            return Scored(a.labels, a.gold, np.where(pick, b.prediction, a.prediction), scores)

        return metric.compute(chosen(first)) - metric.compute(chosen(second))

    data = (np.zeros(len(a)), np.ones(len(a)))
    return float(permutation_test(data, statistic, permutation_type="samples", n_resamples=draws, rng=0).pvalue)


@pytest.mark.parametrize(("name", "cases"), [("macro_f1", 40), ("log_loss", 25), ("matthews", 15)])
def test_exact_permutation_equals_that_of_scipy(name: str, cases: int) -> None:
    """80 random cases in all; up to 7 rows, so that scipy too tries every swap."""
    rng, metric = np.random.default_rng(2), load(name)
    for _ in range(cases):
        rows = int(rng.integers(3, 8))
        a, b = soft(rng, rows, 3, 1.0), soft(rng, rows, 3, 0.5)
        b = Scored(b.labels, a.gold, b.prediction, b.scores)
        assert permutation.p_value(metric, a, b) == pytest.approx(by_scipy(metric, a, b, 10_000), abs=1e-12)


def test_drawn_permutation_of_macro_f1_is_near_that_of_scipy() -> None:
    rng, metric = np.random.default_rng(3), load("macro_f1")
    a, b = soft(rng, 60, 3, 1.4), soft(rng, 60, 3, 1.0)
    b = Scored(b.labels, a.gold, b.prediction, b.scores)
    found, wanted = permutation.p_value(metric, a, b), by_scipy(metric, a, b, 2_000)
    assert found == pytest.approx(wanted, abs=4 * (wanted * (1 - wanted) / 2_000) ** 0.5 + 1e-3)


@pytest.mark.slow  # 200 pairs of 40 rows, 1,000 swaps each of theirs and 10,000 of ours
def test_drawn_permutation_is_within_its_error_of_that_of_scipy() -> None:
    rng, gaps = np.random.default_rng(3), []
    for case in range(200):
        metric = load(("accuracy", "log_loss")[case % 2])
        a, b = soft(rng, 40, 3, 1.4), soft(rng, 40, 3, 0.9)
        b = Scored(b.labels, a.gold, b.prediction, b.scores)
        values = metric.rows(a), metric.rows(b)
        wanted = permutation_test(
            values,
            lambda x, y, axis: np.abs(np.mean(x - y, axis)),  # as large on either side
            permutation_type="samples",
            alternative="greater",
            n_resamples=1_000,
            vectorized=True,
            rng=case,
        ).pvalue
        found = permutation.p_value(metric, a, b)
        if metric.needs_scores:  # of 10,000 draws, not exact; both count what was seen as a draw of its own
            found, wanted = found * 10_001 / 10_000 - 1 / 10_000, wanted * 1_001 / 1_000 - 1 / 1_000
        error = (wanted * (1 - wanted) / 1_000 + found * (1 - found) / 10_000 + 1e-6) ** 0.5
        gaps.append((found - wanted) / error)
    assert np.abs(gaps).max() < 4.5 and abs(np.mean(gaps)) < 0.3


def random_table(rng: np.random.Generator, most: int) -> tuple[int, int, int]:
    """Fixed, broken and all rows."""
    rows = int(rng.integers(5, most))
    fixed, broken, _same = (int(one) for one in rng.multinomial(rows, rng.dirichlet([1, 1, 3])))
    return fixed, broken, rows


def likeliest(fixed: int, broken: int, rows: int, delta: float) -> float:
    """The chance of a broken row under a true difference of `delta`, found by a search for the likeliest one."""

    def unlikely(low: float) -> float:
        chances = np.maximum([low + delta, low, 1 - 2 * low - delta], 1e-300)
        return -float(np.array([fixed, broken, rows - fixed - broken]) @ np.log(chances))

    ends = (max(0.0, -delta) + 1e-12, (1 - delta) / 2 - 1e-12)
    return float(minimize_scalar(unlikely, bounds=ends, method="bounded", options={"xatol": 1e-12}).x)


def score(fixed: int, broken: int, rows: int, delta: float) -> float:
    """Tango's statistic of a true difference of `delta`: standard normal if it is right."""
    low = likeliest(fixed, broken, rows, delta)
    return float((fixed - broken - rows * delta) / (rows * (2 * low + delta * (1 - delta))) ** 0.5)


@pytest.mark.slow  # a search within a search
def test_the_interval_of_tango_equals_a_score_test_turned_round() -> None:
    rng, ends = np.random.default_rng(5), 0
    for _ in range(200):
        fixed, broken, rows = random_table(rng, 200)
        seen = (fixed - broken) / rows
        for end, start, wanted in zip(mcnemar.tango(fixed, broken, rows), (-0.9999, 0.9999), (1, -1), strict=True):
            if not -0.995 < end < 0.995 or not -0.99 < seen < 0.99:
                continue  # at the edge there is nothing to turn round
            ends += 1
            away = brentq(lambda d: score(fixed, broken, rows, d) - wanted * norm.ppf(0.975), start, seen, xtol=1e-7)  # noqa: B023
            assert end == pytest.approx(away, abs=2e-4)
            assert mcnemar.nuisance(fixed, broken, rows, end) == pytest.approx(
                likeliest(fixed, broken, rows, end), abs=1e-4
            )
    assert ends > 350


@pytest.mark.slow
def test_equivalence_equals_two_one_sided_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Equivalent within a margin if and only if both score tests, each at 2.5 %, find the difference inside."""
    monkeypatch.setattr(mcnemar, "smallest_effect", lambda *_: None)  # not looked at, and slow
    rng, called = np.random.default_rng(6), []
    for _ in range(200):
        rows, margin = int(rng.integers(300, 6000)), float(rng.choice([0.01, 0.02, 0.05]))
        fixed, broken, _same = (
            int(one) for one in rng.multinomial(rows, [0.01, 0.01, 0.98] if rng.random() < 0.5 else [0.06, 0.05, 0.89])
        )
        gold, place = np.zeros(rows, int), np.arange(rows)
        a, b = (
            Scored(("a", "b"), gold, (place < broken).astype(int)),
            Scored(("a", "b"), gold, (place >= rows - fixed).astype(int)),
        )
        found = compare(load("accuracy"), a, b, margin=margin)
        above = norm.sf(score(fixed, broken, rows, -margin))
        below = norm.cdf(score(fixed, broken, rows, margin))
        assert (found.outcome == "equivalent") == (max(above, below) < 0.025)
        called.append(found.outcome == "equivalent")
    assert 40 < sum(called) < 160
