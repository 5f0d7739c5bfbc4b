"""Intervals: equal to published formulas where there are some, and honest at the edges."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from drawn_rows import classified, clustered, labels_of, soft
from statsmodels.stats.proportion import proportion_confint

from ftkit.metrics import Metric, Scored, family, load
from ftkit.statistics.intervals import interval
from ftkit.statistics.jackknife import leave_out, standard_error

ACCURACY = load("accuracy")


class Median(Metric):
    """Known by `compute` alone, as a metric of the user's own."""

    bounds = (float("-inf"), float("inf"))

    def compute(self, scored: Scored) -> float:
        return float(np.median(np.asarray(scored.scores)[:, 0]))


def test_accuracy_has_the_interval_of_wilson_as_statsmodels_computes_it() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        rows = int(rng.integers(1, 400))
        scored = classified(rng, rows, 3, rng.random())
        found = interval(ACCURACY, scored)
        wanted = proportion_confint(round(found.value * rows), rows, method="wilson")
        assert (found.low, found.high) == pytest.approx(wanted, abs=1e-12)


def of_plain_rows() -> list[str]:
    """Metrics of labels that ask for no footage; those that do are held against simulations of their own."""
    rows = soft(np.random.default_rng(0), 20, 2, 1.0)
    found = [name for name in family("label") if load(name).suits(rows)]
    assert len(found) >= 10
    return found


@pytest.mark.parametrize("name", of_plain_rows())
def test_the_interval_holds_the_value_and_stays_in_the_bounds(name: str) -> None:
    metric, rng = load(name), np.random.default_rng(1)
    for rows, labels, lead in itertools.product((120, 400), (2, 4), (0.0, 2.0, 6.0)):
        scored = soft(rng, rows, labels, lead)
        for units in (None, np.arange(rows) // 5):
            found = interval(metric, scored, units)
            if name == "ece" and units is not None:
                assert found.low is None and found.note == "no interval of this score by unit"
                continue
            assert found.low is not None and found.high is not None, found
            assert metric.bounds[0] <= found.low < found.high <= metric.bounds[1]
            assert found.low <= found.value <= found.high
            wider = interval(metric, scored, units, level=0.99)
            assert wider.low is not None and wider.high is not None
            assert wider.low <= found.low and wider.high >= found.high and (wider != found or name == "ece")


def test_jackknife_equals_leaving_out_rows_and_units_one_by_one() -> None:
    rng = np.random.default_rng(2)
    scored, unit = soft(rng, 60, 3, 1.0), rng.integers(0, 12, 60)
    many = Scored(labels_of(3), rng.integers(0, 2, (60, 3)), rng.integers(0, 2, (60, 3)), rng.random((60, 3)))
    for name in ("accuracy", "log_loss", "brier", "macro_f1", "micro_f1", "matthews", "precision"):
        for rows in (scored, many):
            metric = load(name)
            alone = [metric.compute(rows.take(np.flatnonzero(np.arange(60) != i))) for i in range(60)]
            assert leave_out(metric, rows) == pytest.approx(alone, abs=1e-12)
            grouped = [metric.compute(rows.take(np.flatnonzero(unit != i))) for i in range(12)]
            assert leave_out(metric, rows, unit) == pytest.approx(grouped, abs=1e-12)


def test_auc_has_the_standard_error_of_delong() -> None:
    """The variance of DeLong, DeLong and Clarke-Pearson from its definition over all pairs."""
    rng = np.random.default_rng(3)
    for _ in range(20):
        scored = soft(rng, 80, 2, 1.0)
        assert scored.scores is not None
        yes, no = scored.scores[scored.gold == 1, 1], scored.scores[scored.gold == 0, 1]
        wins = (yes[:, None] > no) + 0.5 * (yes[:, None] == no)
        wanted = wins.mean(1).var(ddof=1) / len(yes) + wins.mean(0).var(ddof=1) / len(no)
        found = standard_error(leave_out(load("roc_auc"), scored), False)
        assert found == pytest.approx(wanted**0.5, rel=0.03)


def test_a_perfect_score_is_not_certain() -> None:
    gold = np.arange(100) % 2
    perfect = Scored(labels_of(2), gold, gold, np.eye(2)[gold])
    for name in ("accuracy", "macro_f1", "micro_f1", "precision", "recall", "matthews", "roc_auc"):
        found = interval(load(name), perfect)
        assert found.value == found.high == 1.0
        assert found.low is not None and 0.9 <= found.low < 0.98, name  # the rule of three gives 0.97 one-sidedly
    by_unit = interval(ACCURACY, perfect, np.arange(100) // 5)
    assert by_unit.low is not None and by_unit.low < 0.85  # 20 units say less than 100 rows
    assert interval(load("log_loss"), perfect).note == "all rows score the same"


def test_rare_labels_give_no_interval_of_a_mean_over_labels() -> None:
    gold = np.repeat([0, 1, 2], [50, 9, 10])
    scored = Scored(labels_of(3), gold, np.where(np.arange(69) % 7 == 0, 0, gold), np.full((69, 3), 1 / 3))
    for name in ("macro_f1", "precision", "recall", "roc_auc"):
        found = interval(load(name), scored)
        assert found.low is None and found.high is None and not math.isnan(found.value)
        assert found.note == "too few rows for an interval: 1 label has fewer than 10"
    enough = scored.take(np.append(np.arange(69), 50))  # a tenth row
    assert interval(load("macro_f1"), enough).low is not None


def test_few_units_give_no_interval() -> None:
    scored, unit = clustered(np.random.default_rng(0), 9, 20, 0.8, 0.1)
    assert interval(ACCURACY, scored, unit).note == "fewer than 10 units"
    assert interval(ACCURACY, scored, unit).low is None


def test_units_may_be_any_names_in_any_order() -> None:
    rng = np.random.default_rng(0)
    scored, unit = clustered(rng, 20, 5, 0.8, 0.3)
    order = rng.permutation(100)
    names = np.array([f"user {chr(97 + one)}" for one in unit])
    shuffled = interval(load("macro_f1"), scored.take(order), names[order])
    found = interval(load("macro_f1"), scored, unit)
    assert (shuffled.low, shuffled.high) == pytest.approx((found.low, found.high))


def test_strong_correlation_within_units_widens_the_interval() -> None:
    scored, unit = clustered(np.random.default_rng(1), 30, 20, 0.8, 0.3)
    rows, units = interval(ACCURACY, scored), interval(ACCURACY, scored, unit)
    assert None not in (rows.low, rows.high, units.low, units.high)
    assert units.high - units.low > 1.5 * (rows.high - rows.low)  # type: ignore[operator]


def test_a_metric_known_by_its_value_alone_has_an_interval() -> None:
    scored = soft(np.random.default_rng(0), 500, 2, 1.0)
    found = interval(Median(name="median"), scored)
    assert found.low is not None and found.high is not None and found.low < found.value < found.high
    assert len(leave_out(Median(), scored)) == 200  # groups of rows, not 500 computations


def test_what_is_not_defined_says_so() -> None:
    scored = classified(np.random.default_rng(0), 20, 2, 0.8)
    assert interval(load("log_loss"), scored).note == "not defined on these rows"
    assert interval(load("brier"), soft(np.random.default_rng(0), 9, 2, 1)).note == "too few rows for an interval"
