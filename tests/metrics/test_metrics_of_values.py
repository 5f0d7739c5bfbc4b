"""Metrics of predicted numbers against scikit-learn and scipy, and their one-call variations against loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sk

from ftkit.metrics import Metric, Scored, family, load
from ftkit.metrics._kinds import MomentMetric
from ftkit.statistics import permutation
from ftkit.statistics.jackknife import leave_out

OF_POSITIONS = {"mean_error", "median_error", "p95_error", "evaal", "floor_hit_rate"}
"""with tests of their own"""
NAMES = [name for name in family("values") if name not in OF_POSITIONS]
CASES = 100


def drawn(seed: int, targets: int | None = None, off: float = 0.0) -> Scored:
    """Random ratings 1 to 5 and predictions that follow them, with ties; one or several targets."""
    rng = np.random.default_rng(seed)
    rows, width = int(rng.integers(5, 200)), targets or int(rng.integers(1, 4))
    gold = rng.integers(1, 6, (rows, width)).astype(np.float64)
    guess = np.round(gold * 0.6 + 1 + rng.normal(off, 1, gold.shape), 1)
    return Scored(tuple(f"t{i}" for i in range(width)), gold, guess)


def of_libraries(gold: np.ndarray, guess: np.ndarray) -> dict[str, float]:
    """What the libraries of the field give for one target."""
    whole = np.round(guess)
    every = np.arange(min(gold.min(), whole.min()), max(gold.max(), whole.max()) + 1)
    return {
        "mae": sk.mean_absolute_error(gold, guess),
        "rmse": sk.root_mean_squared_error(gold, guess),
        "pearson": stats.pearsonr(gold, guess).statistic,
        "spearman": stats.spearmanr(gold, guess).statistic,
        "quadratic_kappa": sk.cohen_kappa_score(gold, whole, labels=every, weights="quadratic"),
    }


def test_each_equals_the_libraries_averaged_over_targets() -> None:
    for seed in range(CASES):
        scored = drawn(seed)
        each = [of_libraries(gold, guess) for gold, guess in zip(scored.gold.T, scored.prediction.T, strict=True)]
        for name in each[0]:
            assert load(name).compute(scored) == pytest.approx(np.mean([one[name] for one in each]), abs=1e-12), name
        near = (np.abs(np.round(scored.prediction) - scored.gold) <= 1).all(1).mean()
        assert load("within_one").compute(scored) == near


def test_a_large_offset_costs_no_digits() -> None:
    plain = drawn(3, targets=1)
    far = Scored(plain.labels, plain.gold + 1e9, plain.prediction + 1e9)
    for name in ("pearson", "spearman", "rmse", "mae"):
        assert load(name).compute(far) == pytest.approx(load(name).compute(plain), abs=1e-6), name


def test_metrics_of_ratings_do_not_suit_what_is_no_rating() -> None:
    ratings, measures = drawn(1), Scored(("kg",), np.linspace(0, 1, 30)[:, None], np.linspace(0, 1, 30)[:, None])
    years = Scored(("year",), np.arange(1900.0, 1960)[:, None], np.arange(1900.0, 1960)[:, None])
    for scored, wanted in ((ratings, True), (measures, False), (years, False)):
        assert {load(name).suits(scored) for name in ("quadratic_kappa", "within_one")} == {wanted}
    assert math.isnan(load("quadratic_kappa").compute(measures))


def test_constant_predictions_have_no_correlation_and_no_chance_of_kappa() -> None:
    gold = np.array([[1.0], [2.0], [3.0]])
    constant = Scored(("a",), gold, np.full((3, 1), 0.1) * 20)
    assert math.isnan(load("pearson").compute(constant)) and math.isnan(load("spearman").compute(constant))
    assert load("quadratic_kappa").compute(constant) == 0
    same = Scored(("a",), np.ones((3, 1)), np.ones((3, 1)))
    assert math.isnan(load("quadratic_kappa").compute(same)) and load("mae").compute(same) == 0


def test_nothing_to_score_is_nan_and_no_warning() -> None:
    nothing = Scored(("a",), np.zeros((0, 1)), np.zeros((0, 1)))
    assert nothing.kind == "values" and all(math.isnan(load(name).compute(nothing)) for name in NAMES)


def test_values_lie_within_the_declared_bounds() -> None:
    for name in NAMES:
        metric = load(name)
        found = [metric.compute(drawn(seed)) for seed in range(CASES)]
        known = [value for value in found if not math.isnan(value)]
        assert len(known) > 90 and min(known) >= metric.bounds[0] and max(known) <= metric.bounds[1]


def moments() -> list[Metric]:
    found = [load(name) for name in NAMES]
    return [metric for metric in found if isinstance(metric, MomentMetric)]


def test_leaving_out_rows_or_units_is_what_computing_anew_gives() -> None:
    assert [metric.name for metric in moments()] == ["pearson", "quadratic_kappa", "rmse"]
    for metric in moments():
        for scored in (drawn(5, targets=1), drawn(8, targets=2)):
            units = np.arange(len(scored)) % 7
            for groups in (None, units):
                each = np.arange(len(scored)) if groups is None else groups
                loop = [metric.compute(scored.take(np.flatnonzero(each != one))) for one in range(each.max() + 1)]
                np.testing.assert_allclose(leave_out(metric, scored, groups), loop, atol=1e-9)


def test_permutations_of_moments_are_those_of_computing_anew() -> None:
    a, b = drawn(11, targets=2), drawn(11, targets=2, off=0.8)
    assert np.array_equal(a.gold, b.gold)
    for metric in moments():
        units = np.arange(len(a)) % 9  # few enough for all swaps
        plain = Plain(name="plain")
        plain._inside = metric
        assert permutation.p_value(metric, a, b, units) == permutation.p_value(plain, a, b, units)


class Plain(Metric):
    """Hides from the statistics that a metric is made of moments."""

    _inside: Metric | None = None

    def compute(self, scored: Scored) -> float:
        assert self._inside is not None
        return self._inside.compute(scored)
